# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receive connectors from lists, in simulated organisations (a Python stand-in runs the calls of exchange_invoke).

Each test runs in several organisations, which differ in what is not proved about Exchange; the seed is in the test's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_task import ReceiveConnectors, Request

from lab.exchange import tasks
from lab.exchange.simulator import Certificate, Organisation, Server
from lab.exchange.standin import Invoker

Raw = dict[str, Any]
SEEDS = pytest.mark.parametrize("seed", range(8))
RIGHT = "ms-Exch-SMTP-Accept-Any-Recipient"
BASE: Raw = {"name": "Apps", "servers": ["ex1"], "bindings": ["0.0.0.0:25"], "remote_ip_ranges": ["192.0.2.10"]}
RELAY: Raw = {**BASE, "relay": "anonymous"}


def organisation(seed: int, **pinned: str) -> Organisation:
    return Organisation(seed, ["EX1", "EX2"], pinned=pinned)


def run(there: Organisation, *connectors: Raw, check_mode: bool = False, **options: Any) -> Raw:
    allowed = options.pop("allow_unsafe", ())
    invoke = options.pop("invoke", None) or Invoker(there, check_mode=check_mode)
    backend = ReceiveConnectors(Request(list(connectors), **options))
    return task.run(backend, invoke, check_mode=check_mode, allow_unsafe=allowed)


def done(there: Organisation, *connectors: Raw, **options: Any) -> Raw:
    result = run(there, *connectors, **options)
    assert not result.get("failed"), result["msg"]
    return result


def problems(there: Organisation, *connectors: Raw, **options: Any) -> list[Any]:
    before = everything(there)
    with pytest.raises(ConnectorError) as raised:
        run(there, *connectors, **options)
    assert everything(there) == before
    return raised.value.problems


def objects(there: Organisation) -> dict[str, Any]:
    """What the domain controller holds, by SERVER\\name."""
    stored = there.directory.objects(there.directory.controllers[0], "ReceiveConnector")
    return {f"{one.values['Server']}\\{one.name}": one for one in stored}


def everything(there: Organisation) -> dict[str, Any]:
    return {name: (one.values, one.entries) for name, one in objects(there).items()}


def relaying(there: Organisation, name: str = "EX1\\Apps") -> list[str]:
    return [entry.right for entry in objects(there)[name].entries]


def actions(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["server"], one["connector"], one["action"]) for one in result["plan"]]


# --- create, update, adopt, remove -----------------------------------------------------------------------------------


@SEEDS
def test_one_definition_on_two_servers(seed: int) -> None:
    there = organisation(seed)
    wanted = {**RELAY, "servers": ["ex1", "ex2.contoso.com"], "exchange": {"BareLinefeedRejectionEnabled": True}}
    result = done(there, wanted)
    assert actions(result) == [("EX1", "Apps", "create"), ("EX2", "Apps", "create")]
    for server in ("EX1", "EX2"):
        made = objects(there)[f"{server}\\Apps"]
        assert made.values["TransportRole"] == "FrontendTransport"
        assert made.values["PermissionGroups"] == ("AnonymousUsers",)
        assert made.values["BareLinefeedRejectionEnabled"] is True
        assert made.values["Comment"] == "[mailops:default]"
        assert [entry.right for entry in made.entries] == [RIGHT]
    again = Invoker(there)
    second = done(there, wanted, invoke=again)
    assert (second["changed"], second["plan"], second["commands"], again.sessions) == (False, [], [], 1)
    assert second["diff"]["before"] == second["diff"]["after"]
    assert [one["servers"] for one in result["diff"]["after"]] == [["ex1", "ex2"]]
    assert result["diff"]["after"][0]["relay"] == "anonymous"


@SEEDS
def test_check_mode_announces_what_is_done(seed: int) -> None:
    there = organisation(seed)
    before = everything(there)
    announced = done(there, RELAY, check_mode=True)
    assert everything(there) == before
    result = done(there, RELAY)
    for name in ("changed", "plan", "commands", "diff"):
        assert announced[name] == result[name]


