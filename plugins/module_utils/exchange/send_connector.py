# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A send connector of Exchange in the vocabulary, and back: one entry for each field.

What Exchange holds and the vocabulary lacks stays in the field exchange, or is named. What it cannot carry is refused in
send_rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..connector import address_space
from ..connector import values as plain
from ..connector.errors import ValueProblem
from ..connector.model import Connector
from ..connector.vocabulary import Authentication, Helo, Limits, SmartHost, Tls
from . import values
from .ownership import unmarked
from .servers import Servers

Object = Mapping[str, Any]

_LEVELS = {"encryptiononly": "encrypt", "certificatevalidation": "chain_only", "domainvalidation": "verify"}
_TLS_AUTH_LEVELS = {"encrypt": "EncryptionOnly", "chain_only": "CertificateValidation", "verify": "DomainValidation"}
_MECHANISMS = {
    "none": "None",
    "basic": "BasicAuth",
    "basic_over_tls": "BasicAuthRequireTLS",
    "exchange_server": "ExchangeServer",
    "externally_secured": "ExternalAuthoritative",
}


@dataclass(frozen=True)
class Realisation:
    """How one field stands in parameters. All of a field's parameters go in one call (rules for the same call)."""

    field: str
    properties: tuple[str, ...]
    write: Callable[[Connector, Servers], dict[str, Any]]
    read: Callable[[Object, Servers], Any]


def _read_spaces(found: Object, _servers: Servers) -> Any:
    return plain.list_of(address_space.ADDRESS_SPACE).read(values.items(found.get("AddressSpaces")))


def write_spaces(spaces: tuple[address_space.AddressSpace, ...]) -> list[str]:
    return [(f"SMTP:{space}" if space.type == "SMTP" else str(space)) for space in spaces]


def _write_smart_hosts(connector: Connector, _servers: Servers) -> dict[str, Any]:
    if not connector.smart_hosts:
        return {"DNSRoutingEnabled": True, "SmartHosts": None}
    hosts = [plain.show_host(one.host) for one in connector.smart_hosts]
    return {"DNSRoutingEnabled": False, "SmartHosts": hosts, "Port": connector.smart_hosts[0].port}


def _read_smart_hosts(found: Object, _servers: Servers) -> tuple[SmartHost, ...]:
    if plain.read_boolean(found.get("DNSRoutingEnabled") or False):
        return ()
    port = int(found.get("Port") or 25)
    hosts = {plain.read_host(one) for one in values.items(found.get("SmartHosts"))}
    return tuple(SmartHost(one, port) for one in sorted(hosts))


def _write_bridgeheads(connector: Connector, servers: Servers) -> dict[str, Any]:
    if servers.on_edge:
        return {}
    return {"SourceTransportServers": [servers.name_of(name) for name in connector.bridgeheads]}


def _read_bridgeheads(found: Object, servers: Servers) -> tuple[str, ...]:
    if servers.on_edge:
        return (servers.here,)
    named = {servers.host_of(name) for name in values.items(found.get("SourceTransportServers"))}
    return tuple(sorted(named))


def _write_tls(connector: Connector, _servers: Servers) -> dict[str, Any]:
    tls = connector.tls
    # TlsAuthLevel may only be given with RequireTLS (New-SendConnector, TlsAuthLevel), so they go together.
    return {
        "IgnoreSTARTTLS": tls.level == "none",
        "RequireTLS": tls.required,
        "TlsAuthLevel": _TLS_AUTH_LEVELS.get(tls.level),
        "TlsDomain": tls.names[0] if tls.level == "verify" and tls.names else None,
        "TlsCertificateName": tls.certificate or None,
    }


