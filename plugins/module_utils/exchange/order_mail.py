# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which mail an order of changes touches: the address spaces near a change, sizes of messages, and ways that mail takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..connector.address_space import Pattern, wider
from ..connector.model import Connector
from ..connector.routing import Route, Router
from ..connector.topology import Organisation
from ..connector.values import UNLIMITED


class Change(Protocol):
    """One connector from what it is to what it shall be."""

    @property
    def old(self) -> Connector | None: ...

    @property
    def new(self) -> Connector | None: ...


class Routes:
    """Where mail for a pattern goes, as far as an administrator would call it another route."""

    def __init__(self, organisation: Organisation, hosts: Sequence[str]) -> None:
        self.router = Router(organisation)
        self.hosts = hosts
        self._of_size: dict[int | None, Router] = {None: self.router}
        self._ways: dict[tuple[str, Pattern, int | None], tuple[Any, ...]] = {}

    def way(self, host: str, pattern: Pattern, size: int | None) -> tuple[Any, ...]:
        """For the domain itself and for what is below it, and for a message of this size."""
        asked = (host, pattern, size)
        if asked not in self._ways:
            self._ways[asked] = self._way(*asked)
        return self._ways[asked]

    def _way(self, host: str, pattern: Pattern, size: int | None) -> tuple[Any, ...]:
        if size not in self._of_size:
            self._of_size[size] = self.router.for_size(size)
        router = self._of_size[size]
        below = self._told(router.route_below(host, pattern))
        if pattern.is_everything:
            return (below,)
        return (self._told(router.route(host, pattern.domain)), below)

    def _told(self, route: Route) -> tuple[Any, ...]:
        connectors = self.router.organisation.connectors
        carriers = [connectors[element.carrier] for element in route.elements]
        return tuple(
            (element.next_hops, element.hosts, carrier.tls, carrier.authentication)
            for element, carrier in zip(route.elements, carriers)
        )


class Spaces:
    """All address spaces that play a part, which of them hold which, and where the size of a message decides."""

    def __init__(self, connectors: Iterable[Connector], works: Sequence[Change]) -> None:
        self.known: set[Pattern] = set()
        self._limits: dict[Pattern, set[int]] = {}
        self._works: dict[Pattern, set[int]] = {}
        self._below: dict[Pattern, set[Pattern]] = {}
        for connector in connectors:
            self._learn(patterns_of(connector), (connector,))
        for place, work in enumerate(works):
            # On its way from the one to the other a connector may have the old spaces at the new limit.
            patterns = patterns_of(work.old) | patterns_of(work.new)
            self._learn(patterns, [one for one in (work.old, work.new) if one])
            for pattern in patterns:
                self._works.setdefault(pattern, set()).add(place)
        for pattern in self.known:
            for holder in _holders(pattern):
                if holder in self.known:
                    self._below.setdefault(holder, set()).add(pattern)

    def _learn(self, patterns: set[Pattern], connectors: Iterable[Connector]) -> None:
        self.known |= patterns
        limits = {one.max_message_size for one in connectors} - {UNLIMITED}
        for pattern in patterns if limits else ():
            self._limits.setdefault(pattern, set()).update(limits)

    def below(self, patterns: Iterable[Pattern]) -> set[Pattern]:
        """The known patterns whose mail these can take, themselves included."""
        return {one for pattern in patterns for one in self._below.get(pattern, ())}

    def holders(self, patterns: Iterable[Pattern]) -> set[Pattern]:
        """The known patterns that can take mail of these."""
        return {one for pattern in patterns for one in _holders(pattern) if one in self.known}

    def works_near(self, patterns: Iterable[Pattern]) -> set[int]:
        """The works with a space whose safety may depend on these: one that takes mail which these may take too."""
        near = self.holders(self.below(patterns))
        return {place for pattern in near for place in self._works.get(pattern, ())}

    def sizes(self, patterns: Iterable[Pattern]) -> list[int | None]:
        """One size for each class of messages that the connectors of these patterns tell apart."""
        limits = sorted({limit for pattern in patterns for limit in self._limits.get(pattern, ())})
        return [*limits, limits[-1] + 1] if limits else [None]


def _holders(pattern: Pattern) -> tuple[Pattern, ...]:
    if pattern.is_everything:
        return (pattern,)
    # Mail below contoso.com without its own space for subdomains counts too: a query looks at both.
    return (Pattern(pattern.domain, False), Pattern(pattern.domain, True), *wider(pattern))


def patterns_of(connector: Connector | None) -> set[Pattern]:
    return {space.pattern for space in connector.address_spaces if space.type == "SMTP"} if connector else set()
