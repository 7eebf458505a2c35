# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a receive connector: one entry for each, with its field in the vocabulary and its parameter in Exchange.

Ranges and defaults are those of New-ReceiveConnector and Set-ReceiveConnector. Where the manual and recorded connectors
disagree about a default it counts as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..connector import values as plain
from ..connector.errors import ValueProblem
from ..connector.values import Kind
from . import ip_ranges, values

UNKNOWN: Any = object()
"""A default that is not known for certain."""


@dataclass(frozen=True)
class Setting:
    """field: its place in the vocabulary, such as limits.tarpit_interval. parameter: the parameter, and the property.

    kind reads what a person wrote; shown reads what Exchange shows; write makes what the cmdlet takes. default: what a new
    connector has. empty: what null and '' stand for. resettable: whether that default is Exchange's own.
    """

    field: str
    parameter: str
    kind: Kind[Any]
    write: Callable[[Any], Any]
    shown: Callable[[Any], Any]
    default: Any = UNKNOWN
    edge_default: Any = UNKNOWN
    empty: Any = UNKNOWN
    resettable: bool = True
    set_only: bool = False
    mailbox_only: bool = False

    def default_on(self, edge: bool) -> Any:
        return self.edge_default if edge and self.edge_default is not UNKNOWN else self.default

    def read(self, value: Any) -> Any:
        """The normal form of what Exchange shows; UNKNOWN where it shows nothing."""
        return self.empty if values.is_empty(value) else self.shown(value)


def _as_is(value: Any) -> Any:
    return value


def _setting(field: str, parameter: str, kind: Kind[Any], default: Any = UNKNOWN, **more: Any) -> Setting:
    more.setdefault("write", _as_is)
    more.setdefault("shown", kind.read)
    return Setting(field, parameter, kind, default=default, **more)


# --- kinds -----------------------------------------------------------------------------------------------------------


def _boolean(field: str, parameter: str, default: Any, **more: Any) -> Setting:
    return _setting(field, parameter, plain.BOOLEAN, default, **more)


def _number(field: str, parameter: str, least: int, most: int, default: Any = UNKNOWN) -> Setting:
    return _setting(field, parameter, plain.whole_number(least, most), default)


def _unlimited_number(field: str, parameter: str, least: int, most: int, default: Any, **more: Any) -> Setting:
    number = plain.whole_number(least, most)

    def read(value: Any) -> int:
        return plain.UNLIMITED if str(value).strip().lower() == "unlimited" else number.read(value)

    def show(value: int) -> Any:
        return "unlimited" if value == plain.UNLIMITED else value

    kind = Kind("number or unlimited", read, show, {"type": "str"})
    # Both the number and the word are texts to the cmdlet, which converts them (Unlimited<Int32>).
    return _setting(field, parameter, kind, default, write=lambda value: str(show(value)), **more)


def _size(field: str, parameter: str, least: int, default: int) -> Setting:
    def read(value: Any) -> int:
        size = plain.read_size(value)
        if size == plain.UNLIMITED:
            remedy = f"give a size of at most {plain.LARGEST_SIZE} bytes: a receive connector has no unlimited size"
            raise ValueProblem("is not possible on a receive connector", remedy, value)
        if size < least:
            raise ValueProblem("is out of range", f"use {least} to {plain.LARGEST_SIZE} bytes", value)
        return values.rounded_up(size)

    kind = Kind("size", read, plain.show_size)
    return _setting(field, parameter, kind, default, write=values.write_size, shown=values.read_size)


def _duration(field: str, parameter: str, least: int, most: int, default: Any, **more: Any) -> Setting:
    def read(value: Any) -> int:
        seconds = plain.read_duration(value)
        if not least <= seconds <= most:
            raise ValueProblem(
                "is out of range", f"use {plain.show_duration(least)} to {plain.show_duration(most)}", value
            )
        return seconds

    kind = Kind("duration", read, plain.show_duration)
    return _setting(field, parameter, kind, default, write=values.write_duration, shown=plain.read_duration, **more)


