# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A removal from an organisation of both systems waits for Exchange's queues; Exchange is simulated, the bridgehead is real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.bridgehead import Bridgehead
from lab.exchange import powershell, tasks
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed
from lab.whole_organisation import WholeOrganisation, postfix_host, said

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

Raw = dict[str, Any]
GATEWAY = "127.0.0.11"
HOSTS: Raw = {
    "ex1": {"system": "exchange", "server_name": "EX1"},
    "ex2": {"system": "exchange", "server_name": "EX2"},
    "gw1": {"system": "postfix", "address": GATEWAY},
}
PARTNER = {"address_spaces": ["*.partner.example"]}
LIST: list[Raw] = [
    {**PARTNER, "name": "to-partner", "smart_hosts": ["192.0.2.30"], "bridgeheads": ["gw1"]},
    {**PARTNER, "name": "over gw1", "smart_hosts": [GATEWAY], "bridgeheads": ["ex1", "ex2"]},
]


def send_connectors(there: Organisation) -> list[str]:
    return [str(one["Name"]) for one in there.call("Get-SendConnector", {})]


def test_a_bridgehead_ends_when_nothing_is_on_its_way_from_exchange(make_instance: Any, tmp_path: Path) -> None:
    gw1 = make_instance("gw1", GATEWAY)
    bridgehead = Bridgehead(gw1, "gw1")
    assert not bridgehead.provision(LIST, hosts=HOSTS).failure
    carried = bridgehead.content()
    there = Organisation(drawn_seed(), ["EX1", "EX2"])
    tasks.send_connectors(there, LIST, hosts=HOSTS)
    there.down.update({GATEWAY, f"[{GATEWAY}]"})
    for _number in range(2):
        assert there.submit("EX2", "anna@partner.example") == "over gw1"
    options = {"verify": False, "drain_timeout": 1}
    with Engine() as engine, engine_endpoint(engine, there) as (endpoint, _bridge):
        servers: dict[str, Raw] = {
            "ex1": {**endpoint.host_vars(), "smtp_connectors_server_name": "EX1"},
            "ex2": {"ansible_connection": "winrm", "ansible_host": "192.0.2.254", "smtp_connectors_server_name": "EX2"},
        }
        lab = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1)}, servers)
        for _run in ("removed from Exchange by then", "which the next run finds done"):
            stopped = lab.run("remove", LIST, **options)
            assert stopped.failed
            assert "(gw1: the whole list)" in said(stopped)
            assert "Exchange has 2 messages on their way to gw1" in said(stopped)
            assert "over gw1" not in send_connectors(there)
            assert bridgehead.content() == carried

        there.down.clear()
        there.mail.retry()
        lab.run("remove", LIST, **options).expect_success()
    assert len(there.mail.delivered) == 2
    assert bridgehead.content() != carried
