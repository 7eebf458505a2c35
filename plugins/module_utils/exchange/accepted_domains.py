# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepted domains: those that a list names, and those that its connectors relay to.

They carry no mark of a set. One is removed only where the list names the domain itself, and the type of one that is there is
only changed where the task allows that, since mail for an authoritative domain is delivered here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..connector import address_space
from ..connector import values as plain
from ..connector.address_space import Pattern
from ..connector.errors import Problems, ValueProblem
from ..connector.model import read_connectors, relay_warnings
from ..connector.topology import read_hosts, read_routing_groups
from ..connector.vocabulary import nearest
from . import removals, servers, site_links
from .calls import Call, Each
from .send_organisation import carry
from .send_task import surroundings
from .task import Answers, Object, Planned, Session

TYPES = {"authoritative": "Authoritative", "internal_relay": "InternalRelay", "external_relay": "ExternalRelay"}
_WORDS = {native.lower(): word for word, native in TYPES.items()}
_FIELDS = ("name", "type", "state", "default")
READ = Call(
    "Get-AcceptedDomain", properties=("Name", "DomainName", "DomainType", "Default", "Guid", "OriginatingServer")
)
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Request:
    """What the task asks for, as it was given."""

    domains: Any = None
    connectors: Any = None
    hosts: Any = None
    routing_groups: Any = None
    allow_type_change: bool = False
    removals: str = removals.NOW
    site_links: Any = None


@dataclass(frozen=True)
class Wanted:
    """One domain. type and default are None where they are left as they are. source: who asks for it, in words."""

    pattern: Pattern
    type: str | None = None
    absent: bool = False
    default: bool | None = None
    source: str = ""

    @property
    def key(self) -> str:
        return str(self.pattern)

    @property
    def where(self) -> str:
        return f'domain "{self.pattern}"'


@dataclass(frozen=True)
class Found:
    domain: str
    type: str
    default: bool
    properties: Object


def read(one: Object) -> Found:
    kind = str(one.get("DomainType"))
    default = plain.read_boolean(one.get("Default") or False)
    return Found(str(one.get("DomainName")).lower(), _WORDS.get(kind.lower(), kind), default, one)


class AcceptedDomains:
    """The backend of exchange_accepted_domains."""

    def __init__(self, request: Request) -> None:
        """Raises ConnectorError with every mistake that shows without a look at Exchange."""
        problems = Problems()
        self.allow_type_change = request.allow_type_change
        self.removals = request.removals
        self.named = _read_domains(request.domains, problems)
        self.connectors = read_connectors(request.connectors, problems)
        self.declared = read_hosts(request.hosts, problems)
        self.routing_groups = read_routing_groups(request.routing_groups, problems)
        self.site_links = site_links.read_list(request.site_links, problems)
        problems.raise_if_any()

    def reads(self) -> list[Call]:
        return [READ, *([servers.READ_SERVERS, servers.READ_SITE_LINKS] if self.connectors else [])]

    def plan(self, answers: Answers, session: Session) -> Planned:
        problems = Problems()
        warnings = [text for item in self.connectors if not item.absent for text in relay_warnings(item.connector)]
        relayed = self._relayed(answers, session, problems, warnings) if self.connectors else []
        wanted = _merged(self.named, relayed, problems)
        found = {one.domain: one for one in map(read, answers[0])}
        items = [_Item(one, found.get(one.key)) for one in wanted]
        successor = any(one.default for one in wanted)
        for item in items:
            self._check(item, successor, problems)
        problems.raise_if_any()
        if "*" in found:
            warnings.append(
                'The accepted domain "*" lets everybody relay to anywhere who reaches the organisation; it is left alone, and '
                "should be removed"
            )
        due = [item for item in items if removals.are_due(self.removals, item.wanted.absent)]
        acting = [item for item in due if item.action]
        return Planned(
            plan=[item.plain() for item in acting],
            writes=_writes(acting),
            read_back=[READ],
            check=lambda read_back: _differences(due, read_back),
            unmanaged=sorted(set(found) - {item.wanted.key for item in items}),
            warnings=list(dict.fromkeys(warnings)),
            diff=_diff(due),
        )

    def _relayed(self, answers: Answers, session: Session, problems: Problems, warnings: list[str]) -> list[Wanted]:
        """d for a space d; both d and *.d for a space *.d, since an accepted domain *.d does not hold d itself."""
        links = site_links.with_costs(answers[2], self.site_links)
        around = surroundings(answers[1], answers[0], links, self.declared, session, warnings, problems)
        carried = carry(self.connectors, replace(around, routing_groups=self.routing_groups), problems)
        problems.raise_if_any()
        return [
            Wanted(pattern, "external_relay", source=f'connector "{name}"')
            for name, patterns in sorted(carried.relayed.items())
            for space in patterns
            for pattern in sorted({Pattern(space.domain, False), space})
        ]

    def _check(self, item: _Item, successor: bool, problems: Problems) -> None:
        """successor: whether the list makes a domain the default one."""
        wanted, found = item.wanted, item.found
        if wanted.absent:
            if found and found.default and not successor:
                remedy = "make another domain the default one (default: true)"
                problems.add(wanted.where, "state", "absent", "is the default accepted domain", remedy)
            return
        if found is None:
            if wanted.type is None:
                remedy = "use one of " + ", ".join(TYPES)
                problems.add(wanted.where, "type", None, "is needed for a new accepted domain", remedy)
            return
        if wanted.type and wanted.type != found.type and not self.allow_type_change:
            message = f"is {found.type} now, which this would change ({wanted.source})"
            remedy = "keep the type that it has, or set allow_type_change: true"
            problems.add(wanted.where, "type", wanted.type, message, remedy)
        if wanted.default is False and found.default:
            remedy = "set default: true on the domain that takes its place"
            problems.add(wanted.where, "default", "false", "is the default accepted domain", remedy)


