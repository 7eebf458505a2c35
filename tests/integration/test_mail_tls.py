# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each TLS level carries mail to the hosts that it allows, and to no other, with right, wrong and expired certificates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.certificates import Authority, Identity
from lab.dns import Server
from lab.mail import carry, connector, reason, running, waiting
from lab.postfix import Instance
from lab.sink import Sink

NOT_OFFERED = "TLS is required, but"
NOT_TRUSTED = "not trusted|not verified"


class ValidatingServer(Server):
    """Answers as a resolver that validated every answer: with the AD flag (RFC 4035, 3.2.3)."""

    def _answer(self, data: bytes) -> bytes:
        answer = bytearray(super()._answer(data))
        answer[3] |= 0x20
        return bytes(answer)


@dataclass(frozen=True)
class Case:
    """One connector, its smart host (named CASE.host.example) or MX, and what becomes of a message.

    outcome: "tls" or "clear" where it is delivered so, otherwise a pattern for why it waits.
    """

    tls: dict[str, Any]
    outcome: str
    certificate: str = "right"  # none, right, foreign, expired, other name, domain
    by: str = "host"  # host, address, mx smart host, mx
    tlsa: str = ""  # right, wrong
    refuse_starttls: bool = False


CASES = {
    "none": Case({"level": "none"}, "clear"),
    "opportunistic": Case({}, "tls", "foreign"),
    "opportunistic-not-offered": Case({}, "clear", "none"),
    "opportunistic-broken": Case({}, "clear", "right", refuse_starttls=True),
    "encrypt": Case({"level": "encrypt"}, "tls", "foreign", by="address"),
    "encrypt-expired": Case({"level": "encrypt"}, "tls", "expired"),
    "encrypt-not-offered": Case({"level": "encrypt"}, NOT_OFFERED, "none"),
    "encrypt-broken": Case({"level": "encrypt"}, NOT_OFFERED, "right", refuse_starttls=True),
    "verify": Case({"level": "verify"}, "tls"),
    "verify-not-offered": Case({"level": "verify"}, NOT_OFFERED, "none"),
    "verify-foreign": Case({"level": "verify"}, NOT_TRUSTED, "foreign"),
    "verify-expired": Case({"level": "verify"}, NOT_TRUSTED, "expired"),
    "verify-other-name": Case({"level": "verify"}, NOT_TRUSTED, "other name"),
    "verify-names": Case({"level": "verify", "names": ["no.example", "other.example"]}, "tls", "other name"),
    "verify-names-below": Case({"level": "verify", "names": ["*.host.example"]}, "tls", by="address"),
    "verify-names-not-below": Case({"level": "verify", "names": ["*.other.example"]}, NOT_TRUSTED, "other name"),
    "verify-names-replace-the-default": Case({"level": "verify", "names": ["other.example"]}, NOT_TRUSTED),
    "verify-ca-file": Case({"level": "verify", "ca_file": "FOREIGN"}, "tls", "foreign"),
    "verify-ca-file-only": Case({"level": "verify", "ca_file": "FOREIGN"}, NOT_TRUSTED),
    "verify-mx": Case({"level": "verify"}, "tls", "domain", by="mx"),
    "verify-mx-host-name": Case({"level": "verify"}, NOT_TRUSTED, by="mx"),
    "verify-mx-names": Case({"level": "verify", "names": ["*.host.example"]}, "tls", by="mx"),
    "verify-mx-ca-file": Case(
        {"level": "verify", "ca_file": "FOREIGN", "names": ["*.host.example"]}, "tls", "foreign", by="mx"
    ),
    "verify-smart-host-mx": Case({"level": "verify"}, "tls", by="mx smart host"),
    "encrypt-mx": Case({"level": "encrypt"}, NOT_OFFERED, "none", by="mx"),
    "none-mx": Case({"level": "none"}, "clear", by="mx"),
    "dane": Case({"level": "dane"}, "tls", "foreign", tlsa="right"),
    "dane-wrong": Case({"level": "dane"}, "not verified|not trusted", tlsa="wrong"),
    "dane-without-records": Case({"level": "dane"}, "clear", "none"),
    "dane-only": Case({"level": "dane_only"}, "tls", "foreign", tlsa="right"),
    "dane-only-without-records": Case({"level": "dane_only"}, "TLSA"),
    "dane-only-mx": Case({"level": "dane_only"}, "tls", "foreign", by="mx", tlsa="right"),
    "dane-only-mx-wrong": Case({"level": "dane_only"}, "not verified|not trusted", by="mx", tlsa="wrong"),
}


