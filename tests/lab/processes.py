# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc says about processes."""

from __future__ import annotations

from pathlib import Path


def _status(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _separator, value in (line.partition(":") for line in text.splitlines())}


def program(pid: int) -> str:
    """The name of a process's program, at most 15 characters; empty if it ended, be it as a zombie."""
    status = _status(pid)
    return "" if status.get("State", "Z").startswith("Z") else status["Name"]


def parent(pid: int) -> int:
    """The process id of a process's parent; 0 if it ended."""
    return int(_status(pid).get("PPid", "0"))


def session(leader: int) -> list[int]:
    """The process ids of all that have not ended in the session of this leader, which may have ended itself."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if _session(number) == leader and program(number)]


def _session(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # Behind the name, which may hold anything: state, parent, process group, session.
    return int(text.rpartition(")")[2].split()[3])
