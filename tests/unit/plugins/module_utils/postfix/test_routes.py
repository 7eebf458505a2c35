# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes before and after, in words: what the plan says of every address space whose mail takes another way."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.plan import RouteChange
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.compile import HostFacts, compile_host
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.match_list import (
    LookupFailed,
    MatchList,
    Pattern,
    Table,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.recipient import AddressRules
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.routes import (
    Words,
    changes,
    is_ours,
    probe,
    with_routes,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import MailSettings, resolve

DIRECTORY = "/etc/postfix/connectors"


def connector(name, spaces, smart_hosts=(), **fields):
    return {
        "name": name,
        "address_spaces": spaces,
        "smart_hosts": list(smart_hosts),
        "bridgeheads": ["b1"],
        **fields,
    }


class State:
    """A host with these connectors and these settings of the administrator's."""

    def __init__(self, connectors, transport=None, local=(), restored=None, **settings):
        problems = Problems()
        hosts = read_hosts({"b1": {}, "b2": {"address": "192.0.2.2"}}, problems)
        read = {one.connector.key: one.connector for one in read_connectors(connectors, problems)}
        organisation = merge([ConnectorSet("default", read, hosts)], problems, "postfix", "b1")
        self.compiled = compile_host(Router(organisation), "b1", HostFacts("/etc/postfix"), problems)
        problems.raise_if_any()
        foreign = (Table.of("hash:/etc/postfix/transport", transport),) if transport else ()
        destinations = MatchList(tuple(Pattern(domain) for domain in local))
        found = MailSettings(
            AddressRules("b1.here.test"), transport_maps=foreign, mydestination=destinations, **settings
        )
        self.settings = with_routes(found, self.compiled, DIRECTORY, restored or {})
        self.words = Words(self.compiled.chains, organisation.connectors)

    def answer(self, key):
        return resolve(self.settings, probe(key))


def between(before, after, keys):
    return changes("b1", keys, (before.settings, before.words), (after.settings, after.words))


@pytest.mark.parametrize(
    ("key", "domain"),
    [("a.test", "a.test"), (".a.test", "mailops-probe.a.test"), ("*", "mailops-probe.invalid")],
)
def test_each_key_is_asked_by_an_address_that_only_it_takes(key, domain):
    assert probe(key) == f"mailops-probe@{domain}"


def test_our_tables_are_told_by_their_directory():
    assert is_ours(Table.of(f"lmdb:{DIRECTORY}/transport", {}), DIRECTORY)
    assert not is_ours(Table.of("lmdb:/etc/postfix/connectors-of-mine/transport", {}), DIRECTORY)


A = connector("to-a", ["*.a.test"], ["a.example"])
NOTHING = State([])


def test_a_new_subtree_is_one_change():
    assert between(NOTHING, State([A]), ["a.test", ".a.test"]) == [
        RouteChange("b1", "*.a.test", "no connector: smtp by DNS MX", "to-a via [a.example]:25")
    ]


def test_a_domain_and_its_subtree_on_two_ways_are_two_changes():
    narrow = connector("narrow", ["a.test"], ["narrow.example"])
    found = between(NOTHING, State([A, narrow]), ["a.test", ".a.test"])
    assert [(change.address_space, change.after.partition(" ")[0]) for change in found] == [
        ("*.a.test", "to-a"),
        ("a.test", "narrow"),
    ]


def test_what_stays_is_no_change_whatever_its_service_is_called():
    """Other TLS gives another service, and no other way."""
    assert between(State([A]), State([{**A, "tls": {"level": "encrypt"}}]), ["a.test", ".a.test"]) == []


def test_what_has_no_route_left_is_unserved():
    found = between(State([A]), NOTHING, ["a.test", ".a.test"])
    assert [(change.address_space, change.unserved) for change in found] == [("*.a.test", True)]


def test_the_administrators_route_takes_over():
    def state(connectors):
        return State(connectors, {"a.test": "relay:[192.0.2.9]", ".a.test": "relay:[192.0.2.9]"})

    found = between(state([A]), state([]), ["a.test", ".a.test"])
    assert [(change.after, change.unserved) for change in found] == [("no connector: relay to [192.0.2.9]", True)]


def test_the_default_route_in_words():
    star = connector("out", ["*"], ["out.example"])
    assert between(State([], relayhost="[old.example]"), State([star], relayhost="[old.example]"), ["*"]) == [
        RouteChange("b1", "*", "no connector: smtp to [old.example]", "out via [out.example]:25")
    ]
    back = State([], default_transport="connector-x:", restored={"default_transport": "smtp"})
    assert back.answer("*").transport == "smtp"


def test_by_mx_the_relayhost_does_not_count():
    state = State([connector("out", ["*"])], relayhost="[old.example]")
    assert state.settings.relayhost == ""
    assert state.answer("*").nexthop == "mailops-probe.invalid"
    assert (
        State([connector("out", ["*"], ["x.example"])], relayhost="[old.example]").settings.relayhost == "[old.example]"
    )


def test_local_mail_is_said_to_be_local():
    state = State([], local=("a.test",))
    assert state.words.of(state.answer("a.test"), "a.test") == "local delivery (local)"


def test_a_handing_over_names_the_host():
    other = {**A, "bridgeheads": ["b2"]}
    (change,) = between(NOTHING, State([other]), ["a.test", ".a.test"])
    assert "b2" in change.after


def test_a_route_that_cannot_be_asked_says_so():
    def fails(_key):
        raise LookupFailed("hash:/missing")

    state = State([])
    broken = State([])
    broken.settings = with_routes(
        MailSettings(AddressRules("b1.here.test"), transport_maps=(Table("hash:/missing", fails),)),
        broken.compiled,
        DIRECTORY,
        {},
    )
    (change,) = between(state, broken, ["a.test"])
    assert change.after == "lookup failed"
