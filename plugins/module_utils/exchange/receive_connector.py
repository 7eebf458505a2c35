# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A receive connector: what a list says of it, what Exchange shows of it, and how it is shown in the vocabulary.

One entry of the list may stand for the same connector on many servers; on each of them it is a connector of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..connector import values as plain
from ..connector.errors import Problems, ValueProblem, connector_place
from ..connector.vocabulary import BRIDGEHEAD, NAME, nearest
from . import ip_ranges, values
from .ip_ranges import IpRange
from .ownership import unmarked
from .receive_parameters import BY_FIELD, COVERED, GROUPED, NATIVES, SETTINGS, UNKNOWN, members
from .servers import Servers
from .task import Object

Settings = Mapping[str, Any]
"""Field -> normal form, for each setting whose value is known."""

RELAY = plain.choice("none", "anonymous", "externally_secured")
FIELDS = (
    "name",
    "state",
    "servers",
    *(one.field for one in SETTINGS if "." not in one.field),
    "relay",
    "allow_open_relay",
    *GROUPED,
    "exchange",
    "renamed_from",
    "reset",
)
"""The fields of an entry, in the order in which they are told."""
REQUIRED = ("bindings", "remote_ip_ranges")
"""What a new connector cannot be made without."""


# --- what a list says ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RangeChange:
    """What becomes of the remote IP ranges: exactly these, or some more and some less."""

    exact: tuple[IpRange, ...] | None = None
    add: tuple[IpRange, ...] = ()
    remove: tuple[IpRange, ...] = ()

    def over(self, current: Iterable[IpRange]) -> tuple[IpRange, ...]:
        if self.exact is not None:
            return self.exact
        return tuple(sorted((set(current) | set(self.add)) - set(self.remove)))


@dataclass(frozen=True)
class Entry:
    """One connector of the list. given: the settings that it gives. reset: the settings that go back to their defaults.

    unresettable: those of a dict to reset whose defaults nobody knows, which stay.
    """

    name: str
    servers: tuple[str, ...] = ()
    absent: bool = False
    renamed_from: tuple[str, ...] = ()
    given: Settings = field(default_factory=dict)
    ranges: RangeChange | None = None
    relay: str | None = None
    allow_open_relay: bool = False
    reset: tuple[str, ...] = ()
    unresettable: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return connector_place(self.name)

    @property
    def names(self) -> frozenset[str]:
        """Its name and its earlier ones, without case."""
        return frozenset((self.name.lower(), *self.renamed_from))


def read_entries(raw: Any, problems: Problems) -> list[Entry]:
    """All entries of a list, sorted by name. Mistakes are added to problems."""
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        problems.add("", "connectors", type(raw).__name__, "is not a list", "write a list of connectors")
        return []
    found = [read_entry(one, problems, place) for place, one in enumerate(raw, 1)]
    return sorted((one for one in found if one), key=lambda one: (one.name.lower(), one.servers))


def read_entry(raw: Any, problems: Problems, place: int = 1) -> Entry | None:
    """One entry; None where not even its name can be read."""
    if not isinstance(raw, dict):
        where = f"connector {place} of the list"
        problems.add(where, "", type(raw).__name__, "is not a dict", "write its fields as a dict")
        return None
    try:
        name = NAME.read(raw.get("name", ""))
    except ValueProblem as problem:
        problems.add_value(f"connector {place} of the list", "name", problem)
        return None
    return _Reader(raw, name, problems).entry()


