# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.match_list import (
    LookupFailed,
    MatchList,
    Table,
    is_pattern_table,
    parse_match_list,
)

FILES = {"/list": "  z.test\n# comment\na.test, !b.test\n .c.test\n", "/empty": ""}
TABLES = {
    "hash:/t": Table.of("hash:/t", {"D.test": "x", ".e.test": "x"}),
    "regexp:/r": Table("regexp:/r", lambda key: "x" if key.endswith("f.test") else None, pattern=True),
    "fail:/x": Table.broken("fail:/x", "gone"),
}


def read(text: str) -> MatchList:
    return parse_match_list(text, TABLES.__getitem__, FILES.get)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("a.test", "A.Test", True),
        ("a.test", "x.a.test", False),
        (".a.test", "x.a.test", False),
        ("!a.test, a.test", "a.test", False),
        ("!!a.test", "a.test", True),
        ("hash:/t", "d.TEST", True),
        ("hash:/t", "x.d.test", False),
        ("!hash:/t b.test", "d.test", False),
        ("/list", "a.test", True),
        ("/list", "b.test", False),
        ("!/list", "b.test", True),
        ("!/list, a.test", "a.test", False),
        ("", "a.test", False),
        ("/empty", "a.test", False),
        ("/list", "z.test", False),
        ("regexp:/r", "x.f.test", True),
        ("[192.0.2.1]:25", "[192.0.2.1]:25", True),
    ],
)
def test_exact_names(text, name, expected):
    assert read(text).has_string(name) is expected


@pytest.mark.parametrize(
    ("text", "name", "with_parents", "without"),
    [
        ("a.test", "a.test", True, True),
        ("a.test", "x.a.test", True, False),
        ("a.test", "another.test", False, False),
        ("a.test", "xa.test", False, False),
        (".a.test", "x.a.test", False, True),
        (".a.test", "a.test", False, False),
        (".a.test", ".a.test", True, True),
        ("hash:/t", "x.y.d.test", True, False),
        ("hash:/t", "x.e.test", False, True),
        ("hash:/t", "e.test", False, False),
        ("regexp:/r", "x.f.test", True, True),
        ("!x.a.test a.test", "y.x.a.test", False, False),
        ("!.a.test a.test", "x.a.test", True, False),
    ],
)
def test_domains_and_their_parents(text, name, with_parents, without):
    assert read(text).has_domain(name, parents=True) is with_parents
    assert read(text).has_domain(name, parents=False) is without


def test_a_pattern_table_is_asked_for_the_whole_name_only():
    asked = []
    table = Table("pcre:/p", asked.append, pattern=True)
    parse_match_list("pcre:/p", lambda _name: table, FILES.get).has_domain("x.a.test", parents=True)
    assert asked == ["x.a.test"]


@pytest.mark.parametrize("text", ["fail:/x", "/missing", "!/missing", "a.test, fail:/x"])
def test_what_cannot_be_asked_fails_the_lookup(text):
    with pytest.raises(LookupFailed):
        read(text).has_string("z.test")


def test_what_matches_before_it_decides():
    assert read("z.test, fail:/x").has_string("z.test")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hash:/x", False),
        ("static:x", False),
        ("inline:{a=b}", False),
        ("regexp:/x", True),
        ("cidr:/x", True),
        ("pipemap:{regexp:/x, lmdb:/y}", True),
        ("pipemap:{lmdb:/y, regexp:/x}", False),
        ("unionmap:{pipemap:{pcre:/x}}", True),
        ("randmap:{a, b}", True),
        ("socketmap:unix:/x:y", True),
        ("proxy:pcre:/x", True),
        ("proxy:mysql:/x", False),
    ],
)
def test_which_tables_are_asked_with_whole_addresses_only(name, expected):
    assert is_pattern_table(name) is expected
