# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is probed from a bridgehead: every smart host of its connectors, and every host that it hands mail over to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.filter.probe_targets import probe_targets
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import read_targets

Raw = dict[str, Any]
STRANGER = "stranger@example.com"
HOSTS: Raw = {
    "gw1": {"system": "postfix", "address": "192.0.2.11"},
    "gw2": {"system": "postfix", "address": "192.0.2.12:2525", "tls": {"level": "encrypt"}},
    "gw3": {"system": "postfix"},
}


def connector(name: str, *spaces: str, via: Any = (), **fields: Any) -> Raw:
    made = {"name": name, "address_spaces": list(spaces), "smart_hosts": list(via), "bridgeheads": ["gw1"], **fields}
    return {key: value for key, value in made.items() if value != []}


def probing(*connectors: Raw, host: str = "gw1", **options: Any) -> Raw:
    sets = {"default": {"connectors": list(connectors), "hosts": HOSTS, "routing_groups": []}}
    found = probe_targets(sets, host, **{"stranger": STRANGER, **options})
    problems = Problems()
    read_targets(found["targets"], problems)
    assert not problems.found, [str(problem) for problem in problems.found]
    return found


def test_every_smart_host_is_asked_for_the_connectors_domains_and_for_a_stranger() -> None:
    found = probing(
        connector("to-partner", "*.partner.example", "other.example", via=["mx1.partner.example", "[192.0.2.30]:26"])
    )
    asked = {
        "recipient_accepted": ["postmaster@other.example", "postmaster@partner.example"],
        "recipient_refused": [STRANGER],
    }
    assert found["targets"] == [{"host": "mx1.partner.example", **asked}, {"host": "[192.0.2.30]", "port": 26, **asked}]


def test_connectors_that_lead_to_one_server_in_one_way_ask_it_together() -> None:
    one = connector("one", "one.example", via=["mx.example"], max_message_size="5MB")
    two = connector("two", "two.example", via=["mx.example"], max_message_size="10MB")
    other = connector("three", "three.example", via=["mx.example"], tls={"level": "encrypt"})
    found = probing(one, two, other)["targets"]
    assert [target["recipient_accepted"] for target in found] == [
        ["postmaster@one.example", "postmaster@two.example"],
        ["postmaster@three.example"],
    ] or [len(target["recipient_accepted"]) for target in found] == [2, 1]
    assert found[0]["expect"]["size"] == "10MB" and found[1]["tls"] == {"level": "encrypt"}


@pytest.mark.parametrize(
    "changed",
    [
        {"address_spaces": ["*"]},
        {
            "authentication": {"mechanism": "basic_over_tls", "username": "relay"},
            "tls": {"level": "encrypt"},
        },
        {"smart_hosts": ["192.0.2.12:2525"]},
        {"address_spaces": ["*.com"]},
    ],
    ids=["default route", "account", "own host", "its domain is served"],
)
def test_no_stranger_where_the_server_is_meant_to_relay(changed: Raw) -> None:
    found = probing({**connector("c", "partner.example", via=["mx1.partner.example"]), **changed})
    assert [target.get("recipient_refused") for target in found["targets"]] == [None]


@pytest.mark.parametrize(
    ("changed", "expect"),
    [
        ({"authentication": {"mechanism": "basic_over_tls", "username": "relay"}}, {"keywords": ["AUTH"]}),
        ({"tls": {"level": "encrypt", "certificate": "/etc/ssl/mail.pem"}}, None),
    ],
    ids=["account", "certificate"],
)
def test_who_has_to_be_known_by_more_than_an_address_asks_for_no_recipients(changed: Raw, expect: Any) -> None:
    found = probing({**connector("c", "d.example", via=["mx.example"], tls={"level": "encrypt"}), **changed})
    assert [set(target) & {"recipient_accepted", "recipient_refused"} for target in found["targets"]] == [set()]
    assert found["targets"][0].get("expect") == expect
    assert "asked for no recipients" in found["notes"][0]


def test_mail_exchangers_are_looked_up_for_some_domains() -> None:
    found = probing(connector("c", *(f"d{place}.example" for place in range(5))))
    assert [(target["host"], target["mx"]) for target in found["targets"]] == [
        (f"d{place}.example", True) for place in range(3)
    ]
    assert "of its 5 domains only 3 were probed" in found["notes"][0]
    assert "everywhere" in probing(connector("c", "*"))["notes"][0]


def test_disabled_connectors_and_those_of_other_hosts_are_not_probed() -> None:
    assert probing(connector("c", "d.example", via=["mx.example"], enabled=False))["targets"] == []


def test_hosts_that_take_mail_over_are_probed_for_its_domains() -> None:
    carried = connector("c", "d.example", via=["mx.example"], bridgeheads=["gw2"])
    silent = connector("silent", "e.example", via=["mx.example"], bridgeheads=["gw3"])
    found = probing(carried, silent)
    assert found["targets"] == [
        {
            "host": "[192.0.2.12]",
            "port": 2525,
            "tls": {"level": "encrypt"},
            "recipient_accepted": ["postmaster@d.example"],
        }
    ]
    assert found["notes"] == ["gw3 takes mail from here, but has no address in hosts, so it was not probed"]


def test_tlsa_records_and_client_certificates_are_not_probed() -> None:
    tls = {"level": "dane_only", "certificate": "/etc/ssl/mail.pem"}
    found = probing(connector("c", "d.example", via=["mx.example"], tls=tls))
    assert found["targets"][0]["tls"] == {"level": "encrypt"}
    assert "TLSA records were not looked at" in found["notes"][0]


def test_trust_comes_from_postfix_where_a_connector_names_none() -> None:
    read = {"smtp_tls_CAfile": "/etc/ssl/ca.pem"}
    found = probing(connector("c", "d.example", via=["mx.example"], tls={"level": "verify"}), connecting=read)
    assert found["targets"][0]["tls"]["ca_file"] == "/etc/ssl/ca.pem"


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        ({}, ([], "all", "dns")),
        ({"smtp_bind_address": "127.0.0.11", "inet_interfaces": "192.0.2.1"}, (["127.0.0.11"], "all", "dns")),
        ({"inet_interfaces": "192.0.2.1, [2001:db8::1]"}, (["192.0.2.1", "2001:db8::1"], "all", "dns")),
        ({"inet_interfaces": "192.0.2.1 192.0.2.2"}, ([], "all", "dns")),
        ({"inet_interfaces": "127.0.0.1"}, ([], "all", "dns")),
        ({"inet_interfaces": "loopback-only", "inet_protocols": "ipv4"}, ([], "ipv4", "dns")),
        ({"inet_interfaces": "mail.example 192.0.2.1", "inet_protocols": "ipv4, ipv6"}, ([], "all", "dns")),
        ({"smtp_host_lookup": "native, dns"}, ([], "all", "native")),
    ],
)
def test_the_probe_connects_as_postfix_does(read: dict[str, str], wanted: Any) -> None:
    found = probing(connector("c", "d.example", via=["mx.example"]), connecting=read)
    assert (found["source_addresses"], found["inet_protocols"], found["host_lookup"]) == wanted


def test_a_host_without_connectors_has_nothing_to_probe() -> None:
    assert probe_targets({}, "gw1")["targets"] == []
