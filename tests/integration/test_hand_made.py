# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations made by hand, generated one after the other on one real Postfix, and the connectors that they are told as.

With the connectors applied trivial-rewrite(8) has to send every address where it did before, whatever could be expressed;
and on a Postfix without any of that configuration the connectors alone send the same addresses to the same next hops.

MAILOPS_HAND_MADE sets how many (default 10), MAILOPS_HAND_MADE_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.found_delivery import same_next_hops
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.information import information
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.table_text import render
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import Answer

from lab import bridgehead as lab_bridgehead
from lab import postfix as lab_postfix
from lab.bridgehead import Bridgehead
from lab.seeds import drawn_seed

COUNT = int(os.environ.get("MAILOPS_HAND_MADE", "10"))
SEED = int(os.environ.get("MAILOPS_HAND_MADE_SEED", "0")) or drawn_seed()
DOMAINS = ["a.test", "b.a.test", "c.b.a.test", "d.test", "x.d.test", "e.test", "f.e.test"]
ADDRESSES = [f"{user}@{label}{domain}" for domain in DOMAINS for label in ("", "sub.") for user in ("u", "boss")]
ADDRESSES += ["u@stranger.invalid", "u@b1.lab.example", "u@g.test"]
VALUES = [
    *("smtp:[192.0.2.50]", "smtp:[192.0.2.50]:25", "relay:[192.0.2.51]:26", "smtp:[h.test]", "smtp:", "relay:"),
    *(
        "smtp:mx.test:587",
        "smtp:[192.0.2.50], [192.0.2.51]",
        ":",
        ":[192.0.2.50]",
        "error:5.7.1 no",
        "slow:[192.0.2.50]",
    ),
    *("discard:", "mine:[192.0.2.52]", "lmtp:unix:/x", "smtp"),
]
SERVICES = """\
slow unix - - n - 2 smtp
mine unix - - n - - smtp
  -o smtp_helo_name=mine.lab.example
"""
FRESH = {**lab_bridgehead.SETTINGS, "smtp_tls_CAfile": "/etc/ssl/certs/ca-certificates.crt"}
TABLES = ("transport_lmdb", "transport_hash", "transport_regexp", "policy_texthash", "relay_lmdb", "local_texthash")
outcomes: Counter[str] = Counter()


class Drawn:
    """One configuration. Everything follows from the seed."""

    def __init__(self, dice: random.Random) -> None:
        self.tables: dict[str, str] = {
            "transport_lmdb": render({_key(dice): dice.choice(VALUES) for _entry in range(dice.choice([0, 1, 3, 6]))}),
            "transport_hash": render({_key(dice): dice.choice(VALUES) for _entry in range(dice.choice([0, 0, 2]))}),
            "transport_regexp": "/^boss@b\\.a\\.test$/ smtp:[192.0.2.99]\n" if dice.random() < 0.3 else "",
            "policy_texthash": render(
                {_policy_key(dice): _policy(dice) for _entry in range(dice.choice([0, 0, 1, 3]))}
            ),
            "relay_lmdb": render({_relay_key(dice): "x" for _entry in range(dice.choice([0, 1, 2]))}),
            "local_texthash": render(dict.fromkeys(dice.sample(DOMAINS, dice.choice([0, 0, 1])), "x")),
        }
        self.settings: dict[str, str | None] = {
            "relayhost": dice.choice(["", "", "[192.0.2.60]", "[192.0.2.60]:587", "mx.test"]),
            "default_transport": dice.choice(["smtp", "smtp", "smtp", "smtp:[192.0.2.61]", "mine", "error:no"]),
            "smtp_tls_security_level": dice.choice(["may", "", "encrypt"]),
            "parent_domain_matches_subdomains": dice.choice(["relay_domains", "relay_domains", "", "transport_maps"]),
            "smtp_fallback_relay": dice.choice(["", "", "", "[192.0.2.62]"]),
            "sender_dependent_relayhost_maps": dice.choice(["", "", "", "inline:{ x@y.test=[192.0.2.63] }"]),
        }

    def install(self, bridgehead: Bridgehead) -> None:
        for name, text in self.tables.items():
            bridgehead.tables.build(name.rpartition("_")[2], str(bridgehead.directory / name), text, 0o644)
        bridgehead.instance.configure(**self.settings)
        bridgehead.postfix.reload()


def _key(dice: random.Random) -> str:
    domain = dice.choice(DOMAINS)
    return dice.choice(
        [domain, domain, f".{domain}", f".{domain}", f"boss@{domain}", "*" if dice.random() < 0.2 else domain]
    )


def _relay_key(dice: random.Random) -> str:
    return dice.choice(["", "."]) + dice.choice(DOMAINS)


def _policy_key(dice: random.Random) -> str:
    domain = dice.choice(DOMAINS)
    return dice.choice([domain, f".{domain}", "[192.0.2.50]", "[192.0.2.50]:25", "[192.0.2.60]:587", "mx.test:587"])


