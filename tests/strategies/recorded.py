# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A send connector as Get-SendConnector of Exchange 2019 showed it, with names of our own."""

from __future__ import annotations

from typing import Any

RECORDED: dict[str, Any] = {
    "Name": "to-contoso",
    "AddressSpaces": ["smtp:*.contoso.com;1", "SMTP:fabrikam.com;20"],
    "SmartHosts": ["[192.0.2.10]", "mail.contoso.com"],
    "DNSRoutingEnabled": False,
    "Port": 25,
    "SourceTransportServers": ["EX1", "ex2.corp.contoso.com"],
    "Enabled": True,
    "IsScopedConnector": False,
    "IgnoreSTARTTLS": False,
    "RequireTLS": False,
    "TlsAuthLevel": None,
    "TlsDomain": None,
    "TlsCertificateName": None,
    "SmartHostAuthMechanism": "None",
    "AuthenticationCredential": None,
    "Fqdn": None,
    "ForceHELO": False,
    "MaxMessageSize": "35 MB (36,700,160 bytes)",
    "SmtpMaxMessagesPerConnection": 20,
    "ConnectionInactivityTimeOut": "00:10:00",
    "ProtocolLoggingLevel": "None",
    "CloudServicesMailEnabled": True,
    "ConnectorType": "Default",
    "DomainSecureEnabled": False,
    "ErrorPolicies": "Default",
    "FrontendProxyEnabled": False,
    "RequireOorg": False,
    "SourceIPAddress": "0.0.0.0",
    "UseExternalDNSServersEnabled": False,
    "Comment": "",
    "Guid": "11111111-2222-3333-4444-555555555555",
    "WhenChangedUTC": "2026-01-01T00:00:00.0000000Z",
    "OriginatingServer": "dc1.corp.contoso.com",
}


def recorded(**changes: Any) -> dict[str, Any]:
    return {**RECORDED, **changes}
