# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen against what is wanted: each problem, each note, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import Tls
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.certificate import Certificate
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.judge import judge_server
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.lookup import Resolution, Server, Trouble
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.observation import RecipientAnswer, Seen, StartTls
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.probe import Probed
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.reply import Reply
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.report import result
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import TLS_LEVELS, Expect, Target
from hypothesis import given
from hypothesis import strategies as st

HOST = "mx.contoso.com"
SERVER = Server(HOST, "192.0.2.1")
OTHER = Server(HOST, "2001:db8::1")
GOOD = Certificate("AB:CD", trusted=True, subject="CN=" + HOST, names=(HOST,), details=True)
SECURE = StartTls(True, "TLSv1.3", "TLS_AES_256_GCM_SHA384", GOOD)


def seen(**fields):
    given_fields = {"connected": True, "greeting": Reply(220, ("mx",)), "starttls": SECURE, **fields}
    return Seen(SERVER, **given_fields)


def asked(address, code, text, at_sender=False):
    return [RecipientAnswer(address, Reply(code, (text,)), at_sender)]


def judged(found, others_answer=False, **wanted):
    return judge_server(Target(HOST, **wanted), SERVER, found, others_answer)


def problem(found, **wanted):
    (only,) = judged(found, **wanted).problems
    assert "target mx.contoso.com:25, server mx.contoso.com [192.0.2.1]:25" in only
    assert only.count("Remedy: ") == 1
    return only


def note(found, **wanted):
    answer = judged(found, **wanted)
    assert answer.ok
    (only,) = answer.notes
    return only


@pytest.mark.parametrize("level", TLS_LEVELS)
def test_a_server_as_wanted_has_no_problems(level):
    answer = judged(
        seen(keywords={"SIZE": "1000", "AUTH": "LOGIN"}), tls=Tls(level), expect=Expect(True, 1000, ("LOGIN",))
    )
    assert answer.problems == answer.notes == []


# --- reachability ----------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there():
    assert "connection refused" in problem(Seen(SERVER, failure="cannot be reached: connection refused"))


def test_a_kind_of_address_that_this_host_does_not_have():
    gone = Seen(SERVER, failure="cannot be reached: network is unreachable", no_route=True)
    assert "another address answers" in note(gone, others_answer=True)
    assert "inet_protocols" in problem(gone)
    assert "firewall" in problem(replace(gone, no_route=False), others_answer=True)


def test_a_server_that_is_there_and_should_not_be():
    wanted = Expect(reachable=False)
    assert judged(Seen(SERVER, failure="cannot be reached"), expect=wanted).ok
    assert "takes connections" in problem(seen(), expect=wanted)


def test_what_was_not_finished():
    assert "not probed to its end in time" in problem(None)
    assert "deadline" in problem(None, expect=Expect(reachable=False))


def test_greetings():
    assert "no SMTP reply" in problem(seen(greeting=None, failure='sends "HTTP", which is no SMTP reply'))
    assert "greets with 554 5.7.1 go away" in problem(seen(greeting=Reply(554, ("5.7.1 go away",))))


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", TLS_LEVELS)
def test_starttls_that_is_not_offered(level):
    found = seen(starttls=StartTls(offered=False))
    if level in ("none", "opportunistic"):
        assert judged(found, tls=Tls(level)).ok
    else:
        assert "does not offer STARTTLS" in problem(found, tls=Tls(level))


def test_tls_that_fails():
    found = seen(starttls=StartTls(True, failure="breaks the TLS handshake off"))
    assert "clear text" in note(found)
    assert "breaks the TLS handshake off" in problem(found, tls=Tls("encrypt"))


@pytest.mark.parametrize(
    ("certificate", "wrong"),
    [
        (replace(GOOD, trusted=False, distrust="certificate has expired"), {"verify", "chain_only"}),
        (replace(GOOD, trusted=False, distrust="self-signed", details=False, names=()), {"verify", "chain_only"}),
        (replace(GOOD, names=("other.example",)), {"verify"}),
        (replace(GOOD, names=()), {"verify"}),
        (None, {"verify", "chain_only"}),
    ],
)
def test_certificates_count_where_the_level_says_so(certificate, wrong):
    found = seen(starttls=replace(SECURE, certificate=certificate))
    assert {level for level in TLS_LEVELS if not judged(found, tls=Tls(level)).ok} == wrong


def test_a_certificate_that_is_wrong_in_two_ways_says_both():
    certificate = replace(GOOD, trusted=False, distrust="certificate has expired", names=("other.example",))
    first, second = judged(seen(starttls=replace(SECURE, certificate=certificate)), tls=Tls("verify")).problems
    assert "certificate has expired" in first
    assert "for other.example" in second


def test_names_replace_the_hosts_own():
    assert judged(seen(), tls=Tls("verify", ("*.contoso.com",))).ok
    assert "tls.names" in problem(seen(), tls=Tls("verify", ("contoso.com",)))


def test_clear_text_that_somebody_put_in_before_tls():
    assert "clear text" in problem(seen(starttls=replace(SECURE, early_data=True)))


# --- recipients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ((550, "5.1.1 unknown"), "is refused: 550 5.1.1 unknown"),
        ((451, "4.7.1 greylisted"), "for now"),
        ((550, "5.7.1 no", True), "the sender is refused"),
    ],
)
def test_a_recipient_that_has_to_be_accepted(answer, part):
    assert part in problem(seen(recipients=asked("a@b.example", *answer)), recipient_accepted=("a@b.example",))
    assert judged(seen(recipients=asked("a@b.example", 250, "ok")), recipient_accepted=("a@b.example",)).ok