@SEEDS
def test_left_out_means_left_alone(seed: int) -> None:
    there = organisation(seed)
    done(there, {**RELAY, "banner": "220 hello", "limits": {"tarpit_interval": "9s", "max_logon_failures": 7}})
    there.call("Set-ReceiveConnector", {"Identity": "EX1\\Apps", "MaxHopCount": 77, "ProtocolLoggingLevel": "Verbose"})
    result = done(there, {"name": "apps", "servers": ["ex1"], "limits": {"tarpit_interval": "3s"}})
    assert result["plan"][0]["changes"]["limits.tarpit_interval"] == {"before": "9s", "after": "3s"}
    assert {"banner", "log", "limits.max_logon_failures"} <= set(result["plan"][0]["kept"])
    values = objects(there)["EX1\\apps"].values
    assert (values["MaxHopCount"], values["Banner"], values["MaxLogonFailures"]) == (77, "220 hello", 7)
    assert relaying(there, "EX1\\apps") == [RIGHT]
    result = done(there, {"name": "apps", "servers": ["ex1"], "reset": ["banner", "limits", "log"]})
    values = objects(there)["EX1\\apps"].values
    assert (values["MaxHopCount"], values["Banner"], values["MaxLogonFailures"]) == (77, None, 3)
    assert (values["TarpitInterval"], values["ProtocolLoggingLevel"]) == (5, "None")
    assert "limits.max_hop_count" in result["plan"][0]["notes"][0]


@SEEDS
def test_only_what_changes_is_set(seed: int) -> None:
    there = organisation(seed)
    done(there, RELAY)
    result = done(there, {**RELAY, "comment": "for apps", "limits": {"max_header_size": "1MB"}})
    guid = objects(there)["EX1\\Apps"].guid
    assert result["commands"] == [
        f"Set-ReceiveConnector -Identity '{guid}' -MaxHeaderSize '1024KB' -Comment 'for apps [mailops:default]'"
    ]


@SEEDS
def test_a_connector_of_somebody_else_is_taken_over(seed: int) -> None:
    there = organisation(seed)
    there.call(
        "New-ReceiveConnector",
        {
            "Name": "Apps",
            "Server": "EX1",
            "Usage": "Custom",
            "TransportRole": "FrontendTransport",
            "Bindings": ["0.0.0.0:25"],
            "RemoteIPRanges": ["192.0.2.10/32"],
        },
    )
    assert done(there, check_mode=True)["unmanaged"] == ["EX1\\Apps"]
    result = done(there, {"name": "APPS", "state": "absent"})
    assert not result["changed"] and "no mark" in result["warnings"][0]
    result = done(there, {**BASE, "comment": "ours"})
    assert actions(result) == [("EX1", "Apps", "adopt")]
    assert result["unmanaged"] == []
    assert not done(there, {**BASE, "comment": "ours"})["changed"]


@SEEDS
def test_renaming(seed: int) -> None:
    there = organisation(seed)
    done(there, {**RELAY, "name": "Old"})
    guid = objects(there)["EX1\\Old"].guid
    wanted = {**RELAY, "renamed_from": ["old"]}
    result = done(there, wanted)
    assert result["plan"][0]["changes"]["name"] == {"before": "Old", "after": "Apps"}
    assert objects(there)["EX1\\Apps"].guid == guid
    assert relaying(there) == [RIGHT]
    assert not done(there, wanted)["changed"]


@SEEDS
def test_purge_removes_what_the_set_owns_and_nothing_else(seed: int) -> None:
    there = organisation(seed)
    beginning = set(objects(there))
    ours = {**RELAY, "servers": ["ex1", "ex2"]}
    theirs = {**BASE, "name": "Theirs", "remote_ip_ranges": ["192.0.2.11"]}
    done(there, ours)
    done(there, theirs, set="team")
    done(there, {"name": "Default Frontend EX1", "servers": ["ex1"], "log": "verbose"})
    result = done(there, {**RELAY, "servers": ["ex2"]}, purge=True)
    assert actions(result) == [("EX1", "Apps", "remove")]
    assert "purge does not remove it" in " ".join(result["warnings"])
    assert set(objects(there)) == beginning | {"EX2\\Apps", "EX1\\Theirs"}
    found = problems(there, {**BASE, "name": "Theirs"})
    assert 'sets "team" and "default"' in found[0].message