@dataclass(frozen=True)
class _Item:
    wanted: Wanted
    found: Found | None

    @property
    def type_changes(self) -> bool:
        return bool(self.found and self.wanted.type and self.wanted.type != self.found.type)

    @property
    def becomes_default(self) -> bool:
        return bool(self.wanted.default and not (self.found and self.found.default))

    @property
    def action(self) -> str:
        if self.wanted.absent:
            return "remove" if self.found else ""
        if self.found is None:
            return "create"
        return "update" if self.type_changes or self.becomes_default else ""

    def plain(self) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if self.type_changes or self.action == "create":
            changes["type"] = {"before": self.found.type if self.found else None, "after": self.wanted.type}
        if self.becomes_default and not self.wanted.absent:
            changes["default"] = {"before": False if self.found else None, "after": True}
        notes = [f"Asked for by {self.wanted.source}"] if self.wanted.source.startswith("connector") else []
        return {"domain": self.wanted.key, "action": self.action, "changes": changes, "kept": [], "notes": notes}


# --- reading ---------------------------------------------------------------------------------------------------------


def _read_domains(raw: Any, problems: Problems) -> list[Wanted]:
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        problems.add("", "domains", type(raw).__name__, "is not a list", "write a list of domains")
        return []
    made = [one for one in (_read_domain(entry, place, problems) for place, entry in enumerate(raw, 1)) if one]
    defaults = [one for one in made if one.default]
    for one in defaults[1:]:
        message = f"is the second default domain, after {defaults[0].pattern}"
        problems.add(one.where, "default", "true", message, "keep one")
    return made


def _read_domain(raw: Any, place: int, problems: Problems) -> Wanted | None:
    entry = {"name": raw} if isinstance(raw, str) else raw
    where = f"domain {place} of the list"
    if not isinstance(entry, dict):
        problems.add(where, "", type(raw).__name__, "is not a dict", "write {name: contoso.com, type: external_relay}")
        return None
    try:
        pattern = address_space.read_pattern(entry.get("name", ""))
    except ValueProblem as problem:
        problems.add_value(where, "name", problem)
        return None
    where = f'domain "{pattern}"'
    if pattern.is_everything:
        message = "would be an open relay: Exchange would accept mail for every domain"
        problems.add(where, "name", "*", message, "name the domains, such as contoso.com or *.contoso.com")
        return None
    for name in entry:
        if name not in _FIELDS:
            problems.add(where, str(name), None, "is no field of a domain", nearest(str(name), list(_FIELDS)))
    kinds: dict[str, plain.Kind[Any]] = {
        "type": plain.choice(*TYPES),
        "state": plain.choice("present", "absent"),
        "default": plain.BOOLEAN,
    }
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        try:
            value = entry.get(name)
            found[name] = None if value is None else kind.read(value)
        except ValueProblem as problem:
            problems.add_value(where, name, problem)
    absent = found.get("state") == "absent"
    return Wanted(pattern, found.get("type"), absent, None if absent else found.get("default"), "domains")


