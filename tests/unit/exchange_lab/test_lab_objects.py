# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulated cmdlets have in common: identities, absent objects, warnings, domain controllers, confirmation."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange.simulator import Organisation
from lab.exchange.values import CmdletError

Raw = dict[str, Any]
DC1, DC2 = "dc1.contoso.com", "dc2.contoso.com"


def organisation(**pinned: str) -> Organisation:
    there = Organisation(7, ["EX1", "EX2"], pinned=pinned)
    there.call("New-SendConnector", {"Name": "One, two", "AddressSpaces": ["*"], "SourceTransportServers": ["EX2"]})
    return there


def named(there: Organisation, identity: Any, cmdlet: str = "Get-SendConnector") -> list[str]:
    return [one["Name"] for one in there.call(cmdlet, {"Identity": identity})]


def test_an_object_is_found_by_each_of_its_identities() -> None:
    there = organisation(get_absent_identity="error", identity_with_server="accepted")
    one = there.call("Get-SendConnector")[0]
    identities = ["one, TWO", str(one["Guid"]), one["DistinguishedName"].lower(), "ex2\\One, two"]
    assert [named(there, identity) for identity in identities] == [["One, two"]] * 4
    assert "CN=One\\, two," in one["DistinguishedName"]
    with pytest.raises(CmdletError):
        named(there, "EX1\\One, two")
    for identity in identities:
        there.call("Set-SendConnector", {"Identity": identity, "Port": 26})
    strict = organisation(identity_with_server="refused")
    with pytest.raises(CmdletError):
        strict.call("Set-SendConnector", {"Identity": "EX2\\One, two", "Port": 26})


def test_reading_without_an_identity_gives_everything() -> None:
    there = organisation()
    assert named(there, None) == ["One, two"]
    assert len(there.call("Get-ReceiveConnector", {"Identity": None})) == 10


@pytest.mark.parametrize("form", ["all objects", "error"])
def test_reading_an_absent_object_gives_everything_or_an_error(form: str) -> None:
    there = organisation(get_absent_identity=form)
    if form == "all objects":
        assert named(there, "Nothing") == ["One, two"]
        return
    with pytest.raises(CmdletError) as caught:
        named(there, "Nothing")
    assert caught.value.exception_type == "ManagementObjectNotFoundException"


@pytest.mark.parametrize("cmdlet", ["Set-SendConnector", "Remove-SendConnector"])
@pytest.mark.parametrize("identity", ["Nothing", None, ""])
def test_writing_an_absent_object_is_an_error(cmdlet: str, identity: Any) -> None:
    there = organisation(get_absent_identity="all objects")
    with pytest.raises(CmdletError):
        there.call(cmdlet, {"Identity": identity, **({"Confirm": False} if cmdlet.startswith("Remove") else {})})
    assert named(there, None) == ["One, two"]


def test_a_set_that_changes_nothing_warns() -> None:
    there = organisation()
    before = there.call("Get-SendConnector")[0]["WhenChangedUTC"]
    there.call("Set-SendConnector", {"Identity": "One, two", "Port": 25})
    assert there.warnings == ["The command completed successfully but no settings of 'One, two' have been modified."]
    assert there.call("Get-SendConnector")[0]["WhenChangedUTC"] == before
    assert there.warnings == []


def test_every_write_changes_the_time_and_nothing_but_creation_the_guid() -> None:
    there = organisation()
    seen = [there.call("Get-SendConnector")[0]]
    for port in (26, 27):
        there.call("Set-SendConnector", {"Identity": "One, two", "Port": port, "Name": "One, two"})
        seen.append(there.call("Get-SendConnector")[0])
    times = [str(one["WhenChangedUTC"]) for one in seen]
    assert times == sorted(set(times)) and len({str(one["WhenCreatedUTC"]) for one in seen}) == 1
    assert len({str(one["Guid"]) for one in seen}) == 1
    there.call("Remove-SendConnector", {"Identity": "One, two", "Confirm": False})
    again = there.call("New-SendConnector", {"Name": "One, two", "AddressSpaces": ["*"]})[0]
    assert again["Guid"] != seen[0]["Guid"]


