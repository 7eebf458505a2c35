# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes as proc(5) tells of them. Where there is no /proc, there are none to be seen."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t


class Process(t.NamedTuple):
    """since: when it started, in clock ticks since the system did, so that a number used again is another process."""

    pid: int
    since: str


def children(parent: int, names: t.Collection[str] | None = None) -> set[Process]:
    """The children of a process; names: those that have one of these, which proc(5) cuts off after 15 characters."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for entry in os.listdir("/proc"):
            known = _stat(int(entry)) if entry.isdigit() else None
            if known and known[1] == parent and (names is None or known[0] in names):
                found.add(Process(int(entry), known[2]))
    return found


def arguments(process: Process) -> list[str]:
    """Its command line; empty where it has ended."""
    return _read(process.pid, "cmdline").split("\0")[:-1]


def wait_for_the_end_of(those: t.Collection[Process], seconds: float) -> bool:
    """Whether all of them ended in so many seconds."""
    deadline = time.monotonic() + seconds
    while any(map(is_there, those)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_there(process: Process) -> bool:
    """Whether it runs still."""
    known = _stat(process.pid)
    return known is not None and known[2] == process.since


def _stat(pid: int) -> tuple[str, int, str] | None:
    """Name, parent and start of a process that is not dead already; None where there is none."""
    text = _read(pid, "stat")
    if not text:
        return None
    name, _end, rest = text.partition("(")[2].rpartition(") ")
    fields = rest.split()
    # From the state on, which is the third field: the parent is the fourth one, the start the 22nd.
    return (name, int(fields[1]), fields[19]) if fields[0] not in "ZX" else None


def _read(pid: int, name: str) -> str:
    """A file of proc(5); empty where the process has ended."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
