# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What concerns several connectors, hosts, groups or sets: unknown names, conflicts, loops."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
    read_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import SmartHost

HOSTS = {
    "gw1": {"address": "192.0.2.1", "routing_group": "Austin"},
    "gw2": {"address": "192.0.2.2", "routing_group": "Austin"},
    "gw3": {"address": "192.0.2.3", "routing_group": "Dallas"},
    "ex1": {"address": "192.0.2.9", "routing_group": "Austin", "system": "exchange"},
}
PARTNER = {"name": "Partner", "address_spaces": ["partner.example"], "bridgeheads": ["gw1"]}
DALLAS = {
    "name": "To Dallas",
    "bridgeheads": ["gw1"],
    "scope": "routing_group",
    "connected_routing_groups": ["Dallas"],
    "smart_hosts": ["192.0.2.3"],
}


def read_set(problems, name="default", connectors=(), hosts=None, routing_groups=()):
    read = read_connectors(list(connectors), problems)
    return ConnectorSet(
        name,
        {item.connector.key: item.connector for item in read},
        read_hosts(HOSTS if hosts is None else hosts, problems),
        read_routing_groups(list(routing_groups), problems),
    )


def organisation_of(*connectors, hosts=None, routing_groups=(), this_host=None, system="postfix"):
    problems = Problems()
    one = read_set(problems, "default", connectors, hosts, routing_groups)
    return merge([one], problems, system, this_host), problems.found


def problems_of(*connectors, **options):
    return organisation_of(*connectors, **options)[1]


def only(found):
    (problem,) = found
    assert problem.message and problem.remedy
    return problem


# --- hosts and groups as they are written ---


@pytest.mark.parametrize(
    ("hosts", "where", "field", "value"),
    [
        ({"gw1": {"adress": "192.0.2.1"}}, "hosts.gw1", "adress", ""),
        ({"gw1": {"address": "192.0.2.300"}}, "hosts.gw1", "address", "192.0.2.300"),
        ({"gw1": {"address": "gw1.example."}}, "hosts.gw1", "address", "gw1.example."),
        ({"gw1": {"address": "gw1.example:0"}}, "hosts.gw1", "address", "0"),
        ({"gw1": {"system": "sendmail"}}, "hosts.gw1", "system", "sendmail"),
        ({"gw1": {"networks": ["0.0.0.0/0"]}}, "hosts.gw1", "networks", "0.0.0.0/0"),
        ({"gw1": {"networks": ["::/0"]}}, "hosts.gw1", "networks", "::/0"),
        ({"gw1": {"networks": ["10.0.0.0/33"]}}, "hosts.gw1", "networks", "10.0.0.0/33"),
        ({"gw1": {"local_domains": ["*.a.b"]}}, "hosts.gw1", "local_domains", "*.a.b"),
        ({"gw1": {"local_domains": ["a.b."]}}, "hosts.gw1", "local_domains", "a.b."),
        ({"gw1": {"tls": {"level": "best"}}}, "hosts.gw1", "tls", "best"),
        ({"gw1": {"routing_group": "a\nb"}}, "hosts.gw1", "routing_group", "a\\x0ab"),
        ({"gw1": "192.0.2.1"}, "hosts.gw1", "", "str"),
        ({"gw1.": {}}, "hosts", "gw1.", "gw1."),
        ({"gw1": {}, "GW1": {}}, "hosts.GW1", "", ""),
        (["gw1"], "", "hosts", "list"),
    ],
)
def test_a_host_that_makes_no_sense(hosts, where, field, value):
    problems = Problems()
    read_hosts(HOSTS if hosts is None else hosts, problems)
    problem = only(problems.found)
    assert (problem.where, problem.field, problem.value.strip('"')) == (where, field, value)


