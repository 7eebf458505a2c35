# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site links in simulated organisations (a Python stand-in runs the calls of exchange_invoke)."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.accepted_domains import AcceptedDomains
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.accepted_domains import (
    Request as DomainRequest,
)
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.send_task import Request as SendRequest
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.send_task import SendConnectors
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.site_links import SiteLinks

from lab.exchange.simulator import Organisation, Server, SiteLink
from lab.exchange.standin import Invoker

Raw = dict[str, Any]
SEEDS = pytest.mark.parametrize("seed", range(8))
LINK = {"name": "paris-oslo", "cost": 10, "max_message_size": "20MB"}
CONNECTED = {
    "name": "Paris to Oslo",
    "scope": "routing_group",
    "address_spaces": ["*"],
    "smart_hosts": ["ex2.contoso.com"],
    "bridgeheads": ["ex1"],
    "connected_routing_groups": [{"name": "Oslo", "cost": 10}],
    "relay": True,
}
GROUPS = [{"name": "Oslo", "domains": ["oslo.contoso.com"]}]


def organisation(seed: int) -> Organisation:
    servers = {"EX1": Server("EX1", site="Paris"), "EX2": Server("EX2", site="Oslo")}
    return Organisation(seed, servers, site_links={"Paris-Oslo": SiteLink(("Paris", "Oslo"), 80)})


def run(there: Organisation, *links: Any, check_mode: bool = False) -> Raw:
    backend = SiteLinks(list(links))
    return task.run(backend, Invoker(there, check_mode=check_mode), check_mode=check_mode)


def there_is(there: Organisation) -> tuple[Any, Any]:
    stored = there.directory.objects(there.directory.controllers[0], "AdSiteLink")
    values = next(one.values for one in stored if one.name == "Paris-Oslo")
    return values["ExchangeCost"], values["MaxMessageSize"]


@SEEDS
def test_cost_and_size(seed: int) -> None:
    there = organisation(seed)
    announced = run(there, LINK, check_mode=True)
    assert there_is(there) == (None, "Unlimited")
    result = run(there, LINK)
    assert result["commands"] == announced["commands"] and len(result["commands"]) == 1
    assert result["plan"] == [
        {
            "site_link": "Paris-Oslo",
            "action": "update",
            "changes": {
                "cost": {"before": None, "after": 10},
                "max_message_size": {"before": "unlimited", "after": "20MB"},
            },
            "kept": [],
            "notes": [],
        }
    ]
    assert there_is(there) == (10, 20 * 1024**2)
    again = run(there, LINK)
    assert (again["changed"], again["plan"], again["commands"]) == (False, [], [])
    assert "Oslo" in again["warnings"][0].title() and "Paris" in again["warnings"][0].title()


@SEEDS
def test_left_out_stays_and_reset_goes_back(seed: int) -> None:
    there = organisation(seed)
    run(there, LINK)
    result = run(there, {"name": "Paris-Oslo", "cost": 99999})
    assert result["plan"][0]["kept"] == ["max_message_size"]
    assert there_is(there) == (99999, 20 * 1024**2)
    result = run(there, {"name": "Paris-Oslo", "reset": ["cost", "max_message_size"]})
    assert there_is(there) == (None, "Unlimited")
    assert "which is 80" in result["plan"][0]["notes"][0]
    assert not run(there, {"name": "Paris-Oslo", "reset": ["cost"]})["changed"]


@SEEDS
def test_an_unknown_link(seed: int) -> None:
    with pytest.raises(ConnectorError) as raised:
        run(organisation(seed), {"name": "Paris-Rome", "cost": 1})
    found = raised.value.problems[0]
    assert found.field == "name" and "Paris-Oslo" in found.remedy


@pytest.mark.parametrize(
    ("link", "field", "words"),
    [
        ({"cost": 0}, "cost", "range"),
        ({"cost": 100000}, "cost", "range"),
        ({"max_message_size": "63KB"}, "max_message_size", "too small"),
        ({"max_message_size": "big"}, "max_message_size", "not a size"),
        ({"weight": 1}, "weight", "no field"),
        ({"reset": ["name"]}, "reset", "no field"),
        ({"reset": ["cost"], "cost": 3}, "reset", "as well"),
        ({"name": ""}, "name", "characters"),
    ],
)
def test_refused(link: Raw, field: str, words: str) -> None:
    with pytest.raises(ConnectorError) as raised:
        SiteLinks([{"name": "Paris-Oslo", **link}])
    assert [one.field for one in raised.value.problems] == [field]
    assert words in raised.value.problems[0].message


def test_one_link_twice() -> None:
    with pytest.raises(ConnectorError, match="stands there twice"):
        SiteLinks([LINK, {"name": "PARIS-OSLO"}])


@SEEDS
def test_somebody_else_is_quicker(seed: int) -> None:
    there = organisation(seed)
    quick = {"Identity": "Paris-Oslo", "ExchangeCost": 77}
    there.faults.before_session(lambda: there.call("Set-AdSiteLink", quick), number=2)
    assert run(there, LINK)["plan"][0]["changes"]["cost"] == {"before": 77, "after": 10}
    assert there_is(there)[0] == 10


@pytest.mark.parametrize(
    ("name", "from_fragments"),
    [
        ("exchange_receive_connectors", set()),
        ("exchange_accepted_domains", {"hosts", "routing_groups"}),
        ("exchange_site_links", set()),
    ],
)
def test_the_documentation_has_every_option(name: str, from_fragments: set[str]) -> None:
    plugins = "ansible_collections.mailops.connectors.plugins"
    action = importlib.import_module(f"{plugins}.action.{name}").ActionModule
    documentation = yaml.safe_load(importlib.import_module(f"{plugins}.modules.{name}").DOCUMENTATION)
    assert {*documentation["options"], *from_fragments} == set(action.ARGUMENTS)
    for option, told in documentation["options"].items():
        declared = action.ARGUMENTS[option]
        for key in ("type", "default", "required", "elements", "choices"):
            assert told.get(key) == declared.get(key), (option, key)


@SEEDS
def test_a_list_is_planned_with_the_costs_that_the_links_are_about_to_get(seed: int) -> None:
    there = organisation(seed)
    around = {"routing_groups": GROUPS, "connectors": [CONNECTED]}
    for backend in (
        lambda links: SendConnectors(SendRequest(site_links=links, **around)),
        lambda links: AcceptedDomains(DomainRequest(site_links=links, **around)),
    ):
        with pytest.raises(ConnectorError, match='is not the cost of the site link "Paris-Oslo", which is 80'):
            task.run(backend(None), Invoker(there, check_mode=True), check_mode=True)
        assert task.run(backend([LINK]), Invoker(there, check_mode=True), check_mode=True)["changed"] is False
    assert there_is(there) == (None, "Unlimited")
