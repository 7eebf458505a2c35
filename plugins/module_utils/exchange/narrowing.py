# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A receive connector that lets in fewer hosts than before changes in two halves, so that senders can be changed in between. Pure.

The first half lets in whoever is let in before or after, the second one takes the rest away. Both follow from what is wanted and what
is there alone, as removals do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .ip_ranges import MOST_RANGES, IpRange, covers
from .receive_clashes import Listener, clashes
from .receive_connector import Settings
from .receive_plan import Item, after

_SECURITY = ("permission_groups", "auth_mechanisms")


def first_half(item: Item) -> Item | None:
    """What the connector is between the halves, without an action where it is that already; None where one step does it all."""
    if item.before is None or item.new is None or item.before.name != item.name:
        return None
    old, new = item.before.settings, dict(item.new)
    right = item.right
    before, wanted = tuple(old.get("remote_ip_ranges", ())), tuple(new.get("remote_ip_ranges", ()))
    if old.get("enabled") is True and "enabled" in new:
        new["enabled"] = True
    if _as_secure(item, old):
        new["remote_ip_ranges"] = _both(before, wanted)
    elif _only_loses(item, old) and covers(before, wanted):
        new.update({name: old[name] for name in (*_SECURITY, "remote_ip_ranges") if name in old})
        right = item.before.right
    if new == dict(item.new) and right == item.right:
        return None
    made = replace(item, new=new, right=right)
    there = item.action != "adopt" and not made.changed() and made.had_right == bool(right)
    return replace(made, action="") if there else made


def second_half(item: Item, first: Item, set_name: str) -> Item:
    """From there to what is wanted."""
    if item.before is None or first.new is None:
        raise AssertionError
    between = replace(item.before, settings=first.new, right=first.right, owner=set_name)
    return replace(item, before=between, action="update")


def narrowed(items: Sequence[Item], before: Mapping[str, Listener], leaving: Sequence[str]) -> dict[str, Item]:
    """The first halves of the connectors of one server, by their names, as far as these stand in nobody's way.

    leaving: connectors that are removed later.
    """
    halves = {one.name.lower(): half for one in items for half in [first_half(one)] if half is not None}
    known = set(clashes(before))
    while halves:
        here = [halves.get(one.name.lower(), one) for one in items]
        together = {**{name: before[name] for name in leaving if name in before}, **after(before, here)}
        blocked = {name for pair in clashes(together) if pair not in known for name in pair} & set(halves)
        if not blocked:
            break
        halves = {name: half for name, half in halves.items() if name not in blocked}
    return halves


def _as_secure(item: Item, old: Settings) -> bool:
    new: Mapping[str, Any] = item.new or {}
    same = all(set(old.get(name, ())) == set(new.get(name, ())) for name in _SECURITY)
    return same and item.had_right == bool(item.right)


def _only_loses(item: Item, old: Settings) -> bool:
    new: Mapping[str, Any] = item.new or {}
    fewer = all(set(new.get(name, ())) <= set(old.get(name, ())) for name in _SECURITY)
    return fewer and (item.had_right or not item.right)


def _both(before: Sequence[IpRange], wanted: Sequence[IpRange]) -> tuple[IpRange, ...]:
    """All ranges that are not held by others; the wanted ones alone where the two do not go together."""
    more = [one for one in before if not covers(wanted, [one])]
    made = sorted({*more, *(one for one in wanted if not any(one.inside(other) for other in more))})
    crossing = any(one.overlaps(other) for place, one in enumerate(made) for other in made[place + 1 :])
    return tuple(wanted) if not more or crossing or len(made) > MOST_RANGES else tuple(made)
