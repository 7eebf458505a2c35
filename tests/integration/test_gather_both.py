# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks gather and drift on both systems: an Exchange organisation set up with cmdlets, and a Postfix by hand.

Exchange is simulated; exchange_invoke is the unchanged one on a real engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lab.bridgehead import SETTINGS, Bridgehead
from lab.exchange import foreign, powershell
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.postfix import Instance
from lab.seeds import drawn_seed
from lab.whole_organisation import WholeOrganisation, lines, postfix_host, results

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)


def set_up_by_cmdlets() -> Organisation:
    servers = {"EX1": Server("EX1", "ex1.contoso.com", "Paris"), "EX2": Server("EX2", "ex2.contoso.com", "Rome")}
    there = Organisation(drawn_seed(), servers)
    relay = {"SmartHosts": ["[127.0.0.11]"], "DNSRoutingEnabled": False, "SourceTransportServers": ["EX1", "EX2"]}
    there.call("New-SendConnector", {"Name": "Through the gateway", "AddressSpaces": ["*"], **relay})
    partner = {"SmartHosts": ["mx.partner.example"], "DNSRoutingEnabled": False, "SourceTransportServers": ["EX2"]}
    there.call(
        "New-SendConnector",
        {"Name": "Partner", "AddressSpaces": ["*.partner.example;5"], "RequireTLS": True, **partner},
    )
    scanner = {"Bindings": ["0.0.0.0:2526"], "RemoteIPRanges": ["192.0.2.20"], "Usage": "Custom"}
    there.call("New-ReceiveConnector", {"Name": "Scanner", "Server": "EX1", **scanner})
    there.call("New-AcceptedDomain", {"Name": "f", "DomainName": "fabrikam.example", "DomainType": "InternalRelay"})
    foreign.hybrid(there)
    there.directory.replicate()
    return there


def test_both_systems_are_adopted_and_a_change_by_hand_is_named(
    make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    there = set_up_by_cmdlets()
    gw1 = make_instance("gw1", "127.0.0.11", settings=SETTINGS)
    inside = gw1.postmap("transport", "contoso.example relay:[192.0.2.21]\n")
    gw1.configure(transport_maps=inside, relay_domains="contoso.example", parent_domain_matches_subdomains="")
    gw1.reload()
    asked = ["u@contoso.example", "u@partner.example", "u@stranger.invalid"]
    before = [answer.nexthop for answer in Bridgehead(gw1).ask_afresh(asked)]
    with Engine() as engine, engine_endpoint(engine, there) as (endpoint, _bridge):
        lab = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1)}, {"ex1": endpoint.host_vars()})
        file = tmp_path / "found.yml"
        lab.run("gather", [], gather_file=str(file)).expect_success()
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        listed = {one["name"]: one["bridgeheads"] for one in content["smtp_connectors_list"]}
        assert listed == {
            "Partner": ["ex2"],
            "Through the gateway": ["ex1", "ex2"],
            "to-192.0.2.21-relayed": ["gw1"],
        }
        assert [one["name"] for one in content["smtp_connectors_receive"]] == ["Scanner"]
        # Without groups of its own the gateway would hand mail of its own for the partner over to Exchange.
        groups = {name: host.get("routing_group") for name, host in content["smtp_connectors_hosts"].items()}
        assert groups == {"ex1": "paris", "ex2": "rome", "gw1": "postfix"}

        calls = len(there.calls)
        given = ["--extra-vars", f"@{file}"]
        done = lab.run("provision", [], given, probe=False).expect_success()
        plan = results(done, "Put the plan together")[0][1]["ansible_facts"]["smtp_connectors_plan"]
        assert [host["routes_changed"] for host in plan["hosts"]] == [[], []]
        announced = {host["host"]: host["objects"] for host in plan["hosts"]}
        assert {action: len(names) for action, names in announced["ex1"].items() if names} == {"adopt": 3}
        # A bridgehead keeps the whole list, and carries what names it.
        assert {action: names for action, names in announced["gw1"].items() if names} == {
            "create": ["Partner", "Through the gateway", "to-192.0.2.21-relayed"]
        }
        wrote = {name: given for name, given in there.calls[calls:] if not name.startswith("Get-")}
        assert set(wrote) == {"Set-SendConnector", "Set-ReceiveConnector"}
        assert [answer.nexthop for answer in Bridgehead(gw1).ask_afresh(asked)] == ["[192.0.2.21]:25", *before[1:]]

        clean = lab.run("drift", [], given).expect_success()
        assert lines(clean, "Show what differs")[0] == "Nothing differs (ex1, gw1)."
        there.call("Set-SendConnector", {"Identity": "Partner", "RequireTLS": False})
        there.call(
            "New-SendConnector",
            {"Name": "News", "AddressSpaces": ["news.partner.example"], "SourceTransportServers": ["EX1"]},
        )
        run = lab.run("drift", [], given)
        assert run.failed
        told = "\n".join(lines(run, "Show what differs"))
        assert 'ex1: "Partner" differs: tls is the default, in the list {"level": "encrypt"}.' in told
        assert f"left alone: {foreign.HYBRID}, News." in told.replace(
            "News, " + foreign.HYBRID, foreign.HYBRID + ", News"
        )
