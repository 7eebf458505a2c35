# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated lists of receive connectors, applied to a simulated organisation by the Python stand-in of exchange_invoke.

What is not proved about Exchange has one of its possible forms in each organisation, drawn from the seed.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from lab.exchange import tasks
from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker
from strategies import receive
from strategies.applied import applied

Raw = dict[str, Any]
SEEDS = st.integers(0, 2**32)
RIGHT = "ms-Exch-SMTP-Accept-Any-Recipient"


def organisation(seed: int) -> Organisation:
    note(f"seed of the organisation: {seed}")
    return Organisation(seed, servers=list(receive.SERVERS))


def apply(there: Organisation, connectors: list[Raw], **options: Any) -> Raw:
    return applied(tasks.receive_connectors, there, connectors, **options)


@given(SEEDS, receive.lists())
def test_a_second_run_finds_nothing_to_do(seed: int, connectors: list[Raw]) -> None:
    there = organisation(seed)
    apply(there, connectors)
    second = Invoker(there)
    result = apply(there, connectors, invoke=second)
    assert (result["changed"], result["plan"], result["commands"]) == (False, [], [])
    assert second.sessions == 1


@given(SEEDS, receive.lists(), receive.lists())
def test_one_list_after_another(seed: int, first: list[Raw], then: list[Raw]) -> None:
    there = organisation(seed)
    apply(there, first)
    announced = apply(there, then, check_mode=True, purge=True)
    invoke = Invoker(there)
    done = apply(there, then, purge=True, invoke=invoke)
    assert (announced["commands"], announced["plan"]) == (done["commands"], done["plan"])
    assert invoke.sessions == (2 if done["changed"] else 1)
    assert apply(there, then, purge=True)["plan"] == []
    assert {one["name"] for one in tasks.information(there)["receive_connectors"]} == {one["name"] for one in then}


@given(SEEDS, receive.lists(), receive.lists())
def test_what_goes_can_go_in_a_run_of_its_own(seed: int, first: list[Raw], then: list[Raw]) -> None:
    whole, halves = organisation(seed), organisation(seed)
    for there in (whole, halves):
        apply(there, first)
    apply(whole, then, purge=True)
    announced = [apply(halves, then, purge=True, removals=word, check_mode=True) for word in ("later", "only")]
    done = [apply(halves, then, purge=True, removals=word) for word in ("later", "only")]
    assert [one["plan"] for one in announced] == [one["plan"] for one in done]
    assert tasks.information(halves)["receive_connectors"] == tasks.information(whole)["receive_connectors"]
    assert not apply(halves, then, purge=True)["changed"]


@given(SEEDS, receive.lists())
def test_what_info_returns_can_be_given_back(seed: int, connectors: list[Raw]) -> None:
    there = organisation(seed)
    apply(there, connectors)
    found = tasks.information(there)
    result = apply(there, found["receive_connectors"], hosts=found["hosts"], purge=True)
    assert (result["plan"], result["changed"]) == ([], False)
    relaying = {
        (name, server) for one in connectors for server in one["servers"] for name in [one["name"]] if relays(one)
    }
    told = {(one["name"], host) for one in found["receive_connectors"] for host in one["servers"] if "relay" in one}
    assert told == relaying


def relays(one: Raw) -> bool:
    return one.get("relay", "none") != "none"


@given(SEEDS, receive.lists(), receive.lists())
def test_at_no_moment_may_more_hosts_relay_than_before_or_after(seed: int, first: list[Raw], then: list[Raw]) -> None:
    """The oracle looks at what the directory holds, after every cmdlet."""
    there = organisation(seed)
    apply(there, first, purge=True)
    before = may_relay(there)
    seen: list[set[tuple[str, str]]] = []
    call = there.call

    def watched(cmdlet: str, parameters: Raw) -> Any:
        answer = call(cmdlet, parameters)
        if not cmdlet.startswith("Get-"):
            seen.append(may_relay(there))
        return answer

    there.call = watched  # type: ignore[method-assign]
    result = apply(there, then, purge=True)
    there.call = call  # type: ignore[method-assign]
    after = may_relay(there)
    for place, now in enumerate(seen):
        assert now <= before | after, result["commands"][: place + 1]


def may_relay(there: Organisation) -> set[tuple[str, str]]:
    """The ranges from which a server lets everybody relay, by an entry for strangers or as externally secured."""
    found = set()
    for one in there.directory.objects(there.directory.controllers[0], "ReceiveConnector"):
        anonymous = "AnonymousUsers" in one.values["PermissionGroups"] and any(
            entry.right == RIGHT and not entry.inherited for entry in one.entries
        )
        if anonymous or "ExternalAuthoritative" in one.values["AuthMechanism"]:
            found |= {(str(one.values["Server"]), str(range_)) for range_ in one.values["RemoteIPRanges"]}
    return found
