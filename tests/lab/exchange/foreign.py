# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that others put into an organisation: the Edge subscription and the Hybrid Configuration Wizard."""

from __future__ import annotations

from .simulator import Organisation

HYBRID = "Outbound to Office 365 - 5f9b8a4e-6f5a-4b1d-9f35-0c2f4d1a7b66"


def edge_sync(organisation: Organisation, edge_server: str) -> list[str]:
    """The names of the connectors that New-EdgeSubscription makes for a server of the role Edge (edge-subscriptions.md)."""
    site = organisation.servers[edge_server].site
    source = {"SourceTransportServers": [edge_server]}
    outbound, inbound = f"EdgeSync - {site} to Internet", f"EdgeSync - Inbound to {site}"
    organisation.call(
        "New-SendConnector",
        {"Name": outbound, "AddressSpaces": ["smtp:*;100"], "DomainSecureEnabled": True, "Usage": "Internet", **source},
    )
    routing = {"DNSRoutingEnabled": False, "SmartHosts": ["--"], "SmartHostAuthMechanism": "ExchangeServer"}
    organisation.call("New-SendConnector", {"Name": inbound, "AddressSpaces": ["smtp:--;100"], **routing, **source})
    return [outbound, inbound]


def hybrid(organisation: Organisation) -> str:
    """The name of the connector to Exchange Online that the wizard makes (CSS-Exchange, ExoConnectorCheck)."""
    organisation.call(
        "New-SendConnector",
        {
            "Name": HYBRID,
            "AddressSpaces": [f"smtp:{organisation.domain.partition('.')[0]}.mail.onmicrosoft.com;1"],
            "CloudServicesMailEnabled": True,
            "Fqdn": f"mail.{organisation.domain}",
            "RequireTLS": True,
            "TlsAuthLevel": "DomainValidation",
            "TlsCertificateName": f"<I>CN=Example CA<S>CN=mail.{organisation.domain}",
            "TlsDomain": "mail.protection.outlook.com",
        },
    )
    return HYBRID
