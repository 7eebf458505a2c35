# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's WS-Man service, with real ansible-playbook, its winrm connection and pywinrm."""

from __future__ import annotations

import hashlib
import os
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import winrm

from lab import LabError, ansible
from lab.exchange import powershell
from lab.exchange.bridge import Bridge
from lab.exchange.endpoint import Endpoint
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed
from lab.waiting import wait_until

needs_powershell = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

PASSWORD = "one-password-of-a-smart-host"
SESSION_PASSWORD = "another-one-of-an-account"
CALL = {"cmdlet": "Get-SendConnector", "parameters": {"Identity": "Ausgang Zürich"}, "properties": ["Name"]}

MODULE = r"""
#!powershell
#AnsibleRequires -CSharpUtil Ansible.Basic
$spec = @{
    options = @{
        text = @{ type = 'str' }
        wait_for = @{ type = 'path' }
        make = @{ type = 'path' }
        fail = @{ type = 'str' }
        crash = @{ type = 'bool' }
        password = @{ type = 'str'; no_log = $true }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
if ($module.Params.make) {
    $null = New-Item -Path $module.Params.make -ItemType File
}
for ($try = 0; $module.Params.wait_for -and $try -lt 300 -and -not (Test-Path -LiteralPath $module.Params.wait_for); $try++) {
    Start-Sleep -Milliseconds 100
}
$module.Result.met = -not $module.Params.wait_for -or (Test-Path -LiteralPath $module.Params.wait_for)
if ($module.Params.crash) {
    throw 'nothing catches this'
}
if ($module.Params.fail) {
    $module.FailJson($module.Params.fail)
}
$bytes = [System.Text.Encoding]::UTF8.GetBytes([string]$module.Params.text)
$hash = [System.Security.Cryptography.SHA256]::Create().ComputeHash($bytes)
$module.Result.hash = [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
$module.Result.text = ([string]$module.Params.text)[-3..-1] -join ''
$module.Result.check = $module.CheckMode
$module.Result.variable = $env:LAB_VARIABLE
$module.Result.places = @($env:TEMP, $env:TMP, $env:USERPROFILE)
$module.Result.changed = $true
$module.ExitJson()
"""

ACTION = """
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    # Sends a file to the host and gets it back.
    def run(self, tmp=None, task_vars=None):
        there = self._connection._shell.join_path(self._make_tmp_path(), "file.bin")
        self._connection.put_file(self._task.args["source"], there)
        self._connection.fetch_file(there, self._task.args["target"])
        return {**super().run(tmp, task_vars), "there": there}
"""


@pytest.fixture
def windows(tmp_path: Path) -> dict[str, str]:
    """Variables for ansible-playbook with which it finds the collection lab.windows of these tests too."""
    plugins = tmp_path / "collections" / "ansible_collections" / "lab" / "windows" / "plugins"
    for name, text in {
        "modules/echo.ps1": MODULE,
        "action/both_ways.py": ACTION,
        "modules/both_ways.ps1": MODULE,
    }.items():
        path = plugins / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    return {"ANSIBLE_COLLECTIONS_PATH": f"{tmp_path / 'collections'}{os.pathsep}{ansible.collections_path()}"}


def run(
    endpoint: Endpoint, module: str, arguments: Mapping[str, Any], **options: Any
) -> tuple[dict[str, Any], ansible.Run]:
    made = ansible.run_task(module, arguments, hosts=("w1",), host_vars={"w1": endpoint.host_vars()}, **options)
    return made["w1"], made


# --- a real engine behind it -----------------------------------------------------------------------------------------


@needs_powershell
def test_raw_command_with_its_output_and_exit_code() -> None:
    with Endpoint() as endpoint:
        result, _made = run(endpoint, "ansible.builtin.raw", {"_raw_params": "'grüße ' + 6 * 7; exit 3"})
        assert (result["stdout_lines"], result["rc"]) == (["grüße 42"], 3)
        assert endpoint.actions == ["Create", "Command", "Receive", "Signal", "Delete"]
        assert any("grüße" in text for text in endpoint.texts)


@needs_powershell
def test_script_with_arguments_and_exit_code(tmp_path: Path) -> None:
    script = tmp_path / "greet.ps1"
    script.write_text('param($Name)\n"hello $Name"\nexit 4\n', encoding="utf-8")
    with Endpoint() as endpoint:
        result, _made = run(endpoint, "ansible.builtin.script", {"_raw_params": f"{script} -Name 'Åsa Öz'"})
        assert (result["stdout_lines"], result["rc"]) == (["hello Åsa Öz"], 4)
        assert any("hello $Name" in text for text in endpoint.texts)


