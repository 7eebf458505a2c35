# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with Exchange: each way to one, and that none is left open. The ways are stubs in front of the simulator."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from lab.exchange.simulator import Organisation

READ = {"cmdlet": "Get-SendConnector", "properties": ["Name"]}
NEW = {"cmdlet": "New-SendConnector", "parameters": {"Name": "Out", "AddressSpaces": ["*"]}, "expect": "absent"}
WAYS = ["existing", "remoting", "management_shell", "edge"]


def organisation(way: str = "") -> Organisation:
    return Organisation(5, ["EX1"], edge=way == "edge")


@pytest.mark.parametrize("way", WAYS)
def test_each_way_reads_writes_and_reads_back_in_one_session(host: Callable[..., Any], way: str) -> None:
    there = host(organisation(way), way)
    result = there.invoke(READ, NEW, READ).result
    assert "failed" not in result
    assert result["changed"] is True
    assert [found["objects"] for found in result["results"]] == [[], [], [{"Name": "Out"}]]
    assert [call.cmdlet for call in there.bridge.calls] == ["Get-SendConnector"] * 2 + [
        "New-SendConnector",
        "Get-SendConnector",
    ]
    (session,) = there.bridge.sessions
    assert session.state == ("Closed" if way in ("remoting", "management_shell") else "Process")
    assert result["session"]["method"] == way
    assert result["session"]["edge"] is (way == "edge")
    in_session = {"remoting": "ex1.contoso.com", "management_shell": "ex1.contoso.com"}.get(way, socket.gethostname())
    assert result["session"]["server"] == in_session


@pytest.mark.parametrize("way", ["existing", "management_shell", "edge"])
def test_auto_takes_what_the_host_has(host: Callable[..., Any], way: str) -> None:
    result = host(organisation(way), way).invoke(READ, session_method="auto").result
    assert "failed" not in result
    assert result["session"]["method"] == way


def test_auto_takes_the_uri_before_the_shell_of_the_server(host: Callable[..., Any]) -> None:
    there = host(organisation(), "management_shell")
    result = there.invoke(READ, session_uri="http://ex2.contoso.com/PowerShell/").result
    assert result["session"]["method"] == "remoting"
    assert [session.uri for session in there.bridge.sessions] == ["http://ex2.contoso.com/PowerShell/"]


def test_a_remote_session_is_opened_as_the_options_say(host: Callable[..., Any]) -> None:
    there = host(organisation(), "remoting")
    account = {
        "session_username": "CONTOSO\\mail",
        "session_password": "Tr0ub4dor",
        "session_authentication": "negotiate",
    }
    result = there.invoke(READ, **account).result
    assert "failed" not in result
    (session,) = there.bridge.sessions
    assert (session.username, session.password) == ("CONTOSO\\mail", "Tr0ub4dor")
    assert (session.configuration, session.authentication) == ("Microsoft.Exchange", "negotiate")
    assert result["session"]["uri"] == session.uri == "http://ex1.contoso.com/PowerShell/"


def test_an_account_of_its_own_on_the_server_goes_to_the_servers_endpoint(host: Callable[..., Any]) -> None:
    """The shell would take the account of the task."""
    there = host(organisation(), "management_shell")
    result = there.invoke(READ, session_username="CONTOSO\\mail", session_password="Tr0ub4dor").result
    assert result["session"]["method"] == "management_shell"
    (session,) = there.bridge.sessions
    assert session.uri.startswith(f"http://{socket.gethostname()}")
    assert session.username == "CONTOSO\\mail"


def test_only_the_cmdlets_of_the_calls_are_imported(host: Callable[..., Any]) -> None:
    """And those that look whether an expectation holds."""
    there = host(organisation(), "remoting")
    there.invoke({"cmdlet": "Get-AcceptedDomain"}, NEW)
    (session,) = there.bridge.sessions
    assert sorted(session.imported) == ["Get-AcceptedDomain", "Get-SendConnector", "New-SendConnector"]


def test_a_cmdlet_of_the_host_takes_no_hidden_ones_place(host: Callable[..., Any]) -> None:
    """It would work without the role based access control of the session."""
    there = organisation()
    change = {"cmdlet": "Set-SendConnector", "parameters": {"Identity": "Out", "Port": 26}}
    there.call("New-SendConnector", NEW["parameters"])
    reached = host(there, "remoting", local=True)
    assert "failed" not in reached.invoke(READ, change).result
    assert reached.bridge.calls[-1].cmdlet == "Set-SendConnector"
    there.faults.hide("Set-SendConnector")
    assert reached.invoke(READ, change).result["failure"]["kind"] == "cmdlet_hidden"


def test_other_sessions_of_the_process_stay_open(host: Callable[..., Any]) -> None:
    there = host(organisation(), "remoting", foreign=True)
    there.invoke(READ)
    assert [(session.way, session.state) for session in there.bridge.sessions] == [
        ("foreign", "Opened"),
        ("remoting", "Closed"),
    ]


# --- no session ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "options", "remedy"),
    [
        ("none", {}, "session_uri, such as http://ex1.contoso.com/PowerShell/"),
        ("none", {"session_method": "existing"}, "use another session_method"),
        ("remoting", {"session_method": "management_shell"}, "Run the task on an Exchange server"),
    ],
)
def test_a_host_without_exchange(host: Callable[..., Any], way: str, options: dict[str, str], remedy: str) -> None:
    there = host(organisation(), way)
    result = there.invoke(READ, **options).result
    assert result["failed"] and result["changed"] is False
    assert result["failure"]["kind"] == "no_exchange"
    assert remedy in result["msg"]
    assert there.bridge.sessions == []


