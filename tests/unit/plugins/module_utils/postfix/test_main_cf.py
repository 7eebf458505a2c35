# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import (
    MainCf,
    PostfixFileError,
    join_list,
    split_list,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["relayhost", "a", "b", "myhostname", "x_y"])
# Among them white space that is none for Postfix: no-break space, NEL, line separator.
VALUES = st.text("ab={}, \t#$:\xe9\xa0\x85\u2028\udcff", max_size=20)
FILLERS = st.sampled_from(["", "   ", "# relayhost = no", "  # indented", "\t\r", "#", "\f"])
CONTINUATIONS = st.lists(st.one_of(FILLERS, VALUES.map(lambda value: " " + value)), max_size=4)


@st.composite
def texts(draw):
    """The text of a main.cf: comments, parameters (several of one name among them), with or without a last newline."""
    lines = draw(st.lists(FILLERS, max_size=3))
    for name in draw(st.lists(NAMES, max_size=6)):
        lines.append(name + draw(st.sampled_from(["=", " = ", "\t=", " =  "])) + draw(VALUES))
        lines.extend(draw(CONTINUATIONS))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


EDITS = st.dictionaries(st.one_of(NAMES, st.sampled_from(["new", "other"])), VALUES, max_size=7)


@given(texts())
def test_what_is_only_parsed_stays_as_it_was(text):
    assert MainCf.parse(text).text() == text


@given(texts(), EDITS, st.booleans())
def test_set_then_put_back_restores_every_byte(text, edits, in_two_runs):
    main_cf = MainCf.parse(text)
    before = {name: main_cf.raw(name) for name in edits}
    for name, value in edits.items():
        main_cf.set(name, value)
        assert main_cf.get(name) == value.strip(" \t\n\v\f\r")
    if in_two_runs:
        main_cf = MainCf.parse(main_cf.text())
    for name, raw in before.items():
        if raw is None:
            main_cf.remove(name)
        else:
            main_cf.put_back(name, raw)
    assert main_cf.text() == text


@given(texts(), EDITS)
def test_what_was_set_is_read_and_all_else_stays(text, edits):
    main_cf = MainCf.parse(text)
    others = {name: main_cf.raw(name) for name in main_cf.names() if name not in edits}
    for name, value in edits.items():
        main_cf.set(name, value)
    again = MainCf.parse(main_cf.text())
    assert {name: again.get(name) for name in edits} == {name: v.strip(" \t\n\v\f\r") for name, v in edits.items()}
    assert {name: again.raw(name) for name in others} == others


@given(texts(), EDITS)
def test_setting_twice_changes_nothing_the_second_time(text, edits):
    main_cf = MainCf.parse(text)
    for name, value in edits.items():
        main_cf.set(name, value)
    once = main_cf.text()
    assert [main_cf.set(name, value) for name, value in edits.items()] == [False] * len(edits)
    assert main_cf.text() == once


def test_a_logical_line_is_joined_without_its_comments():
    main_cf = MainCf.parse("a = b\n# no\n  c\n\n\td \n  # no\n# after\nz = 1\n")
    assert main_cf.get("a") == "b  c\td"
    assert main_cf.raw("a") == "a = b\n# no\n  c\n\n\td "


def test_the_last_of_several_counts():
    main_cf = MainCf.parse("a = 1\nb = 2\na = 3\n")
    assert main_cf.get("a") == "3"
    assert main_cf.occurrences("a") == 2
    assert main_cf.set("a", "4")
    assert main_cf.text() == "a = 1\nb = 2\na = 4\n"
    main_cf.remove("a")
    assert main_cf.get("a") == "1"


def test_an_equal_value_keeps_its_text():
    main_cf = MainCf.parse("a=b\n   c\n")
    assert not main_cf.set("a", "b   c")
    assert main_cf.text() == "a=b\n   c\n"


@pytest.mark.parametrize(
    ("text", "with_new"),
    [
        ("", "x = 1\n"),
        ("a = 1\n", "a = 1\nx = 1\n"),
        ("a = 1", "a = 1\nx = 1"),
        ("a = 1\n\n", "a = 1\n\nx = 1\n"),
        ("a = 1\n   ", "a = 1\n   \nx = 1"),
    ],
)
def test_a_new_parameter_comes_at_the_end(text, with_new):
    main_cf = MainCf.parse(text)
    main_cf.set("x", "1")
    assert main_cf.text() == with_new


def test_an_empty_value_leaves_no_white_space_behind():
    main_cf = MainCf.parse("")
    main_cf.set("relayhost", "")
    assert main_cf.text() == "relayhost =\n"
    assert main_cf.get("relayhost") == ""


def test_bytes_that_are_no_utf8_survive():
    text = b"# caf\xe9\na = \xff\n".decode("utf-8", "surrogateescape")
    main_cf = MainCf.parse(text)
    main_cf.set("b", "1")
    assert main_cf.text().encode("utf-8", "surrogateescape") == b"# caf\xe9\na = \xff\nb = 1\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("# c\n\n  a = 1\n", 3, "continues nothing"),
        ("a = 1\nrelayhost\n", 2, "no '='"),
        ("a = 1\n= 2\n", 2, "no parameter name"),
        ("two words = 1\n", 1, "no '='"),
        ("a = 1\nb = \0\n", 2, "NUL"),
    ],
)
def test_what_postfix_cannot_read_is_an_error_with_its_line(text, line, message):
    with pytest.raises(PostfixFileError, match=message) as caught:
        MainCf.parse(text, "/somewhere/main.cf")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"/somewhere/main.cf, line {line}: ")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", "b\nc = d"),
        ("a", "b\0"),
        ("a", "\x1b"),
        ("", "b"),
        ("a b", "c"),
        ("#a", "b"),
        ("a=b", "c"),
        (" a", "b"),
    ],
)
def test_what_no_line_can_hold_is_refused(name, value):
    main_cf = MainCf.parse("z = 1\n")
    with pytest.raises(ValueError):
        main_cf.set(name, value)
    assert main_cf.text() == "z = 1\n"


@pytest.mark.parametrize("raw", ["b = 1", "a = 1\nb = 2", "# c\na = 1", "a = 1\n# after", "", "  a = 1", "a = \0"])
def test_put_back_takes_only_that_parameter(raw):
    with pytest.raises(PostfixFileError):
        MainCf.parse("a = 0\n").put_back("a", raw)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", []),
        (" a, b\tc,,\n d ", ["a", "b", "c", "d"]),
        ("pipemap:{regexp:/x, lmdb:/y} z", ["pipemap:{regexp:/x, lmdb:/y}", "z"]),
        ("a{b c}d e", ["a{b c}d", "e"]),
        ("{a {b c} d} e", ["{a {b c} d}", "e"]),
        ("a} b", ["a}", "b"]),
        ("a {b c", ["a", "{b c"]),
    ],
)
def test_a_list_is_split_as_postfix_does(value, elements):
    assert split_list(value) == elements


@given(st.lists(st.text("ab{},: \t", min_size=1, max_size=8)))
def test_a_joined_list_is_split_into_the_same(elements):
    try:
        value = join_list(elements)
    except ValueError:
        assert any(split_list(f"{element} x") != [element, "x"] for element in elements)
    else:
        assert split_list(value) == elements


@pytest.mark.parametrize("element", ["", "a b", "a,b", "{a", "x{", " a"])
def test_what_cannot_be_one_element_is_refused(element):
    with pytest.raises(ValueError):
        join_list(["x", element])
