# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every organisation: the winner, the explanation, loops, failover chains, the order of the input."""

from __future__ import annotations

import random

from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey
from ansible_collections.mailops.connectors.plugins.module_utils.connector.address_space import read_pattern
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.tests.strategies.organisations import (
    ASKED_DOMAINS,
    GROUPS,
    WrittenOrganisation,
    downs,
    merged,
    organisations,
)
from ansible_collections.mailops.connectors.tests.strategies.reference import Reference, matches, parse, specificity
from hypothesis import assume, event, given
from hypothesis import strategies as st

DOMAINS = (*ASKED_DOMAINS, *(f"{group}.test" for group in GROUPS))
SIZES = st.sampled_from([None, None, 1, 1024**2, 1024**2 + 1, 11 * 1024**2])


def accepted(written):
    result = merged(written)
    assume(result.accepted)
    return result


def sound(written):
    """Accepted, except that mail may go in circles: routes exist all the same."""
    result = merged(written, check=False)
    assume(result.accepted)
    return result


def asked(result):
    return [(host, domain) for host in sorted(result.organisation.hosts) for domain in DOMAINS]


@given(organisations(), SIZES)
def test_the_winner_is_that_of_the_plain_reference(written, size):
    assume(merged(written, check=False).accepted)
    router = merged(written, check=False, size=size).router
    reference = Reference(written, size)
    for host in written.hosts:
        for domain in DOMAINS:
            route = router.route(host, domain)
            expected = reference.answer(host, domain)
            found = (
                None if route.pattern is None else str(route.pattern),
                route.cost if route.elements else None,
                route.elements[0].connector if route.elements else None,
                bool(route.foreign),
            )
            assert found == tuple(expected), (host, domain)
            event("route" if route.elements else "foreign" if route.foreign else "no route")


@given(organisations(), st.data())
def test_no_loop_in_an_accepted_organisation_whoever_is_down(written, data):
    result = accepted(written)
    down = data.draw(downs(written))
    longest = 0
    for host, domain in asked(result):
        way = journey.follow(result.router, host, domain, down)
        assert way.outcome in ("smart_host", "mx", "local", "waits", "no_route", "foreign"), (host, domain)
        assert len(set(way.hosts)) == len(way.hosts)
        longest = max(longest, len(way.steps))
    event(f"longest way: {longest} hosts")


@given(organisations())
def test_refused_for_a_loop_exactly_when_mail_can_come_back(written):
    """Two ways: a loop that is there is found, and no organisation without one is refused."""
    result = sound(written)
    problems = Problems()
    journey.check_loops(result.router, problems)
    circles = [domain for domain in DOMAINS if _can_come_back(result, domain)]
    assert bool(problems.found) == bool(circles), circles
    event("with a loop" if circles else "without a loop")


def _can_come_back(result, domain):
    """Whether the hosts that mail may be handed to form a circle: what can never be taken away stays."""
    following = {}
    for host in result.organisation.hosts:
        local = result.router.is_local(host, domain)
        elements = () if local else result.router.route(host, domain).elements
        following[host] = set()
        for element in elements:
            following[host].update(element.hosts)
            behind = [result.organisation.host_behind(next_hop) for next_hop in element.next_hops]
            following[host].update(one.name for one in behind if one)
    while True:
        ends = [host for host, targets in following.items() if not targets & set(following)]
        if not ends:
            return bool(following)
        for host in ends:
            del following[host]


@given(organisations())
def test_specificity_comes_before_cost(written):
    result = sound(written)
    offered = result.router.offers
    for host, domain in asked(result):
        route = result.router.route(host, domain)
        if not route.elements:
            continue
        for pattern, offers in offered.items():
            if pattern.matches(domain) and specificity(str(pattern)) > specificity(str(route.pattern)):
                assert not result.router.candidates(result.organisation.hosts[host], offers)
                event("a narrower space that this host cannot use")


@given(organisations())
def test_a_lower_cost_never_loses_to_a_higher_one(written):
    result = sound(written)
    for host, domain in asked(result):
        route = result.router.route(host, domain)
        if not route.elements:
            continue
        totals = [
            one.total
            for one in result.router.candidates(result.organisation.hosts[host], result.router.offers[route.pattern])
        ]
        assert route.cost == min(totals)
        event("several costs" if len(set(totals)) > 1 else "one cost")


@given(organisations(systems=("postfix",)), st.data())
def test_a_lower_cost_for_the_winner_keeps_it_the_winner(written, data):
    result = sound(written)
    host = data.draw(st.sampled_from(written.host_names))
    domain = data.draw(st.sampled_from(DOMAINS))
    route = result.router.route(host, domain)
    assume(route.elements)
    winner = route.elements[0].connector
    for raw in written.connectors:
        if raw["name"] == winner and raw.get("address_spaces"):
            raw["address_spaces"] = [f"{parse(space)[0]};1" for space in raw["address_spaces"]]
    again = merged(written, check=False)
    assert again.router.route(host, domain).elements[0].connector == winner


