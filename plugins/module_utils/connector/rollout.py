# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the hosts of an organisation take over a list, so that no mail is lost on the way. Pure.

Where the order of the hosts is circular (two connectors change places), the list is taken apart into several passes. Each
is a list that the hosts accept, and each has an order of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import journey
from .careful import one_by_one
from .errors import Problems
from .model import Connector, Wanted, read_connectors
from .routing import Router
from .stages import Constraints, apart, constraints, drains, forced_stages, stages, stages_without_vain_wishes
from .stores import NOBODY, Order, Sets, Stores, differing, halfway
from .topology import read_hosts, read_routing_groups
from .ways import FOREIGN, State, Step, Way, circling, classes_of, failing, steps_from, successors_of, ways_of

Check = Callable[[Router, Problems], None]


@dataclass(frozen=True)
class Pass:
    """Names of connectors as they are written, names of hosts as the inventory has them. Nothing in here is secret."""

    connectors: tuple[str, ...]
    removed: tuple[str, ...]
    last: bool
    stages: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    bridgeheads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    address_spaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What a connector has in this pass instead of what the list says, by its name."""
    drains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Hosts that stop taking certain mail, each with the hosts whose queues are looked at before."""

    def plain(self) -> dict[str, Any]:
        return {
            "connectors": list(self.connectors),
            "removed": list(self.removed),
            "bridgeheads": {name: list(hosts) for name, hosts in self.bridgeheads.items()},
            "address_spaces": {name: list(spaces) for name, spaces in self.address_spaces.items()},
            "drains": {name: list(senders) for name, senders in self.drains.items()},
            "last": self.last,
            "stages": [list(stage) for stage in self.stages],
            "notes": list(self.notes),
        }


def check_loops(router: Router, problems: Problems) -> None:
    """What every list has to keep, whatever carries it."""
    journey.check_reached_groups(router, problems)
    journey.check_loops(router, problems)


@dataclass(frozen=True)
class Unit:
    """What changes at once: a connector of the list, or one that goes."""

    key: str
    name: str
    absent: bool
    between: Connector | None = None
    """What the connector is in this pass, where that is not what the list says."""


