# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds a line to the file HOSTS_REACHED for each run of ansible-playbook: which hosts it reached, and what came of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

COUNTS = ("ok", "changed", "failures", "unreachable", "skipped")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "hosts_reached"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self.playbook = Path(playbook._file_name).stem

    def v2_playbook_on_stats(self, stats: Any) -> None:
        hosts = {host: {name: stats.summarize(host)[name] for name in COUNTS} for host in stats.processed}
        line = {"playbook": self.playbook, "check": bool(context.CLIARGS.get("check")), "hosts": hosts}
        with Path(os.environ["HOSTS_REACHED"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
