# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""smtp_probe in real playbooks: real Postfix, sinks, DNS, and servers that misbehave in every way."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import ansible, smtp_server
from lab.certificates import Authority
from lab.dns import Server
from lab.mail import STRANGER, running
from lab.sink import DROP, HANG
from lab.smtp_server import Connection, Misbehaving

MODULE = "mailops.connectors.smtp_probe"
WANTED = "postmaster@partner.example"
STRANGE = "somebody@stranger.example"
BRIDGEHEAD = "127.0.0.11"
MISBEHAVIOUR = {
    "silent": "no whole greeting in time",
    "closing": "closes the connection without a greeting",
    "garbage": "HTTP/1.1 400 Bad",
    "trickling": "no whole greeting in time",
    "trickling_lines": "no whole greeting in time",
    "endless_line": "a line of more than",
    "endless_reply": "a reply of more than",
    "handshake_never": "does not finish the TLS handshake in time",
    "handshake_trickling": "does not finish the TLS handshake in time",
    "handshake_garbage": "breaks the TLS handshake off",
    "closing_after_recipient": "closes the connection instead of answering RCPT",
}


class Mechanisms(socketserver.StreamRequestHandler):
    """A stand-in for Dovecot's authentication service: says which mechanisms there are, and lets nobody in."""

    def handle(self) -> None:
        lines = (
            "VERSION\t1\t2",
            "MECH\tPLAIN\tplaintext",
            "MECH\tLOGIN\tplaintext",
            "SPID\t1",
            "CUID\t1",
            "COOKIE\t0",
            "DONE",
        )
        self.wfile.write("".join(line + "\n" for line in lines).encode())
        while self.rfile.readline():
            pass


@contextmanager
def mechanisms(address: str, port: int) -> Iterator[None]:
    with socketserver.ThreadingTCPServer((address, port), Mechanisms, bind_and_activate=True) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def probe(*targets: dict[str, Any], run: dict[str, Any] | None = None, **options: Any) -> ansible.Run:
    return ansible.run_task(MODULE, {"targets": list(targets), **options}, hosts=("localhost",), **(run or {}))


