# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong while send connectors change, with passwords in play: nothing is lost, and no password is shown.

Real ansible-playbook, winrm and pywinrm, and the real exchange_invoke on a real engine; Exchange itself is simulated. Every
fault of the simulator (lab/exchange/faults.py) strikes a task of its own, at the highest verbosity that people use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell, tasks
from lab.exchange.endpoint import Endpoint
from lab.exchange.engine import Answer, Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.faults import Faults
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

SEND = "mailops.connectors.exchange_send_connectors"
INFO = "mailops.connectors.exchange_connectors_info"
GROUP = "group/mailops.connectors.exchange"
RELAY, SESSION, OLD = "Tr0ub4dor&3-of-the-relay", "c0rrect-h0rse-of-the-session", "the-0ld-one-of-the-relay"
REFUSED = "InvalidOperationException"
Raw = dict[str, Any]
Arm = Callable[[], Any]


class Listening:
    """The engine, and what each run of the module wrote: its result, and what Ansible would put into the event log."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.written: list[str] = []

    def run(self, *arguments: Any, **options: Any) -> Answer:
        answer = self.engine.run(*arguments, **options)
        self.written += [answer.text, answer.logged]
        return answer


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def connector(name: str, part: int = 1, password: str = "{{ relay_password }}") -> Raw:
    account = {"mechanism": "basic_over_tls", "username": "relay", "password": password, "update_password": "always"}
    return {
        "name": f"{name} {part}",
        "address_spaces": [f"{name.replace(' ', '-')}-{part}.example"],
        "smart_hosts": ["mx.partner.example"],
        "tls": {"level": "encrypt"},
        "log": "verbose",
        "authentication": account,
        "bridgeheads": ["ex1"],
    }


def task(name: str, connectors: Any, **keywords: Any) -> Raw:
    options = {"connectors": connectors, "allow_unsafe": ["large_change"]}
    return {"name": name, SEND: options, "ignore_errors": True, **keywords}


def run(endpoint: Endpoint, steps: list[Raw], log: Path, **variables: Any) -> ansible.Run:
    session = {"session_uri": "http://ex1.contoso.com/PowerShell/", "session_username": "CONTOSO\\mail"}
    return ansible.playbook(
        steps,
        hosts=("ex1",),
        host_vars={"ex1": endpoint.host_vars()},
        extra_vars={"relay_password": RELAY, "session_password": SESSION, **variables},
        keywords={"module_defaults": {GROUP: {**session, "session_password": "{{ session_password }}"}}},
        environment={"ANSIBLE_LOG_PATH": str(log), "ANSIBLE_INJECT_INVOCATION": "1"},
        verbosity=4,
        diff=True,
    )


def result(made: ansible.Run, name: str) -> Raw:
    return made.of(name)["ex1"]


def cmdlets(found: Raw, part: str) -> list[str]:
    return [text.partition(" ")[0] for text in found.get(part) or ()]


def armed(there: Organisation) -> dict[str, tuple[Arm, int]]:
    """Name -> what happens when its task is about to write, and to how many of its sessions."""
    faults = there.faults

    def somebody_else(name: str) -> Arm:
        def change() -> None:
            limit = 30 + sum(1 for cmdlet, _parameters in there.calls if cmdlet == "Set-SendConnector")
            there.call("Set-SendConnector", {"Identity": f"{name} 1", "SmtpMaxMessagesPerConnection": limit})

        return change

    def in_the_last_moment() -> None:
        faults.before_write(lambda: there.call("Remove-SendConnector", {"Identity": "removed", "Confirm": False}))

    repeated = f"The credential relay/{RELAY} of {SESSION} is wrong."
    return {
        "lost before": (lambda: faults.drop_before_write(2), 1),
        "lost after": (lambda: faults.drop_after_write(2), 1),
        "refused": (lambda: faults.refuse("New-SendConnector", REFUSED, repeated, number=2), 1),
        "lost reading": (lambda: faults.refuse("Get-SendConnector", "PSRemotingTransportException"), 1),
        "cmdlet hidden": (lambda: faults.hide("New-SendConnector"), 1),
        "parameter hidden": (lambda: faults.hide("New-SendConnector", "AuthenticationCredential"), 1),
        "does not stick": (lambda: faults.does_not_stick("SendConnector", "ProtocolLoggingLevel"), 1),
        "changed once": (somebody_else("changed once"), 1),
        "changed twice": (somebody_else("changed twice"), 2),
        "removed": (in_the_last_moment, 1),
    }


# What the message has to say.
SAID: dict[str, tuple[str, ...]] = {
    "lost before": ("lost", "Of 2 changes 1 were made, and 1 were not", "run the task again"),
    "lost after": ("lost", "not known", "Of 2 changes 1 were made", "run the task again"),
    "refused": ("'refused 2'", "********", "Of 2 changes 1 were made", "remove the cause and run the task again"),
    "lost reading": ("Nothing was changed.", "lost", "Run the task again"),
    "cmdlet hidden": ("Nothing was changed.", "no cmdlet New-SendConnector", "Organization Management"),
    "parameter hidden": ("Nothing was changed.", "AuthenticationCredential", "Organization Management"),
    "does not stick": ("connector \"does not stick 1\", field log: 'none' instead of 'verbose'", "Remedy: look at"),
    "changed twice": ("Nothing was touched", "somebody else changed", "twice", "Run the task again"),
    "removed": ("'removed'", "Remedy: remove the cause and run the task again"),
}


def test_each_fault_ends_in_its_error_without_a_password_and_the_next_run_completes_the_work(
    engine: Engine, tmp_path: Path
) -> None:
    there = Organisation(drawn_seed(), ["EX1", "EX2"])
    faults = armed(there)
    lists = {name: [connector(name, part) for part in (1, 2)] for name in faults}
    lists["removed"][0]["name"] = "removed"
    before = [connector(name, 1, OLD) for name in ("changed once", "changed twice")]
    tasks.send_connectors(there, [*before, {**connector("removed", 1, OLD), "name": "removed"}])
    left = {name: times for name, (_arm, times) in faults.items()}

    def watch(calls: str, writes: bool) -> None:
        there.faults.clear()
        for name, (arm, _times) in faults.items():
            if writes and f"{lists[name][0]['name']}" in calls and left[name]:
                left[name] -= 1
                arm()

    every = [one for connectors in lists.values() for one in connectors]
    plain = [{**one, "authentication": {**one["authentication"], "update_password": "on_create"}} for one in every]
    steps = [
        # Not the connectors themselves are what is looped over: Ansible shows each item.
        task("faults", "{{ lists[item] }}", loop=list(lists)),
        task("then", "{{ every }}"),
        task("again", "{{ plain }}"),
    ]
    listening = Listening(engine)
    log = tmp_path / "ansible.log"
    with engine_endpoint(listening, there, "remoting", watch) as (endpoint, bridge):
        made = run(endpoint, steps, log, lists=lists, every=every, plain=plain)
        assert {one.password for one in bridge.sessions} == {SESSION}
    assert not any(left.values())
    found = {one["item"]: one for one in result(made, "faults")["results"]}
    for name, words in SAID.items():
        assert not [word for word in words if word not in found[name]["msg"]], found[name]["msg"]
    _judge_what_was_done(found)
    then, again = result(made, "then"), result(made, "again")
    assert "msg" not in then, then
    assert {"lost before 2", "refused 2", "cmdlet hidden 1", "removed"} <= {one["connector"] for one in then["plan"]}
    assert (again["changed"], again["plan"]) == (False, [])
    accounts = {one["Name"]: _password(there, str(one["Name"])) for one in there.call("Get-SendConnector", {})}
    assert accounts == dict.fromkeys((one["name"] for one in every), RELAY)
    _expect_no_password(made, endpoint, listening, log)


def _judge_what_was_done(found: dict[str, Raw]) -> None:
    new = "New-SendConnector"
    # Whether the one under way ran is not known, so it counts as not done.
    for name in ("lost before", "lost after", "refused"):
        assert (cmdlets(found[name], "done"), cmdlets(found[name], "not_done")) == ([new], [new]), name
        assert found[name]["changed"]
    for name in ("lost reading", "cmdlet hidden", "parameter hidden", "changed twice"):
        assert found[name]["done"] == [] and not found[name]["changed"], name
    assert len(found["does not stick"]["differences"]) == 2
    assert found["changed once"]["changed"] and "limits" in found["changed once"]["plan"][0]["kept"]


def _password(there: Organisation, name: str) -> str:
    """That of the last write: it cannot be read back."""
    for _cmdlet, parameters in reversed(there.calls):
        account = parameters.get("AuthenticationCredential")
        if account and name in (parameters.get("Name"), parameters.get("Identity")):
            return str(account.password)
    return ""


def _expect_no_password(made: ansible.Run, endpoint: Endpoint, listening: Listening, log: Path) -> None:
    logged = log.read_text(encoding="utf-8")
    assert "-AuthenticationCredential (user 'relay', password ********)" in logged.replace("\\'", "'")
    shown = {
        "the output": made.output,
        "Ansible's log": logged,
        "a result": str(made.tasks),
        "a text that was sent": "\n".join(endpoint.texts),
        "what the module wrote": "\n".join(listening.written),
    }
    for password in (RELAY, SESSION):
        assert [place for place, text in shown.items() if password in text] == []


def test_every_fault_of_the_simulator_is_met() -> None:
    """A new one belongs into armed()."""
    asked_for = {"drop_before_write", "drop_after_write", "refuse", "before_write", "hide", "does_not_stick"}
    # Between reading and writing something happens when the second session opens, which is what watch() is for.
    asked_for |= {"before_session"}
    answered = {"clear", "hides", "sticks", "session_opened", "before"}
    assert {name for name in vars(Faults) if not name.startswith("_")} == asked_for | answered
