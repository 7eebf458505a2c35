# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One list from what was found on several hosts: from each host mail takes the way that it took before."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.gathered import Gathered, gather
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
)
from ansible_collections.mailops.connectors.plugins.plugin_utils.gathered_file import find

Raw = dict[str, Any]
HOSTS = {f"gw{number}": {"system": "postfix", "address": f"192.0.2.1{number}"} for number in (1, 2, 3)}


def one(host: str, *spaces: str, name: str = "to-h.test", **fields: Any) -> Raw:
    return {"name": name, "address_spaces": list(spaces), "smart_hosts": ["h.test"], "bridgeheads": [host], **fields}


def found(**hand_made: list[Raw]) -> Raw:
    return {name: {"hand_made": connectors} for name, connectors in hand_made.items()}


def carried(made: Gathered) -> dict[str, tuple[list[str], list[str]]]:
    return {entry["name"]: (entry["address_spaces"], entry["bridgeheads"]) for entry in made.connectors}


def test_the_same_on_all_hosts_is_one_connector() -> None:
    made = gather(found(gw1=[one("gw1", "d.test")], gw2=[one("gw2", "d.test", name="other-name")]), HOSTS)
    assert carried(made) == {"to-h.test": (["d.test"], ["gw1", "gw2"])}
    assert (made.hosts, made.notes, made.routing_groups) == (None, [], [])


def test_hosts_that_were_set_up_differently_do_not_begin_to_hand_over() -> None:
    made = gather(found(gw1=[one("gw1", "d.test")], gw2=[], gw3=[one("gw3", "d.test", "*")]), HOSTS)
    assert carried(made) == {"to-h.test": (["d.test"], ["gw1"]), "to-h.test-gw3": (["*", "d.test"], ["gw3"])}
    assert made.notes == []
    assert made.hosts is not None
    assert {name: host["routing_group"] for name, host in made.hosts.items()} == {
        "gw1": "gw1",
        "gw2": "gw2",
        "gw3": "gw3",
    }
    assert made.hosts["gw1"]["address"] == "[192.0.2.11]"


def test_what_a_store_holds_already_stays_as_it_is() -> None:
    there = {
        "gw1": {
            "sets": {
                "default": {"connectors": [one("gw1", "old.test", name="old")], "hosts": {}, "routing_groups": []}
            },
            "hand_made": [one("gw1", "d.test", name="old", smart_hosts=["other.test"])],
        }
    }
    made = gather(there, {"gw1": HOSTS["gw1"]})
    assert carried(made) == {"old": (["old.test"], ["gw1"]), "old-gw1": (["d.test"], ["gw1"])}


def test_the_other_system_takes_no_mail_that_it_did_not_take() -> None:
    hosts = {"gw1": HOSTS["gw1"], "ex1": {"system": "exchange", "address": "192.0.2.21"}}
    there = {
        "gw1": {"hand_made": [one("gw1", "d.test")]},
        "ex1": {
            "unmanaged": [one("ex1", "*", name="Internet", smart_hosts=["192.0.2.11"])],
            "hosts": {"ex1": {"system": "exchange", "routing_group": "Paris"}},
        },
    }
    made = gather(there, hosts, exchange="ex1")
    assert made.notes == []
    assert made.hosts is not None
    assert {name: host["routing_group"] for name, host in made.hosts.items()} == {"ex1": "paris", "gw1": "postfix"}


def test_servers_that_the_inventory_lacks_are_named() -> None:
    there = {
        "ex1": {
            "unmanaged": [one("ex2", "*", name="Internet")],
            "hosts": {"ex1": {"system": "exchange"}, "ex2": {"system": "exchange", "server_name": "EX2"}},
        }
    }
    made = gather(there, {"ex1": {"system": "exchange"}}, exchange="ex1")
    assert made.hosts is not None and made.hosts["ex2"]["server_name"] == "EX2"


def test_a_circle_that_is_there_is_told() -> None:
    there = found(gw1=[one("gw1", "*", smart_hosts=["192.0.2.12"])], gw2=[one("gw2", "*", smart_hosts=["192.0.2.11"])])
    made = gather(there, HOSTS)
    assert any("circle" in note for note in made.notes)
    text = find(there, HOSTS).plain()["text"]
    assert "# This list is not yet right" in text and "circle" in text


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ConnectorError, match="bad..domain"):
        gather(found(gw1=[one("gw1", "bad..domain")]), HOSTS)


def test_the_file_is_yaml_whatever_was_found() -> None:
    odd = "a: # {{ x }}\t'\"\u2028b"
    kept = one("gw1", "d.test", comment="#: {% raw %} 'x'")
    there: Raw = {"gw1": {"sets": {"default": {"connectors": [kept]}}}}
    there["gw1"]["not_expressed"] = [{"setting": "transport_maps", "key": odd, "reason": "no\nline"}]
    text = find({**there, "gw2": None}, HOSTS).plain()["text"]
    assert "!unsafe '#: {% raw %} ''x'''" in text
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!unsafe", lambda reader, node: reader.construct_scalar(node))
    assert list(yaml.load(text, Loader=loader)) == ["smtp_connectors_list"]
    assert all(line.startswith(("#", "---", "smtp_", " ")) or not line for line in text.splitlines())
    assert "): no?line\n" in text
    assert "# Nothing was found on:\n#\n#   gw2\n" in text


SPACES = ["a.test", "*.a.test", "b.test", "*", "x.a.test"]
DOMAINS = ["a.test", "s.a.test", "x.a.test", "b.test", "c.test"]


@pytest.mark.parametrize("seed", range(60))
def test_every_host_alone_and_all_together_send_the_same(seed: int) -> None:
    dice = random.Random(seed)
    there: Raw = {}
    for host in HOSTS:
        hops = dice.sample(["h1.test", "h2.test", "h3.test"], dice.choice([0, 1, 2]))
        free = list(SPACES)
        dice.shuffle(free)
        there[host] = {
            "hand_made": [
                one(host, *free[2 * place : 2 * place + dice.choice([1, 2])], name=hop, smart_hosts=[hop])
                for place, hop in enumerate(hops)
            ]
        }
    made = gather(there, HOSTS)
    assert made.notes == []
    together = _router(made.connectors, made.hosts or HOSTS)
    for host, info in there.items():
        alone = _router(info["hand_made"], {host: HOSTS[host]})
        for domain in DOMAINS:
            ways = [
                [element.next_hops for element in router.route(host, domain).elements] for router in (alone, together)
            ]
            assert ways[0] == ways[1], (host, domain, made)
            assert not any(element.hosts for element in together.route(host, domain).elements)


def _router(connectors: list[Raw], hosts: Raw) -> Router:
    problems = Problems()
    read = {item.connector.key: item.connector for item in read_connectors(connectors, problems)}
    organisation = merge([ConnectorSet("default", read, read_hosts(hosts, problems))], problems, "postfix")
    problems.raise_if_any()
    return Router(organisation)
