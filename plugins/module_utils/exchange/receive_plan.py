# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to each receive connector on each server: what is there, what the list says, and whose it is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..connector.errors import Problems
from ..connector.plan import Change
from . import receive_rules
from .receive_clashes import Listener, clashes, listener
from .receive_connector import REQUIRED, Entry, Found, Settings, own_name, relay_of, show_value
from .receive_parameters import SETTINGS, UNKNOWN
from .servers import Server, Servers

ALWAYS = ("bindings", "remote_ip_ranges", "permission_groups", "auth_mechanisms", "transport_role")
"""What a new connector is always told, so that it does not depend on a default of Exchange."""


@dataclass(frozen=True)
class Item:
    """One connector on one server. action: create, update, adopt, remove, or empty where it is in sync.

    new: its settings afterwards; None where it is removed. right: whether strangers shall have the right to relay; None where
    that is left alone and not known. wanted: the fields that count when it is read back.
    """

    action: str
    server: Server
    name: str
    entry: Entry | None
    before: Found | None
    new: Settings | None
    right: bool | None = None
    wanted: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f'connector "{self.name}" on {self.server.name}'

    @property
    def title(self) -> str:
        return f"{self.server.name}\\{self.name}"

    @property
    def had_right(self) -> bool:
        return bool(self.before and self.before.right)

    def changed(self) -> list[str]:
        """The settings that differ, or that a new connector is given."""
        if self.new is None:
            return []
        if self.before is None:
            return [one.field for one in SETTINGS if one.field in self.wanted]
        old = self.before.settings
        return [
            one.field
            for one in SETTINGS
            if one.field in self.new and old.get(one.field, UNKNOWN) != self.new[one.field]
        ]

    def change(self) -> Change:
        old: Mapping[str, Any] = self.before.settings if self.before else {}
        changes: dict[str, dict[str, Any]] = {}
        if self.before and self.new is not None and self.before.name != self.name:
            changes["name"] = {"before": self.before.name, "after": self.name}
        for name in self.changed():
            if self.new is None:
                raise AssertionError
            before = show_value(name, old.get(name, UNKNOWN))
            changes[name] = {"before": before, "after": show_value(name, self.new[name])}
        if self.new is not None:
            was = self.before.relay if self.before else None
            will = relay_of(self.new, self.right)
            if was != will and not (was is None and will in (None, "none")):
                changes["relay"] = {"before": was, "after": will}
        return Change(self.name, self.action, changes, self.kept, self.notes)


@dataclass(frozen=True)
class Targets:
    """Which server an inventory host is, and what every server has."""

    servers: Servers
    found: Sequence[Found]

    def on(self, label: str, names: Collection[str]) -> list[Found]:
        return [one for one in self.found if one.server == label and one.name.lower() in names]

    def label_of(self, host: str) -> str | None:
        known = self.servers.find(host)
        return None if known is None else self.servers.inventory.get(known)

    def labels(self, entry: Entry) -> list[str]:
        """The servers of an entry; for one that is to be absent and names none, all that have it."""
        if entry.absent and not entry.servers:
            return sorted({one.server for one in self.found if one.name.lower() in entry.names})
        return [label for label in map(self.label_of, entry.servers) if label is not None]


def plan_items(
    entries: Sequence[Entry],
    targets: Targets,
    set_name: str,
    purge: bool,
    problems: Problems,
    warnings: list[str],
) -> list[Item]:
    """All connectors that the list names, and those that purge removes, sorted by server and name."""
    items: list[Item] = []
    named: set[tuple[str, str]] = set()
    for entry in entries:
        _check_servers(entry, targets, problems)
        for label in targets.labels(entry):
            named |= {(label, name) for name in entry.names}
            server = targets.servers.known[label]
            before = _predecessor(entry, targets.on(label, entry.names), server, problems)
            if before and before.owner not in ("", set_name):
                remedy = (
                    "keep it in one of the two sets; to take it over, remove the mark at the end of its comment first"
                )
                problem = f'is claimed by the sets "{before.owner}" and "{set_name}"'
                problems.add(entry.where, "name", before.title, problem, remedy)
                continue
            made = (
                _absent(entry, server, before, problems, warnings)
                if entry.absent
                else _present(entry, server, before, targets.servers, problems, warnings)
            )
            if made:
                items.append(made)
    if purge:
        items += _purged(targets, set_name, named, warnings)
    return sorted(items, key=lambda one: (one.server.name.lower(), one.name.lower()))


def _check_servers(entry: Entry, targets: Targets, problems: Problems) -> None:
    for host in entry.servers:
        if targets.label_of(host) is None:
            remedy = (
                f"correct the name, or give its server_name in hosts; Exchange has {', '.join(targets.servers.names)}"
            )
            problems.add(entry.where, "servers", host, "is no Exchange server", remedy)
        elif targets.servers.on_edge and host != targets.servers.here:
            remedy = f"name {targets.servers.here} alone; an Edge server only manages its own connectors"
            problems.add(entry.where, "servers", host, "is not the Edge server that the task runs on", remedy)


