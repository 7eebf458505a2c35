# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""* takes whatever no narrower space holds, over smart hosts or by MX, and never the mail of local domains."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.dns import Server
from lab.mail import carry, connector, refusal, running
from lab.postfix import Instance

FIRST, SECOND, BY_MX, OLD = "192.0.2.30", "192.0.2.31", "192.0.2.32", "192.0.2.33"
SETTINGS = {
    "mynetworks": "127.0.0.0/8",
    "relayhost": f"[{OLD}]",
    "relay_domains": "relayed.example",
    "mydestination": "local.example",
    "local_recipient_maps": "",
    "local_transport": "discard:local",
    "virtual_mailbox_domains": "virtual.example",
    "virtual_mailbox_maps": "static:x",
    "virtual_transport": "discard:virtual",
}


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Instance]:
    records = {"relayed.example": {"MX": ["10 mx.example."]}, "stranger.example": {"MX": ["10 mx.example."]}}
    with (
        Server({**records, "mx.example": {"A": [BY_MX]}}),
        running(("b1", "127.0.0.11"), settings=SETTINGS) as instances,
    ):
        yield instances[0]


def arrived(sink, count: int) -> set[str]:
    return {to for message in sink.wait_for(count) for to in message.to}


def send(instance: Instance, *domains: str) -> None:
    for domain in domains:
        instance.inject("a@here.example", f"b@{domain}")


LOCAL = ("local.example", "virtual.example")
ALL = ("stranger.example", "relayed.example", "narrow.example", *LOCAL)


def assert_local_mail_stayed(instance: Instance) -> None:
    instance.wait_for_log(r"to=<b@local.example>.*status=sent \(local\)")
    instance.wait_for_log(r"to=<b@virtual.example>.*status=sent \(virtual\)")


def test_smart_hosts_take_everything_but_local_mail(bridgehead, make_sink):
    default, narrow = make_sink(FIRST), make_sink(SECOND)
    found = bridgehead.main_cf()
    carry(bridgehead, [connector("default", "*", via=FIRST), connector("narrow", "narrow.example", via=SECOND)])
    send(bridgehead, *ALL)
    assert arrived(default, 2) == {"b@stranger.example", "b@relayed.example"}
    assert arrived(narrow, 1) == {"b@narrow.example"}
    assert_local_mail_stayed(bridgehead)
    assert bridgehead.setting("relayhost") == f"[{OLD}]"
    carry(bridgehead, [])
    assert bridgehead.main_cf() == found


def test_mx_takes_everything_beside_a_relayhost_which_is_found_again(bridgehead, make_sink):
    by_mx, old = make_sink(BY_MX), make_sink(OLD)
    found = bridgehead.main_cf()
    carry(bridgehead, [connector("default", "*")])
    assert bridgehead.setting("relayhost") == ""
    send(bridgehead, "stranger.example", "relayed.example", *LOCAL)
    assert arrived(by_mx, 2) == {"b@stranger.example", "b@relayed.example"}
    assert_local_mail_stayed(bridgehead)
    assert not old.messages
    carry(bridgehead, [])
    assert bridgehead.main_cf() == found
    bridgehead.inject("a@here.example", "c@stranger.example")
    assert arrived(old, 1) == {"c@stranger.example"}


def test_from_smart_hosts_to_mx_and_back(bridgehead, make_sink):
    default, by_mx = make_sink(FIRST), make_sink(BY_MX)
    found = bridgehead.main_cf()
    for number in range(2):
        carry(bridgehead, [connector("default", "*", via=FIRST)])
        bridgehead.inject("a@here.example", f"smart{number}@stranger.example")
        assert f"smart{number}@stranger.example" in arrived(default, number + 1)
        carry(bridgehead, [connector("default", "*")])
        bridgehead.inject("a@here.example", f"mx{number}@stranger.example")
        assert f"mx{number}@stranger.example" in arrived(by_mx, number + 1)
    carry(bridgehead, [])
    assert bridgehead.main_cf() == found


def test_a_connector_by_mx_goes_past_the_relayhost(bridgehead, make_sink):
    by_mx, old = make_sink(BY_MX), make_sink(OLD)
    carry(bridgehead, [connector("one", "stranger.example")])
    send(bridgehead, "stranger.example", "narrow.example")
    assert arrived(by_mx, 1) == {"b@stranger.example"}
    assert arrived(old, 1) == {"b@narrow.example"}


@pytest.mark.parametrize("name", ["sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"])
def test_what_would_override_the_default_route_is_an_error(bridgehead, name):
    bridgehead.configure(**{name: "inline:{ a@here.example=[192.0.2.40] }"})
    told = refusal(bridgehead, [connector("default", "*")])
    assert f"main.cf, field {name}" in told and "Remedy" in told
    if name == "sender_dependent_relayhost_maps":
        # It concerns mail that would go to relayhost only: with smart hosts nothing does.
        carry(bridgehead, [connector("default", "*", via=FIRST)])
    bridgehead.configure(**{name: None})
    carry(bridgehead, [])