@pytest.mark.parametrize(
    ("groups", "field", "value"),
    [
        ([{"name": "Dallas", "domains": ["*"]}], "domains", "*"),
        ([{"name": "Dallas", "domains": ["*dallas.example"]}], "domains", "*dallas.example"),
        ([{"name": "Dallas", "domains": ["dallas.example."]}], "domains", "dallas.example."),
        ([{"name": "Dallas"}, {"name": "DALLAS"}], "name", "dallas"),
        ([{"domains": ["a.b"]}], "", ""),
        ([{"name": "Dallas", "cost": 1}], "", ""),
        (["Dallas"], "", ""),
        ({"Dallas": {}}, "routing_groups", "dict"),
    ],
)
def test_a_routing_group_that_makes_no_sense(groups, field, value):
    problems = Problems()
    read_routing_groups(groups, problems)
    problem = only(problems.found)
    assert (problem.field, problem.value.strip('"')) == (field, value)


# --- names that nobody knows ---


def test_a_bridgehead_that_nobody_knows():
    problem = only(problems_of({**PARTNER, "bridgeheads": ["gw1", "gw22"]}))
    assert (problem.where, problem.field, problem.value) == ('connector "Partner"', "bridgeheads", '"gw22"')
    assert "add gw22 to hosts" in problem.remedy and 'did you mean "gw2"' in problem.remedy


def test_a_bridgehead_that_nobody_knows_is_named_for_each_connector():
    found = problems_of({**PARTNER, "bridgeheads": ["x1"]}, {**DALLAS, "bridgeheads": ["x1"]})
    assert [problem.where for problem in found] == ['connector "Partner"', 'connector "To Dallas"']


def test_without_hosts_every_bridgehead_is_of_the_system_at_hand_and_of_one_group():
    organisation, found = organisation_of(
        {**PARTNER, "bridgeheads": ["a", "b"]}, hosts={}, this_host="c", system="exchange"
    )
    assert not found and not organisation.described
    found = {host.name: (host.system, host.routing_group) for host in organisation.hosts.values()}
    assert found == dict.fromkeys("abc", ("exchange", "default"))


def test_this_host_that_nobody_knows():
    problem = only(problems_of(PARTNER, this_host="gw9"))
    assert (problem.field, problem.value) == ("this_host", '"gw9"')


def test_a_group_that_nobody_knows():
    problem = only(problems_of({**DALLAS, "connected_routing_groups": ["Dalas"]}))
    assert (problem.where, problem.field, problem.value) == (
        'connector "To Dallas"',
        "connected_routing_groups",
        '"dalas"',
    )
    assert 'did you mean "dallas"' in problem.remedy


def test_the_own_group():
    problem = only(problems_of({**DALLAS, "connected_routing_groups": ["austin"]}))
    assert (problem.field, problem.value) == ("connected_routing_groups", '"austin"')
    assert "own group" in problem.message


def test_a_link_cost_beyond_100_is_for_ad_site_links_only():
    link = {**DALLAS, "connected_routing_groups": [{"name": "Dallas", "cost": 101}]}
    problem = only(problems_of(link))
    assert (problem.field, problem.value) == ("connected_routing_groups", '"101"')
    assert not problems_of({**link, "bridgeheads": ["ex1"]})


# --- bridgeheads that do not belong together ---


def test_bridgeheads_of_two_systems():
    problem = only(problems_of({**PARTNER, "bridgeheads": ["gw1", "ex1"]}))
    assert (problem.where, problem.field, problem.value) == ('connector "Partner"', "bridgeheads", '"ex1, gw1"')
    assert "two systems" in problem.message


def test_bridgeheads_of_two_groups():
    problem = only(problems_of({**PARTNER, "bridgeheads": ["gw1", "gw3"]}))
    assert (problem.field, problem.value) == ("bridgeheads", '"gw1, gw3"')
    assert "austin, dallas" in problem.message


def test_exchange_servers_of_two_groups_are_no_error():
    hosts = {**HOSTS, "ex2": {"routing_group": "Dallas", "system": "exchange"}}
    assert not problems_of({**PARTNER, "bridgeheads": ["ex1", "ex2"]}, hosts=hosts)


# --- sets ---


def of_two_sets(first, second, **second_options):
    problems = Problems()
    sets = [read_set(problems, "mail team", [first]), read_set(problems, "web team", [second], **second_options)]
    merge(sets, problems, "postfix")
    return problems.found


