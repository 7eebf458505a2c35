# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in returns, word for word, what the real exchange_invoke returns in a real PowerShell.

Two twins of one organisation get the same calls; the cmdlets are the lab's on both sides. What tasks do every day is in
tests/unit/powershell/test_stand_in.py; here are the words of failures, the corners of each option, and every method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.exchange import powershell
from lab.exchange.bridge import Bridge
from lab.exchange.engine import Engine, EngineInvoker
from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker
from lab.seeds import drawn_seed

Raw = dict[str, Any]
PROPERTIES = [
    *("Name", "smarthosts", "AddressSpaces", "Port", "Enabled", "MaxMessageSize", "WhenChangedUTC", "ConnectedDomains"),
    *("AuthenticationCredential", "Comment", "Fqdn", "TlsAuthLevel", "Guid", "OriginatingServer", "Nothing"),
]
READ: Raw = {"cmdlet": "get-SendConnector", "properties": PROPERTIES}
BASIC: Raw = {
    "DNSRoutingEnabled": False,
    "SmartHosts": ["10.0.0.1", "relay.example"],
    "SmartHostAuthMechanism": "BasicAuth",
    "AuthenticationCredential": "relay@contoso.com",
}
KEYS = {"AuthenticationCredential": "key"}
SEED = drawn_seed()
SECRETS = {"key": "hush-hush-7"}


def new(name: str = "b", expect: Any = "absent", **parameters: Any) -> Raw:
    given = {"Name": name, "AddressSpaces": ["*", "contoso.com;5"], **parameters}
    return {"cmdlet": "New-SendConnector", "expect": expect, "parameters": given}


def change(name: str = "a", expect: Any = None, **parameters: Any) -> Raw:
    return {"cmdlet": "Set-SendConnector", "expect": expect, "parameters": {"Identity": name, **parameters}}


def each(cmdlet: str, number: int, name: str, parameter: str = "Identity", **where: Any) -> Raw:
    told = {"call": number, "property": name, "parameter": parameter, "where": where}
    return {"cmdlet": cmdlet, "each": told, "properties": ["Name", "Identity", "User", "ExtendedRights", "Deny"]}


RECEIVE = {"cmdlet": "Get-ReceiveConnector", "properties": ["Identity", "Server", "Bindings", "RemoteIPRanges"]}
PLACE = {"Bindings": ["0.0.0.0:26"], "RemoteIPRanges": ["10.0.0.1"]}

CASES: dict[str, list[Raw]] = {
    "a credential without a user": [{**new(), "secrets": KEYS}],
    "a change of nothing": [change(Port=25), READ],
    "a number as a text": [change(expect={"Port": "25"}, Port=26)],
    "a text in another case": [change(expect={"Name": "A"}, Port=26)],
    "a list in another order": [
        change(expect={"ObjectClass": ["msExchConnector", "top", "mailGateway", "msExchRoutingSMTPConnector"]}, Port=26)
    ],
    "a list that is shorter": [change(expect={"ObjectClass": ["top"]}, Port=26)],
    "null where there is none": [change(Port=None)],
    "null where there is": [change(Comment=None, Fqdn=None), READ],
    "a fraction": [change(Port=1.5)],
    "a strange table": [change(SmartHosts={"replace": ["x"]})],
    "a number in a list": [change(SmartHosts=[1])],
    "a parameter that is not there": [READ, change(Nonsense=True)],
    "optional": [
        {"cmdlet": "Get-AdSiteLink", "optional": True, "properties": ["Name"]},
        {**change(), "optional": True},
    ],
    "another expectation": [change(expect="present")],
    "expectation without identity": [{**new(expect={"Port": 25})}],
    "one server has it": [
        {
            **RECEIVE,
            "cmdlet": "New-ReceiveConnector",
            "expect": "absent",
            "parameters": {"Name": "R", "Server": server, **PLACE},
        }
        for server in ("EX1", "EX2.contoso.com", "ex1.contoso.com")
    ],
    "each": [RECEIVE, each("Get-ADPermission", 0, "DistinguishedName", Name=["default ex1", "Client Proxy EX2"])],
    "each where it is true": [READ, each("Get-SendConnector", 0, "Guid", Enabled=["True"])],
    "each where it is empty": [READ, each("Get-SendConnector", 0, "Guid", TlsDomain=[""])],
    "each without the property": [READ, each("Get-SendConnector", 0, "TlsDomain")],
    "each of a later call": [READ, each("Get-SendConnector", 1, "Guid")],
    "a site link": [
        {
            "cmdlet": "Set-AdSiteLink",
            "expect": {"ExchangeCost": None, "ADCost": 100},
            "parameters": {"Identity": "DEFAULTIPSITELINK", "ExchangeCost": 7},
        },
        {"cmdlet": "Get-AdSiteLink", "properties": ["Name", "ExchangeCost", "ADCost", "Sites", "MaxMessageSize"]},
    ],
    "what is around": [
        {"cmdlet": "Get-Queue", "properties": ["Identity", "MessageCount", "Status"]},
        {"cmdlet": "Get-TransportConfig", "properties": ["MaxSendSize"]},
        {"cmdlet": "Get-TransportService", "properties": ["Name", "MaxPerDomainOutboundConnections"]},
        {"cmdlet": "Get-ExchangeServer", "properties": ["Name", "Fqdn", "Site", "ServerRole"]},
        {
            "cmdlet": "Get-ExchangeCertificate",
            "properties": ["Subject", "NotAfter", "HasPrivateKey", "CertificateDomains"],
        },
        {"cmdlet": "Get-ADSite", "properties": ["Name"]},
        {"cmdlet": "Get-AcceptedDomain", "properties": ["DomainName", "Default", "DomainType"]},
    ],
}