def test_edge_on_a_host_without_its_snapin(host: Callable[..., Any]) -> None:
    result = host(organisation(), "none").invoke(READ, session_method="edge").result
    assert result["failure"]["kind"] == "session"
    assert "local administrator" in result["msg"]


def test_a_refused_remote_session(host: Callable[..., Any]) -> None:
    there = host(organisation(), "remoting", refuse="Connecting to remote server ex1 failed: Access is denied.")
    result = there.invoke(READ).result
    assert result["failure"]["kind"] == "session"
    assert result["failure"]["exception"] == "PSRemotingTransportException"
    assert "Access is denied" in result["msg"] and "CredSSP or Kerberos delegation" in result["msg"]
    account = {"session_username": "CONTOSO\\mail", "session_password": "Tr0ub4dor"}
    assert "the account and its password" in there.invoke(READ, **account).result["msg"]


def test_a_refused_management_shell_tells_of_the_second_hop(host: Callable[..., Any]) -> None:
    """The shell then asks for a server, where nobody can answer."""
    there = host(organisation(), "management_shell", refuse="Connecting to remote server ex1 failed: Access is denied.")
    result = there.invoke(READ).result
    assert result["failure"]["kind"] == "session"
    assert "Access is denied" in result["msg"]
    assert "CredSSP or Kerberos delegation" in result["msg"]


def test_a_management_shell_that_breaks_off_leaves_no_session(host: Callable[..., Any]) -> None:
    there = host(organisation(), "management_shell", shell_ends_with="The type initializer threw an exception.")
    result = there.invoke(READ).result
    assert result["failure"]["kind"] == "session"
    assert "type initializer" in result["msg"]
    assert [session.state for session in there.bridge.sessions] == ["Closed"]


def test_the_own_cmdlet_of_a_real_engine_without_remoting_is_a_failure_of_the_session(host: Callable[..., Any]) -> None:
    """No stub: New-PSSession of a PowerShell on Linux, which has no WS-Man client."""
    result = host(organisation(), "none").invoke(READ, session_uri="http://127.0.0.1:9/PowerShell/").result
    assert result["failure"]["kind"] == "session"
    assert "The session with http://127.0.0.1:9/PowerShell/ was not opened" in result["msg"]


@pytest.mark.parametrize("way", WAYS)
def test_exchange_setup_is_not_disturbed(host: Callable[..., Any], way: str) -> None:
    there = host(organisation(way), way, setup_running=True)
    result = there.invoke(READ).result
    assert result["failure"]["kind"] == "setup_running"
    assert "Try again when it has ended" in result["msg"]
    assert there.bridge.calls == []
    assert [session for session in there.bridge.sessions if session.state != "Process"] == []


# --- a session that breaks off ---------------------------------------------------------------------------------------

WRITES = [
    {"cmdlet": "New-SendConnector", "parameters": {"Name": name, "AddressSpaces": [f"{name}.example"]}}
    for name in "abc"
]


@pytest.mark.parametrize(
    ("way", "quiet"),
    [
        ("existing", False),
        ("remoting", False),
        ("remoting", True),
        ("management_shell", False),
        ("management_shell", True),
    ],
)
def test_a_lost_session_says_what_was_done_and_is_closed(host: Callable[..., Any], way: str, quiet: bool) -> None:
    """quiet: only its state shows that it is lost, and not the type of the exception."""
    there = organisation()
    there.faults.drop_after_write(2)
    reached = host(there, way, quiet_loss=quiet)
    result = reached.invoke(READ, *WRITES).result
    assert result["failure"]["kind"] == "lost"
    assert (result["failure"]["call"], result["done"], result["changed"]) == (2, [1], True)
    assert "These write calls were finished: call 1, New-SendConnector 'a'." in result["msg"]
    assert "Whether this call was carried out is not known." in result["msg"]
    assert [session.state for session in reached.bridge.sessions] == ["Process" if way == "existing" else "Closed"]
    assert [one["Name"] for one in there.call("Get-SendConnector")] == ["a", "b"]


def test_a_failed_cmdlet_ends_the_work_and_closes_the_session(host: Callable[..., Any]) -> None:
    there = organisation()
    there.faults.refuse("New-SendConnector", "AdminLimitExceededException", "The administrative limit was exceeded", 2)
    reached = host(there, "remoting")
    result = reached.invoke(READ, *WRITES).result
    assert result["failure"] == {
        "kind": "cmdlet",
        "call": 2,
        "cmdlet": "New-SendConnector",
        "exception": "AdminLimitExceededException",
        "category": "InvalidArgument",
        "text": "The administrative limit was exceeded",
    }
    assert (result["done"], result["changed"], len(result["results"])) == ([1], True, 2)
    assert [one["Name"] for one in there.call("Get-SendConnector")] == ["a"]
    assert [session.state for session in reached.bridge.sessions] == ["Closed"]


@pytest.mark.parametrize("way", ["remoting", "management_shell"])
def test_a_session_without_any_cmdlet_is_closed(host: Callable[..., Any], way: str) -> None:
    there = organisation()
    for cmdlet in there.cmdlets():
        there.faults.hide(cmdlet)
    reached = host(there, way)
    result = reached.invoke(READ).result
    assert result["failure"]["kind"] == ("cmdlet_hidden" if way == "remoting" else "session")
    assert [session.state for session in reached.bridge.sessions] == ["Closed"]
