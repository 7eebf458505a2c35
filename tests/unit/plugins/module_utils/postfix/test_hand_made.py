# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration that was made by hand, as connectors; one example for each form that administrators use."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import hand_made
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.found_classes import Surroundings
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.found_delivery import CLIENT_PARAMETERS, Client
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import Service
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.match_list import MatchList, Pattern, Table
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.recipient import AddressRules
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import MailSettings

SERVICES = {
    "smtp": Service("smtp", "unix", command="smtp"),
    "relay": Service("relay", "unix", command="smtp", options=(("syslog_name", "postfix/$service_name"),)),
    "own": Service(
        "own", "unix", command="smtp", options=(("smtp_helo_name", "own.test"), ("smtp_bind_address", "192.0.2.9"))
    ),
    "slow": Service("slow", "unix", maxproc="2", command="smtp"),
    "tls": Service("tls", "unix", command="smtp", options=(("smtp_tls_security_level", "encrypt"),)),
    "other": Service("other", "unix", command="smtp", options=(("smtp_tls_chain_files", "/x.pem"),)),
    "lmtp": Service("lmtp", "unix", command="lmtp"),
    "error": Service("error", "unix", command="error"),
}
PARAMETERS = {
    **dict.fromkeys(CLIENT_PARAMETERS, ""),
    "smtp_tls_security_level": "may",
    "smtp_tls_secure_cert_match": "nexthop, dot-nexthop",
    "smtp_tls_verify_cert_match": "hostname",
    "smtp_tls_CAfile": "/etc/ca.pem",
    "smtp_sasl_security_options": "noanonymous",
    "smtp_sasl_tls_security_options": "noanonymous",
    "sender_dependent_default_transport_maps": "",
    "sender_dependent_relayhost_maps": "",
    "relay_recipient_maps": "",
    "content_filter": "",
}
LOGIN = {"smtp_sasl_auth_enable": "yes"}
HERE = "/etc/postfix/connectors"


def found(transport=None, policy=None, accounts=None, queue=None, parameters=None, local=(), relay=(), **settings):
    """What is told of a host with these entries: ({name: connector}, {(setting, key): reason})."""
    foreign = (Table.of("lmdb:/etc/postfix/transport", transport),) if transport else ()
    made = MailSettings(
        AddressRules("b1.here.test"),
        transport_maps=(*settings.pop("ours", ()), *foreign, *settings.pop("more", ())),
        mydestination=MatchList(tuple(Pattern(domain) for domain in local)),
        relay_domains=MatchList(tuple(Pattern(domain) for domain in relay)),
        **settings,
    )
    client = Client(
        {**PARAMETERS, **(parameters or {})},
        SERVICES,
        queue or {},
        (Table.of("hash:/etc/postfix/policy", policy),) if policy else (),
        (Table.of("hash:/etc/postfix/passwords", accounts),) if accounts else (),
    )
    around = Surroundings(made, client, client.parameters, HERE, frozenset({"connector-x"}), frozenset(local))
    told = hand_made.find(around, "b1")
    return (
        {one["name"]: {key: one[key] for key in one if key not in ("name", "bridgeheads")} for one in told.hand_made},
        {(_place(one["setting"]), one["key"]): one["reason"] for one in told.not_expressed},
    )


def _place(setting):
    return setting.removesuffix(" lmdb:/etc/postfix/transport")


def spaces(connectors):
    return {name: one["address_spaces"] for name, one in connectors.items()}