def _read_tls(found: Object, _servers: Servers) -> Tls:
    level = "opportunistic"
    if plain.read_boolean(found.get("RequireTLS") or False):
        level = _LEVELS.get(str(found.get("TlsAuthLevel") or "").lower(), "encrypt")
    elif plain.read_boolean(found.get("IgnoreSTARTTLS") or False):
        level = "none"
    name = str(found.get("TlsDomain") or "").lower()
    certificate = str(found.get("TlsCertificateName") or "")
    return Tls(level, (name,) if name and level == "verify" else (), "", certificate)


def _write_authentication(connector: Connector, _servers: Servers) -> dict[str, Any]:
    return {"SmartHostAuthMechanism": _MECHANISMS[connector.authentication.mechanism]}


def _read_authentication(found: Object, _servers: Servers) -> Authentication:
    shown = str(found.get("SmartHostAuthMechanism") or "None").lower()
    mechanism = next((name for name, written in _MECHANISMS.items() if written.lower() == shown), "none")
    if mechanism not in ("basic", "basic_over_tls"):
        return Authentication(mechanism)
    return Authentication(mechanism, _read_username(found), "on_create", mechanism == "basic")


def _read_username(found: Object) -> str:
    """Empty where it cannot be read: null, or the text of a credential, which is the name of its type."""
    shown = str(found.get("AuthenticationCredential") or "")
    return "" if shown.startswith("System.") else shown


def _write_helo(connector: Connector, _servers: Servers) -> dict[str, Any]:
    return {"Fqdn": connector.helo.name or None, "ForceHELO": connector.helo.command == "helo"}


def _read_helo(found: Object, _servers: Servers) -> Helo:
    command = "helo" if plain.read_boolean(found.get("ForceHELO") or False) else "ehlo"
    return Helo(str(found.get("Fqdn") or "").lower(), command)


def _write_limits(connector: Connector, _servers: Servers) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if connector.limits.messages_per_connection is not None:
        made["SmtpMaxMessagesPerConnection"] = connector.limits.messages_per_connection
    if connector.limits.inactivity_timeout is not None:
        made["ConnectionInactivityTimeOut"] = values.write_duration(connector.limits.inactivity_timeout)
    return made


DEFAULT_LIMITS = Limits(messages_per_connection=20, inactivity_timeout=600)
"""20 is what was recorded of Exchange 2019; 10 minutes is documented (New-SendConnector)."""


def _read_limits(found: Object, _servers: Servers) -> Limits:
    messages = found.get("SmtpMaxMessagesPerConnection")
    inactivity = found.get("ConnectionInactivityTimeOut")
    return Limits(
        messages_per_connection=None if values.is_empty(messages) else int(str(messages)),
        inactivity_timeout=None if values.is_empty(inactivity) else plain.read_duration(inactivity),
    )


def _write_native(connector: Connector, servers: Servers) -> dict[str, Any]:
    given = dict(connector.exchange)
    made: dict[str, Any] = {}
    for parameter in values.SEND_PARAMETERS.values():
        if parameter.edge_only and not servers.on_edge:
            continue
        if parameter.create_only:
            if parameter.name in given:
                made[parameter.name] = parameter.write(given[parameter.name])
            continue
        made[parameter.name] = parameter.write(given.get(parameter.name, parameter.default))
    return made


def _read_native(found: Object, servers: Servers) -> tuple[tuple[str, str], ...]:
    pairs = []
    for parameter in values.SEND_PARAMETERS.values():
        shown = found.get(parameter.name)
        if parameter.create_only or values.is_empty(shown) or (parameter.edge_only and not servers.on_edge):
            continue
        try:
            text = parameter.kind.read(shown)
        except ValueProblem:
            text = str(shown)  # a value of a newer Exchange: named, not lost
        if text != parameter.default:
            pairs.append((parameter.name, text))
    return tuple(sorted(pairs))