def test_the_same_connector_in_two_sets():
    problem = only(of_two_sets(PARTNER, {**PARTNER, "name": "PARTNER", "address_spaces": ["other.example"]}))
    assert (problem.where, problem.field, problem.value) == ('connector "PARTNER"', "name", '"partner"')
    assert '"mail team"' in problem.message and '"web team"' in problem.message


def test_the_same_space_in_two_sets():
    problem = only(of_two_sets(PARTNER, {**PARTNER, "name": "Second", "address_spaces": ["SMTP:Partner.Example;9"]}))
    assert (problem.where, problem.field, problem.value) == (
        'connector "Second"',
        "address_spaces",
        '"partner.example"',
    )
    assert '"mail team"' in problem.message and '"web team"' in problem.message


def test_a_narrower_space_in_another_set_is_no_conflict():
    assert not of_two_sets(
        PARTNER, {**PARTNER, "name": "Second", "address_spaces": ["*.partner.example", "x.partner.example"]}
    )


def test_the_default_route_in_two_sets():
    default = {**PARTNER, "address_spaces": ["*"]}
    assert only(of_two_sets(default, {**default, "name": "Second"})).value == '"*"'


def test_star_of_connected_groups_belongs_to_nobody_but_a_space_beside_it_does():
    assert not of_two_sets({**PARTNER, "address_spaces": ["*"]}, {**DALLAS, "address_spaces": ["*"]})
    found = of_two_sets(PARTNER, {**DALLAS, "address_spaces": ["*", "partner.example"]})
    assert only(found).value == '"partner.example"'


def test_hosts_that_two_sets_describe_differently():
    hosts = {**HOSTS, "gw1": {"address": "192.0.2.99", "routing_group": "Austin"}}
    problem = only(of_two_sets(PARTNER, {**PARTNER, "name": "S", "address_spaces": ["s.example"]}, hosts=hosts))
    assert (problem.where, problem.field) == ("set web team, hosts", "gw1")
    assert "mail team" in problem.message


def test_groups_that_two_sets_describe_differently():
    problems = Problems()
    sets = [
        read_set(problems, "a", [PARTNER], routing_groups=[{"name": "Dallas", "domains": ["dallas.example"]}]),
        read_set(problems, "b", [], routing_groups=[{"name": "Dallas", "domains": ["fortworth.example"]}]),
    ]
    merge(sets, problems, "postfix")
    assert only(problems.found).where == "set b, routing_groups"


# --- which host a smart host is ---


@pytest.mark.parametrize(
    ("address", "smart_host", "known"),
    [
        ("192.0.2.1", SmartHost("192.0.2.1"), True),
        ("192.0.2.1", SmartHost("192.0.2.1", 587), True),
        ("192.0.2.1:2525", SmartHost("192.0.2.1", 2525), True),
        ("192.0.2.1:2525", SmartHost("192.0.2.1", 25), False),
        ("192.0.2.1:2525", SmartHost("gw1", 2525), True),
        ("192.0.2.1:2525", SmartHost("gw1", 25), False),
        ("192.0.2.1", SmartHost("gw1", 587), True),
        ("mail.example", SmartHost("mail.example"), True),
        ("192.0.2.1", SmartHost("mail-server"), True),
        ("192.0.2.1", SmartHost("192.0.2.2"), False),
        ("[2001:DB8::1]", SmartHost("2001:db8::1"), True),
        (None, SmartHost("gw1", 587), True),
    ],
)
def test_a_smart_host_that_names_a_known_host_is_that_host(address, smart_host, known):
    fields = {"server_name": "MAIL-SERVER"}
    organisation, found = organisation_of(hosts={"gw1": {**fields, "address": address} if address else fields})
    assert not found
    behind = organisation.host_behind(smart_host)
    assert (behind.name if behind else None) == ("gw1" if known else None)


def test_instances_on_one_address_are_told_apart_by_their_ports():
    hosts = {"a": {"address": "192.0.2.1:2525"}, "b": {"address": "192.0.2.1"}, "c": {"address": "192.0.2.1:26"}}
    organisation, _found = organisation_of(hosts=hosts)
    behind = [organisation.host_behind(SmartHost("192.0.2.1", port)) for port in (2525, 25, 26, 27)]
    assert [host.name if host else None for host in behind] == ["a", "b", "c", None]


