# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated lists of send connectors, applied to a simulated organisation by the Python stand-in of exchange_invoke.

What is not proved about Exchange has one of its possible forms in each organisation, drawn from the seed.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from lab.exchange import tasks
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.exchange.sites import SiteLink
from lab.exchange.standin import Invoker
from strategies import exchange
from strategies.applied import applied
from strategies.organisations import ASKED_DOMAINS

Raw = dict[str, Any]
SEEDS = st.integers(0, 2**32)


def organisation(seed: int) -> Organisation:
    """All servers in one site, or in two."""
    note(f"seed of the organisation: {seed}")
    sites = ("Paris", "Paris", "Rome") if seed % 2 else ("Paris",) * 3
    servers = {name: Server(name, site=site) for name, site in zip(exchange.SERVERS, sites)}
    return Organisation(seed, servers, site_links={"Paris-Rome": SiteLink(("Paris", "Rome"), 5)})


def apply(there: Organisation, connectors: list[Raw], **options: Any) -> Raw:
    return applied(tasks.send_connectors, there, connectors, **options)


@given(SEEDS, exchange.lists())
def test_a_second_run_finds_nothing_to_do(seed: int, connectors: list[Raw]) -> None:
    there = organisation(seed)
    apply(there, connectors)
    second = Invoker(there)
    result = apply(there, connectors, invoke=second)
    assert (result["changed"], result["plan"], result["commands"], result["routes_changed"]) == (False, [], [], [])
    assert second.sessions == 1


@given(SEEDS, exchange.lists(), exchange.lists())
def test_one_list_after_another(seed: int, first: list[Raw], then: list[Raw]) -> None:
    there = organisation(seed)
    apply(there, first)
    announced = apply(there, then, check_mode=True, purge=True)
    invoke = Invoker(there)
    done = apply(there, then, purge=True, invoke=invoke)
    assert announced["commands"] == done["commands"]
    assert announced["plan"] == done["plan"]
    assert invoke.sessions == (2 if done["changed"] else 1)
    assert apply(there, then, purge=True)["plan"] == []
    assert {one["name"] for one in tasks.information(there)["connectors"]} == {one["name"] for one in then}


@given(SEEDS, exchange.lists())
def test_what_info_returns_can_be_given_back(seed: int, connectors: list[Raw]) -> None:
    there = organisation(seed)
    apply(there, connectors)
    found = tasks.information(there)
    again = [_with_account(one, connectors) for one in found["connectors"]]
    result = apply(there, again, hosts=found["hosts"], purge=True)
    assert (result["plan"], result["changed"]) == ([], False)


def _with_account(one: Raw, written: list[Raw]) -> Raw:
    """The user name may not be readable; not_expressed says so."""
    given = next(raw for raw in written if raw["name"] == one["name"])
    if "username" in given.get("authentication", {}):
        one = {**one, "authentication": {**one["authentication"], "username": given["authentication"]["username"]}}
    return one


@given(SEEDS, exchange.lists(), exchange.lists())
def test_every_address_has_its_old_or_its_new_route_after_every_cmdlet(
    seed: int, first: list[Raw], then: list[Raw]
) -> None:
    """The oracle is the simulator's own route selection, which shares nothing with the product's."""
    there = organisation(seed)
    apply(there, first, purge=True)
    old = routes(there)
    seen: list[dict[tuple[str, str, int | None], Any]] = []
    call = there.call

    def watched(cmdlet: str, parameters: Raw) -> Any:
        answer = call(cmdlet, parameters)
        if not cmdlet.startswith("Get-"):
            there.call = call
            seen.append(routes(there))
            there.call = watched
        return answer

    there.call = watched
    result = apply(there, then, purge=True)
    there.call = call
    if any("neither its old nor its new route" in warning for warning in result["warnings"]):
        return
    new = routes(there)
    assert len(seen) == len(result["commands"])
    for place, now in enumerate(seen):
        for question, answer in now.items():
            assert answer in (old[question], new[question]), (question, result["commands"][: place + 1])


ASKED_SIZES = (None, 1025, 10 * 2**20, 10 * 2**20 + 1, 35 * 2**20 + 1)
"""At limits that are generated and right above them (1000 bytes become 1 KB)."""


def routes(there: Organisation) -> dict[tuple[str, str, int | None], Any]:
    """How mail travels: the winner's next hops, servers and TLS; its name may change."""
    known = {str(one["Name"]): one for one in there.call("Get-SendConnector", {})}
    found = {}
    for server in exchange.SERVERS:
        for domain in (*ASKED_DOMAINS, "contoso.com", "in.fabrikam.example"):
            for size in ASKED_SIZES:
                name = there.route(server, f"someone@{domain}", size)
                found[(server, domain, size)] = name and travelled(server, known[name])
    return found


def travelled(server: str, shown: Raw) -> Any:
    sources = sorted(str(source).partition(".")[0].lower() for source in shown["SourceTransportServers"])
    if server not in sources:
        return sources
    kept = ("SmartHosts", "DNSRoutingEnabled", "RequireTLS", "TlsAuthLevel", "TlsDomain")
    return [
        sorted(str(one).strip("[]") for one in value) if isinstance(value, list) else str(value)
        for value in (shown[key] for key in kept)
    ]


@given(SEEDS, exchange.lists())
def test_the_routes_that_were_planned_are_those_of_exchange(seed: int, connectors: list[Raw]) -> None:
    """What the plan says for each space is what the oracle says for it afterwards."""
    there = organisation(seed)
    result = apply(there, connectors)
    for change in result["routes_changed"]:
        space = change["address_space"]
        domain = "stranger.example.net" if space == "*" else space.replace("*.", "mailops-probe.")
        winner = there.route(change["from"], f"someone@{domain}")
        assert change["after"].startswith(f"{winner} ") or (winner is None and change["after"] == "no connector"), (
            change
        )


@given(seed=SEEDS.map(lambda seed: 2 * seed + 1))
def test_each_site_takes_its_own_servers_of_a_connector_that_has_some_in_several(seed: int) -> None:
    """By the rules and by the oracle: no server hands mail over to itself, or to a site that is farther than its own."""
    there = organisation(seed)
    two = {"name": "two sites", "address_spaces": ["a.test"], "bridgeheads": ["ex1", "ex3"]}
    far = {"name": "far", "address_spaces": ["b.test;1"], "bridgeheads": ["ex1"]}
    near = {"name": "near", "address_spaces": ["b.test;4"], "bridgeheads": ["ex1", "ex3"]}
    result = apply(there, [two, far, near])
    told = {(one["from"], one["address_space"]): one["after"] for one in result["routes_changed"]}
    assert told == {
        ("ex1", "a.test"): "two sites by DNS MX",
        ("ex2", "a.test"): "two sites handed over to ex1",
        ("ex3", "a.test"): "two sites by DNS MX",
        ("ex1", "b.test"): "far by DNS MX",
        ("ex2", "b.test"): "far handed over to ex1",
        ("ex3", "b.test"): "near by DNS MX",
    }
    assert [there.route(server, "x@b.test") for server in exchange.SERVERS] == ["far", "far", "near"]
    assert any("does not balance" in warning for warning in result["warnings"])