FAULTS: dict[str, Callable[[Organisation], object]] = {
    "lost while reading back": lambda there: there.faults.refuse("Get-SendConnector", "PSRemotingTransportException"),
    "refused": lambda there: there.faults.refuse("Set-SendConnector", "UnauthorizedAccessException", "No: hush-hush-7"),
    "does not stick": lambda there: there.faults.does_not_stick("SendConnector", "Port"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    if powershell.find() is None:
        pytest.skip(powershell.WITHOUT)
    with Engine() as running:
        yield running


def organisation(edge: bool = False) -> Organisation:
    there = Organisation(SEED, ["EDGE1"] if edge else ["EX1", "EX2"], edge=edge)
    there.call("New-SendConnector", {"Name": "a", "AddressSpaces": ["*"]})
    return there


def both(engine: Engine, arguments: Raw, prepare: Callable[[Organisation], object] = id, **options: Any) -> Raw:
    """The result that both give."""
    method = options.pop("method", "management_shell")
    one, other = organisation(**options), organisation(**options)
    prepare(one)
    prepare(other)
    stand_in = Invoker(one, method=method)(arguments)
    with Bridge(other) as bridge:
        module = EngineInvoker(engine, bridge, method=method)(arguments)
        assert bridge.problems == []
    module.pop("invocation", None)
    if method in ("existing", "edge"):  # the machine of the engine is no server of the organisation
        stand_in["session"]["server"] = module["session"]["server"]
    assert stand_in == module, f"seed {SEED}"
    assert one.sessions == other.sessions
    return stand_in


@pytest.mark.parametrize("case", CASES)
def test_the_same_result(engine: Engine, case: str) -> None:
    both(engine, {"calls": CASES[case], "secrets": SECRETS})


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_failure(engine: Engine, fault: str) -> None:
    asked = {"calls": [change(Port=26), change(Comment="x"), READ], "secrets": SECRETS}
    result = both(engine, asked, FAULTS[fault])
    assert ("failed" in result) == (fault != "does not stick")


@pytest.mark.parametrize("method", ["existing", "remoting", "management_shell"])
def test_the_same_by_every_method(engine: Engine, method: str) -> None:
    remoting = {"session_uri": "http://ex1.contoso.com/PowerShell/"} if method == "remoting" else {}
    for asked in ({}, {"session_method": method}, {"domain_controller": "dc2.contoso.com"}):
        result = both(engine, {"calls": [READ, change(Port=26), READ], **asked, **remoting}, method=method)
        assert result["session"]["method"] == method


def test_the_same_on_an_edge_server(engine: Engine) -> None:
    reads = [
        READ,
        {"cmdlet": "Get-AdSiteLink", "optional": True},
        {"cmdlet": "Get-ExchangeServer", "properties": ["Name"]},
    ]
    both(engine, {"calls": [*reads, change(Port=26), READ]}, edge=True, method="edge")
