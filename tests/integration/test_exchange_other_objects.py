# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receive connectors, accepted domains and site links with real ansible-playbook, winrm, and the real exchange_invoke.

Exchange itself is simulated, and its management shell is a stub.
"""

from __future__ import annotations

from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell
from lab.exchange.bridge import Bridge
from lab.exchange.endpoint import Endpoint
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

COLLECTION = "mailops.connectors"
Raw = dict[str, Any]
APPS: Raw = {
    "name": "Apps",
    "servers": ["ex1", "ex2", "ex3"],
    "bindings": ["0.0.0.0:2526"],
    "remote_ip_ranges": ["192.0.2.10", "198.51.100.0/28"],
    "relay": "anonymous",
    "permission_groups": ["anonymous_users"],
    "limits": {"max_message_size": "20MB", "tarpit_interval": "0s"},
}


def task(name: str, module: str, arguments: Raw, **keywords: Any) -> Raw:
    return {"name": name, f"{COLLECTION}.{module}": arguments, **keywords}


def receive(name: str, *connectors: Raw, options: Raw | None = None, **keywords: Any) -> Raw:
    return task(name, "exchange_receive_connectors", {"connectors": list(connectors), **(options or {})}, **keywords)


def run(there: Organisation, tasks: list[Raw], **options: Any) -> dict[str, Raw]:
    with Bridge(there) as bridge, Endpoint(environment=bridge.environment("management_shell")) as endpoint:
        made = ansible.playbook(tasks, hosts=("ex1",), host_vars={"ex1": endpoint.host_vars()}, **options)
        assert (bridge.problems, bridge.open_sessions) == ([], [])
    return {one.task: one.result for one in made.tasks}


def test_one_definition_of_a_receive_connector_on_three_servers() -> None:
    there = Organisation(drawn_seed(), ["EX1", "EX2", "EX3"])
    changed = {**APPS, "remote_ip_ranges": {"add": ["203.0.113.7"]}, "comment": "the applications", "log": "verbose"}
    tasks = [
        receive("announced", APPS, check_mode=True),
        receive("create", APPS),
        receive("again", APPS),
        receive("change", changed),
        receive("changed", changed),
        receive("rename", {**changed, "name": "Applications", "renamed_from": ["Apps"]}),
        receive("the internet", {**APPS, "name": "Wide", "remote_ip_ranges": ["0.0.0.0/0"]}, ignore_errors=True),
        receive("a size without limit", {**APPS, "limits": {"max_message_size": "unlimited"}}, ignore_errors=True),
        receive("purge", options={"purge": True}, diff=True),
    ]
    found = run(there, tasks)
    assert found["announced"]["commands"] == found["create"]["commands"]
    assert [(one["server"], one["action"]) for one in found["create"]["plan"]] == [
        (server, "create") for server in ("EX1", "EX2", "EX3")
    ]
    for name in ("again", "changed"):
        assert (found[name]["changed"], found[name]["plan"], found[name]["commands"]) == (False, [], [])
    assert {one["action"] for one in found["change"]["plan"]} == {"update"}
    assert all(set(one["changes"]) == {"remote_ip_ranges", "comment", "log"} for one in found["change"]["plan"])
    assert {one["connector"] for one in found["rename"]["plan"]} == {"Applications"}
    assert "allow_open_relay" in found["the internet"]["msg"]
    assert "Nothing was touched" in found["a size without limit"]["msg"]
    assert {one["action"] for one in found["purge"]["plan"]} == {"remove"}
    left = {str(one["Name"]) for one in there.call("Get-ReceiveConnector", {})}
    assert not left & {"Apps", "Applications", "Wide"}
    assert len(there.call("Get-ReceiveConnector", {})) == 15, "five default connectors on each of three servers"


def test_accepted_domains_of_the_list_and_by_name() -> None:
    there = Organisation(drawn_seed(), ["EX1"])
    listed = {
        "name": "to-partner",
        "address_spaces": ["*.partner.example", "one.example"],
        "smart_hosts": ["mx.partner.example"],
        "bridgeheads": ["ex1"],
        "relay": True,
    }
    tasks = [
        task("missing", "exchange_send_connectors", {"connectors": [listed]}),
        task("accept", "exchange_accepted_domains", {"connectors": [listed]}),
        task("again", "exchange_accepted_domains", {"connectors": [listed]}),
        task("nothing is missing", "exchange_send_connectors", {"connectors": [listed]}),
        task(
            "another type",
            "exchange_accepted_domains",
            {"domains": [{"name": "one.example", "type": "internal_relay"}]},
            ignore_errors=True,
        ),
        task("gone", "exchange_accepted_domains", {"domains": [{"name": "one.example", "state": "absent"}]}),
    ]
    found = run(there, tasks)
    assert any("exchange_accepted_domains" in warning for warning in found["missing"]["warnings"])
    assert found["accept"]["changed"] and not found["again"]["changed"]
    assert not any("exchange_accepted_domains" in text for text in found["nothing is missing"].get("warnings", []))
    assert "allow_type_change" in found["another type"]["msg"]
    kinds = {str(one["DomainName"]): str(one["DomainType"]) for one in there.call("Get-AcceptedDomain", {})}
    assert kinds["partner.example"] == kinds["*.partner.example"] == "ExternalRelay"
    assert "one.example" not in kinds


def test_a_site_link_and_the_connector_that_names_another_cost() -> None:
    there = Organisation(
        drawn_seed(),
        {
            "EX1": Server("EX1", "ex1.contoso.com", "Paris"),
            "EX2": Server("EX2", "ex2.contoso.com", "Rome"),
        },
    )
    link = str(there.call("Get-AdSiteLink", {})[0]["Name"])
    between = {
        "name": "to-rome",
        "bridgeheads": ["ex1"],
        "scope": "routing_group",
        "smart_hosts": ["ex2.contoso.com"],
        "connected_routing_groups": [{"name": "rome", "cost": 7}],
    }
    tasks = [
        task("differs", "exchange_send_connectors", {"connectors": [between]}, ignore_errors=True),
        task("cost", "exchange_site_links", {"site_links": [{"name": link, "cost": 7}]}),
        task("again", "exchange_site_links", {"site_links": [{"name": link, "cost": 7}]}),
        task("agrees", "exchange_send_connectors", {"connectors": [between]}),
        task("unknown", "exchange_site_links", {"site_links": [{"name": "no such", "cost": 7}]}, ignore_errors=True),
    ]
    found = run(there, tasks)
    assert "exchange_site_links" in found["differs"]["msg"] and link in found["differs"]["msg"]
    assert found["cost"]["changed"] and not found["again"]["changed"]
    assert (found["agrees"]["changed"], found["agrees"]["plan"]) == (False, [])
    assert link in found["unknown"]["msg"]
