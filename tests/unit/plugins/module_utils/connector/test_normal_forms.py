# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read is shown so that it reads back the same; what means the same is the same; what is accepted and how."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector import model, topology, values
from ansible_collections.mailops.connectors.plugins.module_utils.connector.address_space import (
    Pattern,
    domain_of,
    patterns_for,
    read_address_space,
    read_pattern,
    show_address_space,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems, ValueProblem
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import (
    BY_NAME,
    FIELDS,
    argument_options,
    show_smart_host,
)
from ansible_collections.mailops.connectors.tests.strategies.connectors import (
    DOMAINS,
    DURATIONS,
    SIZES,
    connectors,
    patterns,
    written_groups,
    written_hosts,
    written_spaces,
)
from ansible_collections.mailops.connectors.tests.strategies.reference import matches, specificity
from hypothesis import example, given
from hypothesis import strategies as st


def read(raw):
    problems = Problems()
    (wanted,) = model.read_connectors([raw], problems)
    assert not problems.found, [str(problem) for problem in problems.found]
    return wanted


# --- what is shown reads back the same ---


@given(connectors())
def test_connectors(raw):
    connector = read(raw).connector
    shown = model.show(connector)
    assert read(shown).connector == connector
    assert model.show(read(shown).connector) == shown
    password = raw.get("authentication", {}).get("password")
    if password:
        # A name may be drawn that is the password.
        for text in (repr(shown), repr(read(raw))):
            assert password not in text.replace(raw["name"], "")


@given(connectors())
def test_each_field_alone(raw):
    connector = read(raw).connector
    for entry in FIELDS:
        if entry.keep and entry.name != "smart_hosts":
            assert entry.kind.read(model.show_field(connector, entry.name)) == getattr(connector, entry.name)


@given(written_hosts())
def test_hosts(raw):
    problems = Problems()
    hosts = topology.read_hosts(raw, problems)
    assert not problems.found
    shown = {name: topology.show_host_fields(host) for name, host in hosts.items()}
    assert topology.read_hosts(shown, problems) == hosts


@given(written_groups())
def test_routing_groups(raw):
    problems = Problems()
    groups = topology.read_routing_groups(raw, problems)
    assert not problems.found
    assert topology.read_routing_groups(topology.show_routing_groups(groups.values()), problems) == groups
    assert not problems.found


@given(SIZES)
@example("2147483647")
def test_sizes(written):
    size = values.read_size(written)
    assert values.read_size(values.show_size(size)) == size


@given(DURATIONS)
def test_durations(written):
    seconds = values.read_duration(written)
    assert values.read_duration(values.show_duration(seconds)) == seconds


@given(st.data())
def test_address_spaces(data):
    space = read_address_space(data.draw(written_spaces(data.draw(patterns()))))
    assert read_address_space(show_address_space(space)) == space


# --- what means the same is the same ---


@given(connectors())
def test_case_of_hosts_and_domains_and_null_make_no_difference(raw):
    changed = {**raw, "bridgeheads": [name.upper() for name in raw["bridgeheads"]]}
    changed.update({entry.name: None for entry in FIELDS if entry.name not in raw})
    assert read(changed).connector == read(raw).connector


@given(connectors(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_a_set_makes_no_difference(raw, order):
    changed = dict(raw)
    for name in ("address_spaces", "bridgeheads", "connected_routing_groups"):
        if name in raw:
            changed[name] = order.sample(raw[name], len(raw[name]))
    assert read(changed).connector == read(raw).connector


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"address_spaces": ["contoso.com"]}, {"address_spaces": ["smtp:CONTOSO.com;1"]}),
        (
            {"address_spaces": ["contoso.com"]},
            {"address_spaces": [{"domain": "Contoso.com", "cost": None, "type": None}]},
        ),
        ({"address_spaces": ["a.example", "b.example;2"]}, {"address_spaces": "b.example;2, a.example"}),
        ({"address_spaces": ["xn--bcher-kva.example"]}, {"address_spaces": ["B\u00fccher.example"]}),
        ({"address_spaces": ["*.xn--bcher-kva.example"]}, {"address_spaces": ["*.b\u00fccher.example"]}),
        ({"smart_hosts": ["192.0.2.1"]}, {"smart_hosts": ["[192.0.2.1]"]}),
        ({"smart_hosts": ["[192.0.2.1]:587"]}, {"smart_hosts": ["192.0.2.1"], "port": 587}),
        ({"smart_hosts": ["2001:DB8::0001"]}, {"smart_hosts": ["[2001:db8::1]:25"]}),
        ({"smart_hosts": ["2001:DB8::0001"]}, {"smart_hosts": [{"host": "[IPv6:2001:db8::1]"}]}),
        ({"smart_hosts": ["a.example:587"]}, {"smart_hosts": [{"host": "A.example", "port": "587"}]}),
        ({"smart_hosts": ["a.example"]}, {"smart_hosts": [{"host": "a.example", "mx": False, "port": None}]}),
        ({"max_message_size": "35MB"}, {"max_message_size": 36700160}),
        ({"max_message_size": "35 mb"}, {"max_message_size": "35840KB"}),
        ({"max_message_size": "unlimited"}, {}),
        ({"limits": {"inactivity_timeout": "10m"}}, {"limits": {"inactivity_timeout": "00:10:00"}}),
        ({"limits": {"rate_delay": 60}}, {"limits": {"rate_delay": "1m"}}),
        ({"log": "none"}, {"log": False}),
        ({"tls": {"level": "dane_only"}}, {"tls": {"level": "dane-only"}}),
        ({"tls": {"level": "opportunistic"}}, {"tls": {}}),
        ({"postfix": {"smtp_x": True}}, {"postfix": {"smtp_x": "yes"}}),
        ({"enabled": "yes"}, {"enabled": None}),
    ],
)
def test_ways_to_write_the_same(first, second):
    base = {"name": "x", "bridgeheads": ["gw1"], "address_spaces": ["*"]}
    assert read({**base, **first}).connector == read({**base, **second}).connector


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"smart_hosts": ["a.example", "b.example"]}, {"smart_hosts": ["b.example", "a.example"]}),
        ({"smart_hosts": ["a.example"]}, {"smart_hosts": [{"host": "a.example", "mx": True}]}),
        ({"address_spaces": ["a.example"]}, {"address_spaces": ["*.a.example"]}),
        ({"address_spaces": ["a.example"]}, {"address_spaces": ["a.example;2"]}),
        ({"address_spaces": ["a.example"]}, {"address_spaces": ["a.example", "X400:g=a"]}),
        ({"name": "x"}, {"name": "X"}),
    ],
)
def test_what_is_not_the_same(first, second):
    base = {"name": "x", "bridgeheads": ["gw1"], "address_spaces": ["*"]}
    assert read({**base, **first}).connector != read({**base, **second}).connector