HOST = {"smart_hosts": ["h.test"]}
FORMS = [
    # The entries, and the one connector without its spaces.
    ({"d.test": "smtp:[h.test]"}, {}, ["d.test"], HOST),
    ({"d.test": "relay:[h.test]:25"}, {}, ["d.test"], HOST),
    ({"d.test": "smtp:[h.test]:submission"}, {}, ["d.test"], {"smart_hosts": ["h.test:587"]}),
    ({"d.test": "smtp:[ipv6:2001:db8::1]:26"}, {}, ["d.test"], {"smart_hosts": ["[2001:db8::1]:26"]}),
    ({"d.test": "smtp:h.test:26"}, {}, ["d.test"], {"smart_hosts": [{"host": "h.test", "mx": True, "port": 26}]}),
    ({"d.test": "smtp:[a.test], [b.test]:26"}, {}, ["d.test"], {"smart_hosts": ["a.test", "b.test:26"]}),
    ({"d.test": "smtp:"}, {}, ["d.test"], {}),
    ({"d.test": "relay"}, {}, ["d.test"], {}),
    ({"d.test": ":[h.test]"}, {}, ["d.test"], HOST),
    ({"d.test": "smtp:[h.test]", ".d.test": "smtp:[h.test]:25"}, {}, ["*.d.test"], HOST),
    ({".d.test": "smtp:[h.test]"}, {"local": ["d.test"]}, ["*.d.test"], HOST),
    ({"d.test": "smtp:[h.test]"}, {"relay": ["d.test"], "relay_parents": False}, ["d.test"], {**HOST, "relay": True}),
    (
        {"d.test": "own:[h.test]"},
        {"queue": {"own_destination_concurrency_limit": "3", "own_destination_rate_delay": "2s"}},
        ["d.test"],
        {
            **HOST,
            "helo": {"name": "own.test"},
            "postfix": {"smtp_bind_address": "192.0.2.9"},
            "limits": {"connections": 3, "rate_delay": "2s"},
        },
    ),
    ({"d.test": "tls:[h.test]"}, {}, ["d.test"], {**HOST, "tls": {"level": "encrypt"}}),
    ({}, {"relayhost": "[h.test]"}, ["*"], HOST),
    ({}, {"default_transport": "smtp:[h.test]"}, ["*"], HOST),
    ({}, {"default_transport": "tls"}, ["*"], {"tls": {"level": "encrypt"}}),
    (
        {},
        {"relayhost": "[h.test]", "parameters": {"smtp_fallback_relay": "[f.test]"}},
        ["*"],
        {"smart_hosts": ["h.test", "f.test"]},
    ),
    ({}, {"policy": {"d.test": "encrypt"}}, ["d.test"], {"tls": {"level": "encrypt"}}),
    ({}, {"policy": {"d.test": "dane-only", ".d.test": "dane-only"}}, ["*.d.test"], {"tls": {"level": "dane_only"}}),
    ({}, {"policy": {"d.test": "secure"}}, ["d.test"], {"tls": {"level": "verify"}}),
    (
        {},
        {"policy": {"d.test": "secure match=m.test:.n.test"}},
        ["d.test"],
        {"tls": {"level": "verify", "names": ["*.n.test", "m.test"]}},
    ),
    (
        {"d.test": "smtp:[h.test]"},
        {"policy": {"[h.test]": "verify tafile=/etc/x.pem"}},
        ["d.test"],
        {**HOST, "tls": {"level": "verify", "ca_file": "/etc/x.pem"}},
    ),
    (
        {"d.test": "smtp:[h.test]"},
        {"policy": {"[h.test]": "secure"}},
        ["d.test"],
        {**HOST, "tls": {"level": "verify", "names": ["*.h.test", "h.test"]}},
    ),
    (
        {"d.test": "smtp:[h.test]"},
        {"parameters": {"smtp_tls_security_level": ""}},
        ["d.test"],
        {**HOST, "tls": {"level": "none"}},
    ),
    (
        {"d.test": "smtp:[h.test]"},
        {"accounts": {"h.test": "me:secret"}, "parameters": LOGIN},
        ["d.test"],
        {**HOST, "authentication": {"mechanism": "basic", "username": "me", "allow_cleartext_password": True}},
    ),
    (
        {"d.test": "smtp:[h.test]:587"},
        {"accounts": {"[h.test]:587": "me:secret"}, "parameters": LOGIN, "policy": {"[h.test]:587": "encrypt"}},
        ["d.test"],
        {
            "smart_hosts": ["h.test:587"],
            "tls": {"level": "encrypt"},
            "authentication": {"mechanism": "basic_over_tls", "username": "me"},
        },
    ),
]


@pytest.mark.parametrize(("transport", "options", "expected", "fields"), FORMS, ids=lambda value: str(value)[:60])
def test_each_form_as_a_connector(transport, options, expected, fields):
    connectors, told = found(transport, **options)
    assert list(connectors.values()) == [{"address_spaces": expected, **fields}]
    assert told == {}