class _Reader:
    """Reads the fields of one entry, and collects what is wrong with them."""

    def __init__(self, raw: Mapping[str, Any], name: str, problems: Problems) -> None:
        self.raw = raw
        self.name = name
        self.problems = problems
        self.where = connector_place(name)

    def entry(self) -> Entry:
        for key in self.raw:
            if key not in FIELDS:
                message = "is no field of a receive connector"
                self.problems.add(self.where, str(key), None, message, nearest(str(key), list(FIELDS)))
        names = plain.list_of(NAME)
        servers = self.read("servers", plain.list_of(BRIDGEHEAD)) or ()
        earlier = {old.lower() for old in self.read("renamed_from", names) or ()}
        absent = self.read("state", plain.choice("present", "absent")) == "absent"
        renamed_from = tuple(sorted(earlier - {self.name.lower()}))
        if absent:
            return Entry(self.name, servers, True, renamed_from)
        if not servers:
            remedy = "name at least one inventory host that has the connector"
            self.problems.add(self.where, "servers", None, "names no server", remedy)
        given = self.given()
        ranges = self.ranges()
        relay = self.read("relay", RELAY)
        reset, unresettable = self.reset(
            {*given, *(["relay"] if relay else []), *(["remote_ip_ranges"] if ranges else [])}
        )
        if "relay" in reset:
            relay = "none"
        return Entry(
            self.name,
            servers,
            False,
            renamed_from,
            given,
            ranges,
            relay,
            bool(self.read("allow_open_relay", plain.BOOLEAN)),
            tuple(one for one in reset if one != "relay"),
            unresettable,
        )

    def read(self, name: str, kind: plain.Kind[Any]) -> Any:
        return self.value(name, kind, self.raw.get(name))

    def value(self, name: str, kind: plain.Kind[Any], value: Any) -> Any:
        """The normal form; None where nothing is given, or what is given is wrong."""
        if value is None:
            return None
        try:
            return kind.read(value)
        except ValueProblem as problem:
            self.problems.add_value(self.where, name, problem)
            return None

    def given(self) -> dict[str, Any]:
        found = {
            one.field: self.read(one.field, one.kind)
            for one in SETTINGS
            if "." not in one.field and one.field != "remote_ip_ranges"
        }
        for group in GROUPED:
            known = members(group)
            for name, value in self.parts(group).items():
                if name in known:
                    found[f"{group}.{name}"] = self.value(f"{group}.{name}", known[name].kind, value)
                else:
                    remedy = nearest(str(name), list(known))
                    self.problems.add(self.where, f"{group}.{name}", None, "is no field of this dict", remedy)
        for name, value in self.parts("exchange").items():
            native = NATIVES.get(str(name).lower())
            if native:
                found[native.field] = self.value(native.field, native.kind, value)
            else:
                self.refuse_native(str(name))
        return {name: value for name, value in found.items() if value is not None}

    def parts(self, group: str) -> Mapping[str, Any]:
        value = self.raw.get(group)
        if value is None or isinstance(value, dict):
            return value or {}
        remedy = "write it as {name: value}"
        self.problems.add(self.where, group, type(value).__name__, "is not a dict", remedy)
        return {}

    def refuse_native(self, name: str) -> None:
        word, place = name.lower(), f"exchange.{name}"
        if word in COVERED:
            remedy = f"set the field {COVERED[word]} instead"
            self.problems.add(self.where, place, None, "is covered by the vocabulary", remedy)
        elif word in ("usage", "client", "custom", "internal", "internet", "partner"):
            message = "only sets permission groups and mechanisms when a connector is made, and cannot be read"
            remedy = "set permission_groups and auth_mechanisms"
            self.problems.add(self.where, place, None, message, remedy)
        else:
            remedy = nearest(name, [one.parameter for one in NATIVES.values()])
            self.problems.add(self.where, place, None, "is no parameter of a receive connector", remedy)

    def ranges(self) -> RangeChange | None:
        raw = self.raw.get("remote_ip_ranges")
        if raw is None:
            return None
        table = raw if isinstance(raw, dict) else {"exact": raw}
        unknown = [str(name) for name in table if name not in ("exact", "add", "remove")]
        both = table.get("exact") is not None and (table.get("add") is not None or table.get("remove") is not None)
        if unknown or both or all(part is None for part in table.values()):
            message = "is a list of ranges, or a dict of exact, or of add and remove"
            remedy = "write [192.0.2.10] or {add: [192.0.2.10]}"
            self.problems.add(self.where, "remote_ip_ranges", ", ".join(unknown or map(str, table)), message, remedy)
            return None
        found = {name: self.value("remote_ip_ranges", ip_ranges.RANGES, part) for name, part in table.items()}
        made = RangeChange(found.get("exact"), found.get("add") or (), found.get("remove") or ())
        for one in sorted(set(made.add) & set(made.remove)):
            remedy = "keep it in one of the two"
            self.problems.add(self.where, "remote_ip_ranges", str(one), "is to be added and removed", remedy)
        return made

    def reset(self, given: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The settings that go back to their defaults, and those of whole dicts that cannot."""
        fields: dict[str, None] = {}
        stay: dict[str, None] = {}
        for name in self.read("reset", plain.list_of(plain.text(128, 1, "a field"))) or ():
            found = settings_of(name)
            if not found and name != "relay":
                known = [*(one for one in FIELDS if one not in ("name", "state", "reset", "renamed_from")), *BY_FIELD]
                self.problems.add(self.where, "reset", name, "is no field that can be reset", nearest(name, known))
            twice = sorted({"relay"} & given if name == "relay" else set(found) & given)
            if twice and name not in (*GROUPED, "exchange"):
                remedy = "leave it out of reset, or leave its value out"
                self.problems.add(self.where, "reset", name, "is given a value as well", remedy)
            for one in [*found, *(["relay"] if name == "relay" else [])]:
                if one in given:
                    continue
                if one == "relay" or can_be_reset(one):
                    fields[one] = None
                elif len(found) > 1:
                    stay[one] = None
                else:
                    message = "has no default that is known for certain on Exchange"
                    self.problems.add(self.where, "reset", name, message, f"give {name} a value")
        return tuple(fields), tuple(stay)


def settings_of(name: str) -> tuple[str, ...]:
    """The settings that a name in reset means: one, or all of a dict. Native parameters are taken in any case."""
    if name in (*GROUPED, "exchange"):
        return tuple(one.field for one in SETTINGS if one.field.startswith(name + "."))
    group, _dot, part = name.partition(".")
    native = NATIVES.get(part.lower()) if group == "exchange" else None
    return (native.field,) if native else (name,) if name in BY_FIELD else ()


def can_be_reset(name: str) -> bool:
    return BY_FIELD[name].resettable and BY_FIELD[name].default is not UNKNOWN


# --- what Exchange shows ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A connector as it was read. server: the first label of its server. owner: the set whose mark it carries.

    right: whether strangers have the right to relay through it; None where that was not looked at. stranger: their name in its
    entries.
    """

    server: str
    name: str
    settings: Settings
    owner: str
    properties: Object
    right: bool | None = None
    stranger: str = ""
    unreadable: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.server, self.name.lower()

    @property
    def title(self) -> str:
        return f"{str(self.properties.get('Server') or self.server).partition('.')[0]}\\{self.name}"

    @property
    def relay(self) -> str | None:
        return relay_of(self.settings, self.right)


PROPERTIES: tuple[str, ...] = (
    "Name",
    "Server",
    *(one.parameter for one in SETTINGS),
    "Guid",
    "Identity",
    "DistinguishedName",
    "OriginatingServer",
)


def read(found: Object, servers: Servers) -> Found:
    settings: dict[str, Any] = {}
    unreadable: list[str] = []
    server = values.first_label(found.get("Server") or "")
    for one in SETTINGS:
        shown = found.get(one.parameter)
        try:
            value = one.read(shown)
        except (ValueProblem, ValueError) as problem:
            unreadable.append(f"{one.parameter}: {shown} ({problem})")
            continue
        if value is not UNKNOWN:
            settings[one.field] = value
    comment, owner = unmarked(found.get("Comment"))
    settings["comment"] = comment
    return Found(
        server, str(found.get("Name")), own_name(settings, server, servers), owner, found, unreadable=tuple(unreadable)
    )


def own_name(settings: Settings, server: str, servers: Servers) -> dict[str, Any]:
    """Without a name of its own a connector greets with its server's (New-ReceiveConnector, Fqdn): both are one value."""
    made = dict(settings)
    known = servers.known.get(server)
    name = str(made.get("helo_name", "")).lower()
    if "helo_name" in made:
        made["helo_name"] = "" if known and name == known.address else name
    return made


def relay_of(settings: Settings, right: bool | None) -> str | None:
    """Who may relay; None where that is not known because nobody looked at the rights."""
    if "externally_secured" in settings.get("auth_mechanisms", ()):
        return "externally_secured"
    if "anonymous_users" not in settings.get("permission_groups", ()):
        return "none"
    return None if right is None else "anonymous" if right else "none"


# --- the vocabulary --------------------------------------------------------------------------------------------------


def show(
    name: str, servers: Sequence[str], settings: Settings, relay: str | None, edge: bool = False
) -> dict[str, Any]:
    """A connector in the vocabulary, without what is at its default. What read_entry reads back as the same."""
    shown: dict[str, Any] = {"name": name, "servers": list(servers)}
    for one in SETTINGS:
        if one.field not in settings or (edge and one.mailbox_only):
            continue
        value = settings[one.field]
        if value == one.default_on(edge):
            continue
        group, dot, part = one.field.partition(".")
        place = shown.setdefault(group, {}) if dot else shown
        place[part if dot else one.field] = one.kind.show(value)
    if relay and relay != "none":
        shown["relay"] = relay
    return shown


def show_value(name: str, value: Any) -> Any:
    """One value in the vocabulary, for a plan."""
    if value is UNKNOWN or value is None or name == "relay":
        return None if value is UNKNOWN else value
    return BY_FIELD[name].kind.show(value)
