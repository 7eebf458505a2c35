# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning in a process of its own, that a test may trace, kill or keep waiting.

``python apply.py CONFIG_DIRECTORY`` with the fields of provision.Request as JSON on standard input.
"""

from __future__ import annotations

import json
import sys

from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Request, provision
from programs import run_command


def main() -> None:
    fields = json.load(sys.stdin)
    fields["allow_unsafe"] = tuple(fields.get("allow_unsafe", ()))
    outcome = provision(Postfix(sys.argv[1], run_command), LookupTables(sys.argv[1], run_command), Request(**fields))
    print(json.dumps({**outcome.plain(), "failure": outcome.failure}))


if __name__ == "__main__":
    main()
