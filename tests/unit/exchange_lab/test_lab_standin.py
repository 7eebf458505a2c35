# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in keeps the contract of exchange_invoke, and returns what the simulator says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker
from lab.exchange.standin_calls import plain
from lab.exchange.values import CmdletError, Credential

Raw = dict[str, Any]
PASSWORD = "hush-hush-7"
NEW: Raw = {
    "cmdlet": "New-SendConnector",
    "expect": "absent",
    "parameters": {
        "Name": "a",
        "AddressSpaces": ["*"],
        "DNSRoutingEnabled": False,
        "SmartHosts": ["relay.example"],
        "SmartHostAuthMechanism": "BasicAuth",
        "AuthenticationCredential": "relay@contoso.com",
    },
    "secrets": {"AuthenticationCredential": "key"},
}
READ: Raw = {"cmdlet": "Get-SendConnector", "properties": ["Name", "Port", "SmartHosts", "MaxMessageSize", "Nothing"]}
SECRETS = {"key": PASSWORD}


def organisation(**pinned: str) -> Organisation:
    plain_forms = {"order": "as given", "name_case": "kept", "thousands_separator": ",", "send_size_default": "25MB"}
    return Organisation(1, ["EX1", "EX2"], pinned={**plain_forms, **pinned})


def with_connectors(*names: str, **pinned: str) -> Organisation:
    there = organisation(**pinned)
    for name in names:
        there.call("New-SendConnector", {"Name": name, "AddressSpaces": ["*"]})
    return there


def change(name: str, expect: Any = None, **parameters: Any) -> Raw:
    call: Raw = {"cmdlet": "Set-SendConnector", "parameters": {"Identity": name, **parameters}}
    return call if expect is None else {**call, "expect": expect}


def failure(result: Raw) -> tuple[Any, ...]:
    assert result["failed"]
    told = result["failure"]
    return told["kind"], told["call"], told["exception"]


def names(there: Organisation) -> list[str]:
    return sorted(str(one["Name"]) for one in there.call("Get-SendConnector"))


def test_a_run_reads_writes_and_reads_back_in_one_session() -> None:
    there = organisation()
    invoke = Invoker(there)
    result = invoke({"calls": [READ, NEW, READ], "secrets": SECRETS})
    assert result["changed"] is True and "failed" not in result
    assert [one["objects"] for one in result["results"]] == [
        [],
        [],
        [
            {
                "Name": "a",
                "Port": 25,
                "SmartHosts": ["relay.example"],
                "MaxMessageSize": "25 MB (26,214,400 bytes)",
                "Nothing": None,
            }
        ],
    ]
    session = result["session"]
    assert (session["method"], session["server"], session["edge"]) == ("management_shell", "ex1.contoso.com", False)
    assert (invoke.sessions, there.sessions) == (1, 1)
    assert invoke.asked == [{"calls": [READ, NEW, READ], "secrets": SECRETS}]
    assert invoke({"calls": [READ]})["changed"] is False


def test_a_password_reaches_the_cmdlet_and_nothing_else() -> None:
    there = organisation(credential_read="user name")
    refused = {**NEW, "parameters": {**NEW["parameters"], "Name": "b", "Comment": PASSWORD, "Port": PASSWORD}}
    calls = [NEW, {"cmdlet": "Get-SendConnector", "properties": ["AuthenticationCredential", "Comment"]}, refused]
    invoke = Invoker(there)
    result = invoke({"calls": calls, "secrets": SECRETS})
    kept = there.directory.objects("dc1.contoso.com", "SendConnector")[0].values["AuthenticationCredential"]
    assert kept == Credential("relay@contoso.com", PASSWORD)
    assert result["failure"]["kind"] == "cmdlet" and "********" in result["msg"]
    assert PASSWORD not in json.dumps(result)
    assert PASSWORD not in repr((invoke, there, kept))


def test_the_domain_controller_of_the_first_object_is_kept() -> None:
    for seed in range(10):
        there = Organisation(seed)
        result = Invoker(there)({"calls": [{"cmdlet": "Get-AcceptedDomain"}, READ, READ]})
        named = result["session"]["domain_controller"]
        assert named in there.directory.controllers
        assert [parameters.get("DomainController") for _cmdlet, parameters in there.calls] == [None, named, named]
        given = Invoker(there)({"calls": [READ], "domain_controller": "dc2.contoso.com"})
        assert given["session"]["domain_controller"] == there.calls[-1][1]["DomainController"] == "dc2.contoso.com"


def test_an_edge_server_has_no_domain_controller() -> None:
    there = Organisation(1, ["EDGE1"], edge=True)
    result = Invoker(there)(
        {"calls": [{"cmdlet": "Get-AcceptedDomain"}, {"cmdlet": "Get-AdSiteLink", "optional": True}]}
    )
    assert (result["session"]["method"], result["session"]["edge"], result["session"]["server"]) == (
        "edge",
        True,
        "EDGE1",
    )
    assert result["session"]["domain_controller"] is None
    assert [one["missing"] for one in result["results"]] == [False, True]


