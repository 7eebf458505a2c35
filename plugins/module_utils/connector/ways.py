# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of mail as one host sees it: where it hands each class of addresses to, and whose mail it expects. Pure.

Hosts may see different organisations at the same time: while a rollout is under way, or after one that was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from . import journey
from .address_space import Pattern
from .routing import Route, Router
from .senders import expected

LOCAL, SENT, NO_ROUTE, FOREIGN = "local", "sent", "no_route", "foreign"


class AddressClass(NamedTuple):
    """Addresses that take the same way: those of one domain, or (domain is None) whatever is below a pattern and in no
    narrower space."""

    pattern: Pattern
    domain: str | None

    def __str__(self) -> str:
        return self.domain or str(self.pattern)


class Way(NamedTuple):
    """What a host does with a class of addresses. Two ways are equal when mail goes the same way, whatever the connectors
    are called."""

    kind: str
    hops: tuple[tuple[str, ...], ...] = ()
    successors: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        return self.kind in (NO_ROUTE, FOREIGN)


class View:
    """One organisation, as the hosts see it that were told of it."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self._known: dict[Route, Way] = {}
        self._ways: dict[tuple[str, AddressClass], Way] = {}

    def classes(self) -> set[AddressClass]:
        return {AddressClass(pattern, domain) for pattern, domain in journey.keys(self.router)}

    def way(self, host: str, asked: AddressClass) -> Way:
        key = (host, asked)
        if key not in self._ways:
            self._ways[key] = self._way(host, asked)
        return self._ways[key]

    def _way(self, host: str, asked: AddressClass) -> Way:
        if asked.domain and self.router.is_local(host, asked.domain):
            return Way(LOCAL)
        return self._of(host, journey.route_of(self.router, host, asked.pattern, asked.domain))

    def _of(self, host: str, route: Route) -> Way:
        if not route.elements:
            return Way(FOREIGN if route.foreign else NO_ROUTE)
        plain = route._replace(pattern=None, cost=0)
        if plain not in self._known:
            hops = tuple(element.hosts or tuple(map(str, element.next_hops)) for element in route.elements)
            self._known[plain] = Way(SENT, hops, self.router.successors(host, route))
        return self._known[plain]

    def expects(self, sender: str, receiver: str) -> bool:
        """Whether a Postfix host that sees this organisation lets a known host relay: that host's routes or its own
        connectors lead there."""
        return (sender, receiver) in expected(self.router)


State = Mapping[str, View]
"""What each host sees, by its name."""


def ways_of(state: State, asked: AddressClass) -> dict[str, Way]:
    return {host: view.way(host, asked) for host, view in state.items()}


def classes_of(states: Iterable[State]) -> list[AddressClass]:
    """Every class of addresses that some host of some state treats apart."""
    views = {id(view): view for state in states for view in state.values()}
    return sorted(
        {one for view in views.values() for one in view.classes()}, key=lambda one: (one.pattern, one.domain or "")
    )


def reach(start: str, successors: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The hosts that mail may come to from a host, without the host itself unless it comes back."""
    found: set[str] = set()
    pending = list(successors.get(start, ()))
    while pending:
        host = pending.pop()
        if host not in found:
            found.add(host)
            pending.extend(successors.get(host, ()))
    return frozenset(found)


class Step(NamedTuple):
    """A host hands over to another one."""

    sender: str
    target: str


def steps_from(start: str, successors: Mapping[str, tuple[str, ...]]) -> set[Step]:
    """Every step that mail may take from a host on."""
    return {Step(host, target) for host in (start, *reach(start, successors)) for target in successors.get(host, ())}


def successors_of(ways: Mapping[str, Way]) -> dict[str, tuple[str, ...]]:
    """The known hosts that each host hands over to."""
    return {host: way.successors for host, way in ways.items()}


def failing(ways: Mapping[str, Way]) -> set[str]:
    """The hosts whose mail may come to one that has no route for it."""
    lost = {host for host, way in ways.items() if way.fails}
    if not lost:
        return lost
    successors = successors_of(ways)
    return {host for host in ways if host in lost or not lost.isdisjoint(reach(host, successors))}


def circling(ways: Mapping[str, Way]) -> set[str]:
    """The hosts whose mail may come back to a host that it passed. Hosts that do not have the same list may make a circle that none
    of them sees."""
    successors = successors_of(ways)
    behind = {host: reach(host, successors) for host in ways}
    circle = {host for host in ways if host in behind[host]}
    return {host for host in ways if host in circle or not circle.isdisjoint(behind[host])} if circle else circle
