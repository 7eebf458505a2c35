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
from .errors import Problems
from .model import Wanted, read_connectors
from .routing import Router
from .stages import Constraints, apart, constraints, forced_stages, stages, stages_without_vain_wishes
from .stores import (
    NOBODY,
    Order,
    Sets,
    Views,
    between_exchange_groups,
    differing,
    on_exchange,
    on_postfix,
    read_sets,
    with_local_domains,
)
from .topology import ConnectorSet, read_hosts, read_routing_groups
from .ways import FOREIGN, NO_ROUTE, AddressClass, State, View, classes_of

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

    def plain(self) -> dict[str, Any]:
        return {
            "connectors": list(self.connectors),
            "removed": list(self.removed),
            "bridgeheads": {name: list(hosts) for name, hosts in self.bridgeheads.items()},
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


@dataclass
class Rollout:
    """there: host -> what was read from it. this: the Exchange host that stands for its organisation."""

    order: Order
    there: Mapping[str, Any]
    this: str = ""
    check: Check = check_loops
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hosts = self.order.hosts
        problems = Problems()
        servers = sorted(name for name, host in hosts.items() if host.system == "exchange")
        if servers and self.this not in servers:
            remedy = f"name one of {', '.join(servers)}"
            problems.add("", "this", self.this, "is no Exchange server of hosts", remedy)
        problems.raise_if_any()
        self.unit_of = {name: self.this if host.system == "exchange" else name for name, host in hosts.items()}
        self.on_exchange = {name for name, host in hosts.items() if host.system == "exchange"}
        self.views = Views(hosts)
        self.exchange_order = self.order

    # --- states ------------------------------------------------------------------------------------------------------

    def passes(self) -> list[Pass]:
        """Raises ConnectorError where the list cannot be taken over at all."""
        problems = Problems()
        before = self._before(problems)
        problems.raise_if_any()
        after = self._apply(before, self.order, problems)
        problems.raise_if_any()
        self._check(after, problems)
        problems.raise_if_any()
        waiting = self._units(before, after)
        made: list[Pass] = []
        now = before
        while True:
            chosen = self._take(now, after, waiting)
            if chosen is None:
                made.append(self._last(now, after, waiting))
                return made
            taken, then, layers = chosen
            made.append(self._pass(taken, layers))
            waiting = [unit for unit in waiting if unit not in taken]
            now = then

    def _before(self, problems: Problems) -> dict[str, Sets]:
        read = {name.lower(): content for name, content in self.there.items()}
        made: dict[str, Sets] = {}
        exchange = self._exchange_sets(read.get(self.this), problems) if self.on_exchange else {}
        for name in self.order.hosts:
            if name in self.on_exchange:
                made[name] = exchange
            else:
                made[name] = read_sets(read.get(name), self.order, problems)
        return made

    def _exchange_sets(self, there: Any, problems: Problems) -> Sets:
        """What was read, with the declarations of site links, for which Exchange has no connector to read."""
        self.exchange_order = replace(self.order, hosts=with_local_domains(there, self.order.hosts))
        sets = read_sets(there, self.exchange_order, problems)
        links = {
            item.connector.key: item.connector
            for item in self.order.wanted
            if not item.absent and between_exchange_groups(item, self.order.hosts)
        }
        if links:
            beside = (self.exchange_order.hosts, self.order.routing_groups or {})
            own = sets.get(self.order.set) or ConnectorSet(self.order.set, {}, *beside)
            sets[self.order.set] = replace(own, connectors={**links, **own.connectors})
        return sets

    def _apply(self, sets: Mapping[str, Sets], order: Order, problems: Problems) -> dict[str, Sets]:
        made: dict[str, Sets] = {}
        known: list[tuple[Sets, bool, Sets]] = []
        for name, one in sets.items():
            exchange = name in self.on_exchange
            after = next((new for old, kind, new in known if kind == exchange and old == one), None)
            if after is None:
                if exchange:
                    after = on_exchange(one, replace(order, hosts=self.exchange_order.hosts), problems)
                else:
                    after = on_postfix(one, order, problems)
                known.append((one, exchange, after))
            made[name] = after
        return made

    def _state(self, sets: Mapping[str, Sets]) -> dict[str, View]:
        return {
            name: self.views.of(one, "exchange" if name in self.on_exchange else "postfix")
            for name, one in sets.items()
        }

    def _check(self, sets: Mapping[str, Sets], problems: Problems) -> None:
        """The same rules that each Postfix host applies to what it would have."""
        told: list[View] = []
        for name, view in self._state(sets).items():
            if name not in self.on_exchange and view not in told:
                told.append(view)
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
        for one in sets.values():
            for name in (self.order.set, NOBODY):
                if name in one and key in one[name].connectors:
                    return one[name].connectors[key].name
        return key

    def _take(
        self, now: Mapping[str, Sets], after: Mapping[str, Sets], waiting: Sequence[Unit]
    ) -> tuple[list[Unit], dict[str, Sets], list[list[str]]] | None:
        """The units of a pass that comes before the last one; None where the last one is due."""
        if len(waiting) < 2 or self._stages(now, after) is not None:
            return None
        taken: list[Unit] = []

        def grow(more: Sequence[Unit]) -> None:
            if len(taken) + len(more) < len(waiting) and self._possible(now, after, [*taken, *more]):
                taken.extend(more)
            elif len(more) > 1:
                grow(more[: len(more) // 2])
                grow(more[len(more) // 2 :])

        grow(waiting)
        if not taken:
            return None
        then = self._with(now, taken)
        return taken, then, self._stages(now, then) or []

    def _with(self, now: Mapping[str, Sets], units: Iterable[Unit]) -> dict[str, Sets]:
        chosen = list(units)
        kept = [unit.key for unit in chosen if not unit.absent]
        return self._apply(now, self.order.only(kept, [unit.name for unit in chosen if unit.absent]), Problems())

    def _possible(self, now: Mapping[str, Sets], after: Mapping[str, Sets], units: Sequence[Unit]) -> bool:
        """Whether the list of a pass would be accepted everywhere, leaves no mail without a route, and has an order."""
        then = self._with(now, units)
        problems = Problems()
        self._check(then, problems)
        if problems.found:
            return False
        return not self._worse(self._state(now), self._state(then), self._state(after)) and (
            self._stages(now, then) is not None
        )

    def _worse(self, now: State, then: State, after: State) -> bool:
        for asked in classes_of((now, then, after)):
            for host, view in then.items():
                kind = view.way(host, asked).kind
                if kind == FOREIGN and after[host].way(host, asked).kind != FOREIGN:
                    return True
                if kind == NO_ROUTE and not now[host].way(host, asked).fails and not after[host].way(host, asked).fails:
                    return True
                if self._refused(host, asked, then) - self._refused(host, asked, now):
                    return True
        return False

    def _refused(self, host: str, asked: AddressClass, state: State) -> set[str]:
        """The hosts that mail is handed to and that do not expect it."""
        targets = set(state[host].way(host, asked).successors) & (set(state) - self.on_exchange)
        return {target for target in targets if not state[target].expects(host, target)}

    def _constraints(self, now: Mapping[str, Sets], then: Mapping[str, Sets]) -> Constraints:
        return constraints(self._state(now), self._state(then), self.unit_of, self.on_exchange)

    def _stages(self, now: Mapping[str, Sets], then: Mapping[str, Sets]) -> list[list[str]] | None:
        return stages(set(self.unit_of.values()), self._constraints(now, then))

    # --- results -----------------------------------------------------------------------------------------------------

    def _last(self, now: Mapping[str, Sets], after: Mapping[str, Sets], waiting: Sequence[Unit]) -> Pass:
        units = set(self.unit_of.values())
        made = self._constraints(now, after)
        layers = stages(units, made) or stages_without_vain_wishes(units, made)
        notes: list[str] = []
        if layers is None:
            layers, broken = forced_stages(units, made)
            notes = [
                f"No order of the hosts is wholly safe: until all of them have changed, {about}; such mail may be refused or "
                "wait for a moment, and is tried again"
                for about in broken
            ]
        listed = [item.connector.name for item in self.order.wanted if not item.absent]
        removed = [unit.name for unit in waiting if unit.absent]
        return Pass(tuple(listed), tuple(removed), True, self._named(layers), tuple(notes))

    def _pass(self, taken: Sequence[Unit], layers: Sequence[Sequence[str]]) -> Pass:
        names = tuple(unit.name for unit in taken if not unit.absent)
        return Pass(names, tuple(unit.name for unit in taken if unit.absent), False, self._named(layers))

    def _named(self, layers: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        alone = apart([list(layer) for layer in layers], self.this)
        return tuple(tuple(self.names.get(name, name) for name in layer) for layer in alone)


def read_order(
    connectors: Any, hosts: Any, routing_groups: Any, set_name: str, purge: bool, problems: Problems
) -> Order:
    wanted: Sequence[Wanted] = read_connectors(connectors, problems)
    groups = None if routing_groups is None else read_routing_groups(routing_groups, problems)
    return Order(tuple(wanted), read_hosts(hosts, problems), groups, set_name, purge)
