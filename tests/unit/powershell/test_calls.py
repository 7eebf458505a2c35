# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of exchange_invoke: what is refused before anything happens, what is passed on, and what comes back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lab.exchange.simulator import Organisation
from lab.exchange.values import CmdletError, Credential, Text

READ: dict[str, Any] = {"cmdlet": "Get-SendConnector", "properties": ["Name", "Port"]}


def set_port(name: str, port: int, **more: Any) -> dict[str, Any]:
    return {"cmdlet": "Set-SendConnector", "parameters": {"Identity": name, "Port": port}, **more}


class Recorded:
    """A fake of an organisation: it gives these objects, and keeps what it is asked."""

    def __init__(self, *objects: Mapping[str, Any], warnings: tuple[str, ...] = (), fails_with: str = "") -> None:
        self.objects, self.said, self.fails_with = objects, warnings, fails_with
        self.warnings: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def open_session(self) -> None:
        pass

    def cmdlets(self) -> list[str]:
        return ["Get-SendConnector", "Set-SendConnector"]

    def parameters(self, cmdlet: str) -> dict[str, str]:
        names = {"Identity": "Text", "DomainController": "Fqdn"}
        writing = ("AuthenticationCredential", "Comment", "Enabled", "Force", "Port", "SmartHosts", "TlsDomain")
        return names if cmdlet.startswith("Get-") else names | {name: "Any" for name in writing} | {"Confirm": "Switch"}

    def call(self, cmdlet: str, parameters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        self.asked.append((cmdlet, dict(parameters)))
        self.warnings = list(self.said)
        if self.fails_with and cmdlet.startswith("Set-"):
            raise CmdletError("InvalidOperationException", self.fails_with)
        return list(self.objects) if cmdlet.startswith("Get-") else []


@pytest.fixture
def there() -> Organisation:
    made = Organisation(11, ["EX1", "EX2"], pinned={"smtp_case": "SMTP", "order": "as given"})
    for name in ("Out", "Partner"):
        made.call("New-SendConnector", {"Name": name, "AddressSpaces": [f"{name.lower()}.example"], "Port": 25})
    return made


def port(organisation: Organisation, name: str) -> int:
    (found,) = (one for one in organisation.call("Get-SendConnector") if one["Name"] == name)
    return found["Port"]


# --- what is refused before there is a session -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "secrets", "said"),
    [
        ({"cmdlet": "Get-Mailbox"}, {}, "this cmdlet is not run here, only Get-SendConnector"),
        ({"cmdlet": "Get-SendConnector; Remove-Item x"}, {}, "this cmdlet is not run here"),
        (set_port("Out", 25, secrets={"Port": "none"}), {}, "there is no secret 'none'. Give it in secrets."),
        (
            set_port("Out", 25, secrets={"TlsDomain": "k"}),
            {"k": "Tr0ub4dor"},
            "the user name of a credential is missing",
        ),
        (set_port("Out", 25, secrets={"Identity": "k"}), {"k": ""}, "there is no secret 'k'"),
        (set_port("Out", 25), {"k": "abc"}, "a password shorter than four characters cannot be masked"),
        ({"cmdlet": "Get-SendConnector", "expect": "absent"}, {}, "expect is not possible with Get-SendConnector"),
        (set_port("Out", 25, expect="present"), {}, "expect is absent or a dict of properties"),
        (set_port("Out", 25, expect="absent"), {}, "expect needs the parameter Name"),
        (set_port("", 25, expect={"Port": 25}), {}, "expect needs the parameter Identity"),
        (set_port("Out", 25, optional=True), {}, "only a call that reads can be optional"),
        (
            set_port("Out", 25, each={"call": 1, "property": "Guid", "parameter": "Identity"}),
            {},
            "which is no earlier one",
        ),
        (
            set_port("Out", 25, each={"call": -1, "property": "Guid", "parameter": "Identity"}),
            {},
            "which is no earlier one",
        ),
        (set_port("Out", {"set": ["a"]}), {}, "a dict has add and remove, not set"),
        (set_port("Out", [["a"]]), {}, "a list holds texts only"),
        (set_port("Out", {"add": [1]}), {}, "a list holds texts only"),
        (set_port("Out", 1.5), {}, "a Double cannot be passed on"),
    ],
)
def test_a_bad_call_is_refused_without_a_session(
    host: Callable[..., Any], there: Organisation, call: dict[str, Any], secrets: dict[str, str], said: str
) -> None:
    reached = host(there, "remoting")
    result = reached.invoke(READ, call, secrets=secrets).result
    assert result["failure"]["kind"] == "bad_call"
    assert said in result["msg"]
    assert result["changed"] is False
    assert reached.bridge.sessions == []


