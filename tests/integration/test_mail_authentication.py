# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connector logs in where it should, with its own account, and offers its password to nobody else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from lab.certificates import Authority
from lab.mail import STRANGER, carry, connector, reason, refusal, running
from lab.postfix import Instance
from lab.sink import Sink

FIRST, SECOND = "192.0.2.30", "192.0.2.31"


def account(username: str = "mailer", password: str | None = "correct horse", **fields):
    given = {"mechanism": "basic_over_tls", "username": username, "password": password, **fields}
    return {field: value for field, value in given.items() if value is not None}


def clear(username: str = "mailer", password: str = "correct horse"):
    return account(username, password, mechanism="basic", allow_cleartext_password=True)


def auth_commands(sink: Sink) -> list[str]:
    return [command for session in sink.sessions for command in session.commands if command == "AUTH"]


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Instance]:
    with running(("b1", "127.0.0.11")) as (instance,):
        yield instance


@pytest.fixture(autouse=True)
def no_mail_left(bridgehead: Instance) -> Iterator[None]:
    yield
    bridgehead.run("postsuper", "-d", "ALL")


@pytest.fixture
def own_authority(bridgehead: Instance) -> Authority:
    return Authority(bridgehead.directory / "certificates")


ENCRYPT = {"tls": {"level": "encrypt"}}


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_basic_over_tls(bridgehead, make_sink, authority, mechanism):
    sink = make_sink(
        FIRST,
        certificate=authority.server("x.example"),
        users={"mailer": "correct horse"},
        mechanisms=(mechanism,),
        require_auth=True,
    )
    carry(bridgehead, [connector("c", "auth.example", via=FIRST, authentication=account(), **ENCRYPT)])
    bridgehead.inject("a@here.example", "b@auth.example")
    (message,) = sink.wait_for(1)
    assert (message.user, message.mechanism, message.tls is not None) == ("mailer", mechanism, True)


def test_no_password_without_tls_and_none_to_a_wrong_certificate(bridgehead, make_sink, authority, own_authority):
    """Both hosts offer AUTH: one in clear text without STARTTLS, the other behind a certificate of nobody's."""
    without = make_sink(FIRST, users={"mailer": "correct horse"}, auth_in_clear=True, require_auth=True)
    wrong = make_sink(
        SECOND, certificate=authority.server("x.example"), users={"mailer": "correct horse"}, auth_in_clear=True
    )
    verified = {"level": "verify", "names": ["x.example"], "ca_file": own_authority.certificate_file}
    carry(
        bridgehead,
        [
            connector("c1", "clear.example", via=FIRST, authentication=account(), **ENCRYPT),
            connector("c2", "wrong.example", via=SECOND, authentication=account(), tls=verified),
        ],
    )
    bridgehead.inject("a@here.example", ["b@clear.example", "b@wrong.example"])
    assert "TLS is required" in reason(bridgehead, "b@clear.example")
    assert "not verified" in reason(bridgehead, "b@wrong.example")
    assert not auth_commands(without) and not auth_commands(wrong)
    assert not without.messages and not wrong.messages


def test_dane_without_records_keeps_the_password_back(bridgehead, make_sink, resolver):
    """dane falls back to opportunistic TLS where a domain publishes nothing; the password does not follow it."""
    resolver.set("sink.example", "A", FIRST)
    sink = make_sink(FIRST, users={"mailer": "correct horse"}, auth_in_clear=True)
    carry(
        bridgehead,
        [connector("c", "auth.example", via="sink.example", authentication=account(), tls={"level": "dane"})],
    )
    bridgehead.inject("a@here.example", "b@auth.example")
    assert "no mechanism available" in reason(bridgehead, "b@auth.example")
    assert not auth_commands(sink)


