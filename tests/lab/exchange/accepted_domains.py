# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-, New-, Set- and Remove-AcceptedDomain."""

from __future__ import annotations

from typing import Any

from .directory import Stored
from .objects import Object, Run, common, shown
from .parameters import NEW, SET, Parameter, false, family
from .values import BOOLEAN, DOMAIN_WITH_SUBDOMAINS, CmdletError, one_of, string

NOUN = "AcceptedDomain"
_TYPES = ("Authoritative", "ExternalRelay", "InternalRelay")

PARAMETERS = (
    Parameter("Name", string(64), mandatory=NEW),
    Parameter("DomainName", DOMAIN_WITH_SUBDOMAINS, verbs=NEW, mandatory=NEW),
    Parameter("DomainType", one_of("AcceptedDomainType", *_TYPES), "Authoritative"),
    Parameter("AddressBookEnabled", BOOLEAN, True, verbs=SET),
    false("MatchSubDomains", verbs=SET),
    Parameter("MakeDefault", BOOLEAN, verbs=SET),
)
CMDLETS = family(NOUN, PARAMETERS, Parameter("ResultSize", string()))
_KEPT = tuple(parameter for parameter in PARAMETERS if parameter.name not in ("Name", "MakeDefault"))


def run(call: Run) -> list[Object]:
    work = {"Get": _get, "New": _new, "Set": _set, "Remove": _remove}
    return [_show(call, stored) for stored in work[call.cmdlet.verb](call)]


def _named(stored: Stored, identity: str) -> bool:
    return identity in (stored.name.lower(), stored.values["DomainName"].lower())


def _get(call: Run) -> list[Stored]:
    return call.listed(_named)


def _new(call: Run) -> list[Stored]:
    name = call.check_name(call.given["Name"], call.objects(), 64)
    domain = call.given["DomainName"].lower()
    if any(other.values["DomainName"].lower() == domain for other in call.objects()):
        raise CmdletError(
            call.organisation.forms.pick("duplicate_exception"), f"The domain '{domain}' is there already."
        )
    defaults: dict[str, Any] = {parameter.name: parameter.default for parameter in _KEPT}
    defaults |= {"DomainName": call.given["DomainName"], "Default": False}
    values = call.merged(defaults, _KEPT)
    # The manual: true for authoritative domains, false for relay domains.
    values["AddressBookEnabled"] = values["DomainType"] == "Authoritative"
    _check(call, values)
    return call.create(name, call.organisation.container("Accepted Domains"), defaults, values)


def _set(call: Run) -> list[Stored]:
    old = call.one(_named)
    name = old.name
    if "Name" in call:
        others = [other for other in call.objects() if other.guid != old.guid]
        name = call.check_name(call.given["Name"], others, 64)
    values = call.merged(old.values, _KEPT)
    _check(call, values)
    if call.given.get("MakeDefault") is False and old.values["Default"]:
        call.refuse("MakeDefault", "Make another domain the default one instead.")
    if call.given.get("MakeDefault") and call.writing:
        values["Default"] = True
        for other in call.objects():
            if other.values["Default"] and other.guid != old.guid:
                call.replace_values(other, {**other.values, "Default": False})
    call.update(old, name, values, old.name)
    return []


def _remove(call: Run) -> list[Stored]:
    stored = call.one(_named)
    if stored.values["Default"]:
        call.refuse("default", "The default accepted domain cannot be removed.")
    call.delete(stored)
    return []


def _check(call: Run, values: dict[str, Any]) -> None:
    if values["DomainName"] == "*" and values["DomainType"] == "Authoritative":
        call.refuse_where("authoritative_star", "The accepted domain * cannot be authoritative.")


def _show(call: Run, stored: Stored) -> Object:
    properties = shown(call, stored, _KEPT)
    subdomains = stored.values["MatchSubDomains"] or stored.values["DomainName"].startswith("*")
    head: Object = {
        "DomainName": properties["DomainName"],
        "DomainType": properties["DomainType"],
        "MatchSubDomains": bool(subdomains),
        "AddressBookEnabled": properties["AddressBookEnabled"],
        "Default": stored.values["Default"],
    }
    return head | common(call, stored, stored.name, ("top", "msExchAcceptedDomain"))
