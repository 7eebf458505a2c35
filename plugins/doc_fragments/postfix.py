# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of all modules that work on a Postfix instance."""

    DOCUMENTATION = r"""
options:
  config_directory:
    description:
      - The directory with the instance's C(main.cf) and C(master.cf).
      - The default is the one that Postfix was built with, normally V(/etc/postfix).
    type: path
  command_directory:
    description:
      - The directory with C(postconf), C(postfix) and C(postmap), for an installation outside the system directories.
      - By default C(/usr/sbin) and other system directories are searched, then E(PATH).
    type: path
requirements:
  - Postfix 3.5 or newer
  - Python 3.9 or newer
"""

    RELOAD = r"""
options:
  reload:
    description:
      - Whether to reload a running Postfix after a change. One that does not run is not started.
    type: bool
    default: true
"""