@SEEDS
def test_removing_many_asks_first(seed: int) -> None:
    there = organisation(seed)
    many = [{**BASE, "name": f"c{place}", "remote_ip_ranges": [f"192.0.2.{place}"]} for place in range(10)]
    done(there, *many)
    result = run(there, *many[4:], purge=True)
    assert result["failed"] and result["unsafe"][0]["kind"] == "large_change"
    assert len(objects(there)) == 20
    done(there, *many[4:], purge=True, allow_unsafe=["large_change"])
    assert len(objects(there)) == 16


@SEEDS
@pytest.mark.parametrize("purge", [False, True])
def test_removals_in_a_run_of_their_own(seed: int, purge: bool) -> None:
    """What goes waits, except for what takes the place of something that comes."""
    there = organisation(seed)
    old = [
        {**BASE, "name": "Replaced", "servers": ["ex1", "ex2"]},
        {**BASE, "name": "Goes", "remote_ip_ranges": ["192.0.2.77"]},
    ]
    done(there, *old)
    names = [] if purge else [{"name": one["name"], "state": "absent"} for one in old]
    wanted = [RELAY, *names]
    # As announced one after the other, when nothing has happened yet, so done.
    announced = [
        run(there, *wanted, purge=purge, removals=word, check_mode=True)["commands"] for word in ("later", "only")
    ]
    later = done(there, *wanted, purge=purge, removals="later")
    only = done(there, *wanted, purge=purge, removals="only")
    assert [later["commands"], only["commands"]] == announced
    assert actions(later) == [("EX1", "Apps", "create"), ("EX1", "Replaced", "remove")]
    assert actions(only) == [("EX1", "Goes", "remove"), ("EX2", "Replaced", "remove")]
    words = ("now", "later", "only")
    assert not any(done(there, *wanted, purge=purge, removals=word)["changed"] for word in words)


LATER: Raw = {"removals": "later"}
ONLY: Raw = {"removals": "only"}


def let_in(there: Organisation, name: str) -> tuple[list[str], str, bool]:
    (found,) = [one for one in tasks.information(there)["receive_connectors"] if one["name"] == name]
    return found["remote_ip_ranges"], found.get("relay", "none"), found.get("enabled", True)


@SEEDS
@pytest.mark.parametrize(
    ("old", "new", "between"),
    [
        # Others are let in: both are until the senders have changed.
        ({}, {"remote_ip_ranges": ["192.0.2.11"]}, (["192.0.2.10", "192.0.2.11"], "anonymous", True)),
        ({"remote_ip_ranges": ["192.0.2.0/24"]}, {}, (["192.0.2.0/24"], "anonymous", True)),
        ({}, {"relay": "none"}, (["192.0.2.10"], "anonymous", True)),
        ({"relay": "externally_secured"}, {"relay": "none"}, (["192.0.2.10"], "externally_secured", True)),
        ({}, {"enabled": False}, (["192.0.2.10"], "anonymous", True)),
        # Who is let in later may not do more than before or after.
        ({}, {"relay": "none", "remote_ip_ranges": ["192.0.2.11"]}, (["192.0.2.11"], "none", True)),
        # Ranges of which none holds the other do not go together.
        (
            {"remote_ip_ranges": ["192.0.2.10-192.0.2.12"]},
            {"remote_ip_ranges": ["192.0.2.11-192.0.2.13"]},
            (["192.0.2.11-192.0.2.13"], "anonymous", True),
        ),
    ],
)
def test_what_lets_in_fewer_hosts_waits_as_a_removal_does(
    seed: int, old: Raw, new: Raw, between: tuple[list[str], str, bool]
) -> None:
    there = organisation(seed)
    relay = {**BASE, "name": "Shared", "remote_ip_ranges": ["192.0.2.10"], "relay": "anonymous"}
    done(there, {**relay, **old})
    wanted = {**relay, **new}
    announced = [run(there, wanted, check_mode=True, **word)["commands"] for word in (LATER, ONLY)]
    later = done(there, wanted, **LATER)
    assert let_in(there, "Shared") == between
    assert later["waits"] == (between != (wanted["remote_ip_ranges"], wanted["relay"], wanted.get("enabled", True)))
    assert not done(there, wanted, **LATER)["changed"]
    only = done(there, wanted, **ONLY)
    assert [later["commands"], only["commands"]] == announced
    assert let_in(there, "Shared") == (wanted["remote_ip_ranges"], wanted["relay"], wanted.get("enabled", True))
    assert not any(done(there, wanted, **word)["changed"] for word in ({}, LATER, ONLY))
    assert not done(there, wanted, **LATER)["waits"] and "waits" not in done(there, wanted)


