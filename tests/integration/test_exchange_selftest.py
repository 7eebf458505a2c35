# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selftest for administrators, run on a simulated organisation: all steps hold, and nothing else is touched.

Exchange and exchange_invoke are the simulator and the Python stand-in here; ansible-playbook, winrm and pywinrm are real.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from lab import ansible
from lab.exchange.endpoint import Endpoint
from lab.exchange.simulator import Organisation
from lab.exchange.unverified import UNVERIFIED
from lab.seeds import drawn_seed

PLAYBOOKS = ansible.CHECKOUT / "playbooks"


def shown(there: Organisation) -> list[dict[str, str]]:
    """Every connector with all that it says of itself, but not which domain controller answered."""
    found = [*there.call("Get-SendConnector", {}), *there.call("Get-ReceiveConnector", {})]
    return [{key: str(value) for key, value in one.items() if key != "OriginatingServer"} for one in found]


def test_the_selftest_holds_and_leaves_nothing(tmp_path: Path) -> None:
    there = Organisation(drawn_seed(), ["EX1"])
    there.call("New-SendConnector", {"Name": "theirs", "AddressSpaces": ["*"], "SourceTransportServers": ["EX1"]})
    before = shown(there)
    report = tmp_path / "report.md"
    inventory = tmp_path / "inventory.yml"
    with Endpoint(there, backend="stand-in") as endpoint:
        inventory.write_text(yaml.safe_dump({"exchange": {"hosts": {"ex1": endpoint.host_vars()}}}), encoding="utf-8")
        made = ansible.run_file(
            PLAYBOOKS / "selftest_exchange.yml",
            inventory=inventory,
            arguments=["--extra-vars", f"selftest_report={report}"],
        )
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    assert not made.failed, f"{made.output[-3000:]}\n{text}"
    assert shown(there) == before
    assert "| NO |" not in text and ": NO" not in text
    steps = yaml.safe_load((PLAYBOOKS / "vars" / "selftest_exchange.yml").read_text(encoding="utf-8"))
    number = len(steps["selftest_send_steps"]) + len(steps["selftest_receive_steps"])
    assert f"{number} of {number} steps held" in text


def test_every_open_question_has_its_place_in_the_documentation() -> None:
    """What the code meets is a step of the selftest; all of it is named as not proved."""
    page = (ansible.CHECKOUT / "docs" / "exchange_not_proved.md").read_text(encoding="utf-8")
    assert [name for name in UNVERIFIED if f"`{name}`" not in page] == []
    steps = yaml.safe_load((PLAYBOOKS / "vars" / "selftest_exchange.yml").read_text(encoding="utf-8"))
    shown = {
        fact
        for kind in ("selftest_send_steps", "selftest_receive_steps")
        for step in steps[kind]
        for fact in step.get("facts", [])
    }
    assert shown - set(UNVERIFIED) == set()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name in UNVERIFIED:
        row = next(line for line in rows if line.startswith(f"| `{name}`"))
        assert ("selftest" in row) == (name in shown), row
