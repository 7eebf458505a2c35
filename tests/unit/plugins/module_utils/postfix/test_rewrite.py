# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import rewrite
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import Answer

GREETING = b"protocol\0trivial_rewrite_protocol\0\0"


def reply(transport: str, nexthop: str, flags: int) -> bytes:
    fields = ["flags", "0", "transport", transport, "nexthop", nexthop, "recipient", "u@a.test", "flags", str(flags)]
    return "".join(field + "\0" for field in fields).encode() + b"\0"


class Server:
    """Stands for trivial-rewrite(8): answers a fixed number of questions for each connection."""

    def __init__(self, directory: Path, greeting: bytes, answers_each: int, answer: bytes) -> None:
        (directory / "private").mkdir(parents=True)
        self.questions: list[bytes] = []
        self.connections = 0
        self._options = greeting, answers_each, answer
        self._socket = socket.socket(socket.AF_UNIX)
        # As Postfix does it: bound by a short relative name, since the whole path may be too long.
        descriptor = os.open(directory / "private", os.O_RDONLY)
        self._socket.bind(f"/proc/self/fd/{descriptor}/rewrite")
        os.close(descriptor)
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        greeting, answers_each, answer = self._options
        while True:
            client = self._socket.accept()[0]
            self.connections += 1
            with client, contextlib.suppress(OSError):  # the other side may be gone already
                client.sendall(greeting)
                for _question in range(answers_each):
                    question = client.recv(65536)
                    if not question:
                        break
                    self.questions.append(question)
                    for byte in answer:  # in pieces, as a stream may come
                        client.sendall(bytes([byte]))


@pytest.mark.parametrize("greeting", [GREETING, b""], ids=["from 3.6 on", "before"])
def test_a_question_and_its_answer(tmp_path, greeting):
    server = Server(tmp_path, greeting, 100, reply("smtp", "[h]:25", 4096))
    assert rewrite.ask(str(tmp_path), ["u@a.test", "v@é.test"], "s@b.test") == [Answer("smtp", "[h]:25", "default")] * 2
    assert server.questions[0] == b"request\0resolve\0sender\0s@b.test\0address\0u@a.test\0\0"
    assert server.connections == 1


def test_an_empty_value_does_not_end_a_message(tmp_path):
    Server(tmp_path, GREETING, 100, reply("smtp", "", 4096))
    assert rewrite.ask(str(tmp_path), ["u@a.test"] * 2) == [Answer("smtp", "", "default")] * 2


def test_a_process_that_is_replaced_is_asked_again(tmp_path):
    server = Server(tmp_path, GREETING, 3, reply("smtp", "h", 2048))
    assert rewrite.ask(str(tmp_path), ["u@a.test"] * 10) == [Answer("smtp", "h", "relay")] * 10
    assert server.connections == 4


def test_a_process_that_never_answers_is_an_error(tmp_path):
    Server(tmp_path, GREETING, 0, b"")
    with pytest.raises(rewrite.RewriteError, match="closed the connection 3 times"):
        rewrite.ask(str(tmp_path), ["u@a.test"])


def test_silence_is_an_error(tmp_path):
    Server(tmp_path, GREETING, 100, b"")
    with pytest.raises(rewrite.RewriteError, match="no answer within"):
        rewrite.ask(str(tmp_path), ["u@a.test"], timeout=0.2)


def test_an_unknown_form_of_answer_is_an_error(tmp_path):
    Server(tmp_path, GREETING, 100, b"status\x000\0\0")
    with pytest.raises(rewrite.RewriteError, match="form that is not known; the attributes were: status"):
        rewrite.ask(str(tmp_path), ["u@a.test"])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (256, Answer("t", "n", "local")),
        (512, Answer("t", "n", "virtual_alias")),
        (1024, Answer("t", "n", "virtual_mailbox")),
        (4100, Answer("", "", "default", problem="invalid address")),
        (4104, Answer("", "", "", problem="lookup failed")),
        (4098, Answer("t", "n", "default")),
    ],
)
def test_flags(tmp_path, flags, expected):
    Server(tmp_path, GREETING, 100, reply("t", "n", flags))
    assert rewrite.ask(str(tmp_path), ["u@a.test"]) == [expected]


def test_nobody_there(tmp_path):
    with pytest.raises(rewrite.RewriteError, match="not running: there is no") as error:
        rewrite.ask(str(tmp_path), ["u@a.test"])
    assert not error.value.running
    (tmp_path / "private").mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "private" / "rewrite"))
    left.close()
    with pytest.raises(rewrite.RewriteError, match="not running: nobody listens"):
        rewrite.ask(str(tmp_path), ["u@a.test"])


def test_a_path_longer_than_a_socket_may_have(tmp_path):
    long = tmp_path / ("d" * 100) / ("e" * 100)
    Server(long, GREETING, 100, reply("smtp", "h", 4096))
    assert rewrite.ask(str(long), ["u@a.test"]) == [Answer("smtp", "h", "default")]


def test_no_address_can_smuggle_in_an_attribute(tmp_path):
    Server(tmp_path, GREETING, 100, reply("smtp", "h", 4096))
    with pytest.raises(ValueError, match="NUL"):
        rewrite.ask(str(tmp_path), ["u\0address\0v@a.test"])


def test_nothing_to_ask_needs_nobody(tmp_path):
    assert rewrite.ask(str(tmp_path), []) == []
