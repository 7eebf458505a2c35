# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test can let go wrong goes wrong once, at the place that it names."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange.faults import SessionLostError
from lab.exchange.simulator import Organisation
from lab.exchange.values import CmdletError


def organisation() -> Organisation:
    return Organisation(1, pinned={"send_size_default": "25MB"})


def new(there: Organisation, name: str) -> None:
    there.call("New-SendConnector", {"Name": name, "AddressSpaces": ["*"]})


def names(there: Organisation) -> set[str]:
    return {str(one["Name"]) for one in there.call("Get-SendConnector")}


@pytest.mark.parametrize(("after", "kept"), [(False, {"a", "c"}), (True, {"a", "b", "c"})])
def test_a_session_is_lost_before_or_after_a_write(after: bool, kept: set[str]) -> None:
    there = organisation()
    (there.faults.drop_after_write if after else there.faults.drop_before_write)(2)
    new(there, "a")
    names(there)
    with pytest.raises(SessionLostError):
        new(there, "b")
    new(there, "c")
    assert names(there) == kept


def test_a_write_that_is_refused_anyway_is_one_too() -> None:
    there = organisation()
    there.faults.drop_before_write(2)
    new(there, "a")
    with pytest.raises(SessionLostError):
        new(there, "a")


def test_a_cmdlet_is_refused_at_its_call_of_this_number() -> None:
    there = organisation()
    there.faults.refuse("new-sendconnector", "UnauthorizedAccessException", "Not you.", number=2)
    there.faults.refuse("Get-SendConnector", "PSRemotingTransportException")
    new(there, "a")
    with pytest.raises(CmdletError) as caught:
        new(there, "b")
    assert (caught.value.exception_type, caught.value.message) == ("UnauthorizedAccessException", "Not you.")
    with pytest.raises(SessionLostError):
        names(there)
    new(there, "b")
    assert names(there) == {"a", "b"}


def test_someone_else_is_faster() -> None:
    there = organisation()
    there.faults.before_write(lambda: new(there, "theirs"))
    there.faults.before_session(lambda: new(there, "second session"), 2)
    assert names(there) == set()
    there.open_session()
    assert names(there) == set()
    new(there, "mine")
    assert names(there) == {"theirs", "mine"}
    there.open_session()
    there.open_session()
    assert names(there) == {"theirs", "mine", "second session"}
    assert there.sessions == 3


def test_what_someone_else_does_is_struck_by_no_fault() -> None:
    there = organisation()
    there.faults.drop_before_write(1)
    there.faults.refuse("New-SendConnector", "AnyException", number=2)
    there.faults.does_not_stick("SendConnector", "Port")
    there.faults.before_write(
        lambda: there.call("New-SendConnector", {"Name": "theirs", "AddressSpaces": ["*"], "Port": 26})
    )
    with pytest.raises(SessionLostError):
        new(there, "mine")
    assert [(one["Name"], one["Port"]) for one in there.call("Get-SendConnector")] == [("theirs", 26)]


def test_what_is_hidden_is_not_there() -> None:
    there = organisation()
    there.faults.hide("Set-SendConnector")
    there.faults.hide("New-SendConnector", "comment")
    assert "Set-SendConnector" not in there.cmdlets()
    assert "Comment" not in there.parameters("New-SendConnector")
    with pytest.raises(CmdletError) as caught:
        there.call("Set-SendConnector", {"Identity": "a"})
    assert caught.value.exception_type == "CommandNotFoundException"
    with pytest.raises(CmdletError) as caught:
        there.call("New-SendConnector", {"Name": "a", "AddressSpaces": ["*"], "Comment": "x"})
    assert caught.value.exception_type == "ParameterBindingException"
    there.faults.clear()
    there.call("New-SendConnector", {"Name": "a", "AddressSpaces": ["*"], "Comment": "x"})


def test_a_value_does_not_stick() -> None:
    there = organisation()
    there.faults.does_not_stick("SendConnector", "Port")

    def shown() -> tuple[Any, Any]:
        (one,) = there.call("Get-SendConnector")
        return one["Port"], one["Comment"]

    there.call("New-SendConnector", {"Name": "a", "AddressSpaces": ["*"], "Port": 26, "Comment": "x"})
    assert shown() == (25, "x")
    there.call("Set-SendConnector", {"Identity": "a", "Port": 27, "Comment": "y"})
    assert (there.warnings, shown()) == ([], (25, "y"))
