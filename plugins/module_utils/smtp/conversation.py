# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leaf that talks to one SMTP server: commands, replies, TLS, and an end of its time that nothing can put off."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
import ssl
import time
import typing as t

from ..connector import values
from .certificate import Certificate, from_python, with_details
from .lookup import Server
from .reply import BadReply, Reply, ReplyReader

GREETING = "greeting"
# A server that is slow to say goodbye holds nobody up.
_FAREWELL = 2.0
_NO_ROUTE = (errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Gone(Exception):
    """The conversation cannot go on. The message is the rest of a sentence about the server."""


class Unreachable(Gone):
    """There is no connection. no_route: this host has no way to addresses of this kind."""

    def __init__(self, message: str, no_route: bool = False) -> None:
        super().__init__(message)
        self.no_route = no_route


class Distrusted(Exception):
    """The certificate does not verify. The message has OpenSSL's reason."""


class TlsFailed(Exception):
    """There is no TLS for another reason. The message is the rest of a sentence about the server."""


class TlsContexts:
    """The ways to check certificates, one for each file of authorities ("" means those of the system)."""

    def __init__(self, ca_files: t.Iterable[str]) -> None:
        self.unverified = _context()
        self.unverified.verify_mode = ssl.CERT_NONE
        self.verifying: dict[str, ssl.SSLContext] = {}
        self.unreadable: dict[str, str] = {}
        for ca_file in ca_files:
            try:
                self.verifying[ca_file] = _verifying(ca_file)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                self.unreadable[ca_file] = _words(error)


def _context() -> ssl.SSLContext:
    """What OpenSSL itself allows on this host; Python alone would refuse some servers that a mail server talks to.

    No server name is sent, since Postfix sends none by default (smtp_tls_servername).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT")
    return context


def _verifying(ca_file: str) -> ssl.SSLContext:
    context = _context()
    context.verify_mode = ssl.CERT_REQUIRED
    if not ca_file:
        context.set_default_verify_paths()
        return context
    context.load_verify_locations(cafile=ca_file)
    # A trust anchor need not be a root, as with Postfix's tafile. Python names the flag from 3.10 on.
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)
    return context


class Conversation:
    """One connection. end: the moment of time.monotonic() at which it is over, whatever the server does."""

    def __init__(self, server: Server, end: float, source: str | None = None) -> None:
        """Connects. Raises Unreachable."""
        self._end = end
        self._reader = ReplyReader()
        self._answers = True
        left = end - time.monotonic()
        if left <= 0:
            raise Unreachable("has no time left")
        try:
            own = (source, 0) if source else None
            self._socket = socket.create_connection((server.address, server.port), left, own)
        except OSError as error:
            if _is_timeout(error):
                raise Unreachable("does not answer within the time (a firewall may drop the packets)") from None
            raise Unreachable(f"cannot be reached: {_words(error)}", error.errno in _NO_ROUTE) from None

    @property
    def own_address(self) -> str:
        """The address that this end of the connection has, as a literal of SMTP."""
        address = self._socket.getsockname()[0].partition("%")[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def ask(self, command: str) -> Reply:
        """Say something and return the answer. Raises Gone."""
        what = command.split(" ", 1)[0]
        try:
            self._socket.settimeout(self._remaining(what))
            self._socket.sendall(command.encode("ascii") + b"\r\n")
        except OSError as error:
            self._answers = False
            raise Gone(_ended(what, error)) from None
        return self.reply(what)

    def reply(self, what: str) -> Reply:
        """The reply to a command, or the greeting. Raises Gone."""
        try:
            return self._reply(what)
        except BadReply as bad:
            self._answers = False
            raise Gone(f"sends as its {what} {bad}" if what == GREETING else f"answers {what} with {bad}") from None
        except OSError as error:
            self._answers = False
            raise Gone(_ended(what, error)) from None
        except Gone:
            self._answers = False
            raise

    def _reply(self, what: str) -> Reply:
        while True:
            reply = self._reader.take()
            if reply is not None:
                return reply
            self._socket.settimeout(self._remaining(what))
            data = self._socket.recv(4096)
            if not data:
                raise Gone(f"closes the connection {_instead(what)}")
            self._reader.feed(data)

    def start_tls(self, context: ssl.SSLContext) -> tuple[ssl.SSLSocket, bool]:
        """After the server's go-ahead. Returns the connection, and whether clear text came after the go-ahead.

        What came in clear text is thrown away: somebody on the way may have put it there. Raises Distrusted, TlsFailed.
        """
        early_data = self._reader.unread
        self._reader = ReplyReader()
        try:
            self._socket.settimeout(self._remaining("STARTTLS"))
            secure = context.wrap_socket(self._socket, do_handshake_on_connect=False)
            self._socket = secure
            secure.do_handshake()
        except ssl.SSLCertVerificationError as error:
            self._answers = False
            raise Distrusted(error.verify_message) from None
        except (OSError, ValueError) as error:
            self._answers = False
            if isinstance(error, OSError) and _is_timeout(error):
                raise TlsFailed("does not finish the TLS handshake in time") from None
            raise TlsFailed(f"breaks the TLS handshake off: {_words(error)}") from None
        except Gone as gone:
            raise TlsFailed(str(gone)) from None
        return secure, early_data

    def quit(self) -> None:
        """Take leave, if anybody listens, and close."""
        with contextlib.suppress(OSError, Gone):
            if self._answers:
                self._end = min(self._end, time.monotonic() + _FAREWELL)
                self.ask("QUIT")
            elif not isinstance(self._socket, ssl.SSLSocket):
                self._socket.settimeout(0.1)
                self._socket.sendall(b"QUIT\r\n")
        self._socket.close()

    def _remaining(self, what: str) -> float:
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise Gone(_late(what))
        return remaining


def peer_certificate(secure: ssl.SSLSocket, trusted: bool, distrust: str) -> Certificate | None:
    """The server's certificate; the details of one that is not trusted have to be read from der."""
    der = secure.getpeercert(True)
    if not der:
        return None
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))
    certificate = Certificate(fingerprint, trusted, distrust, der=der)
    found = secure.getpeercert()
    return with_details(certificate, from_python(found)) if trusted and found else certificate


def system_addresses(name: str, kind: str) -> tuple[list[str], str]:
    """Addresses from the system's own resolver, its hosts file included, and a problem where there are none."""
    family = socket.AF_INET if kind == "A" else socket.AF_INET6
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        # These mean that the name has no such address; EAI_NODATA is not known everywhere.
        absent = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None), getattr(socket, "EAI_ADDRFAMILY", None)}
        return [], "" if error.errno in absent else str(error.strerror)
    except (OSError, UnicodeError) as error:
        return [], _words(error)
    return sorted({str(one[4][0]) for one in found}), ""


def own_name() -> str:
    """The name that this host says it has, where it is a full one; else nothing."""
    name = socket.gethostname().lower()
    try:
        return values.read_domain(name) if "." in name and name.isascii() else ""
    except ValueError:
        return ""


def _is_timeout(error: OSError) -> bool:
    return isinstance(error, (socket.timeout, TimeoutError))


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def _ended(what: str, error: OSError) -> str:
    return _late(what) if _is_timeout(error) else f"ends the connection {_instead(what)}: {_words(error)}"


def _instead(what: str) -> str:
    return "without a greeting" if what == GREETING else f"instead of answering {what}"


def _late(what: str) -> str:
    return "gives no whole greeting in time" if what == GREETING else f"gives no whole answer to {what} in time"
