# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From targets to servers: MX order, null MX, no MX, addresses, and answers that do not come."""

from __future__ import annotations

import random

from ansible_collections.mailops.connectors.plugins.module_utils.smtp.lookup import (
    MOST_SERVERS,
    Answer,
    given_answers,
    needs_lookup,
    read_exchangers,
    resolve,
    show_answer,
)
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import Target
from hypothesis import given
from hypothesis import strategies as st

DOMAIN = Target("contoso.com", mx=True)


def answering(records):
    """records: "MX contoso.com" -> texts, or an Answer. All other names are missing."""
    names = {question.split()[1] for question in records}

    def ask(name, kind):
        found = records.get(f"{kind} {name}", ())
        return found if isinstance(found, Answer) else Answer(tuple(found), missing=name not in names)

    return ask


def resolved(target, records, protocols="all"):
    ask = answering(records)
    return resolve(target, ask, ask, protocols)


def places(found):
    return [(server.host, server.address, server.preference) for server in found.servers]


def test_mail_exchangers_in_their_order_with_all_their_addresses():
    found = resolved(
        DOMAIN,
        {
            "MX contoso.com": ["20 b.contoso.com", "10 C.contoso.com", "10 a.contoso.com"],
            "A a.contoso.com": ["192.0.2.2", "192.0.2.1"],
            "AAAA a.contoso.com": ["2001:DB8::1"],
            "A b.contoso.com": ["192.0.2.3"],
            "AAAA c.contoso.com": ["2001:db8::2"],
        },
    )
    assert places(found) == [
        ("a.contoso.com", "192.0.2.1", 10),
        ("a.contoso.com", "192.0.2.2", 10),
        ("a.contoso.com", "2001:db8::1", 10),
        ("c.contoso.com", "2001:db8::2", 10),
        ("b.contoso.com", "192.0.2.3", 20),
    ]
    assert [one.host for one in found.exchangers] == ["a.contoso.com", "c.contoso.com", "b.contoso.com"]
    assert not found.problems


@given(st.lists(st.tuples(st.integers(0, 65535), st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True)), max_size=12))
def test_the_order_of_records_never_matters(pairs):
    records = [f"{preference} {host}" for preference, host in pairs]
    shuffled = random.Random(len(pairs)).sample(records, len(records))
    assert read_exchangers(records) == read_exchangers(shuffled) == sorted(set(pairs))


def test_a_null_mx_takes_no_mail_and_no_address_is_asked_for():
    found = resolved(DOMAIN, {"MX contoso.com": ["0 ."], "A contoso.com": ["192.0.2.1"]})
    assert found.null_mx
    assert not found.servers
    assert "RFC 7505" in found.problems[0].message


def test_a_null_mx_beside_others_is_left_out_and_said():
    found = resolved(DOMAIN, {"MX contoso.com": ["0 .", "10 a.contoso.com"], "A a.contoso.com": ["192.0.2.1"]})
    assert not found.null_mx
    assert places(found) == [("a.contoso.com", "192.0.2.1", 10)]
    assert "null MX beside others" in found.notes[0]


def test_without_mx_the_domains_own_address_counts():
    found = resolved(DOMAIN, {"A contoso.com": ["192.0.2.1"]})
    assert places(found) == [("contoso.com", "192.0.2.1", None)]
    assert "no MX" in found.notes[0]


def test_a_domain_that_does_not_exist_is_no_domain_without_mx():
    (trouble,) = resolved(DOMAIN, {}).problems
    assert "there is no domain contoso.com" in trouble.message


def test_an_unanswered_question_is_no_absence():
    (trouble,) = resolved(
        DOMAIN, {"MX contoso.com": Answer(problem="SERVFAIL"), "A contoso.com": ["192.0.2.1"]}
    ).problems
    assert "cannot be looked up: SERVFAIL" in trouble.message
    (trouble,) = resolved(Target("a.example"), {"A a.example": Answer(problem="SERVFAIL")}).problems
    assert "a.example cannot be looked up: SERVFAIL" in trouble.message


def test_a_half_answered_question_is_a_note():
    found = resolved(Target("a.example"), {"A a.example": ["192.0.2.1"], "AAAA a.example": Answer(problem="time-out")})
    assert places(found) == [("a.example", "192.0.2.1", None)]
    assert "time-out" in found.notes[0]
    assert not found.problems


def test_an_exchanger_without_address_is_a_problem_and_the_others_are_probed():
    found = resolved(DOMAIN, {"MX contoso.com": ["10 gone.example", "20 a.example"], "A a.example": ["192.0.2.1"]})
    assert places(found) == [("a.example", "192.0.2.1", 20)]
    assert "no host gone.example" in found.problems[0].message


def test_only_the_wanted_kinds_of_addresses_are_asked_for():
    both = {"A a.example": ["192.0.2.1"], "AAAA a.example": ["2001:db8::1"]}
    assert [server.address for server in resolved(Target("a.example"), both, "ipv4").servers] == ["192.0.2.1"]
    assert [server.address for server in resolved(Target("a.example"), both, "ipv6").servers] == ["2001:db8::1"]
    (trouble,) = resolved(Target("a.example"), {"A a.example": ["192.0.2.1"]}, "ipv6").problems
    assert "AAAA" in trouble.message


def test_an_address_is_not_looked_up():
    assert places(resolve(Target("192.0.2.1"), None, None)) == [("192.0.2.1", "192.0.2.1", None)]
    assert not needs_lookup(Target("192.0.2.1"), "dns")
    assert needs_lookup(Target("a.example"), "dns")
    assert not needs_lookup(Target("a.example"), "native")
    assert needs_lookup(DOMAIN, "native")


def test_too_many_addresses_are_cut_and_said():
    many = [f"192.0.2.{number}" for number in range(MOST_SERVERS + 5)]
    found = resolved(Target("a.example"), {"A a.example": many})
    assert len(found.servers) == MOST_SERVERS
    assert f"{MOST_SERVERS + 5} addresses" in found.notes[0]


@given(st.builds(Answer, st.lists(st.text()).map(tuple), st.booleans(), st.text()))
def test_answers_pass_through_plain_data(answer):
    assert given_answers({"MX a.example": show_answer(answer)})("a.example", "MX") == answer


def test_a_question_that_the_controller_was_not_asked_is_a_problem():
    assert given_answers({})("a.example", "MX").problem