@pytest.mark.parametrize("name", ["x", "y" * 64, "To Contoso (backup), 2nd; [a]", "\u00dcber \u65e5\u672c"])
def test_names_that_are_fine(name):
    assert read({"name": name, "bridgeheads": ["a"], "address_spaces": ["*"]}).connector.name == name


def test_a_number_is_fine_for_a_name():
    assert read({"name": 42, "bridgeheads": [1], "address_spaces": ["*"]}).connector.bridgeheads == ("1",)


@pytest.mark.parametrize("cost", [1, "1", 100, " 100 "])
def test_costs_that_are_fine(cost):
    assert read_address_space({"domain": "a.example", "cost": cost}).cost == int(cost)


@pytest.mark.parametrize("cost", [0, 101, -1, 1.5, True, "1_0", "\u0661", "1\n", "one", ""])
def test_costs_that_are_not(cost):
    with pytest.raises(ValueProblem):
        read_address_space({"domain": "a.example", "cost": cost})


def test_defaults_are_those_of_the_vocabulary():
    assert model.show(read({"name": "x", "bridgeheads": ["a"], "address_spaces": ["*"]}).connector) == {
        "name": "x",
        "bridgeheads": ["a"],
        "address_spaces": ["*"],
    }
    untouched = model.Connector("x")
    for entry in FIELDS:
        if entry.keep and entry.name != "name":
            assert getattr(untouched, entry.name) == entry.default, entry.name