@pytest.mark.parametrize(
    ("answer", "part"), [((250, "ok"), "relays for this host"), ((451, "4.7.1 later"), "proves nothing")]
)
def test_a_stranger_that_has_to_be_refused(answer, part):
    assert part in problem(seen(recipients=asked("a@b.example", *answer)), recipient_refused=("a@b.example",))


@pytest.mark.parametrize(
    ("answer", "part"),
    [((550, "5.1.1 unknown"), "says nothing of relaying"), ((530, "5.7.0 login first", True), "nobody asked")]
    + [((454, "4.7.1 <a@b.example>: Relay access denied"), "defer_unauth_destination")],
)
def test_refusals_that_say_little(answer, part):
    assert part in note(seen(recipients=asked("a@b.example", *answer)), recipient_refused=("a@b.example",))


def test_a_plain_refusal_is_what_is_wanted():
    answer = judged(seen(recipients=asked("a@b.example", 554, "5.7.1 denied")), recipient_refused=("a@b.example",))
    assert answer.problems == answer.notes == []


def test_recipients_that_nobody_was_asked_for_are_no_second_problem():
    found = seen(failure="closes the connection instead of answering MAIL")
    assert "answering MAIL" in problem(found, recipient_accepted=("a@b.example",), expect=Expect(keywords=("DSN",)))


# --- what is announced -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announced", "wanted", "ok"),
    [
        ("999", 1000, False),
        ("1000", 1000, True),
        ("0", 1000, True),
        ("", 1000, True),
        ("1000", -1, False),
        ("0", -1, True),
    ],
)
def test_the_announced_size(announced, wanted, ok):
    assert judged(seen(keywords={"SIZE": announced}), expect=Expect(size=wanted)).ok is ok


def test_no_announced_size_is_a_note():
    assert "no SIZE" in note(seen(), expect=Expect(size=1000))


@pytest.mark.parametrize(
    ("announced", "wanted", "ok"),
    [
        ("LOGIN PLAIN", None, True),
        ("LOGIN PLAIN", ("LOGIN",), True),
        ("LOGIN PLAIN", ("GSSAPI",), False),
        ("LOGIN PLAIN", (), False),
        ("", (), True),
        ("", ("LOGIN",), False),
    ],
)
def test_offered_mechanisms(announced, wanted, ok):
    assert judged(seen(keywords={"AUTH": announced}), expect=Expect(auth_mechanisms=wanted)).ok is ok


def test_announced_keywords():
    wanted = Expect(keywords=("CHUNKING", "STARTTLS"))
    assert judged(seen(keywords={"CHUNKING": ""}), expect=wanted).ok  # STARTTLS is not announced again after TLS
    assert '"CHUNKING"' in problem(seen(keywords={"DSN": ""}), expect=wanted)


# --- results ---------------------------------------------------------------------------------------------------------


def test_a_target_is_as_good_as_all_its_servers():
    both = Resolution([SERVER, OTHER])
    gone = Seen(OTHER, failure="cannot be reached: connection refused")
    whole = result(Probed(Target(HOST), both, {SERVER: seen(), OTHER: gone}), "target")
    assert [server["ok"] for server in whole["servers"]] == [True, False]
    assert not whole["ok"]
    assert whole["reachable"]
    assert whole["addresses"] == ["192.0.2.1", "2001:db8::1"]
    whole = result(Probed(Target(HOST), both, {SERVER: seen(), OTHER: replace(gone, no_route=True)}), "target")
    assert whole["ok"]
    assert len(whole["notes"]) == 1


def test_a_target_that_was_not_looked_up_in_time():
    whole = result(Probed(Target(HOST)), "target")
    assert "not looked up in time" in whole["problems"][0]
    assert not whole["ok"]


def test_a_target_that_nobody_can_find():
    lost = Resolution(problems=[Trouble("there is no host", "correct the name")])
    assert not result(Probed(Target(HOST), lost), "target")["ok"]
    assert result(Probed(Target(HOST, expect=Expect(reachable=False)), lost), "target")["ok"]


def test_what_is_not_known_of_a_certificate_is_null():
    certificate = Certificate("AB:CD", trusted=False, distrust="self-signed")
    whole = result(
        Probed(Target(HOST), Resolution([SERVER]), {SERVER: seen(starttls=replace(SECURE, certificate=certificate))}),
        "",
    )
    shown = whole["servers"][0]["starttls"]["certificate"]
    assert shown["details_known"] is False
    assert shown["fingerprint_sha256"] == "AB:CD"
    assert {shown[name] for name in ("subject", "issuer", "not_after", "names", "name_matches")} == {None}


@given(st.permutations(["a@b.example", "c@d.example", "e@f.example"]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_wanted_recipients_are_problems_exactly_where_they_are_refused(addresses, accepted):
    answers = [
        answer
        for address, taken in zip(addresses, accepted)
        for answer in asked(address, 250 if taken else 550, "said")
    ]
    problems = judged(seen(recipients=answers), recipient_accepted=tuple(addresses)).problems
    assert len(problems) == accepted.count(False)
    for address, taken in zip(addresses, accepted):
        assert any(f'"{address}"' in one for one in problems) is not taken
