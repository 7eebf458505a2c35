# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that modules declare; each module adds its own support level."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
"""

    # What only looks.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: The module never changes anything.
  diff_mode:
    support: none
    details: The module never changes anything.
  idempotent:
    support: full
"""

    # Membership in the action group of everything that works on a Postfix host.
    POSTFIX_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/mailops.connectors.postfix) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - mailops.connectors.postfix
"""

    # Membership in the action group of everything that opens a session with Exchange.
    EXCHANGE_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/mailops.connectors.exchange) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - mailops.connectors.exchange
"""