NOT_EXPRESSED = [
    # The entries, and the key with a part of the reason.
    ({"d.test": "error:5.1.1 no"}, {}, ("transport_maps", "d.test"), "error is no SMTP client"),
    ({"d.test": "lmtp:unix:/x"}, {}, ("transport_maps", "d.test"), "no SMTP client"),
    ({"d.test": "gone:[h.test]"}, {}, ("transport_maps", "d.test"), "no service gone in master.cf"),
    ({"d.test": "slow:[h.test]"}, {}, ("transport_maps", "d.test"), "2 processes"),
    ({"d.test": "other:[h.test]"}, {}, ("transport_maps", "d.test"), "own smtp_tls_chain_files"),
    ({"d.test": "smtp:[h.test]:odd"}, {}, ("transport_maps", "d.test"), "whole number"),
    ({"d.test": "smtp:192.0.2.1"}, {}, ("transport_maps", "d.test"), "IP address"),
    ({"d.test": "smtp:[a.test], [a.test]"}, {}, ("transport_maps", "d.test"), "twice"),
    ({"u@d.test": "smtp:[h.test]"}, {}, ("transport_maps", "u@d.test"), "single addresses"),
    ({"[192.0.2.1]": "smtp:[h.test]"}, {}, ("transport_maps", "[192.0.2.1]"), "no domain"),
    ({"*": "smtp:[h.test]"}, {}, ("transport_maps", "*"), "takes local mail too"),
    ({"d.test": "smtp:[h.test]"}, {"transport_parents": True}, ("transport_maps", "d.test"), "parent_domain_matches"),
    ({"d.test": "smtp:[h.test]"}, {"queue": {"smtp_transport_rate_delay": "1s"}}, ("transport_maps", "d.test"), "no field"),
    ({"d.test": "smtp:[h.test]"}, {"policy": {"[h.test]": "fingerprint match=aa"}}, ("transport_maps", "d.test"), "fingerprint"),
    ({"d.test": "smtp:[h.test]"}, {"policy": {"[h.test]": "may ciphers=high"}}, ("transport_maps", "d.test"), "ciphers"),
    ({"d.test": "smtp:[h.test]"}, {"policy": {"[h.test]": "secure"}, "parameters": {"smtp_tls_CAfile": ""}}, ("transport_maps", "d.test"), "to check with"),
    ({"d.test": "smtp:[a.test], [b.test]"}, {"policy": {"[b.test]": "encrypt"}}, ("transport_maps", "d.test"), "different TLS"),
    ({"d.test": "smtp:[a.test], [b.test]"}, {"accounts": {"b.test": "me:x"}, "parameters": LOGIN}, ("transport_maps", "d.test"), "different accounts"),
    (
        {"d.test": "smtp:[h.test]"},
        {"accounts": {"h.test": "me:x"}, "parameters": {**LOGIN, "smtp_sasl_security_options": "noplaintext, noanonymous"}},
        ("transport_maps", "d.test"),
        "only where TLS is offered",
    ),
    ({"d.test": "smtp:"}, {"accounts": {"d.test": "me:x"}, "parameters": LOGIN}, ("transport_maps", "d.test"), "wherever MX"),
    ({}, {"relayhost": "[h.test]", "parameters": {"sender_dependent_relayhost_maps": "hash:/x"}}, ("relayhost", "*"), "by the sender"),
    ({"u@d.test": ":[n.test]"}, {"relayhost": "[h.test]"}, ("relayhost", "*"), "goes over its service"),
]  # fmt: skip


@pytest.mark.parametrize(("transport", "options", "place", "reason"), NOT_EXPRESSED, ids=lambda value: str(value)[:60])
def test_what_a_connector_cannot_do_exactly_is_named_and_left(transport, options, place, reason):
    connectors, told = found(transport, **options)
    assert connectors == {}
    assert reason in told[place]


def test_a_password_is_in_nothing_that_is_told():
    everything = str(found({"d.test": "smtp:[h.test]"}, accounts={"h.test": "me:hunter2-secret"}, parameters=LOGIN))
    assert "hunter2" not in everything
    everything = str(found({"d.test": "smtp:[h.test]"}, accounts={"h.test": "hunter2-secret"}, parameters=LOGIN))
    assert "hunter2" not in everything and "no name with a password" in everything


def test_a_wider_space_takes_nothing_along_that_has_another_way():
    entries = {".d.test": "smtp:[h.test]", "d.test": "smtp:[h.test]", "x.d.test": "error:no", "y.d.test": ":"}
    connectors, told = found(entries)
    # The entry of x stays in front by itself; y goes by MX, as if it were not listed.
    assert spaces(connectors) == {"to-h.test": ["*.d.test"], "y.d.test-by-MX": ["y.d.test"]}
    assert set(told) == {("transport_maps", "x.d.test")}


