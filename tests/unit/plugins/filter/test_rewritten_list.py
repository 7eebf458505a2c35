# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that remove, lists with other bridgeheads, and what still names a host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.filter.replacement_problem import replacement_problem
from ansible_collections.mailops.connectors.plugins.filter.rewritten_list import rewritten_list
from ansible_collections.mailops.connectors.plugins.filter.still_naming import still_naming

HOSTS = {"A": {"address": "192.0.2.1"}, "B": {"address": "192.0.2.2"}, "C": {"address": "192.0.2.3"}}


def connector(name: str, *bridgeheads: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "address_spaces": [f"{name}.example"], "bridgeheads": list(bridgeheads), **more}


def test_a_list_comes_back_as_it_is() -> None:
    given = [connector("one", "A")]
    assert rewritten_list(given) == given


def test_a_removal_says_nothing_but_what_goes() -> None:
    assert rewritten_list([connector("one", "A")], remove=["One", "two"]) == [
        {"name": "One", "state": "absent"},
        {"name": "two", "state": "absent"},
    ]
    assert rewritten_list([connector("one", "A")], remove=[]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["A"], ["B", "C"]),
        (["a"], ["B", "C"]),
        (["A", "B"], ["B", "C"]),
        (["C", "A"], ["B", "C"]),
        (["B"], ["B"]),
    ],
)
def test_new_bridgeheads_stand_in_the_place_of_the_old_one(before: list[str], after: list[str]) -> None:
    given = connector("one", *before, authentication={"password": "secret"}, smart_hosts=["192.0.2.1"])
    (made,) = rewritten_list([given], old="A", new=["B", "C"])
    assert sorted(made["bridgeheads"]) == after
    assert {**made, "bridgeheads": before} == given


def test_only_a_list_can_be_rewritten() -> None:
    with pytest.raises(AnsibleFilterError, match="takes a list of connectors, not a dict"):
        rewritten_list({}, old="A", new=["B"])


BOTH = {"ex1": {"system": "exchange"}, "A": {"system": "postfix"}, "B": {"system": "postfix"}}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "A",
            ["C"],
            "A cannot be replaced by C: nobody knows C. Remedy: name hosts of the groups exchange and postfix",
        ),
        ("A", [], "A cannot be replaced by nothing: it has to be other hosts. Remedy: name hosts"),
        ("A", ["B", "A"], "A cannot be replaced by B, A: it has to be other hosts."),
        ("A", ["B", "ex1"], "A is a Postfix host, and ex1 an Exchange server; a connector belongs to one system"),
        ("ex1", ["B"], "ex1 is an Exchange server, and B a Postfix host"),
    ],
)
def test_why_a_bridgehead_cannot_be_replaced(old: str, new: list[str], told: str) -> None:
    assert told in replacement_problem(old, new, BOTH)
    assert replacement_problem("A", ["B"], BOTH) == ""


def test_nothing_names_a_host_that_is_gone() -> None:
    assert still_naming("A", [connector("one", "B")], hosts=HOSTS, there=[None, {"sets": {}}]) == []


def test_all_that_names_a_host_is_told_once() -> None:
    other = {"connectors": [connector("theirs", "A"), connector("also", "B", smart_hosts=["192.0.2.1"])]}
    there = {"sets": {"default": {"connectors": [connector("one", "A")]}, "second": other}, "unmanaged": ["relayhost"]}
    exchange = {"sets": {}, "unmanaged": [connector("by hand", "C", smart_hosts=["[192.0.2.1]:25"])]}
    assert still_naming(
        "A",
        [connector("one", "B"), connector("two", "B", smart_hosts=["192.0.2.1"])],
        hosts=HOSTS,
        there=[there, there, exchange],
        receive_connectors=[{"name": "Apps", "servers": ["a", "C"]}, {"name": "Scanners", "servers": ["C"]}],
        written=[connector("one", "A")],
    ) == [
        'the list as it is written has it as a bridgehead of "one"',
        '"two" names it as a smart host',
        '"by hand", which no set has, names it as a smart host',
        'the set "second" has it as a bridgehead of "theirs"',
        '"also" of the set "second" names it as a smart host',
        'the receive connector "Apps" is on it',
    ]
