# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python stand-in gives what exchange_invoke gives in a real PowerShell, so that tests with it say something."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker

FIELDS = [
    "Name",
    "Guid",
    "WhenChangedUTC",
    "AddressSpaces",
    "MaxMessageSize",
    "Enabled",
    "Port",
    "Comment",
    "TlsAuthLevel",
]
READ = {"cmdlet": "Get-SendConnector", "properties": FIELDS}
SECRET = {"out": "Tr0ub4dor&3"}


def new(name: str, **more: Any) -> dict[str, Any]:
    parameters = {"Name": name, "AddressSpaces": [f"{name.lower()}.example;5", f"*.{name.lower()}.example"]}
    return {"cmdlet": "New-SendConnector", "parameters": {**parameters, **more.pop("parameters", {})}, **more}


def change(name: str, *, call: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    return {"cmdlet": "Set-SendConnector", "parameters": {"Identity": name, **parameters}, **(call or {})}


def remove(where: dict[str, Any]) -> dict[str, Any]:
    each = {"call": 0, "property": "Guid", "parameter": "Identity", "where": where}
    return {"cmdlet": "Remove-SendConnector", "parameters": {"Confirm": False}, "each": each}


BASIC = {
    "SmartHosts": ["relay.example.com", "192.0.2.1"],
    "DNSRoutingEnabled": False,
    "SmartHostAuthMechanism": "BasicAuth",
    "AuthenticationCredential": "relay@example.com",
}
SCENARIOS: dict[str, list[dict[str, Any]]] = {
    "nothing to do": [READ],
    "everything of a connector": [READ, new("Out", expect="absent", parameters={"Comment": "c", "Port": 2525}), READ],
    "a password": [new("Out", parameters=BASIC, secrets={"AuthenticationCredential": "out"}), READ],
    "a password that is missing": [new("Out", parameters=BASIC, secrets={"AuthenticationCredential": "other"})],
    "add and remove": [change("One", AddressSpaces={"add": ["x.example"], "remove": ["one.example;5"]}), READ],
    "an expectation that holds": [change("One", Port=26, call={"expect": {"Port": 25, "Enabled": True}}), READ],
    "an expectation that does not": [
        change("One", Port=26),
        change("Two", Port=26, call={"expect": {"Port": 99}}),
        READ,
    ],
    "an expected list": [change("One", Port=26, call={"expect": {"AddressSpaces": ["nothing"]}})],
    "an expected object that is gone": [change("Three", Port=26, call={"expect": {"Port": 25}})],
    "a name that is taken": [new("ONE", expect="absent")],
    "a name that is taken, unexpectedly": [new("Three"), new("One"), READ],
    "a value that is none": [change("One", Port=70000)],
    "an object that does not exist": [change("Three", Port=26)],
    "removal of some": [READ, remove({"Name": ["two", "three"]}), READ],
    "removal of none": [READ, remove({"Name": ["three"]}), READ],
    "removal without confirmation": [{"cmdlet": "Remove-SendConnector", "parameters": {"Identity": "One"}}],
    "an unknown cmdlet": [READ, {"cmdlet": "Get-Mailbox"}],
    "an unknown parameter": [change("One", Colour="red")],
    "an expectation of a cmdlet that reads": [{**READ, "expect": {"Port": 25}}],
    "a parameter that is no plain value": [change("One", Port=[[1]])],
    "other kinds of objects": [
        {"cmdlet": "Get-AcceptedDomain", "properties": ["Name", "DomainName", "DomainType", "Default"]},
        {"cmdlet": "Get-AdSiteLink", "properties": ["Name", "ADCost", "ExchangeCost", "Sites"]},
        {"cmdlet": "Get-ExchangeServer", "properties": ["Name", "Fqdn", "Site", "ServerRole", "Edition"]},
        {"cmdlet": "Get-TransportConfig", "properties": ["MaxSendSize"]},
    ],
}


def organisation(seed: int) -> Organisation:
    made = Organisation(seed, ["EX1", "EX2"])
    for name in ("One", "Two"):
        made.call("New-SendConnector", new(name)["parameters"])
    return made


def compared(result: dict[str, Any]) -> dict[str, Any]:
    """Without the wording of remedies, and without the name of the machine that the engine runs on."""
    kept = {name: value for name, value in result.items() if name not in ("msg", "session")}
    kept["session"] = {name: value for name, value in result["session"].items() if name != "server"}
    failure = dict(kept.get("failure") or {})
    if failure.get("kind") in ("bad_call", "cmdlet_hidden", "parameter_hidden"):
        failure.pop("text")
        kept["failure"] = failure
    return json.loads(json.dumps(kept))


@pytest.mark.parametrize(("seed", "check_mode"), [(1, False), (2, True)])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_stand_in_gives_what_the_real_module_gives(
    host: Callable[..., Any], scenario: str, seed: int, check_mode: bool
) -> None:
    calls = SCENARIOS[scenario]
    stood_in, real = organisation(seed), organisation(seed)
    expected = Invoker(stood_in, check_mode=check_mode)({"calls": calls, "secrets": SECRET})
    found = host(real, "management_shell").invoke(*calls, secrets=SECRET, check_mode=check_mode).result
    assert compared(found) == compared(expected)
    assert real.calls == stood_in.calls


@pytest.mark.parametrize("fault", ["before", "after", "refused", "hidden cmdlet", "hidden parameter"])
def test_the_stand_in_fails_as_the_real_module_does(host: Callable[..., Any], fault: str) -> None:
    calls = [READ, new("Three"), change("One", Port=26), READ]
    made = []
    for _turn in range(2):
        made.append(organisation(4))
        faults = made[-1].faults
        if fault == "before":
            faults.drop_before_write(2)
        elif fault == "after":
            faults.drop_after_write(2)
        elif fault == "refused":
            faults.refuse("Set-SendConnector", "AdminLimitExceededException")
        elif fault == "hidden cmdlet":
            faults.hide("Set-SendConnector")
        else:
            faults.hide("Set-SendConnector", "Port")
    results = [
        Invoker(made[0])({"calls": calls, "secrets": {}}),
        host(made[1], "management_shell").invoke(*calls, secrets={}).result,
    ]
    assert "failure" in results[0]
    assert compared(results[1]) == compared(results[0])
    assert made[1].calls == made[0].calls