@SEEDS
def test_what_another_connector_takes_over_is_given_up_at_once(seed: int) -> None:
    there = organisation(seed)
    one = {**BASE, "name": "One", "remote_ip_ranges": ["192.0.2.10", "192.0.2.11"]}
    done(there, one)
    wanted = [{**one, "remote_ip_ranges": ["192.0.2.11"]}, {**BASE, "name": "Two", "remote_ip_ranges": ["192.0.2.10"]}]
    assert not done(there, *wanted, **LATER)["waits"]
    assert let_in(there, "One")[0] == ["192.0.2.11"] and let_in(there, "Two")[0] == ["192.0.2.10"]
    assert not done(there, *wanted, **ONLY)["changed"]


@SEEDS
def test_a_dangerous_list_is_refused_before_its_first_half(seed: int) -> None:
    there = organisation(seed)
    many = [{**BASE, "name": f"c{place}", "remote_ip_ranges": [f"192.0.2.{place}"]} for place in range(10)]
    done(there, *many)
    new = {**BASE, "name": "new", "remote_ip_ranges": ["192.0.2.99"]}
    result = run(there, new, purge=True, removals="later")
    assert result["failed"] and result["unsafe"][0]["kind"] == "large_change"
    assert "EX1\\new" not in objects(there)


# --- relaying --------------------------------------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("first", ["none", "anonymous", "externally_secured"])
@pytest.mark.parametrize("then", ["none", "anonymous", "externally_secured"])
def test_from_one_way_of_relaying_to_another(seed: int, first: str, then: str) -> None:
    there = organisation(seed)
    done(there, {**BASE, "relay": first})
    result = done(there, {**BASE, "relay": then})
    assert result["changed"] == (first != then)
    if first != then:
        assert result["plan"][0]["changes"]["relay"] == {"before": first, "after": then}
    made = objects(there)["EX1\\Apps"].values
    assert relaying(there) == ([RIGHT] if then == "anonymous" else [])
    assert ("ExternalAuthoritative" in made["AuthMechanism"]) == (then == "externally_secured")
    assert "AnonymousUsers" in made["PermissionGroups"] or then != "anonymous"
    assert "ExchangeServers" in made["PermissionGroups"] or then != "externally_secured"
    assert not done(there, {**BASE, "relay": then})["changed"]


@SEEDS
@pytest.mark.parametrize("groups", ["drops", "keeps"])
@pytest.mark.parametrize("relay", [{"relay": "anonymous"}, {}])
def test_the_right_to_relay_outlasts_a_change_of_groups(seed: int, groups: str, relay: Raw) -> None:
    there = organisation(seed, groups_drop_entries=groups)
    done(there, RELAY)
    wanted = {**BASE, **relay, "permission_groups": ["anonymous_users", "partners", "ExchangeUsers"]}
    assert done(there, wanted)["changed"]
    assert relaying(there) == [RIGHT]
    assert not done(there, wanted)["changed"]


@SEEDS
def test_rights_of_others_stay(seed: int) -> None:
    there = organisation(seed)
    done(there, RELAY)
    dn = objects(there)["EX1\\Apps"].dn
    other = "ms-Exch-Bypass-Anti-Spam"
    user = there.directory.objects(there.directory.controllers[0], "ReceiveConnector")
    name = next(entry.user for one in user for entry in one.entries)
    there.call("Add-ADPermission", {"Identity": dn, "User": name, "ExtendedRights": [other]})
    done(there, {**BASE, "relay": "none"})
    assert relaying(there) == [other]


