# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of cmdlets, and how the values that a call gives them are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .unverified import Forms
from .values import BOOLEAN, FQDN, IDENTITY, SWITCH, CmdletError, Kind, UnreadableError

NEW, SET = frozenset({"New"}), frozenset({"Set"})
BOTH = NEW | SET


@dataclass(frozen=True)
class Parameter:
    """default: the value that a new object has without it. verbs: whose parameter it is. mandatory: for which of them.

    empty_exception: what an empty list raises, where a source shows it. mailbox_only: not there on an Edge server.
    """

    name: str
    kind: Kind
    default: Any = None
    verbs: frozenset[str] = BOTH
    mandatory: frozenset[str] = frozenset()
    empty_exception: str = ""
    mailbox_only: bool = False


@dataclass(frozen=True)
class Cmdlet:
    """prompts: it asks for confirmation unless it is called with -Confirm:$false."""

    name: str
    parameters: tuple[Parameter, ...]
    mandatory: tuple[str, ...] = ()
    prompts: bool = False

    @property
    def verb(self) -> str:
        return self.name.partition("-")[0]

    @property
    def noun(self) -> str:
        return self.name.partition("-")[2]

    @property
    def writes(self) -> bool:
        return self.verb != "Get"

    def find(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name.lower() == name.lower()), None)

    def on(self, edge: bool) -> Cmdlet:
        """The cmdlet as a server of this kind has it."""
        kept = tuple(parameter for parameter in self.parameters if not (edge and parameter.mailbox_only))
        return Cmdlet(self.name, kept, self.mandatory, self.prompts)


DOMAIN_CONTROLLER = Parameter("DomainController", FQDN, mailbox_only=True)
IDENTIFIED = Parameter("Identity", IDENTITY)
_CONFIRMED = (Parameter("Confirm", SWITCH), Parameter("WhatIf", SWITCH))
FORCE = Parameter("Force", SWITCH)


def reader(noun: str, *more: Parameter) -> Cmdlet:
    return Cmdlet(f"Get-{noun}", (IDENTIFIED, DOMAIN_CONTROLLER, *more))


def writer(name: str, parameters: Iterable[Parameter], *, identified: bool = True, prompts: bool = False) -> Cmdlet:
    """A cmdlet that changes something, with those of the parameters that its verb has."""
    verb = name.partition("-")[0]
    own = [parameter for parameter in parameters if verb in parameter.verbs]
    mandatory = [parameter.name for parameter in own if verb in parameter.mandatory]
    if identified:
        own, mandatory = [IDENTIFIED, *own], ["Identity", *mandatory]
    return Cmdlet(name, (*own, DOMAIN_CONTROLLER, *_CONFIRMED), tuple(mandatory), prompts)


def family(noun: str, parameters: Iterable[Parameter], *more_reading: Parameter) -> list[Cmdlet]:
    """Get, New, Set and Remove."""
    table = list(parameters)
    return [
        reader(noun, *more_reading),
        writer(f"New-{noun}", table, identified=False),
        writer(f"Set-{noun}", table),
        writer(f"Remove-{noun}", (), prompts=True),
    ]


# --- reading what a call gives --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """@{Add=...; Remove=...} instead of a whole list."""

    add: tuple[Any, ...]
    remove: tuple[Any, ...]


@dataclass(frozen=True)
class Refusal:
    """How validation errors look in one organisation."""

    forms: Forms
    cmdlet: str

    def error(self, rule: str, message: str) -> CmdletError:
        """An error whose exception no source shows. rule: a name for it, the same for the same error."""
        return CmdletError(self.forms.pick("validation_exception", f"{self.cmdlet}/{rule}"), message)