def results(*targets: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = probe(*targets, fail_on_problems=False, **options).expect_success()["localhost"]
    assert answer["changed"] is False
    assert len(answer["results"]) == len(targets)
    assert answer["ok"] is all(one["ok"] for one in answer["results"])
    return answer["results"]


def only(result: dict[str, Any]) -> dict[str, Any]:
    (server,) = result["servers"]
    return server


PORTS = {"right": 25, "foreign": 2601, "expired": 2602, "other name": 2603, "none": 2604}


class Bridgehead:
    """One Postfix with a port for each certificate."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        directory = instance.directory / "certificates"
        self.right = Authority(directory / "right", "Right CA")
        foreign = Authority(directory / "foreign", "Foreign, CA")
        name = "mx.partner.example"
        identities = {
            "right": self.right.server(name),
            "foreign": foreign.server(name, "second.partner.example"),
            "expired": self.right.server(name, expired=True),
            "other name": self.right.server("other.example"),
        }
        tls = "  -o smtpd_tls_cert_file={} -o smtpd_tls_key_file={} -o smtpd_tls_security_level=may\n"
        services = ""
        for kind, port in PORTS.items():
            if kind not in ("right", "none"):
                identity = identities[kind]
                services += f"{BRIDGEHEAD}:{port} inet n - n - - smtpd\n"
                services += tls.format(identity.certificate_file, identity.key_file)
        services += f"{BRIDGEHEAD}:{PORTS['none']} inet n - n - - smtpd -o smtpd_tls_security_level=none\n"
        services += "  -o smtpd_relay_restrictions=permit_mynetworks,defer_unauth_destination\n"
        instance.add_services(services)
        instance.configure(
            smtpd_tls_cert_file=identities["right"].certificate_file,
            smtpd_tls_key_file=identities["right"].key_file,
            smtpd_tls_security_level="may",
            smtpd_sasl_auth_enable="yes",
            smtpd_sasl_type="dovecot",
            smtpd_sasl_path=f"inet:{BRIDGEHEAD}:12345",
            smtpd_tls_auth_only="yes",
            message_size_limit="35000000",
            mynetworks="192.0.2.0/24",
            relay_domains="partner.example",
            smtpd_relay_restrictions="permit_mynetworks, reject_unauth_destination",
        )

    def target(self, kind: str, level: str, **fields: Any) -> dict[str, Any]:
        tls = {"level": level, "ca_file": self.right.certificate_file, **fields.pop("tls", {})}
        return {"host": "mx.partner.example", "port": PORTS[kind], "tls": tls, **fields}


@pytest.fixture(scope="module")
def names() -> Iterator[Server]:
    with Server({"mx.partner.example": {"A": [BRIDGEHEAD]}}) as server:
        yield server


@pytest.fixture(scope="module")
def bridgehead(names) -> Iterator[Bridgehead]:
    with mechanisms(BRIDGEHEAD, 12345), running(("b1", BRIDGEHEAD)) as (instance,):
        lab = Bridgehead(instance)
        instance.restart()
        yield lab


def test_a_bridgehead_and_its_certificates(bridgehead):
    levels = ("opportunistic", "encrypt", "verify", "chain_only")
    cases = [(kind, level) for kind in PORTS for level in levels]
    targets = [bridgehead.target(kind, level) for kind, level in cases]
    found = dict(zip(cases, results(*targets), strict=True))
    wrong = {case for case, result in found.items() if not result["ok"]}
    assert wrong == {
        ("foreign", "verify"),
        ("foreign", "chain_only"),
        ("expired", "verify"),
        ("expired", "chain_only"),
        ("other name", "verify"),
        ("none", "encrypt"),
        ("none", "verify"),
        ("none", "chain_only"),
    }
    certificates = {kind: only(found[kind, "encrypt"])["starttls"]["certificate"] for kind in PORTS}
    assert certificates["none"] is None
    right, foreign, expired = (certificates[kind] for kind in ("right", "foreign", "expired"))
    assert (right["trusted"], right["name_matches"], right["issuer"]) == (True, True, "CN=Right CA")
    assert (foreign["trusted"], foreign["issuer"]) == (False, "CN=Foreign, CA")
    assert foreign["names"] == ["mx.partner.example", "second.partner.example"]
    assert foreign["subject"] == right["subject"] == "CN=mx.partner.example"
    assert "expired" in expired["distrust"]
    assert expired["not_after"] < right["not_after"]
    assert certificates["other name"]["name_matches"] is False
    assert "other.example" in found["other name", "verify"]["problems"][0]


def test_what_a_bridgehead_announces_and_whom_it_relays_for(bridgehead):
    recipients = {"recipient_accepted": [WANTED], "recipient_refused": [STRANGE]}
    target = bridgehead.target(
        "right",
        "encrypt",
        **recipients,
        expect={"size": "33MB", "auth_mechanisms": ["login", "plain"], "keywords": ["dsn", "STARTTLS"]},
        helo={"name": "probe.example"},
    )
    deferring = bridgehead.target("none", "none", recipient_refused=[STRANGE])
    stranger, deferred = results(target, deferring, source_addresses=[STRANGER])
    assert stranger["problems"] == stranger["notes"] == []
    server = only(stranger)
    assert stranger["resolved_by"] == "target"
    assert server["size"] == 35000000
    assert server["auth_mechanisms"] == ["PLAIN", "LOGIN"]
    assert "AUTH" not in server["keywords_in_clear"]
    assert server["starttls"]["version"].startswith("TLSv1")
    assert [(one["accepted"], one["code"] // 100) for one in server["recipients"]] == [(True, 2), (False, 5)]
    assert bridgehead.instance.wait_for_log("from unknown\\[203.0.113.50\\]|from .*\\[203.0.113.50\\]")
    assert deferred["ok"] and "defer_unauth_destination" in deferred["notes"][0]
    friend = probe(target, source_addresses=["192.0.2.10"], run={"check": True})
    assert friend.failed
    assert "relays for this host" in friend["localhost"]["msg"]
    assert friend["localhost"]["results"][0]["servers"][0]["recipients"][1]["accepted"] is True
    assert not bridgehead.instance.queue()


def test_more_than_a_bridgehead_can_do(bridgehead):
    expect = {"size": "35MB", "auth_mechanisms": ["GSSAPI"], "keywords": ["CHUNKING", "BINARYMIME"]}
    (result,) = results(bridgehead.target("right", "none", expect=expect))
    parts = ('"35MB"', '"GSSAPI"', '"BINARYMIME"')
    assert len(result["problems"]) == len(parts)
    for part, problem in zip(parts, result["problems"], strict=True):
        assert part in problem
    (result,) = results(bridgehead.target("right", "none", expect={"auth_mechanisms": [], "reachable": True}))
    assert result["ok"]


def test_the_conversation_ends_well_and_never_sends_a_message(make_sink):
    sink = make_sink("192.0.2.30", users={"us": "correct horse"}, auth_in_clear=True)
    target = {"host": "192.0.2.30", "sender": "a@us.example", "recipient_accepted": ["b@c.example", "d@c.example"]}
    (result,) = results({**target, "helo": {"name": "us.example"}})
    assert result["ok"] and result["resolved_by"] == "not needed"
    (session,) = sink.sessions
    assert session.commands == [
        "EHLO us.example",
        "MAIL FROM:<a@us.example>",
        "RCPT TO:<b@c.example>",
        "RSET",
        "MAIL FROM:<a@us.example>",
        "RCPT TO:<d@c.example>",
        "RSET",
        "QUIT",
    ]
    assert only(result)["auth_mechanisms"] == ["PLAIN", "LOGIN"]


def test_refusals_at_each_stage(make_sink, authority):
    def sink(last: int, **faults: Any) -> str:
        return make_sink(f"192.0.2.{last}", certificate=authority.server("x.example"), faults=faults).address

    expected = {
        sink(30, greeting="554 5.7.1 go away"): "greets with 554 5.7.1 go away",
        sink(31, greeting=DROP): "without a greeting",
        sink(32, ehlo="451 4.3.0 later"): "refuses EHLO",
        sink(33, starttls="454 4.7.0 not now"): "",
        sink(34, mail="530 5.7.0 TLS first"): "the sender is refused: 530",
        sink(35, rcpt="451 4.7.1 greylisted"): "is refused for now: 451",
        sink(36, rcpt=DROP): "instead of answering RCPT",
        sink(37, rcpt="421 4.3.2 closing"): "is refused for now: 421",
        "192.0.2.38": "connection refused",
    }
    found = results(*({"host": host, "recipient_accepted": ["a@b.example"]} for host in expected))
    for result, part in zip(found, expected.values(), strict=True):
        assert [part in problem for problem in result["problems"]] == ([True] if part else []), result
    clear = only(found[3])
    assert "454 4.7.0 not now" in clear["starttls"]["failure"]
    assert clear["recipients"][0]["accepted"] is True
    assert "clear text" in found[3]["notes"][0]


def test_old_servers_closed_ports_and_files_that_are_not_there(make_sink, authority, tmp_path):
    make_sink("192.0.2.30", ehlo=False)
    own = authority.server("x.example")
    clear, secure = make_sink("192.0.2.32"), make_sink("192.0.2.31", certificate=own)
    found = results(
        {"host": "192.0.2.30"},
        {"host": "192.0.2.39", "expect": {"reachable": False}},
        {"host": "192.0.2.30", "expect": {"reachable": False}},
        {"host": "192.0.2.31", "tls": {"level": "chain_only", "ca_file": str(tmp_path / "gone.pem")}},
        {"host": "192.0.2.31", "tls": {"level": "encrypt"}},
        {"host": "192.0.2.31", "tls": {"level": "chain_only", "ca_file": own.certificate_file}},
        {"host": "192.0.2.32", "tls": {"level": "encrypt"}, "recipient_accepted": [WANTED]},
    )
    assert [result["ok"] for result in found] == [True, True, False, False, True, True, False]
    assert only(found[0])["helo_only"] is True
    assert "gone.pem cannot be used: no such file" in found[3]["problems"][0]
    assert only(found[4])["starttls"]["certificate"]["trusted"] is False
    # Mail would never get there in clear text, so nobody is asked for.
    assert [session.commands[1:] for session in clear.sessions] == [["QUIT"]]
    assert all(session.commands[-1] == "QUIT" for session in secure.sessions if session.tls)


def test_servers_that_misbehave_hold_nobody_up(make_sink):
    """Without bounds, this would not end, or end for lack of memory."""
    make_sink("192.0.2.30", faults={"mail": HANG})
    with ExitStack() as stack:
        servers = {}
        for place, name in enumerate(MISBEHAVIOUR, 40):
            servers[name] = stack.enter_context(Misbehaving(f"192.0.2.{place}", getattr(smtp_server, name)))
        hanging = {"host": "192.0.2.30", "recipient_accepted": [WANTED], "timeout": 1}
        found = results(
            *(
                {
                    "host": server.address,
                    "recipient_accepted": [WANTED],
                    "tls": {"level": "encrypt" if "handshake" in name else "opportunistic"},
                }
                for name, server in servers.items()
            ),
            hanging,
            deadline=4,
        )
        for result, (name, part) in zip(
            found, [*MISBEHAVIOUR.items(), ("hang", "no whole answer to MAIL")], strict=True
        ):
            (problem,) = result["problems"]
            assert part in problem, name
        # What the system's buffers took, and not what could have been sent for ever.
        assert servers["endless_line"].sent < 30_000_000
        assert servers["endless_reply"].sent < 30_000_000


def test_more_targets_than_time_are_named(make_sink):
    make_sink("192.0.2.30")
    with Misbehaving("192.0.2.40", smtp_server.silent):
        slow = {"host": "192.0.2.40"}
        found = results(slow, slow, {"host": "192.0.2.30"}, parallel=1, deadline=2)
    assert "no whole greeting in time (the deadline of the task was over)" in found[0]["problems"][0]
    assert "not probed to its end in time" in found[1]["problems"][0]
    assert "not probed to its end in time" in found[2]["problems"][0]


def test_clear_text_before_tls_is_told_and_not_believed(authority):
    identity = authority.server("x.example")

    def inject(connection: Connection) -> None:
        connection.up_to_starttls()
        connection.say(b"220 go ahead\r\n250-x\r\n250 SIZE 999\r\n")
        context = smtp_server.tls_context(identity.certificate_file, identity.key_file)
        with context.wrap_socket(connection.socket, server_side=True) as secure:
            reader = secure.makefile("rb")
            for answer in (b"250 SIZE 111\r\n", b"221 bye\r\n"):
                reader.readline()
                secure.sendall(b"250-x\r\n" + answer if answer.startswith(b"250") else answer)

    with Misbehaving("192.0.2.40", inject):
        (result,) = results({"host": "192.0.2.40", "tls": {"level": "encrypt"}})
    assert "sends clear text between" in result["problems"][0]
    assert only(result)["size"] == 111


# --- DNS -------------------------------------------------------------------------------------------------------------

RECORDS = {
    "partner.example": {"MX": ["20 mx2.partner.example.", "10 mx1.partner.example."]},
    "mx1.partner.example": {"A": ["192.0.2.30"], "AAAA": ["2001:db8::30"]},
    "mx2.partner.example": {"A": ["192.0.2.31"]},
    "null.example": {"MX": ["0 ."], "A": ["192.0.2.30"]},
    "plain.example": {"A": ["192.0.2.30"]},
    "alias.example": {"MX": ["10 gone.example.", "20 mx2.partner.example."]},
}
DOMAINS = [{"host": host, "mx": True} for host in ("partner.example", "null.example", "plain.example", "alias.example")]
DOMAINS += [{"host": "gone.example", "mx": True}, {"host": "mx2.partner.example"}]


@pytest.fixture
def other_names() -> Iterator[Server]:
    with Server(RECORDS, "127.0.0.53", 5353) as server:
        yield server


@pytest.fixture
def no_dnspython(tmp_path: Path) -> dict[str, str]:
    """A directory before all others on Python's path, in which dnspython cannot be imported."""
    (tmp_path / "dns.py").write_text("raise ImportError('no dnspython here')\n")
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("place", ["target", "controller"])
def test_domains_are_looked_up_where_dnspython_is(make_sink, authority, other_names, no_dnspython, place):
    make_sink("192.0.2.30", certificate=authority.server("mx1.partner.example"))
    make_sink("192.0.2.31", certificate=authority.server("partner.example"))
    options = {"fail_on_problems": False, "nameservers": [{"address": "127.0.0.53", "port": 5353}]}
    keywords = {"keywords": {"environment": no_dnspython if place == "controller" else {}}}
    verified = {**DOMAINS[0], "tls": {"level": "verify", "ca_file": authority.certificate_file}}
    answer = probe(*DOMAINS, verified, run=keywords, **options).expect_success()["localhost"]
    both, null, plain, alias, gone, host, verified = answer["results"]
    assert {one["resolved_by"] for one in answer["results"]} == {place}
    assert [(one["preference"], one["host"]) for one in both["mail_exchangers"]] == [
        (10, "mx1.partner.example"),
        (20, "mx2.partner.example"),
    ]
    assert [(one["host"], one["address"], one["preference"], one["reachable"]) for one in both["servers"]] == [
        ("mx1.partner.example", "192.0.2.30", 10, True),
        ("mx1.partner.example", "2001:db8::30", 10, False),
        ("mx2.partner.example", "192.0.2.31", 20, True),
    ]
    assert both["ok"] and "another address answers" in both["notes"][0]
    assert null["null_mx"] is True and "RFC 7505" in null["problems"][0] and not null["servers"]
    assert plain["ok"] and "no MX records" in plain["notes"][0] and only(plain)["host"] == "plain.example"
    assert "no host gone.example" in alias["problems"][0] and only(alias)["ok"]
    assert "no domain gone.example" in gone["problems"][0]
    assert host["ok"]
    # With MX the recipient's domain counts, and names below it.
    assert [one["starttls"]["certificate"]["name_matches"] for one in verified["servers"] if one["reachable"]] == [
        True
    ] * 2
    assert ("partner.example", "MX") in other_names.queries


def test_without_dnspython_anywhere_the_remedy_is_named(make_sink, names, no_dnspython):
    make_sink("192.0.2.30")
    names.set("known.example", "A", "192.0.2.30")
    run = {"environment": no_dnspython}
    found = probe({"host": "known.example"}, {"host": "192.0.2.30"}, fail_on_problems=False, run=run)
    named, address = found.expect_success()["localhost"]["results"]
    assert "python3-dnspython" in named["problems"][0]
    assert address["ok"]
    native = probe({"host": "known.example"}, host_lookup="native", run=run).expect_success()["localhost"]
    assert native["results"][0]["addresses"] == ["192.0.2.30"]
    assert native["results"][0]["resolved_by"] == "target"


def test_mistakes_are_told_before_any_host_is_contacted():
    run = probe({"host": "192.0.2.1", "mx": True}, {"host": "a.example", "tls": {"level": "dane"}}, deadline="soon")
    message = run["localhost"]["msg"]
    assert run.failed
    for part in ("Nothing was probed", 'target 1 "192.0.2.1", field mx', 'value "dane"', "field deadline", "Remedy: "):
        assert part in message