REALISATIONS: tuple[Realisation, ...] = (
    Realisation(
        "name",
        ("Name",),
        lambda connector, _servers: {"Name": connector.name},
        lambda found, _servers: str(found.get("Name")),
    ),
    Realisation(
        "address_spaces",
        ("AddressSpaces",),
        lambda connector, _servers: {"AddressSpaces": write_spaces(connector.address_spaces)},
        _read_spaces,
    ),
    Realisation("smart_hosts", ("DNSRoutingEnabled", "SmartHosts", "Port"), _write_smart_hosts, _read_smart_hosts),
    Realisation("bridgeheads", ("SourceTransportServers",), _write_bridgeheads, _read_bridgeheads),
    Realisation(
        "enabled",
        ("Enabled",),
        lambda connector, _servers: {"Enabled": connector.enabled},
        lambda found, _servers: plain.read_boolean(found.get("Enabled")),
    ),
    Realisation(
        "scope",
        ("IsScopedConnector",),
        lambda connector, _servers: {"IsScopedConnector": connector.scope == "routing_group"},
        lambda found, _servers: (
            "routing_group" if plain.read_boolean(found.get("IsScopedConnector") or False) else "organization"
        ),
    ),
    Realisation(
        "tls",
        ("IgnoreSTARTTLS", "RequireTLS", "TlsAuthLevel", "TlsDomain", "TlsCertificateName"),
        _write_tls,
        _read_tls,
    ),
    Realisation(
        "authentication",
        ("SmartHostAuthMechanism", "AuthenticationCredential"),
        _write_authentication,
        _read_authentication,
    ),
    Realisation("helo", ("Fqdn", "ForceHELO"), _write_helo, _read_helo),
    Realisation(
        "max_message_size",
        ("MaxMessageSize",),
        lambda connector, _servers: {"MaxMessageSize": values.write_size(connector.max_message_size)},
        lambda found, _servers: values.read_size(found.get("MaxMessageSize") or "unlimited"),
    ),
    Realisation("limits", ("SmtpMaxMessagesPerConnection", "ConnectionInactivityTimeOut"), _write_limits, _read_limits),
    Realisation(
        "log",
        ("ProtocolLoggingLevel",),
        lambda connector, _servers: {"ProtocolLoggingLevel": connector.log.capitalize()},
        lambda found, _servers: str(found.get("ProtocolLoggingLevel") or "None").lower(),
    ),
    Realisation("exchange", tuple(one.name for one in values.SEND_PARAMETERS.values()), _write_native, _read_native),
    Realisation(
        "comment",
        ("Comment",),
        lambda _connector, _servers: {},  # written with the mark, which is no part of a connector (send_writes)
        lambda found, _servers: unmarked(found.get("Comment"))[0],
    ),
)
BY_FIELD = {one.field: one for one in REALISATIONS}
PROPERTIES: tuple[str, ...] = (
    *dict.fromkeys(name for one in REALISATIONS for name in one.properties if name != "Usage"),
    "Guid",
    "WhenChangedUTC",
    "OriginatingServer",
)

COVERED: Mapping[str, str] = {
    name.lower(): one.field for one in REALISATIONS if one.field != "exchange" for name in one.properties
}
"""Parameters that the vocabulary covers, by their names in lower case."""


@dataclass(frozen=True)
class Found:
    """A send connector as it was read. owner: the set whose mark it carries; empty where it has none."""

    connector: Connector
    owner: str
    properties: Object
    unreadable: tuple[str, ...] = ()
    """Properties with values that could not be read, each with its value: named, not lost."""


def read(found: Object, servers: Servers) -> Found:
    """One object that Get-SendConnector gave, or that was exported from it."""
    made: dict[str, Any] = {}
    unreadable: list[str] = []
    for one in REALISATIONS:
        try:
            made[one.field] = one.read(found, servers)
        except (ValueProblem, ValueError) as problem:
            shown = "; ".join(f"{name}: {found.get(name)}" for name in one.properties if found.get(name) is not None)
            unreadable.append(f"{shown} ({problem})")
    return Found(Connector(**made), unmarked(found.get("Comment"))[1], found, tuple(unreadable))
