# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on an organisation of both systems: a simulated Exchange organisation over WinRM, and a real Postfix bridgehead.

exchange_invoke is the stand-in here, because what is shown is the order of the hosts and what people are told. The real one runs
in the tests of the role exchange_connectors and of the modules.
"""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

from lab.bridgehead import Bridgehead
from lab.exchange import tasks
from lab.exchange.endpoint import Endpoint
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed
from lab.whole_organisation import WholeOrganisation, changed, lines, postfix_host, results, said

PASSWORD = "Tr0ub4dor&3-of-the-relay"
PARTNER = "192.0.2.30"
CONTOSO = "192.0.2.31"

Raw = dict[str, Any]
LIST: list[Raw] = [
    {
        "name": "to-partner",
        "address_spaces": ["*.partner.example"],
        "smart_hosts": [PARTNER],
        "bridgeheads": ["gw1"],
        "relay": True,
        "authentication": {
            "mechanism": "basic",
            "username": "relay",
            "password": PASSWORD,
            "allow_cleartext_password": True,
        },
    },
    {
        "name": "over gw1",
        "address_spaces": ["*.partner.example"],
        "smart_hosts": ["127.0.0.11"],
        "bridgeheads": ["ex1", "ex2"],
    },
    {
        "name": "to-exchange",
        "address_spaces": ["contoso.example"],
        "smart_hosts": [CONTOSO],
        "bridgeheads": ["gw1"],
        "relay": True,
    },
]
RECEIVE: list[Raw] = [
    {"name": "from-gw1", "servers": ["ex1"], "bindings": ["0.0.0.0:2526"], "remote_ip_ranges": ["127.0.0.11"]},
]
DOMAINS: list[Raw] = [{"name": "contoso.example", "type": "authoritative"}]


def test_both_systems_take_one_list(make_instance: Any, make_sink: Any, tmp_path: Path) -> None:
    make_sink(PARTNER, users={"relay": PASSWORD}, auth_in_clear=True)
    make_sink(CONTOSO)
    gw1 = make_instance("gw1", "127.0.0.11")
    given = {"receive": RECEIVE, "accepted_domains": DOMAINS}
    organisation = Organisation(drawn_seed(), ["EX1", "EX2"])
    with Endpoint(organisation, backend="stand-in") as endpoint:
        # Only one server of the organisation is spoken to.
        away = {"ansible_connection": "winrm", "ansible_host": "192.0.2.254"}
        servers: dict[str, Raw] = {
            "ex1": {**endpoint.host_vars(), "smtp_connectors_server_name": "EX1"},
            "ex2": {**away, "smtp_connectors_server_name": "EX2"},
        }
        lab = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1, smtp_connectors_networks=["127.0.0.11"])}, servers)

        done = lab.run("provision", LIST, **given, verbosity=4).expect_success()
        plan = results(done, "Put the plan together")[0][1]["ansible_facts"]["smtp_connectors_plan"]
        assert [host["host"] for host in plan["hosts"]] == ["ex1", "gw1"]
        assert plan["hosts"][0]["objects"]["create"] == [
            "accepted domain contoso.example",
            "receive connector from-gw1 on EX1",
            "over gw1",
        ]
        assert [step["title"] for step in plan["steps"]] == [
            "ex1: Exchange accepts more",
            "gw1: the whole list",  # before Exchange sends mail there
            "ex1: the whole list",
            "ex1: Exchange accepts less",
        ]
        sends = ("Let the bridgehead carry its connectors", "Let Exchange send as the list says")
        order = [one.host for one in done.tasks if one.task.rpartition(" : ")[2] in sends]
        assert sorted(order[:2]) == ["ex1", "gw1"] and order[2:4] == ["gw1", "ex1"]  # planned, then applied
        assert PASSWORD not in done.output
        assert "Exchange servers have no Python" in "\n".join(lines(done, "Show what was verified"))
        names = {one["Name"] for one in organisation.call("Get-SendConnector", {})}
        assert "over gw1" in names

        again = lab.run("provision", LIST, **given).expect_success()
        assert changed(again) == []

        # Mail that takes another way than the declared one shows, whoever made the connector.
        organisation.call(
            "New-SendConnector",
            {"Name": "By Hand", "AddressSpaces": ["partner.example"], "SourceTransportServers": ["EX2"]},
        )
        failed = lab.run("verify", LIST, **given)
        assert failed.failed
        assert "Mail for partner.example from ex1 takes over gw1" in said(failed) and "By Hand" in said(failed)


def test_exchange_accepts_less_when_nothing_is_on_its_way_from_a_bridgehead(
    make_instance: Any, make_sink: Any, tmp_path: Path
) -> None:
    exchange = "127.0.0.31"
    # Longer than any machine needs for what follows.
    gw1 = make_instance("gw1", "127.0.0.11", settings={"smtp_helo_timeout": "3000s"})
    elsewhere = make_sink(CONTOSO)
    hosts: Raw = {
        "ex1": {"system": "exchange", "server_name": "EX1", "address": exchange, "local_domains": ["contoso.example"]},
        "gw1": {"system": "postfix", "address": gw1.address, "networks": ["127.0.0.11"]},
    }
    to_exchange: Raw = {"name": "to-exchange", "smart_hosts": [exchange], "bridgeheads": ["gw1"]}
    before = [{**to_exchange, "address_spaces": ["contoso.com", "contoso.example"]}]
    after = [
        {**to_exchange, "address_spaces": ["contoso.com"]},
        {"name": "moved", "address_spaces": ["contoso.example"], "smart_hosts": [CONTOSO], "bridgeheads": ["gw1"]},
    ]
    organisation = Organisation(drawn_seed(), ["EX1"])
    tasks.receive_connectors(organisation, RECEIVE, hosts=hosts)
    assert not Bridgehead(gw1, "gw1").provision(before, hosts=hosts).failure

    def receive_connectors() -> set[str]:
        return {str(one["Name"]) for one in organisation.call("Get-ReceiveConnector", {})}

    given = {"receive": [], "accepted_domains": DOMAINS, "purge": True, "allow_unsafe": ["large_change"]}
    options = {**given, "verify": False, "drain_timeout": 1}
    with Endpoint(organisation, backend="stand-in") as endpoint:
        servers = {
            "ex1": {
                **endpoint.host_vars(),
                "smtp_connectors_server_name": "EX1",
                "smtp_connectors_address": exchange,
            }
        }
        lab = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1, smtp_connectors_networks=["127.0.0.11"])}, servers)
        # It takes the connection and says nothing, so that the delivery lasts.
        with closing(socket.create_server((exchange, 25))):
            gw1.inject("a@here.example", "x@contoso.example")
            gw1.wait_until(lambda: any(one.queue_name == "active" for one in gw1.queue()), "the delivery begins")
            stopped = lab.run("provision", after, **options)
            assert "(ex1: Exchange accepts less)" in said(stopped)
            assert "The queue of gw1 has 1 recipients on their way to ex1 after 1 s" in said(stopped)
            assert "from-gw1" in receive_connectors()
            # The bridgehead has its new list by now, which says nothing of Exchange and that domain.
            again = lab.run("provision", after, **options)
            assert "(ex1: Exchange accepts less)" in said(again)
            assert "The queue of gw1 has 1 recipients on their way to ex1 after 1 s" in said(again)
            assert "by its present list" in said(again)
            assert "from-gw1" in receive_connectors()
        gw1.wait_until(lambda: all(all(one.reasons) for one in gw1.queue()), "the delivery ends")
        lab.run("provision", after, **options).expect_success()
    assert "from-gw1" not in receive_connectors()
    gw1.run("postqueue", "-f")
    elsewhere.wait_for(1)  # by the new route
