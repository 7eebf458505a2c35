# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replies in pieces of any size, keywords of EHLO, and servers that never come to an end."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.reply import (
    LONGEST_LINE,
    MOST_LINES,
    BadReply,
    Reply,
    ReplyReader,
    announced_size,
    authentication_mechanisms,
    enhanced_code,
    keywords,
)
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60), min_size=1, max_size=20)
REPLIES = st.builds(Reply, st.integers(200, 599), LINES.map(tuple))


def wire(reply: Reply, end: bytes = b"\r\n") -> bytes:
    last = len(reply.lines) - 1
    lines = (f"{reply.code}{' ' if place == last else '-'}{line}" for place, line in enumerate(reply.lines))
    return b"".join(line.encode() + end for line in lines)


def read_all(pieces: list[bytes]) -> list[Reply]:
    reader, found = ReplyReader(), []
    for piece in pieces:
        reader.feed(piece)
        while (reply := reader.take()) is not None:
            found.append(reply)
    return found


@given(st.lists(REPLIES, max_size=5), st.lists(st.integers(1, 50), min_size=1), st.sampled_from([b"\r\n", b"\n"]))
def test_replies_come_out_as_they_went_in_whatever_the_pieces(replies, sizes, end):
    data, pieces, place = b"".join(wire(reply, end) for reply in replies), [], 0
    while data:
        size = sizes[place % len(sizes)]
        pieces.append(data[:size])
        data, place = data[size:], place + 1
    assert read_all(pieces) == replies


@given(st.binary(max_size=5000))
def test_whatever_comes_is_a_reply_or_is_refused_and_never_kept_without_bound(data):
    reader = ReplyReader()
    try:
        for start in range(0, len(data), 100):
            reader.feed(data[start : start + 100])
            while reader.take() is not None:
                pass
            assert len(reader._rest) <= LONGEST_LINE
    except BadReply as bad:
        assert str(bad).isprintable()
        assert len(str(bad)) < 250


def test_a_reply_without_text_is_one():
    assert read_all([b"250\r\n"]) == [Reply(250, ("",))]


@pytest.mark.parametrize(
    "data",
    [b"hello\r\n", b"25 x\r\n", b"2500 x\r\n", b"150 x\r\n", b"650 x\r\n", b"250x\r\n", b"\r\n", b"\xff\xfe\r\n"],
)
def test_what_is_no_reply_is_refused_and_shown(data):
    with pytest.raises(BadReply, match="no SMTP reply"):
        read_all([data])


def test_a_line_without_end_is_refused_before_it_is_kept():
    reader = ReplyReader()
    reader.feed(b"220 " + b"x" * (LONGEST_LINE - 4))
    assert reader.take() is None
    reader.feed(b"x")
    with pytest.raises(BadReply, match=str(LONGEST_LINE)):
        reader.take()


def test_a_reply_without_end_is_refused():
    with pytest.raises(BadReply, match=f"more than {MOST_LINES} lines"):
        read_all([b"250-x\r\n"] * MOST_LINES)
    (reply,) = read_all([b"250-x\r\n"] * (MOST_LINES - 1) + [b"250 x\r\n"])
    assert len(reply.lines) == MOST_LINES


def test_control_characters_become_visible():
    assert read_all([b"220 a\x1b[31mb\x00\xff\r\n"]) == [Reply(220, ("a\\x1b[31mb\\x00\\xff",))]


def test_what_came_too_early_is_noticed():
    reader = ReplyReader()
    reader.feed(b"220 go ahead\r\n")
    reader.take()
    assert not reader.unread
    reader.feed(b"250")
    assert reader.unread


def test_keywords_are_read_without_the_greeting_and_without_noise():
    reply = Reply(
        250, ("SIZE.example says hello", "size 35882577", "STARTTLS", "AUTH LOGIN plain", "", "? x", "CHUNKING")
    )
    found = keywords(reply)
    assert found == {"SIZE": "35882577", "STARTTLS": "", "AUTH": "LOGIN plain", "CHUNKING": ""}
    assert authentication_mechanisms(found) == ["LOGIN", "PLAIN"]


def test_the_old_form_of_auth_counts_and_adds_to_the_new_one():
    found = keywords(Reply(250, ("x", "AUTH=LOGIN", "AUTH PLAIN LOGIN")))
    assert authentication_mechanisms(found) == ["LOGIN", "PLAIN"]


@pytest.mark.parametrize(
    ("announced", "size"),
    [({"SIZE": "1000"}, 1000), ({"SIZE": ""}, None), ({"SIZE": "0"}, None), ({}, None), ({"SIZE": "-1"}, None)]
    + [({"SIZE": "٣"}, None), ({"SIZE": "9" * 5000}, None)],
)
def test_the_announced_size(announced, size):
    assert announced_size(announced) == size


@pytest.mark.parametrize(
    ("text", "code"), [("5.7.1 Relay access denied", "5.7.1"), ("Relay access denied", ""), ("5.7 x", ""), ("", "")]
)
def test_the_enhanced_code(text, code):
    assert enhanced_code(Reply(554, (text,))) == code
