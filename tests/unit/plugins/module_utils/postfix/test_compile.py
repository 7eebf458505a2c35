# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
    read_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.compile import HostFacts, compile_host
from hypothesis import given
from hypothesis import strategies as st

HOSTS = {"b1": {"address": "192.0.2.11"}, "b2": {"address": "192.0.2.12"}, "app": {"networks": ["192.0.2.21"]}}


def connector(name, *spaces, via="h.test", on="b1", **fields):
    smart_hosts = [via] if isinstance(via, str) else via
    base = {"name": name, "address_spaces": list(spaces), "smart_hosts": smart_hosts, "bridgeheads": [on]}
    return {**base, **fields}


def compiled(*connectors, host="b1", hosts=None, groups=(), local=(), **facts):
    problems = Problems()
    wanted = {item.connector.key: item.connector for item in read_connectors(list(connectors), problems)}
    one = ConnectorSet(
        "default",
        wanted,
        read_hosts(HOSTS if hosts is None else hosts, problems),
        read_routing_groups(list(groups), problems),
    )
    made = merge([one], problems, "postfix", host)
    problems.raise_if_any()
    here = replace(made.hosts[host], local_domains=tuple(sorted({*made.hosts[host].local_domains, *local})))
    made = replace(made, hosts={**made.hosts, host: here})
    given_facts = HostFacts("/etc/postfix", frozenset(local), **facts)
    found = compile_host(Router(made), host, given_facts, problems)
    problems.raise_if_any()
    return found


def connectors_of(found):
    """Transport key -> the connectors of its chain, in their order; ":" stays."""
    chains = {name: [element.connector for element in chain] for name, chain in found.chains.items()}
    return {key: chains.get(value.partition(":")[0], value) for key, value in found.transport.items()}


def test_keys_of_each_kind_of_space():
    found = compiled(connector("c", "a.test", "*.b.test", "*"))
    assert connectors_of(found) == {"a.test": ["c"], "b.test": ["c"], ".b.test": ["c"]}
    assert found.default_route == found.transport["a.test"]
    assert not found.by_mx
    assert len(found.services) == 1


def test_one_service_for_each_distinct_chain():
    found = compiled(
        connector("one", "a.test;1", "b.test;1", "c.test"),
        connector("two", "a.test;2", "b.test;2", "d.test", via="g.test"),
    )
    assert connectors_of(found) == {
        "a.test": ["one", "two"],
        "b.test": ["one", "two"],
        "c.test": ["one"],
        "d.test": ["two"],
    }
    assert len(found.services) == 3


def test_local_domains_below_a_subtree_stay_local_unless_named():
    made = (connector("c", "*.b.test", "named.b.test"),)
    local = ("x.b.test", "named.b.test", "elsewhere.test", "deep.y.b.test")
    found = compiled(*made, local=local)
    assert connectors_of(found) == {
        "b.test": ["c"],
        ".b.test": ["c"],
        "named.b.test": ["c"],
        "x.b.test": ":",
        "deep.y.b.test": ":",
    }
    # What the administrator's own table says of a local domain is left to it.
    assert "x.b.test" not in compiled(*made, local=local, foreign_keys=frozenset({"x.b.test"})).transport
    declared = {"b1": {"local_domains": ["z.b.test"]}}
    assert compiled(*made, hosts=declared).transport["z.b.test"] == ":"


def test_a_local_domain_at_the_top_of_a_subtree():
    found = compiled(connector("c", "*.b.test"), local=("b.test",))
    assert connectors_of(found) == {".b.test": ["c"], "b.test": ":"}


def test_by_mx():
    found = compiled(connector("c", "*", via=[]))
    assert found.by_mx and found.default_route.endswith(":")


def test_a_disabled_connector_is_left_out():
    found = compiled(connector("c", "*.a.test", relay=True, enabled=False))
    assert found.is_empty and found.transport == {}


def test_peers_are_those_whose_mail_comes_here():
    made = (connector("one", "a.test;1"), connector("two", "a.test;2", via="g.test", on="b2"))
    assert compiled(*made).peers == ("192.0.2.12/32", "192.0.2.21/32")
    # b1 never hands over to b2: after its own first connector only its own follow.
    assert compiled(*made, host="b2").peers == ("192.0.2.21/32",)
    assert compiled(*made, host="app").peers == ()
    unknown = {"b1": {}, "app": {}}
    assert ["app hands mail to b1" in warning for warning in compiled(made[0], hosts=unknown).warnings] == [True]


