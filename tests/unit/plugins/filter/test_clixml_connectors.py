# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports of connectors become lists that hold all of them, or say what they do not hold."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.filter.clixml_connectors import FilterModule
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_connector import read_entries
from hypothesis import assume, given, note
from hypothesis import strategies as st

from lab.exchange import clixml as remoting
from lab.exchange import exports, tasks
from lab.exchange.exports import Element, Many, Typed, member, smart_host, space, unlimited
from lab.exchange.simulator import Organisation
from strategies import exchange

clixml_connectors = FilterModule().filters()["clixml_connectors"]

Raw = dict[str, Any]
BOTH_FORMS = pytest.mark.parametrize("live", [True, False], ids=["live", "deserialised"])

RELAY = {
    "DNSRoutingEnabled": False,
    "SmartHosts": Many([smart_host("contoso-com.mail.protection.outlook.com")]),
    "SmartHostsString": "contoso-com.mail.protection.outlook.com",
}
REQUIRED = {"RequireTLS": True, "TlsAuthLevel": member("TlsAuthLevel", "CertificateValidation", 2)}


def read(*objects: Raw, live: bool = True, **options: Any) -> Raw:
    return clixml_connectors(exports.export(*objects, live=live), **options)


def losses(result: Raw) -> list[tuple[str, str]]:
    return [(one["connector"], one["property"]) for one in result["not_expressed"]]


def expect_valid(result: Raw) -> None:
    """The lists are taken as they stand by the readers of the modules."""
    problems = Problems()
    read_connectors(result["send_connectors"], problems)
    read_entries(result["receive_connectors"], problems)
    assert [str(problem) for problem in problems.found] == []


# --- what was recorded -----------------------------------------------------------------------------------------------


@BOTH_FORMS
def test_recorded_connectors(live: bool) -> None:
    to_the_cloud = exports.send_connector(
        "Outbound to Office 365",
        **RELAY,
        **REQUIRED,
        AddressSpaces=Many([space("smtp:*.contoso.com;1")], tag="IE"),
        CloudServicesMailEnabled=True,
        TlsCertificateName=Typed("Microsoft.Exchange.Data.SmtpX509Identifier", "<I>CN=localhost<S>CN=localhost"),
        Fqdn=Typed("Microsoft.Exchange.Data.Fqdn", "mail.contoso.com"),
        ProtocolLoggingLevel=member("ProtocolLoggingLevel", "Verbose", 1),
        Comment="to the cloud [mailops:hybrid]",
    )
    result = read(
        exports.send_connector("internet"),
        to_the_cloud,
        exports.accepted_domain("Contoso", "contoso.com", Default=True),
        exports.accepted_domain("Partner", "*.Partner.example", "ExternalRelay"),
        live=live,
    )
    assert result == {
        "send_connectors": [
            {
                "name": "internet",
                "address_spaces": ["*"],
                "bridgeheads": ["win-ctd3l0rgen4"],
                "max_message_size": "35MB",
            },
            {
                "name": "Outbound to Office 365",
                "comment": "to the cloud",
                "address_spaces": ["*.contoso.com"],
                "smart_hosts": ["contoso-com.mail.protection.outlook.com"],
                "bridgeheads": ["win-ctd3l0rgen4"],
                "tls": {"level": "chain_only", "certificate": "<I>CN=localhost<S>CN=localhost"},
                "helo": {"name": "mail.contoso.com"},
                "log": "verbose",
                "max_message_size": "35MB",
                "exchange": {"CloudServicesMailEnabled": "yes"},
            },
        ],
        "receive_connectors": [],
        "accepted_domains": [
            {"name": "Partner", "domain": "*.partner.example", "type": "external_relay", "default": False},
            {"name": "Contoso", "domain": "contoso.com", "type": "authoritative", "default": True},
        ],
        "sets": {"Outbound to Office 365": "hybrid"},
        "not_expressed": [],
    }
    expect_valid(result)


@BOTH_FORMS
def test_receive_connectors(live: bool) -> None:
    every = {"Fqdn": None, "SmtpUtf8Enabled": None, "EnableAuthGSSAPI": None, "DomainSecureEnabled": None}
    marked = {"Comment": "[mailops:scanners]", "AuthMechanism": member("AuthMechanisms", "Tls", 1)}
    result = read(
        exports.receive_connector("Scanners", "EX2", **every, **marked),
        exports.receive_connector("Scanners", "EX1", **every, **marked),
        exports.receive_connector("Relay", "EX1", MaxHopCount=30, **every),
        live=live,
        hosts={"mail1.contoso.com": {"system": "exchange", "server_name": "EX1"}},
    )
    relay, scanners = result["receive_connectors"]
    assert (relay["name"], relay["servers"], relay["limits"]["max_hop_count"]) == ("Relay", ["mail1.contoso.com"], 30)
    assert (scanners["name"], scanners["servers"]) == ("Scanners", ["mail1.contoso.com", "ex2"])
    assert scanners["bindings"] == ["0.0.0.0:2525", "[::]:2525"]
    assert scanners["permission_groups"] == ["exchange_users", "exchange_servers", "exchange_legacy_servers"]
    assert scanners["transport_role"] == "hub_transport"
    assert scanners["exchange"] == {"SizeEnabled": "enabled_without_value"}
    assert result["sets"] == {r"EX1\Scanners": "scanners", r"EX2\Scanners": "scanners"}
    assert result["not_expressed"] == []
    expect_valid(result)


