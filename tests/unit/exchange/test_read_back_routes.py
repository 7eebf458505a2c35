# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list that Exchange carries, read back from there, gives the same answers of smtp_route as the list itself.

The organisations are generated: Exchange servers in one site, Postfix hosts around them in routing groups of their own. What
is not proved about Exchange has one of its possible forms in each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.modules import smtp_route
from hypothesis import assume, event, given, note
from hypothesis import strategies as st

from lab.exchange import tasks
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from strategies.organisations import ASKED_DOMAINS, WrittenOrganisation, organisations

Raw = dict[str, Any]
SITE = "hub"
SIZES = (None, "1MB", 1024 * 1024 + 1, "10MB", 10 * 1024 * 1024 + 1)
"""At each limit that is generated, and right above it."""


@st.composite
def written(draw: Any) -> WrittenOrganisation:
    """All Exchange servers in one site: between sites mail follows links that no list makes."""
    made = draw(organisations(systems=("exchange", "exchange", "postfix")))
    servers = [name for name, host in made.hosts.items() if host["system"] == "exchange"]
    assume(servers)
    hosts = {name: {**host, "routing_group": SITE} if name in servers else host for name, host in made.hosts.items()}
    groups = {host["routing_group"] for name, host in made.hosts.items() if name in servers}
    sets = {
        name: [_on_exchange(raw, groups) if set(raw["bridgeheads"]) <= set(servers) else raw for raw in connectors]
        for name, connectors in made.sets.items()
    }
    return replace(made, hosts=hosts, sets=sets)


def _on_exchange(raw: Raw, groups: set[str]) -> Raw:
    """Without the groups whose servers are in the one site now; a connector that led there alone leads to the world.

    Exchange balances over its smart hosts, so their order says nothing; sorted, both sides name them alike.
    """
    links = raw.get("connected_routing_groups", [])
    others = [link for link in links if _name(link, "name") not in groups]
    kept = {name: value for name, value in raw.items() if name != "connected_routing_groups"}
    kept["smart_hosts"] = sorted(raw.get("smart_hosts", []), key=lambda host: _name(host, "host").strip("[]"))
    if others:
        return {**kept, "connected_routing_groups": others}
    return {"address_spaces": ["*;50"], **kept}


def _name(written: Any, field: str) -> str:
    return str(written[field] if isinstance(written, dict) else written)


def simulated(made: WrittenOrganisation, seed: int) -> Organisation:
    names = [name for name, host in made.hosts.items() if host["system"] == "exchange"]
    return Organisation(seed, {name.upper(): Server(name.upper(), site=SITE) for name in names})


def read_back(there: Organisation, made: WrittenOrganisation) -> list[Raw]:
    """What Exchange has now, and the connectors of the list that Postfix carries."""
    found = tasks.information(there, hosts=made.hosts)
    postfix = [raw for raw in made.connectors if made.hosts[raw["bridgeheads"][0]]["system"] == "postfix"]
    return [*(one for connectors in found["sets"].values() for one in connectors), *postfix]


def answers(connectors: Iterable[Raw], made: WrittenOrganisation, size: Any) -> dict[tuple[str, str], Raw]:
    """From every Exchange server, by the function behind smtp_route."""
    problems = Problems()
    parameters = {
        "connectors": list(connectors),
        "hosts": made.hosts,
        "routing_groups": made.routing_groups,
        "addresses": [f"someone@{domain}" for domain in ASKED_DOMAINS],
        "from_hosts": [name for name, host in made.hosts.items() if host["system"] == "exchange"],
        "this_host": None,
        "system": "exchange",
        "down": [],
        "size": size,
    }
    found = smtp_route.routes(parameters, [smtp_route.given_set(parameters, problems)], problems)
    return {(one["from"], one["address"]): {**one, "considered": None, "cost": None} for one in found}


@given(st.integers(0, 2**32), written())
def test_what_is_read_back_explains_the_same_routes_as_the_list(seed: int, made: WrittenOrganisation) -> None:
    note(f"seed of the organisation: {seed}")
    there = simulated(made, seed)
    try:
        for name, connectors in made.sets.items():
            options = {"hosts": made.hosts, "routing_groups": made.routing_groups, "set": name}
            done = tasks.send_connectors(there, connectors, **options)
            assert not done.get("failed"), done["msg"]
        expected = {size: answers(made.connectors, made, size) for size in SIZES}
    except ConnectorError as error:
        event("refused")
        note(str(error))
        return
    event("accepted")
    back = read_back(there, made)
    for size, wanted in expected.items():
        assert answers(back, made, size) == wanted


GATEWAY: Raw = {"system": "postfix", "address": "192.0.2.2", "routing_group": "g2"}
HOSTS: dict[str, Raw] = {"h1": {"system": "exchange", "routing_group": SITE}, "h2": GATEWAY}
LINK: Raw = {
    "name": "a link",
    "scope": "routing_group",
    "connected_routing_groups": ["g2"],
    "smart_hosts": ["192.0.2.2"],
    "bridgeheads": ["h1"],
}
GROUPS = [{"name": "g2", "domains": ["b.test"]}]


def test_the_way_to_a_routing_group_costs_on_exchange_what_it_costs_in_the_list() -> None:
    """At one cost less the link would win by its name there, and the direct connector by its cost in the list."""
    direct = {"name": "direct", "address_spaces": ["b.test"], "smart_hosts": ["out1.example"], "bridgeheads": ["h1"]}
    made = WrittenOrganisation({"default": [LINK, direct]}, HOSTS, GROUPS)
    there = simulated(made, 1)
    tasks.send_connectors(there, made.connectors, hosts=HOSTS, routing_groups=GROUPS)
    listed, found = (answers(each, made, None) for each in (made.connectors, read_back(there, made)))
    asked = ("h1", "someone@b.test")
    assert (listed[asked]["connector"], found[asked]["connector"]) == ("direct", "direct")


def test_a_disabled_connector_to_a_routing_group_has_the_spaces_that_it_will_have() -> None:
    made = WrittenOrganisation({"default": [{**LINK, "enabled": False}]}, HOSTS, GROUPS)
    there = simulated(made, 1)
    done = tasks.send_connectors(there, made.connectors, hosts=HOSTS, routing_groups=GROUPS)
    assert not done.get("failed"), done["msg"]
    assert read_back(there, made)[0]["address_spaces"] == ["b.test;2"]


def test_a_connector_of_postfix_that_would_win_over_a_connected_group_is_refused() -> None:
    """smtp_route says so of the list, and no send connector holds the link that leads there."""
    internet = {"name": "internet", "address_spaces": ["*"], "bridgeheads": ["h2"]}
    there = simulated(WrittenOrganisation({}, HOSTS, GROUPS), 1)
    with pytest.raises(ConnectorError, match=r'declare one: \{name: "internet from exchange"'):
        tasks.send_connectors(there, [LINK, internet], hosts=HOSTS, routing_groups=GROUPS)
    assert there.call("Get-SendConnector", {}) == []
    off = {**LINK, "enabled": False}
    done = tasks.send_connectors(there, [off, internet], hosts=HOSTS, routing_groups=GROUPS)
    assert not done.get("failed"), done["msg"]