# --- checked before anything runs ------------------------------------------------------------------------------------

BAD: dict[str, tuple[Raw, str]] = {
    "an unknown cmdlet": ({"calls": [{"cmdlet": "Get-Mailbox"}]}, "bad_call"),
    "a missing secret": ({"calls": [NEW]}, "bad_call"),
    "a short secret": ({"calls": [NEW], "secrets": {"key": "abc"}}, "bad_call"),
    "a credential without a user": (
        {"calls": [{**NEW, "parameters": {"Name": "a", "AddressSpaces": ["*"]}}], "secrets": SECRETS},
        "bad_call",
    ),
    "a number in a list": ({"calls": [change("a", SmartHosts=[1])]}, "bad_call"),
    "a strange table": ({"calls": [change("a", SmartHosts={"replace": ["x"]})]}, "bad_call"),
    "a fraction": ({"calls": [change("a", Port=1.5)]}, "bad_call"),
    "an expectation of reading": ({"calls": [{**READ, "expect": "absent"}]}, "bad_call"),
    "an expectation without identity": ({"calls": [{**NEW, "expect": {"Port": 25}}], "secrets": SECRETS}, "bad_call"),
    "an expectation of an entry": (
        {"calls": [{"cmdlet": "Add-ADPermission", "parameters": {"Identity": "a"}, "expect": {"Port": 25}}]},
        "bad_call",
    ),
    "another expectation": ({"calls": [change("a", "present")]}, "bad_call"),
    "an optional write": ({"calls": [{**change("a", Port=1), "optional": True}]}, "bad_call"),
    "each of a later call": (
        {"calls": [{**READ, "each": {"call": 0, "property": "Name", "parameter": "Identity"}}]},
        "bad_call",
    ),
    "a parameter that is not there": ({"calls": [change("a", Nonsense=1)]}, "parameter_hidden"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_call_stops_everything_before_the_first_cmdlet(case: str) -> None:
    arguments, kind = BAD[case]
    there = with_connectors("a")
    there.calls.clear()
    arguments = {**arguments, "calls": [READ, *arguments["calls"]]} if case == "an unknown cmdlet" else arguments
    result = Invoker(there)(arguments)
    assert (result["failure"]["kind"], result["done"], result["results"], result["changed"]) == (kind, [], [], False)
    assert there.calls == []


def test_nothing_is_written_in_check_mode() -> None:
    there = organisation()
    invoke = Invoker(there, check_mode=True)
    assert failure(invoke({"calls": [READ, NEW], "secrets": SECRETS})) == ("check_mode", 1, None)
    assert (there.calls, invoke.sessions) == ([], 0)
    assert "failed" not in invoke({"calls": [READ]})


@pytest.mark.parametrize(
    "arguments",
    [
        {"calls": [READ], "unknown": 1},
        {"calls": [{**READ, "unknown": 1}]},
        {"calls": [{"parameters": {}}]},
        {"secrets": {}},
        {"calls": [READ], "session_method": "remoting"},
        {"calls": [READ], "session_method": "telnet"},
        {"calls": [READ], "session_authentication": "ntlm"},
        {"calls": [READ], "session_username": "someone"},
    ],
)
def test_what_the_argument_specification_refuses(arguments: Raw) -> None:
    result = Invoker(organisation())(arguments)
    assert result["failed"] and "failure" not in result


def test_what_role_based_access_control_hides() -> None:
    there = with_connectors("a")
    there.calls.clear()
    there.faults.hide("Set-SendConnector", "Port")
    assert failure(Invoker(there)({"calls": [change("a", Port=26)]})) == ("parameter_hidden", 0, None)
    there.faults.hide("Get-ReceiveConnector")
    expecting = {"cmdlet": "Remove-ReceiveConnector", "parameters": {"Identity": "a"}, "expect": {"Enabled": True}}
    assert failure(Invoker(there)({"calls": [READ, expecting]})) == ("cmdlet_hidden", 1, None)
    each = {"call": 0, "property": "Name", "parameter": "Server"}
    assert failure(Invoker(there)({"calls": [READ, {**READ, "each": each}]})) == ("parameter_hidden", 1, None)
    there.faults.hide("Get-SendConnector")
    assert failure(Invoker(there)({"calls": [READ]})) == ("session", None, None)
    for asked in ("auto", "existing"):
        result = Invoker(there, method="existing")({"calls": [READ], "session_method": asked})
        assert failure(result) == ("no_exchange", None, None)
    assert there.calls == []


def test_no_session_while_setup_runs() -> None:
    there = organisation()
    assert failure(Invoker(there, setup_running=True)({"calls": [READ]})) == ("setup_running", None, None)
    assert there.sessions == 0


def test_a_session_by_remoting_is_with_the_host_of_its_address() -> None:
    asked = {"calls": [READ], "session_uri": "http://EX2.contoso.com/PowerShell/"}
    session = Invoker(organisation())(asked)["session"]
    assert (session["method"], session["server"], session["uri"]) == (
        "remoting",
        "ex2.contoso.com",
        asked["session_uri"],
    )


# --- expectations ----------------------------------------------------------------------------------------------------


def test_expectations_are_all_checked_before_the_first_write() -> None:
    there = with_connectors("a", "b")
    there.calls.clear()
    calls = [READ, change("a", {"Port": 25}, Port=26), change("b", {"Port": 26}, Port=27)]
    result = Invoker(there)({"calls": calls})
    assert failure(result) == ("expectation", 2, None)
    assert (result["done"], result["changed"], len(result["results"])) == ([], False, 1)
    assert [cmdlet for cmdlet, _parameters in there.calls] == ["Get-SendConnector", "Get-SendConnector"]


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        ({"Port": 25, "Enabled": True, "TlsDomain": None}, True),
        ({"Port": "25"}, False),
        ({"Enabled": 1}, False),
        ({"Name": "A"}, False),
        ({"ObjectClass": ["mailGateway", "top", "msExchRoutingSMTPConnector", "msExchConnector"]}, True),
        ({"ObjectClass": ["top"]}, False),
        ({"port": 25}, True),
        ({"Nothing": None}, True),
    ],
)
def test_an_expectation_compares_plain_values(expect: Raw, holds: bool) -> None:
    result = Invoker(with_connectors("a"))({"calls": [change("A", expect, Comment="x")]})
    assert ("failed" not in result) == holds


