# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.services import (
    PREFIX,
    Directory,
    build,
    master_service,
    password_file,
    slug,
)
from hypothesis import given
from hypothesis import strategies as st


def organisation(*connectors, hosts=None):
    problems = Problems()
    wanted = {item.connector.key: item.connector for item in read_connectors(list(connectors), problems)}
    one = ConnectorSet("default", wanted, read_hosts(hosts or {"b1": {}}, problems))
    made = merge([one], problems, "postfix", "b1")
    problems.raise_if_any()
    return made


def connector(name="c", cost=1, via="h.test", **fields):
    smart_hosts = [via] if isinstance(via, str) else via
    base = {"name": name, "address_spaces": [f"d.test;{cost}"], "smart_hosts": smart_hosts, "bridgeheads": ["b1"]}
    return {**base, **fields}


def service(*connectors, hosts=None, host="b1"):
    made = organisation(*connectors, hosts=hosts)
    problems = Problems()
    chain = Router(made).route(host, "d.test").elements
    found = build(made, chain, host, Directory("/etc/postfix"), problems)
    problems.raise_if_any()
    return found


LOGIN = {"mechanism": "basic_over_tls", "username": "mailer", "password": "correct horse"}


def test_every_next_hop_has_its_policy_line_keyed_verbatim():
    found = service(
        connector("one", 1, ["h.test", "192.0.2.1:587", {"host": "m.test", "mx": True}], tls={"level": "encrypt"}),
        connector("two", 2, "2001:db8::1", tls={"level": "none"}),
    )
    hops = ["[h.test]:25", "[192.0.2.1]:587", "m.test:25", "[2001:db8::1]:25"]
    assert found.destination == f"{found.name}:{','.join(hops)}"
    assert dict(found.policy_lines) == dict(zip(hops, ["encrypt", "encrypt", "encrypt", "none"]))
    assert dict(found.options)["smtp_tls_security_level"] == "encrypt"
    assert ["weaker TLS (none behind encrypt)" in warning for warning in found.warnings] == [True]


def test_the_name_follows_the_content():
    plain = service(connector())
    assert plain.name.startswith(PREFIX + "c-")
    assert service(connector(comment="x", log="none")).name == plain.name
    changed = [
        service(connector(via="other.test")),
        service(connector(tls={"level": "encrypt"})),
        service(connector(helo={"name": "x.test"})),
        service(connector(max_message_size="1MB")),
        service(connector(limits={"connections": 3})),
        service(connector(log="verbose")),
        service(connector(postfix={"smtp_bind_address": "127.0.0.1"})),
        service(connector(tls={"level": "encrypt"}, authentication=LOGIN)),
        service(connector(tls={"level": "encrypt"}, authentication={**LOGIN, "username": "other"})),
    ]
    names = [one.name for one in changed]
    assert len({plain.name, *names}) == len(names) + 1
    # A password is no part of it, so that no name gives anything away and a new password makes no new service.
    again = service(connector(tls={"level": "encrypt"}, authentication={**LOGIN, "password": "battery staple"}))
    assert again == changed[7]


def test_settings_of_the_queue_manager_carry_the_services_name():
    found = service(connector(limits={"connections": 3}))
    assert dict(found.settings) == {f"{found.name}_destination_concurrency_limit": "3"}


def test_a_password_is_named_by_its_own_service_only():
    made = connector(tls={"level": "encrypt"}, authentication=LOGIN)
    options = dict(service(made).options)
    file = password_file(organisation(made), "c")
    assert options["smtp_sasl_password_maps"] == f"texthash:/etc/postfix/connectors/{file}"
    assert options["smtp_sasl_auth_enable"] == "yes"
    assert "noplaintext" in options["smtp_sasl_security_options"]
    plain = dict(service(connector()).options)
    assert (plain["smtp_sasl_auth_enable"], plain["smtp_sasl_password_maps"]) == ("no", "")


def test_a_hand_over_takes_the_address_and_tls_of_the_host():
    hosts = {"b1": {}, "b2": {"address": "192.0.2.12:2525", "tls": {"level": "encrypt"}}}
    found = service(connector(bridgeheads=["b2"], helo={"name": "x.test"}, max_message_size="1MB"), hosts=hosts)
    assert found.destination.endswith(":[192.0.2.12]:2525")
    assert dict(found.policy_lines) == {"[192.0.2.12]:2525": "encrypt"}
    # What the connector sets is set where it is carried.
    assert "smtp_helo_name" not in dict(found.options) and "smtp_reply_filter" not in dict(found.options)


def test_mail_by_mx_has_no_next_hop_and_no_policy_table():
    found = service(connector(via=[], tls={"level": "dane"}))
    assert found.destination == found.name + ":"
    assert found.policy_lines == {}
    assert dict(found.options)["smtp_dns_support_level"] == "dnssec"


@given(st.text(max_size=64))
def test_a_slug_is_fit_for_a_service_name(name):
    found = slug(name)
    assert 1 <= len(found) <= 24
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert found[0] != "-" and found[-1] != "-"


@pytest.mark.parametrize("value", ["a b", "a=b", "{x}", "$y", "", "a, b"])
def test_options_of_master_cf_carry_any_value(value):
    made = master_service(service(connector(postfix={"smtp_x": value})))
    assert dict(made.options)["smtp_x"] == value
