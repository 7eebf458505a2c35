# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Exchange server that sends is replaced by another one, beside a real bridgehead; Exchange is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.bridgehead import Bridgehead
from lab.exchange import powershell, tasks
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.queues import Aside
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed
from lab.whole_organisation import WholeOrganisation, changed, lines, postfix_host, said

Raw = dict[str, Any]
GATEWAY = "127.0.0.11"
PROVIDER = "192.0.2.50"
AWAY = {"ansible_connection": "winrm", "ansible_host": "192.0.2.254"}
HOSTS: Raw = {
    "ex1": {"system": "exchange", "server_name": "EX1"},
    "ex2": {"system": "exchange", "server_name": "EX2"},
    "gw1": {"system": "postfix", "address": GATEWAY},
}
PARTNER = {"address_spaces": ["*.partner.example"]}
LIST: list[Raw] = [
    {**PARTNER, "name": "to-partner", "smart_hosts": ["192.0.2.30"], "bridgeheads": ["gw1"]},
    {**PARTNER, "name": "over gw1", "smart_hosts": [GATEWAY], "bridgeheads": ["ex1"]},
    {"name": "Internet", "address_spaces": ["*"], "smart_hosts": [PROVIDER], "bridgeheads": ["ex1"]},
    {"name": "Internet of gw1", "address_spaces": ["*"], "smart_hosts": [PROVIDER], "bridgeheads": ["gw1"]},
]
BY_EX2: Raw = {"old_bridgehead": "ex1", "new_bridgeheads": ["ex2"], "verify": False, "drain_timeout": 1}
LEFT = "Show what is left"


def senders(there: Organisation) -> dict[str, list[str]]:
    """The servers of each connector, by their short names: which form Exchange gives is not proved, and drawn."""
    found = there.call("Get-SendConnector", {})
    return {str(one["Name"]): [_short(str(name)) for name in one["SourceTransportServers"]] for one in found}


def _short(server: str) -> str:
    return server.rpartition("/")[2].partition(".")[0].upper()


@pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)
def test_the_connectors_move_and_the_old_server_is_waited_for(make_instance: Any, tmp_path: Path) -> None:
    gw1 = make_instance("gw1", GATEWAY)
    there = Organisation(drawn_seed(), ["EX1", "EX2"])
    assert not Bridgehead(gw1, "gw1").provision(LIST, hosts=HOSTS).failure
    tasks.send_connectors(there, LIST, hosts=HOSTS)
    there.down.update({PROVIDER, f"[{PROVIDER}]"})
    for _number in range(2):
        assert there.submit("EX1", "anna@elsewhere.example") == "Internet"
    # What another server delivers, and what waits for a person: nobody can wait for these.
    there.mail.aside += [Aside("EX1", "Shadow\\7", 5), Aside("EX1", "Poison", 1), Aside("EX2", "Shadow\\3", 2)]
    with Engine() as engine, engine_endpoint(engine, there) as (endpoint, _bridge):
        servers: dict[str, Raw] = {
            "ex1": {**endpoint.host_vars(), "smtp_connectors_server_name": "EX1"},
            "ex2": {**AWAY, "smtp_connectors_server_name": "EX2"},
        }
        lab = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1)}, servers)

        checked = lab.run("replace_bridgehead", LIST, check=True, **BY_EX2).expect_success()
        assert lines(checked, LEFT)[0] == "Nothing was changed: check mode"
        assert senders(there) == {"over gw1": ["EX1"], "Internet": ["EX1"]}

        stopped = lab.run("replace_bridgehead", LIST, **BY_EX2)
        assert stopped.failed
        assert "All connectors have moved, but the queue of ex1 still has 2 messages after 1 s" in said(stopped)
        assert "Retry-Queue" in said(stopped) and '"EX1\\\\3": 2' in said(stopped)
        assert "Shadow" not in said(stopped) and "Poison" not in said(stopped)
        assert senders(there) == {"over gw1": ["EX2"], "Internet": ["EX2"]}

        there.down.clear()
        there.mail.retry()
        again = lab.run("replace_bridgehead", LIST, **BY_EX2).expect_success()
    assert changed(again) == []
    told = lines(again, LEFT)
    assert told[0] == "ex1 has no messages in its queue"
    assert [line.partition(" has ")[0] for line in told[1:3]] == [
        "Not counted: EX1\\Shadow\\7",
        "Not counted: EX1\\Poison",
    ]
    assert 'the list as it is written has it as a bridgehead of "over gw1"' in "\n".join(told)


@pytest.mark.parametrize(("old", "new"), [("ex1", "gw1"), ("gw1", "ex2")])
def test_a_host_of_the_other_system_does_not_take_its_place(old: str, new: str, tmp_path: Path) -> None:
    lab = WholeOrganisation(tmp_path, {"gw1": {**AWAY}}, {"ex1": {**AWAY}, "ex2": {**AWAY}})
    refused = lab.run("replace_bridgehead", LIST, **{**BY_EX2, "old_bridgehead": old, "new_bridgeheads": [new]})
    assert refused.failed
    assert f"{old} cannot be replaced by {new}" in said(refused)
    assert "a connector belongs to one system" in said(refused) and "Remedy: write the connectors of both" in said(
        refused
    )
