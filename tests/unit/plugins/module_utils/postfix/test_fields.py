# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import Connector, read_connector
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import SmartHost, Tls
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import fields


def read(**given) -> Connector:
    problems = Problems()
    raw = {"name": "c", "address_spaces": ["d.test"], "smart_hosts": ["h.test"], "bridgeheads": ["b1"], **given}
    wanted = read_connector(raw, problems)
    assert wanted and not problems.found, problems.found
    return wanted.connector


@pytest.mark.parametrize(
    ("tls", "host", "expected"),
    [
        (Tls("none"), SmartHost("h.test"), "none"),
        (Tls(), SmartHost("h.test"), "may"),
        (Tls("encrypt"), SmartHost("192.0.2.1"), "encrypt"),
        (Tls("verify"), SmartHost("h.test"), "secure match=h.test"),
        (Tls("verify"), SmartHost("h.test", mx=True), "secure match=h.test:.h.test"),
        (Tls("verify", ("*.a.test", "b.test")), SmartHost("192.0.2.1"), "secure match=.a.test:b.test"),
        (Tls("verify", ("a.test",), "/ca.pem"), SmartHost("h.test"), "secure match=a.test tafile=/ca.pem"),
        (Tls("dane"), SmartHost("h.test"), "dane"),
        (Tls("dane_only"), SmartHost("h.test"), "dane-only"),
    ],
)
def test_policy(tls, host, expected):
    assert fields.policy(tls, host) == expected


def test_tls_by_mx_stands_in_the_service_and_nothing_of_main_cf_counts():
    assert fields.mx_options(Tls("encrypt")) == {
        "smtp_tls_security_level": "encrypt",
        "smtp_tls_policy_maps": "",
        "smtp_tls_per_site": "",
    }
    assert fields.mx_options(Tls("verify"))["smtp_tls_secure_cert_match"] == "nexthop, dot-nexthop"
    named = fields.mx_options(Tls("verify", ("*.a.test", "b.test"), "/ca.pem"))
    assert named["smtp_tls_secure_cert_match"] == ".a.test, b.test"
    assert named["smtp_tls_trust_anchor_file"] == "/ca.pem"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"helo": {"name": "X.test"}}, {"smtp_helo_name": "x.test"}),
        ({"helo": {"command": "helo"}}, {"smtp_never_send_ehlo": "yes"}),
        ({"tls": {"certificate": "/c.pem"}}, {"smtp_tls_chain_files": "/c.pem"}),
        ({"limits": {"messages_per_connection": 5}}, {"smtp_connection_reuse_count_limit": "4"}),
        (
            {"limits": {"messages_per_connection": 1}},
            {"smtp_connection_cache_on_demand": "no", "smtp_connection_cache_destinations": ""},
        ),
        ({"postfix": {"smtp_tls_wrappermode": True}}, {"smtp_tls_wrappermode": "yes"}),
    ],
)
def test_options_of_a_service(given, expected):
    assert fields.service_options(read(**given)) == expected


def test_settings_of_the_queue_manager():
    assert fields.queue_settings(read()) == {}
    assert fields.queue_settings(read(limits={"connections": 3, "rate_delay": "2m"})) == {
        "destination_concurrency_limit": "3",
        "destination_rate_delay": "120s",
        "destination_concurrency_failed_cohort_limit": "10",
    }
    assert fields.queue_settings(read(limits={"rate_delay": 0})) == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("250-SIZE 1000", "250-SIZE 77"),
        ("250 SIZE", "250 SIZE 77"),
        ("250-size 0", "250-SIZE 77"),
        ("250-PIPELINING", None),
        ("550-SIZE 1", None),
    ],
)
def test_the_size_filter_lowers_what_is_announced(line, expected):
    pattern, replacement = fields.size_filter(77).rstrip("\n").rsplit("/ ", 1)
    found = re.match(pattern[1:], line, re.IGNORECASE)  # regexp tables ignore case (regexp_table(5))
    assert (found and replacement.replace("${1}", found.group(1))) == expected


def test_every_parameter_that_a_field_sets_is_covered():
    """A native parameter may not set what a field sets; these three may, since no field gives them a value."""
    made = read(
        helo={"name": "x.test", "command": "ehlo"},
        tls={"level": "verify", "names": ["a.test"], "ca_file": "/ca", "certificate": "/c"},
        limits={"messages_per_connection": 1},
    )
    options = {**fields.service_options(made), **fields.mx_options(made.tls)}
    assert set(options) - set(fields.COVERED) == {"smtp_connection_cache_destinations"}


@pytest.mark.parametrize(
    "name",
    ["relayhost", "smtp_destination_rate_delay", "smtp_transport_rate_delay", "smtpd_banner", "queue_run_delay"],
)
def test_parameters_of_main_cf_are_refused(name):
    problems = Problems()
    fields.check_fields(read(postfix={name: "1"}), problems)
    assert ["is read from main.cf only" in problem.message for problem in problems.found] == [True]


@pytest.mark.parametrize(
    ("value", "default", "accepted"),
    [
        ("yes", "no", True),
        ("NO", "yes", True),
        ("maybe", "no", False),
        ("", "no", False),
        ("12", "0", True),
        ("1s", "0", False),
        ("30", "5m", True),
        ("30s", "5m", True),
        ("soon", "5m", False),
        ("$smtp_x", "5m", True),
        ("anything", "", True),
        ("anything", "$other", True),
    ],
)
def test_native_values_by_type(value, default, accepted):
    problems = Problems()
    fields.check_native_values(read(postfix={"smtp_x": value}), {"smtp_x": default}, {"smtp_x"}, problems)
    assert (problems.found == []) == accepted


def test_a_misspelt_native_name():
    problems = Problems()
    known = {"smtp_bind_address", "smtpd_banner", "smtp_cname_overrides_servername"}
    fields.check_native_values(read(postfix={"smtp_bind_adress": "x"}), {}, known, problems)
    assert [problem.remedy for problem in problems.found] == ['did you mean "smtp_bind_address"']
