# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which receive connectors of one server stand in each other's way, and in which order they can change. Pure.

A listener belongs to one service, so connectors of two transport roles need sockets of their own. In one role the connector
with the narrowest range takes a connection, so ranges on one binding may hold one another, but not cross (New-ReceiveConnector,
Bindings and RemoteIPRanges).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .ip_ranges import Binding, IpRange
from .receive_connector import Settings


@dataclass(frozen=True)
class Listener:
    """Where a connector listens, and for whom. role is empty on an Edge server."""

    name: str
    role: str = ""
    bindings: tuple[Binding, ...] = ()
    ranges: tuple[IpRange, ...] = ()


def listener(name: str, settings: Settings) -> Listener:
    return Listener(
        name,
        str(settings.get("transport_role", "")),
        tuple(settings.get("bindings", ())),
        tuple(settings.get("remote_ip_ranges", ())),
    )


def clash(one: Listener, other: Listener) -> str:
    """Why two connectors of one server cannot both be there; empty where they can."""
    if one.role != other.role:
        for binding in one.bindings:
            for taken in other.bindings:
                if binding.same_socket(taken):
                    shown = str(binding) if binding == taken else f"{binding} and {taken}"
                    return f"both listen on {shown}, but belong to two services ({one.role} and {other.role})"
        return ""
    shared = sorted(set(one.bindings) & set(other.bindings))
    crossing = _crossing(one.ranges, other.ranges) if shared else None
    if crossing is None:
        return ""
    mine, theirs = crossing
    if mine == theirs:
        return f"both take {mine} on {shared[0]}"
    return f"the ranges {mine} and {theirs} on {shared[0]} overlap, and none of the two holds the other"


def _crossing(ranges: Sequence[IpRange], others: Sequence[IpRange]) -> tuple[IpRange, IpRange] | None:
    """The first two ranges that overlap without one being a real part of the other."""
    by_start = sorted([*((one, True) for one in ranges), *((one, False) for one in others)], key=lambda pair: pair[0])
    open_ones: list[tuple[IpRange, bool]] = []
    for one, mine in by_start:
        open_ones = [pair for pair in open_ones if pair[0].version == one.version and pair[0].high >= one.low]
        for other, also_mine in open_ones:
            nested = one != other and (one.inside(other) or other.inside(one))
            if mine != also_mine and not nested:
                return (one, other) if mine else (other, one)
        open_ones.append((one, mine))
    return None


def clashes(listeners: Mapping[str, Listener]) -> dict[tuple[str, str], str]:
    """All pairs of connectors of one server that stand in each other's way."""
    keys = sorted(listeners)
    found = {}
    for place, key in enumerate(keys):
        for other in keys[place + 1 :]:
            why = clash(listeners[key], listeners[other])
            if why:
                found[key, other] = why
    return found


# --- the order of changes --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """A connector that changes. old and new: its key before and after; None where it is made or removed."""

    old: str | None
    new: str | None
    listener: Listener | None = None


def arrange(there: Mapping[str, Listener], works: Sequence[Work]) -> tuple[list[int], dict[int, str]]:
    """The places of works in an order in which none is in another's way, and those for which there is no such order.

    New connectors come first and removed ones last, so that nobody is without a listener where that can be avoided.
    """
    state = dict(there)
    order: list[int] = []
    waiting = sorted(range(len(works)), key=lambda place: (_rank(works[place]), place))
    blocked: dict[int, str] = {}
    while waiting:
        blocked = {place: _obstacle(state, works[place]) for place in waiting}
        ready = next((place for place in waiting if not blocked[place]), None)
        if ready is None:
            return order, blocked
        _apply(state, works[ready])
        waiting.remove(ready)
        order.append(ready)
    return order, {}


def _rank(work: Work) -> int:
    return 0 if work.old is None else 2 if work.new is None else 1


def _obstacle(state: Mapping[str, Listener], work: Work) -> str:
    if work.new is None or work.listener is None:
        return ""
    current = state.get(work.old) if work.old else None
    for key, other in sorted(state.items()):
        if key == work.old:
            continue
        if key == work.new:
            return f"the name {other.name} is still taken"
        why = clash(work.listener, other)
        # What stood in the way before this change does not forbid it.
        if why and not (current and clash(current, other)):
            return f"{why} ({other.name})"
    return ""


def _apply(state: dict[str, Listener], work: Work) -> None:
    if work.old is not None:
        state.pop(work.old, None)
    if work.new is not None and work.listener is not None:
        state[work.new] = work.listener
