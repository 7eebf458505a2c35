# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server that answers from a mapping, over UDP and TCP."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = dict[str, dict[str, list[str]]]


class Server:
    """Answers what it was given and NXDOMAIN for the rest.

    records: name -> record type -> texts, for example
    ``{"partner.example": {"MX": ["10 mx.partner.example."]}, "mx.partner.example": {"A": ["192.0.2.20"]}}``.
    Names in the texts end in a dot. Change them while it runs with set(). queries: what was asked, (name, type).
    """

    def __init__(
        self, records: Mapping[str, Mapping[str, Sequence[str]]], address: str = "127.0.0.1", port: int = 53
    ) -> None:
        self.address, self.port = address, port
        self.queries: list[tuple[str, str]] = []
        self._records: Records = {}
        for name, types in records.items():
            for kind, texts in types.items():
                self.set(name, kind, *texts)
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def set(self, name: str, kind: str, *texts: str) -> None:
        """Let name have exactly these records of this type; none removes them."""
        types = self._records.setdefault(name.lower().rstrip("."), {})
        if texts:
            types[kind.upper()] = list(texts)
        else:
            types.pop(kind.upper(), None)

    def start(self) -> Self:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((self.address, self.port))
        streams = socket.create_server((self.address, datagrams.getsockname()[1]))
        self.port = datagrams.getsockname()[1]
        self._sockets = [datagrams, streams]
        self._threads = [
            threading.Thread(target=self._serve_datagrams, args=(datagrams,), daemon=True, name="dns udp"),
            threading.Thread(target=self._serve_streams, args=(streams,), daemon=True, name="dns tcp"),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        # The port is free only when no thread is left in a call on its socket: the next server may want the same one.
        for thread in self._threads:
            thread.join(timeout=10)
        self._sockets, self._threads = [], []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _serve_datagrams(self, listener: socket.socket) -> None:
        while True:
            try:
                data, peer = listener.recvfrom(4096)
            except OSError:
                return
            if not data:  # a UDP socket that was shut down reads nothing
                return
            with contextlib.suppress(OSError):
                listener.sendto(self._answer(data), peer)

    def _serve_streams(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, struct.error), connection.makefile("rb") as stream:
                (length,) = struct.unpack("!H", stream.read(2))
                answer = self._answer(stream.read(length))
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append((name, kind))
        if not self._exists(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := self._records.get(name, {}).get(kind):
            response.answer.append(dns.rrset.from_text_list(question.name, 1, "IN", kind, texts))
        return response.to_wire()

    def _exists(self, name: str) -> bool:
        """A name exists also when only something below it does (RFC 8020)."""
        return any(known == name or known.endswith("." + name) for known, types in self._records.items() if types)
