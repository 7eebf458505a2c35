# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes between the connectors that are there and those that are wanted, shown before it happens.

For systems whose store is wholly ours (Postfix): the list is the whole definition, a field that was taken out goes back to
its default. What Exchange leaves alone is decided by its own backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import Problems, connector_place
from .model import Connector, Wanted, show, show_field
from .topology import ConnectorSet, Host, RoutingGroup
from .vocabulary import FIELDS

UNSAFE_KINDS = ("large_change", "unserved")
# A change is large when more than this share of at least this many connectors or routes is affected.
LARGE_SHARE = 0.3
LARGE_COUNT = 10


@dataclass(frozen=True)
class Change:
    """What happens to one connector: create, update, adopt or remove; fields as {name: {before, after}}."""

    connector: str
    action: str
    changes: Mapping[str, Mapping[str, Any]]
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {
            "connector": self.connector,
            "action": self.action,
            "changes": {name: dict(values) for name, values in self.changes.items()},
            "kept": list(self.kept),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...]
    after: ConnectorSet
    """The set as it is once the plan is applied."""
    managed_before: int = 0

    @property
    def is_empty(self) -> bool:
        return not self.changes

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(change.connector for change in self.changes if change.action == "remove")


@dataclass(frozen=True)
class Unsafe:
    kind: str
    message: str

    def plain(self) -> dict[str, str]:
        return {"kind": self.kind, "message": self.message}


@dataclass(frozen=True)
class RouteChange:
    """An address space whose mail takes another way from a host. before and after are routes in words."""

    host: str
    address_space: str
    before: str
    after: str
    unserved: bool = False

    def plain(self) -> dict[str, str]:
        return {"from": self.host, "address_space": self.address_space, "before": self.before, "after": self.after}


def plan(
    before: ConnectorSet,
    wanted: Sequence[Wanted],
    problems: Problems,
    hosts: Mapping[str, Host] | None = None,
    routing_groups: Mapping[str, RoutingGroup] | None = None,
    purge: bool = False,
) -> Plan:
    """The plan for one set. hosts and routing_groups left out (None) stay as they are, unless purge is set."""
    connectors = {} if purge else dict(before.connectors)
    changes: list[Change] = []
    gone: set[str] = set()
    for item in wanted:
        key = item.connector.key
        old = predecessor(before.connectors, item, problems)
        for name in {key, old.key if old else key, *item.renamed_from}:
            connectors.pop(name, None)
        if old:
            gone.add(old.key)
        if item.absent:
            if old:
                changes.append(Change(old.name, "remove", {}))
            continue
        connectors[key] = item.connector
        difference = compare(old, item.connector)
        if difference:
            changes.append(Change(item.connector.name, "update" if old else "create", difference))
    if purge:
        named = gone | {item.connector.key for item in wanted}
        changes.extend(Change(one.name, "remove", {}) for key, one in before.connectors.items() if key not in named)
    base = {} if purge else dict(before.hosts)
    base.update(hosts or {})
    groups = {} if purge else dict(before.routing_groups)
    groups.update(routing_groups or {})
    after = ConnectorSet(before.name, connectors, base, groups) if connectors else ConnectorSet(before.name)
    return Plan(tuple(sorted(changes, key=lambda one: one.connector.lower())), after, len(before.connectors))


def predecessor(before: Mapping[str, Connector], item: Wanted, problems: Problems) -> Connector | None:
    """The connector that is there already, under its name or one of its old names."""
    old = [before[name] for name in item.renamed_from if name in before]
    current = before.get(item.connector.key)
    if old and (current or len(old) > 1):
        problems.add(
            connector_place(item.connector.name),
            "renamed_from",
            old[0].name,
            "is there beside the connector itself",
            "remove the old one with state: absent first, or drop renamed_from",
        )
    return current or (old[0] if old else None)


def compare(before: Connector | None, after: Connector) -> dict[str, dict[str, Any]]:
    """The fields that differ, in the vocabulary. Compared with == on normal forms, and nowhere else."""
    if before == after:
        return {}
    reference = before or Connector("")
    return {
        entry.name: {
            "before": show_field(before, entry.name) if before else None,
            "after": show_field(after, entry.name),
        }
        for entry in FIELDS
        if entry.name != "port" and getattr(reference, entry.name) != getattr(after, entry.name)
    }


def with_notes(change: Change, notes: Iterable[str]) -> Change:
    return replace(change, notes=(*change.notes, *notes))


def unsafe(made: Plan, routes_changed: Sequence[RouteChange], routes: int) -> list[Unsafe]:
    """What is dangerous enough to ask first. routes is how many routes there were."""
    found: list[Unsafe] = []
    removed = len(made.removed)
    if made.managed_before >= LARGE_COUNT and removed > LARGE_SHARE * made.managed_before:
        found.append(Unsafe("large_change", f"{removed} of {made.managed_before} connectors are removed"))
    if routes >= LARGE_COUNT and len(routes_changed) > LARGE_SHARE * routes:
        found.append(Unsafe("large_change", f"{len(routes_changed)} of {routes} routes change"))
    for change in routes_changed:
        if change.unserved:
            message = f"{change.address_space} had a route from {change.host} ({change.before}) and has none left"
            found.append(Unsafe("unserved", message))
    return found


def shown_set(one: ConnectorSet) -> list[dict[str, Any]]:
    """The connectors of a set in the vocabulary, sorted by name: what a diff shows."""
    return [show(one.connectors[key]) for key in sorted(one.connectors)]
