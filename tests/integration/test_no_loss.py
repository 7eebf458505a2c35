# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No message is lost while an organisation is changed: a steady stream of numbered messages, counted at the sinks.

Beside each change stands what a single host does that takes the new list too early: it loses mail, so the stream notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lab import rollout
from lab.mail import STRANGER
from lab.rollout import DOMAINS, HOSTS, SINKS, Organisation, Raw, connector
from lab.stream import AddressClass, Stream, during, flowing
from lab.stream_count import Count, Way

ONE = connector("one", "one.example", "one", "east")
TWO = connector("two", "two.example", "two", "west")
REST = connector("rest", "*", "rest", "west")
LIST = [ONE, TWO, REST]


def costs(east: int, west: int) -> list[Raw]:
    """Mail for one.example goes by two connectors, the dearer one while the other does not answer."""
    by_east = connector("one by east", f"one.example;{east}", "one", "east")
    by_west = connector("one by west", f"one.example;{west}", "two", "west")
    return [by_east, by_west, REST]


@dataclass(frozen=True)
class Change:
    """too_early: a host that loses mail when it changes first. ways: (domain, host) -> the ways that its mail may take, the old
    one first, the new one last."""

    before: Sequence[Raw]
    after: Sequence[Raw]
    too_early: str
    ways: dict[tuple[str, str], Sequence[Way]]
    passes: int = 1


CHANGES = {
    "whole rollout": Change(
        [],
        LIST,
        "app",
        {
            ("one.example", "app"): [("app", "mx"), ("app", "east", "one")],
            ("one.example", "east"): [("east", "mx"), ("east", "one")],
            ("rest.example", "east"): [("east", "mx"), ("east", "west", "rest")],
        },
        passes=2,
    ),
    "costs swapped": Change(
        costs(1, 9),
        costs(9, 1),
        "east",
        {
            ("one.example", "app"): [("app", "east", "one"), ("app", "east", "west", "two"), ("app", "west", "two")],
            ("one.example", "east"): [("east", "one"), ("east", "west", "two")],
            ("one.example", "west"): [("west", "east", "one"), ("west", "two")],
        },
    ),
    "another bridgehead": Change(
        LIST,
        [{**ONE, "bridgeheads": ["west"]}, TWO, REST],
        "east",
        {
            ("one.example", "app"): [("app", "east", "one"), ("app", "west", "one")],
            ("one.example", "east"): [("east", "one"), ("east", "west", "one")],
            ("one.example", "west"): [("west", "east", "one"), ("west", "one")],
        },
    ),
    "bridgeheads swapped": Change(
        LIST,
        [{**ONE, "bridgeheads": ["west"]}, {**TWO, "bridgeheads": ["east"]}, REST],
        "east",
        {
            ("one.example", "east"): [("east", "one"), ("east", "west", "one")],
            ("two.example", "west"): [("west", "two"), ("west", "east", "two")],
            ("two.example", "app"): [("app", "west", "two"), ("app", "east", "two")],
        },
        passes=2,
    ),
    "a connector removed": Change(
        LIST,
        [TWO, REST],
        "east",
        {
            ("one.example", "app"): [("app", "east", "one"), ("app", "west", "rest")],
            ("one.example", "east"): [("east", "one"), ("east", "west", "rest")],
        },
    ),
}
every_change = pytest.mark.parametrize("name", CHANGES)


@pytest.fixture(scope="module")
def organisation() -> Iterator[Organisation]:
    with rollout.organisation(HOSTS, SINKS, DOMAINS) as made:
        yield made


def faults(count: Count, change: Change) -> dict[str, list[str]]:
    """What went wrong. Nothing took another way than those expected, the old one was taken before and the new one afterwards."""
    print(count.summary())
    for (domain, host), ways in change.ways.items():
        assert {ways[0], ways[-1]} <= count.ways(domain, host) <= set(ways)
        assert count.last_way(domain, host) == ways[-1]
    return count.faults()


@every_change
def test_a_host_that_changes_too_early_loses_mail(organisation: Organisation, name: str) -> None:
    change = CHANGES[name]
    organisation.begin_with(change.before)
    stream = organisation.stream(rate=60)
    with flowing(stream, rounds=1):
        organisation.take(change.too_early, change.after)
    count = stream.count()
    print(count.summary())
    assert set(count.faults()) == {"bounced"}