# --- what a list does not hold ---------------------------------------------------------------------------------------

CREDENTIAL = Typed(
    "System.Management.Automation.PSCredential",
    "System.Management.Automation.PSCredential",
    {"UserName": "relay@contoso.com", "Password": Element("SS", "0123abcd")},
)
BASIC = member("SmtpSendConnectorConfig+AuthMechanisms", "BasicAuthRequireTLS", 2)

LOST = {
    "TlsAuthLevel": ({"TlsAuthLevel": REQUIRED["TlsAuthLevel"]}, "RequireTLS"),
    "TlsDomain": ({**REQUIRED, "TlsDomain": "mail.contoso.com"}, "DomainValidation"),
    "IgnoreSTARTTLS": ({**REQUIRED, "IgnoreSTARTTLS": True}, "contradicts"),
    "SmartHosts": ({"SmartHosts": RELAY["SmartHosts"]}, "DNSRoutingEnabled"),
    "Port": ({"Port": 587}, "smart hosts"),
    "DNSRoutingEnabled": ({"DNSRoutingEnabled": False}, "no smart hosts"),
    "SourceIPAddress": ({"SourceIPAddress": Typed("System.Net.IPAddress", "192.0.2.9")}, "Edge"),
    "SmartHostAuthMechanism": ({**RELAY, "SmartHostAuthMechanism": member("X", "Quantum", 9)}, "no field"),
    "AuthenticationCredential": ({**RELAY, "AuthenticationCredential": CREDENTIAL}, "no field"),
    "LinkedReceiveConnector": ({"LinkedReceiveConnector": r"EX1\in"}, "no field"),
    "ConnectedDomains": ({"ConnectedDomains": Many(["partner.example"])}, "no field"),
    "Region": ({"Region": member("Region", "Europe", 3)}, "no field"),
    "OfALaterVersion": ({"OfALaterVersion": True}, "no field"),
    "MaxMessageSize": ({"MaxMessageSize": unlimited("as much as you like")}, "cannot be read"),
}


@BOTH_FORMS
@pytest.mark.parametrize("name", LOST)
def test_what_no_field_holds_is_named(name: str, live: bool) -> None:
    changed, reason = LOST[name]
    result = read(exports.send_connector("c1"), exports.send_connector("c2", **changed), live=live)
    (lost,) = result["not_expressed"]
    assert (lost["connector"], lost["property"]) == ("c2", name)
    assert reason in lost["reason"]
    assert lost["value"] not in (None, "")
    assert [one["name"] for one in result["send_connectors"]] == ["c1", "c2"]


def test_password_that_no_export_holds() -> None:
    changed = {**RELAY, **REQUIRED, "SmartHostAuthMechanism": BASIC, "AuthenticationCredential": CREDENTIAL}
    result = read(exports.send_connector("c1", **changed))
    assert result["send_connectors"][0]["authentication"] == {
        "mechanism": "basic_over_tls",
        "username": "relay@contoso.com",
    }
    (lost,) = result["not_expressed"]
    assert (lost["property"], "password" in lost["reason"]) == ("AuthenticationCredential", True)
    assert "0123abcd" not in str(result)
    expect_valid(result)


def test_list_that_would_be_refused_says_why() -> None:
    changed = {**RELAY, "SmartHostAuthMechanism": BASIC, "AuthenticationCredential": CREDENTIAL}
    told = {one["property"]: one["reason"] for one in read(exports.send_connector("c1", **changed))["not_expressed"]}
    assert "needs TLS" in told["authentication.mechanism"]
    assert "Remedy" in told["authentication.mechanism"]
    nowhere = read(exports.send_connector("c1", SourceTransportServers=Many([])))
    assert losses(nowhere) == [("c1", "bridgeheads")]


def test_property_that_was_not_exported() -> None:
    whole = exports.send_connector("c1")
    part = {
        name: value for name, value in whole.items() if name not in ("RequireTLS", "MaxMessageSize", "ConnectorType")
    }
    assert losses(read(part)) == [("c1", "RequireTLS"), ("c1", "MaxMessageSize")]
    receive = exports.receive_connector("Scanners", "EX1")
    part = {name: value for name, value in receive.items() if name not in ("PermissionGroups", "SmtpUtf8Enabled")}
    assert losses(read(part)) == [(r"EX1\Scanners", "PermissionGroups")]


