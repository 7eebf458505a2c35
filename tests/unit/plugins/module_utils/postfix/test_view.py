# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import recipient, view
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.match_list import MatchList, Pattern, Table
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import (
    AddressRules,
    Answer,
    MailSettings,
    resolve,
)

RULES = AddressRules(myhostname="mx.host.test", mydomain="host.test", myorigin="host.test", recipient_delimiter="+")


def names(*literals: str) -> MatchList:
    return MatchList(tuple(Pattern(literal) for literal in literals))


def table(entries: dict[str, str], name: str = "lmdb:/t") -> Table:
    return Table.of(name, entries)


def settings(*transport_maps: Table, **others) -> MailSettings:
    others.setdefault("mydestination", names("mx.host.test"))
    return MailSettings(rules=others.pop("rules", RULES), transport_maps=transport_maps, **others)


def test_classes_and_their_transports():
    mail = settings(
        virtual_alias_domains=names("alias.test"),
        virtual_mailbox_domains=names("box.test"),
        relay_domains=names("rel.test"),
        local_transport="local:$x",
        relay_transport="svc:[r]:26",
        default_transport="out",
        relayhost="[rh]",
    )
    assert resolve(mail, "u@mx.host.test") == Answer("local", "$x", "local")
    assert resolve(mail, "u@alias.test") == Answer(
        "error", "5.1.1 User unknown in virtual alias table", "virtual_alias"
    )
    assert resolve(mail, "u@box.test") == Answer("virtual", "box.test", "virtual_mailbox")
    assert resolve(mail, "u@sub.rel.test") == Answer("svc", "[r]:26", "relay")
    assert resolve(mail, "u@else.test") == Answer("out", "[rh]", "default")


def test_keys_in_their_order_over_all_tables():
    pattern = Table("pcre:/p", lambda key: "pattern:" if key == "u@a.test" else None, pattern=True)
    entries = table({"a.test": "exact:", ".test": "parent:", "v@a.test": "user:", "*": "all:"})
    mail = settings(entries, pattern)
    assert resolve(mail, "u@a.test").matched == ("pcre:/p", "u@a.test")
    assert resolve(mail, "v+ext@a.test").matched == ("lmdb:/t", "v@a.test")
    assert resolve(mail, "w@a.test").matched == ("lmdb:/t", "a.test")
    assert resolve(mail, "w@b.a.test").matched == ("lmdb:/t", ".test")
    assert resolve(mail, "w@elsewhere").matched == ("lmdb:/t", "*")


def test_a_pattern_table_is_not_asked_for_parts_of_an_address():
    asked = []
    resolve(settings(Table("pcre:/p", asked.append, pattern=True)), "u+ext@b.a.test")
    assert asked == ["u+ext@b.a.test", "*"]


def test_an_address_is_looked_up_with_its_quotes_first():
    asked = []
    resolve(settings(Table("x:/t", asked.append)), "a b+c@a.test")
    assert asked == ['"a b+c"@a.test', "a b+c@a.test", '"a b"@a.test', "a b@a.test", "a.test", ".test", "*"]


def test_the_first_table_wins_for_the_same_key():
    assert resolve(settings(table({"a.test": "one:"}), table({"a.test": "two:"})), "u@a.test").transport == "one"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("svc:[h]:25", ("svc", "[h]:25")),
        ("svc:", ("svc", "a.test")),
        ("svc", ("svc", "a.test")),
        (":", ("smtp", "[rh]")),
        (":[h]", ("smtp", "[h]")),
        ("error:5.7.1 no", ("error", "5.7.1 no")),
        ("error:", ("error", "Address is undeliverable")),
        ("svc:[a]:25, [b]:26", ("svc", "[a]:25, [b]:26")),
    ],
)
def test_values(value, expected):
    answer = resolve(settings(table({"a.test": value}), relayhost="[rh]"), "u@a.test")
    assert (answer.transport, answer.nexthop) == expected


def test_the_star_takes_local_mail_too_but_no_virtual_aliases():
    mail = settings(table({"*": "svc:[h]"}), virtual_alias_domains=names("alias.test"))
    assert resolve(mail, "root@mx.host.test").transport == "svc"
    assert resolve(mail, "u@alias.test").transport == "error"


def test_parents_of_transport_keys_with_and_without_the_dot():
    entries = table({"a.test": "exact:", ".b.test": "below:"})
    assert resolve(settings(entries), "u@x.a.test").transport == "smtp"
    assert resolve(settings(entries, transport_parents=True), "u@x.a.test").transport == "exact"
    assert resolve(settings(entries), "u@x.b.test").transport == "below"
    assert resolve(settings(entries, transport_parents=True), "u@x.b.test").transport == "smtp"


