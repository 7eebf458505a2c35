# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, and what can only be read about them: certificates, transport services, the organisation's limits."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .objects import Object, Run
from .parameters import DOMAIN_CONTROLLER, IDENTIFIED, Cmdlet, Parameter, reader
from .unverified import Forms
from .values import FQDN, IDENTITY, SWITCH, CmdletError, Text, show_size, string

if TYPE_CHECKING:
    from .simulator import Organisation

DEFAULT_SITE = "Default-First-Site-Name"
_ID = "Microsoft.Exchange.Data.Directory.ADObjectId"


@dataclass(frozen=True)
class Certificate:
    """issuer and subject: distinguished names. services: as they are shown, such as 'IIS, SMTP'."""

    issuer: str
    subject: str
    thumbprint: str
    services: str = "IIS, SMTP"
    has_private_key: bool = True
    not_after: str = "2030-01-01T00:00:00.0000000Z"
    domains: tuple[str, ...] = ()
    status: str = "Valid"

    @property
    def name(self) -> str:
        """What TlsCertificateName takes."""
        return f"<I>{self.issuer}<S>{self.subject}"


@dataclass(frozen=True)
class Server:
    """fqdn: name in the organisation's domain where it is left out. role: Mailbox or Edge; an Edge server has the site that it is
    subscribed to, and on itself none.

    certificates: left out, a self-signed one, as setup makes it.
    """

    name: str
    fqdn: str = ""
    site: str = DEFAULT_SITE
    role: str = "Mailbox"
    certificates: tuple[Certificate, ...] | None = None

    @property
    def edge(self) -> bool:
        return self.role == "Edge"

    def called(self, text: str) -> bool:
        return text.lower() in (self.name.lower(), self.fqdn.lower())


def servers_by_name(servers: Mapping[str, Server] | Iterable[str], domain: str, edge: bool) -> dict[str, Server]:
    """Servers by name, each with its FQDN."""
    given = (
        servers
        if isinstance(servers, Mapping)
        else {name: Server(name, role="Edge" if edge else "Mailbox") for name in servers}
    )
    made = {}
    for server in given.values():
        fqdn = server.fqdn or f"{server.name.lower()}.{domain}"
        own = f"CN={server.name}"
        certificate = Certificate(own, own, hashlib.sha1(own.encode()).hexdigest().upper(), domains=(server.name, fqdn))
        certificates = (certificate,) if server.certificates is None else server.certificates
        site = "" if edge else server.site
        made[server.name] = replace(server, fqdn=fqdn, site=site, certificates=certificates)
    return made


# --- cmdlets ---------------------------------------------------------------------------------------------------------

_SERVER = Parameter("Server", IDENTITY)
CMDLETS = [
    reader("ExchangeServer", Parameter("Status", SWITCH)),
    Cmdlet(
        "Get-ExchangeCertificate",
        (Parameter("Thumbprint", string()), IDENTIFIED, _SERVER, Parameter("DomainName", FQDN), DOMAIN_CONTROLLER),
    ),
    Cmdlet("Get-TransportConfig", (IDENTIFIED, DOMAIN_CONTROLLER)),
    reader("TransportService"),
]


def run(call: Run) -> list[Object]:
    work = {
        "ExchangeServer": _servers,
        "ExchangeCertificate": _certificates,
        "TransportConfig": _config,
        "TransportService": _services,
    }
    return work[call.cmdlet.noun](call)


def _asked(call: Run, name: str = "Identity") -> list[Server]:
    servers = list(call.organisation.servers.values())
    identity = call.given.get(name)
    if not identity:
        return servers
    found = [server for server in servers if server.called(identity) or guid_of(call.organisation, server) == identity]
    if found:
        return found
    message = f"The operation couldn't be performed because object '{identity}' couldn't be found."
    raise CmdletError("ManagementObjectNotFoundException", message)


def guid_of(organisation: Organisation, server: Server) -> str:
    return str(uuid.UUID(int=organisation.forms.random("server", server.name).getrandbits(128), version=4))


def show_site(site: str, organisation: Organisation) -> str:
    if organisation.forms.pick("site_form") == "path":
        return f"{organisation.domain}/Configuration/Sites/{site}"
    return site