def test_check_mode_refuses_to_write_and_reads(host: Callable[..., Any], there: Organisation) -> None:
    reached = host(there, "remoting")
    result = reached.invoke(READ, set_port("Out", 26), check_mode=True).result
    assert (result["failure"]["kind"], result["failure"]["call"]) == ("check_mode", 1)
    assert reached.bridge.sessions == []
    assert "failed" not in reached.invoke(READ, check_mode=True).result
    assert port(there, "Out") == 25


# --- what the account may use ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["existing", "remoting", "management_shell"])
def test_a_hidden_cmdlet_is_found_before_anything_is_called(
    host: Callable[..., Any], there: Organisation, way: str
) -> None:
    there.faults.hide("Set-SendConnector")
    reached = host(there, way)
    result = reached.invoke(READ, set_port("Out", 26)).result
    assert (result["failure"]["kind"], result["failure"]["cmdlet"]) == ("cmdlet_hidden", "Set-SendConnector")
    assert "a management role that has it, as the members of Organization Management have" in result["msg"]
    assert reached.bridge.calls == []


@pytest.mark.parametrize("way", ["existing", "remoting", "management_shell"])
def test_a_hidden_parameter_is_found_before_anything_is_called(
    host: Callable[..., Any], there: Organisation, way: str
) -> None:
    there.faults.hide("Set-SendConnector", "Port")
    reached = host(there, way)
    result = reached.invoke(READ, set_port("Out", 26)).result
    assert (result["failure"]["kind"], result["failure"]["call"]) == ("parameter_hidden", 1)
    assert "no parameter Port in this session" in result["msg"] and "a management role that has it" in result["msg"]
    assert reached.bridge.calls == []


def test_an_optional_cmdlet_may_be_missing(host: Callable[..., Any], there: Organisation) -> None:
    there.faults.hide("Get-AdSiteLink")
    asked = {"cmdlet": "Get-AdSiteLink", "properties": ["Name"]}
    assert host(there).invoke(asked).result["failure"]["kind"] == "cmdlet_hidden"
    result = host(there).invoke({**asked, "optional": True}, READ).result
    assert [found["missing"] for found in result["results"]] == [True, False]
    assert len(result["results"][1]["objects"]) == 2


# --- expectations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (set_port("Partner", 27, expect={"Port": 99}), "Port is '25' instead of '99'"),
        (set_port("Partner", 27, expect={"Comment": "x"}), "Comment is "),
        (set_port("Partner", 27, expect={"AddressSpaces": ["SMTP:a.example;1"]}), "instead of [SMTP:a.example;1]"),
        (set_port("Gone", 27, expect={"Port": 25}), "there are 0 objects of this identity instead of one"),
        (
            {
                "cmdlet": "New-SendConnector",
                "parameters": {"Name": "PARTNER", "AddressSpaces": ["x.example"]},
                "expect": "absent",
            },
            "there is one of this name already",
        ),
    ],
)
def test_every_expectation_is_looked_at_before_the_first_write(
    host: Callable[..., Any], there: Organisation, call: dict[str, Any], said: str
) -> None:
    reached = host(there)
    result = reached.invoke(READ, set_port("Out", 26), call).result
    assert (result["failure"]["kind"], result["failure"]["call"]) == ("expectation", 2)
    assert said in result["msg"] and "It changed since it was planned. Run the task again." in result["msg"]
    assert (result["done"], result["changed"]) == ([], False)
    assert port(there, "Out") == 25
    assert {call.cmdlet for call in reached.bridge.calls} == {"Get-SendConnector"}


def test_expectations_that_hold(host: Callable[..., Any], there: Organisation) -> None:
    """By any of the names that an object has; lists without order; the moment of the last change as it was read."""
    there.call("Set-SendConnector", {"Identity": "Out", "AddressSpaces": ["a.example", "b.example;2"]})
    known = ["Guid", "WhenChangedUTC", "AddressSpaces", "Enabled", "TlsDomain"]
    (out, partner) = host(there).invoke({**READ, "properties": known}).result["results"][0]["objects"]
    expected = {**out, "AddressSpaces": ["SMTP:b.example;2", "SMTP:a.example;1"]}
    expected.pop("Guid")
    result = (
        host(there)
        .invoke(
            set_port(out["Guid"], 26, expect=expected),
            set_port("partner", 27, expect={"WhenChangedUTC": partner["WhenChangedUTC"]}),
        )
        .result
    )
    assert "failed" not in result
    assert (port(there, "Out"), port(there, "Partner")) == (26, 27)


def test_texts_are_compared_with_their_case(host: Callable[..., Any], there: Organisation) -> None:
    there.call("Set-SendConnector", {"Identity": "Out", "Comment": "Smart host"})
    result = host(there).invoke(set_port("Out", 26, expect={"Comment": "smart host"})).result
    assert result["failure"]["kind"] == "expectation"