def _predecessor(entry: Entry, there: Sequence[Found], server: Server, problems: Problems) -> Found | None:
    """The connector that is there already, under its name or one of its old names."""
    current = [one for one in there if one.name.lower() == entry.name.lower()]
    old = [one for one in there if one not in current]
    if old and not entry.absent and (current or len(old) > 1):
        remedy = "remove the old one with state: absent first, or drop renamed_from"
        problems.add(entry.where, "renamed_from", old[0].title, "is there beside the connector itself", remedy)
    found = next(iter([*current, *old]), None)
    if found and not current and receive_rules.is_default(found.name, server.name):
        remedy = "leave it as it is, and make a connector of your own"
        problems.add(entry.where, "renamed_from", found.title, "is a default connector, which Exchange needs", remedy)
    return found


def _absent(entry: Entry, server: Server, before: Found | None, problems: Problems, warnings: list[str]) -> Item | None:
    if before is None:
        return None
    if receive_rules.is_default(before.name, server.name):
        remedy = "set enabled: false where it must not take mail, or leave it out of the list"
        problems.add(entry.where, "state", before.title, "is a default connector, which Exchange needs", remedy)
        return None
    if not before.owner:
        warnings.append(
            f"{entry.where} on {server.name} is not from this collection (its comment has no mark), so it was left alone; "
            "remove it by hand, or let the list take it over first"
        )
        return None
    return Item("remove", server, before.name, entry, before, None)


def _purged(targets: Targets, set_name: str, named: Collection[tuple[str, str]], warnings: list[str]) -> Iterable[Item]:
    for one in targets.found:
        if one.owner != set_name or one.key in named or one.server not in targets.servers.known:
            continue
        server = targets.servers.known[one.server]
        if receive_rules.is_default(one.name, server.name):
            warnings.append(
                f"{one.title} is a default connector that the list no longer names; purge does not remove it"
            )
        else:
            yield Item("remove", server, one.name, None, one, None)


# --- what a connector becomes ----------------------------------------------------------------------------------------


def _present(
    entry: Entry, server: Server, before: Found | None, known: Servers, problems: Problems, warnings: list[str]
) -> Item:
    if before is None:
        for name in REQUIRED:
            if name not in entry.given and not (name == "remote_ip_ranges" and entry.ranges):
                remedy = f"name its {name}"
                problems.add(
                    entry.where, name, None, f"is needed for a new connector ({server.name} has none yet)", remedy
                )
    if entry.relay and before and before.right is None:
        remedy = "run the task with an account that may read permissions (Get-ADPermission)"
        problems.add(entry.where, "relay", entry.relay, "needs permissions that could not be read", remedy)
    new = becomes(entry, server, before.settings if before else None, known)
    right = right_after(entry, new, before.right if before else False)
    where = f"{entry.where} on {server.name}"
    _check(entry, server, before, new, right, problems, warnings)
    item = Item(
        "create",
        server,
        entry.name,
        entry,
        before,
        new,
        right,
        wanted(entry, new, server.edge, before is None),
        kept(entry, before, server.edge) if before else (),
        _notes(entry, before, server, where),
    )
    if before is None:
        return item
    differs = bool(item.changed()) or item.had_right != bool(right) or before.name != entry.name
    return replace(item, action="adopt" if not before.owner else "update" if differs else "")


def becomes(entry: Entry, server: Server, current: Settings | None, known: Servers) -> Settings:
    """Settings given are as given, those to reset at their defaults, and all others stay (or are a new one's defaults)."""
    defaults = {
        one.field: one.default_on(server.edge)
        for one in SETTINGS
        if one.default_on(server.edge) is not UNKNOWN and not (server.edge and one.mailbox_only)
    }
    made: dict[str, Any] = dict(defaults if current is None else current)
    made.update({name: defaults[name] for name in entry.reset if name in defaults})
    made.update(entry.given)
    if entry.ranges:
        made["remote_ip_ranges"] = entry.ranges.over(made.get("remote_ip_ranges", ()))
    if server.edge:
        made.pop("transport_role", None)
    made = own_name(made, str(known_label(server)), known)
    return receive_rules.with_relay(made, entry.relay, "auth_mechanisms" in entry.given)


def known_label(server: Server) -> str:
    return server.name.partition(".")[0].lower()


def right_after(entry: Entry, new: Settings, right: bool | None) -> bool | None:
    """Whether strangers shall have the right to relay; as it is where the list does not say how to relay."""
    return right if entry.relay is None else entry.relay == "anonymous"


def wanted(entry: Entry, new: Settings, edge: bool, creating: bool) -> tuple[str, ...]:
    """The settings that somebody asked for, and so have to come back."""
    asked = {*entry.given, *entry.reset}
    if entry.ranges:
        asked.add("remote_ip_ranges")
    if entry.relay:
        asked |= {"permission_groups", "auth_mechanisms"}
    if creating:
        asked |= set(ALWAYS)
    return tuple(one.field for one in SETTINGS if one.field in asked and one.field in new)


