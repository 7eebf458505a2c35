# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Postfix backend cannot do is said before anything is touched: connector, field, value and remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab import ansible
from lab.mail import carry, connector, refusal, running
from lab.postfix import Instance

FIRST, SECOND = "192.0.2.30", "192.0.2.31"
SPACE = "there.example"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Instance]:
    with running(("b1", "127.0.0.11")) as (instance,):
        yield instance


@pytest.fixture(autouse=True)
def nothing_carried(bridgehead: Instance) -> Iterator[None]:
    found = bridgehead.main_cf(), bridgehead.master_cf()
    yield
    for name, text in zip(("main.cf", "master.cf"), found, strict=True):
        bridgehead.write(name, text)
    bridgehead.settle()
    carry(bridgehead, [])


def login(**fields: Any) -> dict[str, Any]:
    return {"mechanism": "basic_over_tls", "username": "mailer", "password": PASSWORD, **fields}


def chain(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        connector("one", f"{SPACE};1", **{"via": FIRST, **first}),
        connector("two", f"{SPACE};2", **{"via": SECOND, **second}),
    ]


ENCRYPT = {"level": "encrypt"}

# What is asked for; then what the message has to say.
CHAINS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "helo": ({"helo": {"name": "one.example"}}, {}, 'connector "two", field helo', "cannot follow a failover"),
    "certificate": ({}, {"tls": {"certificate": "/c.pem"}}, 'connector "two", field tls.certificate', "cannot follow"),
    "limits": (
        {"limits": {"connections": 2}},
        {"limits": {"connections": 3}},
        'connector "two", field limits',
        "cannot",
    ),
    "size": ({}, {"max_message_size": "1MB"}, 'connector "two", field max_message_size', "cannot follow a failover"),
    "native": ({}, {"postfix": {"smtp_bind_address": "127.0.0.1"}}, 'connector "two", field postfix', "cannot follow"),
    "mx": ({}, {"via": []}, 'connector "two", field smart_hosts, value "DNS MX"', "cannot be part of a failover chain"),
    "two accounts for one host": (
        {"tls": ENCRYPT, "authentication": login()},
        {"via": f"{FIRST}:587", "tls": ENCRYPT, "authentication": login(username="other")},
        f'connector "two", field authentication.username, value "{FIRST}"',
        "has two accounts",
    ),
    "two TLS settings for one host and port": (
        {"tls": ENCRYPT},
        {"via": FIRST, "tls": {"level": "none"}},
        f'connector "two", field tls, value "[{FIRST}]:25"',
        "has two TLS settings",
    ),
}


@pytest.mark.parametrize("case", CHAINS)
def test_what_cannot_follow_a_failover(bridgehead, case):
    first, second, place, problem = CHAINS[case]
    told = refusal(bridgehead, chain(first, second))
    assert place in told and problem in told and "Remedy: " in told
    assert PASSWORD not in told
    # The first of the two is carried where it stands alone.
    carry(bridgehead, chain(first, second)[:1])


SINGLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "chain_only": (
        {"tls": {"level": "chain_only"}},
        'field tls.level, value "chain_only"',
        "use verify with tls.names",
    ),
    "basic_over_tls": (
        {"authentication": login()},
        'field authentication.mechanism, value "basic_over_tls": needs TLS, but the level is opportunistic',
        "set tls.level",
    ),
    "exchange_server": (
        {"authentication": {"mechanism": "exchange_server"}},
        'field authentication.mechanism, value "exchange_server"',
        "use basic_over_tls",
    ),
    "externally_secured": (
        {"authentication": {"mechanism": "externally_secured"}},
        'field authentication.mechanism, value "externally_secured"',
        "use basic_over_tls",
    ),
    "inactivity_timeout": (
        {"limits": {"inactivity_timeout": "10m"}},
        'field limits.inactivity_timeout, value "10m"',
        "smtp_connection_cache_time_limit",
    ),
    "delivery": ({"delivery": {"when": "never"}}, 'field delivery.when, value "never": is not yet', "enabled: false"),
    "restrictions": (
        {"restrictions": {"default": "reject"}},
        "field restrictions: are not yet",
        "leave restrictions out",
    ),
    "exchange": ({"exchange": {"ErrorPolicies": "Default"}}, 'field exchange, value "ErrorPolicies"', "remove them"),
    "certificate of Exchange": ({"tls": {"certificate": "<I>CN=a<S>CN=b"}}, "field tls.certificate", "PEM file"),
    "other address space": ({"address_spaces": ["X400:c=us;a= ;p=x"]}, "is no SMTP space", "Exchange"),
    "covered native": (
        {"postfix": {"smtp_tls_security_level": "none"}},
        'field postfix, value "smtp_tls_security_level": is covered by a field',
        "use tls.level instead",
    ),
    "native of main.cf": (
        {"postfix": {"maximal_queue_lifetime": "1d"}},
        'field postfix, value "maximal_queue_lifetime": is read from main.cf only',
        "postfix_main_cf",
    ),
    "native of the queue manager": (
        {"postfix": {"smtp_destination_concurrency_limit": "2"}},
        'field postfix, value "smtp_destination_concurrency_limit": is read from main.cf only',
        "postfix_main_cf",
    ),
    "unknown native": (
        {"postfix": {"my_parameter": "1"}},
        'field postfix, value "my_parameter": is not read by the SMTP client',
        "begin with smtp_",
    ),
    "misspelt native": (
        {"postfix": {"smtp_bind_adress": "127.0.0.1"}},
        'field postfix, value "smtp_bind_adress"',
        "smtp_bind_address",
    ),
    "native that is no number": (
        {"postfix": {"smtp_line_length_limit": "long"}},
        'field postfix.smtp_line_length_limit, value "long": is not a whole number',
        "write a whole number",
    ),
    "native that is neither yes nor no": (
        {"postfix": {"smtp_tls_wrappermode": "maybe"}},
        'field postfix.smtp_tls_wrappermode, value "maybe": is not yes or no',
        "write yes or no",
    ),
    "native that is no time": (
        {"postfix": {"smtp_connect_timeout": "soon"}},
        'field postfix.smtp_connect_timeout, value "soon": is not a time',
        "30s",
    ),
    "no certificate authority": (
        {"tls": {"level": "verify", "names": ["x.example"]}},
        "field tls.ca_file: is needed",
        "smtp_tls_CAfile",
    ),
    "a certificate authority that is not there": (
        {"tls": {"level": "verify", "names": ["x.example"], "ca_file": "/no/such/ca.pem"}},
        'field tls.ca_file, value "/no/such/ca.pem": is no file',
        "put the file there",
    ),
    "a certificate that is not there": (
        {"tls": {"certificate": "/no/such/cert.pem"}},
        'field tls.certificate, value "/no/such/cert.pem": is no file',
        "put the file there",
    ),
    "size above message_size_limit": (
        {"max_message_size": "1GB"},
        'field max_message_size, value "1GB": is above',
        "message_size_limit",
    ),
    "no password": (
        {"tls": ENCRYPT, "authentication": {"mechanism": "basic_over_tls", "username": "mailer"}},
        "field authentication.password: is needed",
        "give authentication.password",
    ),
}


@pytest.mark.parametrize("case", SINGLE)
def test_what_postfix_cannot_do(bridgehead, case):
    fields, problem, remedy = SINGLE[case]
    made = connector("to-there", SPACE, **{"via": FIRST, **fields})
    told = refusal(bridgehead, [made])
    assert told.startswith('connector "to-there", ') and problem in told
    assert remedy in told and "Remedy: " in told
    assert PASSWORD not in told


def test_all_mistakes_are_told_at_once(bridgehead):
    made = [connector(name, f"{name}.example", via=FIRST, tls={"level": "chain_only"}, log="verbose") for name in "abc"]
    assert refusal(bridgehead, made).count("Remedy: ") == 3


# --- what the host is found with -----------------------------------------------------------------------------------------


def test_a_local_table_that_cannot_be_listed(bridgehead):
    bridgehead.configure(virtual_mailbox_domains="regexp:{{/x/ y}}", mydestination="")
    told = refusal(bridgehead, [connector("to-there", f"*.{SPACE}", via=FIRST)])
    assert "hosts.b1, field local_domains" in told and "regexp" in told and "Remedy" in told
    carry(bridgehead, [connector("to-there", SPACE, via=FIRST)])


def test_a_service_of_the_same_name(bridgehead):
    outcome = carry(bridgehead, [connector("to-there", SPACE, via=FIRST)], check_mode=True)
    (line,) = [command for command in outcome.commands if command.startswith("master.cf: set ")]
    name = line.split()[-1]
    bridgehead.add_services(f"{name} unix - - n - - smtp\n")
    told = refusal(bridgehead, [connector("to-there", SPACE, via=FIRST)])
    assert f"master.cf, field {name}" in told and "Remedy: rename that service" in told


def test_a_hand_over_needs_an_address(bridgehead):
    made = connector("to-there", SPACE, via=FIRST, bridgeheads=["b2"])
    told = refusal(bridgehead, [made], hosts={"b1": {}, "b2": {}})
    assert "hosts.b2, field address: is needed" in told and "hosts: {b2: {system: postfix, address: 192.0.2.1}}" in told


