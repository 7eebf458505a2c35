# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration that was made by hand, expressed as connectors: the first application of them changes no route.

Connectors stand in front of what is there, key by key, and the rest stays. So a class of addresses becomes a connector's only
where its way can be expressed exactly, and a wider class only where it takes nothing along that has another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..connector.address_space import DEFAULT_ROUTE, AddressSpace, Pattern
from ..connector.errors import Problems
from ..connector.model import Connector, read_connectors, show
from .fields import check_fields
from .found_classes import EVERYTHING, Classes, FoundClass, Surroundings, domain_of
from .found_delivery import same_next_hops
from .routes import probe
from .view import RELAY, resolve


@dataclass(frozen=True)
class HandMade:
    """Connectors in the vocabulary, without passwords, and what they do not hold: setting, key, reason."""

    hand_made: list[dict[str, Any]]
    not_expressed: list[dict[str, str]]


def find(around: Surroundings, host: str) -> HandMade:
    """host is the name that the connectors have it under as their bridgehead."""
    classes = Classes(around)
    chosen = _Choice(classes)
    ways = chosen.spaces()
    told = list(chosen.told)
    connectors: list[dict[str, Any]] = []
    used: set[str] = set()
    for way, patterns in ways.items():
        spaces = tuple(AddressSpace(pattern) for pattern in patterns)
        made = replace(way, name=_name(way, patterns, used), address_spaces=spaces, bridgeheads=(host,))
        shown = show(made)
        problems = Problems()
        for item in read_connectors([shown], problems):
            check_fields(item.connector, problems)
        if problems.found:
            told += [_told("transport_maps", str(one), problems.found[0].message) for one in patterns]
            continue
        used.add(made.key)
        connectors.append(shown)
    told += list(_not_looked_at(around))
    unique = [dict(pairs) for pairs in dict.fromkeys(tuple(sorted(entry.items())) for entry in told)]
    return HandMade(
        sorted(connectors, key=lambda one: str(one["name"]).lower()),
        sorted(unique, key=lambda one: (one["setting"], one["key"])),
    )


