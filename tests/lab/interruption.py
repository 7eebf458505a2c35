# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killing ansible-playbook at a moment that is told by what it has done so far."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import LabError
from .ansible import TaskResult
from .waiting import wait_until

Results = Callable[[], tuple[TaskResult, ...]]


@dataclass
class Killer:
    """Kills the run when due() says so; see lab.ansible.Watch.

    due: is given the tasks' results so far. everything: kill what it has started too, modules at work included. Otherwise
    these come to their end, as on a remote host whose controller has died.
    """

    due: Callable[[Results], bool]
    what: str
    everything: bool = False
    came: bool = False

    def __call__(self, process: subprocess.Popen[bytes], results: Results) -> None:
        wait_until(
            lambda: self.due(results) or process.poll() is not None,
            f"ansible-playbook comes to where {self.what}",
            timeout=300,
            pause=0.001,
        )
        if process.poll() is not None:
            return
        self.came = True
        (os.killpg if self.everything else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        try:
            wait_until(lambda: not _members(process.pid), "what ansible-playbook has started ends", timeout=120)
        except LabError:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def changes_below(directory: Path) -> Callable[[Results], bool]:
    """True as soon as any file comes, goes or is written below a directory."""
    before = _status(directory)
    return lambda _results: _status(directory) != before


def task_ended(task: str, host: str, times: int = 1) -> Callable[[Results], bool]:
    """True as soon as a task has come to its end on a host, so many times."""

    def ended(results: Results) -> bool:
        found = [one for one in results() if one.host == host and one.status != "skipped" and one.task.endswith(task)]
        return len(found) >= times

    return ended


def _status(directory: Path) -> list[tuple[str, int, int]]:
    found = []
    for place, _directories, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            found.append((path, status.st_ino, status.st_mtime_ns))
    return sorted(found)


def _members(group: int) -> list[int]:
    """The processes of a process group that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found