@pytest.mark.parametrize(
    ("name", "text"),
    [("main.cf", "  continues nothing\n"), ("main.cf", "no equals sign\n"), ("master.cf", "smtp inet n\n")],
)
def test_a_file_that_postfix_cannot_read(bridgehead, name, text):
    good = (bridgehead.config_directory / name).read_text(encoding="utf-8")
    bridgehead.write(name, text + good if text.startswith(" ") else good + text)
    bridgehead.settle()
    told = refusal(bridgehead, [connector("to-there", SPACE, via=FIRST)])
    assert name in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "is damaged"), ("[]", "is damaged"), ('{"format": 1}', "is damaged"), ('{"format": 99}', "has format 99")],
)
def test_a_store_that_is_damaged_or_newer(bridgehead, text, problem):
    made = [connector("to-there", SPACE, via=FIRST)]
    carry(bridgehead, made)
    store = bridgehead.config_directory / "connectors" / "connectors.json"
    good = store.read_text(encoding="utf-8")
    store.write_text(text, encoding="utf-8")
    told = refusal(bridgehead, made)
    assert str(store) in told and problem in told and "Remedy: " in told
    store.write_text(good, encoding="utf-8")
    assert json.loads(good)["format"] == 1


OPEN_RELAYS: dict[str, tuple[dict[str, str], str]] = {
    "nothing rejects": (
        {"smtpd_relay_restrictions": "permit_mynetworks", "smtpd_recipient_restrictions": ""},
        "field smtpd_relay_restrictions",
    ),
    "everybody before the rejection": (
        {"smtpd_relay_restrictions": "permit_mynetworks, permit, reject_unauth_destination"},
        "field smtpd_relay_restrictions",
    ),
    "the whole of IPv4": ({"mynetworks": "0.0.0.0/0"}, 'field mynetworks, value "0.0.0.0/0"'),
    "a rejection that only warns": (
        {"smtpd_relay_restrictions": "permit_mynetworks, warn_if_reject reject_unauth_destination"},
        "field smtpd_relay_restrictions",
    ),
    "in two halves": ({"mynetworks": "0.0.0.0/1 128.0.0.0/1"}, 'field mynetworks, value "0.0.0.0/1"'),
    "the whole of IPv6": ({"mynetworks": "127.0.0.0/8 [::]/0"}, 'field mynetworks, value "[::]/0"'),
    "by a table": ({"mynetworks": "static:all"}, 'field mynetworks, value "static:all"'),
    "every domain": ({"relay_domains": "static:yes"}, 'field relay_domains, value "static:yes"'),
}


@pytest.mark.parametrize("case", OPEN_RELAYS)
def test_an_open_relay(bridgehead, case):
    settings, place = OPEN_RELAYS[case]
    bridgehead.configure(**settings)
    told = refusal(bridgehead, [connector("to-there", SPACE, via=FIRST)])
    assert f"main.cf, {place}" in told and "Remedy: " in told


CLOSED = {
    "recipient restrictions alone": {
        "smtpd_relay_restrictions": "",
        "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination",
    },
    "rejection of everything": {"smtpd_relay_restrictions": "permit_mynetworks, reject"},
    "deferral": {"smtpd_relay_restrictions": "permit_mynetworks, defer_unauth_destination"},
    "permit behind the rejection": {"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination, permit"},
    "private networks": {
        "mynetworks": "10.0.0.0/8 127.0.0.0/8 [fe80::]/10 [fc00::]/7 !192.0.2.7 [::ffff:127.0.0.0]/104"
    },
}


@pytest.mark.parametrize("case", CLOSED)
def test_what_is_no_open_relay(bridgehead, case):
    bridgehead.configure(**CLOSED[case])
    carry(bridgehead, [connector("to-there", SPACE, via=FIRST)])


def test_a_lost_password_is_asked_for_again(bridgehead):
    made = connector("to-there", SPACE, via=FIRST, tls=ENCRYPT, authentication=login())
    carry(bridgehead, [made])
    (table,) = (bridgehead.config_directory / "connectors").glob("password_*")
    assert table.stat().st_mode & 0o777 == 0o600
    table.unlink()
    kept = {**made, "authentication": {"mechanism": "basic_over_tls", "username": "mailer"}}
    told = refusal(bridgehead, [kept])
    assert 'connector "to-there", field authentication.password' in told and "or lost it" in told
    # Whatever else the run is about: the connector would lose its login.
    assert "or lost it" in refusal(bridgehead, [connector("other", "other.example", via=SECOND)], purge=False)
    assert carry(bridgehead, [made]).changed
    assert not carry(bridgehead, [kept]).changed


def test_a_playbook_shows_the_same_error(bridgehead):
    made = connector("to-there", SPACE, via=FIRST, tls={"level": "verify", "names": ["x.example"]})
    arguments = {"config_directory": str(bridgehead.config_directory), "connectors": [made]}
    run = ansible.run_task("mailops.connectors.postfix_send_connectors", arguments, hosts=["b1"])
    assert run.failed
    assert run["b1"]["msg"].startswith('Nothing was touched.\nconnector "to-there", field tls.ca_file: is needed')
    assert run["b1"]["problems"] == run["b1"]["msg"].splitlines()[1:]
