# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of Exchange cmdlets as plain data, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MASK = "********"


@dataclass(frozen=True)
class Each:
    """A call that is made once for each object that an earlier call returned.

    call: that call's place in the list. property: which property of the object becomes the parameter. where: only objects
    whose properties have one of these texts, ignoring case. into: the name under which each object that comes back carries the
    value that was passed on; empty: none does.
    """

    call: int
    property: str
    parameter: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    into: str = ""

    def plain(self) -> dict[str, Any]:
        where = {name: list(texts) for name, texts in self.where.items()}
        made = {"call": self.call, "property": self.property, "parameter": self.parameter, "where": where}
        return {**made, "into": self.into} if self.into else made


@dataclass(frozen=True)
class Call:
    """One cmdlet with its parameters.

    secrets: parameter -> key in the one dict of secrets; the parameter's own value is the user name. expect: what the
    object must still be like, or "absent". properties: which properties of each object are returned. optional: a cmdlet that
    may be missing on this kind of server. each: see Each.
    """

    cmdlet: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, Any] | str | None = None
    properties: Sequence[str] = ()
    optional: bool = False
    each: Each | None = None

    @property
    def writes(self) -> bool:
        return not self.cmdlet.startswith("Get-")

    def plain(self) -> dict[str, Any]:
        """What exchange_invoke takes."""
        made: dict[str, Any] = {"cmdlet": self.cmdlet, "parameters": dict(self.parameters)}
        if self.secrets:
            made["secrets"] = dict(self.secrets)
        if self.expect is not None:
            made["expect"] = self.expect if isinstance(self.expect, str) else dict(self.expect)
        if self.properties:
            made["properties"] = list(self.properties)
        if self.optional:
            made["optional"] = True
        if self.each is not None:
            made["each"] = self.each.plain()
        return made

    def __str__(self) -> str:
        """The call as an administrator would write it, secrets masked."""
        parts = [self.cmdlet]
        if self.each is not None:
            named = ", ".join(text for texts in self.each.where.values() for text in texts)
            parts.append(f"-{self.each.parameter} <{self.each.property} of {named or 'each'}>")
        for name, value in self.parameters.items():
            if name in self.secrets:
                parts.append(f"-{name} (user {shown(value)}, password {MASK})")
            else:
                parts.append(f"-{name}:{shown(value)}" if name == "Confirm" else f"-{name} {shown(value)}")
        return " ".join(parts)


def shown(value: Any) -> str:
    """A value in PowerShell's notation."""
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "@{" + "; ".join(f"{key.capitalize()} = {shown(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "@(" + ", ".join(shown(part) for part in value) + ")" if value else "@()"
    return "'" + str(value).replace("'", "''") + "'"
