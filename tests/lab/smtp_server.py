# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that misbehave in ways that a sink does not know: one function for each, given the connection."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

PAUSE = 0.1
"""Seconds between two bytes of a server that trickles."""


class Misbehaving:
    """A TCP server on address:port that lets a function have each connection. sent: bytes that the system took."""

    def __init__(self, address: str, behave: Callable[[Connection], None], port: int = 25) -> None:
        self.address, self.port, self.behave = address, port, behave
        self.sent = 0
        self.heard: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.address, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopping.set()
        for one in [self._listener, *self._open]:
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        if self._listener is not None:
            self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.behave(Connection(self, connection))


class Connection:
    """What a misbehaving server does with its client."""

    def __init__(self, server: Misbehaving, connection: socket.socket) -> None:
        self.server, self.socket = server, connection
        self._lines = connection.makefile("rb")

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)
        self.server.sent += len(data)

    def hear(self) -> bytes:
        line = self._lines.readline(65536)
        if not line:
            raise ConnectionError("the client left")
        self.server.heard.append(line.strip())
        return line

    def wait(self) -> None:
        """Say nothing until the client leaves."""
        while self.socket.recv(65536):
            pass

    def trickle(self, data: bytes) -> None:
        """The same bytes again and again, one at a time."""
        for number in itertools.count():
            if self.server.stopping.wait(PAUSE):
                return
            self.say(data[number % len(data) :][:1])

    def up_to_ehlo(self, *keywords: str) -> None:
        """Behave up to the answer to EHLO."""
        self.say(b"220 misbehaving.example ESMTP\r\n")
        self.hear()
        self.say("".join(f"250-{keyword}\r\n" for keyword in ("misbehaving.example", *keywords)).encode())
        self.say(b"250 8BITMIME\r\n")

    def up_to_starttls(self) -> None:
        """Behave up to the answer to STARTTLS, which is left out."""
        self.up_to_ehlo("STARTTLS")
        self.hear()


def silent(connection: Connection) -> None:
    connection.wait()


def closing(_connection: Connection) -> None:
    """Returns, which closes the connection."""


def garbage(connection: Connection) -> None:
    connection.say(b"HTTP/1.1 400 Bad \x00\xff\x1b[31mRequest\r\n")
    connection.wait()


def trickling(connection: Connection) -> None:
    connection.trickle(b"2")


def trickling_lines(connection: Connection) -> None:
    connection.trickle(b"220-x\r\n")


def endless_line(connection: Connection) -> None:
    while not connection.server.stopping.is_set():
        connection.say(b"220 " + b"x" * 65536)


def endless_reply(connection: Connection) -> None:
    connection.say(b"220 misbehaving.example\r\n")
    connection.hear()
    while not connection.server.stopping.is_set():
        connection.say(b"250-KEYWORD parameter\r\n" * 4096)


def handshake_never(connection: Connection) -> None:
    connection.up_to_starttls()
    connection.say(b"220 go ahead\r\n")
    connection.wait()


def handshake_trickling(connection: Connection) -> None:
    """A TLS record that is announced and comes one byte at a time, longer than anyone waits."""
    connection.up_to_starttls()
    connection.say(b"220 go ahead\r\n")
    connection.say(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
    connection.trickle(b"\x03")


def handshake_garbage(connection: Connection) -> None:
    connection.up_to_starttls()
    connection.say(b"220 go ahead\r\n")
    connection.say(b"250 no TLS here\r\n" * 8)
    connection.wait()


def closing_after_recipient(connection: Connection) -> None:
    connection.up_to_ehlo()
    connection.hear()
    connection.say(b"250 sender\r\n")
    connection.hear()


def tls_context(certificate_file: str, key_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context