class Lab:
    """One instance, one sink for each case, and one message to each."""

    def __init__(self, instance: Instance, names: Server, stack: ExitStack) -> None:
        # smtp(8) reads a ca_file as the user postfix, so it has to lie where that user may look.
        directory = instance.directory / "certificates"
        self.instance = instance
        self.names = names
        self.stack = stack
        self.right = Authority(directory / "right", "Right CA")
        self.foreign = Authority(directory / "foreign", "Foreign CA")
        self.sinks: dict[str, Sink] = {}
        instance.configure(smtp_tls_CAfile=self.right.certificate_file)
        carry(instance, [self.add(place, name, case) for place, (name, case) in enumerate(CASES.items(), 1)])
        for name in CASES:
            instance.inject("a@here.example", f"b@{name}.example", subject=name)

    def add(self, place: int, name: str, case: Case) -> dict[str, Any]:
        address, host = f"198.51.100.{place}", f"{name}.host.example"
        identity = self.identity(case.certificate, name)
        faults = {"starttls": "454 4.7.0 not now"} if case.refuse_starttls else {}
        sink = self.stack.enter_context(Sink(address, certificate=identity, faults=faults))
        self.sinks[name] = sink
        self.names.set(host, "A", address)
        self.names.set(f"{name}.example", "MX", f"10 {host}.")
        if case.tlsa and identity:
            self.names.set(
                f"_25._tcp.{host}", "TLSA", "3 1 1 " + (fingerprint(identity) if case.tlsa == "right" else "00" * 32)
            )
        via = {
            "host": [host],
            "address": [address],
            "mx smart host": [{"host": f"{name}.example", "mx": True}],
            "mx": [],
        }
        tls = {key: self.foreign.certificate_file if value == "FOREIGN" else value for key, value in case.tls.items()}
        return connector(name, f"{name}.example", via=via[case.by], tls=tls)

    def identity(self, kind: str, name: str) -> Identity | None:
        makers: dict[str, Callable[[], Identity | None]] = {
            "none": lambda: None,
            "right": lambda: self.right.server(
                f"{name}.host.example", *([f"{name}.example"] if "smart-host" in name else [])
            ),
            "foreign": lambda: self.foreign.server(f"{name}.host.example"),
            "expired": lambda: self.right.server(f"{name}.host.example", expired=True),
            "other name": lambda: self.right.server("other.example"),
            "domain": lambda: self.right.server(f"{name}.example"),
        }
        return makers[kind]()


