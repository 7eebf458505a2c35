# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectors that were exported from Exchange, as lists in the vocabulary, and by name all that these cannot hold.

An export has every property of an object, and may come from any version of Exchange, or from a person who chose a few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..connector.errors import Problems
from ..connector.model import read_connectors
from ..connector.topology import Host
from . import information, receive_connector, send_connector, values
from .clixml import Exported
from .receive_parameters import SETTINGS
from .receive_rules import check_entry
from .send_connector import Found, Realisation
from .servers import Servers

Object = Mapping[str, Any]
Entry = dict[str, Any]

# What tells the kinds of objects apart: no other connector has both properties.
_SEND = ("AddressSpaces", "SmartHosts")
_RECEIVE = ("Bindings", "RemoteIPRanges")
_ACCEPTED = ("DomainName", "DomainType")

_ABOUT_THE_OBJECT = {
    "AdminDisplayName",
    "DistinguishedName",
    "ExchangeVersion",
    "Guid",
    "HomeMTA",
    "HomeMtaServerId",
    "Id",
    "Identity",
    "IsSmtpConnector",
    "IsValid",
    "Name",
    "ObjectCategory",
    "ObjectClass",
    "ObjectState",
    "OrganizationId",
    "OriginatingServer",
    "PSComputerName",
    "PSShowComputerName",
    "RunspaceId",
    "SerializationData",
    "SmartHostsString",
    "SourceRoutingGroup",
    "WhenChanged",
    "WhenChangedUTC",
    "WhenCreated",
    "WhenCreatedUTC",
}
"""Properties that say nothing about how mail flows, or repeat another one."""

_OF_SOME_VERSIONS = {
    one.parameter for one in SETTINGS if one.field.startswith("exchange.") or one.parameter == "TlsDomainCapabilities"
}
"""Properties of receive connectors that not every version of Exchange, or not an Edge server, has."""

_DEFAULTS: Mapping[str, Any] = {
    "DNSRoutingEnabled": True,
    "Port": 25,
    "ProtocolLoggingLevel": "None",
    "Region": "NotSpecified",
    "SmartHostAuthMechanism": "None",
    **{one.name: one.default for one in values.SEND_PARAMETERS.values() if one.default != "no"},
}
"""False, null and empty for all others."""

_MAY_LOSE = ("smart_hosts", "tls", "authentication", "helo", "log", "exchange")
"""Fields that stand for several properties, or for properties with more values than they have."""

_NO_FIELD = "no field holds it"
_REASONS = {
    "DNSRoutingEnabled": "is false, and there are no smart hosts",
    "IgnoreSTARTTLS": "contradicts RequireTLS",
    "Port": "is used with smart hosts only, and mail goes by DNS MX here",
    "SmartHosts": "are not used while DNSRoutingEnabled is true",
    "SourceIPAddress": "counts on an Edge server only: name it in edge_server",
    "TlsAuthLevel": "counts with RequireTLS only",
    "TlsDomain": "counts with RequireTLS and the TlsAuthLevel DomainValidation only",
}


def read(objects: Iterable[Exported], servers: Servers) -> dict[str, Any]:
    """Everything that was exported: lists of connectors, what owns them, and what the lists do not hold."""
    sends: list[Found] = []
    receives: list[receive_connector.Found] = []
    accepted: list[Object] = []
    told: list[Entry] = []
    for one in objects:
        found = one.properties
        if _has(found, _SEND):
            sends.append(send_connector.read(found, servers))
        elif _has(found, _RECEIVE):
            receives.append(receive_connector.read(found, servers))
        elif _has(found, _ACCEPTED):
            accepted.append(found)
        else:
            told.append(_stranger(one))
    sends.sort(key=lambda one: one.connector.key)
    receives.sort(key=lambda one: one.key)
    for send in sends:
        told += _send_losses(send, servers)
    for receive in receives:
        told += _receive_losses(receive, servers)
    owners = [(one.connector.name, one.owner) for one in sends] + [(one.title, one.owner) for one in receives]
    told += _twice([one.connector.name for one in sends]) + _twice([one.title for one in receives])
    return {
        "send_connectors": [information.shown(one.connector) for one in sends],
        "receive_connectors": _together([_shown(one, servers) for one in receives]),
        "accepted_domains": [information._accepted(one) for one in sorted(accepted, key=_domain)],
        "sets": {name: owner for name, owner in owners if owner},
        "not_expressed": told,
    }


def named(declared: Mapping[str, Host], edge_server: str = "") -> Servers:
    """The inventory's own names for servers of which only the names are known."""
    inventory = {
        host.name: values.first_label(host.server_name or host.name)
        for host in declared.values()
        if host.system in ("", "exchange")
    }
    return Servers(inventory=inventory, here=edge_server.lower())


def _has(found: Object, names: Sequence[str]) -> bool:
    return all(name in found for name in names)


