# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-, New-, Set- and Remove-SendConnector."""

from __future__ import annotations

from typing import Any

from .directory import Stored
from .multivalues import ADDRESS_SPACES, SERVERS, SMART_HOSTS
from .objects import Object, Run, common, ordered, shown
from .parameters import FORCE, NEW, Change, Parameter, false, family, true
from .send_rules import check
from .servers import show_names
from .values import (
    ADDRESS,
    CERTIFICATE,
    CREDENTIAL,
    DOMAIN_WITH_SUBDOMAINS,
    FQDN,
    SWITCH,
    Text,
    flags,
    integer,
    one_of,
    read_size,
    size,
    span,
    string,
)

NOUN = "SendConnector"
USAGES = ("Custom", "Internal", "Internet", "Partner")
_GROUP = "Exchange Routing Group (DWBGZMFD01QNBJR)"

PARAMETERS = (
    Parameter("Name", string(), mandatory=NEW),
    Parameter("AddressSpaces", ADDRESS_SPACES, (), mandatory=NEW),
    Parameter("AuthenticationCredential", CREDENTIAL),
    false("CloudServicesMailEnabled"),
    Parameter("Comment", string()),
    Parameter("ConnectionInactivityTimeOut", span("00:00:01", "1.00:00:00"), 600),
    Parameter("ConnectorType", one_of("SendConnectorType", "Default", "XPremises"), "Default"),
    true("DNSRoutingEnabled"),
    false("DomainSecureEnabled"),
    true("Enabled"),
    Parameter(
        "ErrorPolicies",
        flags("ErrorPolicies", "Default", "DowngradeDnsFailures", "DowngradeCustomFailures", "UpgradeCustomFailures"),
        ("Default",),
    ),
    false("ForceHELO"),
    Parameter("Fqdn", FQDN),
    false("FrontendProxyEnabled"),
    false("IgnoreSTARTTLS"),
    false("IsScopedConnector"),
    Parameter("MaxMessageSize", size(0, 2147483647, unlimited=True)),
    Parameter("Port", integer(0, 65535), 25),
    Parameter("ProtocolLoggingLevel", one_of("ProtocolLoggingLevel", "None", "Verbose"), "None"),
    false("RequireOorg"),
    false("RequireTLS"),
    Parameter(
        "SmartHostAuthMechanism",
        one_of(
            "SmtpSendConnectorConfig+AuthMechanisms",
            "None",
            "BasicAuth",
            "BasicAuthRequireTLS",
            "ExchangeServer",
            "ExternalAuthoritative",
        ),
        "None",
    ),
    Parameter("SmartHosts", SMART_HOSTS, ()),
    # The manual gives no range.
    Parameter("SmtpMaxMessagesPerConnection", integer(0, 2147483647), 20),
    Parameter("SourceIPAddress", ADDRESS, ADDRESS.read("0.0.0.0")),
    Parameter("SourceTransportServers", SERVERS, (), mailbox_only=True),
    Parameter(
        "TlsAuthLevel",
        one_of("TlsAuthLevel", "EncryptionOnly", "CertificateValidation", "DomainValidation", clear=True),
    ),
    Parameter("TlsCertificateName", CERTIFICATE),
    Parameter("TlsDomain", DOMAIN_WITH_SUBDOMAINS),
    false("UseExternalDNSServersEnabled"),
    FORCE,
    Parameter("Usage", one_of("NewSendConnector+UsageType", *USAGES), verbs=NEW),
    *(Parameter(usage, SWITCH, verbs=NEW) for usage in USAGES),
)
CMDLETS = family(NOUN, PARAMETERS)
_NO_PROPERTY = {"Name", "Force", "Usage", *USAGES}
_KEPT = tuple(parameter for parameter in PARAMETERS if parameter.name not in _NO_PROPERTY)

# As a recording of Exchange 2019 shows them.
_ORDER = """
    DNSRoutingEnabled TlsDomain TlsAuthLevel ErrorPolicies SmartHosts Port ConnectionInactivityTimeOut ForceHELO
    FrontendProxyEnabled IgnoreSTARTTLS CloudServicesMailEnabled Fqdn TlsCertificateName RequireTLS RequireOorg
    Enabled ProtocolLoggingLevel SmartHostAuthMechanism AuthenticationCredential UseExternalDNSServersEnabled
    DomainSecureEnabled SourceIPAddress SmtpMaxMessagesPerConnection ConnectorType SmartHostsString CertificateSubject
    Region AddressSpaces ConnectedDomains IsScopedConnector IsSmtpConnector Comment SourceRoutingGroup
    SourceTransportServers HomeMTA HomeMtaServerId MaxMessageSize
"""