def _servers(call: Run) -> list[Object]:
    organisation = call.organisation
    controllers = organisation.directory.controllers
    return [
        {
            "Name": server.name,
            "DataPath": None,
            "Domain": organisation.domain,
            "Edition": Text("Microsoft.Exchange.Data.Directory.SystemConfiguration.ServerEditionType", "Standard"),
            "Fqdn": server.fqdn,
            "IsMailboxServer": not server.edge,
            "IsHubTransportServer": not server.edge,
            "IsFrontendTransportServer": not server.edge,
            "IsEdgeServer": server.edge,
            "Site": Text(_ID, show_site(server.site, organisation)) if server.site else None,
            "ServerRole": Text("Microsoft.Exchange.Data.Directory.SystemConfiguration.ServerRole", server.role),
            "AdminDisplayVersion": Text("Microsoft.Exchange.Data.ServerVersion", "Version 15.2 (Build 1544.4)"),
            "Identity": Text(_ID, server.name),
            "Guid": Text("System.Guid", guid_of(organisation, server)),
            "DistinguishedName": organisation.server_dn(server),
            "OriginatingServer": organisation.origin(call.controller),
            # Each server follows one of them; shown only where its status is asked for.
            "CurrentConfigDomainController": controllers[place % len(controllers)]
            if call.given.get("Status")
            else None,
        }
        for place, server in enumerate(_asked(call))
    ]


def _certificates(call: Run) -> list[Object]:
    """Those of the local server, unless another one is named."""
    servers = _asked(call, "Server") if call.given.get("Server") else [call.organisation.local]
    wanted = str(call.given.get("Thumbprint") or call.given.get("Identity") or "").rpartition("\\")[2].lower()
    return [
        {
            "Thumbprint": certificate.thumbprint,
            "Subject": certificate.subject,
            "Issuer": certificate.issuer,
            "Services": Text(
                "Microsoft.Exchange.Management.SystemConfigurationTasks.AllowedServices", certificate.services
            ),
            "HasPrivateKey": certificate.has_private_key,
            "NotAfter": Text("System.DateTime", certificate.not_after),
            "NotBefore": Text("System.DateTime", "2025-01-01T00:00:00.0000000Z"),
            "CertificateDomains": list(certificate.domains),
            "Status": Text(
                "Microsoft.Exchange.Management.SystemConfigurationTasks.CertificateStatus", certificate.status
            ),
            "IsSelfSigned": certificate.issuer == certificate.subject,
            "Identity": f"{server.fqdn}\\{certificate.thumbprint}",
        }
        for server in servers
        for certificate in server.certificates or ()
        if wanted in ("", certificate.thumbprint.lower())
    ]


def _config(call: Run) -> list[Object]:
    organisation = call.organisation
    size = "Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]"

    def shown(limit: int | None) -> Text:
        return Text(size, "Unlimited" if limit is None else show_size(limit, organisation.forms))

    return [
        {
            "Name": "Transport Settings",
            "Identity": Text(_ID, "Transport Settings"),
            "MaxSendSize": shown(organisation.limits.send),
            "MaxReceiveSize": shown(organisation.limits.receive),
            "MaxRecipientEnvelopeLimit": Text("Microsoft.Exchange.Data.Unlimited`1[System.Int32]", "500"),
            "InternalSMTPServers": [],
            "TLSSendDomainSecureList": list(organisation.limits.tls_send_domains),
            "TLSReceiveDomainSecureList": list(organisation.limits.tls_receive_domains),
            "OriginatingServer": organisation.origin(call.controller),
        }
    ]


@dataclass
class Limits:
    """What Get-TransportConfig shows; a test sets it."""

    send: int | None = 10 * 1024**2
    receive: int | None = 10 * 1024**2
    tls_send_domains: Sequence[str] = ()
    tls_receive_domains: Sequence[str] = ()


def _services(call: Run) -> list[Object]:
    organisation = call.organisation
    integer = "Microsoft.Exchange.Data.Unlimited`1[System.Int32]"
    span = "Microsoft.Exchange.Data.EnhancedTimeSpan"
    found: list[Object] = []
    for server in _asked(call):
        if server.edge != organisation.edge:
            continue
        per_domain = organisation.forms.pick("per_domain_connections")
        found.append(
            {
                "Name": server.name,
                "Identity": Text(_ID, server.name),
                "ExternalDNSAdapterEnabled": True,
                "InternalDNSAdapterEnabled": True,
                "ExternalDNSServers": [],
                "InternalDNSServers": [],
                "MaxOutboundConnections": Text(integer, "1000"),
                "MaxPerDomainOutboundConnections": Text(integer, per_domain),
                "MessageRetryInterval": Text(span, "00:15:00"),
                "TransientFailureRetryCount": 6,
                "TransientFailureRetryInterval": Text(span, "00:10:00" if server.edge else "00:05:00"),
                "MessageExpirationTimeout": Text(span, "2.00:00:00"),
                "DelayNotificationTimeout": Text(span, "04:00:00"),
                "UseDowngradedExchangeServerAuth": server.name in organisation.downgraded,
                "OriginatingServer": organisation.origin(call.controller),
            }
        )
    return found


def show_names(names: Sequence[str], servers: Mapping[str, Server], forms: Forms, key: str) -> list[str]:
    """Servers as a property of another object shows them."""
    full = forms.pick("source_server") == "FQDN"
    return forms.ordered([servers[name].fqdn if full and name in servers else name for name in names], key)