# --- loops ---


def loops_of(*connectors, **options):
    organisation, found = organisation_of(*connectors, **options)
    assert not found
    problems = Problems()
    journey.check_loops(Router(organisation), problems)
    return problems.found


def towards(name, source, target, **fields):
    return {
        "name": name,
        "bridgeheads": [source],
        "smart_hosts": [target],
        "address_spaces": ["*"],
        "scope": "routing_group",
        **fields,
    }


FOUR = {name: {"address": f"192.0.2.{number}", "routing_group": f"g{number}"} for number, name in enumerate("abcd", 1)}


def test_a_loop_is_refused_with_its_hops():
    problem = only(
        loops_of(
            towards("A", "a", "192.0.2.2"),
            towards("B", "b", "192.0.2.3"),
            towards("C", "c", "192.0.2.1"),
            hosts=FOUR,
        )
    )
    assert (problem.where, problem.field, problem.value) == ('connector "A"', "smart_hosts", '"*"')
    assert "a -> b -> c -> a" in problem.message


def test_a_host_that_sends_to_itself():
    assert "a -> a" in only(loops_of(towards("A", "a", "192.0.2.1"), hosts=FOUR)).message


def test_a_loop_that_only_a_failover_closes():
    first = towards("A1", "a", "out.example")
    second = towards("A2", "a", "192.0.2.2", address_spaces=["*;10"])
    problem = only(loops_of(first, second, towards("B", "b", "192.0.2.1"), hosts=FOUR))
    assert "a -> b -> a" in problem.message


def test_a_loop_for_one_domain_alone():
    connectors = [towards("A", "a", "192.0.2.2"), towards("B", "b", "192.0.2.1", address_spaces=["x.example"])]
    assert only(loops_of(*connectors, hosts=FOUR)).value == '"x.example"'


def test_a_local_domain_ends_the_way():
    hosts = {**FOUR, "b": {**FOUR["b"], "local_domains": ["x.example"]}}
    connectors = [
        towards("A", "a", "192.0.2.2", address_spaces=["*.x.example"]),
        towards("B", "b", "192.0.2.1", address_spaces=["*.x.example"]),
    ]
    assert only(loops_of(*connectors, hosts=hosts)).value == '"*.x.example"'
    connectors[1]["address_spaces"] = ["y.example"]
    assert not loops_of(*connectors, hosts=hosts)


def test_a_known_smart_host_that_leads_on_is_no_loop():
    assert not loops_of(towards("A", "a", "192.0.2.2"), towards("B", "b", "out.example"), hosts=FOUR)


# --- the routing-group * and the other system ---


def test_star_of_groups_without_known_domains():
    organisation, _found = organisation_of(DALLAS)
    problems = Problems()
    journey.check_reached_groups(Router(organisation), problems)
    problem = only(problems.found)
    assert (problem.where, problem.field, problem.value) == ('connector "To Dallas"', "address_spaces", '"*"')
    assert "dallas" in problem.message and "routing_groups" in problem.remedy


def test_a_connector_of_the_other_system_has_to_be_declared():
    organisation, _found = organisation_of({**PARTNER, "bridgeheads": ["ex1"]})
    problems = Problems()
    journey.check_foreign(Router(organisation), "gw1", problems)
    problem = only(problems.found)
    assert (problem.where, problem.value) == ('connector "Partner"', '"partner.example"')
    for part in ('address_spaces: ["partner.example"]', 'smart_hosts: ["[192.0.2.9]"]', 'bridgeheads: ["gw1"]'):
        assert part in problem.remedy


def test_an_own_connector_with_an_equal_space_is_enough():
    connectors = [{**PARTNER, "bridgeheads": ["ex1"]}, {**PARTNER, "name": "Own", "bridgeheads": ["gw2"]}]
    organisation, _found = organisation_of(*connectors)
    problems = Problems()
    journey.check_foreign(Router(organisation), "gw1", problems)
    assert not problems.found