class _Choice:
    """Which classes become address spaces."""

    def __init__(self, classes: Classes) -> None:
        self.around = classes.around
        self.classes = classes
        self.found = dict(classes.found)
        self.told: list[dict[str, str]] = []
        self.barred: dict[str, str] = {}
        self.everything = self._judge_everything(classes.everything)
        for key in sorted(self.found, key=_narrow_first):
            self._judge(key)
        self._judge_next_hops()
        self.declared: dict[str, FoundClass] = {}
        if self.everything.way:
            self.declared[EVERYTHING] = self.everything
        for key in sorted(self.found, key=_narrow_first, reverse=True):
            self._declare(key)

    # --- what cannot be a space ---

    def _judge_everything(self, found: FoundClass) -> FoundClass:
        if EVERYTHING in self.classes.transport_keys:
            reason = (
                "the key * takes local mail too, which a connector for * never does; it stays in force. To let a connector "
                "take its place, declare one for * and remove this entry"
            )
            self.told.append(_told(self._table_of(EVERYTHING), EVERYTHING, reason))
            return replace(found, way=None, plain=False)
        if found.plain or found.managed:
            return replace(found, way=None)
        if found.way is None:
            self.told.append(_told(self._default_setting(), EVERYTHING, found.reason))
            return found
        if self._unlisted_relay_domains() and not self._relays_alike():
            reason = "relay_domains cannot be listed, and its mail takes another way"
            self.told.append(_told("default_transport", EVERYTHING, reason))
            return replace(found, way=None, reason=reason)
        return found

    def _unlisted_relay_domains(self) -> bool:
        tables = self.around.settings.relay_domains.tables()
        return any(not table.listable and not _of_connectors(table.name, self.around) for table in tables)

    def _relays_alike(self) -> bool:
        settings = self.around.settings
        _service, _colon, next_hop = settings.relay_transport.partition(":")
        wanted = resolve(settings, probe(EVERYTHING)).nexthop
        return same_next_hops(next_hop or settings.relayhost, wanted)

    def _judge(self, key: str) -> None:
        """A class that cannot be expressed takes the next wider one with it, unless its own entry stays in front."""
        found = self.found[key]
        if key.startswith(".") and found.way and self.around.unlisted:
            self._refuse(key, f"local domains below it cannot be listed ({', '.join(self.around.unlisted)})")
        if self._is_barred(key):
            self._refuse(key, self.barred[key])
        found = self.found[key]
        if not found.blocks:
            return
        if found.explicit or found.listed:
            self._tell(found)
        reason = f"{key} cannot be expressed: {found.reason}"
        if not key.startswith("."):
            self.barred["." + key] = reason
        if not found.listed:
            self._refuse_above(key if key.startswith(".") else "." + key, reason)

    def _is_barred(self, key: str) -> bool:
        """Whether .d needs a space of its own, and has none because that would take d along."""
        found = self.found[key]
        if found.way is None or key not in self.barred:
            return False
        wider = self._wider(key)
        above = self.everything if wider == EVERYTHING else self.found[wider]
        return found.explicit or not _same_delivery(above.way, found.way)

    def _refuse_above(self, key: str, reason: str) -> None:
        wider = self._wider(key)
        if wider != EVERYTHING:
            if self.found[wider].way:
                self._refuse(wider, reason)
        elif self.everything.way:
            self._refuse_everything(reason)

    def _judge_next_hops(self) -> None:
        """An entry :[next hop] takes the service of the default route, which must not become a connector's own."""
        for table in self.around.foreign:
            for key in sorted(table.keys):
                value = table.lookup(key) or ""
                known = self.found.get(key)
                if self.everything.way and value[:1] == ":" != value and (known is None or known.way is None):
                    self._refuse_everything(f"the entry {key} {value} of {table.name} goes over its service")

    def _refuse_everything(self, reason: str) -> None:
        self.everything = replace(self.everything, way=None, reason=reason)
        self.told.append(_told(self._default_setting(), EVERYTHING, reason))

    def _default_setting(self) -> str:
        return "relayhost" if self.around.settings.relayhost else "default_transport"

    def _refuse(self, key: str, reason: str) -> None:
        self.found[key] = replace(self.found[key], way=None, reason=reason)

    def _tell(self, found: FoundClass) -> None:
        place = found.place
        setting = "main.cf" if place == "main.cf" else f"transport_maps {place}"
        self.told.append(_told(setting, found.key, found.reason))

    def _table_of(self, key: str) -> str:
        return next((f"transport_maps {table.name}" for table in self.around.foreign if key in table.keys), "main.cf")

    def _wider(self, key: str) -> str:
        """The next wider class that is known: .d for d, then the parents', then everything."""
        if not key.startswith(".") and "." + key in self.found:
            return "." + key
        parent = key.lstrip(".").partition(".")[2]
        while parent:
            if "." + parent in self.found:
                return "." + parent
            parent = parent.partition(".")[2]
        return EVERYTHING

    # --- what becomes one ---

    def _declare(self, key: str) -> None:
        found = self.found[key]
        wider = self._declared_above(key)
        if found.way is None or key in self.barred:
            return
        if key in self.around.local_domains:
            # It stays local under a wider space, so what an entry says of it needs the domain itself.
            needed = found.explicit or wider is not None
        elif wider is not None and wider.key == "." + key and wider.way == found.way:
            needed = False
        else:
            needed = found.explicit or (wider is not None and not _same_delivery(wider.way, found.way))
        if needed:
            self.declared[key] = found

    def _declared_above(self, key: str) -> FoundClass | None:
        above = self._wider(key)
        while above != EVERYTHING:
            if above in self.declared:
                return self.declared[above]
            above = self._wider(above)
        return self.declared.get(EVERYTHING)

    def spaces(self) -> dict[Connector, list[Pattern]]:
        ways: dict[Connector, list[Pattern]] = {}
        for key, found in sorted(self.declared.items()):
            if found.way is None:
                continue
            way = self._relaying(key, found.way)
            ways.setdefault(way, []).append(_pattern(key))
        return ways

    def _relaying(self, key: str, way: Connector) -> Connector:
        """Without relay where a connector would admit more recipients than the administrator does."""
        if not way.relay:
            return way
        if self.around.parameters["relay_recipient_maps"]:
            reason = "relay_recipient_maps names the recipients, so relaying stays with relay_domains as it is"
        elif "." not in key.lstrip("."):
            reason = "a connector relays to no whole top-level domain; relay_domains stays as it is"
        else:
            return way
        self.told.append(_told("relay_domains", key, reason))
        return replace(way, relay=False)