def test_a_policy_that_cannot_be_expressed_keeps_the_subtree_it_lies_in():
    connectors, told = found({".d.test": "smtp:", "d.test": "smtp:"}, policy={"x.d.test": "fingerprint match=aa"})
    assert spaces(connectors) == {"d.test-by-MX": ["d.test"]}
    assert "x.d.test cannot be expressed" in told["transport_maps", ".d.test"]


def test_the_domain_itself_is_no_part_of_an_entry_for_what_is_below():
    connectors, _told = found({".d.test": "smtp:[h.test]"})
    assert spaces(connectors) == {"d.test-by-MX": ["d.test"], "to-h.test": ["*.d.test"]}
    connectors, told = found({".d.test": "smtp:[h.test]", "d.test": "discard:"})
    assert connectors == {} and "d.test cannot be expressed" in told["transport_maps", ".d.test"]


def test_a_local_domain_that_an_entry_sends_away_stays_away():
    entries = {".d.test": "smtp:[h.test]", "d.test": "smtp:[h.test]"}
    connectors, _told = found(entries, local=["d.test", "x.d.test"])
    assert spaces(connectors) == {"to-h.test": ["*.d.test", "d.test", "x.d.test"]}


def test_relay_domains_without_an_entry_do_not_follow_a_default_transport():
    connectors, _told = found(relay=["d.test"], default_transport="smtp:[h.test]", relay_parents=False)
    assert spaces(connectors) == {"to-h.test": ["*"], "d.test-by-MX-relayed": ["d.test"]}
    connectors, _told = found(relay=["d.test"], relayhost="[h.test]")
    assert spaces(connectors) == {"to-h.test": ["*"], "to-h.test-relayed": ["*.d.test"]}


def test_relaying_stays_where_recipients_are_checked():
    parameters = {"relay_recipient_maps": "hash:/etc/postfix/recipients"}
    connectors, told = found({"d.test": "smtp:[h.test]"}, relay=["d.test"], relay_parents=False, parameters=parameters)
    assert list(connectors.values()) == [{"address_spaces": ["d.test"], **HOST}]
    assert "relay_recipient_maps names the recipients" in told["relay_domains", "d.test"]


def test_what_relay_domains_admits_and_nobody_routes_is_told():
    connectors, told = found({"d.test": "smtp:[h.test]"}, relay=["d.test"])
    assert spaces(connectors) == {"to-h.test-relayed": ["d.test"]}
    assert "admits mail for everything below d.test" in told["relay_domains", ".d.test"]


def test_tables_that_cannot_be_listed_are_told():
    patterns = Table("regexp:/etc/postfix/x", lambda _key: None, pattern=True)
    directory = Table("ldap:/etc/postfix/y", lambda key: "smtp:[l.test]" if key == "l.test" else None)
    connectors, told = found({"l.test": "smtp:[h.test]"}, more=(patterns, directory))
    assert spaces(connectors) == {"to-h.test": ["l.test"]}
    assert (
        set(told.values())
        == {
            "patterns are asked for whole addresses; it stays in force",
            "the table cannot be listed; it stays in force",
        }
        or len(told) == 1
    )


def test_what_a_connector_takes_already_is_not_found_again():
    ours = (Table.of(f"lmdb:{HERE}/transport", {"d.test": "connector-x:[h.test]:25"}),)
    assert found({"d.test": "smtp:[h.test]"}, ours=ours) == ({}, {})
    assert found({}, relayhost="[h.test]", default_transport="connector-x:[h.test]:25") == ({}, {})


def test_local_domains_that_cannot_be_listed_keep_entries_for_what_is_below():
    settings = MailSettings(
        AddressRules("b1.here.test"), transport_maps=(Table.of("lmdb:/t", {".d.test": "smtp:[h.test]"}),)
    )
    client = Client(PARAMETERS, SERVICES, {})
    around = Surroundings(settings, client, PARAMETERS, HERE, unlisted=("ldap:/local",))
    told = hand_made.find(around, "b1")
    assert told.hand_made == [] and "cannot be listed (ldap:/local)" in told.not_expressed[0]["reason"]
    assert [one["name"] for one in hand_made.find(replace(around, unlisted=()), "b1").hand_made] != []
