# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one molecule scenario, and counts the hosts that each of its runs reached.

molecule calls a run successful in which no host was matched, so its word alone is not enough: every run has to reach every host
of the scenario's inventory. Runs with molecule's own Python: molecule_scenario.py SCENARIO.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

SCENARIOS = Path("extensions/molecule")
# What a scenario has to show, in this order: (playbook, check mode, what the report calls it).
RUNS = (
    ("converge", True, "check before"),
    ("converge", False, "converge"),
    ("converge", False, "idempotence"),
    ("converge", True, "check after"),
    ("verify", False, "verify"),
)
COUNTS = ("ok", "changed", "failures", "unreachable", "skipped")
Run = dict[str, Any]


def main(scenario: str) -> int:
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        reached = Path(directory) / "reached"
        status = _molecule(scenario, reached)
        runs = [json.loads(line) for line in reached.read_text().splitlines()] if reached.exists() else []
    wanted = hosts_of(SCENARIOS / scenario / "inventory.yml")
    runs = [run for run in runs if run["playbook"] in ("converge", "verify")]
    passed = 0
    for place, (playbook, check, name) in enumerate(RUNS):
        run = runs[place] if place < len(runs) else None
        problem = _problem(run, playbook, check, name, wanted)
        print(_line(scenario, name, run, wanted, problem))
        passed += not problem
    failed = len(RUNS) - passed + (status != 0)
    print(f"{passed} passed, {failed} failed in {time.monotonic() - begin:.1f}s")
    return 1 if failed else 0


def _molecule(scenario: str, reached: Path) -> int:
    environment = {
        **os.environ,
        "ANSIBLE_CALLBACKS_ENABLED": "hosts_reached",
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent.resolve() / "callback_plugins"),
        "HOSTS_REACHED": str(reached),
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    command = [str(Path(sys.executable).parent / "molecule"), "test", "--scenario-name", scenario]
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def hosts_of(inventory: Path) -> set[str]:
    """All hosts that the inventory names."""
    found: set[str] = set()
    groups = [yaml.safe_load(inventory.read_text())]
    while groups:
        for group in (groups.pop() or {}).values():
            found.update((group or {}).get("hosts") or {})
            groups.append((group or {}).get("children"))
    return found


def _problem(run: Run | None, playbook: str, check: bool, name: str, wanted: set[str]) -> str:
    if run is None or (run["playbook"], run["check"]) != (playbook, check):
        return "did not run"
    missed = wanted - set(run["hosts"])
    if missed:
        return f"did not reach {', '.join(sorted(missed))}"
    for host, counts in sorted(run["hosts"].items()):
        if counts["failures"] or counts["unreachable"]:
            return f"failed on {host}"
        if counts["changed"] and name == "idempotence":
            return f"changed {host} again"
    return ""


def _line(scenario: str, name: str, run: Run | None, wanted: set[str], problem: str) -> str:
    hosts = run["hosts"] if run else {}
    sums = {kind: sum(hosts[host][kind] for host in hosts) for kind in COUNTS}
    reached = len(wanted & set(hosts))
    told = ", ".join(f"{sums[kind]} {kind}" for kind in COUNTS)
    return f"molecule {scenario:<12} {name:<13} {reached} of {len(wanted)} hosts; tasks: {told}" + (
        f" - {problem}" * bool(problem)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
