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

from ..connector.address_space import AddressSpace, Pattern
from ..connector.model import Connector
from ..connector.topology import Organisation
from .order_mail import Routes, Spaces, patterns_of

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
        self.routes = (Routes(before, hosts), Routes(after, hosts))
        self.hosts = hosts
        self.works = works
        self.now: list[Connector | None] = [work.old for work in works]
        self.touched = [not work.touch for work in works]
        self.names = set(before.connectors)
        self.holding: dict[Pattern, dict[str, Connector]] = {}
        for connector in before.connectors.values():
            self._hold(connector)
        self.space = Spaces([*before.connectors.values(), *after.connectors.values()], works)
        self.remaining = [self._still_to_do(place) for place in range(len(works))]
        waiting = [place for place, parts in enumerate(self.remaining) if parts]
        self.waiting = dict.fromkeys(sorted(waiting, key=lambda place: _narrow_first(works[place])))
        # What was not safe stays so until something near it changes: without this, long chains would take hours.
        self.unsafe: dict[int, set[frozenset[str]]] = {}
        self.waiting_for: dict[str, set[int]] = {}

    def _still_to_do(self, place: int) -> frozenset[str]:
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
                if move <= self.remaining[place] and move not in self.unsafe.get(place, ()):
                    step = self._step(place, move)
                    if self._is_possible(step) and not self._broken(step):
                        self._take(step)
                        taken.append(step)
                    else:
                        self.unsafe.setdefault(place, set()).add(move)
        return taken

    def force(self) -> tuple[list[Step], str]:
        """Where nothing is safe, one connector is brought to its end at once, and what that means is said."""
        whole = (self._step(place, self.remaining[place]) for place in self.waiting)
        step = next(filter(self._is_possible, whole), None)
        if step is None:
            first = next(iter(self.waiting))
            step = self._step(first, self.remaining[first])
        broken = self._broken(step)
        self._take(step)
        shown = step.new or step.old
        name = shown.name if shown else ""
        return [step], (
            f'for a moment after the change of "{name}", mail for {broken or "some addresses"} takes neither its old nor its '
            "new route, because no order of the cmdlets avoids that"
        )

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
        for pattern in patterns_of(connector):
            self.holding.setdefault(pattern, {})[connector.key] = connector

    def _take(self, step: Step) -> None:
        self.now[step.work] = step.new
        if step.old:
            self.names.discard(step.old.key)
            for pattern in patterns_of(step.old):
                self.holding[pattern].pop(step.old.key, None)
        if step.new:
            self.names.add(step.new.key)
            self._hold(step.new)
        self.touched[step.work] = self.touched[step.work] or step.settings
        self.remaining[step.work] = self._still_to_do(step.work)
        if not self.remaining[step.work]:
            del self.waiting[step.work]
        self._reconsider(step)

    def _reconsider(self, step: Step) -> None:
        """What was not safe may be safe now: the connector itself, what waits for its name, and what shares its mail."""
        near = self.space.works_near(patterns_of(step.old) | patterns_of(step.new))
        for place in (step.work, *near, *self.waiting_for.pop(step.old.key if step.old else "", ())):
            self.unsafe.pop(place, None)

    def _is_possible(self, step: Step) -> bool:
        """Exchange refuses a name that another connector still has, and a connector without address spaces."""
        if step.new is None:
            return True
        if step.old is not None and step.old.address_spaces and not step.new.address_spaces:
            return False
        if (step.old is not None and step.old.key == step.new.key) or step.new.key not in self.names:
            return True
        self.waiting_for.setdefault(step.new.key, set()).add(step.work)
        return False

    def _broken(self, step: Step) -> str:
        """An address space whose mail would take neither its old nor its new route after the step; empty if there is none."""
        touched = patterns_of(step.old) | patterns_of(step.new)
        queries = sorted(self.space.below(touched))
        holders = self.space.holders(queries)
        trial: dict[str, Connector] = {}
        for pattern in holders:
            trial.update(self.holding.get(pattern, {}))
        if step.old:
            trial.pop(step.old.key, None)
        if step.new:
            trial[step.new.key] = step.new
        routes = Routes(replace(self.organisation, connectors=trial), self.hosts)
        for size in self.space.sizes(holders):
            for pattern in queries:
                for host in self.hosts:
                    way = routes.way(host, pattern, size)
                    known = zip(*(one.way(host, pattern, size) for one in self.routes))
                    if any(part not in both for part, both in zip(way, known)):
                        return str(pattern)
        return ""


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
    labels = [0 if one.is_everything else one.domain.count(".") + 1 for one in patterns_of(connector)]
    return (-min(labels, default=0), connector.key)
