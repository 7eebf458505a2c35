# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-, New-, Set- and Remove-ReceiveConnector, and the connectors that setup makes on every server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .directory import Stored
from .multivalues import BINDINGS, CAPABILITIES, IP_RANGES
from .objects import Object, Run, common, ordered, shown
from .parameters import NEW, SET, Change, Parameter, false, family, text, true
from .receive_rules import check
from .servers import Server
from .values import (
    CERTIFICATE,
    FQDN,
    IDENTITY,
    KB,
    SWITCH,
    CmdletError,
    Text,
    flags,
    integer,
    one_of,
    size,
    span,
    string,
)

NOUN = "ReceiveConnector"
GROUPS = ("None", "AnonymousUsers", "ExchangeUsers", "ExchangeServers", "ExchangeLegacyServers", "Partners", "Custom")
MECHANISMS = (
    "None",
    "Tls",
    "Integrated",
    "BasicAuth",
    "BasicAuthRequireTLS",
    "ExchangeServer",
    "ExternalAuthoritative",
)
# Usage -> PermissionGroups, AuthMechanism, port of the bindings that it has by itself.
USAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...], int]] = {
    "Client": (("ExchangeUsers",), ("Tls", "Integrated", "BasicAuth", "BasicAuthRequireTLS"), 587),
    "Custom": ((), ("Tls",), 0),
    "Internal": (("ExchangeServers", "ExchangeLegacyServers"), ("Tls", "ExchangeServer"), 25),
    "Internet": (("AnonymousUsers",), ("Tls",), 0),
    "Partner": (("Partners",), ("Tls",), 0),
}
EVERYWHERE = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
_MOST = 2147483647
_TIME = span("00:00:01", "1.00:00:00")
_PAUSE = span("00:00:00", "00:10:00")
_EMPTY = "ParameterBindingValidationException"