def _squeezed(word: Any) -> str:
    return str(word).strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def _words(natives: Mapping[str, str]) -> dict[str, str]:
    """Both spellings of each word -> the word of the vocabulary."""
    return {
        **{_squeezed(native): word for word, native in natives.items()},
        **{_squeezed(word): word for word in natives},
    }


def _choice(field: str, parameter: str, natives: Mapping[str, str], default: Any, **more: Any) -> Setting:
    """natives: word of the vocabulary -> Exchange's own, which is taken as well."""
    known = _words(natives)

    def read(value: Any) -> str:
        # YAML 1.1 reads the bare words no and off as false.
        word = "none" if value is False else _squeezed(value)
        if word not in known:
            raise ValueProblem("is not known here", "use one of " + ", ".join(natives), value)
        return known[word]

    kind = Kind("choice", read, _as_is, {"type": "str"})
    return _setting(field, parameter, kind, default, write=lambda word: natives[word], **more)


def _flags(field: str, parameter: str, natives: Mapping[str, str], default: tuple[str, ...]) -> Setting:
    """Several words in the order of their bits; none of them is the empty tuple."""
    known = _words(natives)

    def words(value: Any, unknown: Callable[[str], None]) -> tuple[str, ...]:
        found = set()
        for item in plain.as_list(value):
            word = _squeezed(item)
            if word in known:
                found.add(known[word])
            elif word != "none":
                unknown(str(item))
        return tuple(word for word in natives if word in found)

    def refuse(word: str) -> None:
        if word.lower() == "custom":
            remedy = "leave it out: Exchange shows it where permissions were given one by one, and they stay"
            raise ValueProblem("cannot be set", remedy, word)
        raise ValueProblem("is not known here", "use none, or some of " + ", ".join(natives), word)

    def foreign(word: str) -> None:
        # Custom stands for permissions that were given one by one, and is none itself.
        if word.lower() != "custom":
            raise ValueProblem("is not known here", "look at it in the Exchange Management Shell", word)

    kind = Kind("flags", lambda value: words(value, refuse), list, {"type": "list", "elements": "str"})
    return _setting(
        field,
        parameter,
        kind,
        default,
        empty=(),
        shown=lambda value: words(value, foreign),
        write=lambda chosen: [natives[word] for word in chosen] or ["None"],
    )


def _text(field: str, parameter: str, kind: Kind[str], **more: Any) -> Setting:
    """A text that may be empty, which the cmdlets take as null."""
    return _setting(field, parameter, kind, "", empty="", shown=str, write=lambda value: value or None, **more)


def _read_banner(value: Any) -> str:
    text = plain.text(1024, 0, "a banner").read(value)
    if text and not text.startswith("220"):
        raise ValueProblem("does not begin with 220", f'write "220 {text}"', text)
    return text


def _read_certificate(value: Any) -> str:
    text = plain.text(2048, 0, "a certificate").read(value)
    if text and not (text.startswith("<I>") and "<S>" in text[4:] and not text.endswith("<S>")):
        remedy = "write <I>issuer<S>subject (Get-ExchangeCertificate shows both)"
        raise ValueProblem("does not name a certificate", remedy, text)
    return text


def _read_name(value: Any) -> str:
    return plain.read_domain(value, "a host name") if plain.plain_text(value, "a host name").strip() else ""


_CAPABILITIES = {"acceptcloudservicesmail": "AcceptCloudServicesMail", "acceptoorgprotocol": "AcceptOorgProtocol"}


