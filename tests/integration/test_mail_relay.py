# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""relay: true admits exactly the domains of the connector from strangers, and nothing that was admitted before is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.mail import STRANGER, carry, connector, refusal, relays, running
from lab.postfix import Instance

FIRST = "192.0.2.30"
TRUSTS_NOBODY = {"mynetworks": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Instance]:
    with running(("b1", "127.0.0.11"), settings=TRUSTS_NOBODY) as (instance,):
        yield instance


def admitted(instance: Instance, *domains: str) -> list[str]:
    return [domain for domain in domains if relays(instance, f"b@{domain}")]


NAMES = (
    "exact.example",
    "sub.exact.example",
    "below.example",
    "sub.below.example",
    "a.b.below.example",
    "other.example",
)


def test_a_domain_exactly_and_a_subtree(bridgehead, make_sink):
    sink = make_sink(FIRST)
    assert admitted(bridgehead, *NAMES) == []
    made = [
        connector("exact", "exact.example", via=FIRST, relay=True),
        connector("below", "*.below.example", via=FIRST, relay=True),
        connector("not", "other.example", via=FIRST),
    ]
    carry(bridgehead, made)
    assert admitted(bridgehead, *NAMES) == ["exact.example", "below.example", "sub.below.example", "a.b.below.example"]
    bridgehead.inject("a@elsewhere.example", "b@EXACT.example", source=STRANGER)
    assert [to.lower() for message in sink.wait_for(1) for to in message.to] == ["b@exact.example"]
    carry(bridgehead, made[1:])
    assert admitted(bridgehead, *NAMES) == ["below.example", "sub.below.example", "a.b.below.example"]
    made[1]["relay"] = False
    carry(bridgehead, made[1:])
    assert admitted(bridgehead, *NAMES) == []


def test_a_disabled_connector_admits_nobody_and_so_does_one_of_another_host(bridgehead):
    made = connector("exact", "exact.example", via=FIRST, relay=True)
    carry(bridgehead, [{**made, "enabled": False}])
    assert admitted(bridgehead, *NAMES) == []
    hosts = {"b1": {}, "b2": {"address": "192.0.2.12"}}
    carry(bridgehead, [{**made, "bridgeheads": ["b2"]}], hosts=hosts)
    assert admitted(bridgehead, *NAMES) == []
    carry(bridgehead, [made], hosts=hosts)
    assert admitted(bridgehead, *NAMES) == ["exact.example"]


@pytest.mark.parametrize("matching", ["", "debug_peer_list, smtpd_access_maps", "relay_domains"])
def test_a_domain_is_exact_whatever_parent_domain_matches_subdomains_says(make_instance, matching):
    settings = {**TRUSTS_NOBODY, "parent_domain_matches_subdomains": matching, "relay_domains": "own.example"}
    bridgehead = make_instance("b1", "127.0.0.12", settings=settings)
    own = ("own.example", "sub.own.example")
    before = admitted(bridgehead, *own)
    made = [
        connector("exact", "exact.example", via=FIRST, relay=True),
        connector("below", "*.below.example", via=FIRST, relay=True),
    ]
    carry(bridgehead, made)
    assert admitted(bridgehead, *NAMES) == ["exact.example", "below.example", "sub.below.example", "a.b.below.example"]
    # The administrator's own relay domains mean what they meant.
    assert admitted(bridgehead, *own) == before
    carry(bridgehead, [])
    assert admitted(bridgehead, *NAMES) == [] and admitted(bridgehead, *own) == before


def test_where_recipients_are_checked_those_of_the_domain_are_known(make_instance):
    settings = {
        **TRUSTS_NOBODY,
        "relay_domains": "own.example",
        "relay_recipient_maps": "inline:{ known@own.example=x }",
    }
    bridgehead = make_instance("b1", "127.0.0.12", settings=settings)
    assert bridgehead.answer_to("unknown@own.example", source=STRANGER).startswith("550")
    carry(bridgehead, [connector("exact", "exact.example", via=FIRST, relay=True)])
    assert bridgehead.answer_to("anybody@exact.example", source=STRANGER).startswith("250")
    assert bridgehead.answer_to("known@own.example", source=STRANGER).startswith("250")
    assert bridgehead.answer_to("unknown@own.example", source=STRANGER).startswith("550")
    told = refusal(bridgehead, [connector("below", "*.below.example", via=FIRST, relay=True)])
    assert 'connector "below", field relay, value "*.below.example"' in told
    assert "relay_recipient_maps" in told and "name the domains one by one" in told


def test_a_subtree_of_two_labels_warns(bridgehead):
    outcome = carry(bridgehead, [connector("wide", "*.co.example", "*.example", via=FIRST, relay=False)])
    assert outcome.warnings == []
    outcome = carry(bridgehead, [connector("wide", "*.co.example", via=FIRST, relay=True)])
    assert ["every domain under co.example" in warning for warning in outcome.warnings] == [True]
