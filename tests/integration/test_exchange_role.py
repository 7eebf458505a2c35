# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role exchange_connectors with real ansible-playbook, winrm and pywinrm, and the real exchange_invoke on a real engine.

Exchange itself is simulated, and its sessions are stubs. The molecule scenario winrm runs the role with a PowerShell of its own for
each task.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell, tasks
from lab.exchange.endpoint import Endpoint
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

ROLE = "mailops.connectors.exchange_connectors"
RESULT = "exchange_connectors_result"
ORDER = ("accepted_domains", "receive", "site_links", "send", "withdrawn_receive", "withdrawn_accepted_domains")
RELAY_PASSWORD = "Tr0ub4dor&3-of-the-relay"
SESSION_PASSWORD = "c0rrect-h0rse-of-the-session"
Raw = dict[str, Any]

PARTNER: Raw = {
    "name": "to-partner",
    "address_spaces": ["*.partner.example"],
    "smart_hosts": ["mx.partner.example"],
    "bridgeheads": ["ex1"],
    "relay": True,
    "tls": {"level": "encrypt"},
    "authentication": {"mechanism": "basic_over_tls", "username": "relay", "password": "{{ relay_password }}"},
}
APPS: Raw = {
    "name": "Apps",
    "servers": ["ex1", "ex2"],
    "bindings": ["0.0.0.0:25"],
    "remote_ip_ranges": ["192.0.2.10"],
    "relay": "anonymous",
}
LINK = "DEFAULTIPSITELINK"
BEFORE: Raw = {
    "exchange_connectors_send": [{**PARTNER, "name": "old", "address_spaces": ["old.example"]}],
    "exchange_connectors_receive": [
        {**APPS, "name": "Scanner", "remote_ip_ranges": ["192.0.2.77"], "relay": "none"},
        {**APPS, "name": "Replaced", "servers": ["ex1"]},
    ],
    "exchange_connectors_accepted_domains": [{"name": "gone.example", "type": "internal_relay"}],
}
AFTER: Raw = {
    "exchange_connectors_send": [PARTNER],
    "exchange_connectors_receive": [APPS],
    "exchange_connectors_accepted_domains": [
        {"name": "gone.example", "state": "absent"},
        {"name": "fabrikam.example", "type": "internal_relay"},
    ],
    "exchange_connectors_site_links": [{"name": LINK, "cost": 7}],
    "exchange_connectors_purge": True,
    "exchange_connectors_allow_unsafe": ["unserved"],
}