def kept(entry: Entry, before: Found, edge: bool) -> tuple[str, ...]:
    """Fields that are left alone although they differ from the default."""
    asked = {*entry.given, *entry.reset, *(("permission_groups", "auth_mechanisms") if entry.relay else ())}
    found = [
        one.field
        for one in SETTINGS
        if one.field in before.settings
        and one.field not in asked
        and one.default_on(edge) is not UNKNOWN
        and before.settings[one.field] != one.default_on(edge)
        and not (edge and one.mailbox_only)
    ]
    if entry.relay is None and before.relay not in (None, "none"):
        found.append("relay")
    return tuple(found)


def _notes(entry: Entry, before: Found | None, server: Server, where: str) -> tuple[str, ...]:
    notes = []
    if entry.unresettable and before:
        names = ", ".join(entry.unresettable)
        notes.append(f"{names} stay as they are, since their defaults on Exchange are not known for certain")
    if entry.ranges and entry.ranges.exact is None and before:
        current = set(before.settings.get("remote_ip_ranges", ()))
        absent = [str(one) for one in entry.ranges.remove if one not in current]
        if absent:
            notes.append(
                f"{', '.join(absent)} is not among the remote IP ranges in this form, so there is nothing to remove"
            )
    return tuple(notes)


def _check(
    entry: Entry,
    server: Server,
    before: Found | None,
    new: Settings,
    right: bool | None,
    problems: Problems,
    warnings: list[str],
) -> None:
    where = f"{entry.where} on {server.name}"
    if server.edge and "transport_role" in entry.given:
        remedy = "leave it out"
        problems.add(where, "transport_role", entry.given["transport_role"], "is not known to an Edge server", remedy)
    if before is None or any(before.settings.get(name, UNKNOWN) != value for name, value in new.items()):
        receive_rules.check(new, where, problems, server)
    told = receive_rules.check_relay(entry, new, relay_of(new, right), server, problems)
    if told:
        warnings.append(told)
    if before and receive_rules.is_default(before.name, server.name):
        receive_rules.check_default(entry, server, before.settings, new, problems, warnings)
    hub = new.get("transport_role") == "hub_transport" and not receive_rules.is_default(entry.name, server.name)
    if hub and "bindings" in entry.given and any(one.port == 25 for one in new.get("bindings", ())):
        warnings.append(
            f"{where}: a connector of hub_transport on port 25 keeps Front End Transport from starting as soon as one of its "
            "connectors listens there too; use frontend_transport or another port"
        )


# --- all connectors of a server --------------------------------------------------------------------------------------


def check_clashes(items: Sequence[Item], found: Sequence[Found], problems: Problems, warnings: list[str]) -> None:
    """Connectors that would stand in each other's way; a clash that is there already only warns."""
    for label in sorted({known_label(one.server) for one in items}):
        here = [one for one in items if known_label(one.server) == label]
        before = listeners(found, label)
        known = clashes(before)
        for pair, why in clashes(after(before, here)).items():
            touched = [one for one in here if one.new is not None and one.name.lower() in pair]
            names = " and ".join(f'"{after(before, here)[name].name}"' for name in pair)
            if pair in known:
                if touched:
                    warnings.append(f"{touched[0].where} stands in another's way already: {names} {why}")
            elif touched:
                remedy = "give them other bindings, or ranges of which one holds the other"
                field = "bindings" if "two services" in why else "remote_ip_ranges"
                problems.add(touched[0].where, field, None, f"{names}: {why}", remedy)


def listeners(found: Sequence[Found], label: str) -> dict[str, Listener]:
    return {one.name.lower(): listener(one.name, one.settings) for one in found if one.server == label}


def after(before: Mapping[str, Listener], items: Sequence[Item]) -> dict[str, Listener]:
    made = dict(before)
    for item in items:
        if item.before:
            made.pop(item.before.name.lower(), None)
    made.update({one.name.lower(): listener(one.name, one.new) for one in items if one.new is not None})
    return made


# --- reading back ----------------------------------------------------------------------------------------------------


def differences(item: Item, now: Found | None, set_name: str) -> list[str]:
    """What did not come back as it was wanted, in words."""
    if item.new is None:
        return [f"{item.where} is still there"] if now else []
    if now is None:
        return [f"{item.where} is not there"]
    told = (
        [] if now.owner == set_name else [f"{item.where}: its comment does not end in the mark of the set {set_name}"]
    )
    for name in item.wanted:
        shown = now.settings.get(name, UNKNOWN)
        if shown != item.new[name]:
            is_, meant = show_value(name, shown), show_value(name, item.new[name])
            told.append(f"{item.where}, field {name}: {is_!r} instead of {meant!r}")
    if item.right is not None and now.right is not None and item.right != now.right:
        right = "do not have" if item.right else "still have"
        told.append(f"{item.where}, field relay: strangers {right} the right to relay")
    return told


def owned(found: Iterable[Found], set_name: str) -> list[Found]:
    return [one for one in found if one.owner == set_name]
