# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After every step of the order each address has its old or its new route, unless the plan says that it cannot be."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import Connector, read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Route, Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import Host, Organisation
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.order import Step, Work, arrange
from hypothesis import event, given
from hypothesis import strategies as st

from strategies.organisations import ASKED_DOMAINS, SPACE_PATTERNS

SERVERS = ("ex1", "ex2")
LIMITS = (1048576, 2097152)
ASKED_SIZES = (None, *LIMITS, *(limit + 1 for limit in LIMITS))
"""At each limit and right above it: there another connector takes the message."""
HOSTS = {name: Host(name, "exchange", routing_group=f"site{name[-1]}") for name in SERVERS}


def read(raw: list[dict[str, Any]]) -> dict[str, Connector]:
    problems = Problems()
    wanted = read_connectors(raw, problems)
    problems.raise_if_any()
    return {item.connector.key: item.connector for item in wanted}


def organisation(connectors: dict[str, Connector]) -> Organisation:
    return Organisation(HOSTS, {}, connectors, {})


def works(before: dict[str, Connector], after: dict[str, Connector]) -> list[Work]:
    return [Work(before.get(key), after.get(key)) for key in sorted({*before, *after})]


def states(before: dict[str, Connector], steps: list[Step]) -> list[dict[str, Connector]]:
    """What is there after each step."""
    found = [dict(before)]
    for step in steps:
        now = dict(found[-1])
        if step.old:
            assert now.pop(step.old.key) == step.old, "a step begins where the one before ended"
        if step.new:
            assert step.new.key not in now, "Exchange refuses a name that is taken"
            now[step.new.key] = step.new
        found.append(now)
    return found


def seen(router: Router, host: str, domain: str) -> object:
    """How the mail travels: next hops and TLS, and who it is handed to."""
    route: Route = router.route(host, domain)
    connectors = router.organisation.connectors
    return [(one.next_hops, one.hosts, connectors[one.carrier].tls) for one in route.elements]


def violations(before: dict[str, Connector], after: dict[str, Connector], steps: list[Step]) -> list[str]:
    told = []
    for size in ASKED_SIZES:
        old, new = Router(organisation(before), size), Router(organisation(after), size)
        for place, state in enumerate(states(before, steps)):
            now = Router(organisation(state), size)
            for host in SERVERS:
                for domain in ASKED_DOMAINS:
                    if seen(now, host, domain) not in (seen(old, host, domain), seen(new, host, domain)):
                        told.append(f"after step {place}, {domain} from {host}, a message of {size} bytes")
    return told


@st.composite
def lists(draw: Any) -> list[dict[str, Any]]:
    made = []
    for name in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        spaces = draw(st.lists(st.sampled_from(SPACE_PATTERNS), unique=True, min_size=1, max_size=3))
        raw = {
            "name": name,
            "address_spaces": [f"{space};{draw(st.sampled_from([1, 1, 5, 10]))}" for space in spaces],
            "bridgeheads": draw(st.lists(st.sampled_from(SERVERS), unique=True, min_size=1)),
            "smart_hosts": draw(st.sampled_from([["one.example"], ["two.example"], []])),
            "tls": {"level": draw(st.sampled_from(["opportunistic", "encrypt"]))},
            "enabled": draw(st.sampled_from([True, True, True, False])),
        }
        if draw(st.integers(0, 3)) == 0:
            raw["scope"] = "routing_group"
        if draw(st.booleans()):
            raw["max_message_size"] = draw(st.sampled_from(LIMITS))
        made.append(raw)
    return made


