# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is there and what is wanted to the steps between them, in an order that is safe after every single one.

After each step every address has its old or its new route, and never weaker TLS than both: new tables and services are made
first and named by nothing; then the transport table and default_transport switch mail over; what nothing names any more goes
last. relay_domains shrinks first and grows last. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Union

from . import owned_settings
from .desired import (
    PEERS,
    RECIPIENTS,
    RELAY_BELOW,
    RELAY_EXACT,
    TRANSPORT,
    Desired,
    TableFile,
)
from .main_cf import MainCf, split_list
from .master_cf import MasterCf, Service
from .owned_settings import ListSetting
from .services import Directory
from .store import OwnedSetting
from .table_text import parse, render

ROUTE_NAMES = ("default_transport", "relay_transport", "relayhost")
# An lmdb table is read in place at once; of every other kind programs keep what they opened until a reload.
SEEN_AT_ONCE = "lmdb"


@dataclass(frozen=True)
class WriteTable:
    path: str
    table: TableFile

    def __str__(self) -> str:
        how = "" if self.table.type in ("texthash", "regexp", "cidr") else f", postmap {self.table.type}"
        return f"write {self.path} ({self.table.entries} lines{how})"


@dataclass(frozen=True)
class EditSettings:
    wanted: Mapping[str, ListSetting | str | None]
    shown: tuple[str, ...]

    def __str__(self) -> str:
        return "main.cf: " + "; ".join(self.shown)


@dataclass(frozen=True)
class EditServices:
    add: tuple[Service, ...] = ()
    remove: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"set {service.name}" for service in self.add] + [f"remove {name}" for name in self.remove]
        return "master.cf: " + ", ".join(parts)


@dataclass(frozen=True)
class Reload:
    def __str__(self) -> str:
        return "postfix reload"


@dataclass(frozen=True)
class Drop:
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return "remove " + ", ".join(self.paths)


@dataclass(frozen=True)
class SaveStore:
    """Writes connectors.json. early: only what is about to be ours, so that a kill never leaves it unrecorded."""

    early: bool

    def __str__(self) -> str:
        return "write connectors.json (ownership)" if self.early else "write connectors.json"


@dataclass(frozen=True)
class Verify:
    addresses: int

    def __str__(self) -> str:
        return f"ask trivial-rewrite(8) for {self.addresses} addresses"


Step = Union[WriteTable, EditSettings, EditServices, Reload, Drop, SaveStore, Verify]


@dataclass(frozen=True)
class Found:
    """What is there now. stale: table name -> why it has to be written; unreadable: those of them whose index is missing or
    damaged; entries: of our indexed tables that are in use."""

    main_text: str
    master_text: str
    services: tuple[str, ...] = ()
    settings: Mapping[str, OwnedSetting] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    running: bool = True