def _read_capability(value: Any) -> str:
    """domain:capability,capability with the domain in lower case; NO-TLS stands for senders without TLS."""
    text = plain.plain_text(value, "a capability").strip()
    domain, colon, given = text.partition(":")
    named = [part.strip().lower() for part in given.split(",")]
    if not colon or not all(name in _CAPABILITIES for name in named):
        remedy = "write for example mail.protection.outlook.com:" + _CAPABILITIES["acceptcloudservicesmail"]
        raise ValueProblem("is not of the form domain:capability", remedy, value)
    if domain.upper() != "NO-TLS":
        domain = ("*." if domain.startswith("*.") else "") + plain.read_domain(
            domain[2:] if domain[:2] == "*." else domain
        )
    return f"{domain.lower()}:" + ",".join(_CAPABILITIES[name] for name in sorted(set(named)))


def _read_capabilities(value: Any) -> tuple[str, ...]:
    given = list(value) if isinstance(value, (list, tuple)) else [value]
    return tuple(sorted({_read_capability(one) for one in given if one != ""}))


CAPABILITIES = Kind("list of capabilities", _read_capabilities, list, {"type": "list", "elements": "str"})


# --- the table -------------------------------------------------------------------------------------------------------

GROUPS = {
    "anonymous_users": "AnonymousUsers",
    "exchange_users": "ExchangeUsers",
    "exchange_servers": "ExchangeServers",
    "exchange_legacy_servers": "ExchangeLegacyServers",
    "partners": "Partners",
}
MECHANISMS = {
    "tls": "Tls",
    "integrated": "Integrated",
    "basic": "BasicAuth",
    "basic_over_tls": "BasicAuthRequireTLS",
    "exchange_server": "ExchangeServer",
    "externally_secured": "ExternalAuthoritative",
}
ROLES = {"frontend_transport": "FrontendTransport", "hub_transport": "HubTransport"}
_RATE_SOURCES = {"none": "None", "user": "User", "ip_address": "IPAddress", "all": "All"}
_LOGS = {"none": "None", "verbose": "Verbose"}
_POLICIES = {"none": "None", "allow": "Allow", "require": "Require"}
_SIZES = {"enabled": "Enabled", "disabled": "Disabled", "enabled_without_value": "EnabledWithoutValue"}


def _show_lines(values_: Any) -> list[str]:
    return [str(value) for value in values_]


def _lines(field: str, parameter: str, kind: Kind[Any]) -> Setting:
    return _setting(field, parameter, kind, write=_show_lines, empty=())


_OWN = (
    _boolean("enabled", "Enabled", True),
    _text("comment", "Comment", plain.text(255)),
    _lines("bindings", "Bindings", ip_ranges.BINDINGS),
    _lines("remote_ip_ranges", "RemoteIPRanges", ip_ranges.RANGES),
    _flags("permission_groups", "PermissionGroups", GROUPS, ()),
    _flags("auth_mechanisms", "AuthMechanism", MECHANISMS, ("tls",)),
    # A default of this collection: the manual states none, and with HubTransport the port 25 is Front End Transport's.
    _choice("transport_role", "TransportRole", ROLES, "frontend_transport", resettable=False, mailbox_only=True),
    _text("helo_name", "Fqdn", Kind("host name", _read_name, _as_is)),
    _text("banner", "Banner", Kind("banner", _read_banner, _as_is)),
    _choice("log", "ProtocolLoggingLevel", _LOGS, "none"),
    _boolean("tls.required", "RequireTLS", False),
    _text("tls.certificate", "TlsCertificateName", Kind("certificate", _read_certificate, _as_is)),
    _setting(
        "tls.domain_capabilities",
        "TlsDomainCapabilities",
        CAPABILITIES,
        (),
        empty=(),
        write=lambda value: list(value) or None,
    ),
)
_LIMITS = (
    _size("limits.max_message_size", "MaxMessageSize", 65536, 36 * 1024**2),
    _size("limits.max_header_size", "MaxHeaderSize", 1, 256 * 1024),
    _number("limits.max_recipients_per_message", "MaxRecipientsPerMessage", 1, 512000, 200),
    _number("limits.max_hop_count", "MaxHopCount", 1, 500),
    _number("limits.max_local_hop_count", "MaxLocalHopCount", 0, 50),
    _unlimited_number("limits.max_connections", "MaxInboundConnection", 1, 2147483647, 5000),
    _unlimited_number("limits.max_connections_per_source", "MaxInboundConnectionPerSource", 1, 10000, 20),
    _number("limits.max_connections_percentage_per_source", "MaxInboundConnectionPercentagePerSource", 1, 100, 2),
    _unlimited_number("limits.message_rate", "MessageRateLimit", 1, 2147483647, plain.UNLIMITED, edge_default=600),
    _choice("limits.message_rate_source", "MessageRateSource", _RATE_SOURCES, UNKNOWN),
    _unlimited_number("limits.max_protocol_errors", "MaxProtocolErrors", 0, 2147483647, 5),
    _number("limits.max_logon_failures", "MaxLogonFailures", 0, 10, 3),
    _duration("limits.connection_timeout", "ConnectionTimeout", 1, 86400, 600, edge_default=300),
    _duration("limits.inactivity_timeout", "ConnectionInactivityTimeout", 1, 86400, 300, edge_default=60),
    _duration("limits.tarpit_interval", "TarpitInterval", 0, 600, 5),
    _duration("limits.auth_tarpit_interval", "AuthTarpitInterval", 0, 600, 5),
)


