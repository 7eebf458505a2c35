# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents as Export-Clixml writes them, from the property names and strings that were recorded of Exchange 2019.

In the Exchange Management Shell objects are live: values have types with properties of their own, and a note property
with the serialised object stands beside. Over plain remoting objects are deserialised, and value types are texts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration"


@dataclass(frozen=True, eq=False)
class Typed:
    """A value of a type of its own: what ToString() gives, and its properties. number: it is one of an enumeration."""

    type_name: str
    text: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None


@dataclass(frozen=True)
class Many:
    """A MultiValuedProperty. tag: how its members are kept, LST or IE."""

    members: Sequence[Any]
    tag: str = "LST"


@dataclass(frozen=True)
class Element:
    """A value that has an element of its own: Guid (G), DateTime (DT), TimeSpan (TS) and the like."""

    tag: str
    text: str


def member(type_name: str, text: str, number: int) -> Typed:
    return Typed(f"{CONFIGURATION}.{type_name}", text, number=number)


def space(text: str) -> Typed:
    domain = text.partition(":")[2].partition(";")[0]
    properties = {"Address": domain, "Type": text.partition(":")[0], "Cost": int(text.rpartition(";")[2])}
    return Typed("Microsoft.Exchange.Data.AddressSpace", text, properties)


def smart_host(text: str) -> Typed:
    address = Typed("System.Net.IPAddress", "0.0.0.0", {"Address": 0})
    return Typed("Microsoft.Exchange.Data.SmartHost", text, {"Address": address, "IsIPAddress": False, "Domain": text})


def server(text: str) -> Typed:
    return Typed("Microsoft.Exchange.Data.Directory.ADObjectId", text, {"Name": text})


def unlimited(text: str) -> Typed:
    size = "Microsoft.Exchange.Data.ByteQuantifiedSize"
    return Typed(f"Microsoft.Exchange.Data.Unlimited`1[{size}]", text, {"IsUnlimited": text == "Unlimited"})


_ABOUT = {
    "AdminDisplayName": "",
    "ExchangeVersion": Typed(
        "Microsoft.Exchange.Data.ExchangeObjectVersion", "0.1 (8.0.535.0)", {"Major": 0, "Minor": 1}
    ),
    "Guid": Element("G", "5d0e7b2c-91f4-4a8e-9d5c-0c1f2b3a4d5e"),
    "ObjectClass": Many(["top", "msExchConnector", "mailGateway", "msExchRoutingSMTPConnector"]),
    "WhenChanged": Element("DT", "2020-06-17T21:15:46-07:00"),
    "WhenChangedUTC": Element("DT", "2020-06-18T04:15:46Z"),
    "OrganizationId": Typed("Microsoft.Exchange.Data.Directory.OrganizationId", ""),
    "OriginatingServer": "dc1.contoso.com",
    "IsValid": True,
    "ObjectState": member("ObjectState", "Unchanged", 2),
}


def send_connector(name: str, **changed: Any) -> dict[str, Any]:
    """The properties of a send connector in their order, with the values that were recorded, and some of another value."""
    recorded = {
        "DNSRoutingEnabled": True,
        "TlsDomain": None,
        "TlsAuthLevel": None,
        "ErrorPolicies": member("ErrorPolicies", "Default", 0),
        "SmartHosts": Many([]),
        "Port": 25,
        "ConnectionInactivityTimeOut": Typed("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:10:00", {"Days": 0}),
        "ForceHELO": False,
        "FrontendProxyEnabled": False,
        "IgnoreSTARTTLS": False,
        "CloudServicesMailEnabled": False,
        "Fqdn": None,
        "TlsCertificateName": None,
        "RequireTLS": False,
        "RequireOorg": False,
        "Enabled": True,
        "ProtocolLoggingLevel": member("ProtocolLoggingLevel", "None", 0),
        "SmartHostAuthMechanism": member("SmtpSendConnectorConfig+AuthMechanisms", "None", 0),
        "AuthenticationCredential": None,
        "UseExternalDNSServersEnabled": False,
        "DomainSecureEnabled": False,
        "SourceIPAddress": Typed("System.Net.IPAddress", "0.0.0.0", {"Address": 0}),
        "SmtpMaxMessagesPerConnection": 20,
        "ConnectorType": member("SendConnectorType", "Default", 0),
        "SmartHostsString": "",
        "CertificateSubject": None,
        "Region": member("Region", "NotSpecified", 0),
        "AddressSpaces": Many([space("SMTP:*;1")]),
        "ConnectedDomains": Many([]),
        "IsScopedConnector": False,
        "IsSmtpConnector": True,
        "Comment": "",
        "SourceRoutingGroup": Typed(
            "Microsoft.Exchange.Data.Directory.ADObjectId", "Exchange Routing Group (DWBGZMFD01QNBJR)"
        ),
        "SourceTransportServers": Many([server("WIN-CTD3L0RGEN4")]),
        "HomeMTA": Typed("Microsoft.Exchange.Data.Directory.ADObjectId", "Microsoft MTA"),
        "HomeMtaServerId": server("WIN-CTD3L0RGEN4"),
        "MaxMessageSize": unlimited("35 MB (36,700,160 bytes)"),
        "Name": name,
        "Identity": Typed("Microsoft.Exchange.Data.Directory.ADObjectId", name, {"Name": name}),
        **_ABOUT,
    }
    return {**recorded, **changed}


