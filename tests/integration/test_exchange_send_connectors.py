# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_send_connectors with real ansible-playbook, winrm and pywinrm, and the real exchange_invoke on a real engine.

Exchange itself is simulated, and its sessions are stubs: the Exchange Management Shell here, remoting and Edge once each.
Where the way of starting PowerShell plays no part, one engine serves all tasks of a playbook (lab/exchange/engine_endpoint.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell
from lab.exchange.bridge import Bridge
from lab.exchange.endpoint import Endpoint
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed

EVERY_CORE = True

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

SEND = "mailops.connectors.exchange_send_connectors"
INFO = "mailops.connectors.exchange_connectors_info"
PASSWORD = "Tr0ub4dor&3-of-the-relay"
Raw = dict[str, Any]

BASE: Raw = {"name": "to-partner", "address_spaces": ["partner.example"], "bridgeheads": ["EX1"]}
ACCOUNT = {"mechanism": "basic_over_tls", "username": "relay", "password": "{{ relay_password }}"}
FIELDS: dict[str, Raw] = {
    "address_spaces": {"address_spaces": ["*.partner.example;5", "other.example"]},
    "smart_hosts": {"smart_hosts": ["mx1.partner.example", "[192.0.2.10]"], "port": 2525},
    "bridgeheads": {"bridgeheads": ["ex2", "ex3.contoso.com"]},
    "enabled": {"enabled": False},
    "comment": {"comment": "Größe [a]; b"},
    "scope": {"scope": "routing_group"},
    "tls": {"smart_hosts": ["mx1.partner.example"], "tls": {"level": "verify", "certificate": "<I>CN=CA<S>CN=mail"}},
    "authentication": {"smart_hosts": ["mx1.partner.example"], "tls": {"level": "encrypt"}, "authentication": ACCOUNT},
    "helo": {"helo": {"name": "mail.contoso.com", "command": "helo"}},
    "max_message_size": {"max_message_size": "10MB"},
    "limits": {"limits": {"messages_per_connection": 5, "inactivity_timeout": "30s"}},
    "log": {"log": "verbose"},
    "exchange": {"exchange": {"FrontendProxyEnabled": True, "ErrorPolicies": "DowngradeDnsFailures"}},
}
RESETTABLE = [
    "smart_hosts",
    "enabled",
    "comment",
    "scope",
    "tls",
    "authentication",
    "helo",
    "limits",
    "log",
    "exchange",
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


@contextmanager
def exchange(engine: Engine) -> Iterator[tuple[Endpoint, Organisation]]:
    organisation = Organisation(drawn_seed(), ["EX1", "EX2", "EX3"])
    with ExitStack() as stack:
        endpoint, _bridge = stack.enter_context(engine_endpoint(engine, organisation))
        yield endpoint, organisation


@contextmanager
def windows(
    servers: Sequence[str] = ("EX1", "EX2", "EX3"), way: str = "management_shell", **options: Any
) -> Iterator[tuple[Endpoint, Organisation]]:
    """With a PowerShell of its own for each task, started as Windows would."""
    organisation = Organisation(drawn_seed(), list(servers), **options)
    with Bridge(organisation) as bridge, Endpoint(environment=bridge.environment(way)) as endpoint:
        yield endpoint, organisation
        assert (bridge.problems, bridge.open_sessions) == ([], [])


def run(endpoint: Endpoint, tasks: list[Raw], **options: Any) -> ansible.Run:
    variables = {"relay_password": PASSWORD}
    return ansible.playbook(
        tasks, hosts=("ex1",), host_vars={"ex1": endpoint.host_vars()}, extra_vars=variables, **options
    )


def send(name: str, *connectors: Raw, options: Raw | None = None, **keywords: Any) -> Raw:
    return {"name": name, SEND: {"connectors": list(connectors), **(options or {})}, **keywords}


def results(made: ansible.Run) -> dict[str, Raw]:
    return {one.task: one.result for one in made.tasks}


UNSERVED = {"allow_unsafe": ["unserved", "large_change"]}


def test_every_field_alone_and_all_together(engine: Engine) -> None:
    """Set, set again, and back; each change is announced, applied, read back, and found in place."""
    together: Raw = {}
    for fields in FIELDS.values():
        together.update(fields)
    together["helo"] = {"name": "mail.contoso.com"}
    steps = {"all": together, "plain": {}, **FIELDS}
    tasks = [send("create", BASE)]
    for name, fields in steps.items():
        # Everything that the step before has set goes back in the same task.
        wanted = {"max_message_size": "unlimited", **BASE, **fields}
        wanted["reset"] = [one for one in RESETTABLE if one not in fields]
        tasks += [send(f"{name}: set", wanted, options=UNSERVED), send(f"{name}: again", wanted, options=UNSERVED)]
        if name == "all":
            tasks.insert(1, send("all: announced", wanted, options=UNSERVED, check_mode=True))
    with exchange(engine) as (endpoint, _organisation):
        made = run(endpoint, tasks).expect_success()
    found = results(made)
    assert found["create"]["plan"][0]["action"] == "create"
    for name, fields in steps.items():
        done, again = found[f"{name}: set"], found[f"{name}: again"]
        assert done["changed"] and done["commands"], name
        assert set(fields) - {"port"} <= {*done["plan"][0]["changes"], "smart_hosts", "authentication"}, name
        assert (again["changed"], again["plan"], again["commands"]) == (False, [], []), name
    announced = found["all: announced"]
    assert announced["commands"] == found["all: set"]["commands"] and announced["plan"] == found["all: set"]["plan"]
    assert PASSWORD not in made.output


def test_passwords_reach_the_host_and_nothing_else() -> None:
    wanted = {**BASE, **FIELDS["authentication"]}
    always = {**wanted, "authentication": {**ACCOUNT, "update_password": "always"}}
    with windows() as (endpoint, organisation):
        made = run(
            endpoint, [send("create", wanted), send("again", wanted), send("always", always)], verbosity=4, diff=True
        )
        made.expect_success()
    found = results(made)
    assert found["again"]["changed"] is False
    assert found["always"]["changed"] is True
    assert any("cannot be read back" in note for note in found["always"]["plan"][0]["notes"])
    assert PASSWORD not in made.output
    assert not any(PASSWORD in text for text in endpoint.texts)
    written = [parameters for cmdlet, parameters in organisation.calls if cmdlet == "New-SendConnector"]
    assert written[0]["AuthenticationCredential"].password == PASSWORD


def test_left_out_is_kept_and_reset_goes_back(engine: Engine) -> None:
    with exchange(engine) as (endpoint, _organisation):
        tasks = [
            send("create", {**BASE, "log": "verbose", "comment": "theirs"}),
            send("left out", {**BASE, "enabled": False}, options=UNSERVED),
            send("reset", {**BASE, "reset": ["log", "comment", "enabled"]}),
        ]
        found = results(run(endpoint, tasks, diff=True).expect_success())
    assert found["left out"]["plan"][0]["kept"] == ["comment", "log"]
    assert set(found["reset"]["plan"][0]["changes"]) == {"enabled", "comment", "log"}
    assert "log: verbose" in found["reset"]["diff"]["before"] and "log: verbose" not in found["reset"]["diff"]["after"]


def test_rename_adopt_and_removal(engine: Engine) -> None:
    with exchange(engine) as (endpoint, organisation):
        organisation.call(
            "New-SendConnector",
            {"Name": "By Hand", "AddressSpaces": ["hand.example"], "SourceTransportServers": ["EX1"], "Comment": "old"},
        )
        hand = {"name": "by hand", "address_spaces": ["hand.example"], "bridgeheads": ["ex1"]}
        tasks = [
            send("create", BASE),
            send("rename", {**BASE, "name": "To Partner AG", "renamed_from": ["to-partner"]}),
            send("absent, but nobody's", {"name": "By Hand", "state": "absent"}),
            send("adopt", hand),
            send("adopted", hand),
            send("removal refused", {"name": "by hand", "state": "absent"}, ignore_errors=True),
            send("removal", {"name": "by hand", "state": "absent"}, options=UNSERVED),
            {"name": "info", INFO: {"query": "connectors[].name"}},
        ]
        found = results(run(endpoint, tasks))
    assert (found["rename"]["changed"], found["rename"]["routes_changed"][:1]) != (False, None)
    assert [entry["action"] for entry in found["rename"]["plan"]] == ["update"]
    assert found["absent, but nobody's"]["changed"] is False
    assert any("left alone" in warning for warning in found["absent, but nobody's"]["warnings"])
    assert found["adopt"]["plan"][0]["action"] == "adopt"
    assert found["adopted"]["plan"] == []
    assert "unserved" in found["removal refused"]["msg"]
    assert found["removal"]["plan"] == [
        {"connector": "by hand", "action": "remove", "changes": {}, "kept": [], "notes": []}
    ]
    assert found["info"]["query_result"] == ["To Partner AG"]


def test_purge_removes_the_own_set_only(engine: Engine) -> None:
    with exchange(engine) as (endpoint, organisation):
        for name in ("EdgeSync - Paris to Internet", "Outbound to Office 365 - 5c2f", "Default Internet"):
            organisation.call(
                "New-SendConnector",
                {"Name": name, "AddressSpaces": [f"{name[:3]}.example"], "SourceTransportServers": ["EX1"]},
            )
        other = {**BASE, "name": "other", "address_spaces": ["other.example"]}
        extra = {**BASE, "name": "extra", "address_spaces": ["extra.example"]}
        tasks = [
            send("mine", BASE, extra),
            send("theirs", other, options={"set": "theirs"}),
            send("purge", BASE, options={"purge": True, **UNSERVED}),
            {"name": "info", INFO: {}},
        ]
        found = results(run(endpoint, tasks).expect_success())
        left = sorted(one["Name"] for one in organisation.call("Get-SendConnector", {}))
    assert [entry["connector"] for entry in found["purge"]["plan"]] == ["extra"]
    assert left == sorted(
        ["EdgeSync - Paris to Internet", "Outbound to Office 365 - 5c2f", "Default Internet", "other", "to-partner"]
    )
    assert sorted(found["info"]["sets"]) == ["default", "theirs"]
    assert len(found["purge"]["unmanaged"]) == 3


@pytest.mark.parametrize("way", ["existing", "remoting", "edge"])
def test_other_ways_to_exchange(way: str) -> None:
    servers = ("EDGE1",) if way == "edge" else ("EX1", "EX2")
    options = {"session_uri": "http://ex1.contoso.com/PowerShell/"} if way == "remoting" else {}
    with windows(servers, way, edge=way == "edge") as (endpoint, _organisation):
        wanted = {**BASE, "bridgeheads": [servers[0].lower()]}
        tasks = [
            send("create", wanted, options=options),
            send("again", wanted, options=options),
            send("change", {**wanted, "comment": "x"}, options=options),
        ]
        found = results(run(endpoint, tasks).expect_success())
    assert [found[name]["changed"] for name in ("create", "again", "change")] == [True, False, True]
    assert found["create"]["session"]["method"] == way


def counted(endpoint: Endpoint, number: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sessions and WS-Man requests of a task that makes so many connectors, and of the one that finds them in place."""
    connectors = [{**BASE, "name": f"c{place}", "address_spaces": [f"d{place}.example"]} for place in range(number)]
    run(endpoint, [send("create", *connectors)]).expect_success()
    changed = (endpoint.exchange_sessions, endpoint.requests)
    again = run(endpoint, [send("again", *connectors)]).expect_success()
    assert results(again)["again"]["changed"] is False
    return changed, (endpoint.exchange_sessions - changed[0], endpoint.requests - changed[1])


NUMBERS = (1, 10, 100, 1000)


def test_sessions_and_requests_do_not_grow_with_the_list(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand on the real engine take minutes: there the stand-in for exchange_invoke answers, behind the same requests,
    unless LAB_THOUSAND is set."""
    counts, behind = {}, {}
    for number in NUMBERS:
        real = number < max(NUMBERS) or bool(os.environ.get("LAB_THOUSAND"))
        behind[number] = "the real engine" if real else "the stand-in"
        if real:
            with exchange(engine) as (endpoint, _organisation):
                counts[number] = counted(endpoint, number)
        else:
            with Endpoint(Organisation(drawn_seed(), ["EX1", "EX2", "EX3"]), "stand-in") as endpoint:
                counts[number] = counted(endpoint, number)
    with capsys.disabled():
        for number, (changed, in_sync) in counts.items():
            print(f"\n{number} connectors: change {changed[0]} sessions, {changed[1]} requests; ", end="")
            print(f"in sync {in_sync[0]} session, {in_sync[1]} requests, on {behind[number]}", end="")
        print()
    assert {changed[0] for changed, _in_sync in counts.values()} == {2}
    assert {in_sync[0] for _changed, in_sync in counts.values()} == {1}
    # What a thousand need beyond one is payload alone: far fewer requests than connectors.
    for place in (0, 1):
        assert counts[1000][place][1] - counts[1][place][1] < 100
