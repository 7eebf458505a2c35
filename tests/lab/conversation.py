# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SMTP session of a sink."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from .recorded import HANG, Message, Recipient, Session, Tls

if TYPE_CHECKING:
    from .sink import Sink


class PeerGoneError(Exception):
    """The peer left, or a fault told the sink to leave."""


@dataclass
class _Envelope:
    sender: str
    parameters: tuple[str, ...]
    recipients: list[Recipient] = field(default_factory=list)


class Conversation:
    """One SMTP session, RFC 5321 as far as a client under test needs it."""

    def __init__(self, sink: Sink, connection: socket.socket, session: Session) -> None:
        self.sink, self.session = sink, session
        self.connection = connection
        self.reader = connection.makefile("rb")
        self.envelope: _Envelope | None = None

    def run(self) -> None:
        if not self.fault("greeting"):
            self.reply(f"220 {self.sink.name} ESMTP")
        while True:
            verb, argument = self.read_command()
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.reply("500 5.5.2 Unknown command")
            elif verb == "QUIT":
                self.reply("221 2.0.0 Bye")
                return
            else:
                handler(argument)

    # --- plumbing -----------------------------------------------------------------------------------------------

    def read_line(self) -> str:
        line = self.reader.readline(65536)
        if not line.endswith(b"\n"):
            raise PeerGoneError
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    def read_command(self) -> tuple[str, str]:
        verb, _separator, argument = self.read_line().partition(" ")
        verb = verb.upper()
        self.session.commands.append(verb if verb == "AUTH" else f"{verb} {argument}".strip())
        return verb, argument.strip()

    def reply(self, *lines: str) -> None:
        last = len(lines) - 1
        text = "".join(f"{line[:3]}{'-' if number < last else ' '}{line[4:]}\r\n" for number, line in enumerate(lines))
        self.connection.sendall(text.encode("utf-8"))

    def fault(self, stage: str) -> bool:
        """Do what the sink was told to do at this stage; True if it answered instead of the normal reply."""
        fault = self.sink.faults.get(stage)
        if fault is None:
            return False
        if isinstance(fault, threading.Event):
            fault.wait(120)
            return False
        if fault is HANG:
            self.hang()
        if not isinstance(fault, str):
            raise PeerGoneError
        self.reply(fault)
        return True

    def hang(self) -> None:
        """Keep the connection open and say nothing, until the peer leaves or the sink stops."""
        with contextlib.suppress(OSError):
            while self.connection.recv(65536):
                pass
        raise PeerGoneError

    # --- commands -----------------------------------------------------------------------------------------------

    def on_ehlo(self, name: str) -> None:
        if not self.sink.ehlo:
            self.reply("502 5.5.1 EHLO is not implemented here")
            return
        if self.fault("ehlo"):
            return
        self.greet("EHLO", name)
        self.reply(f"250 {self.sink.name}", *(f"250 {keyword}" for keyword in self.keywords()))

    def on_helo(self, name: str) -> None:
        if self.fault("helo"):
            return
        self.greet("HELO", name)
        self.reply(f"250 {self.sink.name}")

    def greet(self, verb: str, name: str) -> None:
        self.session.helo_verb, self.session.helo_name = verb, name
        self.envelope = None

    def keywords(self) -> list[str]:
        keywords = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.sink.size is not None:
            keywords.append(f"SIZE {self.sink.size}")
        if self.sink.tls_context is not None and self.session.tls is None:
            keywords.append("STARTTLS")
        if self.auth_offered():
            keywords.append("AUTH " + " ".join(self.sink.mechanisms))
        return keywords

    def auth_offered(self) -> bool:
        return bool(self.sink.users) and (self.session.tls is not None or self.sink.auth_in_clear)

    def on_starttls(self, _argument: str) -> None:
        if self.fault("starttls"):
            return
        if self.sink.tls_context is None or self.session.tls is not None:
            self.reply("502 5.5.1 STARTTLS is not offered")
            return
        self.reply("220 2.0.0 Go ahead")
        secure = self.sink.tls_context.wrap_socket(self.connection, server_side=True)
        self.sink.replace(self.connection, secure)
        self.connection, self.reader = secure, secure.makefile("rb")
        self.session.tls = Tls(secure.version() or "", getattr(secure, "requested_name", None), _common_name(secure))
        self.session.helo_name = self.session.helo_verb = ""

    def on_auth(self, argument: str) -> None:
        if self.fault("auth"):
            return
        mechanism, _separator, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        if not self.auth_offered() or mechanism not in self.sink.mechanisms:
            self.reply("504 5.5.4 This mechanism is not offered")
            return
        user, password = self.credentials(mechanism, initial)
        if self.sink.users.get(user) == password:
            self.session.user, self.session.mechanism = user, mechanism
            self.reply("235 2.7.0 Welcome")
        else:
            self.session.refused_users.append(user)
            self.reply("535 5.7.8 Wrong user or password")

    def credentials(self, mechanism: str, initial: str) -> tuple[str, str]:
        if mechanism == "PLAIN":
            parts = _decoded(initial or self.ask("")).split("\0")
            return (parts[1], parts[2]) if len(parts) == 3 else ("", "")
        user = _decoded(initial) if initial else _decoded(self.ask("Username:"))
        return user, _decoded(self.ask("Password:"))

    def ask(self, prompt: str) -> str:
        self.reply("334 " + base64.b64encode(prompt.encode()).decode())
        return self.read_line()

    def on_mail(self, argument: str) -> None:
        if self.fault("mail"):
            return
        if self.sink.require_tls and self.session.tls is None:
            self.reply("530 5.7.0 Must issue a STARTTLS command first")
            return
        if self.sink.require_auth and self.session.user is None:
            self.reply("530 5.7.0 Authentication required")
            return
        address, parameters = _path(argument)
        if self.sink.size is not None and _declared_size(parameters) > self.sink.size:
            self.reply("552 5.3.4 Message too big")
            return
        self.envelope = _Envelope(address, parameters)
        self.reply("250 2.1.0 Ok")

    def on_rcpt(self, argument: str) -> None:
        if self.fault("rcpt"):
            return
        if self.envelope is None:
            self.reply("503 5.5.1 MAIL first")
            return
        self.envelope.recipients.append(Recipient(*_path(argument)))
        self.reply("250 2.1.5 Ok")

    def on_data(self, _argument: str) -> None:
        if self.envelope is None or not self.envelope.recipients:
            self.reply("503 5.5.1 RCPT first")
            return
        if self.fault("data"):
            return
        self.reply("354 End with a dot")
        body = self.read_body()
        if self.sink.size is not None and len(body) > self.sink.size:
            self.reply("552 5.3.4 Message too big")
        elif not self.fault("end"):
            self.keep(self.envelope, body)
            if not self.fault("kept"):
                self.reply("250 2.0.0 Ok: kept")
        self.envelope = None

    def read_body(self) -> bytes:
        lines = []
        while (line := self.reader.readline()) not in (b".\r\n", b".\n"):
            if not line.endswith(b"\n"):
                raise PeerGoneError
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def keep(self, envelope: _Envelope, body: bytes) -> None:
        session = self.session
        session.messages += 1
        self.sink.messages.append(
            Message(
                session=session.number,
                peer=session.peer,
                helo_verb=session.helo_verb,
                helo_name=session.helo_name,
                tls=session.tls,
                mechanism=session.mechanism,
                user=session.user,
                sender=envelope.sender,
                sender_parameters=envelope.parameters,
                recipients=tuple(envelope.recipients),
                body=body,
            )
        )

    def on_rset(self, _argument: str) -> None:
        self.envelope = None
        self.reply("250 2.0.0 Ok")

    def on_noop(self, _argument: str) -> None:
        self.reply("250 2.0.0 Ok")

    def on_quit(self, _argument: str) -> None:
        """Answered by run(), which then ends the session."""


def _common_name(connection: ssl.SSLSocket) -> str | None:
    encoded = connection.getpeercert(binary_form=True)
    if encoded is None:
        return None
    (name,) = x509.load_der_x509_certificate(encoded).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8")
    except ValueError:
        return ""


def _path(argument: str) -> tuple[str, tuple[str, ...]]:
    """``FROM:<a@b> SIZE=3`` -> ("a@b", ("SIZE=3",))."""
    found = re.match(r"(?:FROM|TO): ?<([^>]*)> ?(.*)$", argument, re.IGNORECASE)
    return (found.group(1), tuple(found.group(2).split())) if found else (argument, ())


def _declared_size(parameters: tuple[str, ...]) -> int:
    for parameter in parameters:
        name, _separator, value = parameter.partition("=")
        if name.upper() == "SIZE" and value.isdigit():
            return int(value)
    return 0
