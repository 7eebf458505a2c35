# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with receive connectors, accepted domains and site links, and what goes wrong while they change.

Real ansible-playbook, winrm and pywinrm, and the real exchange_invoke on a real engine; Exchange itself is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell, tasks
from lab.exchange.endpoint import Endpoint
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

COLLECTION = "mailops.connectors"
LINK = "DEFAULTIPSITELINK"
PASSWORD = "c0rrect-h0rse-of-the-session"
Raw = dict[str, Any]

APPS: Raw = {
    "name": "Apps",
    "servers": ["ex1"],
    "bindings": ["0.0.0.0:26"],
    "remote_ip_ranges": ["192.0.2.10-192.0.2.19"],
}
RELAY: Raw = {
    "name": "to-partner",
    "address_spaces": ["partner.example"],
    "smart_hosts": ["mx.partner.example"],
    "bridgeheads": ["ex1"],
    "relay": True,
}
PLACE = 'connector "Apps"'
# Fields that are wrong -> what the error says: the field, the value, and the remedy.
WRONG: list[tuple[Raw, tuple[str, ...]]] = [
    ({"servers": ["ex9"]}, ("field servers", '"ex9"', "Exchange has EX1, EX2")),
    ({"servers": []}, ("field servers", "name at least one inventory host")),
    ({"limits": {"max_message_size": "unlimited"}}, ("limits.max_message_size", '"unlimited"', "2147483647 bytes")),
    (
        {"relay": "anonymous", "remote_ip_ranges": ["0.0.0.0/0"]},
        ("remote_ip_ranges", '"0.0.0.0', "allow_open_relay: true"),
    ),
    (
        {"relay": "externally_secured", "remote_ip_ranges": ["1.0.0.0-126.255.255.255", "128.0.0.0/1"]},
        ("remote_ip_ranges", "allow_open_relay: true"),
    ),
    (
        {"auth_mechanisms": ["tls", "externally_secured"], "permission_groups": ["exchange_servers"]},
        ("auth_mechanisms", '"externally_secured"', "relay: externally_secured"),
    ),
    ({"bindings": ["0.0.0.0:2525"]}, ("bindings", '"Default EX1"', "two services", "other bindings")),
    ({"remote_ip_ranges": ["192.0.2.45-192.0.2.60"]}, ("remote_ip_ranges", '"Held"', "overlap", "give them other")),
    ({"remote_ips": ["192.0.2.1"]}, ("remote_ips", "is no field", "remote_ip_ranges")),
    ({"remote_ip_ranges": ["192.0.2.9-192.0.2.1"]}, ("remote_ip_ranges", '"192.0.2.9-192.0.2.1"')),
    ({"remote_ip_ranges": [f"10.0.{n >> 8}.{n & 255}" for n in range(0, 2402, 2)]}, ("1201 ranges", "spread them")),
    ({"banner": "hello"}, ("banner", '"hello"', "220 hello")),
    ({"auth_mechanisms": ["basic_over_tls"]}, ("auth_mechanisms", '"basic_over_tls"', "add basic, tls")),
    ({"auth_mechanisms": ["none"], "tls": {"required": True}}, ("tls.required", "add tls to auth_mechanisms")),
    (
        {"limits": {"connection_timeout": "1m", "inactivity_timeout": "2m"}},
        ("limits.connection_timeout", '"60s"', "make it longer"),
    ),
    ({"helo_name": "mail.contoso.com."}, ("helo_name", '"mail.contoso.com."')),
    ({"comment": "two\nlines"}, ("comment",)),
    ({"name": "n" * 65}, ("connector 1 of the list", "field name")),
    ({"exchange": {"Fqdn": "x.example"}}, ("exchange.Fqdn", "helo_name")),
    ({"exchange": {"Usage": "Internet"}}, ("exchange.Usage", "permission_groups and auth_mechanisms")),
    ({"exchange": {"ChunkingEnabled": False, "BinaryMimeEnabled": True}}, ("BinaryMimeEnabled", "ChunkingEnabled")),
    ({"reset": ["limits.max_hop_count"]}, ("reset", '"limits.max_hop_count"', "give limits.max_hop_count a value")),
    ({"reset": ["banner"], "banner": "220 x"}, ("reset", '"banner"', "leave")),
    (
        {"renamed_from": ["Default Frontend EX1"]},
        ("renamed_from", "Default Frontend EX1", "make a connector of your own"),
    ),
    ({"relay": "everybody"}, ("relay", '"everybody"', "none, anonymous, externally_secured")),
]
WRONG_DOMAINS: list[tuple[Raw, tuple[str, ...]]] = [
    ({"domains": ["*"]}, ('domain "*"', "open relay", "name the domains")),
    ({"domains": ["new.example"]}, ('domain "new.example"', "field type", "use one of authoritative")),
    (
        {"domains": [{"name": "contoso.com", "type": "external_relay"}]},
        ('domain "contoso.com"', "field type", '"external_relay"', "allow_type_change: true"),
    ),
    ({"domains": [{"name": "contoso.com", "state": "absent"}]}, ('domain "contoso.com"', "default: true")),
    ({"domains": [{"name": "contoso.com", "kind": "x"}]}, ('domain "contoso.com"', "kind", "is no field")),
    (
        {"domains": [{"name": "partner.example", "state": "absent"}], "connectors": [RELAY]},
        ('domain "partner.example"', 'connector "to-partner"', "say the same in both"),
    ),
]
WRONG_LINKS: list[tuple[Raw, tuple[str, ...]]] = [
    ({"site_links": [{"name": "Nowhere", "cost": 7}]}, ('site link "Nowhere"', LINK)),
    ({"site_links": [{"name": LINK, "cost": 0}]}, (f'site link "{LINK}"', "field cost", '"0"', "1 to 99999")),
    ({"site_links": [{"name": LINK, "max_message_size": "1KB"}]}, (f'site link "{LINK}"', "max_message_size", "64KB")),
    ({"site_links": [{"name": LINK, "costs": 7}]}, (f'site link "{LINK}"', "costs", "is no field", "cost")),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def loop(name: str, module: str, arguments: Raw | str, items: list[Any]) -> Raw:
    return {"name": name, f"{COLLECTION}.{module}": arguments, "loop": items, "ignore_errors": True}


def run(endpoint: Endpoint, steps: list[Raw], **options: Any) -> ansible.Run:
    """With an account of its own for the session, whose password must not be seen anywhere."""
    account = {"session_uri": "http://ex1.contoso.com/PowerShell/", "session_username": "contoso\\svc"}
    defaults = {f"group/{COLLECTION}.exchange": {**account, "session_password": "{{ session_password }}"}}
    made = ansible.playbook(
        steps,
        hosts=("ex1",),
        host_vars={"ex1": endpoint.host_vars()},
        extra_vars={"session_password": PASSWORD},
        keywords={"module_defaults": defaults},
        verbosity=4,
        **options,
    )
    assert PASSWORD not in made.output and PASSWORD not in str(made.tasks)
    assert not any(PASSWORD in text for text in endpoint.texts)
    return made


def items(made: ansible.Run, name: str) -> list[Raw]:
    """The results of a task's loop."""
    return list(made.of(name)["ex1"]["results"])


def test_what_is_wrong_is_named_with_its_remedy_and_nothing_is_touched(engine: Engine) -> None:
    there = Organisation(drawn_seed(), ["EX1", "EX2"])
    tasks.receive_connectors(there, [{**APPS, "name": "Held", "remote_ip_ranges": ["192.0.2.40-192.0.2.49"]}])
    there.calls.clear()
    receive = [[{**APPS, **fields}] for fields, _words in WRONG]
    domains = [{"domains": [], "connectors": [], **given} for given, _words in WRONG_DOMAINS]
    steps = [
        loop("receive", "exchange_receive_connectors", {"connectors": "{{ item }}"}, receive),
        loop(
            "domains",
            "exchange_accepted_domains",
            {"domains": "{{ item.domains }}", "connectors": "{{ item.connectors }}"},
            domains,
        ),
        loop(
            "links",
            "exchange_site_links",
            {"site_links": "{{ item.site_links }}"},
            [given for given, _words in WRONG_LINKS],
        ),
    ]
    with engine_endpoint(engine, there, "remoting") as (endpoint, bridge):
        made = run(endpoint, steps)
        assert {one.password for one in bridge.sessions} == {PASSWORD}
    for name, table in (("receive", WRONG), ("domains", WRONG_DOMAINS), ("links", WRONG_LINKS)):
        for (given, words), result in zip(table, items(made, name), strict=True):
            message = str(result.get("msg"))
            assert message.startswith("Nothing was touched.") and not result["changed"], (given, message)
            place = () if name != "receive" or "name" in given else (PLACE,)
            assert not [word for word in (*place, *words) if word not in message], (given, message)
            assert "Remedy:" in message, message
    assert not [cmdlet for cmdlet, _parameters in there.calls if not cmdlet.startswith("Get-")]


# --- faults ----------------------------------------------------------------------------------------------------------


def connector(name: str, place: int) -> Raw:
    servers = ["ex1", "ex2", "ex3"]
    fixed = {"bindings": [f"0.0.0.0:{2600 + place}"], "remote_ip_ranges": ["192.0.2.10"], "relay": "anonymous"}
    return {"name": name, "servers": servers, "banner": f"220 {name}", **fixed}


def test_each_fault_ends_in_its_error_and_the_next_run_completes_the_work(engine: Engine) -> None:
    there = Organisation(drawn_seed(), ["EX1", "EX2", "EX3"])
    faults = there.faults

    def somebody_else(name: str) -> Callable[[], Any]:
        def change() -> None:
            limit = sum(1 for cmdlet, _parameters in there.calls if cmdlet == "Set-ReceiveConnector") % 10
            there.call("Set-ReceiveConnector", {"Identity": f"EX1\\{name}", "MaxLogonFailures": limit})

        return change

    refused = "InvalidOperationException"
    # Name of the connector -> what happens when its task is about to write, and how many sessions it happens to.
    armed: dict[str, tuple[Callable[[], Any], int]] = {
        "lost before a write": (lambda: faults.drop_before_write(2), 1),
        "lost after a write": (lambda: faults.drop_after_write(2), 1),
        "refused": (lambda: faults.refuse("New-ReceiveConnector", refused, number=3), 1),
        "right refused": (lambda: faults.refuse("Add-ADPermission", refused, number=2), 1),
        "cmdlet hidden": (lambda: faults.hide("New-ReceiveConnector"), 1),
        "parameter hidden": (lambda: faults.hide("New-ReceiveConnector", "Banner"), 1),
        "does not come back": (lambda: faults.does_not_stick("ReceiveConnector", "Banner"), 1),
        "changed once": (somebody_else("changed once"), 1),
        "changed twice": (somebody_else("changed twice"), 2),
    }
    every = [connector(name, place) for place, name in enumerate(armed)]
    there_already = [{**one, "banner": "220 old"} for one in every if one["name"].startswith("changed")]
    tasks.receive_connectors(there, there_already)
    left = {name: times for name, (_arm, times) in armed.items()}

    def watch(calls: str, writes: bool) -> None:
        faults.clear()
        for name, (arm, _times) in armed.items():
            if writes and f"220 {name}" in calls and left[name]:
                left[name] -= 1
                arm()

    steps = [
        loop("faults", "exchange_receive_connectors", {"connectors": ["{{ item }}"]}, every),
        {"name": "then", f"{COLLECTION}.exchange_receive_connectors": {"connectors": every}},
        {"name": "again", f"{COLLECTION}.exchange_receive_connectors": {"connectors": every}},
    ]
    with engine_endpoint(engine, there, "remoting", watch) as (endpoint, _bridge):
        made = run(endpoint, steps).expect_success()
    found = {one["item"]["name"]: one for one in items(made, "faults")}
    assert not any(left.values())
    for name in ("lost before a write", "lost after a write"):
        assert "session with Exchange was lost" in found[name]["msg"] and "Run the task again" in found[name]["msg"]
    cmdlets = {
        name: [[text.partition(" ")[0] for text in one.get(part) or ()] for part in ("done", "not_done")]
        for name, one in found.items()
    }
    new, add = "New-ReceiveConnector", "Add-ADPermission"
    # Whether the one under way ran is not known, so it counts as not done.
    assert cmdlets["lost before a write"] == cmdlets["lost after a write"] == [[new], [new, new, add]]
    assert "not known" in found["lost after a write"]["msg"]
    assert cmdlets["refused"] == [[new, new], [new, add]]
    assert cmdlets["right refused"][1] == [add] and "Of 4 changes 3 were made" in found["right refused"]["msg"]
    for name in ("cmdlet hidden", "parameter hidden"):
        assert found[name]["msg"].startswith("Nothing was changed.") and not found[name]["changed"]
        assert new in found[name]["msg"]
    assert "Organization Management" in found["cmdlet hidden"]["msg"]
    assert "Banner" in found["parameter hidden"]["msg"]
    assert len(found["does not come back"]["differences"]) == 3
    assert "field banner" in found["does not come back"]["msg"]
    assert "msg" not in found["changed once"] and found["changed once"]["changed"]
    assert found["changed once"]["plan"][0]["kept"] == ["limits.max_logon_failures"]
    assert "somebody else changed" in found["changed twice"]["msg"] and not found["changed twice"]["changed"]
    planned = {(one["connector"], one["server"], one["action"]) for one in made.of("then")["ex1"]["plan"]}
    assert {one[0] for one in planned} == set(armed) - {"changed once"}
    assert ("lost after a write", "EX2", "update") in planned and ("lost before a write", "EX2", "create") in planned
    assert made.of("again")["ex1"]["changed"] is False


def test_faults_of_accepted_domains_and_site_links(engine: Engine) -> None:
    there = Organisation(drawn_seed(), ["EX1"])
    faults = there.faults
    domains: dict[str, Callable[[], Any]] = {
        "lost.example": lambda: faults.drop_after_write(1),
        "refused.example": lambda: faults.refuse("New-AcceptedDomain", "InvalidOperationException"),
        "unsticky.example": lambda: faults.does_not_stick("AcceptedDomain", "DomainType"),
        "elsewhere.example": lambda: there.call(
            "New-AcceptedDomain",
            {"Name": "elsewhere.example", "DomainName": "elsewhere.example", "DomainType": "ExternalRelay"},
        ),
    }
    costs: dict[int, Callable[[], Any]] = {
        501: lambda: faults.drop_before_write(1),
        502: lambda: faults.does_not_stick("AdSiteLink", "ExchangeCost"),
        503: lambda: there.call("Set-AdSiteLink", {"Identity": LINK, "ExchangeCost": 99}),
    }
    left = {**domains, **{f'"ExchangeCost": {cost}': arm for cost, arm in costs.items()}}

    def watch(calls: str, writes: bool) -> None:
        faults.clear()
        for text in [one for one in left if writes and one in calls]:
            left.pop(text)()

    wanted = [{"name": name, "type": "external_relay"} for name in domains]
    steps = [
        loop("domains", "exchange_accepted_domains", {"domains": ["{{ item }}"]}, wanted),
        loop("links", "exchange_site_links", {"site_links": [{"name": LINK, "cost": "{{ item }}"}]}, list(costs)),
        {
            "name": "then",
            f"{COLLECTION}.exchange_accepted_domains": {"domains": wanted, "allow_type_change": True},
        },
        {"name": "again", f"{COLLECTION}.exchange_accepted_domains": {"domains": wanted}},
    ]
    with engine_endpoint(engine, there, "remoting", watch) as (endpoint, _bridge):
        made = run(endpoint, steps).expect_success()
    assert not left
    lost, refused, unsticky, elsewhere = items(made, "domains")
    assert "lost" in lost["msg"] and refused["msg"].startswith("Nothing was changed.")
    assert 'domain "unsticky.example", field type' in unsticky["msg"]
    # Planned again, and found in place.
    assert "msg" not in elsewhere and not elsewhere["changed"]
    lost, unsticky, changed = items(made, "links")
    assert "lost" in lost["msg"] and "field cost" in unsticky["msg"]
    assert "msg" not in changed and changed["plan"][0]["changes"]["cost"] == {"before": 99, "after": 503}
    assert [one["domain"] for one in made.of("then")["ex1"]["plan"]] == ["refused.example", "unsticky.example"]
    assert made.of("again")["ex1"]["changed"] is False
