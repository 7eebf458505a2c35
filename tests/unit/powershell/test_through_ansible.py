# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_invoke as ansible-playbook sends it: the wrapper, the argument specification, module_defaults, what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell
from lab.exchange.bridge import Bridge
from lab.exchange.simulator import Organisation
from lab.exchange.values import Credential

INVOKE = "mailops.connectors.exchange_invoke"
READ = {"cmdlet": "Get-SendConnector", "properties": ["Name", "WhenChangedUTC"]}
MOMENT = "2026-01-05T08:00:04.0000000Z"
PASSWORDS = {"relay_password": "Tr0ub4dor&3", "account_password": "correct-horse-battery"}
MODULE_DEFAULTS = {
    "group/mailops.connectors.exchange": {
        "session_uri": "http://ex1.contoso.com/PowerShell/",
        "session_username": "CONTOSO\\mail",
        "session_password": "{{ account_password }}",
    }
}


def task(name: str, *calls: dict[str, Any], arguments: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    return {"name": name, INVOKE: {"calls": list(calls), **(arguments or {})}, "ignore_errors": True, **keywords}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("powershell")
    links = powershell.link(directory / "links")
    if links is None:
        pytest.skip(powershell.WITHOUT)
    return powershell.environment(links, directory / "temporary")


def run(
    tasks: list[dict[str, Any]], bridge: Bridge, way: str, variables: dict[str, str], **options: Any
) -> ansible.Run:
    return ansible.playbook(
        tasks,
        host_vars={"b1": powershell.host_vars()},
        environment={**variables, **bridge.environment(way), "ANSIBLE_INJECT_INVOCATION": "1"},
        extra_vars=PASSWORDS,
        **options,
    )


@pytest.fixture(scope="module")
def remote(variables: dict[str, str]) -> tuple[ansible.Run, Bridge, Organisation]:
    """One play with everything that has to do with Ansible, at the highest verbosity."""
    there = Organisation(17, ["EX1"])
    there.call("New-SendConnector", {"Name": "Out", "AddressSpaces": ["*"]})
    basic = {
        "SmartHosts": ["relay.example.com"],
        "DNSRoutingEnabled": False,
        "AuthenticationCredential": "relay@example.com",
    }
    writing = {
        "cmdlet": "Set-SendConnector",
        "parameters": {"Identity": "Out", "SmartHostAuthMechanism": "BasicAuth", "Comment": MOMENT, **basic},
        "secrets": {"AuthenticationCredential": "out"},
    }
    secrets = {"secrets": {"out": "{{ relay_password }}"}}
    there.faults.refuse(
        "Set-SendConnector", "InvalidOperationException", f"'{PASSWORDS['relay_password']}' is wrong", 3
    )
    expecting = {"cmdlet": "Set-SendConnector", "parameters": {"Identity": "Out", "Port": 26}}
    seen = "{{ read.results[0].objects[0].WhenChangedUTC }}"
    tasks = [
        task("reads", READ, register="read"),
        task("expects", {**expecting, "expect": {"WhenChangedUTC": seen}}, READ),
        task("is refused in check mode", writing, arguments=secrets, check_mode=True),
        task("writes", writing, arguments=secrets),
        task("fails", writing, arguments=secrets),
        task("has no such option", READ, arguments={**secrets, "session": "x"}),
    ]
    with Bridge(there) as bridge:
        done = run(tasks, bridge, "remoting", variables, verbosity=5, keywords={"module_defaults": MODULE_DEFAULTS})
        assert bridge.problems == []
        return done, bridge, there


def result(done: ansible.Run, name: str) -> dict[str, Any]:
    return done.of(name)["b1"]


def test_module_defaults_of_the_group_reach_the_session(remote: tuple[ansible.Run, Bridge, Organisation]) -> None:
    done, bridge, _there = remote
    assert result(done, "reads")["session"]["method"] == "remoting"
    assert [one["Name"] for one in result(done, "reads")["results"][0]["objects"]] == ["Out"]
    assert {(session.username, session.password) for session in bridge.sessions} == {
        ("CONTOSO\\mail", PASSWORDS["account_password"])
    }


def test_each_task_has_one_session_which_is_closed(remote: tuple[ansible.Run, Bridge, Organisation]) -> None:
    """Two of the six open none: one is refused in check mode, the other by its argument specification."""
    _done, bridge, _there = remote
    assert [session.state for session in bridge.sessions] == ["Closed"] * 4


def test_a_moment_stays_a_text(remote: tuple[ansible.Run, Bridge, Organisation]) -> None:
    """ansible-core 2.19 makes a date of it on its way to PowerShell 7: in what is expected, and in a parameter."""
    done, bridge, _there = remote
    assert [call.parameters["Comment"] for call in bridge.calls if "Comment" in call.parameters] == [MOMENT] * 2
    assert "failed" not in result(done, "expects"), result(done, "expects")
    assert result(done, "expects")["changed"] is True


def test_a_secret_arrives_as_a_credential(remote: tuple[ansible.Run, Bridge, Organisation]) -> None:
    done, bridge, there = remote
    assert result(done, "writes")["changed"] is True
    given = [call.parameters["AuthenticationCredential"] for call in bridge.calls if "SmartHosts" in call.parameters]
    assert given == [Credential("relay@example.com", PASSWORDS["relay_password"])] * 2  # the second one fails
    assert there.call("Get-SendConnector")[0]["SmartHostAuthMechanism"].string == "BasicAuth"


def test_failures_reach_the_task(remote: tuple[ansible.Run, Bridge, Organisation]) -> None:
    done, _bridge, _there = remote
    assert result(done, "is refused in check mode")["failure"]["kind"] == "check_mode"
    assert result(done, "fails")["failure"]["kind"] == "cmdlet"
    assert "********" in result(done, "fails")["msg"]
    assert "Unsupported parameters" in result(done, "has no such option")["msg"]
    assert [one.status for one in done.tasks] == ["ok", "ok", "failed", "ok", "failed", "failed"]


def test_no_password_is_shown_at_the_highest_verbosity(remote: tuple[ansible.Run, Bridge, Organisation]) -> None:
    """The user names are shown, so the arguments are."""
    done, _bridge, _there = remote
    text = done.output + repr(done.tasks)
    assert "relay@example.com" in text and "CONTOSO" in text
    for password in PASSWORDS.values():
        assert password not in text


def test_the_management_shell_of_a_server(variables: dict[str, str], tmp_path: Path) -> None:
    """Its script writes on every stream, and Ansible's own Write-Host writes to the output: none of it is the result."""
    there = Organisation(18, ["EX1"])
    with Bridge(there) as bridge:
        done = run([task("reads", READ)], bridge, "management_shell", variables).expect_success()
        assert bridge.problems == []
        assert [session.state for session in bridge.sessions] == ["Closed"]
    assert result(done, "reads")["session"]["method"] == "management_shell"
    assert result(done, "reads")["session"]["server"] == "ex1.contoso.com"