def test_what_a_sender_changes():
    mail = settings(
        relay_domains=names("rel.test"),
        relayhost="[rh]",
        sender_dependent_default_transport_maps=(table({"@s.test": "bysender:", "<>": "null:"}),),
        sender_dependent_relayhost_maps=(table({"u@s.test": "[sr]", "v@s.test": "DUNNO"}),),
    )
    assert resolve(mail, "x@else.test", "u+e@s.test") == Answer("bysender", "[sr]", "default")
    assert resolve(mail, "x@rel.test", "u@s.test") == Answer("relay", "[sr]", "relay")
    assert resolve(mail, "x@else.test", "v@s.test") == Answer("bysender", "[rh]", "default")
    assert resolve(mail, "x@else.test") == Answer("null", "[rh]", "default")


@pytest.mark.parametrize(
    "broken",
    [
        {"transport_maps": (Table.broken("hash:/gone", "no file"),)},
        {"relay_domains": MatchList((Pattern(table=Table.broken("hash:/gone", "no file")),))},
        {"relocated_maps": (Table.broken("hash:/gone", "no file"),)},
        {"transport_maps": (table({"a.test": ""}),)},
        {"default_transport": ":nothing"},
    ],
)
def test_a_table_that_fails_makes_mail_wait(broken):
    answer = resolve(MailSettings(rules=RULES, **broken), "u@a.test")
    assert (answer.problem, answer.transport) == ("lookup failed", "")


@pytest.mark.parametrize(
    "address", ["u@", "u@a..test", "u@-a.test", "u@192.0.2.1", "u@[::1]", "u@[300.1.1.1]", "-u@a.test"]
)
def test_addresses_that_bounce(address):
    assert resolve(settings(), address).problem == "invalid address"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("u", "u@mx.host.test"),
        ("", "MAILER-DAEMON@mx.host.test"),
        ("u%a.test@mx.host.test", "u@a.test"),
        ("a.test!u", "u@a.test"),
        ("u@a.test.", "u@a.test"),
        ("u@a.test@mx.host.test", "u@a.test"),
        ("u@a@b.test", "u@a@b.test"),
    ],
)
def test_complete_addresses(address, expected):
    assert recipient.complete(address, lambda domain: domain == "mx.host.test", RULES)[0] == expected


def test_address_literals():
    mail = settings(local_addresses=frozenset({"192.0.2.1", "2001:db8::1"}))
    assert resolve(mail, "u@[192.0.2.1]").domain_class == "local"
    assert resolve(mail, "u@[IPv6:2001:DB8:0::1]").domain_class == "local"
    assert resolve(mail, "u@[192.0.2.2]") == Answer("smtp", "[192.0.2.2]", "default")


@pytest.mark.parametrize(
    ("address", "delimiter", "expected"),
    [
        ("u+x@d", "+", "u@d"),
        ("u@d", "+", None),
        ("+x@d", "+", None),
        ("u-x+y@d", "+-", "u@d"),
        ("owner-x@d", "-", None),
        ("l-request@d", "-", None),
        ("owner-x+y@d", "+", "owner-x@d"),
        ("Postmaster@d", "+", None),
        ("double-bounce@d", "-", None),
        ("u@d+x", "+", None),
        ("u+x@d", "", None),
    ],
)
def test_extensions(address, delimiter, expected):
    rules = AddressRules(myhostname="x", recipient_delimiter=delimiter)
    assert recipient.without_extension(address, rules) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("u@d", "u@d"),
        ("u.v@d", "u.v@d"),
        ("u v@d", '"u v"@d'),
        (".u@d", '".u"@d'),
        ("u..v@d", '"u..v"@d'),
        ("a@b@d", '"a@b"@d'),
        ('a"b@d', '"a\\"b"@d'),
        ("@d", '""@d'),
        ("u", "u"),
    ],
)
def test_quoting(address, expected):
    assert recipient.quoted(address) == expected


def test_prefetch_asks_each_table_once_and_pattern_tables_for_whole_addresses_only():
    asked: dict[str, list[str]] = {}
    plain = Table("x:/a", lambda _key: None, prefetch=lambda keys: asked.update(plain=list(keys)))
    pattern = Table("pcre:/b", lambda _key: None, pattern=True, prefetch=lambda keys: asked.update(pattern=list(keys)))
    mail = settings(plain, pattern, relay_domains=MatchList((Pattern(table=plain),)))
    view.prefetch(mail, ["u+x@b.a.test", "v@b.a.test."])
    assert set(asked["pattern"]) == {"*", "u+x@b.a.test", "b.a.test", "v@b.a.test"}
    assert {"u@b.a.test", ".a.test", "a.test", ".test", "@b.a.test"} <= set(asked["plain"])