def test_what_a_receive_connector_loses() -> None:
    changed = {
        "PermissionGroups": member("PermissionGroups", "AnonymousUsers, Custom", 33),
        "ProxyEnabled": True,
        "MaxHopCount": "many",
        "AuthMechanism": member("AuthMechanisms", "Tls, ExternalAuthoritative, Integrated", 35),
    }
    told = {one["property"]: one for one in read(exports.receive_connector("Relay", "EX1", **changed))["not_expressed"]}
    assert set(told) == {"PermissionGroups", "ProxyEnabled", "MaxHopCount", "auth_mechanisms", "remote_ip_ranges"}
    assert {one["connector"] for one in told.values()} == {r"EX1\Relay"}
    assert "Get-ADPermission" in told["PermissionGroups"]["reason"]
    assert told["MaxHopCount"]["reason"] == "cannot be read"


def test_objects_that_are_none_of_these() -> None:
    result = read({"Name": "Foreign", "AddressSpaces": Many([space("SMTP:*;1")])}, {"Name": "else"})
    assert losses(result) == [("Foreign", ""), ("else", "")]
    assert result["not_expressed"][0]["value"] == "SmtpSendConnectorConfig"
    assert result["send_connectors"] == []


def test_connector_that_was_exported_twice() -> None:
    result = read(exports.send_connector("c1"), exports.send_connector("C1"))
    assert losses(result) == [("C1", "Name")]


# --- options and mistakes --------------------------------------------------------------------------------------------


def test_names_of_the_inventory() -> None:
    hosts = {
        "Mail1.contoso.com": {"system": "exchange", "server_name": "WIN-CTD3L0RGEN4"},
        "gw1": {"system": "postfix"},
    }
    (connector,) = read(exports.send_connector("c1"), hosts=hosts)["send_connectors"]
    assert connector["bridgeheads"] == ["mail1.contoso.com"]


def test_edge_server() -> None:
    address = Typed("System.Net.IPAddress", "192.0.2.9")
    result = read(
        exports.send_connector("c1", SourceTransportServers=Many([]), SourceIPAddress=address), edge_server="Edge1"
    )
    assert result["send_connectors"][0]["bridgeheads"] == ["edge1"]
    assert result["send_connectors"][0]["exchange"] == {"SourceIPAddress": "192.0.2.9"}
    assert result["not_expressed"] == []


def test_base64_and_bytes() -> None:
    document = exports.export(exports.send_connector("Zürich")).encode("utf-16")
    for given_ in (document, base64.b64encode(document).decode()):
        assert clixml_connectors(given_)["send_connectors"][0]["name"] == "Zürich"


@pytest.mark.parametrize(
    ("document", "options", "said"),
    [
        ("Name,AddressSpaces", {}, 'the document "Name,AddressSpaces" is neither XML nor base64'),
        ("<a/>", {}, "Export-Clixml"),
        (None, {}, "NoneType"),
        ([], {}, "list"),
        (exports.export(), {"hosts": {"a": {"sytem": "exchange"}}}, "sytem"),
    ],
)
def test_mistakes(document: Any, options: Raw, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match="clixml_connectors") as caught:
        clixml_connectors(document, **options)
    assert said in str(caught.value)


# --- there and back --------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), exchange.lists())
def test_an_export_given_back_changes_nothing(seed: int, connectors: list[Raw]) -> None:
    note(f"seed of the organisation: {seed}")
    # Exchange rounds this one up to 2 GB, which is above what a list may say.
    assume(all(one.get("max_message_size") != 2147483647 for one in connectors))
    there = Organisation(seed, servers=list(exchange.SERVERS))
    try:
        made = tasks.send_connectors(there, connectors)
    except ConnectorError as error:
        note(str(error))
        assume(False)
        raise
    assert not made.get("failed"), made["msg"]
    objects = there.call("Get-SendConnector", {})
    exported = clixml_connectors(remoting.serialise(objects, "Microsoft.Exchange.Data.SmtpSendConnectorConfig"))
    note(str(exported))
    assert [one["name"].lower() for one in exported["send_connectors"]] == sorted(
        one["name"].lower() for one in connectors
    )
    assert set(exported["sets"].values()) <= {"default"}
    accounts = {one["name"]: one["authentication"]["username"] for one in connectors if _has_account(one)}
    named = [one for one in exported["not_expressed"] if "authentication" not in one["property"].lower()]
    assert named == []
    assert {one["connector"] for one in exported["not_expressed"]} == set(accounts)
    given_back = [_with_account(one, accounts) for one in exported["send_connectors"]]
    again = tasks.send_connectors(there, given_back, check_mode=True)
    assert (again["changed"], again["plan"]) == (False, [])


def _has_account(connector: Raw) -> bool:
    return "username" in connector.get("authentication", {})


def _with_account(connector: Raw, accounts: dict[str, str]) -> Raw:
    """The account, as a person would fill it in: neither its password nor, for certain, its name can be read."""
    if connector["name"] not in accounts:
        return connector
    return {**connector, "authentication": {**connector["authentication"], "username": accounts[connector["name"]]}}