def test_a_chain_never_lends_its_clear_text_to_basic_over_tls(bridgehead, make_sink, resolver):
    resolver.set("first.example", "A", FIRST)
    resolver.set("second.example", "A", SECOND)
    chain = [
        connector("one", "auth.example;1", via="first.example", authentication=clear()),
        connector("two", "auth.example;2", via="second.example", authentication=account(), tls={"level": "dane"}),
    ]
    told = refusal(bridgehead, chain)
    assert 'connector "two"' in told and "authentication.mechanism" in told and "Remedy" in told
    sink = make_sink(SECOND, users={"mailer": "correct horse"}, auth_in_clear=True)
    chain[1]["tls"] = {"level": "encrypt"}
    carry(bridgehead, chain)
    bridgehead.inject("a@here.example", "b@auth.example")
    assert "TLS is required" in reason(bridgehead, "b@auth.example")
    assert not auth_commands(sink)


@pytest.mark.parametrize("encrypted", [False, True])
def test_basic(bridgehead, make_sink, authority, encrypted):
    certificate = authority.server("x.example") if encrypted else None
    sink = make_sink(FIRST, certificate=certificate, users={"mailer": "correct horse"}, auth_in_clear=not encrypted)
    carry(bridgehead, [connector("c", "auth.example", via=FIRST, authentication=clear())])
    bridgehead.inject("a@here.example", "b@auth.example")
    (message,) = sink.wait_for(1)
    assert (message.user, message.tls is not None) == ("mailer", encrypted)


def test_a_wrong_password_waits_until_it_is_put_right(bridgehead, make_sink, authority):
    sink = make_sink(
        FIRST, certificate=authority.server("x.example"), users={"mailer": "correct horse"}, require_auth=True
    )
    wrong = connector("c", "auth.example", via=FIRST, authentication=account(password="battery staple"), **ENCRYPT)
    carry(bridgehead, [wrong])
    bridgehead.inject("a@here.example", "b@auth.example")
    told = reason(bridgehead, "b@auth.example")
    assert "535" in told and "battery" not in bridgehead.log()
    right = {**wrong, "authentication": account()}
    assert carry(bridgehead, [right]).changed
    assert not carry(bridgehead, [right]).changed
    bridgehead.flush()
    assert sink.wait_for(1)[0].user == "mailer"
    kept = {**wrong, "authentication": account(password=None)}
    assert not carry(bridgehead, [kept]).changed


def test_accounts_stay_with_their_connectors(bridgehead, make_sink):
    """Three connectors to one host: two accounts and none, beside the administrator's own account for the same host."""
    users = {"one": "password one", "two": "password two", "admin": "password of admin"}
    sink = make_sink(FIRST, users=users, auth_in_clear=True)
    table = bridgehead.write("own_passwords", f"{FIRST} admin:password of admin\n", mode=0o600)
    bridgehead.configure(
        smtp_sasl_auth_enable="yes",
        smtp_sasl_password_maps=f"texthash:{table}",
        smtp_sasl_security_options="noanonymous",
    )
    carry(
        bridgehead,
        [
            connector("one", "one.example", via=FIRST, authentication=clear("one", "password one")),
            connector("two", "two.example", via=FIRST, authentication=clear("two", "password two")),
            connector("none", "none.example", via=FIRST),
        ],
    )
    for domain in ("one", "two", "none"):
        bridgehead.inject("a@here.example", f"b@{domain}.example")
    users_of = {message.to[0]: message.user for message in sink.wait_for(3)}
    bridgehead.configure(smtp_sasl_auth_enable=None, smtp_sasl_password_maps=None, smtp_sasl_security_options=None)
    assert users_of == {"b@one.example": "one", "b@two.example": "two", "b@none.example": None}


def test_two_ports_of_one_host_have_their_own_accounts(bridgehead, make_sink):
    first = make_sink(FIRST, 25, users={"one": "password one"}, auth_in_clear=True, require_auth=True)
    second = make_sink(FIRST, 587, users={"two": "password two"}, auth_in_clear=True, require_auth=True)
    carry(
        bridgehead,
        [
            connector("one", "one.example", via=FIRST, authentication=clear("one", "password one")),
            connector("two", "two.example", via=f"{FIRST}:587", authentication=clear("two", "password two")),
        ],
    )
    bridgehead.inject("a@here.example", ["b@one.example", "b@two.example"])
    assert (first.wait_for(1)[0].user, second.wait_for(1)[0].user) == ("one", "two")


