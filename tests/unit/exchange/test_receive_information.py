# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exchange_connectors_info says of receive connectors, in simulated organisations."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange import tasks
from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker

Raw = dict[str, Any]
SEEDS = pytest.mark.parametrize("seed", range(6))
BASE: Raw = {"servers": ["ex1", "ex2"], "bindings": ["0.0.0.0:25"]}
LIST: list[Raw] = [
    {**BASE, "name": "None", "remote_ip_ranges": ["192.0.2.1"], "permission_groups": ["anonymous_users"]},
    {**BASE, "name": "Anonymous", "remote_ip_ranges": ["192.0.2.2"], "relay": "anonymous"},
    {**BASE, "name": "Secured", "remote_ip_ranges": ["192.0.2.3"], "relay": "externally_secured"},
    {
        **BASE,
        "name": "Open",
        "servers": ["ex2"],
        "remote_ip_ranges": ["198.0.0.0/7"],
        "relay": "anonymous",
        "allow_open_relay": True,
    },
]


def organisation(seed: int) -> Organisation:
    there = Organisation(seed, ["EX1", "EX2"])
    assert not tasks.receive_connectors(there, LIST).get("failed")
    return there


@SEEDS
def test_who_may_relay_is_read_in_the_same_session(seed: int) -> None:
    there = organisation(seed)
    sessions = there.sessions
    there.calls.clear()
    found = tasks.information(there)
    told = {one["name"]: (one.get("relay"), one.get("allow_open_relay")) for one in found["receive_connectors"]}
    assert told == {
        "Anonymous": ("anonymous", None),
        "None": (None, None),
        "Open": ("anonymous", True),
        "Secured": ("externally_secured", None),
    }
    assert there.sessions == sessions + 1
    assert [one for one in found["not_expressed"] if one["property"] == "relay"] == []
    assert [text.partition(" ")[0] for text in found["warnings"]] == ["EX2\\Open"]
    asked = [cmdlet for cmdlet, _parameters in there.calls]
    # Five default ones on each server, and those of the list.
    assert asked.count("Get-ADPermission") == 10 + 7


@SEEDS
def test_an_open_relay_can_be_given_back(seed: int) -> None:
    there = organisation(seed)
    found = tasks.information(there)
    again = tasks.receive_connectors(there, found["receive_connectors"], hosts=found["hosts"], purge=True)
    assert (again["changed"], again["plan"]) == (False, [])


@SEEDS
def test_permissions_that_cannot_be_read_are_named(seed: int) -> None:
    there = organisation(seed)
    there.faults.hide("Get-ADPermission")
    found = tasks.information(there)
    # For externally secured ones, and those that strangers may not use at all, it shows without permissions.
    assert {one["name"]: one.get("relay") for one in found["receive_connectors"]}["Secured"] == "externally_secured"
    unknown = [one["connector"] for one in found["not_expressed"] if one["property"] == "relay"]
    assert {"EX1\\None", "EX1\\Anonymous", "EX2\\Open"} <= set(unknown)
    assert not {"EX1\\Secured", "EX1\\Client Proxy EX1"} & set(unknown)


@SEEDS
def test_on_an_edge_server(seed: int) -> None:
    there = Organisation(seed, ["EDGE1"], edge=True, pinned={"principal_language": "English"})
    wanted = {"name": "Apps", "servers": ["edge1"], "bindings": ["0.0.0.0:26"], "remote_ip_ranges": ["192.0.2.1"]}
    tasks.receive_connectors(there, [{**wanted, "relay": "anonymous"}], invoke=Invoker(there))
    found = tasks.information(there)
    assert [one["relay"] for one in found["receive_connectors"]] == ["anonymous"]
    again = tasks.receive_connectors(there, found["receive_connectors"], hosts=found["hosts"], purge=True)
    assert (again["changed"], again["plan"]) == (False, [])