def run(call: Run) -> list[Object]:
    work = {"Get": _get, "New": _new, "Set": _set, "Remove": _remove}
    return [_show(call, stored) for stored in work[call.cmdlet.verb](call)]


def _named(call: Run, with_server: bool) -> Any:
    def names(stored: Stored, identity: str) -> bool:
        server, backslash, name = identity.partition("\\")
        sources = [source.lower() for source in stored.values["SourceTransportServers"]]
        qualified = with_server and backslash and name == stored.name.lower() and server.partition(".")[0] in sources
        return identity == stored.name.lower() or bool(qualified)

    return names


def _get(call: Run) -> list[Stored]:
    return call.listed(_named(call, with_server=True))


def _target(call: Run) -> Stored:
    accepted = call.organisation.forms.pick("identity_with_server") == "accepted"
    return call.one(_named(call, with_server=accepted))


def _new(call: Run) -> list[Stored]:
    name = call.check_name(call.given["Name"], call.objects(), _longest(call))
    for parameter in PARAMETERS:
        if isinstance(call.given.get(parameter.name), Change):
            call.refuse("table", f"{parameter.name}: a new connector takes a list")
    defaults = {parameter.name: parameter.default for parameter in _KEPT}
    defaults["MaxMessageSize"] = _size(call, _usage(call))
    local = call.organisation.local
    defaults["SourceTransportServers"] = () if call.organisation.edge else (local.name,)
    values = call.merged(defaults, _KEPT)
    values["SourceTransportServers"] = _servers(call, values)
    values = check(call, defaults, values)
    return call.create(name, call.organisation.connections, defaults, values)


def _set(call: Run) -> list[Stored]:
    old = _target(call)
    name = old.name
    if "Name" in call:
        others = [other for other in call.objects() if other.guid != old.guid]
        name = call.check_name(call.given["Name"], others, _longest(call))
    values = call.merged(old.values, _KEPT)
    values["SourceTransportServers"] = _servers(call, values)
    call.update(old, name, check(call, old.values, values), old.name)
    return []


def _remove(call: Run) -> list[Stored]:
    call.delete(_target(call))
    return []


def _longest(call: Run) -> int:
    return 64 if call.organisation.forms.pick("send_name_length") == "64" else 1024


def _usage(call: Run) -> str:
    switches = [usage for usage in USAGES if call.given.get(usage)]
    if len(switches) + ("Usage" in call) > 1:
        call.refuse("usage", "Only one usage may be given.")
    return str(switches[0] if switches else call.given.get("Usage") or "Custom")


def _size(call: Run, usage: str) -> Any:
    text = call.organisation.forms.pick("internal_send_size_default" if usage == "Internal" else "send_size_default")
    return "Unlimited" if text == "unlimited" else read_size(text)


def _servers(call: Run, values: dict[str, Any]) -> tuple[str, ...]:
    """Bare names, as the organisation spells them."""
    if call.organisation.edge:
        return ()
    found: dict[str, None] = {}
    for given in values["SourceTransportServers"]:
        server = call.organisation.find_server(given)
        if server is None:
            call.refuse("SourceTransportServers", f"The server '{given}' was not found.")
        found[server.name] = None
    if not found:
        call.refuse("SourceTransportServers/none", "A connector needs a source server.")
    return tuple(found)


def _show(call: Run, stored: Stored) -> Object:
    forms = call.organisation.forms
    properties = shown(call, stored, _KEPT)
    hosts = properties["SmartHosts"]
    assert isinstance(hosts, list)
    sources = show_names(
        stored.values["SourceTransportServers"], call.organisation.servers, forms, f"{stored.guid}/sources"
    )
    properties |= {
        "SmartHostsString": ",".join(hosts),
        "CertificateSubject": None,
        "Region": Text("Microsoft.Exchange.Data.Directory.SystemConfiguration.Region", "NotSpecified"),
        "ConnectedDomains": [],
        "IsSmtpConnector": all(space.kind == "SMTP" for space in stored.values["AddressSpaces"]),
        "SourceRoutingGroup": Text("Microsoft.Exchange.Data.Directory.ADObjectId", _GROUP),
        "SourceTransportServers": sources,
        "HomeMTA": Text("Microsoft.Exchange.Data.Directory.ADObjectId", "Microsoft MTA"),
        "HomeMtaServerId": Text(
            "Microsoft.Exchange.Data.Directory.ADObjectId", (sources or [call.organisation.local.name])[0]
        ),
    }
    if call.organisation.edge:
        itself = forms.pick("edge_source_servers") == "itself"
        properties["SourceTransportServers"] = [call.organisation.local.name] if itself else []
    classes = ("top", "msExchConnector", "mailGateway", "msExchRoutingSMTPConnector")
    return ordered(properties, _ORDER) | common(call, stored, stored.name, classes)