def test_hand_overs_stand_before_the_first_own_connector_only():
    made = (
        connector("near", "a.test;1", via="g.test", on="b2"),
        connector("own", "a.test;2"),
        connector("far", "a.test;3", via="g.test", on="b2"),
    )
    assert connectors_of(compiled(*made))["a.test"] == ["near", "own"]
    assert connectors_of(compiled(*made, host="b2"))["a.test"] == ["near", "far"]
    assert connectors_of(compiled(*made, host="app"))["a.test"] == ["near", "own", "far"]


def test_relay_domains():
    found = compiled(connector("c", "a.test", "*.b.test", relay=True), connector("d", "d.test"))
    assert (found.relay_exact, found.relay_below) == (frozenset({"a.test"}), frozenset({"b.test"}))
    other = compiled(connector("c", "a.test", relay=True, on="b2"))
    assert other.relay_exact == frozenset()
    local = compiled(connector("c", "a.test", relay=True), local=("a.test",))
    assert local.relay_exact == frozenset()
    assert ["a.test is delivered on this host" in warning for warning in local.warnings] == [True]


@pytest.mark.parametrize(
    ("made", "facts", "told"),
    [
        (
            connector("c", "*.a.test", relay=True),
            {"parameters": {"relay_recipient_maps": "x:y"}},
            "relay_recipient_maps",
        ),
        (connector("c", "*.a.test"), {"unlisted": ("ldap:x",)}, "cannot be listed"),
        (connector("c", "*"), {"parameters": {"sender_dependent_default_transport_maps": "x:y"}}, "overrides"),
        (connector("c", "*", via=[]), {"parameters": {"sender_dependent_relayhost_maps": "x:y"}}, "overrides"),
        (connector("c", "a.test", max_message_size="2KB"), {"parameters": {"message_size_limit": "2000"}}, "above"),
        (connector("c", "a.test", tls={"level": "verify"}), {}, "smtp_tls_CAfile"),
    ],
)
def test_what_the_host_stands_against(made, facts, told):
    with pytest.raises(ConnectorError, match=told):
        compiled(made, **facts)


@pytest.mark.parametrize(
    ("made", "facts"),
    [
        (connector("c", "a.test", relay=True), {"parameters": {"relay_recipient_maps": "x:y"}}),
        (connector("c", "a.test"), {"unlisted": ("ldap:x",)}),
        (connector("c", "*"), {"parameters": {"sender_dependent_relayhost_maps": "x:y"}}),
        (connector("c", "a.test", max_message_size="2KB"), {"parameters": {"message_size_limit": "0"}}),
        (connector("c", "a.test", tls={"level": "verify"}), {"parameters": {"smtp_tls_CApath": "/x"}}),
        (connector("c", "a.test", tls={"level": "verify", "ca_file": "/x"}), {}),
    ],
)
def test_what_it_does_not_stand_against(made, facts):
    assert not compiled(made, **facts).is_empty


DOMAINS = st.sampled_from(["a.test", "*.a.test", "x.a.test", "*.x.a.test", "b.test", "*.b.test", "*"])
MADE = st.lists(
    st.builds(
        lambda spaces, cost, via, on: ([f"{space};{cost}" for space in sorted(spaces)], via, on),
        st.sets(DOMAINS, min_size=1, max_size=3),
        st.integers(1, 3),
        st.sampled_from(["h.test", "g.test"]),
        st.sampled_from(["b1", "b2"]),
    ),
    max_size=4,
)


@given(MADE, st.randoms(use_true_random=False), st.sampled_from(["b1", "b2", "app"]))
def test_the_order_of_the_list_never_matters_and_every_service_is_used(drawn, random, host):
    made = [connector(f"c{number}", *spaces, via=via, on=on) for number, (spaces, via, on) in enumerate(drawn)]
    found = compiled(*made, host=host)
    random.shuffle(made)
    assert compiled(*made, host=host) == found
    used = {value.partition(":")[0] for value in [*found.transport.values(), found.default_route] if value}
    assert used == set(found.services)
    assert "*" not in found.transport
    # *.d is always both keys, and no next hop is without its policy line.
    assert all(key[1:] in found.transport for key in found.transport if key.startswith("."))
    for service in found.services.values():
        hops = service.destination.partition(":")[2]
        assert set(hops.split(",")) == set(service.policy_lines)