@given(organisations())
def test_on_postfix_only_own_connectors_stand_behind_the_first_own_one(written):
    result = sound(written)
    for host, domain in asked(result):
        known = result.organisation.hosts[host]
        elements = result.router.route(host, domain).elements
        own = [host in result.organisation.connectors[element.carrier].bridgeheads for element in elements]
        assert own == sorted(own)
        assert [bool(element.hosts) for element in elements] == [not mine for mine in own]
        if known.system == "exchange":
            assert len(elements) <= 1
        event("hand-over before own" if len(set(own)) == 2 else "one kind")


@given(organisations())
def test_each_element_of_a_chain_is_another_connector(written):
    result = sound(written)
    for host, domain in asked(result):
        carriers = [element.carrier for element in result.router.route(host, domain).elements]
        assert len(set(carriers)) == len(carriers)


@given(organisations(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_never_matters(written, order):
    first = merged(written)
    again = merged(shuffled(written, order))
    assert again.organisation == first.organisation
    assert again.problems.found == first.problems.found
    if merged(written, check=False).accepted:
        for host, domain in asked(first):
            assert again.router.route(host, domain) == first.router.route(host, domain)
            assert again.router.explain(host, domain) == first.router.explain(host, domain)


def shuffled(written: WrittenOrganisation, order: random.Random) -> WrittenOrganisation:
    def mixed(items):
        items = list(items)
        order.shuffle(items)
        return items

    def mixed_connector(raw):
        lists = ("address_spaces", "bridgeheads", "connected_routing_groups")
        return {key: mixed(value) if key in lists else value for key, value in mixed(raw.items())}

    return WrittenOrganisation(
        {name: [mixed_connector(raw) for raw in mixed(raws)] for name, raws in mixed(written.sets.items())},
        dict(mixed(written.hosts.items())),
        [{**group, "domains": mixed(group["domains"])} for group in mixed(written.routing_groups)],
    )


@given(organisations(), SIZES)
def test_the_explanation_names_each_matching_connector_and_its_winner_is_the_route(written, size):
    assume(merged(written, check=False).accepted)
    result = merged(written, check=False, size=size)
    reference = Reference(written)
    for host, domain in asked(result):
        told = result.router.explain(host, domain)
        route = result.router.route(host, domain)
        wins = [one for one in told if one.why == "wins"]
        if route.elements:
            assert [(one.connector, one.address_space, one.cost) for one in wins] == [
                (route.elements[0].connector, str(route.pattern), route.cost)
            ]
        else:
            assert not wins
        assert {(one.connector, one.address_space) for one in told} == {
            (name, space) for space, name, _cost, _group in reference.offers(disabled=True) if matches(space, domain)
        }
        disabled = {raw["name"] for raw in written.connectors if not raw.get("enabled", True)}
        assert {one.connector for one in told if one.why == "is disabled"} == disabled & {one.connector for one in told}
        assert all(one.why for one in told)
        places = [specificity(one.address_space) for one in told]
        assert places == sorted(places, reverse=True)


@given(organisations())
def test_star_of_a_scoped_connector_with_groups_stands_for_the_domains_of_the_groups_behind_it(written):
    result = sound(written)
    reference = Reference(written)
    for name, raw in reference.connectors.items():
        connector = result.organisation.connectors[name]
        if not connector.takes_reached_groups:
            continue
        behind = reference.groups_behind(name)
        domains = {space for group in behind for space in reference.domains.get(group, ())}
        assert set(result.router.reached_groups(connector)) == behind
        assert {str(pattern) for pattern in result.router.expansion(connector)} == domains
        explicit = {parse(space)[0] for space in raw.get("address_spaces", [])} - {"*"}
        assert set(result.router.spaces(connector)) == {read_pattern(space) for space in domains | explicit}
        event(f"{len(behind)} groups reached")


@given(organisations())
def test_disabled_connectors_are_as_if_they_were_not_there(written):
    result = sound(written)
    enabled = WrittenOrganisation(
        {name: [raw for raw in raws if raw.get("enabled", True)] for name, raws in written.sets.items()},
        written.hosts,
        written.routing_groups,
    )
    again = sound(enabled)
    for host, domain in asked(result):
        assert result.router.route(host, domain) == again.router.route(host, domain)


@given(organisations())
def test_asking_below_a_space_is_asking_for_any_domain_in_no_narrower_one(written):
    result = sound(written)
    for pattern in ("*.a.test", "*.x.a.test", "*.b.test", "*"):
        domain = "other.example" if pattern == "*" else "zz." + pattern[2:]
        for host in written.hosts:
            assert result.router.route_below(host, read_pattern(pattern)) == result.router.route(host, domain)
