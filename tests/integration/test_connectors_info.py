# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postfix_connectors_info on a real Postfix: the declared routes against those that Postfix takes, and the digest."""

from __future__ import annotations

import copy

from ansible_collections.mailops.connectors.plugins.module_utils.postfix.information import information

from lab import ansible
from lab.bridgehead import SETTINGS, Bridgehead

MODULE = "mailops.connectors.postfix_connectors_info"
CONNECTORS = [
    {
        "name": "partner",
        "address_spaces": ["*.partner.example"],
        "smart_hosts": ["[192.0.2.30]", "[192.0.2.31]:26"],
        "bridgeheads": ["b1"],
    },
    {"name": "exact", "address_spaces": ["exact.example"], "smart_hosts": ["[192.0.2.32]"], "bridgeheads": ["b2"]},
    {"name": "internet", "address_spaces": ["*"], "bridgeheads": ["b1"]},
]
HOSTS = {"b1": {"address": "127.0.0.11", "local_domains": ["here.partner.example"]}, "b2": {"address": "127.0.0.12"}}


def asked(bridgehead, **options):
    return information(bridgehead.postfix, bridgehead.tables, this_host="b1", ask_routes=True, **options)


def with_local_domain(make_instance, **options):
    local = "$myhostname, here.partner.example"
    instance = make_instance("b1", "127.0.0.11", settings={**SETTINGS, "mydestination": local}, **options)
    return Bridgehead(instance)


def test_every_class_of_addresses_is_asked_and_agrees(make_instance):
    bridgehead = with_local_domain(make_instance)
    bridgehead.provision(CONNECTORS, hosts=HOSTS)
    told = asked(bridgehead)
    assert told["disagreeing"] == []
    routes = {route["address"]: route for route in told["routes"]}
    service = {name: next(one for one in told["services"] if f"-{name}-" in one) for name in ("partner", "exact")}
    partner = f"{service['partner']}:[192.0.2.30]:25,[192.0.2.31]:26"
    assert routes["mailops-probe@partner.example"]["answered"] == partner
    assert routes["mailops-probe@mailops-probe.partner.example"]["expected"] == partner
    assert routes["mailops-probe@exact.example"]["answered"] == f"{service['exact']}:[127.0.0.12]:25"
    assert routes["mailops-probe@exact.example"]["route"] == "exact handed over to b2"
    assert routes["mailops-probe@here.partner.example"]["expected"] == "local delivery"
    assert routes["mailops-probe@mailops-probe.invalid"]["answered"].startswith("connector-internet-")
    assert "b1.lab.example" in " ".join(routes), "the host's own name is a local domain that Postfix tells"
    assert all(route["agrees"] for route in routes.values())
    assert told["verification"] == f"trivial-rewrite(8) was asked for {len(routes)} addresses"


def test_a_hand_edit_is_told_with_the_entry_that_wins(make_instance):
    bridgehead = with_local_domain(make_instance)
    bridgehead.provision(CONNECTORS, hosts=HOSTS)
    instance = bridgehead.instance
    table = instance.postmap("mine", "exact.example smtp:[192.0.2.99]\nmailops-probe.partner.example error:gone\n")
    instance.configure(
        transport_maps=f"{table}, {instance.setting('transport_maps')}", mydestination="$myhostname, elsewhere.example"
    )
    instance.reload()
    told = asked(bridgehead)
    wrong = {route["address"] for route in told["routes"] if not route["agrees"]}
    assert wrong == {
        "mailops-probe@exact.example",
        "mailops-probe@mailops-probe.partner.example",
        "mailops-probe@here.partner.example",
    }
    sentences = {sentence.split()[2]: sentence for sentence in told["disagreeing"]}
    first = sentences["mailops-probe@exact.example"]
    assert "(exact handed over to b2)" in first
    assert f"answers smtp:[192.0.2.99]: the entry exact.example of {table} wins" in first
    assert "is delivered by this host by the list" in sentences["mailops-probe@here.partner.example"]


def test_what_is_not_running_is_not_asked(make_instance):
    bridgehead = with_local_domain(make_instance, start=False)
    told = asked(bridgehead)
    assert (told["routes"], told["disagreeing"]) == ([], [])
    assert told["verification"] == "not asked: Postfix is not running"


def test_a_list_that_does_not_fit_any_more_is_told(make_instance):
    bridgehead = with_local_domain(make_instance)
    bridgehead.provision([{**CONNECTORS[0], "max_message_size": "5MB"}], hosts=HOSTS)
    bridgehead.instance.configure(message_size_limit="1000000")
    told = asked(bridgehead)
    assert told["verification"] == "not asked: the list does not fit this host any more"
    assert "message_size_limit" in told["disagreeing"][0]


def test_the_digest_is_the_same_on_hosts_that_hold_the_same_list(make_instance):
    first, second = Bridgehead(make_instance("b1", "127.0.0.11")), Bridgehead(make_instance("b2", "127.0.0.12"), "b2")
    other_words = copy.deepcopy(CONNECTORS[::-1])
    other_words[2]["smart_hosts"] = ["192.0.2.30:25", "[192.0.2.31]:26"]
    before = digest_of(first)
    first.provision(CONNECTORS, hosts=HOSTS)
    second.provision(other_words, hosts=HOSTS)
    assert before != digest_of(first) == digest_of(second)
    second.provision([{**CONNECTORS[0], "comment": "another word"}])
    assert digest_of(first) != digest_of(second)


def digest_of(bridgehead):
    return information(bridgehead.postfix, bridgehead.tables)["digest"]


def test_through_a_playbook_the_host_is_known_by_its_inventory_name(make_instance):
    bridgehead = with_local_domain(make_instance)
    bridgehead.provision(CONNECTORS, hosts=HOSTS)
    arguments = {"ask_routes": True, "config_directory": str(bridgehead.directory)}
    told = ansible.run_task(MODULE, arguments, hosts=["B1"]).expect_success()["B1"]
    assert told["changed"] is False
    assert told["routes"] == asked(bridgehead)["routes"] != []
    delegated = ansible.run_task(MODULE, arguments, hosts=["B1"], keywords={"delegate_to": "localhost"})
    assert "this_host is needed under delegate_to" in delegated["B1"]["msg"]
