# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a rollout, case by case: who waits for whom, and where a list is taken apart."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.filter.rollout import rollout

Raw = dict[str, Any]

HOSTS: Raw = {
    name: {"system": "postfix", "address": f"192.0.2.{number}"} for number, name in enumerate(("A", "B", "C"), 1)
}
EXCHANGE: Raw = {"ex1": {"system": "exchange", "address": "192.0.2.21"}, "ex2": {"system": "exchange"}}


def connector(name: str, space: str, *bridgeheads: str, **more: Any) -> Raw:
    return {
        "name": name,
        "address_spaces": [space],
        "smart_hosts": ["out.example"],
        "bridgeheads": list(bridgeheads),
        **more,
    }


def stored(*connectors: Raw, hosts: Raw | None = None) -> Raw:
    one = {"connectors": list(connectors), "hosts": hosts or HOSTS, "routing_groups": []}
    return {**one, "sets": {"default": one}, "unmanaged": ["transport_maps: hash:/etc/postfix/transport"]}


def everywhere(*connectors: Raw) -> Raw:
    return dict.fromkeys(HOSTS, stored(*connectors))


def passes(*connectors: Raw, hosts: Raw | None = None, **options: Any) -> list[Raw]:
    return rollout(list(connectors), hosts=hosts or HOSTS, **options)


def test_before_anything_is_there_the_carrier_comes_first() -> None:
    assert passes(connector("One", "one.example", "b")) == [
        {
            "connectors": ["One"],
            "removed": [],
            "bridgeheads": {},
            "address_spaces": {},
            "last": True,
            "stages": [["B"], ["A", "C"]],
            "drains": {},
            "notes": [],
        }
    ]


def test_what_is_in_sync_needs_no_order() -> None:
    one = connector("One", "one.example", "B")
    (only,) = passes(one, there=everywhere(one))
    assert only["stages"] == [["A", "B", "C"]]


def test_a_new_carrier_begins_before_the_senders_and_the_old_one_ends_after_them() -> None:
    before = everywhere(connector("One", "one.example", "A"))
    (only,) = passes(connector("One", "one.example", "B"), there=before)
    assert only["stages"] == [["B"], ["C"], ["A"]] or only["stages"] == [["B"], ["A", "C"]]


def test_a_removal_goes_to_the_senders_first() -> None:
    before = everywhere(connector("One", "one.example", "B"), connector("Rest", "*", "A"))
    (only,) = passes(connector("Rest", "*", "A"), there=before, purge=True)
    assert only["removed"] == ["One"]
    assert [stage for stage in only["stages"] if "B" in stage] == [only["stages"][-1]]


def test_connectors_that_change_places_take_two_passes() -> None:
    before = everywhere(connector("One", "one.example", "A"), connector("Two", "two.example", "B"))
    first, last = passes(connector("One", "one.example", "B"), connector("Two", "two.example", "A"), there=before)
    assert (first["connectors"], first["last"]) == (["One"], False)
    assert (last["connectors"], last["last"]) == (["One", "Two"], True)
    assert first["stages"][0] == ["B"]
    assert last["stages"][0] == ["A"]
    assert first["notes"] == last["notes"] == []


def test_connectors_whose_carriers_hand_over_to_each_other_come_one_after_the_other() -> None:
    first, last = passes(connector("One", "one.example", "A"), connector("Two", "two.example", "B"))
    assert first["stages"] == [["A"], ["B", "C"]]
    assert last["stages"] == [["B"], ["A", "C"]]


def test_connectors_that_exchange_their_address_spaces_carry_both_for_a_while() -> None:
    before = everywhere(connector("One", "one.example", "A"), connector("Two", "two.example", "B"))
    found = passes(connector("One", "two.example", "A"), connector("Two", "one.example", "B"), there=before)
    assert found[0]["address_spaces"] == {"One": ["one.example;1", "two.example;1"]}
    assert found[0]["bridgeheads"] == {"One": ["A"]}
    assert not any(one["notes"] for one in found)


def test_an_interrupted_run_goes_on_from_where_each_host_is() -> None:
    old, new = connector("One", "one.example", "A"), connector("One", "one.example", "B")
    (only,) = passes(new, there={"A": stored(old), "B": stored(new), "C": stored(old)})
    assert only["stages"][0] == ["B"] or "B" in only["stages"][0]
    assert [stage for stage in only["stages"] if "A" in stage] == [only["stages"][-1]]


def test_an_exchange_organisation_is_one_and_stands_alone() -> None:
    hosts = {**HOSTS, **EXCHANGE}
    to_gateway = connector("To gateway", "*", "ex1", "ex2", smart_hosts=["192.0.2.1"])
    (only,) = passes(to_gateway, connector("Out", "*", "A"), hosts=hosts, this="ex1", there={"ex1": {"connectors": []}})
    assert [stage for stage in only["stages"] if "ex1" in stage] == [["ex1"]]
    assert only["stages"].index(["ex1"]) > next(place for place, stage in enumerate(only["stages"]) if "A" in stage)
    assert all("ex2" not in stage for stage in only["stages"])


