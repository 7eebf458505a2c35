# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running Postfix's programs from tests, where there is no AnsibleModule to run them."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import CommandResult


def run_command(command: list[str], data: bytes | None = None) -> CommandResult:
    """As the modules run a program: in the C locale, without a terminal, and without MAIL_CONFIG."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "MAIL_", "LANG"))}
    environment["LC_ALL"] = "C"
    done = subprocess.run(command, input=data or b"", capture_output=True, env=environment, check=False)
    outputs = [output.decode("utf-8", "surrogateescape") for output in (done.stdout, done.stderr)]
    return CommandResult(done.returncode, outputs[0], outputs[1])