def test_an_object_is_expected_to_be_there_or_absent() -> None:
    there = with_connectors("a")
    assert failure(Invoker(there)({"calls": [change("b", {"Port": 25}, Port=26)]})) == ("expectation", 0, None)
    taken = {"cmdlet": "New-SendConnector", "parameters": {"Name": "A", "AddressSpaces": ["*"]}, "expect": "absent"}
    assert failure(Invoker(there)({"calls": [taken]})) == ("expectation", 0, None)
    place = {"Bindings": ["0.0.0.0:2626"], "RemoteIPRanges": ["10.0.0.1"]}
    relay: Raw = {"cmdlet": "New-ReceiveConnector", "expect": "absent"}
    for server, held in (("EX1", True), ("ex1.contoso.com", False), ("EX2.contoso.com", True)):
        asked = {**relay, "parameters": {"Name": "Relay", "Server": server, **place}}
        assert ("failed" not in Invoker(there)({"calls": [asked]})) == held


def test_each_identity_means_the_object() -> None:
    there = with_connectors("a", "b")
    (one,) = (one for one in there.call("Get-SendConnector") if one["Name"] == "a")
    for identity in (str(one["Guid"]).upper(), one["DistinguishedName"]):
        assert "failed" not in Invoker(there)({"calls": [change(str(identity), {"Name": "a"}, Comment=str(identity))]})


# --- calls for each object -------------------------------------------------------------------------------------------


def test_a_call_for_each_object_of_an_earlier_one() -> None:
    there = organisation()
    listed = {"cmdlet": "Get-ReceiveConnector"}
    each = {
        "call": 0,
        "property": "DistinguishedName",
        "parameter": "Identity",
        "where": {"Name": ["default ex1", "x"]},
    }
    rights = {"cmdlet": "Get-ADPermission", "properties": ["Identity"], "each": each}
    result = Invoker(there)({"calls": [listed, rights]})
    assert result["results"][0]["objects"] == []
    assert {str(one["Identity"]).partition(",")[0] for one in result["results"][1]["objects"]} == {"CN=Default EX1"}
    assert [cmdlet for cmdlet, _parameters in there.calls] == ["Get-ReceiveConnector", "Get-ADPermission"]


def test_an_object_without_the_property_stops() -> None:
    each = {"call": 0, "property": "TlsDomain", "parameter": "Identity"}
    result = Invoker(with_connectors("a"))({"calls": [READ, {**READ, "each": each}]})
    assert failure(result) == ("bad_call", 1, None)


# --- what happens on the way -----------------------------------------------------------------------------------------


def test_a_cmdlet_that_fails_ends_the_run_and_says_what_was_done() -> None:
    there = with_connectors("a", "b", get_absent_identity="error")
    calls = [change("a", Port=26), change("nothing", Port=26), change("b", Port=26)]
    result = Invoker(there)({"calls": calls})
    assert failure(result) == ("cmdlet", 1, "ManagementObjectNotFoundException")
    assert (result["done"], result["changed"]) == ([0], True)
    assert "call 0, Set-SendConnector 'a'" in result["msg"] and result["failure"]["cmdlet"] == "Set-SendConnector"
    assert {one["Name"]: one["Port"] for one in there.call("Get-SendConnector")} == {"a": 26, "b": 25}