@every_change
def test_in_the_order_of_a_rollout_nothing_is_lost(organisation: Organisation, name: str) -> None:
    """Mail of every class is submitted at every host between each two steps."""
    change = CHANGES[name]
    organisation.begin_with(change.before)
    steps = list(organisation.steps(change.after))
    assert len(steps) == change.passes * len(HOSTS)
    stream = organisation.stream(rate=60)
    with flowing(stream):
        for step in steps:
            organisation.take(*step)
            stream.flow(1)
    assert faults(stream.count(), change) == {}


@pytest.mark.parametrize("name", ["whole rollout", "bridgeheads swapped"])
def test_provision_loses_nothing(organisation: Organisation, name: str) -> None:
    verify = name == "whole rollout"
    assert run(organisation, CHANGES[name], "provision", CHANGES[name].after, smtp_connectors_verify=verify) == {}


def test_remove_loses_nothing(organisation: Organisation) -> None:
    change = CHANGES["a connector removed"]
    names = {"smtp_connectors_remove": ["one"], "smtp_connectors_verify": False}
    assert run(organisation, change, "remove", change.before, **names) == {}


def test_replace_bridgehead_loses_nothing(organisation: Organisation) -> None:
    change = CHANGES["another bridgehead"]
    names = {"smtp_connectors_old_bridgehead": "east", "smtp_connectors_new_bridgeheads": ["west"]}
    assert run(organisation, change, "replace_bridgehead", change.before, smtp_connectors_verify=False, **names) == {}


def run(
    organisation: Organisation, change: Change, playbook: str, connectors: Sequence[Raw], **variables: Any
) -> dict[str, list[str]]:
    """What goes wrong while a playbook makes the change. (Each host verified would take as long again, and send no mail.)"""
    organisation.begin_with(change.before)
    made, count = during(organisation.stream(rate=10), lambda: organisation.run(playbook, connectors, **variables))
    made.expect_success()
    return faults(count, change)


def test_the_count_sees_what_goes_wrong(organisation: Organisation) -> None:
    organisation.begin_with(LIST)
    east, sinks = organisation.instances["east"], organisation.sinks
    classes = [AddressClass(domain, ("east",)) for domain in ("one.example", "two.example", "rest.example")]
    classes.append(AddressClass("stranger.example", ("east",), STRANGER))
    stream = Stream(organisation.instances, list(sinks.values()), classes, rate=60)
    sinks["one"].stop()
    sinks["two"].faults["rcpt"] = "550 5.1.1 unknown"
    with flowing(stream, rounds=1):
        pass
    east.inject("a@here.example", f"{stream.name}-2@rest.example")
    east.wait_until(lambda: all(all(one.reasons) for one in east.queue()), "only what cannot leave is left")
    organisation.instances["west"].wait_for_empty_queue()
    waiting = stream.count(timeout=0).faults()
    east.run("postsuper", "-d", "ALL")
    found = stream.count()
    sinks["one"].start()
    sinks["two"].faults.clear()
    print(found.summary())
    each = len(found.sent) // len(classes)
    assert list(waiting) == ["bounced", "arrived twice", "still waiting", "refused"]
    assert list(found.faults()) == ["lost", "bounced", "arrived twice", "refused"]
    assert {found.sent[number].domain for number in found.lost} == {"one.example"} and len(found.lost) >= each
    assert {found.sent[number].domain for number in found.bounced} == {"two.example"} and len(found.bounced) >= each
    assert {found.sent[number].domain for number in found.rejected} == {"stranger.example"}
    assert found.twice == [2]


def test_what_is_refused_for_now_is_tried_again(organisation: Organisation) -> None:
    """As real clients do; a server that does not answer is the same."""
    organisation.begin_with(LIST)
    west = organisation.instances["west"]
    stream = organisation.stream(hosts=["west"], rate=60)
    west.configure(smtpd_client_restrictions="defer")
    west.reload()
    with stream:
        stream.flow(1)
        west.wait_until(lambda: any(sent.refusals for sent in stream.sent), "a message is refused for now")
        west.stop()
        stream.flow(1)
        west.configure(smtpd_client_restrictions=None)
        west.start()
    count = stream.count()
    assert count.repeated > 0
    assert count.faults() == {}
    assert len(count.accepted) == len(count.sent)