def bind(cmdlet: Cmdlet, raw: Mapping[str, Any], forms: Forms) -> dict[str, Any]:
    """Parameter -> value as it is kept: a tuple or a Change where the parameter takes several."""
    bound: dict[str, Any] = {}
    for name, value in raw.items():
        parameter = cmdlet.find(name)
        if parameter is None:
            raise CmdletError(
                "ParameterBindingException", f"A parameter cannot be found that matches parameter name '{name}'."
            )
        if parameter.name in bound:
            raise CmdletError("ParameterBindingException", f"The parameter '{name}' is specified more than once.")
        bound[parameter.name] = _read(parameter, value, Refusal(forms, cmdlet.name))
    missing = [name for name in cmdlet.mandatory if name not in bound]
    if missing:
        raise CmdletError(
            "ParameterBindingException",
            f"Cannot process command because of one or more missing mandatory parameters: {' '.join(missing)}.",
        )
    for name in cmdlet.mandatory:
        if bound[name] in (None, ""):
            raise CmdletError(
                "ParameterBindingValidationException", f"Cannot bind argument to parameter '{name}' because it is null."
            )
    return bound


def _read(parameter: Parameter, raw: Any, refusal: Refusal) -> Any:
    kind = parameter.kind
    try:
        if raw is None:
            return _nothing(parameter)
        if not kind.many:
            return kind.read(raw)
        if isinstance(raw, Mapping):
            table = {str(key).lower(): value for key, value in raw.items()}
            if set(table) - {"add", "remove"}:
                raise UnreadableError("A table has Add and Remove")
            return Change(_several(kind, table.get("add")), _several(kind, table.get("remove")))
        values = _several(kind, raw)
    except UnreadableError as error:
        raise refusal.error(parameter.name, f"{parameter.name}: {error}") from error
    if not values:
        if parameter.empty_exception:
            message = f"Cannot bind argument to parameter '{parameter.name}' because it is an empty collection."
            raise CmdletError(parameter.empty_exception, message)
        if refusal.forms.pick("empty_collection") == "refused" or not kind.clear:
            raise refusal.error(parameter.name, f"{parameter.name}: an empty collection")
    return _once(parameter.name, values, refusal)


def _nothing(parameter: Parameter) -> Any:
    if not parameter.kind.clear:
        raise UnreadableError("null is no value of it")
    return () if parameter.kind.many else None


def _several(kind: Kind, raw: Any) -> tuple[Any, ...]:
    given = raw if isinstance(raw, list | tuple) else [] if raw is None else [raw]
    return tuple(kind.read(one) for one in given)


def same(value: Any) -> Any:
    """What two values have in common that Exchange takes for the same one."""
    if isinstance(value, str):
        return value.lower()
    key = getattr(value, "key", None)
    return (*key(), value.cost) if key else value


def _once(name: str, values: tuple[Any, ...], refusal: Refusal) -> tuple[Any, ...]:
    kept = {same(value): value for value in reversed(values)}
    if len(kept) < len(values) and refusal.forms.pick("duplicates") == "refused":
        raise refusal.error(f"{name}/duplicate", f"{name}: a value is given twice")
    return tuple(reversed(kept.values()))


def changed(name: str, old: tuple[Any, ...], new: Any, refusal: Refusal) -> tuple[Any, ...]:
    """The values of a parameter that takes several, after a call."""
    if not isinstance(new, Change):
        return tuple(new)
    there = {same(value): value for value in old}
    for value in new.remove:
        if same(value) in there:
            del there[same(value)]
        elif refusal.forms.pick("remove_absent_value") == "refused":
            raise refusal.error(f"{name}/remove", f"{name}: a value to remove is not there")
    for value in new.add:
        if same(value) not in there:
            there[same(value)] = value
        elif refusal.forms.pick("add_present_value") == "refused":
            raise refusal.error(f"{name}/add", f"{name}: a value to add is there already")
    return tuple(there.values())


def true(name: str, default: bool = True, verbs: frozenset[str] = BOTH) -> Parameter:
    return Parameter(name, BOOLEAN, default, verbs)


def false(name: str, verbs: frozenset[str] = BOTH) -> Parameter:
    return Parameter(name, BOOLEAN, False, verbs)


def text(name: str, kind: Kind, verbs: frozenset[str] = BOTH) -> Parameter:
    return Parameter(name, kind, None, verbs)


@dataclass
class Bound:
    """A call's parameters, read. given: the parameters by name."""

    cmdlet: Cmdlet
    given: dict[str, Any] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.given