def _policy(dice: random.Random) -> str:
    return dice.choice(
        ["encrypt", "none", "secure match=m.test", "secure", "verify", "fingerprint match=aa", "may ciphers=high"]
    )


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Bridgehead, Bridgehead]]:
    """One host that is configured by hand, and one that has the connectors alone."""
    settings = {
        **FRESH,
        "transport_maps": "lmdb:$config_directory/transport_lmdb, hash:$config_directory/transport_hash, "
        "regexp:$config_directory/transport_regexp",
        "smtp_tls_policy_maps": "texthash:$config_directory/policy_texthash",
        "relay_domains": "lmdb:$config_directory/relay_lmdb",
        "mydestination": "$myhostname, texthash:$config_directory/local_texthash",
    }
    with lab_postfix.temporary_root() as root:
        first = lab_postfix.Instance(root, "b1", "127.0.0.11", settings=settings, services=SERVICES)
        local = {"mydestination": "b1.lab.example, texthash:$config_directory/local_texthash"}
        second = lab_postfix.Instance(root, "fresh", "127.0.0.12", settings={**FRESH, **local})
        hand, fresh = Bridgehead(first), Bridgehead(second)
        Drawn(random.Random(0)).install(hand)
        fresh.tables.build("texthash", str(fresh.directory / "local_texthash"), "", 0o644)
        with first, second:
            yield hand, fresh


@pytest.mark.parametrize("number", range(COUNT))
def test_the_first_application_changes_no_route(hosts, number):
    hand, fresh = hosts
    print(f"MAILOPS_HAND_MADE_SEED={SEED} number={number}")
    drawn = Drawn(random.Random(f"{SEED} {number}"))
    drawn.install(hand)
    before = hand.ask_afresh(ADDRESSES)
    told = information(hand.postfix, hand.tables, this_host="b1", find_hand_made=True)
    connectors: list[dict[str, Any]] = told["hand_made"]
    outcome = hand.provision(connectors)
    assert "otherwise" not in outcome.verification
    after = hand.ask_afresh(ADDRESSES)
    for address, old, new in zip(ADDRESSES, before, after):
        assert same_route(old, new), (address, old, new, connectors, told["not_expressed"])
    assert outcome.routes_changed == []
    again = information(hand.postfix, hand.tables, this_host="b1", find_hand_made=True)
    assert again["hand_made"] == [], "what a connector has taken over is not found again"
    fresh.tables.build("texthash", str(fresh.directory / "local_texthash"), drawn.tables["local_texthash"], 0o644)
    fresh.instance.configure(
        parent_domain_matches_subdomains=drawn.settings["parent_domain_matches_subdomains"],
        smtp_tls_security_level=drawn.settings["smtp_tls_security_level"],
    )
    fresh.instance.reload()
    fresh.provision(connectors)
    for address, old, new in zip(ADDRESSES, after, fresh.ask_afresh(ADDRESSES)):
        # An entry for one user is not expressed. It stays on the host set up by hand, and may send the mail the default way.
        if old.transport.startswith("connector-") and not address.startswith("boss@"):
            assert (new.transport, new.nexthop) == (old.transport, old.nexthop), (address, old, new, connectors)
            outcomes["the same on a fresh host"] += 1
    outcomes.update(
        f"{space[:2] if space[:1] == '*' else 'd'}" for one in connectors for space in one["address_spaces"]
    )
    outcomes.update(entry["setting"].split()[0] + " not expressed" for entry in told["not_expressed"])
    for bridgehead in hosts:
        bridgehead.provision([], purge=True)
    assert [same_route(old, new) for old, new in zip(before, hand.ask_afresh(ADDRESSES))] == [True] * len(ADDRESSES)


def same_route(old: Answer, new: Answer) -> bool:
    if not new.transport.startswith("connector-"):
        return old == new
    # smtp_fallback_relay becomes the last next hop of the list.
    found = [same_next_hops(wanted, new.nexthop) for wanted in (old.nexthop, f"{old.nexthop},[192.0.2.62]")]
    return old.transport in ("smtp", "relay", "mine") and any(found)


def test_a_domain_alone_is_refused_where_its_entry_stands_for_subdomains_too(hosts):
    hand, _fresh = hosts
    drawn = Drawn(random.Random(0))
    drawn.settings["parent_domain_matches_subdomains"] = "relay_domains, transport_maps"
    drawn.install(hand)
    both = {"name": "c", "address_spaces": ["*.z.test"], "smart_hosts": ["h.test"], "bridgeheads": ["b1"]}
    with pytest.raises(ConnectorError, match="parent_domain_matches_subdomains.*take transport_maps out of it"):
        hand.provision([{**both, "address_spaces": ["z.test"]}])
    assert "as planned" in hand.provision([both]).verification
    hand.provision([], purge=True)


def test_all_kinds_of_configurations_were_met():
    print(f"met: {dict(sorted(outcomes.items()))}")
    if COUNT >= 40:
        assert {"d", "*.", "*", "the same on a fresh host"} <= set(outcomes)
        assert {"transport_maps not expressed", "relayhost not expressed"} <= set(outcomes)
