# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the running trivial-rewrite(8) for the route of addresses, as Postfix's own programs do.

The protocol is Postfix's own and undocumented: a request and a reply are attributes, name and value each ended by a
NUL, and an empty name ends them (src/util/attr_print0.c). From 3.6 on the server greets first
(src/global/mail_proto.h). Verified with 3.7 and 3.10.
"""

from __future__ import annotations

import os
import socket
import typing as t

from .view import DEFAULT, INVALID_ADDRESS, LOCAL, LOOKUP_FAILED, RELAY, VIRTUAL_ALIAS, VIRTUAL_MAILBOX, Answer

__all__ = ["RewriteError", "ask"]

# RESOLVE_FLAG_ERROR, RESOLVE_FLAG_FAIL and RESOLVE_CLASS_* (src/global/resolve_clnt.h).
_FLAG_ERROR = 4
_FLAG_FAIL = 8
_CLASSES = {256: LOCAL, 512: VIRTUAL_ALIAS, 1024: VIRTUAL_MAILBOX, 2048: RELAY, 4096: DEFAULT}

# trivial-rewrite(8) ends after max_use clients and on a reload, also in the middle of our questions.
_ATTEMPTS = 3


class RewriteError(Exception):
    """trivial-rewrite(8) does not answer. ``running`` is False where nobody listens: Postfix is not running."""

    def __init__(self, message: str, running: bool = True) -> None:
        self.running = running
        super().__init__(message)


def ask(queue_directory: str, addresses: t.Iterable[str], sender: str = "", timeout: float = 20.0) -> list[Answer]:
    """The running daemon's answers, in the order of the addresses, over one connection where it holds.

    ``timeout``: seconds to wait for each answer. Raises RewriteError, and ValueError for an address with a NUL.
    """
    answers: list[Answer] = []
    connection: _Connection | None = None
    failures = 0
    try:
        for address in addresses:
            while True:
                try:
                    if connection is None:
                        connection = _Connection(queue_directory, timeout)
                    answers.append(connection.resolve(address, sender))
                    failures = 0
                    break
                except (ConnectionError, EOFError) as error:
                    failures += 1
                    if connection is not None:
                        connection.close()
                    connection = None
                    if failures >= _ATTEMPTS:
                        raise RewriteError(
                            f"trivial-rewrite(8) closed the connection {failures} times without an "
                            "answer: its log says why (look for 'fatal' and 'panic')"
                        ) from error
    finally:
        if connection is not None:
            connection.close()
    return answers


class _Connection:
    """One connection to ``private/rewrite`` of a queue directory."""

    def __init__(self, queue_directory: str, timeout: float) -> None:
        self._received = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            _connect(self._socket, os.path.join(queue_directory, "private"))
        except FileNotFoundError as error:
            self.close()
            raise RewriteError(
                f"Postfix is not running: there is no private/rewrite in {queue_directory}", running=False
            ) from error
        except ConnectionRefusedError as error:
            self.close()
            raise RewriteError(
                f"Postfix is not running: nobody listens on private/rewrite in {queue_directory}", running=False
            ) from error
        except PermissionError as error:
            self.close()
            raise RewriteError(f"no permission for private/rewrite in {queue_directory}: this needs root") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def resolve(self, address: str, sender: str) -> Answer:
        """One question, one answer. Raises EOFError where the server has gone away."""
        fields = ["request", "resolve", "sender", sender, "address", address]
        if any("\0" in text for text in fields):
            raise ValueError("an address cannot hold a NUL")
        try:
            self._socket.sendall(b"".join(text.encode("utf-8", "surrogateescape") + b"\0" for text in fields) + b"\0")
            reply = self._message()
            if "protocol" in reply:  # the greeting of 3.6 and later; nothing says beforehand whether there is one
                reply = self._message()
        except socket.timeout as error:  # before Python 3.10 it is no TimeoutError
            raise RewriteError(
                f"trivial-rewrite(8) gives no answer within {self._socket.gettimeout():g} seconds: its log says why"
            ) from error
        return _answer(reply)

    def _message(self) -> dict[str, str]:
        """The attributes of the next message; of a name that comes twice (flags) the last one counts."""
        attributes: dict[str, str] = {}
        while True:
            name = self._text()
            if not name:
                return attributes
            attributes[name] = self._text()

    def _text(self) -> str:
        while True:
            text, found, rest = self._received.partition(b"\0")
            if found:
                self._received = rest
                return text.decode("utf-8", "surrogateescape")
            received = self._socket.recv(65536)
            if not received:
                raise EOFError("the server closed the connection")
            self._received += received


def _connect(client: socket.socket, directory: str) -> None:
    """Connect through the open directory: a socket's own path may have 107 characters at most."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        client.connect(f"/proc/self/fd/{descriptor}/rewrite")
    finally:
        os.close(descriptor)


def _answer(reply: t.Mapping[str, str]) -> Answer:
    try:
        flags = int(reply["flags"])
        transport, nexthop = reply["transport"], reply["nexthop"]
    except (KeyError, ValueError) as error:
        raise RewriteError(
            "trivial-rewrite(8) answered in a form that is not known; "
            f"the attributes were: {', '.join(sorted(reply)) or 'none'}"
        ) from error
    if flags & _FLAG_FAIL:
        return Answer("", "", "", problem=LOOKUP_FAILED)
    domain_class = next((name for flag, name in _CLASSES.items() if flags & flag), "")
    if flags & _FLAG_ERROR:
        return Answer("", "", domain_class, problem=INVALID_ADDRESS)
    return Answer(transport, nexthop, domain_class)
