# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all cmdlets share: finding objects, changing them, and the properties that every object has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from .directory import Entry, Stored, moment
from .parameters import Bound, Parameter, Refusal, changed
from .values import CmdletError, Shown, Text

if TYPE_CHECKING:
    from .simulator import Organisation

Object = dict[str, Shown]


@dataclass
class Run(Bound):
    """One call of a cmdlet: in which organisation, and on which domain controller."""

    organisation: Organisation = field(kw_only=True)
    controller: str = field(kw_only=True)

    @property
    def refusal(self) -> Refusal:
        return Refusal(self.organisation.forms, self.cmdlet.name)

    def refuse(self, rule: str, message: str) -> NoReturn:
        """A rule without a recorded exception was broken."""
        raise self.refusal.error(rule, message)

    def refuse_where(self, fact: str, message: str) -> None:
        """The same, where this organisation shows the strict form of the fact."""
        if self.organisation.forms.pick(fact) == "refused":
            self.refuse(fact, message)

    def objects(self, noun: str = "") -> list[Stored]:
        return self.organisation.directory.objects(self.controller, noun or self.cmdlet.noun)

    def warn(self, text: str) -> None:
        self.organisation.warnings.append(text)

    @property
    def writing(self) -> bool:
        return not self.given.get("WhatIf")

    # --- finding ---

    def matches(self, names: Callable[[Stored, str], bool]) -> list[Stored]:
        """Objects of the identity that the call gives."""
        identity = str(self.given["Identity"]).lower()
        exact = [one for one in self.objects() if identity in (one.guid.lower(), one.dn.lower())]
        return exact or [one for one in self.objects() if names(one, identity)]

    def listed(self, names: Callable[[Stored, str], bool]) -> list[Stored]:
        """What Get gives: without an identity all objects. Nobody has said in which order."""
        found = self.matches(names) if self.given.get("Identity") else self.objects()
        if not found and self.given.get("Identity"):
            if self.organisation.forms.pick("get_absent_identity") == "error":
                raise self.not_found()
            found = self.objects()
        by_guid = {one.guid: one for one in found}
        return [by_guid[guid] for guid in self.organisation.forms.ordered(list(by_guid), self.cmdlet.noun)]

    def one(self, names: Callable[[Stored, str], bool]) -> Stored:
        found = self.matches(names)
        if not found:
            raise self.not_found()
        if len(found) > 1:
            message = (
                f"The operation could not be performed because '{self.given['Identity']}' matches several entries."
            )
            raise CmdletError("ManagementObjectAmbiguousException", message)
        return found[0]

    def not_found(self) -> CmdletError:
        message = f"The operation couldn't be performed because object '{self.given['Identity']}' couldn't be found."
        return CmdletError("ManagementObjectNotFoundException", message)

    # --- changing ---

    def merged(self, old: Mapping[str, Any], table: Iterable[Parameter]) -> dict[str, Any]:
        """The values of an object after the call."""
        values = dict(old)
        for parameter in table:
            if parameter.name in self.given and parameter.name in values:
                new = self.given[parameter.name]
                values[parameter.name] = (
                    changed(parameter.name, values[parameter.name], new, self.refusal) if parameter.kind.many else new
                )
        return values

    def stuck(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """What becomes of the new values under the fault that one does not stick."""
        faults, noun = self.organisation.faults, self.cmdlet.noun
        return {name: value if faults.sticks(noun, name) else old[name] for name, value in new.items()}

    def create(self, name: str, parent: str, defaults: Mapping[str, Any], values: Mapping[str, Any]) -> list[Stored]:
        if not self.writing:
            return []
        stored = Stored(self.cmdlet.noun, "", name, parent, self.stuck(defaults, values))
        return [self.organisation.directory.add(self.controller, stored)]

    def update(
        self,
        old: Stored,
        name: str,
        values: Mapping[str, Any],
        identity: str,
        entries: tuple[Entry, ...] | None = None,
    ) -> None:
        kept = self.stuck(old.values, values)
        entries = old.entries if entries is None else entries
        if name == old.name and dict(values) == old.values and entries == old.entries:
            self.warn(f"The command completed successfully but no settings of '{identity}' have been modified.")
        elif self.writing:
            self.organisation.directory.write(self.controller, replace(old, name=name, values=kept, entries=entries))

    def replace_values(self, old: Stored, values: Mapping[str, Any]) -> None:
        self.organisation.directory.write(self.controller, replace(old, values=dict(values)))

    def delete(self, stored: Stored) -> None:
        if self.writing:
            self.organisation.directory.remove(self.controller, stored)

    def check_name(self, name: str | None, others: Iterable[Stored], longest: int) -> str:
        if not name or len(name) > longest:
            self.refuse("Name", f"A name has 1 to {longest} characters.")
        if any(other.name.lower() == name.lower() for other in others):
            exception = self.organisation.forms.pick("duplicate_exception")
            raise CmdletError(exception, f"The object '{name}' already exists.")
        return name


# --- the properties that every object has ----------------------------------------------------------------------------


def common(run: Run, stored: Stored, identity: str, classes: Sequence[str]) -> Object:
    shown = Text("Microsoft.Exchange.Data.Directory.ADObjectId", identity)
    empty = "" if run.organisation.forms.pick("empty_text", f"{stored.guid}/AdminDisplayName") == "empty" else None
    return {
        "AdminDisplayName": empty,
        "ExchangeVersion": Text("Microsoft.Exchange.Data.ExchangeObjectVersion", "0.1 (8.0.535.0)"),
        "Name": stored.name,
        "DistinguishedName": stored.dn,
        "Identity": shown,
        "Guid": Text("System.Guid", stored.guid),
        "ObjectCategory": Text(
            "Microsoft.Exchange.Data.Directory.ADObjectId",
            f"{run.organisation.domain}/Configuration/Schema/{classes[-1]}",
        ),
        "ObjectClass": list(classes),
        **_dates(stored),
        "OrganizationId": Text("Microsoft.Exchange.Data.Directory.OrganizationId", ""),
        "Id": shown,
        "OriginatingServer": run.organisation.origin(run.controller),
        "IsValid": True,
        "ObjectState": Text("Microsoft.Exchange.Data.ObjectState", "Unchanged"),
    }


def _dates(stored: Stored) -> Object:
    changed_at, created_at = moment(stored.changed), moment(stored.created)
    dates = {"WhenChanged": changed_at, "WhenCreated": created_at}
    dates |= {"WhenChangedUTC": changed_at, "WhenCreatedUTC": created_at}
    return {name: Text("System.DateTime", text) for name, text in dates.items()}


def shown(run: Run, stored: Stored, table: Iterable[Parameter]) -> Object:
    """The properties that come from parameters of their own name."""
    forms = run.organisation.forms
    return {
        parameter.name: parameter.kind.show(stored.values[parameter.name], forms, f"{stored.guid}/{parameter.name}")
        for parameter in table
        if parameter.name in stored.values
    }


def ordered(properties: Object, first: str) -> Object:
    """The properties in the recorded order, then the others."""
    head = {name: properties[name] for name in first.split() if name in properties}
    return head | {name: value for name, value in properties.items() if name not in head}