def test_each_member_of_a_chain_logs_in_with_its_own_account(bridgehead, make_sink):
    first = make_sink(FIRST, users={"one": "password one"}, auth_in_clear=True, faults={"mail": "451 4.3.0 not now"})
    second = make_sink(SECOND, users={"two": "password two"}, auth_in_clear=True)
    carry(
        bridgehead,
        [
            connector("one", "chain.example;1", via=FIRST, authentication=clear("one", "password one")),
            connector("two", "chain.example;2", via=SECOND, authentication=clear("two", "password two")),
        ],
    )
    bridgehead.inject("a@here.example", "b@chain.example")
    assert second.wait_for(1)[0].user == "two"
    assert [session.user for session in first.sessions] == ["one"]


PASSWORDS = ["a b c", " leading", "co:lon", "#hash", "$HOME ${x}", "quo\"te's", "back\\slash", "{b}, %s", "größe€"]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_arrives_as_it_was_given(bridgehead, make_sink, password):
    sink = make_sink(FIRST, users={"the mailer": password}, auth_in_clear=True, require_auth=True)
    carry(bridgehead, [connector("c", "auth.example", via=FIRST, authentication=clear("the mailer", password))])
    bridgehead.inject("a@here.example", "b@auth.example")
    assert sink.wait_for(1)[0].user == "the mailer"
    kept = {"mechanism": "basic", "username": "the mailer", "allow_cleartext_password": True}
    assert not carry(bridgehead, [connector("c", "auth.example", via=FIRST, authentication=kept)]).changed


def test_a_password_that_the_table_would_shorten_is_refused(bridgehead):
    told = refusal(
        bridgehead, [connector("c", "auth.example", via=FIRST, authentication=clear(password="trailing blank "))]
    )
    assert 'connector "c", field authentication' in told and "blank" in told and "trailing" not in told


def test_a_real_postfix_takes_the_login(make_instance, bridgehead):
    """Cyrus SASL with its own user database (sasldb) in the smart host's smtpd(8)."""
    if not shutil.which("saslpasswd2", path="/usr/sbin:/usr/bin"):
        pytest.skip("there is no saslpasswd2 (package sasl2-bin), so that Postfix has no users to know")
    host = make_instance(
        "smarthost",
        FIRST,
        chroot=False,
        start=False,
        settings={
            "mydestination": "",
            "relay_domains": "auth.example",
            "relay_transport": "discard",
            "mynetworks": "127.0.0.0/8",
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_local_domain": "smarthost",
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
        },
    )
    users = host.config_directory / "users"
    (host.config_directory / "sasl").mkdir()
    # Debian's smtpd(8) looks there by itself, upstream's where cyrus_sasl_config_path says.
    host.write(
        "sasl/smtpd.conf",
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: {users}\n",
    )
    host.configure(cyrus_sasl_config_path=str(host.config_directory / "sasl"))
    command = ["/usr/sbin/saslpasswd2", "-f", str(users), "-c", "-p", "-u", "smarthost", "mailer"]
    subprocess.run(command, input="correct horse", text=True, check=True)
    users.chmod(0o644)
    host.start()
    assert host.answer_to("b@auth.example", source=STRANGER).startswith("5")
    carry(bridgehead, [connector("c", "auth.example", via=FIRST, authentication=clear())])
    bridgehead.inject("a@here.example", "b@auth.example")
    host.wait_for_log(r"client=\S+, sasl_method=(PLAIN|LOGIN), sasl_username=mailer")
    host.wait_for_log(r"to=<b@auth.example>.*status=sent")