@needs_powershell
def test_file_there_and_back(tmp_path: Path, windows: dict[str, str]) -> None:
    data = bytes(range(256)) * 5000  # three chunks out, three back
    (tmp_path / "source").write_bytes(data)
    arguments = {"source": str(tmp_path / "source"), "target": str(tmp_path / "target")}
    with Endpoint() as endpoint:
        result, made = run(endpoint, "lab.windows.both_ways", arguments, environment=windows)
        made.expect_success()
        assert "\\" in result["there"]
        assert (tmp_path / "target").read_bytes() == data


@needs_powershell
def test_module_with_a_large_argument(windows: dict[str, str]) -> None:
    text = "0123456789" * 200_000 + "äß漢"
    with Endpoint(environment={"LAB_VARIABLE": "from the caller"}) as endpoint:
        result, made = run(endpoint, "lab.windows.echo", {"text": text}, environment=windows)
        made.expect_success()
        assert result["hash"] == hashlib.sha256(text.encode()).hexdigest()
        assert (result["text"], result["variable"], result["check"]) == ("äß漢", "from the caller", False)
        assert len(set(result["places"])) == 1
        assert endpoint.actions.count("Send") > 10
        assert endpoint.modules == ["lab.windows.echo"]
        assert endpoint.exchange_sessions == 0


@needs_powershell
def test_module_that_fails_or_crashes_and_check_mode(windows: dict[str, str]) -> None:
    with Endpoint() as endpoint:
        failed, made = run(endpoint, "lab.windows.echo", {"fail": "no größer than that"}, environment=windows)
        assert (failed["msg"], made.failed) == ("no größer than that", True)
        crashed, _made = run(endpoint, "lab.windows.echo", {"crash": True}, environment=windows)
        assert "nothing catches this" in crashed["msg"]
        checked, _made = run(endpoint, "lab.windows.echo", {}, environment=windows, check=True)
        assert checked["check"] is True


@needs_powershell
def test_two_hosts_at_once(tmp_path: Path, windows: dict[str, str]) -> None:
    """Each module waits for what the other one makes, so neither can end before both have begun."""
    with Endpoint() as one, Endpoint() as other:
        made = ansible.run_task(
            "lab.windows.echo",
            {"make": str(tmp_path / "{{ here }}"), "wait_for": str(tmp_path / "{{ there }}")},
            hosts=("w1", "w2"),
            host_vars={
                "w1": {**one.host_vars(), "here": "one", "there": "other"},
                "w2": {**other.host_vars(), "here": "other", "there": "one"},
            },
            environment=windows,
        ).expect_success()
        assert (made["w1"]["met"], made["w2"]["met"]) == (True, True)
        assert made["w1"]["places"] != made["w2"]["places"]


@needs_powershell
def test_command_that_outlives_the_operation_timeout() -> None:
    with Endpoint() as endpoint:
        host = {**endpoint.host_vars(), "ansible_winrm_connection_timeout": 1}
        task = {"_raw_params": "Start-Sleep -Milliseconds 2500; 'late'"}
        made = ansible.run_task("ansible.builtin.raw", task, hosts=("w1",), host_vars={"w1": host})
        assert made["w1"]["stdout_lines"] == ["late"]
        assert endpoint.actions.count("Receive") > 1


@needs_powershell
def test_output_that_needs_several_answers() -> None:
    with Endpoint() as endpoint:
        result, _made = run(
            endpoint, "ansible.builtin.raw", {"_raw_params": "'ab' * 200000; [Console]::Error.Write('told')"}
        )
        assert result["stdout"].strip() == "ab" * 200_000
        assert "told" in result["stderr"]
        assert endpoint.actions.count("Receive") > 3


@needs_powershell
def test_nothing_is_left_running_or_lying_about() -> None:
    with Endpoint() as endpoint:
        protocol = _pywinrm(endpoint)
        shell = protocol.open_shell()
        protocol.run_command(shell, 'pwsh -Command "$PID | Set-Content $env:TEMP/pid; Start-Sleep 100"')
        directory = endpoint.backend.directory
        written = directory / "home" / "pid"
        number = int(wait_until(lambda: written.exists() and written.read_text().strip(), "the process has begun"))
        assert _is_alive(number)
    wait_until(lambda: not _is_alive(number), "the process has ended", timeout=10)
    assert not directory.exists()


