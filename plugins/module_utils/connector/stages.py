# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host has to change before which other one, so that mail finds its way between hosts of before and after. Pure.

A host whose mail will take a new way waits for every host on that way that changes too. Then mail that comes to a changed
host meets changed hosts only, so it can neither come back nor be refused; before that it follows the ways of before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .ways import AddressClass, State, Step, Way, classes_of, reach, steps_from, successors_of


class Pair(NamedTuple):
    """The first one changes before the other one."""

    first: str
    then: str


@dataclass
class Constraints:
    """needed: without them mail would be refused, lost or come back; each with what it is about. wished: without them
    mail takes a way that belongs to the new organisation, though not for this sender."""

    needed: dict[Pair, str] = field(default_factory=dict)
    wished: set[Pair] = field(default_factory=set)


class Ways(NamedTuple):
    """The ways of one class of addresses, before and after, of all hosts."""

    asked: AddressClass
    old: Mapping[str, Way]
    new: Mapping[str, Way]

    @property
    def changed(self) -> frozenset[str]:
        return frozenset(host for host, way in self.new.items() if way != self.old[host])


def ways_between(before: State, after: State) -> Iterable[Ways]:
    """For each class of addresses that some host treats in another way; those that are alike but for their name once."""
    told: set[tuple[tuple[Way, Way], ...]] = set()
    for asked in classes_of((before, after)):
        old = {host: view.way(host, asked) for host, view in before.items()}
        new = {host: after[host].way(host, asked) for host in old}
        alike = tuple((old[host], new[host]) for host in old)
        if alike not in told:
            told.add(alike)
            yield Ways(asked, old, new)


def constraints(before: State, after: State, unit_of: Mapping[str, str], admitting: Collection[str]) -> Constraints:
    """unit_of: host -> what changes at once with it (a whole Exchange organisation). admitting: hosts that take mail of all
    known hosts before any route changes and until all have changed."""
    made = Constraints()
    for ways in ways_between(before, after):
        _of_class(ways, made, unit_of)
        _of_admission(ways, before, after, made, unit_of, admitting)
    return made


def _add(made: Constraints, first: str, then: str, about: str, unit_of: Mapping[str, str]) -> None:
    pair = Pair(unit_of[first], unit_of[then])
    if pair.first != pair.then:
        made.needed.setdefault(pair, about)


def _of_class(ways: Ways, made: Constraints, unit_of: Mapping[str, str]) -> None:
    changed = ways.changed
    if not changed:
        return
    old_next, new_next = successors_of(ways.old), successors_of(ways.new)
    behind = {host: reach(host, new_next) for host in ways.new}
    failing = {
        host for host in ways.new if any(ways.new[one].fails for one in (host, *behind[host]) if one in ways.new)
    }
    for host in sorted(changed):
        for later in sorted(behind[host] & changed - {host}):
            _add(made, later, host, f"mail for {ways.asked} from {host} goes over {later}", unit_of)
        left = reach(host, old_next)
        failed = any(ways.old[one].fails for one in (host, *left) if one in ways.old) or host in failing
        for earlier in sorted((left - behind[host]) & changed - {host}):
            if earlier in failing and not failed:
                about = f"mail for {ways.asked} from {host} went over {earlier}, which will have no route for it"
                _add(made, host, earlier, about, unit_of)
            elif unit_of[host] != unit_of[earlier]:
                made.wished.add(Pair(unit_of[host], unit_of[earlier]))


