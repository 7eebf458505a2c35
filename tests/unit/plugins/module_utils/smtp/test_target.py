# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading targets: one form, all mistakes at once, and a way through plain data."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import Helo, Tls
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.request import read_request
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import (
    TLS_LEVELS,
    Expect,
    Target,
    read_targets,
    show_target,
)
from hypothesis import given
from hypothesis import strategies as st

HOSTS = st.sampled_from(["mx.contoso.com", "192.0.2.1", "2001:db8::1", "contoso.com"])
ADDRESSES = st.lists(st.sampled_from(["a@b.example", "c+d@e.example"]), max_size=2, unique=True).map(tuple)
TARGETS = st.builds(
    Target,
    HOSTS,
    st.integers(1, 65535),
    st.booleans(),
    st.builds(
        Tls,
        st.sampled_from(TLS_LEVELS),
        st.just(("mx.contoso.com",)),
        st.sampled_from(["", "/etc/ca.pem"]),
        st.just(""),
    ),
    st.sampled_from([Helo(), Helo("us.example")]),
    st.sampled_from(["", "x@y.example"]),
    ADDRESSES,
    st.sampled_from([(), ("stranger@elsewhere.example",)]),
    st.none() | st.integers(1, 3600),
    st.builds(
        Expect,
        st.just(True),
        st.none() | st.integers(1, 10**9),
        st.sampled_from([None, (), ("LOGIN", "PLAIN")]),
        st.sampled_from([(), ("CHUNKING", "DSN")]),
    ),
)


def read(*given_targets):
    problems = Problems()
    targets = read_targets(list(given_targets), problems)
    return targets, [str(problem) for problem in problems.found]


def refusal(**given_target):
    targets, problems = read(given_target)
    assert not targets
    (problem,) = problems
    return problem


@given(TARGETS)
def test_a_target_passes_through_plain_data(target):
    if target.mx and target.host[0].isdigit():
        target = target._replace(mx=False)
    assert read(show_target(target)) == ([target], [])


def test_forms_of_hosts():
    targets, problems = read(
        {"host": "MX.Contoso.com"},
        {"host": "[192.0.2.1]", "port": "587"},
        {"host": "2001:DB8::1"},
        {"host": "d.example", "mx": True},
    )
    assert not problems
    names = ["mx.contoso.com:25", "[192.0.2.1]:587", "[2001:db8::1]:25", "d.example (MX)"]
    assert [target.name for target in targets] == names


def test_what_is_left_out_and_null_alike_mean_the_default():
    targets, _problems = read({"host": "a.example"}, {"host": "a.example", "tls": None, "expect": {"size": None}})
    assert targets == [Target("a.example")] * 2


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"host": "a b"}, "field host"),
        ({"host": "a.example."}, "ends in a dot"),
        ({"host": "1.2.3"}, "not an IP address"),
        ({"host": "192.0.2.1", "mx": True}, "field mx"),
        ({"host": "a.example", "port": 0}, "field port"),
        ({"host": "a.example", "prot": 25}, 'did you mean "port"'),
        ({"host": "a.example", "tls": {"level": "dane"}}, "posttls-finger"),
        ({"host": "a.example", "tls": {"certificate": "/x.pem"}}, "certificate is not used"),
        ({"host": "192.0.2.1", "tls": {"level": "verify"}}, "field tls.names"),
        ({"host": "a.example", "tls": {"level": "encrypt"}, "helo": {"command": "helo"}}, "field helo.command"),
        ({"host": "a.example", "sender": "nobody"}, "field sender"),
        ({"host": "a.example", "recipient_accepted": ["a@b.example\r\nDATA"]}, "control character"),
        ({"host": "a.example", "recipient_accepted": ["a>@b.example"]}, "is not a mail address"),
        ({"host": "a.example", "recipient_accepted": ["a@b.example"], "recipient_refused": ["a@b.example"]}, "as well"),
        ({"host": "a.example", "recipient_refused": ["a@b.example"], "expect": {"reachable": False}}, "nobody"),
        ({"host": "a.example", "helo": {"name": "x\ny"}}, "control character"),
        ({"host": "a.example", "expect": {"size": "big"}}, "field expect"),
        ({"host": "a.example", "expect": {"auth_mechanisms": ["LOGIN; x"]}}, "mechanism of AUTH"),
        ({"host": "a.example", "timeout": 0}, "field timeout"),
    ],
)
def test_mistakes_name_target_field_and_remedy(fields, part):
    problem = refusal(**fields)
    assert part in problem
    assert fields["host"].strip() in problem
    assert "Remedy: " in problem


def test_all_mistakes_come_together_and_say_where():
    _targets, problems = read({"host": "a..b"}, {"port": 25}, "a.example", {"host": "c.example", "port": "x"})
    assert [problem.split(",")[0] for problem in problems] == [
        'target 1 "a..b"', "target 2", "target 3", 'target 4 "c.example"'
    ]  # fmt: skip


def test_names_that_a_certificate_has_to_carry():
    assert Target("mx.example").certificate_names == ("mx.example",)
    assert Target("d.example", mx=True).certificate_names == ("d.example", "*.d.example")
    assert Target("192.0.2.1").certificate_names == ()
    assert Target("d.example", mx=True, tls=Tls(names=("x.example",))).certificate_names == ("x.example",)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"targets": "a.example"}, "is not a list"),
        ({"nameservers": [{"address": "ns.example"}]}, "field nameservers"),
        ({"nameservers": [{"port": 53}]}, "has no address"),
        ({"nameservers": [{"address": "192.0.2.53"}, {"address": "192.0.2.53", "port": 54}]}, "two ports"),
        ({"source_addresses": ["192.0.2.1", "192.0.2.2"]}, "second address"),
        ({"deadline": 0}, "field deadline"),
        ({"inet_protocols": "ipx"}, "field inet_protocols"),
    ],
)
def test_mistakes_in_the_other_options(options, part):
    problems = Problems()
    read_request({"targets": [], **options}, problems)
    (problem,) = problems.found
    assert part in str(problem)