def _narrow_first(key: str) -> tuple[int, bool, str]:
    """Subdomains before their parents, and d before .d."""
    return -key.lstrip(".").count("."), key.startswith("."), key


def _same_delivery(first: Connector | None, second: Connector | None) -> bool:
    return first is not None and second is not None and replace(first, relay=False) == replace(second, relay=False)


def _pattern(key: str) -> Pattern:
    if key == EVERYTHING:
        return DEFAULT_ROUTE
    return Pattern(key.lstrip("."), key.startswith("."))


def _of_connectors(table: str, around: Surroundings) -> bool:
    return f":{around.directory}/" in table


def _told(setting: str, key: str, reason: str) -> dict[str, str]:
    return {"setting": setting, "key": key, "reason": reason}


def _name(way: Connector, patterns: list[Pattern], used: set[str]) -> str:
    if way.smart_hosts:
        first = way.smart_hosts[0]
        base = "to " + (first.host if first.port == 25 else f"{first.host} port {first.port}")
    elif len(patterns) == 1:
        base = ("Internet" if patterns[0].is_everything else f"{patterns[0].domain}") + " by MX"
    else:
        base = "by MX"
    if way.relay:
        base += " relayed"
    base = re.sub(r"[^A-Za-z0-9.:-]+", "-", base)[:58].strip("-")
    name, number = base, 1
    while name.lower() in used:
        number += 1
        name = f"{base}-{number}"
    return name


def _not_looked_at(around: Surroundings) -> Iterator[dict[str, str]]:
    """What decides about routes besides, and stays as it is."""
    for table in around.foreign:
        setting = f"transport_maps {table.name}"
        if not table.listable:
            why = "patterns are asked for whole addresses" if table.pattern else "the table cannot be listed"
            yield _told(setting, "", f"{why}; it stays in force")
        for key in sorted(table.keys):
            if key != EVERYTHING and domain_of(key) is None:
                why = "is for single addresses" if "@" in key else "is no domain"
                yield _told(setting, key, f"{why}; it stays in force")
    for name in ("sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps", "content_filter"):
        if around.parameters[name]:
            yield _told(name, "", "has no field in a connector; it stays in force")
    for table in around.settings.relay_domains.tables():
        if not table.listable and not _of_connectors(table.name, around):
            yield _told("relay_domains", table.name, "the table cannot be listed; it stays in force")
    yield from _admitted_below(around)


def _admitted_below(around: Surroundings) -> Iterator[dict[str, str]]:
    if not around.settings.relay_parents or around.settings.transport_parents:
        return
    keys = {key for table in around.foreign for key in table.keys}
    for key in sorted(keys):
        if key.startswith(".") or "@" in key or "." + key in keys or domain_of(key) is None:
            continue
        if resolve(around.settings, probe(key)).domain_class == RELAY:
            reason = (
                f"relay_domains admits mail for everything below {key} too, which no transport entry routes; a connector "
                f"takes {key} alone"
            )
            yield _told("relay_domains", "." + key, reason)