def test_absence_needs_a_name_alone():
    wanted = read({"name": "x", "state": "absent"})
    assert wanted.absent and wanted.connector.name == "x"


def test_another_case_of_the_own_name_is_no_earlier_name():
    raw = {"name": "Partner", "bridgeheads": ["a"], "address_spaces": ["*"], "renamed_from": ["partner", "Old"]}
    assert read(raw).renamed_from == ("old",)


def test_every_field_is_an_option_and_passwords_are_marked():
    options = argument_options()
    assert set(BY_NAME) <= set(options)
    assert options["authentication"]["options"]["password"]["no_log"] is True


def test_relay_to_a_wide_domain_is_a_warning():
    base = {"name": "x", "bridgeheads": ["a"], "relay": True}
    (warning,) = model.relay_warnings(
        read({**base, "address_spaces": ["*.co.uk", "*.mail.contoso.com", "a.b"]}).connector
    )
    assert "co.uk" in warning and 'connector "x"' in warning
    assert not model.relay_warnings(read({**base, "address_spaces": ["*.co.uk"], "relay": False}).connector)


def test_a_host_with_its_port_and_without_is_one_host():
    raw = {"name": "c", "bridgeheads": ["gw1"], "address_spaces": ["a.test"], "port": 587}
    assert model.show(read({**raw, "smart_hosts": ["mx.a.test", "mx.a.test:587"]}).connector)["smart_hosts"] == [
        "mx.a.test:587"
    ]


def test_a_port_of_25_is_not_shown():
    shown = [
        show_smart_host(host)
        for host in read(
            {
                "name": "x",
                "bridgeheads": ["a"],
                "address_spaces": ["*"],
                "smart_hosts": [
                    "192.0.2.1",
                    "2001:db8::1",
                    "b.example:587",
                    {"host": "c.example", "mx": True, "port": 26},
                ],
            }
        ).connector.smart_hosts
    ]
    assert shown == ["[192.0.2.1]", "[2001:db8::1]", "b.example:587", {"host": "c.example", "mx": True, "port": 26}]


# --- patterns ---


@given(
    patterns(st.sampled_from(["a.b", "x.a.b", "y.x.a.b", "xa.b", "b.c"])),
    st.one_of(DOMAINS, st.sampled_from(["a.b", "x.a.b", "z.x.a.b", "xa.b", "y.xa.b", "b"])),
)
def test_a_pattern_matches_what_the_rule_says_and_the_narrowest_comes_first(written, domain):
    pattern = read_pattern(written)
    assert pattern.matches(domain) == matches(written, domain)
    every = list(patterns_for(domain))
    assert (pattern in every) == matches(written, domain)
    assert [specificity(str(one)) for one in every] == sorted((specificity(str(one)) for one in every), reverse=True)


@given(patterns(st.sampled_from(["a.b", "x.a.b", "c.d"])), patterns(st.sampled_from(["a.b", "x.a.b", "c.d"])))
def test_a_pattern_covers_another_exactly_when_it_matches_all_of_it(first, second):
    domains = [prefix + name for name in ("a.b", "x.a.b", "c.d", "e.f") for prefix in ("", "z.", "y.z.")]
    of_second = [domain for domain in domains if matches(second, domain)]
    assert read_pattern(first).covers(read_pattern(second)) == all(matches(first, domain) for domain in of_second)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("user@Contoso.COM", "contoso.com"),
        ("contoso.com", "contoso.com"),
        ('"a@b"@x.example', "x.example"),
    ],
)
def test_the_domain_of_an_address(address, domain):
    assert domain_of(address) == domain


def test_patterns_show_as_they_are_written():
    assert [str(Pattern("a.b", False)), str(Pattern("a.b", True)), str(read_pattern("*"))] == ["a.b", "*.a.b", "*"]
