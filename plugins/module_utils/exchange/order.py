# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of changes in which every address has its old or its new route after each of them. Pure.

Exchange has no transaction: each cmdlet takes effect at once. So a change of a connector is taken apart into what can be done
alone (its other settings, new spaces, old spaces), and the order is searched with the route function itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..connector.address_space import AddressSpace, Pattern, wider
from ..connector.model import Connector
from ..connector.routing import Route, Router
from ..connector.topology import Organisation

SETTINGS, WIDEN, NARROW = "settings", "widen", "narrow"
# What is tried first: new connectors, then what adds, then what takes away. A call that does more than one of these at once
# is tried where nothing less is safe.
_MOVES: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            ("create",),
            (SETTINGS, WIDEN),
            (WIDEN,),
            (SETTINGS,),
            (NARROW,),
            ("remove",),
            (SETTINGS, NARROW),
            (WIDEN, NARROW),
            (SETTINGS, WIDEN, NARROW),
        ),
    )
)


@dataclass(frozen=True)
class Work:
    """One connector from what it is to what it shall be. touch: something is written that no field shows (mark, password)."""

    old: Connector | None
    new: Connector | None
    touch: bool = False


@dataclass(frozen=True)
class Step:
    """One cmdlet. work: the place of the work that it belongs to. settings: everything but the spaces is written too."""

    work: int
    old: Connector | None
    new: Connector | None
    settings: bool = False


def arrange(
    before: Organisation, after: Organisation, works: Sequence[Work], hosts: Sequence[str]
) -> tuple[list[Step], list[str]]:
    """The steps in a safe order, and a sentence for each place where no order is wholly safe.

    hosts: from which routes are looked at. Works that change nothing give no step.
    """
    search = _Search(before, after, works, hosts)
    steps: list[Step] = []
    told: list[str] = []
    while search.waiting:
        taken = search.sweep()
        if not taken:
            taken, sentence = search.force()
            told.append(sentence)
        steps += taken
    return steps, told


class _Search:
    """The state between the steps, and what is still to do."""

    def __init__(self, before: Organisation, after: Organisation, works: Sequence[Work], hosts: Sequence[str]) -> None:
        self.organisation = before
        self.routes = (_Routes(before, hosts), _Routes(after, hosts))
        self.hosts = hosts
        self.works = works
        self.now: list[Connector | None] = [work.old for work in works]
        self.touched = [not work.touch for work in works]
        self.names = set(before.connectors)
        self.holding: dict[Pattern, dict[str, Connector]] = {}
        for connector in before.connectors.values():
            self._hold(connector)
        self.space = _Spaces([*before.connectors.values(), *after.connectors.values()])
        waiting = [place for place in range(len(works)) if self._remaining(place)]
        self.waiting = sorted(waiting, key=lambda place: _narrow_first(works[place]))

    def _remaining(self, place: int) -> frozenset[str]:
        now, new = self.now[place], self.works[place].new
        if now is None or new is None:
            return frozenset() if now is new else frozenset(("create" if now is None else "remove",))
        parts = set()
        if not self.touched[place] or replace(now, address_spaces=()) != replace(new, address_spaces=()):
            parts.add(SETTINGS)
        if _widened(now, new) != now.address_spaces:
            parts.add(WIDEN)
        if _narrowed(now, new) != now.address_spaces:
            parts.add(NARROW)
        return frozenset(parts)

    def sweep(self) -> list[Step]:
        """One pass over all kinds of moves; whatever is safe is taken."""
        taken: list[Step] = []
        for move in _MOVES:
            for place in list(self.waiting):
                if move <= self._remaining(place):
                    step = self._step(place, move)
                    if self._is_possible(step) and not self._broken(step):
                        self._take(step)
                        taken.append(step)
        return taken

    def force(self) -> tuple[list[Step], str]:
        """Where nothing is safe, one connector is brought to its end at once, and what that means is said."""
        free = [step for step in map(self._whole, self.waiting) if self._is_possible(step)]
        step = free[0] if free else self._whole(self.waiting[0])
        broken = self._broken(step)
        self._take(step)
        shown = step.new or step.old
        name = shown.name if shown else ""
        return [step], (
            f'for a moment after the change of "{name}", mail for {broken or "some addresses"} takes neither its old nor its '
            "new route, because no order of the cmdlets avoids that"
        )

    def _whole(self, place: int) -> Step:
        return self._step(place, self._remaining(place))

    def _step(self, place: int, move: frozenset[str]) -> Step:
        now, new = self.now[place], self.works[place].new
        if now is None or new is None:
            return Step(place, now, new, settings=new is not None)
        made = replace(new, address_spaces=now.address_spaces) if SETTINGS in move else now
        if WIDEN in move:
            made = replace(made, address_spaces=_widened(made, new))
        if NARROW in move:
            made = replace(made, address_spaces=_narrowed(made, new))
        return Step(place, now, made, SETTINGS in move)

    def _hold(self, connector: Connector) -> None:
        for pattern in _patterns(connector):
            self.holding.setdefault(pattern, {})[connector.key] = connector

    def _take(self, step: Step) -> None:
        self.now[step.work] = step.new
        if step.old:
            self.names.discard(step.old.key)
            for pattern in _patterns(step.old):
                self.holding[pattern].pop(step.old.key, None)
        if step.new:
            self.names.add(step.new.key)
            self._hold(step.new)
        self.touched[step.work] = self.touched[step.work] or step.settings
        if not self._remaining(step.work):
            self.waiting.remove(step.work)

    def _is_possible(self, step: Step) -> bool:
        """Exchange refuses a name that another connector still has, and a connector without address spaces."""
        if step.new is None:
            return True
        if step.old is not None and step.old.address_spaces and not step.new.address_spaces:
            return False
        return (step.old is not None and step.old.key == step.new.key) or step.new.key not in self.names

    def _broken(self, step: Step) -> str:
        """An address space whose mail would take neither its old nor its new route after the step; empty if there is none."""
        touched = _patterns(step.old) | _patterns(step.new)
        queries = sorted(self.space.below(touched))
        trial: dict[str, Connector] = {}
        for pattern in self.space.holders(queries):
            trial.update(self.holding.get(pattern, {}))
        if step.old:
            trial.pop(step.old.key, None)
        if step.new:
            trial[step.new.key] = step.new
        routes = _Routes(replace(self.organisation, connectors=trial), self.hosts)
        for pattern in queries:
            for host in self.hosts:
                way = routes.way(host, pattern)
                if any(part not in known for part, known in zip(way, self._known(host, pattern))):
                    return str(pattern)
        return ""

    def _known(self, host: str, pattern: Pattern) -> list[tuple[Any, Any]]:
        return list(zip(self.routes[0].way(host, pattern), self.routes[1].way(host, pattern)))