@needs_powershell
def test_program_that_is_not_there() -> None:
    with Endpoint() as endpoint:
        protocol = _pywinrm(endpoint)
        shell = protocol.open_shell()
        command = protocol.run_command(shell, "no-such-program", ["with", '"one argument"'])
        _stdout, stderr, status = protocol.get_command_output(shell, command)
        assert (b"no-such-program" in stderr, status) == (True, 1)


# --- a stand-in behind it --------------------------------------------------------------------------------------------


class Recorder:
    """Stands for the stand-in's Invoker: notes what it is asked, and gives what it was told to."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result, self.asked = result, []

    def __call__(self, check_mode: bool) -> Any:
        def invoke(arguments: dict[str, Any]) -> dict[str, Any]:
            self.asked.append((check_mode, arguments))
            return self.result

        return invoke


ANSWER = {
    "changed": False,
    "session": {"method": "management_shell", "server": "ex1", "uri": None, "domain_controller": "dc1", "edge": False},
    "results": [{"objects": [{"Name": "Ausgang Zürich"}], "missing": False, "warnings": []}],
}


def test_exchange_invoke_through_the_stand_in() -> None:
    invoker = Recorder(ANSWER)
    arguments = {
        "calls": [{**CALL, "secrets": {"AuthenticationCredential": "one"}}],
        "secrets": {"one": PASSWORD},
        "session_username": "CONTOSO\\admin",
        "session_password": SESSION_PASSWORD,
    }
    with Endpoint(backend="stand-in", make_invoker=invoker) as endpoint:
        result, made = run(endpoint, "mailops.connectors.exchange_invoke", arguments)
        made.expect_success()
        assert result["results"][0]["objects"] == [{"Name": "Ausgang Zürich"}]
        assert invoker.asked == [(False, arguments)]
        assert (endpoint.modules, endpoint.exchange_sessions) == (["mailops.connectors.exchange_invoke"], 1)
        assert any("Ausgang Zürich" in text for text in endpoint.texts)
        assert not [text for text in endpoint.texts if PASSWORD in text or SESSION_PASSWORD in text]


def test_secret_in_the_wrong_place_shows_in_the_texts() -> None:
    wrong = {"calls": [{**CALL, "parameters": {"Comment": PASSWORD}}], "secrets": {"one": PASSWORD}}
    with Endpoint(backend="stand-in", make_invoker=Recorder(ANSWER)) as endpoint:
        run(endpoint, "mailops.connectors.exchange_invoke", wrong)
        assert [text for text in endpoint.texts if PASSWORD in text]


def test_check_mode_and_failure_through_the_stand_in() -> None:
    failure = {"kind": "no_exchange", "call": None, "cmdlet": None, "exception": None, "category": None, "text": "none"}
    session = {**ANSWER["session"], "method": "management_shell"}
    answer = {"failed": True, "msg": "There is no Exchange.", "session": session, "results": [], "failure": failure}
    invoker = Recorder(answer)
    with Endpoint(backend="stand-in", make_invoker=invoker) as endpoint:
        result, made = run(endpoint, "mailops.connectors.exchange_invoke", {"calls": [CALL]}, check=True)
        assert (result["msg"], result["failure"], made.failed) == ("There is no Exchange.", failure, True)
        assert [check_mode for check_mode, _arguments in invoker.asked] == [True]
        assert endpoint.exchange_sessions == 0


def test_stand_in_says_what_it_does_not_run(windows: dict[str, str]) -> None:
    with Endpoint(backend="stand-in", make_invoker=Recorder(ANSWER)) as endpoint:
        result, made = run(endpoint, "lab.windows.echo", {"text": "x"}, environment=windows)
        assert made.failed
        assert "lab.windows.echo" in result["msg"]
        result, made = run(endpoint, "ansible.builtin.raw", {"_raw_params": "Get-Date"})
        assert made.failed
        assert "Get-Date" in result["stdout"]


def test_wrong_password_is_refused() -> None:
    with Endpoint(backend="stand-in", make_invoker=Recorder(ANSWER)) as endpoint:
        host = {**endpoint.host_vars(), "ansible_password": "not-this-one"}
        made = ansible.run_task(
            "mailops.connectors.exchange_invoke", {"calls": []}, hosts=("w1",), host_vars={"w1": host}
        )
        assert made.tasks[0].status == "unreachable"
        assert "credentials" in made["w1"]["msg"]
        assert (endpoint.requests, endpoint.modules) == (0, [])


def test_shell_that_was_deleted_is_gone() -> None:
    with Endpoint(backend="stand-in", make_invoker=Recorder(ANSWER)) as endpoint:
        protocol = _pywinrm(endpoint)
        shell = protocol.open_shell()
        protocol.close_shell(shell, close_session=False)
        with pytest.raises(winrm.exceptions.WinRMError, match="no such shell"):
            protocol.run_command(shell, "whoami")


# --- a simulated organisation behind both ----------------------------------------------------------------------------

SERVERS = ["ex1", "ex2"]
CONNECTOR = {
    "name": "Ausgang Zürich",
    "address_spaces": ["*.partner.example;5"],
    "smart_hosts": ["mx1.partner.example"],
    "bridgeheads": ["ex1"],
    "tls": {"level": "encrypt"},
    "authentication": {"mechanism": "basic_over_tls", "username": "relay", "password": PASSWORD},
}


@contextmanager
def reached(backend: str) -> Iterator[tuple[Endpoint, Organisation]]:
    """An endpoint in front of an organisation: the real module with stub cmdlets, or the stand-in for the module."""
    organisation = Organisation(drawn_seed(), servers=SERVERS)
    print(organisation)  # with its seed
    if backend == "stand-in":
        with Endpoint(organisation, backend) as endpoint:
            yield endpoint, organisation
        return
    with Bridge(organisation) as bridge, Endpoint(environment=bridge.environment("remoting")) as endpoint:
        yield endpoint, organisation
        assert (bridge.problems, bridge.open_sessions) == ([], [])
        assert len(bridge.sessions) == endpoint.exchange_sessions


BACKENDS = pytest.mark.parametrize("backend", [pytest.param("pwsh", marks=needs_powershell), "stand-in"])


@BACKENDS
def test_connectors_of_an_organisation(backend: str) -> None:
    arguments = {"connectors": [CONNECTOR], "session_method": "remoting", "session_uri": "http://ex1/PowerShell/"}
    with reached(backend) as (endpoint, organisation):
        announced, _made = run(endpoint, "mailops.connectors.exchange_send_connectors", arguments, check=True)
        assert (announced["changed"], organisation.call("Get-SendConnector", {})) == (True, [])
        assert endpoint.exchange_sessions == 1
        result, made = run(endpoint, "mailops.connectors.exchange_send_connectors", arguments, verbosity=5)
        made.expect_success()
        assert (result["changed"], result["commands"]) == (True, announced["commands"])
        (there,) = organisation.call("Get-SendConnector", {})
        assert (there["Name"], there["Port"]) == ("Ausgang Zürich", 25)
        assert endpoint.exchange_sessions == 3
        again, _made = run(endpoint, "mailops.connectors.exchange_send_connectors", arguments)
        assert (again["changed"], endpoint.exchange_sessions) == (False, 4)
        assert endpoint.modules == ["mailops.connectors.exchange_invoke"] * 4
        assert PASSWORD not in made.output
        assert not [text for text in endpoint.texts if PASSWORD in text]


@BACKENDS
def test_failure_of_a_cmdlet(backend: str) -> None:
    write = {"cmdlet": "Remove-SendConnector", "parameters": {"Identity": "no such one", "Confirm": False}}
    arguments = {"calls": [write], "session_method": "remoting", "session_uri": "http://ex1/PowerShell/"}
    with reached(backend) as (endpoint, _organisation):
        result, made = run(endpoint, "mailops.connectors.exchange_invoke", arguments)
        assert made.failed
        assert (result["failure"]["kind"], result["failure"]["call"]) == ("cmdlet", 0)
        assert result["failure"]["exception"] == "ManagementObjectNotFoundException"
        assert result["done"] == []


def test_unknown_backend_is_an_error() -> None:
    with pytest.raises(LabError, match="stand-in"):
        Endpoint(backend="standin")


def _pywinrm(endpoint: Endpoint) -> winrm.Protocol:
    host = endpoint.host_vars()
    return winrm.Protocol(
        f"http://{host['ansible_host']}:{host['ansible_port']}/wsman",
        transport="basic",
        username=host["ansible_user"],
        password=host["ansible_password"],
        proxy=None,
        ca_trust_path=None,
    )


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
