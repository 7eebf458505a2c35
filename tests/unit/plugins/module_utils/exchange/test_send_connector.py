# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Exchange shows of a send connector, read into the vocabulary; every form that a value may have means the same."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import show
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.send_connector import read
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.servers import Server, Servers

from strategies.recorded import recorded

SERVERS = Servers({"ex1": Server("EX1"), "ex2": Server("EX2")}, {"mail1": "ex1", "ex2": "ex2"})


def shown(**changes: Any) -> dict[str, Any]:
    return show(read(recorded(**changes), SERVERS).connector)


def test_a_recorded_connector() -> None:
    found = read(recorded(), SERVERS)
    assert show(found.connector) == {
        "name": "to-contoso",
        "address_spaces": ["*.contoso.com", "fabrikam.com;20"],
        "smart_hosts": ["[192.0.2.10]", "mail.contoso.com"],
        "bridgeheads": ["ex2", "mail1"],
        "max_message_size": "35MB",
        "limits": {"messages_per_connection": 20, "inactivity_timeout": "10m"},
        "exchange": {"CloudServicesMailEnabled": "yes"},
    }
    assert (found.owner, found.unreadable) == ("", ())


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"Comment": "to the partner [mailops:mail team]"}, "comment", "to the partner"),
        ({"Comment": "[mailops:default]"}, "comment", None),
        ({"MaxMessageSize": "Unlimited"}, "max_message_size", None),
        ({"MaxMessageSize": "10 MB (10.485.760 bytes)"}, "max_message_size", "10MB"),
        ({"MaxMessageSize": "10 MB (10\u202f485\u202f760 bytes)"}, "max_message_size", "10MB"),
        ({"DNSRoutingEnabled": True, "SmartHosts": []}, "smart_hosts", None),
        ({"DNSRoutingEnabled": True}, "smart_hosts", None),
        ({"Port": 587, "SmartHosts": ["2001:db8::1"]}, "smart_hosts", ["[2001:db8::1]:587"]),
        ({"Enabled": False}, "enabled", False),
        ({"Enabled": "False"}, "enabled", False),
        ({"IsScopedConnector": True}, "scope", "routing_group"),
        ({"IgnoreSTARTTLS": True}, "tls", {"level": "none"}),
        ({"RequireTLS": True}, "tls", {"level": "encrypt"}),
        ({"RequireTLS": True, "TlsAuthLevel": "EncryptionOnly"}, "tls", {"level": "encrypt"}),
        ({"RequireTLS": True, "TlsAuthLevel": "CertificateValidation"}, "tls", {"level": "chain_only"}),
        (
            {"RequireTLS": True, "TlsAuthLevel": "DomainValidation", "TlsDomain": "*.Contoso.com"},
            "tls",
            {"level": "verify", "names": ["*.contoso.com"]},
        ),
        (
            {"TlsCertificateName": "<I>CN=CA<S>CN=mail"},
            "tls",
            {"certificate": "<I>CN=CA<S>CN=mail"},
        ),
        (
            {"SmartHostAuthMechanism": "BasicAuth", "AuthenticationCredential": "relay"},
            "authentication",
            {"mechanism": "basic", "username": "relay", "allow_cleartext_password": True},
        ),
        (
            {
                "SmartHostAuthMechanism": "BasicAuthRequireTLS",
                "AuthenticationCredential": "System.Management.Automation.PSCredential",
            },
            "authentication",
            {"mechanism": "basic_over_tls"},
        ),
        ({"Fqdn": "Mail.Contoso.com", "ForceHELO": True}, "helo", {"name": "mail.contoso.com", "command": "helo"}),
        (
            {"ConnectionInactivityTimeOut": "1.00:00:00"},
            "limits",
            {"messages_per_connection": 20, "inactivity_timeout": "1d"},
        ),
        ({"ProtocolLoggingLevel": "Verbose"}, "log", "verbose"),
        (
            {"ErrorPolicies": "UpgradeCustomFailures, DowngradeDnsFailures"},
            "exchange",
            {"CloudServicesMailEnabled": "yes", "ErrorPolicies": "DowngradeDnsFailures, UpgradeCustomFailures"},
        ),
        ({"AddressSpaces": ["X400:c=us;a=mail;7"]}, "address_spaces", ["X400:c=us;a=mail;7"]),
    ],
)
def test_one_property(changes: dict[str, Any], field: str, value: Any) -> None:
    assert shown(**changes).get(field) == value


def test_the_mark_tells_the_set() -> None:
    assert read(recorded(Comment="x [mailops:mail team]"), SERVERS).owner == "mail team"
    assert read(recorded(Comment="x [mailops:] y"), SERVERS).owner == ""


def test_what_cannot_be_read_is_named_and_the_rest_is_read() -> None:
    found = read(recorded(AddressSpaces=["SMTP:--;1"]), SERVERS)
    assert found.connector.address_spaces == ()
    assert found.connector.name == "to-contoso"
    assert "AddressSpaces" in found.unreadable[0] and "--" in found.unreadable[0]


def test_on_an_edge_server_the_source_is_the_server_itself() -> None:
    edge = Servers({"edge1": Server("EDGE1", edge=True)}, {"edge1": "edge1"}, here="edge1")
    assert read(recorded(SourceTransportServers=[]), edge).connector.bridgeheads == ("edge1",)
    assert read(recorded(SourceIPAddress="192.0.2.99"), edge).connector.exchange == (
        ("CloudServicesMailEnabled", "yes"),
        ("SourceIPAddress", "192.0.2.99"),
    )
