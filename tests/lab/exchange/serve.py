# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Exchange organisation behind WinRM, for playbooks that are run by something else than a test.

``python -m lab.exchange.serve DIRECTORY SERVER...`` in tests/, until SIGTERM. In DIRECTORY, which is closed to others:
host.json holds the variables of an inventory host that reaches it, what runs there, and the process's id; writes holds the
cmdlets that wrote, one a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import powershell
from .objects import Object
from .reached import reached
from .simulator import Organisation


class Recorded(Organisation):
    """One that writes down what changes it."""

    file: Path

    def call(self, cmdlet: str, parameters: Mapping[str, Any] | None = None) -> list[Object]:
        objects = super().call(cmdlet, parameters)
        if not cmdlet.startswith("Get-"):
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(f"{cmdlet}\n")
        return objects


def serve(directory: Path, servers: list[str]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = Recorded(1, servers)
    there.file = directory / "writes"
    there.file.write_text("", encoding="utf-8")
    with reached(there) as endpoint:
        runs = "a simulation behind stub cmdlets" if powershell.find() else "a Python stand-in"
        told = {**endpoint.host_vars(), "runs": runs, "process": os.getpid()}
        unfinished = directory / "host.json.new"
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(told), encoding="utf-8")
        unfinished.rename(directory / "host.json")
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    (directory / "host.json").unlink()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2:])