def fingerprint(identity: Identity) -> str:
    certificate = x509.load_pem_x509_certificate(Path(identity.certificate_file).read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with ValidatingServer({}) as names, running(("b1", "127.0.0.11")) as (instance,), ExitStack() as stack:
        yield Lab(instance, names, stack)


@pytest.mark.parametrize("name", CASES)
def test_a_level_carries_mail_or_keeps_it_waiting(lab, name):
    case = CASES[name]
    sink = lab.sinks[name]
    if case.outcome in ("tls", "clear"):
        (message,) = sink.wait_for(1)
        assert (message.tls is not None) == (case.outcome == "tls")
        return
    entry = waiting(lab.instance, f"b@{name}.example")
    assert re.search(case.outcome, entry.reasons[0]), entry.reasons
    assert not sink.messages


def test_the_client_certificate_is_shown_by_its_connector_only(lab, make_sink, tmp_path):
    identity = lab.right.client("b1.example")
    both = tmp_path / "client.pem"
    both.touch(mode=0o600)
    both.write_bytes(Path(identity.key_file).read_bytes() + Path(identity.certificate_file).read_bytes())
    options = {"certificate": lab.right.server("sink.example"), "client_ca": lab.right.certificate_file}
    with_certificate, without = make_sink("192.0.2.30", **options), make_sink("192.0.2.31", **options)
    carry(
        lab.instance,
        [
            connector("with", "with.example", via="192.0.2.30", tls={"level": "encrypt", "certificate": str(both)}),
            connector("without", "without.example", via="192.0.2.31", tls={"level": "encrypt"}),
        ],
        set="certificates",
    )
    lab.instance.inject("a@here.example", ["b@with.example", "b@without.example"])
    assert with_certificate.wait_for(1)[0].tls.client_certificate == "b1.example"
    assert without.wait_for(1)[0].tls.client_certificate is None


def test_a_later_smart_host_gets_mail_only_over_its_own_level(lab, make_sink):
    """A failure of TLS fails over, and the level of each smart host is its own connector's."""
    broken = make_sink("192.0.2.32", certificate=lab.right.server("x.example"), faults={"starttls": "454 4.7.0 no"})
    clear = make_sink("192.0.2.33")
    last = make_sink("192.0.2.34", certificate=lab.foreign.server("y.example"))
    chain = [
        connector("one", "chain.example;1", via=["192.0.2.32", "192.0.2.33"], tls={"level": "encrypt"}),
        connector("two", "chain.example;2", via="192.0.2.34", tls={"level": "encrypt"}),
    ]
    assert carry(lab.instance, chain, set="chain").warnings == []
    lab.instance.inject("a@here.example", "b@chain.example")
    assert last.wait_for(1)[0].tls is not None
    assert broken.sessions and clear.sessions
    assert not broken.messages and not clear.messages
    last.stop()
    lab.instance.inject("a@here.example", "c@chain.example")
    assert "refused" in reason(lab.instance, "c@chain.example")
    assert not broken.messages and not clear.messages
    chain[1]["tls"] = {}
    warnings = carry(lab.instance, chain, set="chain").warnings
    assert ['"two" backs "one" up with weaker TLS' in warning for warning in warnings] == [True]


def test_the_administrators_settings_for_other_mail_reach_no_connector(lab, make_sink):
    """Old per-site levels, clear text HELO, fallback relays and security options of main.cf."""
    clear = make_sink("192.0.2.35")
    encrypted = make_sink("192.0.2.36", certificate=lab.right.server("sink.example"), users={"mailer": "correct horse"})
    lab.names.set("per-site.example", "MX", "10 per-site.host.example.")
    lab.names.set("per-site.host.example", "A", "192.0.2.35")
    found = lab.instance.main_cf()
    lab.instance.configure(
        smtp_tls_per_site="inline:{ per-site.example=NONE, per-site.host.example=NONE }",
        smtp_never_send_ehlo="yes",
        smtp_fallback_relay="[192.0.2.35]",
        smtp_sasl_tls_verified_security_options="noplaintext",
    )
    login = {"mechanism": "basic_over_tls", "username": "mailer", "password": "correct horse"}
    verify = {"level": "verify", "names": ["sink.example"]}
    carry(
        lab.instance,
        [
            connector("mx", "per-site.example", tls={"level": "encrypt"}),
            connector("host", "login.example", via="192.0.2.36", tls=verify, authentication=login),
        ],
        set="other",
    )
    lab.instance.inject("a@here.example", ["b@per-site.example", "b@login.example"])
    assert encrypted.wait_for(1)[0].user == "mailer"
    assert NOT_OFFERED in reason(lab.instance, "b@per-site.example")
    assert not clear.messages
    carry(lab.instance, [], set="other")
    lab.instance.write("main.cf", found)
    lab.instance.reload()