def _entry(connector: Any, name: str, value: Any, reason: str) -> Entry:
    return {"connector": str(connector), "property": name, "value": value, "reason": reason}


def _domain(one: Object) -> str:
    return str(one.get("DomainName")).lower()


def _stranger(one: Exported) -> Entry:
    kind = (one.types or ("",))[0].rpartition(".")[2]
    reason = (
        "this is no send connector, receive connector or accepted domain, or not all of its properties were exported"
    )
    return _entry(one.properties.get("Name") or one.text, "", kind, reason)


# --- what a send connector loses -------------------------------------------------------------------------------------


def _send_losses(found: Found, servers: Servers) -> Iterator[Entry]:
    name = found.connector.name
    yield from information.not_expressed(found)
    unreadable = {one.partition(":")[0] for one in found.unreadable}
    for one in send_connector.REALISATIONS:
        yield from (
            _entry(name, missing, None, f"was not exported: {one.field} is at its default in the list")
            for missing in one.properties
            if missing not in found.properties and one.field != "exchange" and missing != "AuthenticationCredential"
        )
        if one.field in _MAY_LOSE and not unreadable.intersection(one.properties):
            yield from _lost(one, found, servers)
    covered = {covered for one in send_connector.REALISATIONS for covered in one.properties}
    yield from _others(name, found.properties, covered)
    problems = Problems()
    read_connectors([information.shown(found.connector)], problems)
    yield from _told(name, problems)


def _lost(one: Realisation, found: Found, servers: Servers) -> Iterator[Entry]:
    """Properties that would not be written as they were found."""
    written = one.write(found.connector, servers)
    for name in one.properties:
        value = found.properties.get(name)
        if name == "AuthenticationCredential" and found.connector.authentication.with_password:
            continue  # named as what needs a password
        if not _is_default(name, value) and not _same(value, written.get(name)):
            yield _entry(found.connector.name, name, value, _REASONS.get(name, _NO_FIELD))


def _is_default(name: str, value: Any) -> bool:
    return values.is_empty(value) or _same(value, _DEFAULTS.get(name, False))


def _same(value: Any, other: Any) -> bool:
    return _compared(value) == _compared(other)


def _compared(value: Any) -> set[str]:
    """Lists and flags without order, texts without case, addresses without brackets."""
    return {part.lower().strip("[]") for part in values.items(value)}


# --- receive connectors ----------------------------------------------------------------------------------------------


def _shown(found: receive_connector.Found, servers: Servers) -> dict[str, Any]:
    on = [servers.here or servers.host_of(found.server)]
    return receive_connector.show(found.name, on, found.settings, found.relay, servers.on_edge)


def _together(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for connectors that differ in their servers only."""
    made: list[dict[str, Any]] = []
    for entry in entries:
        same = next((one for one in made if {**one, "servers": entry["servers"]} == entry), None)
        if same is None:
            made.append(entry)
        else:
            same["servers"] = [*same["servers"], *entry["servers"]]
    return sorted(made, key=lambda one: (one["name"].lower(), one["servers"]))


def _receive_losses(found: receive_connector.Found, servers: Servers) -> Iterator[Entry]:
    for told in found.unreadable:
        yield _entry(found.title, told.partition(":")[0], told, "cannot be read")
    for missing in receive_connector.PROPERTIES:
        if missing not in found.properties and missing not in _ABOUT_THE_OBJECT and missing not in _OF_SOME_VERSIONS:
            yield _entry(found.title, missing, None, "was not exported, and is not in the list")
    if "custom" in _compared(found.properties.get("PermissionGroups")):
        reason = "somebody was given permissions one by one (Get-ADPermission), which are in no export"
        yield _entry(found.title, "PermissionGroups", "Custom", reason)
    covered = {"Server", *(one.parameter for one in SETTINGS)}
    yield from _others(found.title, found.properties, covered)
    problems = Problems()
    for entry in receive_connector.read_entries([_shown(found, servers)], problems):
        check_entry(entry, problems)
    yield from _told(found.title, problems)


# --- both ------------------------------------------------------------------------------------------------------------


def _others(connector: str, properties: Object, covered: Collection[str]) -> Iterator[Entry]:
    """What an object has besides, of another value than null, empty and false."""
    for name, value in properties.items():
        if name not in covered and name not in _ABOUT_THE_OBJECT and not _is_default(name, value):
            yield _entry(connector, name, value, _NO_FIELD)


def _told(connector: str, problems: Problems) -> Iterator[Entry]:
    """Why the list would be refused as it stands."""
    for one in problems.found:
        yield _entry(connector, one.field, one.value.strip('"'), f"{one.message}. Remedy: {one.remedy}")


def _twice(names: Sequence[str]) -> list[Entry]:
    keys = [name.lower() for name in names]
    reason = "was exported twice: keep one of the two in the list"
    return [_entry(name, "Name", None, reason) for place, name in enumerate(names) if name.lower() in keys[:place]]