@given(lists(), lists())
def test_every_prefix_gives_the_old_or_the_new_route(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    before, after = read(old), read(new)
    steps, told = arrange(organisation(before), organisation(after), works(before, after), SERVERS)
    assert states(before, steps)[-1] == after
    event(f"said to be unsafe: {bool(told)}")
    if not told:
        assert violations(before, after, steps) == []


@given(lists())
def test_nothing_to_do_gives_no_step(one: list[dict[str, Any]]) -> None:
    connectors = read(one)
    assert arrange(organisation(connectors), organisation(connectors), works(connectors, connectors), SERVERS) == (
        [],
        [],
    )


def one(name: str, *spaces: str, smart_host: str = "one.example", **more: Any) -> dict[str, Any]:
    return {"name": name, "address_spaces": list(spaces), "smart_hosts": [smart_host], "bridgeheads": ["ex1"], **more}


def kinds(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    old, new = read(before), read(after)
    steps, told = arrange(organisation(old), organisation(new), works(old, new), SERVERS)
    assert told or violations(old, new, steps) == []
    return [f"{_kind(step)} {(step.new or step.old or Connector('')).name}" for step in steps], told


def _kind(step: Step) -> str:
    if step.old is None or step.new is None:
        return "create" if step.old is None else "remove"
    return "settings" if step.settings else "spaces"


def test_a_space_that_moves_is_added_before_it_is_dropped() -> None:
    before = [one("a", "x.test", "y.test"), one("b", "z.test", smart_host="two.example")]
    after = [one("a", "x.test"), one("b", "z.test", "y.test", smart_host="two.example")]
    # While both hold y.test the name decides, and that is the old way.
    assert kinds(before, after) == (["spaces b", "spaces a"], [])


def test_a_connector_is_removed_after_the_one_that_replaces_it_was_made() -> None:
    assert kinds([one("a", "x.test")], [one("b", "x.test", smart_host="two.example")]) == (["create b", "remove a"], [])


def test_narrow_spaces_come_before_wide_ones() -> None:
    after = [
        one("a", "*"),
        one("b", "*.x.test", smart_host="two.example"),
        one("c", "in.x.test", smart_host="t.example"),
    ]
    assert kinds([], after) == (["create c", "create b", "create a"], [])


def test_a_change_of_next_hop_and_spaces_that_cannot_be_split_goes_in_one_call() -> None:
    before = [one("a", "x.test"), one("b", "y.test", smart_host="two.example")]
    after = [one("a", "y.test", smart_host="three.example"), one("b", "x.test", smart_host="four.example")]
    ordered, told = kinds(before, after)
    assert told, "no order keeps both ways while the two change places, and the plan has to say so"
    assert len(ordered) >= 2


def test_a_name_is_free_before_it_is_taken() -> None:
    before, after = read([one("a", "x.test"), one("b", "y.test")]), read([one("b", "x.test"), one("c", "y.test")])
    renamed = [Work(before["a"], after["b"]), Work(before["b"], after["c"])]
    steps, _told = arrange(organisation(before), organisation(after), renamed, SERVERS)
    assert states(before, steps)[-1] == after


def test_a_mark_alone_is_one_step_that_changes_no_field() -> None:
    connectors = read([one("a", "x.test")])
    steps, told = arrange(
        organisation(connectors),
        organisation(connectors),
        [Work(connectors["a"], connectors["a"], touch=True)],
        SERVERS,
    )
    assert ([(step.old, step.new, step.settings) for step in steps], told) == (
        [(connectors["a"], connectors["a"], True)],
        [],
    )


def test_a_cost_that_rises_waits_for_the_other_connector() -> None:
    before = [one("a", "x.test;1"), one("b", "x.test;5", smart_host="two.example")]
    after = [one("a", "x.test;10"), one("b", "x.test;5", smart_host="three.example")]
    ordered, told = kinds(before, after)
    assert told == []
    assert ordered == ["settings b", "spaces a"]


def test_settings_change_once() -> None:
    connector = read([one("a", "x.test")])["a"]
    changed = replace(connector, log="verbose", comment="more")
    steps, _told = arrange(
        organisation({"a": connector}), organisation({"a": changed}), [Work(connector, changed)], SERVERS
    )
    assert [step.new for step in steps] == [changed]


def test_larger_mail_has_another_connector_before_the_limit_of_its_own_falls() -> None:
    """By its name a would be changed first, and then nothing would take larger mail until b is changed too."""
    before = [one("a", "x.test"), one("b", "x.test;5", smart_host="two.example", max_message_size="1MB")]
    after = [one("a", "x.test", max_message_size="1MB"), one("b", "x.test;5", smart_host="three.example")]
    assert kinds(before, after) == (["settings b", "settings a"], [])


def calls_of(before: list[dict[str, Any]], after: list[dict[str, Any]], works: list[Work] | None = None) -> int:
    """How many calls of functions it takes to find the order; the same on every machine."""
    old, new = read(before), read(after)
    made = works or [Work(old.get(key), new.get(key)) for key in sorted({*old, *new})]
    profile = cProfile.Profile()
    profile.enable()
    steps, _told = arrange(organisation(old), organisation(new), made, SERVERS)
    profile.disable()
    assert states(old, steps)[-1] == new
    return sum(entry.callcount for entry in profile.getstats())


def many(number: int, first: int = 0) -> list[dict[str, Any]]:
    made = [one(f"c{place:04}", f"d{place + first}.test", smart_host=f"m{place}.example") for place in range(number)]
    return [*made, one("rest", "*")]


def renamed(number: int) -> int:
    """Each takes the name of the next one, which has to be free by then: only the last one can begin."""
    before = many(number)
    after = [{**raw, "name": f"c{place + 1:04}"} for place, raw in enumerate(before[:-1])] + before[-1:]
    old, new = read(before), read(after)
    works = [Work(old[f"c{place:04}"], new[f"c{place + 1:04}"]) for place in range(number)]
    return calls_of(before, after, works)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(lambda number: calls_of([], many(number)), id="made"),
        pytest.param(
            lambda number: calls_of(many(number), many(number, first=1)), id="each takes the space of the next"
        ),
        pytest.param(lambda number: calls_of(many(number), []), id="removed"),
        pytest.param(renamed, id="each takes the name of the next"),
    ],
)
def test_the_work_grows_with_the_list_and_not_with_its_square(count: Callable[[int], int]) -> None:
    assert count(160) < 6 * count(40)