PARAMETERS = (
    Parameter("Name", string(), mandatory=NEW),
    Parameter("Server", IDENTITY, verbs=NEW),
    Parameter("Bindings", BINDINGS, (), empty_exception=_EMPTY),
    Parameter("RemoteIPRanges", IP_RANGES, ()),
    Parameter("AuthMechanism", flags("AuthMechanisms", *MECHANISMS), ("Tls",)),
    Parameter("PermissionGroups", flags("PermissionGroups", *GROUPS), ()),
    Parameter("TransportRole", one_of("ServerRole", "FrontendTransport", "HubTransport"), mailbox_only=True),
    false("AdvertiseClientSettings"),
    Parameter("AuthTarpitInterval", _PAUSE, 5),
    Parameter("TarpitInterval", _PAUSE, 5),
    text("Banner", string(1024, starts="220")),
    false("BareLinefeedRejectionEnabled", verbs=SET),
    true("BinaryMimeEnabled"),
    true("ChunkingEnabled"),
    true("DeliveryStatusNotificationEnabled"),
    true("EightBitMimeEnabled"),
    true("EnhancedStatusCodesEnabled"),
    true("PipeliningEnabled"),
    text("Comment", string()),
    Parameter("ConnectionTimeout", _TIME, 600),
    Parameter("ConnectionInactivityTimeout", _TIME, 300),
    text("DefaultDomain", IDENTITY),
    false("DomainSecureEnabled"),
    false("EnableAuthGSSAPI"),
    true("Enabled"),
    Parameter(
        "ExtendedProtectionPolicy", one_of("ExtendedProtectionPolicySetting", "None", "Allow", "Require"), "None"
    ),
    text("Fqdn", FQDN),
    false("LongAddressesEnabled"),
    false("OrarEnabled"),
    Parameter("MaxAcknowledgementDelay", _PAUSE, 30),
    Parameter("MaxHeaderSize", size(1, _MOST), 256 * KB),
    Parameter("MaxHopCount", integer(1, 500), 60),
    Parameter("MaxLocalHopCount", integer(0, 50), 5),
    Parameter("MaxInboundConnection", integer(1, _MOST, unlimited=True), 5000),
    Parameter("MaxInboundConnectionPerSource", integer(1, 10000, unlimited=True), 20),
    Parameter("MaxInboundConnectionPercentagePerSource", integer(1, 100), 2),
    Parameter("MaxLogonFailures", integer(0, 10), 3),
    Parameter("MaxMessageSize", size(65536, _MOST), 36 * KB**2),
    Parameter("MaxProtocolErrors", integer(0, _MOST, unlimited=True), 5),
    Parameter("MaxRecipientsPerMessage", integer(1, 512000), 200),
    Parameter("MessageRateLimit", integer(1, _MOST, unlimited=True), "Unlimited"),
    Parameter("MessageRateSource", one_of("MessageRateSourceFlags", "None", "User", "IPAddress", "All"), "IPAddress"),
    Parameter("ProtocolLoggingLevel", one_of("ProtocolLoggingLevel", "None", "Verbose"), "None"),
    false("RejectReservedSecondLevelRecipientDomains"),
    false("RejectReservedTopLevelRecipientDomains"),
    false("RejectSingleLabelRecipientDomains"),
    false("RequireEHLODomain"),
    false("RequireTLS"),
    text("ServiceDiscoveryFqdn", FQDN),
    Parameter("SizeEnabled", one_of("SizeMode", "Enabled", "Disabled", "EnabledWithoutValue"), "Enabled"),
    true("SmtpUtf8Enabled", verbs=SET),
    false("SuppressXAnonymousTls"),
    text("TlsCertificateName", CERTIFICATE),
    Parameter("TlsDomainCapabilities", CAPABILITIES, ()),
    Parameter("Usage", one_of("NewReceiveConnector+UsageType", *USAGES), verbs=NEW),
    *(Parameter(usage, SWITCH, verbs=NEW) for usage in USAGES),
)
CMDLETS = family(NOUN, PARAMETERS, Parameter("Server", IDENTITY))
_NO_PROPERTY = {"Name", "Server", "Usage", *USAGES}
_KEPT = tuple(parameter for parameter in PARAMETERS if parameter.name not in _NO_PROPERTY)

# As a recording of Exchange 2019 shows them.
_ORDER = """
    AuthMechanism Banner BinaryMimeEnabled Bindings ChunkingEnabled DefaultDomain DeliveryStatusNotificationEnabled
    EightBitMimeEnabled SmtpUtf8Enabled BareLinefeedRejectionEnabled DomainSecureEnabled EnhancedStatusCodesEnabled
    LongAddressesEnabled OrarEnabled SuppressXAnonymousTls ProxyEnabled AdvertiseClientSettings Fqdn ServiceDiscoveryFqdn
    TlsCertificateName Comment Enabled ConnectionTimeout ConnectionInactivityTimeout MessageRateLimit MessageRateSource
    MaxInboundConnection MaxInboundConnectionPerSource MaxInboundConnectionPercentagePerSource MaxHeaderSize MaxHopCount
    MaxLocalHopCount MaxLogonFailures MaxMessageSize MaxProtocolErrors MaxRecipientsPerMessage PermissionGroups
    PipeliningEnabled ProtocolLoggingLevel RemoteIPRanges RequireEHLODomain RequireTLS EnableAuthGSSAPI
    ExtendedProtectionPolicy LiveCredentialEnabled TlsDomainCapabilities Server TransportRole
    RejectReservedSecondLevelRecipientDomains RejectReservedTopLevelRecipientDomains RejectSingleLabelRecipientDomains
    AcceptConsumerMail SizeEnabled TarpitInterval AuthTarpitInterval MaxAcknowledgementDelay
"""


def run(call: Run) -> list[Object]:
    work = {"Get": _get, "New": _new, "Set": _set, "Remove": _remove}
    return [_show(call, stored) for stored in work[call.cmdlet.verb](call)]