def test_a_cmdlet_that_would_ask_fails_where_nobody_answers() -> None:
    there = organisation()
    for parameters in ({}, {"Confirm": True}):
        with pytest.raises(CmdletError):
            there.call("Remove-SendConnector", {"Identity": "One, two", **parameters})
    with pytest.raises(CmdletError):
        there.call("Set-SendConnector", {"Identity": "One, two", "Port": 26, "Confirm": True})
    there.call("Set-SendConnector", {"Identity": "One, two", "Port": 26})
    assert there.call("Get-SendConnector")[0]["Port"] == 26


def test_what_if_changes_nothing() -> None:
    there = organisation()
    there.call("Set-SendConnector", {"Identity": "One, two", "Port": 26, "WhatIf": True})
    there.call("Remove-SendConnector", {"Identity": "One, two", "WhatIf": True})
    there.call("New-SendConnector", {"Name": "Other", "AddressSpaces": ["*"], "WhatIf": True})
    assert [(one["Name"], one["Port"]) for one in there.call("Get-SendConnector")] == [("One, two", 25)]


def test_names_of_cmdlets_and_parameters_have_no_case() -> None:
    there = organisation()
    there.call("SET-sendconnector", {"IDENTITY": "One, two", "port": 26})
    with pytest.raises(CmdletError):
        there.call("Set-SendConnector", {"Identity": "One, two", "port": 26, "Port": 27})
    assert there.call("Get-SendConnector")[0]["Port"] == 26


def test_what_does_not_exist_is_not_found() -> None:
    there = organisation()
    with pytest.raises(CmdletError) as caught:
        there.call("Get-Mailbox")
    assert caught.value.exception_type == "CommandNotFoundException"
    with pytest.raises(CmdletError) as caught:
        there.call("New-SendConnector", {"Name": "a", "AddressSpaces": ["*"], "LinkedReceiveConnector": "b"})
    assert caught.value.exception_type == "ParameterBindingException"
    with pytest.raises(CmdletError) as caught:
        there.call("New-SendConnector", {"Name": "a"})
    assert "AddressSpaces" in caught.value.message


# --- domain controllers ----------------------------------------------------------------------------------------------


def test_the_named_domain_controller_answers_and_others_do_so_at_random() -> None:
    there = organisation()
    assert {
        one["OriginatingServer"] for one in there.call("Get-SendConnector", {"DomainController": "DC2.contoso.com"})
    } == {DC2}
    answered = {there.call("Get-SendConnector")[0]["OriginatingServer"] for _time in range(30)}
    assert answered == {DC1, DC2}
    with pytest.raises(CmdletError):
        there.call("Get-SendConnector", {"DomainController": "dc9.contoso.com"})


def test_with_lag_a_write_is_seen_on_its_own_domain_controller_only() -> None:
    there = organisation()
    there.directory.lag = True
    there.call("Set-SendConnector", {"Identity": "One, two", "Port": 26, "DomainController": DC1})
    there.call("New-SendConnector", {"Name": "New", "AddressSpaces": ["*"], "DomainController": DC2})

    def seen(controller: str) -> dict[str, int]:
        return {one["Name"]: one["Port"] for one in there.call("Get-SendConnector", {"DomainController": controller})}

    assert (seen(DC1), seen(DC2)) == ({"One, two": 26}, {"One, two": 25, "New": 25})
    there.replicate()
    assert seen(DC1) == seen(DC2) == {"One, two": 26, "New": 25}
    there.call("Remove-SendConnector", {"Identity": "New", "Confirm": False, "DomainController": DC1})
    assert "New" in seen(DC2)
    there.replicate()
    assert "New" not in seen(DC2)
