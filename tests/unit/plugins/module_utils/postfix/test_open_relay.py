# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.open_relay import is_everybody, stops


@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ("", False),
        ("permit_mynetworks", False),
        ("permit_mynetworks reject_unauth_destination", True),
        ("permit_mynetworks permit_sasl_authenticated defer_unauth_destination permit", True),
        ("permit reject_unauth_destination", False),
        ("warn_if_reject reject_unauth_destination", False),
        ("warn_if_reject reject_unauth_destination reject", True),
        ("warn_if_reject permit reject", True),
        ("reject", True),
    ],
)
def test_what_stops_strangers(restrictions, expected):
    assert stops(restrictions.split()) == expected


@pytest.mark.parametrize("element", ["0.0.0.0/0", "0/0", "::/0", "[::]/0", "128.0.0.0/1", "[2000::]/3", "static:x"])
def test_everybody(element):
    assert is_everybody(element)


@pytest.mark.parametrize(
    "element",
    ["10.0.0.0/8", "127.0.0.1", "[::1]/128", "[::ffff:127.0.0.0]/104", "[fe80::]/10", "fc00::/7", "[2001:db8::]/32"]
    + ["!0.0.0.0/0", "$mydestination", "lmdb:/x", "contoso.com", "hash:/static:x"],
)
def test_not_everybody(element):
    assert not is_everybody(element)