def receive_connector(name: str, on: str = "WIN-CTD3L0RGEN4", **changed: Any) -> dict[str, Any]:
    """The same of a receive connector."""
    yes = ("BinaryMimeEnabled", "ChunkingEnabled", "DeliveryStatusNotificationEnabled", "EightBitMimeEnabled")
    no = ("BareLinefeedRejectionEnabled", "DomainSecureEnabled", "LongAddressesEnabled", "OrarEnabled", "RequireTLS")
    recorded = {
        "AuthMechanism": member(
            "AuthMechanisms", "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer", 31
        ),
        "Banner": "",
        "Bindings": Many([_binding("0.0.0.0:2525"), _binding("[::]:2525")]),
        "DefaultDomain": None,
        **dict.fromkeys(yes, True),
        **dict.fromkeys(no, False),
        "SmtpUtf8Enabled": True,
        "EnhancedStatusCodesEnabled": True,
        "SuppressXAnonymousTls": False,
        "ProxyEnabled": False,
        "AdvertiseClientSettings": False,
        "Fqdn": Typed("Microsoft.Exchange.Data.Fqdn", "win-ctd3l0rgen4.contoso.com", {"Domain": "contoso.com"}),
        "ServiceDiscoveryFqdn": None,
        "TlsCertificateName": None,
        "Comment": "",
        "Enabled": True,
        "ConnectionTimeout": Typed("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:10:00"),
        "ConnectionInactivityTimeout": Typed("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:05:00"),
        "MessageRateLimit": Typed(
            "Microsoft.Exchange.Data.Unlimited`1[System.Int32]", "Unlimited", {"IsUnlimited": True}
        ),
        "MessageRateSource": member("MessageRateSourceFlags", "IPAddress", 2),
        "MaxInboundConnection": Typed("Microsoft.Exchange.Data.Unlimited`1[System.Int32]", "5000", {"Value": 5000}),
        "MaxInboundConnectionPerSource": Typed("Microsoft.Exchange.Data.Unlimited`1[System.Int32]", "Unlimited"),
        "MaxInboundConnectionPercentagePerSource": 100,
        "MaxHeaderSize": Typed("Microsoft.Exchange.Data.ByteQuantifiedSize", "256 KB (262,144 bytes)"),
        "MaxHopCount": 60,
        "MaxLocalHopCount": 5,
        "MaxLogonFailures": 3,
        "MaxMessageSize": Typed("Microsoft.Exchange.Data.ByteQuantifiedSize", "36 MB (37,748,736 bytes)"),
        "MaxProtocolErrors": Typed("Microsoft.Exchange.Data.Unlimited`1[System.Int32]", "5"),
        "MaxRecipientsPerMessage": 5000,
        "PermissionGroups": member("PermissionGroups", "ExchangeUsers, ExchangeServers, ExchangeLegacyServers", 14),
        "PipeliningEnabled": True,
        "ProtocolLoggingLevel": member("ProtocolLoggingLevel", "None", 0),
        "RemoteIPRanges": Many(
            [_range("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), _range("0.0.0.0-255.255.255.255")]
        ),
        "RequireEHLODomain": False,
        "EnableAuthGSSAPI": False,
        "ExtendedProtectionPolicy": member("ExtendedProtectionPolicySetting", "None", 0),
        "LiveCredentialEnabled": False,
        "TlsDomainCapabilities": Many([]),
        "Server": server(on),
        "TransportRole": member("ServerRole", "HubTransport", 32),
        "RejectReservedTopLevelRecipientDomains": False,
        "RejectReservedSecondLevelRecipientDomains": False,
        "RejectSingleLabelRecipientDomains": False,
        "AcceptConsumerMail": False,
        "SizeEnabled": member("SizeMode", "EnabledWithoutValue", 2),
        "TarpitInterval": Typed("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:00:05"),
        "AuthTarpitInterval": Typed("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:00:05"),
        "MaxAcknowledgementDelay": Typed("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:00:30"),
        "Name": name,
        "Identity": Typed("Microsoft.Exchange.Data.Directory.ADObjectId", rf"{on}\{name}", {"Name": name}),
        **_ABOUT,
    }
    return {**recorded, **changed}


def _binding(text: str) -> Typed:
    return Typed("Microsoft.Exchange.Data.IPBinding", text, {"Port": int(text.rpartition(":")[2])})


def _range(text: str) -> Typed:
    low, _dash, high = text.partition("-")
    return Typed(
        "Microsoft.Exchange.Data.IPRange", text, {"LowerBound": low, "UpperBound": high, "RangeFormat": "LoHi"}
    )


def accepted_domain(name: str, domain: str, kind: str = "Authoritative", **changed: Any) -> dict[str, Any]:
    numbers = {"Authoritative": 0, "ExternalRelay": 1, "InternalRelay": 2}
    recorded = {
        "DomainName": Typed(
            "Microsoft.Exchange.Data.SmtpDomainWithSubdomains", domain, {"Domain": domain.removeprefix("*.")}
        ),
        "DomainType": member("AcceptedDomainType", kind, numbers[kind]),
        "Default": False,
        "Name": name,
        **_ABOUT,
    }
    return {**recorded, **changed}


# --- the document ----------------------------------------------------------------------------------------------------

_TYPES = {"AddressSpaces": "SmtpSendConnectorConfig", "Bindings": "ReceiveConnector", "DomainName": "AcceptedDomain"}
_WHOLE = ("System.Management.Automation.PSCredential",)  # arrives as what it was
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f]|_(?=x[0-9A-Fa-f]{4}_)")


def export(*objects: Mapping[str, Any], live: bool = True) -> str:
    """One document. Types and values that come again are references to where they first stood."""
    writer = _Writer(live)
    made = "".join(writer.top(one) for one in objects)
    return f'<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{made}\r\n</Objs>'


class _Writer:
    def __init__(self, live: bool) -> None:
        self.live = live
        self._objects: dict[int, int] = {}
        self._types: dict[tuple[str, ...], int] = {}
        self._numbers = itertools.count()

    def top(self, properties: Mapping[str, Any]) -> str:
        kind = next((kind for name, kind in _TYPES.items() if name in properties), "Unknown")
        types = (f"{CONFIGURATION}.{kind}", "Microsoft.Exchange.Data.Directory.ADConfigurationObject", "System.Object")
        made = "".join(self.value(value, name) for name, value in properties.items())
        notes = (
            '<BA N="SerializationData">AAEAAAD/////</BA>' if self.live else '<S N="PSComputerName">ex1.contoso.com</S>'
        )
        shown = f"<ToString>{_text(str(properties.get('Name')))}</ToString>"
        number = next(self._numbers)
        return f'\r\n  <Obj RefId="{number}">{self._type(types)}{shown}<Props>{made}</Props><MS>{notes}</MS></Obj>'

    def _type(self, types: tuple[str, ...]) -> str:
        if types in self._types:
            return f'<TNRef RefId="{self._types[types]}" />'
        number = self._types[types] = len(self._types)
        prefix = "" if self.live else "Deserialized."
        return f'<TN RefId="{number}">{"".join(f"<T>{prefix}{escape(one)}</T>" for one in types)}</TN>'

    def value(self, value: Any, name: str = "") -> str:
        attribute = f" N={quoteattr(_text(name))}" if name else ""
        if value is None:
            return f"<Nil{attribute} />"
        if isinstance(value, bool):
            return f"<B{attribute}>{str(value).lower()}</B>"
        if isinstance(value, int):
            return f"<I32{attribute}>{value}</I32>"
        if isinstance(value, str):
            return f"<S{attribute}>{_text(value)}</S>"
        if isinstance(value, Element):
            return f"<{value.tag}{attribute}>{value.text}</{value.tag}>"
        if isinstance(value, Many):
            return self._many(value, attribute)
        if not self.live and value.number is None and value.type_name not in _WHOLE:
            return f"<S{attribute}>{_text(value.text)}</S>"
        return self._typed(value, attribute)

    def _many(self, value: Many, attribute: str) -> str:
        members = "".join(self.value(one) for one in value.members)
        types = ("Microsoft.Exchange.Data.MultiValuedProperty`1[[System.String]]", "System.Object")
        number = next(self._numbers)
        return f'<Obj{attribute} RefId="{number}">{self._type(types)}<{value.tag}>{members}</{value.tag}></Obj>'

    def _typed(self, value: Typed, attribute: str) -> str:
        if id(value) in self._objects:
            return f'<Ref{attribute} RefId="{self._objects[id(value)]}" />'
        number = self._objects[id(value)] = next(self._numbers)
        base = "System.Object" if value.number is None else "System.Enum"
        made = "".join(self.value(part, name) for name, part in value.properties.items())
        rest = f"<Props>{made}</Props>" if value.number is None else f"<I32>{value.number}</I32>"
        shown = f"<ToString>{_text(value.text)}</ToString>"
        return f'<Obj{attribute} RefId="{number}">{self._type((value.type_name, base))}{shown}{rest}</Obj>'


def _text(text: str) -> str:
    escaped = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    wide = (c if ord(c) < 0x10000 else "".join(f"_x{part:04X}_" for part in _halves(c)) for c in escaped)
    return escape("".join(wide))


def _halves(character: str) -> tuple[int, int]:
    rest = ord(character) - 0x10000
    return 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF)
