# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to each send connector: what is there, what the list says, and whose it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..connector.errors import Problems, connector_place
from ..connector.model import Connector, Wanted
from ..connector.plan import Change, compare, predecessor
from ..connector.values import show_size
from ..connector.vocabulary import BY_NAME
from . import send_rules, values
from .send_connector import Found
from .send_rules import ON_EXCHANGE

REFERENCE = Connector("")


@dataclass(frozen=True)
class Item:
    """One connector of the list, or one that is removed because the list no longer names it.

    action: create, update, adopt, remove, or empty where it is in sync. new: None where it is removed. password: it is
    written. before: what was read; None where there is none.
    """

    action: str
    wanted: Wanted | None
    before: Found | None
    new: Connector | None
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    password: bool = False

    @property
    def old(self) -> Connector | None:
        return self.before.connector if self.before else None

    @property
    def name(self) -> str:
        connector = self.new or self.old
        return connector.name if connector else ""

    def change(self, more_notes: Iterable[str] = ()) -> Change:
        changes: Mapping[str, Mapping[str, Any]] = {}
        if self.new and self.action == "create":
            changes = compare(None, self.new)
        elif self.new and self.old:
            changes = compare(self.old, self.new)
        if self.password and self.action != "create":
            hidden = {"before": "unknown", "after": "as given"}
            changes = {**changes, "authentication.password": hidden}
        return Change(self.name, self.action, changes, self.kept, (*self.notes, *more_notes))


def plan_items(
    wanted: Sequence[Wanted],
    found: Sequence[Found],
    set_name: str,
    purge: bool,
    problems: Problems,
    warnings: list[str],
) -> list[Item]:
    """All connectors that the set has or shall have, sorted by name. wanted is in the form that Exchange carries."""
    known = {one.connector.key: one for one in found}
    items: list[Item] = []
    named: set[str] = set()
    for item in wanted:
        named.add(item.connector.key)
        old = predecessor({key: one.connector for key, one in known.items()}, item, problems)
        before = known[old.key] if old else None
        if before:
            named.add(before.connector.key)
            if before.owner not in ("", set_name):
                _belongs_to(before, item, set_name, problems)
                continue
        made = _absent(item, before, warnings) if item.absent else _present(item, before, problems)
        if made:
            items.append(made)
    if purge:
        gone = [one for key, one in known.items() if one.owner == set_name and key not in named]
        items += [Item("remove", None, one, None) for one in gone]
    return sorted(items, key=lambda one: one.name.lower())


def _belongs_to(before: Found, item: Wanted, set_name: str, problems: Problems) -> None:
    remedy = "keep it in one of the two sets; to take it over, remove the mark at the end of its comment first"
    problem = f'is claimed by the sets "{before.owner}" and "{set_name}"'
    problems.add(connector_place(item.connector.name), "name", before.connector.name, problem, remedy)


def _absent(item: Wanted, before: Found | None, warnings: list[str]) -> Item | None:
    if before is None:
        return None
    if not before.owner:
        warnings.append(
            f"{connector_place(before.connector.name)} is not from this collection (its comment has no mark), so it was left "
            "alone; remove it by hand, or let the list take it over first"
        )
        return None
    return Item("remove", item, before, None)


def _present(item: Wanted, before: Found | None, problems: Problems) -> Item:
    given = item.given if before else frozenset(ON_EXCHANGE)
    current = before.connector if before else REFERENCE
    where = connector_place(item.connector.name)
    send_rules.check_reset(item.reset, where, problems)
    new = becomes(item, given, current, problems)
    password = _writes_password(item, before, new, problems)
    notes = _notes(item, before, new, password)
    kept = send_rules.kept(given, item.reset, current) if before else ()
    action = "create"
    if before:
        action = "adopt" if not before.owner else "update" if new != current or password else ""
    return Item(action, item, before, new, kept, notes, password)


def becomes(item: Wanted, given: Iterable[str], current: Connector, problems: Problems) -> Connector:
    """What a connector becomes: the rules look at it as it will be, with what was left alone."""
    given = frozenset(given)
    hosts = item.connector.smart_hosts if {"smart_hosts"} & {*given, *item.reset} else current.smart_hosts
    wanted = send_rules.normal(replace(item.connector, smart_hosts=hosts), problems)
    new = send_rules.settle(wanted, given, item.reset, current)
    if new.smart_hosts != current.smart_hosts:
        new = send_rules.with_certificate_name(new, problems)
    if new != current and current is not REFERENCE:
        send_rules.check(new, problems)
    return new


def differences(item: Item, after: Found | None, set_name: str) -> list[str]:
    """What did not come back as it was wanted, in words."""
    where = connector_place(item.name)
    if item.new is None:
        return [f"{where} is still there"] if after else []
    if after is None or item.wanted is None:
        return [f"{where} is not there"]
    told = [] if after.owner == set_name else [f"{where}: its comment does not end in the mark of the set {set_name}"]
    given = item.wanted.given if item.before else frozenset(ON_EXCHANGE)
    meant = becomes(item.wanted, given, after.connector, Problems())
    for name, values_ in compare(after.connector, meant).items():
        told.append(f"{where}, field {name}: {values_['before']!r} instead of {values_['after']!r}")
    return told


# --- passwords -------------------------------------------------------------------------------------------------------


def _writes_password(item: Wanted, before: Found | None, new: Connector, problems: Problems) -> bool:
    authentication = item.connector.authentication
    if not new.authentication.with_password or not authentication.with_password:
        return False
    changed = before is None or before.connector.authentication != new.authentication
    if changed and item.password is None:
        remedy = "give authentication.password; Exchange does not show the one that it has"
        place = connector_place(item.connector.name)
        problems.add(place, "authentication.password", None, "is needed to set the account", remedy)
    return item.password is not None and (changed or authentication.update_password == "always")


# --- sentences about what differs from Postfix -----------------------------------------------------------------------


def _notes(item: Wanted, before: Found | None, new: Connector, password: bool) -> tuple[str, ...]:
    notes = []
    if password and before and before.connector.authentication == new.authentication:
        notes.append("The password is written on every run (update_password: always), since it cannot be read back")
    elif item.password is not None and not password:
        notes.append("password not checked: it cannot be read back, and is only written with a new account")
    if len(new.smart_hosts) > 1:
        notes.append(
            f"Exchange balances the mail over the {len(new.smart_hosts)} smart hosts, while Postfix tries them in their order"
        )
    if new.max_message_size != BY_NAME["max_message_size"].default:
        limit = show_size(new.max_message_size)
        notes.append(
            f"Mail of more than {limit} takes the next connector that has room for it, and is returned where there is none"
        )
    if before and any(
        values.SEND_PARAMETERS[name.lower()].create_only
        for name, _text in item.connector.exchange
        if name.lower() in values.SEND_PARAMETERS
    ):
        notes.append("exchange.Usage is only looked at when a connector is made; it can be neither read nor changed")
    return tuple(notes)
