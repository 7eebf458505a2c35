# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postfix_send_connectors from a playbook to delivered mail, and back to the files as they were found."""

from __future__ import annotations

import os

from lab import ansible

EVERY_CORE = True

MODULE = "mailops.connectors.postfix_send_connectors"
SMART_HOST = "192.0.2.30"
SECOND = "192.0.2.31"


def run(instance, connectors, **options):
    how = {name: options.pop(name) for name in ("check", "diff", "verbosity") if name in options}
    arguments = {"config_directory": str(instance.config_directory), "connectors": connectors, **options}
    return ansible.run_task(MODULE, arguments, hosts=[instance.name], **how)


def connector(**fields):
    return {
        "name": "to-contoso",
        "address_spaces": ["*.contoso.example"],
        "smart_hosts": [f"[{SMART_HOST}]"],
        "bridgeheads": ["b1"],
        **fields,
    }


def snapshot(instance):
    """Every file of the configuration: inode, modification time, mode."""
    found = {}
    for directory, _directories, files in os.walk(instance.config_directory):
        for name in files:
            status = os.stat(os.path.join(directory, name))
            found[os.path.join(directory, name)] = (status.st_ino, status.st_mtime_ns, status.st_mode)
    return found


def test_from_a_playbook_to_a_delivered_message_and_back(make_instance, make_sink):
    sink = make_sink(SMART_HOST)
    bridgehead = make_instance("b1", "127.0.0.11")
    found = (bridgehead.main_cf(), bridgehead.master_cf())

    planned = run(bridgehead, [connector()], check=True).expect_success()["b1"]
    assert planned["changed"]
    assert [(change["connector"], change["action"]) for change in planned["plan"]] == [("to-contoso", "create")]
    assert [change["address_space"] for change in planned["routes_changed"]] == ["*.contoso.example"]
    assert (bridgehead.main_cf(), bridgehead.master_cf()) == found
    assert not (bridgehead.config_directory / "connectors").exists()

    applied = run(bridgehead, [connector()]).expect_success()["b1"]
    assert applied["commands"] == planned["commands"]
    assert applied["routes_changed"] == planned["routes_changed"]
    assert "answers as planned" in applied["verification"]
    bridgehead.inject("a@here.example", ["b@contoso.example", "c@sub.contoso.example"])
    assert {to for message in sink.wait_for(1) for to in message.to} <= {"b@contoso.example", "c@sub.contoso.example"}
    bridgehead.wait_for_empty_queue()
    assert sorted(to for message in sink.messages for to in message.to) == [
        "b@contoso.example",
        "c@sub.contoso.example",
    ]

    before, pids = snapshot(bridgehead), (bridgehead.master_pid(), bridgehead.pids("trivial-rewrite"))
    second = run(bridgehead, [connector()]).expect_success()["b1"]
    assert not second["changed"]
    assert [second[name] for name in ("plan", "commands", "routes_changed", "unsafe")] == [[], [], [], []]
    assert snapshot(bridgehead) == before
    assert (bridgehead.master_pid(), bridgehead.pids("trivial-rewrite")) == pids

    refused = run(bridgehead, [{"name": "TO-CONTOSO", "state": "absent"}])
    assert refused.failed
    assert "unserved" in refused["b1"]["msg"]
    removed = run(bridgehead, [{"name": "TO-CONTOSO", "state": "absent"}], allow_unsafe=["unserved"]).expect_success()
    assert [change["action"] for change in removed["b1"]["plan"]] == ["remove"]
    assert (bridgehead.main_cf(), bridgehead.master_cf()) == found
    assert not (bridgehead.config_directory / "connectors").exists()


def test_what_is_read_can_be_given_back_and_changes_nothing(make_instance):
    bridgehead = make_instance("b1", "127.0.0.11")
    hosts = {"b1": {"address": "127.0.0.11", "local_domains": ["here.example"]}, "b2": {"address": "127.0.0.12"}}
    groups = [{"name": "Dallas", "domains": ["dallas.example"]}]
    connectors = [
        connector(comment="to the partner", tls={"level": "encrypt"}, max_message_size="5MB", log="verbose"),
        connector(name="second", address_spaces=["other.example;7"], bridgeheads=["b2"], enabled=False),
    ]
    run(bridgehead, connectors, hosts=hosts, routing_groups=groups).expect_success()
    directory = {"config_directory": str(bridgehead.config_directory)}
    there = ansible.run_task("mailops.connectors.postfix_connectors_info", directory, hosts=["b1"]).expect_success()[
        "b1"
    ]
    assert [one["name"] for one in there["connectors"]] == ["second", "to-contoso"]
    assert there["hosts"]["b1"]["local_domains"] == ["here.example"]
    back = {name: there[name] for name in ("hosts", "routing_groups")}
    again = run(bridgehead, there["connectors"], purge=True, **back).expect_success()["b1"]
    assert not again["changed"]


def test_the_route_that_is_shown_for_a_removed_relay_domain_is_the_one_taken(make_instance):
    bridgehead = make_instance("b1", "127.0.0.11")
    relaying = connector(relay=True)
    run(bridgehead, [relaying]).expect_success()
    removed = run(bridgehead, [], purge=True, allow_unsafe=["unserved"]).expect_success()["b1"]
    assert [change["after"] for change in removed["routes_changed"]] == ["no connector: smtp by DNS MX"]
    added = run(bridgehead, [relaying]).expect_success()["b1"]
    assert [change["before"] for change in added["routes_changed"]] == ["no connector: smtp by DNS MX"]