class Planner:
    """Collects the steps while it follows what main.cf and master.cf would be after each."""

    def __init__(self, found: Found, want: Desired, directory: Directory) -> None:
        self.found = found
        self.want = want
        self.directory = directory
        self.main_text = found.main_text
        self.records: dict[str, OwnedSetting] = dict(found.settings)
        self.written: set[str] = set()
        self.steps: list[Step] = []

    def plan(self, transport_text: Callable[[Mapping[str, str]], str], addresses: int) -> list[Step]:
        """The steps; empty where nothing differs. transport_text gives the transport table with entries kept in it."""
        self._make_what_nothing_names()
        self._change_in_place()
        self._switch_routes(transport_text)
        self._admit()
        if self.steps and self.found.running and addresses:
            self.steps.append(Verify(addresses))
        self._drop()
        return self.steps

    # --- helpers ---

    def _is_live(self, name: str) -> bool:
        """Whether something names the table (of this type) already."""
        table = self.want.tables[name]
        place = f"{table.type}:{self.directory.file(name)}"
        return any(place in text for text in (self.found.main_text, self.found.master_text)) and not self._is_longer(
            place
        )

    def _is_longer(self, place: str) -> bool:
        """Whether the place occurs only as the beginning of a longer one (relay_exact in relay_exact2)."""
        text = self.found.main_text + "\n" + self.found.master_text + "\n"
        return not any(place + end in text for end in ("\n", ",", " ", "}", "\t"))

    def _is_renamed(self, name: str) -> bool:
        """Whether writing the table replaces its index, so that a program which has opened it, or has failed to, needs a
        reload to see it (trivial-rewrite(8) never tries a missing table again)."""
        return self.want.tables[name].type != SEEN_AT_ONCE or name in self.found.unreadable

    def _write(self, name: str, text: str | None = None) -> None:
        table = self.want.tables[name]
        if text is not None and text != table.text:
            table = TableFile(name, table.type, text, table.mode)
        else:
            self.written.add(name)
        self.steps.append(WriteTable(self.directory.file(name), table))

    def _settings(self, wanted: Mapping[str, ListSetting | str | None]) -> bool:
        """Adds the step where it changes main.cf."""
        before = MainCf.parse(self.main_text)
        text, records = owned_settings.edit(self.main_text, wanted, self.records, self.directory.path)
        self.records = records
        if text == self.main_text:
            return False
        after = MainCf.parse(text)
        shown = []
        for name in wanted:
            if after.get(name) != before.get(name) or after.raw(name) != before.raw(name):
                value = after.get(name)
                shown.append(f"{name} as found" if name not in records else f"{name} = {value}")
        self.main_text = text
        self.steps.append(EditSettings(wanted, tuple(shown)))
        return True

    def _reload(self) -> None:
        if self.found.running and self.steps and not isinstance(self.steps[-1], Reload):
            self.steps.append(Reload())

    def _reload_after_the_routes(self) -> None:
        """So that the queue manager asks for routes again, and idle daemons end: those of a service that goes are then there only
        where they are in the middle of a delivery."""
        for step in reversed(self.steps):
            if isinstance(step, Reload):
                return
            if isinstance(step, WriteTable) and step.table.name == TRANSPORT:
                break
        if self.found.running:
            self.steps.append(Reload())

    # --- phases ---

    def _make_what_nothing_names(self) -> None:
        for name in sorted(self.want.tables):
            if name in self.found.stale and not self._is_live(name):
                self._write(name)
        master = MasterCf.parse(self.found.master_text)
        add = tuple(one for _name, one in sorted(self.want.services.items()) if master.get(one.key) != one)
        self._settings(self.want.service_settings)
        if add:
            self.steps.append(EditServices(add=add))
            self._reload()

    def _change_in_place(self) -> None:
        later = (TRANSPORT, RELAY_EXACT, RELAY_BELOW, RECIPIENTS, PEERS)
        changed = False
        for name in sorted(self.want.tables):
            if name in self.found.stale and name not in self.written and name not in later:
                self._write(name)
                changed = True
        if self._shrink_relay() or changed:
            self._reload()

    def _shrink_relay(self) -> bool:
        changed = False
        wanted = self.want.admission["relay_domains"]
        current = split_list(MainCf.parse(self.main_text).get("relay_domains") or "")
        ours = set(current) - set(owned_settings.others(", ".join(current), self.directory.path))
        if isinstance(wanted, ListSetting) and (ours - set(wanted.elements) or not wanted.elements):
            staying = tuple(element for element in wanted.elements if element in ours)
            changed = self._settings({"relay_domains": ListSetting(staying, wanted.default)})
        for name in (RELAY_EXACT, RELAY_BELOW):
            if name not in self.want.tables or name in self.written or name not in self.found.stale:
                continue
            new = parse(self.want.tables[name].text)
            old = self.found.entries.get(name, {})
            if set(old) - set(new):
                both = {key: value for key, value in old.items() if key in new}
                self._write(name, None if both == new else render(both))
                changed = self._is_renamed(name) or changed
        return changed

    def _switch_routes(self, transport_text: Callable[[Mapping[str, str]], str]) -> None:
        wanted = TRANSPORT in self.want.tables
        live = wanted and self._is_live(TRANSPORT)
        stale = live and TRANSPORT in self.found.stale and TRANSPORT not in self.written
        old = self.found.entries.get(TRANSPORT, {})
        new = parse(self.want.tables[TRANSPORT].text) if wanted else {}
        staying = _staying(old, new)
        moves = stale and staying and self._default_moves()
        if moves:
            self._write(TRANSPORT, transport_text(staying))
        elif stale:
            self._write(TRANSPORT)
        renamed = wanted and self._is_renamed(TRANSPORT)
        changed = self._settings(self.want.routes)
        if changed or (stale and renamed):
            self._reload()
        if moves:
            self._write(TRANSPORT)
            if renamed:
                self._reload()

    def _default_moves(self) -> bool:
        wanted = {name: self.want.routes[name] for name in ROUTE_NAMES}
        text, _records = owned_settings.edit(self.main_text, wanted, self.records, self.directory.path)
        return text != self.main_text

    def _admit(self) -> None:
        changed = False
        for name in (RECIPIENTS, RELAY_EXACT, RELAY_BELOW, PEERS):
            if name in self.want.tables and name in self.found.stale and name not in self.written:
                self._write(name)
                changed = self._is_renamed(name) or changed
        if self._settings(self.want.admission) or changed:
            self._reload()

    def _drop(self) -> None:
        master = MasterCf.parse(self.found.master_text)
        gone = [name for name in self.found.services if name not in self.want.services]
        remove = tuple(sorted(name for name in gone if master.get((name, "unix")) is not None))
        if remove:
            self._reload_after_the_routes()
            self.steps.append(EditServices(remove=remove))
        known = {*self.want.service_settings, *self.want.routes, *self.want.admission}
        self._settings({name: None for name in sorted(self.records) if name not in known})
        if remove:
            self._reload()
        wanted = set(self.want.tables)
        suffixes = {f"{name}.{kind}" for name, kind in ((one.name, one.type) for one in self.want.tables.values())}
        keep = (
            wanted | suffixes | {f"{one.name}.db" for one in self.want.tables.values() if one.type in ("hash", "btree")}
        )
        paths = tuple(self.directory.file(name) for name in sorted(self.found.files) if name not in keep)
        if paths:
            self.steps.append(Drop(paths))


def _staying(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """What the transport table has instead of the new entries until default_transport is switched.

    A key that goes would fall to the old default route, which is neither its old nor its new one: it stays. A key that is
    "as if not listed" (the value is a colon) before or afterwards gets the entry of the other time, where there is one.
    """
    staying = {key: value if value != ":" else _way(new, key) for key, value in old.items() if key not in new}
    staying.update({key: _way(old, key) for key, value in new.items() if value == ":" and _way(old, key) != ":"})
    return staying


def _way(entries: Mapping[str, str], domain: str) -> str:
    """The value that decides about a domain; a colon where no entry does."""
    if domain in entries:
        return entries[domain]
    parent = domain.partition(".")[2]
    while parent:
        if "." + parent in entries:
            return entries["." + parent]
        parent = parent.partition(".")[2]
    return ":"
