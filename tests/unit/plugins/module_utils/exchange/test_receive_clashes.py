# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors of one server that stand in each other's way, and the order in which they can change."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.ip_ranges import BINDINGS, RANGES
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_clashes import (
    Listener,
    Work,
    arrange,
    clash,
)
from hypothesis import given
from hypothesis import strategies as st


def listener(name: str, bindings: str, ranges: str, role: str = "frontend_transport") -> Listener:
    return Listener(name, role, BINDINGS.read(bindings), RANGES.read(ranges))


ALL = "0.0.0.0-255.255.255.255"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (("0.0.0.0:25", ALL), ("0.0.0.0:25", "10.0.0.0/8"), ""),
        (("0.0.0.0:25", "10.0.0.0/8"), ("0.0.0.0:25", "10.0.0.0/8"), "both take 10.0.0.0/8"),
        (("0.0.0.0:25", "10.0.0.1,10.0.0.2"), ("0.0.0.0:25", "10.0.0.2-10.0.0.2"), "both take 10.0.0.2"),
        (("0.0.0.0:25", "10.0.0.1-10.0.0.9"), ("0.0.0.0:25", "10.0.0.5-10.0.0.20"), "overlap"),
        (("0.0.0.0:25", "10.0.0.1-10.0.0.9"), ("0.0.0.0:26", "10.0.0.5-10.0.0.20"), ""),
        (("0.0.0.0:25", "10.0.0.1-10.0.0.9"), ("192.0.2.1:25", "10.0.0.5-10.0.0.20"), ""),
        (("0.0.0.0:25", "10.0.0.1"), ("0.0.0.0:25", "2001:db8::1"), ""),
        (("0.0.0.0:25", ALL), ("0.0.0.0:25", "10.0.0.1", "hub_transport"), "two services"),
        (("0.0.0.0:25", ALL), ("192.0.2.1:25", "10.0.0.1", "hub_transport"), "two services"),
        (("192.0.2.2:25", ALL), ("192.0.2.1:25", "10.0.0.1", "hub_transport"), ""),
        (("0.0.0.0:25,[::]:25", ALL), ("[::]:25", "10.0.0.1", "hub_transport"), "[::]:25"),
    ],
)
def test_clash(one: tuple[str, ...], other: tuple[str, ...], words: str) -> None:
    found = clash(listener("a", *one), listener("b", *other))
    assert words in found and bool(found) == bool(words)
    assert bool(clash(listener("b", *other), listener("a", *one))) == bool(words)


RANGE = st.tuples(st.integers(0, 12), st.integers(0, 6)).map(lambda pair: f"10.0.0.{pair[0]}-10.0.0.{sum(pair)}")
SOME = st.lists(RANGE, min_size=1, max_size=4)


@given(SOME, SOME)
def test_clash_agrees_with_every_pair_of_ranges(one: list[str], other: list[str]) -> None:
    crossing = any(
        mine.overlaps(theirs) and (mine == theirs or not (mine.inside(theirs) or theirs.inside(mine)))
        for mine, theirs in itertools.product(RANGES.read(one), RANGES.read(other))
    )
    left, right = (
        Listener(name, "", BINDINGS.read("0.0.0.0:25"), RANGES.read(some)) for name, some in (("a", one), ("b", other))
    )
    assert bool(clash(left, right)) == crossing


def test_whoever_gives_a_place_up_goes_first() -> None:
    there = {"a": listener("a", "0.0.0.0:25", "10.0.0.1,10.0.0.2")}
    works = [
        Work(None, "b", listener("b", "0.0.0.0:25", "10.0.0.2")),
        Work("a", "a", listener("a", "0.0.0.0:25", "10.0.0.1")),
    ]
    assert arrange(there, works) == ([1, 0], {})


def test_new_ones_first_and_removed_ones_last() -> None:
    there = {"a": listener("a", "0.0.0.0:25", "10.0.0.1"), "b": listener("b", "0.0.0.0:25", "10.0.0.2")}
    works = [
        Work("a", None),
        Work("b", "b", listener("b", "0.0.0.0:26", "10.0.0.2")),
        Work(None, "c", listener("c", "0.0.0.0:27", ALL)),
    ]
    assert arrange(there, works) == ([2, 1, 0], {})


def test_one_that_is_in_the_way_is_removed_before() -> None:
    there = {"a": listener("a", "0.0.0.0:25", "10.0.0.1")}
    works = [Work(None, "b", listener("b", "0.0.0.0:25", "10.0.0.1")), Work("a", None)]
    assert arrange(there, works) == ([1, 0], {})


def test_two_that_take_each_others_place() -> None:
    there = {"a": listener("a", "0.0.0.0:25", "10.0.0.1"), "b": listener("b", "0.0.0.0:25", "10.0.0.2")}
    works = [
        Work("a", "a", listener("a", "0.0.0.0:25", "10.0.0.2")),
        Work("b", "b", listener("b", "0.0.0.0:25", "10.0.0.1")),
    ]
    order, blocked = arrange(there, works)
    assert order == [] and set(blocked) == {0, 1}
    assert "both take 10.0.0.2" in blocked[0]


def test_a_name_that_moves_on() -> None:
    there = {"a": listener("a", "0.0.0.0:25", "10.0.0.1")}
    works = [
        Work(None, "a", listener("a", "0.0.0.0:26", "10.0.0.1")),
        Work("a", "b", listener("b", "0.0.0.0:25", "10.0.0.1")),
    ]
    assert arrange(there, works) == ([1, 0], {})