# --- parameters and credentials --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["existing", "remoting"])
def test_parameters_arrive_as_they_were_given(host: Callable[..., Any], way: str) -> None:
    given = {
        "Identity": "Zentrale \u00e4\u4e2d '$(x)' `\"{0}\"",
        "Comment": None,
        "Enabled": False,
        "Force": True,
        "Port": 2525,
        "SmartHosts": ["one"],
        "TlsDomain": {"add": ["a", "b"], "remove": []},
    }
    there = Recorded()
    result = host(there, way).invoke({"cmdlet": "set-sendconnector", "parameters": {**given, "Confirm": False}}).result
    assert "failed" not in result
    table = {"Add": ["a", "b"], "Remove": []}  # in the spelling of PowerShell's manual
    assert there.asked == [("Set-SendConnector", {**given, "TlsDomain": table, "Confirm": False})]


@pytest.mark.parametrize("way", ["existing", "remoting"])
def test_a_password_arrives_as_a_credential(host: Callable[..., Any], way: str) -> None:
    there = Recorded()
    call = {
        "cmdlet": "Set-SendConnector",
        "parameters": {"Identity": "Out", "AuthenticationCredential": "relay@example.com"},
        "secrets": {"AuthenticationCredential": "out"},
    }
    password = "p\u00e4ss'\"$w{0}rd` \\"
    assert "failed" not in host(there, way).invoke(call, secrets={"out": password, "other": "not this"}).result
    ((_cmdlet, parameters),) = there.asked
    assert parameters["AuthenticationCredential"] == Credential("relay@example.com", password)


# --- what comes back -------------------------------------------------------------------------------------------------


def test_values_come_back_plain(host: Callable[..., Any]) -> None:
    when = datetime.datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    shown: dict[str, Any] = {
        "Nothing": None,
        "Empty": "",
        "Yes": True,
        "Port": 25,
        "Large": 2**40,
        "Text": "Z\u00fcrich <&> \u0001 _x0041_ ]]>",
        "Size": Text(
            "Microsoft.Exchange.Data.Unlimited`1[[Microsoft.Exchange.Data.ByteQuantifiedSize]]",
            "35 MB (36,700,160 bytes)",
        ),
        "Flags": Text("Microsoft.Exchange.Data.Directory.SystemConfiguration.AuthMechanisms", "Tls, BasicAuth"),
        "Span": Text("Microsoft.Exchange.Data.EnhancedTimeSpan", "00:10:00"),
        "Guid": Text("System.Guid", "02cf8d3f-687c-49f6-91d7-647cfdcb6b4e"),
        "When": when,
        "One": ["only"],
        "None": [],
        "Several": ["b", Text("Microsoft.Exchange.Data.AddressSpace", "SMTP:a;1")],
    }
    asked = [*shown, "Absent"]
    (found,) = host(Recorded(shown)).invoke({**READ, "properties": asked}).result["results"][0]["objects"]
    assert found == {
        **{name: value.string if isinstance(value, Text) else value for name, value in shown.items()},
        "When": "2026-03-04T03:06:07.1234560Z",
        "Several": ["b", "SMTP:a;1"],
        "Absent": None,
    }
    assert [type(found[name]) for name in ("Yes", "Port", "Large")] == [bool, int, int]


def test_warnings_belong_to_their_call(host: Callable[..., Any]) -> None:
    said = "The command completed successfully but no settings of 'Out' have been modified."
    there = Recorded({"Name": "Out"}, warnings=(said,))
    result = host(there, "remoting").invoke(READ, set_port("Out", 25)).result
    assert [found["warnings"] for found in result["results"]] == [[said], [said]]


def test_each_repeats_a_call_for_the_objects_that_are_meant(host: Callable[..., Any], there: Organisation) -> None:
    call = {
        "cmdlet": "Remove-SendConnector",
        "parameters": {"Confirm": False},
        "each": {"call": 0, "property": "Guid", "parameter": "Identity", "where": {"Name": ["partner", "other"]}},
    }
    there.call("New-SendConnector", {"Name": "Other", "AddressSpaces": ["other.example"]})
    reached = host(there)
    result = reached.invoke(READ, call, {**READ, "properties": ["Name"]}).result
    assert "failed" not in result
    assert result["results"][2]["objects"] == [{"Name": "Out"}]
    assert [call.cmdlet for call in reached.bridge.calls].count("Remove-SendConnector") == 2