@SEEDS
def test_relaying_ends_before_more_hosts_come(seed: int) -> None:
    there = organisation(seed)
    done(there, RELAY)
    wider = {**BASE, "relay": "none", "remote_ip_ranges": ["0.0.0.0-223.255.255.255"]}
    commands = [text.partition(" ")[0] for text in done(there, wider)["commands"]]
    assert commands == ["Remove-ADPermission", "Set-ReceiveConnector"]
    narrow = done(there, RELAY)["commands"]
    assert [text.partition(" ")[0] for text in narrow] == [
        "Set-ReceiveConnector",
        "Get-ReceiveConnector",
        "Add-ADPermission",
    ]


@SEEDS
def test_an_open_relay_is_refused(seed: int) -> None:
    there = organisation(seed)
    done(there, RELAY)
    wide = {"name": "Apps", "servers": ["ex1"], "remote_ip_ranges": {"add": ["0.0.0.0/1", "128.0.0.0/1"]}}
    found = problems(there, wide)
    assert found[0].field == "remote_ip_ranges" and "allow_open_relay: true" in found[0].remedy
    default = {"name": "Default Frontend EX1", "servers": ["ex1"], "relay": "anonymous"}
    assert "default connector" in problems(there, default)[0].message
    assert done(there, {**wide, "allow_open_relay": True})["changed"]
    result = done(there, {"name": "Apps", "servers": ["ex1"], "log": "verbose"})
    assert not any("open relay" in text for text in result["warnings"])  # nobody looked at its rights
    result = done(there, {"name": "Apps", "servers": ["ex1"], "permission_groups": ["anonymous_users"]})
    assert any("open relay" in text for text in result["warnings"])


@SEEDS
def test_without_the_right_to_read_permissions(seed: int) -> None:
    there = organisation(seed)
    done(there, BASE)
    there.faults.hide("Get-ADPermission")
    found = problems(there, RELAY)
    assert found[0].field == "relay" and "Get-ADPermission" in found[0].remedy
    assert not done(there, BASE)["changed"]


@SEEDS
def test_a_denied_right_is_told(seed: int) -> None:
    there = organisation(seed, principal_language="English")
    done(there, RELAY)
    parameters = {
        "Identity": objects(there)["EX1\\Apps"].dn,
        "User": "NT AUTHORITY\\ANONYMOUS LOGON",
        "ExtendedRights": [RIGHT],
    }
    there.call("Add-ADPermission", {**parameters, "Deny": True})
    assert "denies the right" in done(there, RELAY)["warnings"][0]


# --- connectors that stand in each other's way -----------------------------------------------------------------------


@SEEDS
def test_two_services_on_one_socket(seed: int) -> None:
    there = organisation(seed)
    found = problems(there, {**BASE, "transport_role": "hub_transport"})
    assert found[0].field == "bindings" and "Default Frontend EX1" in found[0].message
    found = problems(there, {**BASE, "bindings": ["[::]:2525"]})
    assert '"Default EX1"' in found[0].message


@SEEDS
def test_ranges_that_cross(seed: int) -> None:
    there = organisation(seed)
    done(there, {**BASE, "remote_ip_ranges": ["192.0.2.10-192.0.2.20"]})
    found = problems(there, {**BASE, "name": "Other", "remote_ip_ranges": ["192.0.2.15-192.0.2.30"]})
    assert found[0].field == "remote_ip_ranges" and "overlap" in found[0].message
    done(there, {**BASE, "name": "Other", "remote_ip_ranges": ["192.0.2.15-192.0.2.16"]})


@SEEDS
def test_a_host_moves_from_one_connector_to_another(seed: int) -> None:
    there = organisation(seed)
    both = {**BASE, "name": "B", "remote_ip_ranges": ["192.0.2.1", "192.0.2.2"]}
    done(there, both)
    moved = [{**BASE, "name": "A", "remote_ip_ranges": ["192.0.2.1"]}, {**both, "remote_ip_ranges": ["192.0.2.2"]}]
    result = done(there, *moved)
    assert [text.partition(" ")[0] for text in result["commands"]] == ["Set-ReceiveConnector", "New-ReceiveConnector"]
    swapped = [{**moved[0], "remote_ip_ranges": ["192.0.2.2"]}, {**both, "remote_ip_ranges": ["192.0.2.1"]}]
    found = problems(there, *swapped)
    assert "each other's place" in found[0].message


