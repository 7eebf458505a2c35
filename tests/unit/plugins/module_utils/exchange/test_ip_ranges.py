# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP ranges and bindings as numbers: what is the same, what is refused, and what serves strangers."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ValueProblem
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import ip_ranges
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.ip_ranges import (
    EVERYWHERE,
    RANGES,
    merged,
    read_binding,
    read_range,
    serves_strangers,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("forms", "shown"),
    [
        (["192.0.2.1", "192.0.2.1/32", "192.0.2.1-192.0.2.1", " 192.0.2.1 "], "192.0.2.1"),
        (
            [
                "192.0.2.0/24",
                "192.0.2.77/24",
                "192.0.2.0-192.0.2.255",
                "192.0.2.0(255.255.255.0)",
                "192.0.2.0/255.255.255.0",
            ],
            "192.0.2.0/24",
        ),
        (["192.0.2.1-192.0.2.9", "192.0.2.1 - 192.0.2.9"], "192.0.2.1-192.0.2.9"),
        (["2001:DB8::25", "[2001:db8::25]", "2001:db8:0:0::25/128"], "2001:db8::25"),
        (["::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], "::/0"),
    ],
)
def test_forms_of_one_range(forms: list[str], shown: str) -> None:
    assert {read_range(form) for form in forms} == {read_range(shown)}
    assert str(read_range(forms[0])) == shown


@pytest.mark.parametrize(
    "wrong", ["", "192.0.2.300", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::1", "host.example", "192.0.2.0/33"]
)
def test_no_range(wrong: str) -> None:
    with pytest.raises(ValueProblem):
        read_range(wrong)


addresses = st.one_of(
    st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address), st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
)


@given(addresses, st.integers(0, 300))
def test_what_is_shown_reads_back(low: ipaddress.IPv4Address | ipaddress.IPv6Address, more: int) -> None:
    high = min(int(low) + more, 2**low.max_prefixlen - 1)
    one = ip_ranges.IpRange(low.version, int(low), high)
    assert read_range(str(one)) == one


def test_duplicates_go_and_neighbours_stay() -> None:
    assert RANGES.show(RANGES.read(["192.0.2.1", "192.0.2.2", "192.0.2.1/32"])) == ["192.0.2.1", "192.0.2.2"]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=8))
def test_merged_ranges_hold_the_same_addresses(pairs: list[tuple[int, int]]) -> None:
    ranges = [ip_ranges.IpRange(4, low, low + more) for low, more in pairs]
    made = merged(ranges)
    assert {n for one in made for n in range(one.low, one.high + 1)} == {
        n for one in ranges for n in range(one.low, one.high + 1)
    }
    assert all(one.high + 1 < other.low for one, other in zip(made, made[1:]))


@pytest.mark.parametrize(
    ("ranges", "strangers"),
    [
        ([str(EVERYWHERE[0])], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["1.0.0.0-9.255.255.255"], True),
        (["::/0"], True),
        (["2001:db8::/31"], True),
        (["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8"], False),
        (["11.0.0.0/8"], False),
        (["11.0.0.0/8", "12.0.0.1"], True),
        (["2001:db8::/32"], False),
        ([], False),
    ],
)
def test_who_serves_strangers(ranges: list[str], strangers: bool) -> None:
    assert serves_strangers(RANGES.read(ranges)) is strangers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.0.0.0:25", "0.0.0.0:25", True),
        ("0.0.0.0:25", "192.0.2.1:25", True),
        ("192.0.2.1:25", "192.0.2.2:25", False),
        ("0.0.0.0:25", "0.0.0.0:587", False),
        ("0.0.0.0:25", "[::]:25", False),
        ("[::]:25", "[2001:db8::1]:25", True),
    ],
)
def test_sockets(one: str, other: str, same: bool) -> None:
    assert read_binding(one).same_socket(read_binding(other)) is same
    assert read_binding(other).same_socket(read_binding(one)) is same


def test_a_binding_in_its_forms() -> None:
    assert str(read_binding("[2001:DB8:0::1]:25")) == "[2001:db8::1]:25"
    for wrong in ("25", "0.0.0.0", "::1:25", "[192.0.2.1]:25", "0.0.0.0:0", "0.0.0.0:65536", "mail.example:25"):
        with pytest.raises(ValueProblem):
            read_binding(wrong)