@dataclass
class Rollout:
    """there: host -> what was read from it. this: the Exchange host that stands for its organisation."""

    order: Order
    there: Mapping[str, Any]
    this: str = ""
    check: Check = check_loops
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems()
        self.stores = Stores(self.order, self.this, problems)
        problems.raise_if_any()
        self.unit_of = self.stores.unit_of
        self.on_exchange = self.stores.on_exchange

    def passes(self) -> list[Pass]:
        """Raises ConnectorError where the list cannot be taken over at all."""
        problems = Problems()
        before = self.stores.read(self.there)
        after = self.stores.apply(before, self.order, problems)
        problems.raise_if_any()
        self._check(after, problems)
        problems.raise_if_any()
        made = self._arrange(before, after, [])
        if made[-1].notes:
            # Connectors that change places in more than one way may need steps between.
            again = self._arrange(before, after, self._halves(before, after))
            made = made if again[-1].notes else again
        return made

    def _arrange(self, before: Mapping[str, Sets], after: Mapping[str, Sets], halves: Sequence[Unit]) -> list[Pass]:
        waiting = self._units(before, after)
        unused = list(halves)
        made: list[Pass] = []
        now = before
        while self._stages(now, after) is None:
            taken = self._take(now, after, waiting)
            waiting = [unit for unit in waiting if unit not in taken]
            if not taken and self._careful(now, after) is None:
                taken = [half for half in unused if self._possible(now, after, [half])][:1]
                unused = [half for half in unused if half not in taken]
            if not taken:
                break
            then = self._with(now, taken)
            made.append(self._pass(taken, now, then))
            now = then
        return [*made, self._last(now, after, waiting)]

    def _check(self, sets: Mapping[str, Sets], problems: Problems) -> None:
        for view in self.stores.views_of_postfix(sets, problems):
            self.check(view.router, problems)

    # --- passes ------------------------------------------------------------------------------------------------------

    def _units(self, before: Mapping[str, Sets], after: Mapping[str, Sets]) -> list[Unit]:
        changed = differing([(before[name], after[name]) for name in before], self.order.set)
        listed: dict[str, Unit] = {}
        for item in self.order.wanted:
            unit = Unit(item.connector.key, item.connector.name, item.absent)
            listed.update({name: unit for name in (item.connector.key, *item.renamed_from)})
        found: dict[str, Unit] = {}
        for key in sorted(changed):
            unit = listed.get(key) or Unit(key, self._name(key, before), True)
            found[unit.key] = unit
        # What goes is taken last, so that something else carries its mail by then.
        return sorted(found.values(), key=lambda unit: (unit.absent, unit.key))

    def _name(self, key: str, sets: Mapping[str, Sets]) -> str:
        return next((one.name for one in self._named_by(key, sets)), key)

    def _named_by(self, key: str, sets: Mapping[str, Sets]) -> Iterable[Connector]:
        for one in sets.values():
            for name in (self.order.set, NOBODY):
                if name in one and key in one[name].connectors:
                    yield one[name].connectors[key]

    def _halves(self, before: Mapping[str, Sets], after: Mapping[str, Sets]) -> list[Unit]:
        """Steps between: connectors with the address spaces, or the bridgeheads, of before and after."""
        wanted = {item.connector.key: item.connector for item in self.order.wanted if not item.absent}
        return [
            replace(unit, between=between)
            for unit in self._units(before, after)
            if unit.key in wanted
            for old in dict.fromkeys(self._named_by(unit.key, before))
            for between in halfway(old, wanted[unit.key])
        ]

    def _take(self, now: Mapping[str, Sets], after: Mapping[str, Sets], waiting: Sequence[Unit]) -> list[Unit]:
        """The units of a pass before the last one, as many as go together; none where none does."""
        taken: list[Unit] = []

        def grow(more: Sequence[Unit]) -> None:
            if len(taken) + len(more) < len(waiting) and self._possible(now, after, [*taken, *more]):
                taken.extend(more)
            elif len(more) > 1:
                grow(more[: len(more) // 2])
                grow(more[len(more) // 2 :])

        grow(waiting)
        return taken

    def _with(self, now: Mapping[str, Sets], units: Iterable[Unit]) -> dict[str, Sets]:
        chosen = list(units)
        kept = {unit.key: unit.between for unit in chosen if not unit.absent}
        return self.stores.apply(now, self.order.only(kept, [unit.name for unit in chosen if unit.absent]), Problems())

    def _possible(self, now: Mapping[str, Sets], after: Mapping[str, Sets], units: Sequence[Unit]) -> bool:
        """Whether the list of a pass would be accepted everywhere, leaves no mail without a route, and has an order."""
        then = self._with(now, units)
        problems = Problems()
        self._check(then, problems)
        if problems.found:
            return False
        return not self._worse(self.stores.state(now), self.stores.state(then), self.stores.state(after)) and (
            self._stages(now, then) is not None
        )

    def _worse(self, now: State, then: State, after: State) -> bool:
        """Whether mail has no route, is refused or goes in a circle, that fares better before and after."""
        for asked in classes_of((now, then, after)):
            old, between, new = (ways_of(state, asked) for state in (now, then, after))
            if failing(between) - failing(old) - failing(new):
                return True
            if circling(between) - circling(old) - circling(new):
                return True
            for host, way in between.items():
                # A connector of the other system that would win is an error on a host, whether mail comes by or not.
                if way.kind == FOREIGN and new[host].kind != FOREIGN:
                    return True
            if self._refused_more(old, now, between, then):
                return True
        return False

    def _refused_more(self, old: Mapping[str, Way], now: State, between: Mapping[str, Way], then: State) -> bool:
        """Whether mail of some host meets a step that is refused then, and met none such there before."""
        refused = self._refused(between, then)
        if not refused:
            return False
        known = self._refused(old, now)
        later, earlier = successors_of(between), successors_of(old)
        return any(refused & steps_from(host, later) - (known & steps_from(host, earlier)) for host in between)

    def _refused(self, ways: Mapping[str, Way], state: State) -> set[Step]:
        """The steps that lead to a host that does not expect them."""
        taking = set(state) - self.on_exchange
        steps = {Step(host, target) for host, way in ways.items() for target in taking & set(way.successors)}
        return {step for step in steps if not state[step.target].expects(*step)}

    def _constraints(self, now: Mapping[str, Sets], then: Mapping[str, Sets]) -> Constraints:
        return constraints(self.stores.state(now), self.stores.state(then), self.unit_of, self.on_exchange)

    def _stages(self, now: Mapping[str, Sets], then: Mapping[str, Sets]) -> list[list[str]] | None:
        return stages(set(self.unit_of.values()), self._constraints(now, then))

    def _careful(self, now: Mapping[str, Sets], after: Mapping[str, Sets]) -> list[list[str]] | None:
        """The order of a pass that cannot be taken apart: without some wishes, or one host after the other."""
        made = self._constraints(now, after)
        return stages_without_vain_wishes(set(self.unit_of.values()), made) or one_by_one(
            self.stores.state(now), self.stores.state(after), self.unit_of, self.on_exchange, made
        )

    # --- results -----------------------------------------------------------------------------------------------------

    def _last(self, now: Mapping[str, Sets], after: Mapping[str, Sets], waiting: Sequence[Unit]) -> Pass:
        layers = self._stages(now, after) or self._careful(now, after)
        notes: list[str] = []
        if layers is None:
            layers, broken = forced_stages(set(self.unit_of.values()), self._constraints(now, after))
            notes = [
                f"No order of the hosts is wholly safe: until all of them have changed, {about}; such mail may be refused or "
                "wait for a moment, and is tried again"
                for about in broken
            ]
        listed = tuple(item.connector.name for item in self.order.wanted if not item.absent)
        removed = tuple(unit.name for unit in waiting if unit.absent)
        named = self._named(layers)
        return Pass(listed, removed, True, named, tuple(notes), drains=self._drains(now, after, named))

    def _pass(self, taken: Sequence[Unit], now: Mapping[str, Sets], then: Mapping[str, Sets]) -> Pass:
        between = {unit.name: unit.between for unit in taken if unit.between}
        named = self._named(self._stages(now, then) or [])
        return Pass(
            tuple(unit.name for unit in taken if not unit.absent),
            tuple(unit.name for unit in taken if unit.absent),
            False,
            named,
            bridgeheads={name: tuple(map(self._shown, one.bridgeheads)) for name, one in between.items()},
            address_spaces={name: tuple(map(str, one.address_spaces)) for name, one in between.items()},
            drains=self._drains(now, then, named),
        )

    def _drains(
        self, now: Mapping[str, Sets], then: Mapping[str, Sets], layers: Sequence[Sequence[str]]
    ) -> dict[str, tuple[str, ...]]:
        """Only what changes later than its senders can wait for them."""
        place = {host: number for number, layer in enumerate(layers) for host in layer}
        found = drains(self.stores.state(now), self.stores.state(then), self.unit_of, self.on_exchange)
        made: dict[str, tuple[str, ...]] = {}
        for unit, senders in sorted(found.items()):
            target = self._shown(unit)
            named = {self._shown(sender): changes for sender, changes in sorted(senders.items())}
            earlier = [sender for sender, changes in named.items() if not changes or place[sender] < place[target]]
            if earlier:
                made[target] = tuple(earlier)
        return made

    def _shown(self, host: str) -> str:
        return self.names.get(host, host)

    def _named(self, layers: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        alone = apart([list(layer) for layer in layers], self.this)
        return tuple(tuple(map(self._shown, layer)) for layer in alone)


def read_order(
    connectors: Any, hosts: Any, routing_groups: Any, set_name: str, purge: bool, problems: Problems
) -> Order:
    wanted: Sequence[Wanted] = read_connectors(connectors, problems)
    groups = None if routing_groups is None else read_routing_groups(routing_groups, problems)
    return Order(tuple(wanted), read_hosts(hosts, problems), groups, set_name, purge)