def _merged(named: Iterable[Wanted], relayed: Iterable[Wanted], problems: Problems) -> list[Wanted]:
    """Each domain once, sorted; who contradicts whom is a problem."""
    made: dict[str, Wanted] = {}
    for one in [*named, *relayed]:
        other = made.get(one.key)
        if other is None:
            made[one.key] = one
            continue
        kinds = [("absent" if item.absent else item.type) for item in (other, one)]
        if None not in kinds and kinds[0] != kinds[1]:
            message = f"is {kinds[0]} in {other.source} and {kinds[1]} in {one.source}"
            problems.add(one.where, "type", kinds[1], message, "say the same in both")
        elif None in kinds and other.absent != one.absent:
            message = f"is asked for by {other.source if one.absent else one.source}, and to be absent as well"
            problems.add(one.where, "state", "absent", message, "keep one of the two")
        else:
            kept = replace(other, type=other.type or one.type)
            made[one.key] = kept if other.default is not None else replace(kept, default=one.default)
    return [made[key] for key in sorted(made)]


# --- writing ---------------------------------------------------------------------------------------------------------


def _name(pattern: Pattern) -> str:
    """The name of a new object, without a wildcard, which looks for several objects where an identity is asked for."""
    return (f"{pattern.domain} (subdomains)" if pattern.subdomains else pattern.domain)[:_LONGEST_NAME]


def _writes(items: Sequence[_Item]) -> list[Call]:
    """New domains first, then changes, then removals: the default one is another one by then."""
    made: list[Call] = []
    parameters: dict[str, Any]
    for item in items:
        if item.action == "create":
            parameters = {
                "Name": _name(item.wanted.pattern),
                "DomainName": item.wanted.key,
                "DomainType": TYPES[str(item.wanted.type)],
            }
            made.append(Call("New-AcceptedDomain", parameters, expect="absent"))
    created_default = [item for item in items if item.action == "create" and item.becomes_default]
    if created_default:
        place = len(made)
        made.append(Call("Get-AcceptedDomain", properties=("DomainName", "Guid")))
        where = {"DomainName": [item.wanted.key for item in created_default]}
        made.append(Call("Set-AcceptedDomain", {"MakeDefault": True}, each=Each(place, "Guid", "Identity", where)))
    for item in items:
        if item.action == "update":
            changed: dict[str, Any] = {"DomainType": TYPES[str(item.wanted.type)]} if item.type_changes else {}
            if item.becomes_default:
                changed["MakeDefault"] = True
            made.append(Call("Set-AcceptedDomain", {"Identity": _guid(item), **changed}, expect=_expectation(item)))
    for item in items:
        if item.action == "remove":
            parameters = {"Identity": _guid(item), "Confirm": False}
            made.append(Call("Remove-AcceptedDomain", parameters, expect=_expectation(item)))
    return made


def _guid(item: _Item) -> str:
    if item.found is None:
        raise AssertionError
    return str(item.found.properties.get("Guid"))


def _expectation(item: _Item) -> dict[str, Any]:
    if item.found is None:
        raise AssertionError
    return {name: value for name, value in item.found.properties.items() if name != "OriginatingServer"}


def _differences(items: Sequence[_Item], read_back: Answers) -> list[str]:
    now = {one.domain: one for one in map(read, read_back[0])}
    told = []
    for item in items:
        wanted, one = item.wanted, now.get(item.wanted.key)
        if wanted.absent:
            told += [f"{wanted.where} is still there"] if one else []
        elif one is None:
            told.append(f"{wanted.where} is not there")
        else:
            if wanted.type and one.type != wanted.type:
                told.append(f"{wanted.where}, field type: {one.type} instead of {wanted.type}")
            if wanted.default and not one.default:
                told.append(f"{wanted.where}, field default: false instead of true")
    return told


def _diff(items: Sequence[_Item]) -> Mapping[str, Any]:
    before, after = [], []
    for item in items:
        if item.found:
            before.append(_shown(item.wanted.key, item.found.type, item.found.default))
        if not item.wanted.absent:
            was_default = bool(item.found and item.found.default)
            kind = item.wanted.type or (item.found.type if item.found else "")
            after.append(_shown(item.wanted.key, kind, was_default or item.becomes_default))
    return {"before": before, "after": after}


def _shown(name: str, kind: str, default: bool) -> dict[str, Any]:
    return {"name": name, "type": kind, **({"default": True} if default else {})}
