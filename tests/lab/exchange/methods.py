# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ways to Exchange a test run really took. Every report ends with them, so that nobody takes a stub for the real thing.

What is used is counted where it happens; report.py shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

SEEN: Counter[str] = Counter()

WINRM, MODULE, STAND_IN = "winrm", "exchange_invoke.ps1", "stand-in"
_NOT_IN_THE_LAB = ("psrp", "ssh")
_SESSIONS = ("existing", "management_shell", "remoting", "edge")


def note(what: str) -> None:
    """One request (WINRM), run of the real module (MODULE), or session (its method, or STAND_IN)."""
    SEEN[what] += 1


def lines(seen: Mapping[str, int]) -> list[str]:
    def told(name: str, how: str, unit: str) -> str:
        return f"{name} {how} ({seen[name]} {unit})" if seen.get(name) else f"{name} not run"

    connections = [
        told(WINRM, "real to a simulated service", "requests"),
        *(f"{name} not run" for name in _NOT_IN_THE_LAB),
    ]
    sessions = [told(name, "stubbed", "sessions") for name in _SESSIONS]
    return [
        f"connections: {', '.join(connections)}",
        f"exchange_invoke: {told(MODULE, 'real on a PowerShell engine', 'runs')}, {told(STAND_IN, 'in Python', 'sessions')}",
        f"Exchange sessions: {', '.join(sessions)}, a real Exchange server not run",
    ]