def test_exchange_takes_over_connectors_of_nobody_and_keeps_what_a_list_leaves_out() -> None:
    hosts = {**HOSTS, **EXCHANGE}
    there = {"sets": {}, "unmanaged": [connector("Out", "*", "ex1", enabled=False)], "hosts": EXCHANGE}
    (only,) = passes(connector("out", "*", "ex1"), hosts=hosts, this="ex1", there={"ex1": there})
    assert only["stages"][0] == ["ex1"] or ["ex1"] in only["stages"]


# Two sites with Exchange; in the first one a Postfix host takes what the other one sends.
SITES: Raw = {
    "gate": {"system": "postfix", "address": "192.0.2.1", "routing_group": "one", "local_domains": ["one.example"]},
    "app": {"system": "postfix", "address": "192.0.2.3", "routing_group": "one"},
    "ex1": {"system": "exchange", "address": "192.0.2.11", "routing_group": "one", "local_domains": ["one.example"]},
    "ex2": {"system": "exchange", "address": "192.0.2.12", "routing_group": "two"},
}
GROUPS: Raw = [{"name": "one", "domains": ["one.example"]}]
BETWEEN_SITES = connector(
    "Sites", "*", "ex2", connected_routing_groups=["one"], smart_hosts=["192.0.2.1"], scope="routing_group"
)


def place(host: str, stages: list[list[str]]) -> int:
    return next(number for number, stage in enumerate(stages) if host in stage)


def test_a_host_waits_for_whoever_begins_to_take_mail_further_on_its_way() -> None:
    # Exchange keeps its way over the site link; gate takes its mail once gate has the list.
    old = connector("Old", "old.example", "gate")
    over = connector("Over", "*.one.example", "app", "gate", smart_hosts=["192.0.2.12"])
    there = dict.fromkeys(("app", "gate"), stored(old, hosts=SITES))
    (only,) = passes(old, over, BETWEEN_SITES, hosts=SITES, routing_groups=GROUPS, this="ex1", there=there)
    assert place("gate", only["stages"]) < place("app", only["stages"])


def test_a_site_link_may_be_called_as_a_connector_that_exchange_has() -> None:
    first = connector("First", "one.example", "ex2")
    before = [first, connector("Sites", "*", "ex2", enabled=False)]
    there = {"ex1": {"connectors": before, "hosts": SITES, "sets": {"default": before}}}
    off = {**first, "enabled": False}
    (only,) = passes(off, BETWEEN_SITES, hosts=SITES, routing_groups=GROUPS, this="ex1", there=there)
    assert place("gate", only["stages"]) < place("ex1", only["stages"])


def test_the_exchange_server_has_to_be_one() -> None:
    with pytest.raises(AnsibleFilterError, match=r'field this, value "a": is no Exchange server of hosts'):
        passes(connector("One", "one.example", "B"), hosts={**HOSTS, **EXCHANGE}, this="A")


def test_a_list_that_sends_mail_in_a_circle_is_refused() -> None:
    to_b = connector("One", "one.example", "A", smart_hosts=["192.0.2.2"])
    to_a = connector("Two", "one.example", "B", smart_hosts=["192.0.2.1"], scope="routing_group")
    hosts = {**HOSTS, "B": {**HOSTS["B"], "routing_group": "g2"}}
    with pytest.raises(AnsibleFilterError, match="circle"):
        passes(to_b, to_a, hosts=hosts)


def test_unknown_bridgeheads_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="is a host that nobody knows"):
        passes(connector("One", "one.example", "D"))


# --- what has to be empty before a host stops taking mail ---


def test_queues_towards_a_host_that_stops_taking_mail_are_named() -> None:
    before = everywhere(connector("One", "one.example", "B"), connector("Rest", "*", "A"))
    (only,) = passes(connector("Rest", "*", "A"), there=before, purge=True)
    assert only["drains"] == {"B": ["A", "C"]}


def test_after_an_interruption_the_host_itself_knows_who_sent_mail_there() -> None:
    old, rest = stored(connector("One", "one.example", "B"), connector("Rest", "*", "A")), connector("Rest", "*", "A")
    (only,) = passes(rest, there={"A": stored(rest), "B": old, "C": stored(rest)}, purge=True)
    assert only["drains"] == {"B": ["A", "C"]}
    (none,) = passes(rest, there=everywhere(rest), purge=True)
    assert none["drains"] == {}


def test_a_host_that_gets_no_mail_of_others_needs_no_empty_queues() -> None:
    before = everywhere(connector("One", "one.example", "A", "B", "C"))
    (only,) = passes(connector("One", "one.example", "A", "B", "C", smart_hosts=["new.example"]), there=before)
    assert only["drains"] == {}