def test_what_each_gives_shows_whose_it_is(host: Callable[..., Any], there: Organisation) -> None:
    each = {"call": 0, "property": "Name", "parameter": "Identity", "into": "Of"}
    call = {"cmdlet": "Get-SendConnector", "properties": ["Port"], "each": each}
    there.call("New-SendConnector", {"Name": "Other", "AddressSpaces": ["other.example"]})
    objects = host(there).invoke(READ, call).result["results"][1]["objects"]
    assert sorted(one["Of"] for one in objects) == ["Other", "Out", "Partner"]
    assert all(sorted(one) == ["Of", "Port"] for one in objects)


def test_each_needs_a_value_since_a_cmdlet_without_one_takes_all(host: Callable[..., Any]) -> None:
    there = Recorded({"Name": "Out", "Guid": None})
    call = set_port("", 25, each={"call": 0, "property": "Guid", "parameter": "Identity"})
    call["parameters"].pop("Identity")
    result = host(there).invoke(READ, call).result
    assert result["failure"]["kind"] == "bad_call"
    assert "an object of call 0 has no Guid" in result["msg"]
    assert [cmdlet for cmdlet, _parameters in there.asked] == ["Get-SendConnector"]


# --- the domain controller -------------------------------------------------------------------------------------------


def controllers(reached: Any) -> list[str | None]:
    return [call.parameters.get("DomainController") for call in reached.bridge.calls]


def test_all_calls_go_to_the_domain_controller_of_the_first_object(
    host: Callable[..., Any], there: Organisation
) -> None:
    reached = host(there)
    result = reached.invoke(READ, set_port("Out", 26, expect={"Port": 25}), READ).result
    pinned = result["session"]["domain_controller"]
    assert pinned in there.directory.controllers
    assert controllers(reached) == [None, pinned, pinned, pinned]


def test_a_domain_controller_that_is_named_is_used_from_the_first_call(
    host: Callable[..., Any], there: Organisation
) -> None:
    reached = host(there)
    result = reached.invoke(READ, set_port("Out", 26), domain_controller="dc2.contoso.com").result
    assert result["session"]["domain_controller"] == "dc2.contoso.com"
    assert controllers(reached) == ["dc2.contoso.com"] * 2


def test_on_an_edge_server_there_is_none(host: Callable[..., Any]) -> None:
    there = Organisation(3, ["EDGE1"], edge=True)
    there.call("New-SendConnector", {"Name": "Out", "AddressSpaces": ["*"]})
    reached = host(there, "edge")
    assert "failed" not in reached.invoke(READ, set_port("Out", 26), domain_controller="dc2.contoso.com").result
    assert controllers(reached) == [None, None]


# --- secrets ---------------------------------------------------------------------------------------------------------

PASSWORD, OTHER = "Tr0ub4dor&3", "Tr0ub4dor&3-longer"


@pytest.mark.parametrize("way", ["existing", "remoting"])
def test_a_password_is_in_nothing_that_comes_back(host: Callable[..., Any], way: str) -> None:
    """Not even where Exchange repeats it. What the module logs is what Ansible writes into the Windows event log."""
    repeated = {"Name": f"{PASSWORD} x", "Port": 25, "Comment": ["a", f"b {OTHER}"]}
    there = Recorded(repeated, warnings=(f"warned of {OTHER}",), fails_with=f"'{OTHER}' or {PASSWORD} is wrong")
    credential = {"AuthenticationCredential": "relay@example.com"}
    writing = set_port("Out", 25, secrets={"AuthenticationCredential": "out"})
    writing["parameters"].update(credential)
    reading = {**READ, "properties": ["Name", "Comment"]}
    account = {"session_username": "CONTOSO\\mail", "session_password": OTHER}
    answer = host(there, way).invoke(reading, writing, secrets={"out": PASSWORD, "unused": OTHER}, **account)
    assert answer.result["failure"]["text"] == "'********' or ******** is wrong"
    assert answer.result["results"][0]["objects"] == [{"Name": "******** x", "Comment": ["a", "b ********"]}]
    assert answer.result["results"][0]["warnings"] == ["warned of ********"]
    assert "relay@example.com" in answer.logged
    assert "Tr0ub4dor" not in answer.text


@pytest.mark.parametrize("wrong", [PASSWORD, [PASSWORD], {"out": {"password": PASSWORD}}, 12345678])
def test_secrets_of_a_wrong_form_are_not_shown(host: Callable[..., Any], wrong: Any) -> None:
    answer = host(Recorded()).invoke(READ, secrets=wrong)
    assert PASSWORD not in answer.text and "12345678" not in answer.text


def test_a_misspelt_option_for_secrets_is_not_shown(host: Callable[..., Any]) -> None:
    answer = host(Recorded()).invoke(READ, Secrets={"out": PASSWORD})
    assert PASSWORD not in answer.text