@SEEDS
def test_adding_and_removing_ranges(seed: int) -> None:
    there = organisation(seed)
    there.call(
        "New-ReceiveConnector",
        {
            "Name": "Apps",
            "Server": "EX1",
            "Usage": "Custom",
            "TransportRole": "FrontendTransport",
            "Bindings": ["0.0.0.0:25"],
            "RemoteIPRanges": ["192.0.2.77/28", "10.0.0.1"],
        },
    )
    change = {
        "name": "Apps",
        "servers": ["ex1"],
        "remote_ip_ranges": {"add": ["10.0.0.2", "10.0.0.1"], "remove": ["192.0.2.64/28"]},
    }
    result = done(there, change)
    assert result["plan"][0]["changes"]["remote_ip_ranges"] == {
        "before": ["10.0.0.1", "192.0.2.64/28"],
        "after": ["10.0.0.1", "10.0.0.2"],
    }
    second = done(there, change)
    assert not second["changed"]


# --- default connectors ----------------------------------------------------------------------------------------------

FRONTEND: Raw = {"name": "Default Frontend EX1", "servers": ["ex1"]}
FRONTEND_MECHANISMS = ["tls", "integrated", "basic", "basic_over_tls", "exchange_server"]


@SEEDS
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"helo_name": "mail.contoso.com"}, "helo_name"),
        ({"transport_role": "hub_transport", "bindings": ["0.0.0.0:26"]}, "transport_role"),
        ({"auth_mechanisms": ["tls"]}, "auth_mechanisms"),
        ({"permission_groups": ["anonymous_users"]}, "permission_groups"),
    ],
)
def test_what_would_break_mail_between_servers(seed: int, fields: Raw, field: str) -> None:
    assert field in [one.field for one in problems(organisation(seed), {**FRONTEND, **fields})]


@SEEDS
def test_default_connectors_are_changed_with_warnings_and_never_removed(seed: int) -> None:
    there = organisation(seed)
    result = done(there, {**FRONTEND, "bindings": ["0.0.0.0:25"], "remote_ip_ranges": ["10.0.0.0/8"]}, check_mode=True)
    assert "no longer listens on [::]:25" in result["warnings"][0]
    assert "no longer reach" in result["warnings"][1]
    result = done(
        there, {**FRONTEND, "auth_mechanisms": FRONTEND_MECHANISMS, "helo_name": "ex1.contoso.com", "log": "verbose"}
    )
    assert set(result["plan"][0]["changes"]) == {"log"}
    assert problems(there, {"name": FRONTEND["name"], "state": "absent"})[0].field == "state"
    assert problems(there, {**FRONTEND, "name": "Mine", "renamed_from": [FRONTEND["name"]]})[0].field == "renamed_from"
    assert result["unmanaged"] == []


@SEEDS
def test_a_foreign_name_with_exchange_authentication(seed: int) -> None:
    there = organisation(seed)
    internal = {**BASE, "auth_mechanisms": ["tls", "exchange_server"], "permission_groups": ["exchange_servers"]}
    assert problems(there, {**internal, "helo_name": "mail.contoso.com"})[0].field == "helo_name"
    for own in ("EX1", "ex1.contoso.com"):
        done(there, {**internal, "helo_name": own})
        assert not done(there, {**internal, "helo_name": own})["changed"]


# --- what is needed, and what is told --------------------------------------------------------------------------------


@SEEDS
def test_a_new_connector_needs_bindings_and_ranges(seed: int) -> None:
    found = problems(organisation(seed), {"name": "Apps", "servers": ["ex1", "ex9"]})
    assert [one.field for one in found] == ["servers", "bindings", "remote_ip_ranges"]
    assert "EX1, EX2" in found[0].remedy


