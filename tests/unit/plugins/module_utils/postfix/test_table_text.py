# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.logical_lines import PostfixFileError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.table_text import (
    Entry,
    TableTextError,
    fold,
    merge,
    parse,
    render,
)
from hypothesis import given
from hypothesis import strategies as st

KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_what_is_written_is_read_back(entries):
    try:
        text = render(entries)
    except TableTextError:
        return
    assert parse(text) == {fold(key): value for key, value in entries.items()}
    assert render(parse(text)) == render(dict(reversed(list(parse(text).items()))))


def test_entries_are_sorted_as_an_index_stores_them():
    assert render({"b.test": "x:", "A.test": "y:", ".b.test": "z:", "é.test": "e:"}) == (
        ".b.test\tz:\nA.test\ty:\nb.test\tx:\né.test\te:\n"
    )


def test_comments_stand_on_lines_of_their_own():
    text = render([Entry("a", "x", "first\nline two")], comments=["made\x07 here", ""])
    assert text == "# made here\n#\n# first line two\na\tx\n"
    assert parse(text) == {"a": "x"}


def test_patterns_keep_their_order_and_their_white_space():
    patterns = [("/b c/", "1"), ("/a/", "2"), ("/b c/", "3")]
    assert render(patterns, in_order=True) == "/b c/\t1\n/a/\t2\n/b c/\t3\n"


@pytest.mark.parametrize("key", ["", " a", "a b", "#a", "a\tb", "a\nb", 'a"b', "a\\", '"a b', "a\x7f", "a\udc80"])
def test_a_key_that_postmap_would_read_otherwise_is_refused(key):
    with pytest.raises(TableTextError) as refused:
        render({key: "a secret"})
    assert "a secret" not in str(refused.value)


@pytest.mark.parametrize("key", ['"a b"@c.test', "a\\ b", '"a\\"b c"', "[192.0.2.1]:587", "a#b", '"#"'])
def test_quoting_as_postmap_has_it(key):
    assert parse(render({key: "x"})) == {key: "x"}


@pytest.mark.parametrize("value", ["", " a", "a ", "a\nb", "a\rb", "\x00"])
def test_a_value_that_postmap_would_change_is_refused_without_showing_it(value):
    with pytest.raises(TableTextError) as refused:
        render({"key.test": value})
    assert "key.test" in str(refused.value)


def test_duplicates_are_refused_whatever_their_case():
    with pytest.raises(TableTextError, match="twice"):
        render([("a.test", "x"), ("A.Test", "y")])


def test_parse_reads_as_postmap():
    assert parse('# no\n\nA.test x\n  # within\n\n\ty \n lone\nb.test\nb.test z\nb.test late\n"open x\n') == {
        "a.test": "x\ty  lone",
        "b.test": "z",
    }


def test_a_continuation_of_nothing_is_skipped():
    assert parse("  x y\n more\na b\n") == {"a": "b"}


def test_merge_keeps_comments_order_and_other_entries():
    before = "# mine\nz.test  old\n  value\n# why\na.test keep\n\nA.TEST second\n"
    assert merge(before, {"z.test": "new", "b.test": "b"}) == (
        "# mine\nz.test\tnew\n# why\na.test keep\n\nA.TEST second\nb.test\tb\n"
    )


def test_merge_of_what_is_there_changes_nothing():
    before = "# mine\nz.test  old\n  value\n"
    assert merge(before, {"Z.test": "old  value"}) == before


def test_merge_removes_every_occurrence_of_a_key():
    assert merge("a 1\nb 2\nA 3\n", {}, removed=["a"]) == "b 2\n"


def test_merge_drops_duplicates_of_a_key_that_it_sets():
    assert merge("a 1\nb 2\nA 3\n", {"a": "1"}) == "a 1\nb 2\n"


def test_merge_refuses_a_text_that_postmap_would_not_take_as_it_stands():
    with pytest.raises(PostfixFileError, match="line 1"):
        merge("  a b\n", {})


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, VALUES, max_size=6))
def test_merge_means_what_update_means(old, new):
    try:
        before, _new = render(old), render(new)
    except TableTextError:
        return
    assert parse(merge(before, new)) == {**parse(before), **{fold(key): value for key, value in new.items()}}
