# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline, an organisation's lists show every mistake that needs no look at a host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.filter.list_problems import list_problems

Raw = dict[str, Any]
SECRET = "Tr0ub4dor&3"
HOSTS: Raw = {
    "gw1": {"system": "postfix", "address": "192.0.2.11"},
    "gw2": {"system": "postfix", "address": "192.0.2.12"},
    "ex1": {"system": "exchange", "address": "192.0.2.1"},
}
PARTNER: Raw = {
    "name": "to-partner",
    "address_spaces": ["partner.example"],
    "smart_hosts": ["mx1.partner.example"],
    "bridgeheads": ["gw1"],
}
OVER_GATEWAY: Raw = {
    "name": "over-gateway",
    "address_spaces": ["partner.example"],
    "smart_hosts": ["192.0.2.11"],
    "bridgeheads": ["ex1"],
}


def account(password: str) -> Raw:
    return {"mechanism": "basic_over_tls", "username": "relay", "password": password}


def test_a_list_without_mistakes() -> None:
    assert list_problems([PARTNER, OVER_GATEWAY], hosts=HOSTS) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bridgeheads": ["gw9"]}, "gw9"),
        ({"tls": {"level": "chain_only"}}, "tls.level"),
        ({"bridgeheads": ["gw1", "ex1"]}, "two systems"),
        ({"smart_hosts": ["192.0.2.12"]}, "circle"),
        ({"tls": {"level": "encrypt"}, "authentication": account("abc")}, "authentication"),
        ({"adress_spaces": []}, "address_spaces"),
    ],
)
def test_each_mistake_is_told(changed: Raw, told: str) -> None:
    back = {**PARTNER, "name": "back", "smart_hosts": ["192.0.2.11"], "bridgeheads": ["gw2"], "scope": "routing_group"}
    circle = [{**back, "address_spaces": ["partner.example;5"]}] if told == "circle" else []
    found = list_problems([{**PARTNER, **changed}, *circle, OVER_GATEWAY], hosts=HOSTS)
    assert found and any(told in problem for problem in found)
    assert all("Remedy: " in problem for problem in found)


def test_the_rules_of_exchange_count_for_its_connectors_and_lists() -> None:
    wrong = {**OVER_GATEWAY, "tls": {"level": "dane"}}
    receive = [{"name": "from-gateway", "servers": ["ex1"], "bindings": ["nonsense"]}]
    found = list_problems(
        [PARTNER, wrong],
        hosts=HOSTS,
        receive_connectors=receive,
        accepted_domains=[{"name": "contoso.example", "type": "unheard"}],
        site_links=[{"name": "Paris-Oslo", "cost": 0}],
    )
    assert [sum(word in problem for problem in found) for word in ("dane", "bindings", "unheard", "Paris-Oslo")] == [
        1
    ] * 4


def test_a_list_for_exchange_is_not_dropped_where_there_is_no_exchange() -> None:
    found = list_problems([PARTNER], hosts={"gw1": HOSTS["gw1"]}, receive_connectors=[{"name": "x"}])
    assert len(found) == 1 and "no host of the organisation is an Exchange server" in found[0]


def test_a_secret_is_never_told() -> None:
    wrong = {**PARTNER, "authentication": account(SECRET), "tls": {"level": "none"}, "dequeue": {"password": SECRET}}
    for password in (SECRET, {"nested": SECRET}):
        found = list_problems([{**wrong, "authentication": {**account(SECRET), "password": password}}], hosts=HOSTS)
        assert found and SECRET not in "\n".join(found)