class _Routes:
    """Where mail for a pattern goes, as far as an administrator would call it another route."""

    def __init__(self, organisation: Organisation, hosts: Sequence[str]) -> None:
        self.router = Router(organisation)
        self.hosts = hosts

    def way(self, host: str, pattern: Pattern) -> tuple[Any, ...]:
        """For the domain itself and for what is below it."""
        below = self._told(self.router.route_below(host, pattern))
        if pattern.is_everything:
            return (below,)
        return (self._told(self.router.route(host, pattern.domain)), below)

    def _told(self, route: Route) -> tuple[Any, ...]:
        connectors = self.router.organisation.connectors
        carriers = [connectors[element.carrier] for element in route.elements]
        return tuple(
            (element.next_hops, element.hosts, carrier.tls, carrier.authentication)
            for element, carrier in zip(route.elements, carriers)
        )


class _Spaces:
    """All address spaces that play a part, and which of them hold which."""

    def __init__(self, connectors: Iterable[Connector]) -> None:
        self.known = {pattern for connector in connectors for pattern in _patterns(connector)}
        self._below: dict[Pattern, set[Pattern]] = {}
        for pattern in self.known:
            for holder in _holders(pattern):
                if holder in self.known:
                    self._below.setdefault(holder, set()).add(pattern)

    def below(self, patterns: Iterable[Pattern]) -> set[Pattern]:
        """The known patterns whose mail these can take, themselves included."""
        return {one for pattern in patterns for one in self._below.get(pattern, ())}

    def holders(self, patterns: Iterable[Pattern]) -> set[Pattern]:
        """The known patterns that can take mail of these."""
        return {one for pattern in patterns for one in _holders(pattern) if one in self.known}


def _holders(pattern: Pattern) -> tuple[Pattern, ...]:
    if pattern.is_everything:
        return (pattern,)
    # Mail below contoso.com without its own space for subdomains counts too: a query looks at both.
    return (Pattern(pattern.domain, False), Pattern(pattern.domain, True), *wider(pattern))


def _patterns(connector: Connector | None) -> set[Pattern]:
    return {space.pattern for space in connector.address_spaces if space.type == "SMTP"} if connector else set()


def _by_place(spaces: Iterable[AddressSpace]) -> Mapping[tuple[str, Pattern, str], AddressSpace]:
    return {(space.type, space.pattern, space.native): space for space in spaces}


def _widened(now: Connector, new: Connector) -> tuple[AddressSpace, ...]:
    """With the spaces that are new, and with the costs that get lower."""
    made = dict(_by_place(now.address_spaces))
    for place, space in _by_place(new.address_spaces).items():
        if place not in made or space.cost < made[place].cost:
            made[place] = space
    return tuple(sorted(made.values()))


def _narrowed(now: Connector, new: Connector) -> tuple[AddressSpace, ...]:
    """Without the spaces that go, and with the costs that get higher."""
    wanted = _by_place(new.address_spaces)
    made = {place: space for place, space in _by_place(now.address_spaces).items() if place in wanted}
    for place, space in made.items():
        if wanted[place].cost > space.cost:
            made[place] = wanted[place]
    return tuple(sorted(made.values()))


def _narrow_first(work: Work) -> tuple[int, str]:
    """Narrow spaces are made first, so that a wide one never takes their mail on the way."""
    connector = work.new or work.old
    if connector is None:
        raise AssertionError
    labels = [0 if one.is_everything else one.domain.count(".") + 1 for one in _patterns(connector)]
    return (-min(labels, default=0), connector.key)