def organisation() -> Organisation:
    servers = {"EX1": Server("EX1", "ex1.contoso.com", "Paris"), "EX2": Server("EX2", "ex2.contoso.com", "Rome")}
    return Organisation(drawn_seed(), servers)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One engine for the file: the unchanged exchange_invoke, without a new PowerShell for each task."""
    with Engine() as running:
        yield running


def role(name: str, variables: Raw, entry: str = "main", **keywords: Any) -> list[Raw]:
    """The role, and a task of this name that shows what it left."""
    include = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": entry}, "vars": variables, **keywords}
    return [include, {"name": name, "ansible.builtin.debug": {"var": RESULT}}]


def run(endpoint: Endpoint, steps: list[Raw], hosts: dict[str, Raw] | None = None, **options: Any) -> ansible.Run:
    variables = {"relay_password": RELAY_PASSWORD, "session_password": SESSION_PASSWORD}
    hosts = hosts or {"ex1": endpoint.host_vars()}
    made = ansible.playbook(steps, hosts=list(hosts), host_vars=hosts, extra_vars=variables, **options)
    for password in variables.values():
        assert password not in made.output
        assert not any(password in text for text in endpoint.texts)
    return made


def results(made: ansible.Run, name: str) -> dict[str, Raw | None]:
    return dict(made.of(name)["ex1"][RESULT])


def commands(found: dict[str, Raw | None]) -> list[str]:
    """Of all tasks, in the order in which the role runs them."""
    assert sorted(found) == sorted(ORDER)
    return [text for name in ORDER for text in (found[name] or {"commands": []})["commands"]]


def written(there: Organisation) -> list[str]:
    return [cmdlet for cmdlet, _parameters in there.calls if not cmdlet.startswith("Get-")]


def before(there: Organisation) -> None:
    """What an earlier run left."""
    tasks.send_connectors(there, BEFORE["exchange_connectors_send"])
    tasks.receive_connectors(there, BEFORE["exchange_connectors_receive"])
    there.call("New-AcceptedDomain", {"Name": "g", "DomainName": "gone.example", "DomainType": "InternalRelay"})
    there.directory.replicate()
    there.calls.clear()


def task_of(made: ansible.Run, title: str) -> Raw:
    """The result of a task of the role."""
    return made.of(title)["ex1"]


def test_what_check_mode_announces_is_done_in_the_safe_order_and_once(engine: Engine) -> None:
    there = organisation()
    there.directory.lag = True
    before(there)
    with engine_endpoint(engine, there) as (endpoint, bridge):
        announced = results(run(endpoint, role("after", AFTER), check=True, diff=True).expect_success(), "after")
        assert written(there) == []
        done = results(run(endpoint, role("after", AFTER), diff=True, verbosity=4).expect_success(), "after")
        cmdlets = written(there)
        controllers = {given["DomainController"] for name, given in there.calls if not name.startswith("Get-")}
        there.directory.replicate()
        sessions = len(bridge.sessions)
        again_run = run(endpoint, role("after", AFTER)).expect_success()
        in_sync = len(bridge.sessions) - sessions
    assert commands(announced) == commands(done)
    planned = [text.partition(" ")[0] for text in commands(done) if not text.startswith("Get-")]
    # One of them runs for each of two servers.
    assert [*dict.fromkeys(cmdlets)] == [*dict.fromkeys(planned)] and len(cmdlets) == len(planned) + 1
    assert list(dict.fromkeys(cmdlets)) == [
        "New-AcceptedDomain",
        "Remove-ReceiveConnector",  # Replaced makes room for Apps
        "New-ReceiveConnector",
        "Add-ADPermission",
        "Set-AdSiteLink",
        "New-SendConnector",
        "Remove-SendConnector",
        "Remove-AcceptedDomain",
    ]
    # Scanner is removed when the send connectors have changed.
    assert cmdlets[-3:] == ["Remove-ReceiveConnector", "Remove-ReceiveConnector", "Remove-AcceptedDomain"]
    # Otherwise a task would not see what the one before it wrote.
    assert len(controllers) == 1
    assert not any("does not accept mail for yet" in text for text in (done["send"] or {}).get("warnings", []))
    assert commands(results(again_run, "after")) == [] and "changed=0" in again_run.output
    assert in_sync == 6


def test_a_list_that_is_left_out_is_left_alone(engine: Engine) -> None:
    there = organisation()
    lists: dict[str, Raw] = {
        "none": {},
        "receive": {"exchange_connectors_receive": [APPS]},
        "site_links": {"exchange_connectors_site_links": AFTER["exchange_connectors_site_links"]},
        "accepted_domains": {"exchange_connectors_accepted_domains": ["contoso.com"]},
        "send": {"exchange_connectors_send": [{**PARTNER, "relay": False}]},
    }
    with engine_endpoint(engine, there) as (endpoint, bridge):
        for number, (name, variables) in enumerate(lists.items()):
            found = results(run(endpoint, role(name, variables), check=True).expect_success(), name)
            assert [one for one, result in found.items() if result] == [name] * bool(variables)
            assert len(bridge.sessions) == number


def test_hosts_that_are_let_in_no_longer_are_until_the_senders_have_changed(engine: Engine) -> None:
    """Without purge, and with nothing to remove: the first half says that there is a second one."""
    there = organisation()
    before(there)
    fewer = {**APPS, "name": "Scanner", "remote_ip_ranges": ["192.0.2.78"], "relay": "none"}
    variables = {"exchange_connectors_receive": [fewer], "exchange_connectors_send": [{**PARTNER, "relay": False}]}
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        announced = results(run(endpoint, role("after", variables), check=True).expect_success(), "after")
        done = results(run(endpoint, role("after", variables)).expect_success(), "after")
        again = results(run(endpoint, role("after", variables)).expect_success(), "after")
    assert commands(announced) == commands(done) and commands(again) == []
    both = ["Set-ReceiveConnector"] * 2  # on each of two servers
    assert written(there) == [*both, "New-SendConnector", *both]
    ranges = [given["RemoteIPRanges"] for name, given in there.calls if name == "Set-ReceiveConnector"]
    assert ranges == [["192.0.2.77", "192.0.2.78"]] * 2 + [["192.0.2.78"]] * 2
    assert again["withdrawn_receive"] is None


def test_entry_points_one_by_one(engine: Engine) -> None:
    there = organisation()
    before(there)
    steps = [task for entry in ("accept", "send", "withdraw") for task in role(entry, AFTER, entry)]
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        made = run(endpoint, steps).expect_success()
        whole = results(run(endpoint, role("whole", AFTER), check=True).expect_success(), "whole")
    found = {entry: results(made, entry) for entry in ("accept", "send", "withdraw")}
    assert [name for name in ORDER if found["accept"][name]] == list(ORDER[:3])
    assert [name for name in ORDER if found["send"][name]] == list(ORDER[:4])
    assert all(found["withdraw"].values())
    removed = found["withdraw"]["withdrawn_receive"] or {}
    assert [(one["connector"], one["server"]) for one in removed["plan"]] == [("Scanner", "EX1"), ("Scanner", "EX2")]
    assert commands(whole) == []


def test_a_session_that_is_lost_midway_is_made_good_by_the_next_run(engine: Engine) -> None:
    there = organisation()
    before(there)
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        expected = commands(results(run(endpoint, role("after", AFTER), check=True).expect_success(), "after"))
        # In the middle of the receive connectors, behind three accepted domains; then among the send connectors.
        there.faults.drop_after_write(5)
        lost = run(endpoint, role("after", AFTER))
        there.faults.clear()
        there.faults.refuse("Remove-SendConnector", "InvalidOperationException")
        refused = run(endpoint, role("after", AFTER))
        there.faults.clear()
        completed = run(endpoint, role("after", AFTER)).expect_success()
        again = run(endpoint, role("after", AFTER), check=True).expect_success()
    receive = task_of(lost, "Let the servers take mail")
    assert lost.failed and receive["done"] and receive["not_done"]
    assert f"{ROLE} : Let Exchange send as the list says" not in {one.task for one in lost.tasks}
    send = task_of(refused, "Let Exchange send as the list says")
    assert refused.failed and [text.partition(" ")[0] for text in send["not_done"]] == ["Remove-SendConnector"]
    # Nothing narrows before the senders have changed.
    assert f"{ROLE} : Remove receive connectors, and let in fewer hosts" not in {one.task for one in refused.tasks}
    rest = commands(results(completed, "after"))
    assert rest == expected[-len(rest) :] and rest[0].startswith("Remove-SendConnector")
    assert commands(results(again, "after")) == []


def test_the_session_is_said_once(engine: Engine) -> None:
    """By variables of the role, or by module_defaults of the play, which a variable that is left out leaves alone."""
    there = organisation()
    uri = "http://ex1.contoso.com/PowerShell/"
    account = {
        "exchange_connectors_session_uri": uri,
        "exchange_connectors_session_username": "contoso\\svc",
        "exchange_connectors_session_password": "{{ session_password }}",
        "exchange_connectors_session_authentication": "negotiate",
    }
    defaults = {"group/mailops.connectors.exchange": {"session_uri": uri, "session_authentication": "kerberos"}}
    with engine_endpoint(engine, there, "remoting") as (endpoint, bridge):
        run(endpoint, role("one", {**BEFORE, **account}), verbosity=4).expect_success()
        told = {(one.way, one.uri, one.username, one.password, one.authentication) for one in bridge.sessions}
        assert told == {("remoting", uri, "contoso\\svc", SESSION_PASSWORD, "negotiate")}
        first = len(bridge.sessions)
        again = run(endpoint, role("two", BEFORE), keywords={"module_defaults": defaults}).expect_success()
        told = {(one.way, one.uri, one.username, one.password, one.authentication) for one in bridge.sessions[first:]}
        assert told == {("remoting", uri, None, None, "kerberos")}
    assert "changed=0" in again.output


WRONG: dict[str, Raw] = {
    "cannot be converted to a list": {"exchange_connectors_send": {"to": "partner"}},
    "exchange_connectors_purge": {
        "exchange_connectors_purge": "perhaps",
        "exchange_connectors_session_password": "{{ session_password }}",
    },
    "exchange_connectors_allow_unsafe": {
        "exchange_connectors_allow_unsafe": ["everything"],
        "exchange_connectors_send": [PARTNER],
    },
    'connector \\"to-partner\\", field tls, value': {
        "exchange_connectors_send": [{**PARTNER, "tls": {"level": "sometimes"}}]
    },
    'connector \\"Apps\\", field limits.max_message_size': {
        "exchange_connectors_receive": [{**APPS, "limits": {"max_message_size": "unlimited"}}]
    },
    "value of session_method must be one of": {
        "exchange_connectors_session_method": "telnet",
        "exchange_connectors_receive": [APPS],
    },
}


def test_what_is_wrong_shows_before_anything_is_asked_and_tells_no_password(engine: Engine) -> None:
    there = organisation()
    names = [f"h{place}" for place, _words in enumerate(WRONG)]
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        hosts = {name: {**endpoint.host_vars(), **WRONG[words]} for name, words in zip(names, WRONG, strict=True)}
        made = run(endpoint, role("wrong", {}), verbosity=4, hosts=hosts)
    failed = {one.host: one for one in made.tasks if one.status == "failed"}
    for name, words in zip(names, WRONG, strict=True):
        assert words in json.dumps(failed[name].result), (words, failed[name].result)
    assert there.calls == []
