# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host after the other, where the rules for stages say that the order is circular. Pure.

Those rules hold for every case and are stricter than most. Here mail is followed instead, after each single change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .stages import Constraints, Ways, ways_between
from .ways import State, failing, reach, successors_of


def one_by_one(
    before: State, after: State, unit_of: Mapping[str, str], admitting: Collection[str], made: Constraints
) -> list[list[str]] | None:
    """An order in which after each change no mail goes in a circle, is refused, or has no route; None where none was found."""
    search = _Search(before, after, admitting)
    moved: set[str] = set()
    placed: list[list[str]] = []
    waiting = sorted(set(unit_of.values()))
    while waiting:
        late = {unit: sum(pair.then == unit and pair.first in waiting for pair in made.needed) for unit in waiting}
        for unit in sorted(waiting, key=lambda unit: (late[unit], unit)):
            trial = moved | {host for host, its in unit_of.items() if its == unit}
            if search.is_sound(trial):
                break
        else:
            return None
        moved = trial
        waiting.remove(unit)
        placed.append([unit])
    return placed


class _Search:
    def __init__(self, before: State, after: State, admitting: Collection[str]) -> None:
        self.before = before
        self.after = after
        self.admitting = admitting
        self.classes = [(ways, failing(ways.old) | failing(ways.new)) for ways in ways_between(before, after)]

    def is_sound(self, moved: Collection[str]) -> bool:
        return all(self._is_sound(ways, allowed, moved) for ways, allowed in self.classes)

    def _is_sound(self, ways: Ways, allowed: set[str], moved: Collection[str]) -> bool:
        mixed = {host: ways.new[host] if host in moved else ways.old[host] for host in ways.new}
        successors = successors_of(mixed)
        if any(host in reach(host, successors) for host in mixed):
            return False
        if not failing(mixed) <= allowed:
            return False
        return not any(self._refused(host, target, moved) for host in mixed for target in successors[host])

    def _refused(self, host: str, target: str, moved: Collection[str]) -> bool:
        if target not in self.after or target in self.admitting:
            return False
        if (self.after if target in moved else self.before)[target].expects(host, target):
            return False
        # What neither takes is no news.
        return self.before[target].expects(host, target) or self.after[target].expects(host, target)
