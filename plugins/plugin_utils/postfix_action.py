# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of Postfix share.

PRIVATE to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail


def this_host(arguments: Mapping[str, Any], variables: Mapping[str, Any], delegated: bool) -> str:
    """Which host the task works on, as hosts and bridgeheads call it. delegated: it works on another one than its own."""
    if delegated and not arguments.get("this_host"):
        raise AnsibleActionFail(
            "this_host is needed under delegate_to: name the bridgehead that the task works on, as hosts and "
            "bridgeheads call it."
        )
    return str(arguments.get("this_host") or variables.get("inventory_hostname")).lower()