@pytest.mark.parametrize(("after", "port"), [(False, 25), (True, 26)])
def test_a_lost_session_leaves_it_open_whether_the_write_happened(after: bool, port: int) -> None:
    there = with_connectors("a")
    (there.faults.drop_after_write if after else there.faults.drop_before_write)(1)
    result = Invoker(there)({"calls": [change("a", {"Port": 25}, Port=26), READ]})
    assert failure(result) == ("lost", 0, "PSRemotingTransportException")
    assert (result["done"], result["changed"]) == ([], False)
    assert "Whether this call was carried out is not known" in result["msg"]
    assert there.call("Get-SendConnector")[0]["Port"] == port


def test_a_session_lost_in_reading_leaves_no_doubt() -> None:
    there = with_connectors("a")
    there.faults.refuse("Get-SendConnector", "PSRemotingTransportException")
    result = Invoker(there)({"calls": [change("a", Port=26), READ]})
    assert failure(result) == ("lost", 1, "PSRemotingTransportException")
    assert result["done"] == [0] and "not known" not in result["msg"]


def test_someone_who_was_faster_is_noticed() -> None:
    there = with_connectors("a")
    theirs = {"Identity": "a", "Port": 99}
    there.faults.before_session(lambda: there.call("Set-SendConnector", theirs), 2)
    invoke = Invoker(there)
    invoke({"calls": [READ]})
    assert failure(invoke({"calls": [change("a", {"Port": 25}, Port=26)]})) == ("expectation", 0, None)


def test_warnings_belong_to_their_call() -> None:
    result = Invoker(with_connectors("a"))({"calls": [READ, change("a", Port=25), change("a", Port=26)]})
    assert [len(one["warnings"]) for one in result["results"]] == [0, 1, 0]


# --- the same as the simulator ---------------------------------------------------------------------------------------

IDENTITIES = st.sampled_from(["a", "b", "C"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "Port": st.sampled_from([25, 587, 70000]),
        "Comment": st.sampled_from(["", "x", None]),
        "AddressSpaces": st.lists(st.sampled_from(["*", "contoso.com", "SMTP:*.a.example;5"]), max_size=2),
        "SmartHosts": st.sampled_from([None, ["relay.example"], {"add": ["10.0.0.1"]}, {"remove": ["relay.example"]}]),
        "DNSRoutingEnabled": st.booleans(),
        "RequireTLS": st.booleans(),
        "TlsAuthLevel": st.sampled_from([None, "EncryptionOnly"]),
    },
)


@st.composite
def calls(draw: Any) -> Raw:
    verb, name = draw(st.sampled_from(["New", "Set", "Set", "Remove"])), draw(IDENTITIES)
    if verb == "Remove":
        return {"cmdlet": "Remove-SendConnector", "parameters": {"Identity": name, "Confirm": False}}
    settings = draw(SETTINGS)
    if verb == "Set":
        return change(name, **settings)
    return {"cmdlet": "New-SendConnector", "parameters": {"Name": name, "AddressSpaces": ["*"], **settings}}


@given(st.integers(0, 2**32), st.lists(calls(), min_size=1, max_size=6))
def test_the_stand_in_returns_what_the_cmdlets_give(seed: int, asked: list[Raw]) -> None:
    """One organisation is reached by the stand-in, its twin by its cmdlets."""
    controller = "dc1.contoso.com"
    there, twin = Organisation(seed), Organisation(seed)
    properties = list(twin.call("New-SendConnector", {"Name": "first", "AddressSpaces": ["*"]})[0])
    there.call("New-SendConnector", {"Name": "first", "AddressSpaces": ["*"]})
    read = {"cmdlet": "Get-SendConnector", "properties": properties}
    result = Invoker(there)({"calls": [*asked, read], "domain_controller": controller})
    done: list[int] = []
    error: CmdletError | None = None
    try:
        for index, call in enumerate(asked):
            twin.call(call["cmdlet"], {**call["parameters"], "DomainController": controller})
            done.append(index)
            assert result["results"][index]["warnings"] == twin.warnings
    except CmdletError as raised:
        error = raised
    shown = twin.call("Get-SendConnector", {"DomainController": controller})
    expected = [{name: plain(value) for name, value in one.items()} for one in shown]
    if error is None:
        assert "failed" not in result
        assert result["results"][-1]["objects"] == expected
        return
    assert (result["failure"]["exception"], result["failure"]["text"]) == (error.exception_type, error.message.strip())
    assert (result["done"], result["failure"]["call"]) == (done, len(done))
    assert there.call("Get-SendConnector", {"DomainController": controller}) == shown
