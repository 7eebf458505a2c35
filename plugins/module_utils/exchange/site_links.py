# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Active Directory site links: what mail between Exchange servers costs, and how large it may be. They are only changed, never made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..connector import values as plain
from ..connector.errors import Problems, ValueProblem
from ..connector.vocabulary import nearest
from . import servers, values
from .calls import Call
from .task import Answers, Object, Planned, Session

_FIELDS = ("name", "cost", "max_message_size", "reset")
COST = plain.whole_number(1, 99999)
"""ExchangeCost (Set-AdSiteLink). Null stands for Active Directory's own cost."""
_LEAST_SIZE = 64 * 1024
READ = Call(
    "Get-AdSiteLink",
    properties=("Name", "ADCost", "ExchangeCost", "MaxMessageSize", "Sites", "Guid", "OriginatingServer"),
)
_PARAMETERS = {"cost": "ExchangeCost", "max_message_size": "MaxMessageSize"}
_DEFAULTS: Mapping[str, Any] = {"cost": None, "max_message_size": plain.UNLIMITED}


def _read_size(value: Any) -> int:
    size = values.rounded_up(plain.read_size(value))
    if size != plain.UNLIMITED and size < _LEAST_SIZE:
        raise ValueProblem("is too small", "use at least 64KB, or unlimited", value)
    return size


@dataclass(frozen=True)
class Wanted:
    """fields: what the list gives, and what it resets, in normal form."""

    name: str
    fields: Mapping[str, Any]

    @property
    def where(self) -> str:
        return f'site link "{self.name}"'


@dataclass(frozen=True)
class Found:
    name: str
    fields: Mapping[str, Any]
    properties: Object


def read(one: Object) -> Found:
    cost, size = one.get("ExchangeCost"), one.get("MaxMessageSize")
    fields = {
        "cost": None if values.is_empty(cost) else COST.read(cost),
        "max_message_size": values.read_size("unlimited" if values.is_empty(size) else size),
    }
    return Found(str(one.get("Name")), fields, one)


def read_list(given: Any, problems: Problems) -> list[Wanted]:
    """The links as a list names them; none where there is no list."""
    return [] if given is None else _read_list(given, problems)


def with_costs(objects: Sequence[Object], wanted: Sequence[Wanted]) -> list[Object]:
    """The links as Get-AdSiteLink showed them, with the costs that they are about to get."""
    costs = {one.name.lower(): one.fields["cost"] for one in wanted if "cost" in one.fields}
    return [
        {**one, "ExchangeCost": costs[name]} if (name := str(one.get("Name")).lower()) in costs else one
        for one in objects
    ]


class SiteLinks:
    """The backend of exchange_site_links."""

    def __init__(self, site_links: Any) -> None:
        """Raises ConnectorError with every mistake that shows without a look at Exchange."""
        problems = Problems()
        self.wanted = _read_list(site_links, problems)
        problems.raise_if_any()

    def reads(self) -> list[Call]:
        return [READ]

    def plan(self, answers: Answers, session: Session) -> Planned:
        problems = Problems()
        found = {one.name.lower(): one for one in map(read, answers[0])}
        for one in self.wanted:
            if one.name.lower() not in found:
                known = ", ".join(sorted(link.name for link in found.values())) or "none"
                remedy = (
                    f"correct the name; there are {known}. A new link is made in Active Directory Sites and Services"
                )
                problems.add(one.where, "name", one.name, "does not exist", remedy)
        problems.raise_if_any()
        items = [_Item(one, found[one.name.lower()]) for one in self.wanted]
        acting = [item for item in items if item.changed]
        named = {item.found.name for item in items}
        return Planned(
            plan=[item.plain() for item in acting],
            writes=[item.call() for item in acting],
            read_back=[READ],
            check=lambda read_back: _differences(acting, read_back),
            unmanaged=sorted(one.name for one in found.values() if one.name not in named),
            warnings=[text for item in items for text in item.warnings()],
            diff={
                "before": [_shown(item.found.name, item.found.fields) for item in items],
                "after": [_shown(item.found.name, {**item.found.fields, **item.wanted.fields}) for item in items],
            },
        )