def _native(parameter: str) -> str:
    return f"exchange.{parameter}"


def _yes_no(parameter: str, default: Any, **more: Any) -> Setting:
    return _boolean(_native(parameter), parameter, default, **more)


_NATIVE = (
    *(_yes_no(name, False) for name in ("AdvertiseClientSettings", "LongAddressesEnabled", "OrarEnabled")),
    _yes_no("BareLinefeedRejectionEnabled", False, set_only=True),
    *(
        _yes_no(name, True)
        for name in (
            "BinaryMimeEnabled",
            "ChunkingEnabled",
            "DeliveryStatusNotificationEnabled",
            "EightBitMimeEnabled",
            "EnhancedStatusCodesEnabled",
            "PipeliningEnabled",
        )
    ),
    _text(_native("DefaultDomain"), "DefaultDomain", plain.text(255)),
    # Three whose defaults the manual does not state.
    *(_yes_no(name, UNKNOWN) for name in ("DomainSecureEnabled", "EnableAuthGSSAPI")),
    _yes_no("SmtpUtf8Enabled", UNKNOWN, set_only=True),
    _choice(_native("ExtendedProtectionPolicy"), "ExtendedProtectionPolicy", _POLICIES, "none"),
    _duration(_native("MaxAcknowledgementDelay"), "MaxAcknowledgementDelay", 0, 600, 30),
    *(
        _yes_no(name, False)
        for name in (
            "RejectReservedSecondLevelRecipientDomains",
            "RejectReservedTopLevelRecipientDomains",
            "RejectSingleLabelRecipientDomains",
            "RequireEHLODomain",
            "SuppressXAnonymousTls",
        )
    ),
    _text(_native("ServiceDiscoveryFqdn"), "ServiceDiscoveryFqdn", Kind("host name", _read_name, _as_is)),
    _choice(_native("SizeEnabled"), "SizeEnabled", _SIZES, "enabled"),
)

SETTINGS: tuple[Setting, ...] = (*_OWN, *_LIMITS, *_NATIVE)
BY_FIELD: Mapping[str, Setting] = {one.field: one for one in SETTINGS}
NATIVES: Mapping[str, Setting] = {one.parameter.lower(): one for one in _NATIVE}
COVERED: Mapping[str, str] = {
    **{one.parameter.lower(): one.field for one in (*_OWN, *_LIMITS)},
    "name": "name",
    "server": "servers",
}
"""Parameters that the vocabulary covers, by their names in lower case."""
GROUPED = ("tls", "limits")
"""Fields that are dicts of settings. Each setting of them is given, left alone and reset by itself."""


def members(group: str) -> dict[str, Setting]:
    """The settings of a dict, by their names in it."""
    return {one.field.partition(".")[2]: one for one in SETTINGS if one.field.startswith(group + ".")}