def _named(stored: Stored, identity: str) -> bool:
    return identity in (stored.name.lower(), f"{stored.values['Server']}\\{stored.name}".lower())


def _get(call: Run) -> list[Stored]:
    if not call.given.get("Server"):
        return call.listed(_named)
    if call.given.get("Identity"):
        message = "Parameter set cannot be resolved using the specified named parameters."
        raise CmdletError("ParameterBindingException", message)
    server = _server(call)
    return [stored for stored in call.listed(_named) if stored.values["Server"] == server.name]


def _server(call: Run) -> Server:
    if call.given.get("Server") is None:
        return call.organisation.local
    found = call.organisation.find_server(call.given["Server"])
    if found is None:
        message = f"The server '{call.given['Server']}' couldn't be found."
        raise CmdletError("ManagementObjectNotFoundException", message)
    return found


def _on(call: Run, server: str, but: str = "") -> list[Stored]:
    return [one for one in call.objects() if one.values["Server"] == server and one.guid != but]


# --- New -------------------------------------------------------------------------------------------------------------


def _new(call: Run) -> list[Stored]:
    server = _server(call)
    others = _on(call, server.name)
    name = call.check_name(call.given["Name"], others, 64)
    for parameter in PARAMETERS:
        if isinstance(call.given.get(parameter.name), Change):
            call.refuse("table", f"{parameter.name}: a new connector takes a list")
    usage = _usage(call)
    _check_usage(call, usage)
    defaults = _defaults(call, server, usage)
    values = call.merged(defaults, _KEPT)
    values = check(call, defaults, values, server, others)
    return call.create(name, call.organisation.receive_connectors(server), defaults, values)


def _usage(call: Run) -> str:
    switches = [usage for usage in USAGES if call.given.get(usage)]
    if len(switches) + ("Usage" in call) > 1:
        call.refuse("usage", "Only one usage may be given.")
    return str(switches[0] if switches else call.given.get("Usage") or "Custom")


def _check_usage(call: Run, usage: str) -> None:
    if USAGES[usage][2]:
        if "Bindings" in call:
            call.refuse_where("preset_bindings", f"With the usage {usage} Bindings cannot be given.")
    elif "Bindings" not in call:
        call.refuse("Bindings", f"With the usage {usage} Bindings must be given.")
    if usage == "Internet":
        if "RemoteIPRanges" in call:
            call.refuse("RemoteIPRanges", "With the usage Internet RemoteIPRanges cannot be given.")
    elif "RemoteIPRanges" not in call:
        call.refuse("RemoteIPRanges", f"With the usage {usage} RemoteIPRanges must be given.")


def _defaults(call: Run, server: Server, usage: str) -> dict[str, Any]:
    forms = call.organisation.forms
    groups, mechanisms, port = USAGES[usage]
    values = {parameter.name: parameter.default for parameter in _KEPT}
    values |= {"Server": server.name, "Fqdn": server.fqdn, "PermissionGroups": groups, "AuthMechanism": mechanisms}
    values["MaxHopCount"], values["MaxLocalHopCount"] = map(int, forms.pick("receive_hop_defaults").split("/"))
    values["RemoteIPRanges"] = tuple(map(IP_RANGES.read, EVERYWHERE)) if usage == "Internet" else ()
    if port:
        values["Bindings"] = tuple(map(BINDINGS.read, (f"0.0.0.0:{port}", f"[::]:{port}")))
    if call.organisation.edge:
        values |= {"ConnectionTimeout": 300, "ConnectionInactivityTimeout": 60, "MessageRateLimit": 600}
        values["PermissionGroups"] = tuple(group for group in groups if group != "ExchangeLegacyServers")
        values["TransportRole"] = None
    else:
        values["TransportRole"] = forms.pick("receive_role_default")
    return values


# --- Set and Remove --------------------------------------------------------------------------------------------------