@dataclass(frozen=True)
class _Item:
    wanted: Wanted
    found: Found

    @property
    def changed(self) -> list[str]:
        return [name for name, value in self.wanted.fields.items() if value != self.found.fields[name]]

    def plain(self) -> dict[str, Any]:
        changes = {
            name: {
                "before": _show(name, self.found.fields[name]),
                "after": _show(name, self.wanted.fields[name]),
            }
            for name in self.changed
        }
        kept = [
            name
            for name, default in _DEFAULTS.items()
            if name not in self.wanted.fields and self.found.fields[name] != default
        ]
        notes = []
        if "cost" in self.changed and self.wanted.fields["cost"] is None:
            notes.append(
                f"Exchange uses Active Directory's cost from now on, which is {self.found.properties.get('ADCost')}"
            )
        return {"site_link": self.found.name, "action": "update", "changes": changes, "kept": kept, "notes": notes}

    def call(self) -> Call:
        changed = {_PARAMETERS[name]: _write(name, self.wanted.fields[name]) for name in self.changed}
        expect = {name: value for name, value in self.found.properties.items() if name != "OriginatingServer"}
        return Call("Set-AdSiteLink", {"Identity": str(self.found.properties.get("Guid")), **changed}, expect=expect)

    def warnings(self) -> list[str]:
        size = self.wanted.fields.get("max_message_size", plain.UNLIMITED)
        if size == plain.UNLIMITED:
            return []
        sites = ", ".join(sorted(servers.site_name(site) for site in values.items(self.found.properties.get("Sites"))))
        limit = values.write_size(size)
        return [
            f"{self.wanted.where}: mail of more than {limit} between {sites} is returned where the least-cost path needs it"
        ]


def _read_list(raw: Any, problems: Problems) -> list[Wanted]:
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        problems.add("", "site_links", type(raw).__name__, "is not a list", "write a list of site links")
        return []
    made = [one for one in (_read_entry(entry, place, problems) for place, entry in enumerate(raw, 1)) if one]
    seen: set[str] = set()
    for one in made:
        if one.name.lower() in seen:
            problems.add(one.where, "name", one.name, "stands there twice; names are compared without case", "keep one")
        seen.add(one.name.lower())
    return sorted(made, key=lambda one: one.name.lower())


def _read_entry(raw: Any, place: int, problems: Problems) -> Wanted | None:
    where = f"site link {place} of the list"
    if not isinstance(raw, dict):
        problems.add(where, "", type(raw).__name__, "is not a dict", "write {name: Paris-Oslo, cost: 10}")
        return None
    try:
        name = plain.text(64, 1, "a name").read(raw.get("name", ""))
    except ValueProblem as problem:
        problems.add_value(where, "name", problem)
        return None
    where = f'site link "{name}"'
    for key in raw:
        if key not in _FIELDS:
            problems.add(where, str(key), None, "is no field of a site link", nearest(str(key), list(_FIELDS)))
    fields: dict[str, Any] = {}
    for key, reader in (("cost", COST.read), ("max_message_size", _read_size)):
        if raw.get(key) is None:
            continue
        try:
            fields[key] = reader(raw[key])
        except ValueProblem as problem:
            problems.add_value(where, key, problem)
    for key in map(str, plain.as_list(raw.get("reset"))):
        if key not in _DEFAULTS:
            problems.add(where, "reset", key, "is no field that can be reset", nearest(key, list(_DEFAULTS)))
        elif raw.get(key) is not None:
            problems.add(
                where, "reset", key, "is given a value as well", "leave it out of reset, or leave its value out"
            )
        else:
            fields[key] = _DEFAULTS[key]
    return Wanted(name, fields)


def _write(name: str, value: Any) -> Any:
    return values.write_size(value) if name == "max_message_size" else value


def _show(name: str, value: Any) -> Any:
    return plain.show_size(value) if name == "max_message_size" else value


def _shown(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, **{key: _show(key, value) for key, value in fields.items() if value != _DEFAULTS[key]}}


def _differences(items: Sequence[_Item], read_back: Answers) -> list[str]:
    now = {one.name.lower(): one for one in map(read, read_back[0])}
    told = []
    for item in items:
        one = now.get(item.wanted.name.lower())
        if one is None:
            told.append(f"{item.wanted.where} is not there")
            continue
        told += [
            f"{item.wanted.where}, field {name}: {_show(name, one.fields[name])!r} instead of {_show(name, value)!r}"
            for name, value in item.wanted.fields.items()
            if one.fields[name] != value
        ]
    return told