@SEEDS
def test_inventory_names(seed: int) -> None:
    there = organisation(seed)
    hosts = {"mail-a": {"system": "exchange", "server_name": "EX2"}}
    done(there, {**RELAY, "servers": ["mail-a"]}, hosts=hosts)
    assert relaying(there, "EX2\\Apps") == [RIGHT]
    result = done(there, {**RELAY, "servers": ["mail-a"]}, hosts=hosts)
    assert not result["changed"] and result["diff"]["after"][0]["servers"] == ["mail-a"]


@SEEDS
def test_certificates(seed: int) -> None:
    good = Certificate("CN=CA", "CN=mail", "AA")
    servers = {
        "EX1": Server("EX1", certificates=(good,)),
        "EX2": Server("EX2", certificates=(Certificate("CN=CA", "CN=mail", "AB", services="IIS"),)),
        "EX3": Server("EX3"),
        "EX4": Server("EX4", certificates=()),
    }
    there = Organisation(seed, servers)
    wanted = {**BASE, "servers": ["ex1", "ex2", "ex3", "ex4"], "tls": {"certificate": good.name}}
    told = done(there, wanted)["warnings"]
    assert len(told) == 3, told
    assert "EX2" in told[0] and "not enabled for SMTP" in told[0]
    assert "EX3 has no certificate" in told[1]
    assert "EX4 could not be read" in told[2]
    assert not done(there, wanted)["changed"]


@SEEDS
def test_a_size_below_that_of_the_organisation(seed: int) -> None:
    there = organisation(seed)
    told = done(there, {**BASE, "limits": {"max_message_size": "1MB"}})["warnings"]
    assert any("MaxReceiveSize" in text and "1024KB" in text for text in told)


@SEEDS
def test_an_edge_server(seed: int) -> None:
    there = Organisation(seed, ["EDGE1"], edge=True)
    wanted = {**RELAY, "servers": ["edge1"], "remote_ip_ranges": ["192.0.2.10"]}
    done(there, wanted, anonymous_logon="NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG" if german(there) else "")
    assert not done(there, wanted, anonymous_logon="NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG" if german(there) else "")[
        "changed"
    ]
    found = problems(
        there, {**wanted, "transport_role": "hub_transport", "permission_groups": ["exchange_legacy_servers"]}
    )
    assert {one.field for one in found} == {"transport_role", "permission_groups"}


def german(there: Organisation) -> bool:
    return there.forms.pick("principal_language") == "German"


# --- others at work --------------------------------------------------------------------------------------------------


@SEEDS
def test_somebody_else_is_quicker(seed: int) -> None:
    there = organisation(seed)
    done(there, RELAY)
    identity = {"Identity": "EX1\\Apps"}
    there.faults.before_session(
        lambda: there.call("Set-ReceiveConnector", {**identity, "MaxLogonFailures": 9}), number=2
    )
    invoke = Invoker(there)
    done(there, {**RELAY, "log": "verbose"}, invoke=invoke)
    assert invoke.sessions == 4
    assert objects(there)["EX1\\Apps"].values["MaxLogonFailures"] == 9


@SEEDS
@pytest.mark.parametrize(
    ("parameter", "fields", "field"),
    [
        ("MaxHeaderSize", {"limits": {"max_header_size": "1MB"}}, "limits.max_header_size"),
        ("Comment", {"comment": "x"}, "comment"),
        ("RemoteIPRanges", {"remote_ip_ranges": {"add": ["192.0.2.11"]}}, "remote_ip_ranges"),
    ],
)
def test_a_value_that_does_not_come_back(seed: int, parameter: str, fields: Raw, field: str) -> None:
    there = organisation(seed)
    done(there, RELAY)
    there.faults.does_not_stick("ReceiveConnector", parameter)
    result = run(there, {"name": "Apps", "servers": ["ex1"], **fields})
    assert result["failed"] and f"field {field}" in result["msg"]


@SEEDS
def test_a_right_that_is_lost_is_found(seed: int) -> None:
    there = organisation(seed)
    there.faults.refuse("Add-ADPermission", "InvalidOperationException")
    result = run(there, RELAY)
    assert result["failed"] and result["not_done"][-1].startswith("Add-ADPermission")
    assert actions(done(there, RELAY)) == [("EX1", "Apps", "update")]
    assert relaying(there) == [RIGHT]