def _set(call: Run) -> list[Stored]:
    old = call.one(_named)
    server = call.organisation.servers[old.values["Server"]]
    others = _on(call, server.name, old.guid)
    name = call.check_name(call.given["Name"], others, 64) if "Name" in call else old.name
    values = call.merged(old.values, _KEPT)
    values = check(call, old.values, values, server, others)
    drops = "PermissionGroups" in call and call.organisation.forms.pick("groups_drop_entries") == "drops"
    call.update(old, name, values, f"{server.name}\\{old.name}", entries=() if drops else old.entries)
    return []


def _remove(call: Run) -> list[Stored]:
    call.delete(call.one(_named))
    return []


# --- output ----------------------------------------------------------------------------------------------------------


def groups_of(stored: Stored) -> tuple[str, ...]:
    """With Custom where Add-ADPermission has made entries (integration tests of ExchangeDsc)."""
    groups = (*stored.values["PermissionGroups"], *(["Custom"] if stored.entries else []))
    return groups or ("None",)


def _show(call: Run, stored: Stored) -> Object:
    server = Text("Microsoft.Exchange.Data.Directory.ADObjectId", stored.values["Server"])
    properties = shown(call, stored, _KEPT) | {
        "PermissionGroups": Text(
            "Microsoft.Exchange.Data.Directory.SystemConfiguration.PermissionGroups", ", ".join(groups_of(stored))
        ),
        "ProxyEnabled": False,
        "LiveCredentialEnabled": False,
        "AcceptConsumerMail": False,
        "Server": server,
    }
    if call.organisation.edge:
        del properties["TransportRole"]
    identity = f"{stored.values['Server']}\\{stored.name}"
    return ordered(properties, _ORDER) | common(call, stored, identity, ("top", "msExchSmtpReceiveConnector"))


# --- what setup makes ------------------------------------------------------------------------------------------------

_ALL_CLIENTS = ("Tls", "Integrated", "BasicAuth", "BasicAuthRequireTLS")
_SERVERS = (*_ALL_CLIENTS, "ExchangeServer")


def defaults_of(server: Server, edge: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and values of the connectors that a server has from the beginning (receive-connectors.md, a recording)."""
    front, hub = "FrontendTransport", "HubTransport"
    anonymous = ("AnonymousUsers", "ExchangeServers", "ExchangeLegacyServers")
    users = ("ExchangeUsers", "ExchangeServers", "ExchangeLegacyServers")
    name = server.name
    if edge:
        groups = ("AnonymousUsers", "ExchangeServers", "Partners")
        yield (
            f"Default internal receive connector {name}",
            _default(server, None, 25, groups, ("Tls", "ExchangeServer")),
        )
        return
    wide = {"MaxInboundConnectionPerSource": "Unlimited", "MaxInboundConnectionPercentagePerSource": 100}
    slow = {"MessageRateLimit": 5, "MessageRateSource": "User"}
    yield f"Default {name}", _default(server, hub, 2525, users, _SERVERS) | wide | {"MaxRecipientsPerMessage": 5000}
    yield f"Client Proxy {name}", _default(server, hub, 465, ("ExchangeUsers", "ExchangeServers"), _SERVERS) | slow
    yield f"Default Frontend {name}", _default(server, front, 25, anonymous, _SERVERS)
    yield f"Outbound Proxy Frontend {name}", _default(server, front, 717, ("ExchangeServers",), _SERVERS)
    yield f"Client Frontend {name}", _default(server, front, 587, ("ExchangeUsers",), _ALL_CLIENTS) | slow


def _default(
    server: Server, role: str | None, port: int, groups: tuple[str, ...], mechanisms: tuple[str, ...]
) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in _KEPT} | {
        "Server": server.name,
        "Fqdn": server.fqdn,
        "TransportRole": role,
        "Bindings": tuple(map(BINDINGS.read, (f"0.0.0.0:{port}", f"[::]:{port}"))),
        "RemoteIPRanges": tuple(map(IP_RANGES.read, EVERYWHERE)),
        "PermissionGroups": groups,
        "AuthMechanism": mechanisms,
    }
