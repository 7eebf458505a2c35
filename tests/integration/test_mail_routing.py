# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail takes the route that the organisation's connectors say: over bridgeheads, groups and failover chains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from lab.dns import Server
from lab.mail import STRANGER, bounce, carry, connector, reason, relays, running, waiting
from lab.postfix import Instance
from lab.sink import DROP, Sink

FIRST, SECOND, THIRD = "192.0.2.30", "192.0.2.31", "192.0.2.32"
ADDRESSES = {"b1": "192.0.2.11", "b2": "192.0.2.12", "b3": "192.0.2.13", "app1": "192.0.2.21"}
HOSTS = {name: {"address": address} for name, address in ADDRESSES.items()}
# Only what the connectors add lets one host into another.
TRUSTS_NOBODY = {"mynetworks": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def organisation() -> Iterator[Mapping[str, Instance]]:
    with running(*ADDRESSES.items(), settings=TRUSTS_NOBODY) as instances:
        yield {instance.name: instance for instance in instances}


@pytest.fixture(scope="module")
def bridgehead(organisation) -> Instance:
    return organisation["b1"]


@pytest.fixture(scope="module", autouse=True)
def names() -> Iterator[Server]:
    with Server({}) as server:
        yield server


@pytest.fixture(autouse=True)
def no_mail_left(organisation) -> Iterator[None]:
    yield
    for instance in organisation.values():
        if not instance.running():
            instance.start()
        instance.run("postsuper", "-d", "ALL")


def carry_everywhere(organisation, connectors, **options) -> None:
    for instance in organisation.values():
        carry(instance, connectors, **options)


def recipients(sink: Sink, count: int = 1) -> list[str]:
    return sorted(to for message in sink.wait_for(count) for to in message.to)


def bounced(organisation) -> list[str]:
    return [
        line for instance in organisation.values() for line in instance.log().splitlines() if "status=bounced" in line
    ]


# --- one host ----------------------------------------------------------------------------------------------------------


def test_exact_and_subtree_spaces(bridgehead, make_sink, names):
    exact, below, narrower, by_mx = make_sink(FIRST), make_sink(SECOND), make_sink(THIRD), make_sink("192.0.2.33")
    for name in ("sub.exact.example", "elsewhere.example"):
        names.set(name, "MX", "10 mx.elsewhere.example.")
    names.set("mx.elsewhere.example", "A", "192.0.2.33")
    carry(
        bridgehead,
        [
            connector("exact", "exact.example", via=FIRST),
            connector("below", "*.below.example", via=SECOND),
            connector("narrower", "narrow.below.example", via=THIRD),
        ],
    )
    for domain in (
        "exact.example",
        "sub.exact.example",
        "Below.Example",
        "a.b.below.example",
        "narrow.below.example",
        "x.narrow.below.example",
        "elsewhere.example",
    ):
        bridgehead.inject("a@here.example", f"b@{domain}")
    assert recipients(exact) == ["b@exact.example"]
    assert recipients(narrower) == ["b@narrow.below.example"]
    taken = {to.lower() for to in recipients(below, 3)}
    assert taken == {"b@below.example", "b@a.b.below.example", "b@x.narrow.below.example"}
    assert recipients(by_mx, 2) == ["b@elsewhere.example", "b@sub.exact.example"]


def test_a_disabled_connector_carries_nothing(bridgehead, make_sink, names):
    dear, cheap = make_sink(FIRST), make_sink(SECOND)
    made = [
        connector("cheap", "there.example;1", "only.example", via=SECOND, enabled=False),
        connector("dear", "there.example;9", via=FIRST),
    ]
    carry(bridgehead, made)
    bridgehead.inject("a@here.example", "b@there.example")
    assert recipients(dear) == ["b@there.example"]
    bridgehead.inject("a@here.example", "b@only.example")
    assert "not found" in bounce(bridgehead, "b@only.example")
    made[0]["enabled"] = True
    carry(bridgehead, made)
    bridgehead.inject("a@here.example", "c@there.example")
    assert recipients(cheap) == ["c@there.example"]


def test_renaming_leaves_no_gap(bridgehead, make_sink):
    """No step of the rename leaves the address without its next hop: mail goes on all the while."""
    sink = make_sink(FIRST)
    password = {"mechanism": "basic", "username": "m", "password": "abcdef", "allow_cleartext_password": True}
    made = connector("old name", "there.example", via=FIRST, authentication=password)
    carry(bridgehead, [made])
    del made["authentication"]["password"]
    outcome = carry(bridgehead, [{**made, "name": "new name", "renamed_from": ["old name"]}], allow_unsafe=())
    assert [(change["connector"], change["action"]) for change in outcome.plan] == [("new name", "update")]
    assert outcome.unsafe == []
    bridgehead.inject("a@here.example", "b@there.example")
    assert recipients(sink) == ["b@there.example"]
    again = carry(bridgehead, [{**made, "name": "new name", "renamed_from": ["old name"]}])
    assert not again.changed


FAULTS = {
    "refuses": None,
    "greets-with-4xx": {"greeting": "421 4.3.2 not now"},
    "greets-with-5xx": {"greeting": "554 5.3.2 never"},
    "4xx-at-mail": {"mail": "451 4.3.0 not now"},
    "4xx-at-recipient": {"rcpt": "451 4.3.0 not now"},
    "4xx-at-the-end": {"end": "451 4.3.0 not now"},
    "drops-the-connection": {"data": DROP},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_smart_host_takes_over(bridgehead, make_sink, fault):
    first, second = make_sink(FIRST, faults=FAULTS[fault]), make_sink(SECOND)
    if FAULTS[fault] is None:
        first.stop()
    carry(bridgehead, [connector("chain", "there.example", via=[FIRST, SECOND])])
    bridgehead.inject("a@here.example", "b@there.example")
    assert recipients(second) == ["b@there.example"]
    assert not first.messages
    first.faults.clear()
    if FAULTS[fault] is None:
        first.start()
    bridgehead.inject("a@here.example", "c@there.example")
    assert recipients(first) == ["c@there.example"]


def test_a_refusal_for_good_is_no_reason_to_try_the_next(bridgehead, make_sink):
    make_sink(FIRST, faults={"rcpt": "550 5.1.1 unknown"})
    second = make_sink(SECOND)
    carry(bridgehead, [connector("chain", "there.example", via=[FIRST, SECOND])])
    bridgehead.inject("a@here.example", "nobody@there.example")
    assert "550 5.1.1 unknown" in bounce(bridgehead, "nobody@there.example")
    assert not second.sessions


def test_the_costs_of_a_space_are_the_order_of_failover(bridgehead, make_sink):
    sinks = [make_sink(address) for address in (FIRST, SECOND, THIRD)]
    carry(
        bridgehead,
        [
            connector("z", "there.example;1", via=FIRST),
            connector("a", "there.example;20", via=THIRD),
            connector("m", "there.example;3", via=SECOND),
        ],
    )
    for number, sink in enumerate(sinks):
        bridgehead.inject("a@here.example", f"b{number}@there.example")
        assert recipients(sink) == [f"b{number}@there.example"]
        sink.stop()
    bridgehead.inject("a@here.example", "b@there.example")
    assert "refused" in reason(bridgehead, "b@there.example")


def test_a_local_domain_below_a_subtree_stays_local(bridgehead, make_sink):
    sink = make_sink(FIRST)
    bridgehead.configure(mydestination="local.there.example", local_recipient_maps="", local_transport="discard:local")
    bridgehead.reload()
    carry(bridgehead, [connector("there", "*.there.example", via=FIRST)])
    bridgehead.inject("a@here.example", ["b@local.there.example", "b@other.there.example"])
    assert recipients(sink) == ["b@other.there.example"]
    bridgehead.wait_for_log(r"to=<b@local.there.example>, relay=none, .*status=sent \(local\)")
    # A space that names exactly the local domain takes its mail.
    carry(bridgehead, [connector("there", "local.there.example", via=FIRST)])
    bridgehead.inject("a@here.example", "c@local.there.example")
    assert "c@local.there.example" in recipients(sink, 2)
    bridgehead.configure(mydestination="b1.lab.example", local_recipient_maps=None, local_transport=None)
    bridgehead.reload()


# --- hand-over ---------------------------------------------------------------------------------------------------------


def test_a_host_that_is_no_bridgehead_hands_over(organisation, make_sink):
    sink = make_sink(FIRST)
    app, bridgehead = organisation["app1"], organisation["b1"]
    hosts = {"b1": {"address": ADDRESSES["b1"]}, "app1": {"networks": [ADDRESSES["app1"]]}}
    made = [connector("out", "there.example", via=FIRST)]
    carry(app, made, hosts=hosts)
    carry(bridgehead, made, hosts=hosts)
    app.inject("a@here.example", "b@there.example")
    (message,) = sink.wait_for(1)
    assert message.peer == ADDRESSES["b1"]
    assert b"from app1.lab.example" in message.body
    assert bridgehead.answer_to("b@there.example", source=ADDRESSES["app1"]).startswith("250")
    assert not relays(bridgehead, "b@there.example")
    # Once app1 is no longer known, the bridgehead trusts it no more.
    carry(bridgehead, made, hosts={"b1": hosts["b1"]})
    assert "denied" in bridgehead.answer_to("b@there.example", source=ADDRESSES["app1"])


def test_a_hand_over_uses_the_tls_of_the_host(organisation, make_sink, authority):
    """b1 does not offer TLS; app1 must not hand over to it in clear text."""
    sink = make_sink(FIRST)
    app, bridgehead = organisation["app1"], organisation["b1"]
    hosts = {"b1": {"address": ADDRESSES["b1"], "tls": {"level": "encrypt"}}, "app1": {"networks": [ADDRESSES["app1"]]}}
    made = [connector("out", "there.example", via=FIRST)]
    carry(app, made, hosts=hosts)
    carry(bridgehead, made, hosts=hosts)
    app.inject("a@here.example", "b@there.example")
    assert "TLS is required" in reason(app, "b@there.example")
    identity = authority.server("b1.lab.example")
    names = ("smtpd_tls_security_level", "smtpd_tls_cert_file", "smtpd_tls_key_file")
    bridgehead.configure(**dict(zip(names, ("may", identity.certificate_file, identity.key_file), strict=True)))
    bridgehead.reload()
    app.flush()
    assert recipients(sink) == ["b@there.example"]
    bridgehead.configure(smtpd_tls_security_level="none", smtpd_tls_cert_file=None, smtpd_tls_key_file=None)
    bridgehead.reload()


BACKED_UP = [
    connector("c1", "there.example;1", via=FIRST, bridgeheads=["b1"]),
    connector("c2", "there.example;2", via=SECOND, bridgeheads=["b2"]),
]
DOWN = [["first"], ["second"], ["first", "second"], ["b1"], ["b2"], ["b1", "first"]]


@pytest.mark.parametrize("down", DOWN, ids="+".join)
def test_two_bridgeheads_back_each_other_up(organisation, make_sink, down):
    """Mail from everywhere: it goes or waits, nothing bounces or circles, and all of it flows once all are back."""
    sinks = {"first": make_sink(FIRST), "second": make_sink(SECOND)}
    carry_everywhere(organisation, BACKED_UP, hosts=HOSTS)
    before = len(bounced(organisation))
    for name in down:
        (organisation[name] if name in organisation else sinks[name]).stop()
    sources = [name for name in ("b1", "b2", "app1") if name not in down]
    for name in sources:
        organisation[name].inject("a@here.example", f"from-{name}@there.example")
    arrive = {name: target for name in sources if (target := _expected(name, down)) in sinks}
    for name, target in arrive.items():
        organisation["app1"].wait_until(
            lambda n=name, t=target: f"from-{n}@there.example" in _all(sinks[t]), f"{name} to {target}"
        )
    for name in sources:
        if name not in arrive:
            waiting(organisation[_expected(name, down)], f"from-{name}@there.example")
    assert len(sinks["first"].messages) + len(sinks["second"].messages) == len(arrive)
    for name in down:
        (organisation[name] if name in organisation else sinks[name]).start()
    for instance in organisation.values():
        instance.flush()
    wanted = {f"from-{name}@there.example" for name in sources}
    organisation["app1"].wait_until(
        lambda: _all(sinks["first"]) | _all(sinks["second"]) == wanted, "everything arrives"
    )
    assert len(bounced(organisation)) == before


def _all(sink: Sink) -> set[str]:
    return {to for message in list(sink.messages) for to in message.to}


def _expected(source: str, down: list[str]) -> str:
    """Where mail goes, or the host that it waits on: b1 has c1 only; b2 and app1 hand over to b1 and back that up with c2."""
    if source == "b1":
        return "b1" if "first" in down else "first"
    if "b1" not in down:
        return "b1" if "first" in down else "first"
    if source == "app1" and "b2" in down:
        return "app1"
    return "b2" if "second" in down else "second"


def test_routing_groups_with_a_third_one_behind_the_second(organisation, make_sink):
    """Link one -> two -> three: * of a link stands for the domains of the groups reached, and of nothing else."""
    inside = {"b1": make_sink(FIRST), "b2": make_sink(SECOND), "b3": make_sink(THIRD)}
    groups = [{"name": name, "domains": [f"*.{name}.example"]} for name in ("one", "two", "three")]
    places = {"b1": "one", "app1": "one", "b2": "two", "b3": "three"}
    hosts = {name: {**host, "routing_group": places[name]} for name, host in HOSTS.items()}
    link = {"scope": "routing_group"}
    made = [
        connector("one-two", "*", via=ADDRESSES["b2"], bridgeheads=["b1"], connected_routing_groups=["two"], **link),
        connector(
            "two-three", "*", via=ADDRESSES["b3"], bridgeheads=["b2"], connected_routing_groups=["three"], **link
        ),
        connector("in-one", "*.one.example", via=FIRST, bridgeheads=["b1"], **link),
        connector("in-two", "*.two.example", via=SECOND, bridgeheads=["b2"], **link),
        connector("in-three", "*.three.example", via=THIRD, bridgeheads=["b3"], **link),
    ]
    carry_everywhere(organisation, made, hosts=hosts, routing_groups=groups)
    for group in ("one", "two", "three"):
        organisation["app1"].inject("a@here.example", f"b@mail.{group}.example")
    assert recipients(inside["b1"]) == ["b@mail.one.example"]
    assert recipients(inside["b2"]) == ["b@mail.two.example"]
    (message,) = inside["b3"].wait_for(1)
    assert message.to == ("b@mail.three.example",)
    way = [host for host in ("app1", "b1", "b2") if f"from {host}.lab.example".encode() in message.body]
    assert way == ["app1", "b1", "b2"]
    # A link leads one way only: group three reaches nobody.
    organisation["b3"].inject("a@here.example", "b@mail.one.example")
    assert "not found" in bounce(organisation["b3"], "b@mail.one.example")
    # What is in no group's domains takes no link.
    organisation["app1"].inject("a@here.example", "b@nowhere.example")
    assert "not found" in bounce(organisation["app1"], "b@nowhere.example")
    assert not relays(organisation["b2"], "b@mail.three.example")
    assert organisation["b2"].answer_to("b@mail.three.example", source=ADDRESSES["b1"]).startswith("250")


def test_relay_on_a_link_covers_the_domains_of_the_groups(organisation, make_sink):
    hosts = {"b1": {**HOSTS["b1"], "routing_group": "one"}, "b2": {**HOSTS["b2"], "routing_group": "two"}}
    groups = [{"name": "two", "domains": ["two.example"]}]
    link = connector(
        "one-two", via=ADDRESSES["b2"], connected_routing_groups=["two"], scope="routing_group", relay=True
    )
    carry(organisation["b1"], [link], hosts=hosts, routing_groups=groups)
    answers = {
        domain: relays(organisation["b1"], f"b@{domain}") for domain in ("two.example", "x.two.example", "one.example")
    }
    assert answers == {"two.example": True, "x.two.example": False, "one.example": False}
    assert STRANGER not in HOSTS


# --- several instances on one machine ----------------------------------------------------------------------------------


def test_two_instances_on_one_machine_know_nothing_of_each_other(organisation, make_sink):
    first, second = make_sink(FIRST), make_sink(SECOND)
    there = connector("there", "there.example", via=FIRST)
    carry(organisation["b1"], [there])
    before = organisation["b1"].main_cf(), organisation["b1"].master_cf()
    carry(organisation["b2"], [{**there, "smart_hosts": [SECOND], "bridgeheads": ["b2"]}])
    assert (organisation["b1"].main_cf(), organisation["b1"].master_cf()) == before
    for name in ("b1", "b2"):
        organisation[name].inject("a@here.example", f"{name}@there.example")
    assert recipients(first) == ["b1@there.example"]
    assert recipients(second) == ["b2@there.example"]