def _of_admission(
    ways: Ways, before: State, after: State, made: Constraints, unit_of: Mapping[str, str], admitting: Collection[str]
) -> None:
    def takes(state: State, sender: str, target: str) -> bool:
        return target not in state or target in admitting or state[target].expects(sender, target)

    changed = ways.changed
    old, new = successors_of(ways.old), successors_of(ways.new)

    def on_the_way(host: str, successors: Mapping[str, tuple[str, ...]]) -> set[Step]:
        """Further on there may be a host whose own way stays the same, though the next one begins or ends to take its mail. One
        whose way changes waits for itself."""
        own = {Step(host, target) for target in successors[host]}
        if host not in changed:
            return own
        return own | {step for step in steps_from(host, successors) if step.sender not in changed}

    for host in ways.new:
        own = {Step(host, target) for target in old[host]}
        old_steps, new_steps = on_the_way(host, old), on_the_way(host, new)
        for sender, target in sorted(new_steps - old_steps):
            if not takes(before, sender, target) and takes(after, sender, target):
                _add(made, target, host, f"{target} does not take mail of {sender} yet", unit_of)
        for sender, target in sorted(own | (old_steps - new_steps)):
            if takes(before, sender, target) and not takes(after, sender, target):
                _add(made, host, target, f"{target} will take no mail of {sender} any more", unit_of)


def drains(
    before: State, after: State, unit_of: Mapping[str, str], admitting: Collection[str]
) -> dict[str, dict[str, bool]]:
    """Units that stop taking certain mail, each with those that send it another way then: unit -> {sender: changes still}.

    Where a run was interrupted, a sender may have changed already. What it sent is seen by the host itself, which has its
    old list still.
    """
    found: dict[str, dict[str, bool]] = {}
    views = list({id(view): view for view in before.values()}.values())
    for asked in classes_of((before, after)):
        for host in before:
            now, then = before[host].way(host, asked), after[host].way(host, asked)
            for view in views:
                old = view.way(host, asked) if host in view.router.organisation.hosts else now
                for target in set(old.successors) & set(after) - set(then.successors):
                    if before[target] is not view and before[host] is not view:
                        continue
                    ways = before[target].way(target, asked), after[target].way(target, asked)
                    ends = target in admitting or not after[target].expects(host, target) or ways[0] != ways[1]
                    if ends and unit_of[host] != unit_of[target]:
                        senders = found.setdefault(unit_of[target], {})
                        senders[unit_of[host]] = senders.get(unit_of[host], False) or now != then
    return found


def stages(units: Collection[str], made: Constraints, wishes: bool = True) -> list[list[str]] | None:
    """The units in stages: what stands in one may change side by side. None where the order is circular.

    wishes: what is wished has to hold too.
    """
    pairs = {*made.needed, *made.wished} if wishes else set(made.needed)
    return _layers(units, pairs)


def stages_without_vain_wishes(units: Collection[str], made: Constraints) -> list[list[str]] | None:
    """As many wishes as there are without a circle, in a stable order."""
    pairs = set(made.needed)
    if _layers(units, pairs) is None:
        return None
    for wish in sorted(made.wished):
        if _layers(units, pairs | {wish}) is not None:
            pairs.add(wish)
    return _layers(units, pairs)


def forced_stages(units: Collection[str], made: Constraints) -> tuple[list[list[str]], list[str]]:
    """An order where none is wholly safe, and what each pair that it breaks is about. As few as a greedy choice breaks."""
    placed: list[list[str]] = []
    told: list[str] = []
    waiting = set(units)
    while waiting:
        broken = {unit: sorted(p for p in made.needed if p.then == unit and p.first in waiting) for unit in waiting}
        fewest = min(len(pairs) for pairs in broken.values())
        layer = sorted(unit for unit, pairs in broken.items() if len(pairs) == fewest)
        if fewest:
            layer = layer[:1]
            told += [made.needed[pair] for pair in broken[layer[0]]]
        placed.append(layer)
        waiting -= set(layer)
    return placed, told


def _layers(units: Collection[str], pairs: Collection[Pair]) -> list[list[str]] | None:
    placed: list[list[str]] = []
    waiting = set(units)
    while waiting:
        blocked = {pair.then for pair in pairs if pair.first in waiting}
        layer = sorted(waiting - blocked)
        if not layer:
            return None
        placed.append(layer)
        waiting -= set(layer)
    return placed


def apart(layers: Iterable[list[str]], alone: str) -> list[list[str]]:
    """The same stages with one unit standing alone in its own."""
    made: list[list[str]] = []
    for layer in layers:
        if alone in layer and len(layer) > 1:
            made += [[alone], [unit for unit in layer if unit != alone]]
        else:
            made.append(list(layer))
    return made
