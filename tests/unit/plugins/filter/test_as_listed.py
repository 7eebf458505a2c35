# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that a play leaves out are counted on as if they followed the list already."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.filter.as_listed import as_listed
from ansible_collections.mailops.connectors.plugins.filter.rollout import rollout

Raw = dict[str, Any]
HOSTS: Raw = {
    "GW1": {"system": "postfix", "address": "192.0.2.11"},
    "gw2": {"system": "postfix", "address": "192.0.2.12"},
    "ex1": {"system": "exchange", "address": "192.0.2.1"},
}
ACCOUNT = {"mechanism": "basic_over_tls", "username": "relay", "password": "Tr0ub4dor&3"}
LIST: list[Raw] = [
    {
        "name": "out",
        "address_spaces": ["*"],
        "smart_hosts": ["mx.example"],
        "bridgeheads": ["gw2"],
        "tls": {"level": "encrypt"},
        "authentication": ACCOUNT,
    },
    {"name": "from exchange", "address_spaces": ["*"], "smart_hosts": ["192.0.2.11"], "bridgeheads": ["ex1"]},
    {"name": "old", "state": "absent"},
]


def names(found: Raw) -> list[str]:
    return [one["name"] for one in found["sets"]["mine"]["connectors"]]


def test_each_host_has_what_it_would_have() -> None:
    found = as_listed(LIST, ["gw2", "ex1"], hosts=HOSTS, set="mine")
    assert names(found["gw2"]) == ["from exchange", "out"]
    assert names(found["ex1"]) == ["from exchange"]
    assert ACCOUNT["password"] not in str(found)


def test_nobody_waits_for_a_host_that_is_left_out() -> None:
    there = {"GW1": None, **as_listed(LIST, ["gw2", "ex1"], hosts=HOSTS)}
    passes = rollout(LIST, hosts=HOSTS, there=there, this="ex1", purge=True)
    assert len(passes) == 1
    assert passes[0]["stages"] == [["ex1"], ["GW1", "gw2"]]
