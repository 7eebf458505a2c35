# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SMTP server that records every session and every message, and fails on demand.

Plain blocking sockets, one thread for each connection: a session reads from top to bottom, and so do its faults.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Self

from . import LabError
from .certificates import Identity
from .conversation import Conversation, PeerGoneError
from .recorded import DROP, HANG, STAGES, Fault, Message, Session
from .waiting import wait_until

__all__ = ["DROP", "HANG", "Fault", "Message", "Session", "Sink"]


class Sink:
    """An SMTP server on address:port.

    name: what it calls itself. certificate: offer STARTTLS with it; client_ca: a PEM file, ask clients for a
    certificate and record it (one of another authority is refused by TLS itself). require_tls: 530 to MAIL before TLS.
    users: user -> password, offers AUTH with the mechanisms (only after TLS unless auth_in_clear); require_auth: 530 to
    MAIL before AUTH. size: bytes, announced and enforced at MAIL and at the end. ehlo=False: an old server that knows
    HELO only. faults: see Fault; the mapping may be changed while the sink runs.
    """

    def __init__(
        self,
        address: str,
        port: int = 25,
        *,
        name: str = "sink.example",
        certificate: Identity | None = None,
        client_ca: str | None = None,
        require_tls: bool = False,
        users: Mapping[str, str] | None = None,
        mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN"),
        auth_in_clear: bool = False,
        require_auth: bool = False,
        size: int | None = None,
        ehlo: bool = True,
        faults: Mapping[str, Fault] | None = None,
    ) -> None:
        self.address, self.port, self.name = address, port, name
        self.require_tls, self.require_auth, self.auth_in_clear = require_tls, require_auth, auth_in_clear
        self.users, self.mechanisms = dict(users or {}), mechanisms
        self.size, self.ehlo = size, ehlo
        self.faults: dict[str, Fault] = dict(faults or {})
        if unknown := set(self.faults) - set(STAGES):
            raise LabError(f"A sink knows no stage {sorted(unknown)}; it knows {STAGES}")
        self.messages: list[Message] = []
        self.sessions: list[Session] = []
        self.tls_errors: list[str] = []
        self.tls_context = _server_context(certificate, client_ca) if certificate else None
        self._numbers = itertools.count(1)
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.stopping = threading.Event()

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        self.stopping = threading.Event()
        listener = socket.create_server((self.address, self.port), backlog=128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True, name=f"sink {self.address}").start()
        return self

    def stop(self) -> None:
        """Close the port and every connection: from now on the sink refuses connections. What it recorded stays."""
        self.stopping.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread; close() alone does not
            self._listener.close()
            self._listener = None
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # --- what was seen ------------------------------------------------------------------------------------------

    def wait_for(self, count: int = 1, *, timeout: float = 60.0) -> list[Message]:
        """Wait until at least count messages have been accepted, and return all of them."""
        wait_until(
            lambda: len(self.messages) >= count,
            f"{count} message(s) at the sink {self.name} {self.address}:{self.port}",
            timeout=timeout,
            details=lambda: f"it has {len(self.messages)}; sessions: {self.sessions}; TLS: {self.tls_errors}",
        )
        return list(self.messages)

    def clear(self) -> None:
        """Forget everything recorded so far."""
        self.messages.clear()
        self.sessions.clear()
        self.tls_errors.clear()

    # --- connections --------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            session = Session(next(self._numbers), peer[0])
            self.sessions.append(session)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, session), daemon=True).start()

    def _serve(self, connection: socket.socket, session: Session) -> None:
        conversation = Conversation(self, connection, session)
        try:
            conversation.run()
        except ssl.SSLError as error:
            self.tls_errors.append(str(error))
        except (OSError, PeerGoneError):
            pass
        finally:
            session.closed = True
            with self._lock:
                self._connections.discard(conversation.connection)
            conversation.reader.close()
            conversation.connection.close()

    def replace(self, plain: socket.socket, secure: ssl.SSLSocket) -> None:
        """A connection went on under TLS: stop() must close this object now, the plain one is detached."""
        with self._lock:
            self._connections.discard(plain)
            self._connections.add(secure)


def _server_context(certificate: Identity, client_ca: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    context.sni_callback = lambda connection, name, _context: setattr(connection, "requested_name", name)
    if client_ca is not None:
        context.load_verify_locations(cafile=client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
