# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talks to one server as a mail server would, up to the recipients and never to the message, and keeps what it saw."""

from __future__ import annotations

import ssl
import typing as t

from .conversation import (
    GREETING,
    Conversation,
    Distrusted,
    Gone,
    TlsContexts,
    TlsFailed,
    Unreachable,
    own_name,
    peer_certificate,
)
from .lookup import Server
from .observation import RecipientAnswer, Seen, StartTls
from .reply import Reply, keywords
from .target import Target


class Attempt(t.NamedTuple):
    """How TLS is tried: not at all (context None), verifying, or (distrust says why) without."""

    context: ssl.SSLContext | None = None
    verifies: bool = False
    distrust: str = ""


def observe(server: Server, target: Target, contexts: TlsContexts, end: float, source: str | None = None) -> Seen:
    """Probe one server. Python shows no certificate that it refused, so then a second connection looks at it.

    Where TLS fails and may be left out, one more connection goes on in clear text, as smtp(8) does.
    """
    if target.tls.level == "none" or target.helo.command == "helo":
        return _attempt(server, target, Attempt(), end, source)
    ca_file = target.tls.ca_file
    try:
        if ca_file in contexts.unreadable:
            raise Distrusted(f"{ca_file} cannot be used: {contexts.unreadable[ca_file]}")
        seen = _attempt(server, target, Attempt(contexts.verifying[ca_file], True), end, source)
    except Distrusted as reason:
        seen = _once_more(server, target, Attempt(contexts.unverified, False, str(reason)), end, source)
    if seen.starttls.failure and target.tls.level == "opportunistic":
        tried = seen.starttls
        seen = _once_more(server, target, Attempt(), end, source)
        seen.starttls = tried
    return seen


def _once_more(server: Server, target: Target, attempt: Attempt, end: float, source: str | None) -> Seen:
    """Another connection to a server that has taken one already."""
    seen = _attempt(server, target, attempt, end, source)
    if not seen.connected:
        seen.connected = True
        seen.failure = f"took one connection, and at the next one it {seen.failure}"
    return seen


def _attempt(server: Server, target: Target, attempt: Attempt, end: float, source: str | None) -> Seen:
    """One connection. Raises Distrusted."""
    seen = Seen(server)
    try:
        conversation = Conversation(server, end, source)
    except Unreachable as reason:
        seen.failure, seen.no_route = str(reason), reason.no_route
        return seen
    seen.connected = True
    try:
        _converse(conversation, seen, target, attempt)
    except TlsFailed as reason:
        seen.starttls.failure = str(reason)
    except Gone as reason:
        seen.failure = str(reason)
    finally:
        conversation.quit()
    return seen


def _converse(conversation: Conversation, seen: Seen, target: Target, attempt: Attempt) -> None:
    seen.greeting = conversation.reply(GREETING)
    if seen.greeting.code != 220:
        return
    seen.keywords = seen.keywords_in_clear = _introduce(conversation, seen, target)
    seen.starttls.offered = "STARTTLS" in seen.keywords
    if attempt.context is not None and seen.starttls.offered:
        _start_tls(conversation, seen.starttls, attempt)
        seen.keywords = _introduce(conversation, seen, target)
    if seen.starttls.negotiated or not target.tls.required:
        for address in (*target.recipient_accepted, *target.recipient_refused):
            seen.recipients.append(_recipient(conversation, target.sender, address))


def _introduce(conversation: Conversation, seen: Seen, target: Target) -> dict[str, str]:
    """EHLO, or HELO where that is wanted or all that the server knows; the keywords."""
    name = target.helo.name or own_name() or conversation.own_address
    if target.helo.command == "ehlo":
        reply = conversation.ask(f"EHLO {name}")
        if reply.positive:
            return keywords(reply)
        if reply.temporary or target.tls.required or seen.starttls.negotiated:
            raise Gone(f"refuses EHLO {name}: {reply}")
    reply = conversation.ask(f"HELO {name}")
    if not reply.positive:
        raise Gone(f"refuses HELO {name}: {reply}")
    seen.helo_only = True
    return {}


def _start_tls(conversation: Conversation, starttls: StartTls, attempt: Attempt) -> None:
    reply = conversation.ask("STARTTLS")
    if reply.code != 220:
        raise TlsFailed(f"offers STARTTLS and refuses it: {reply}")
    context = t.cast(ssl.SSLContext, attempt.context)
    secure, starttls.early_data = conversation.start_tls(context)
    starttls.version = secure.version() or ""
    starttls.cipher = (secure.cipher() or ("", "", 0))[0]
    starttls.certificate = peer_certificate(secure, attempt.verifies, attempt.distrust)


def _recipient(conversation: Conversation, sender: str, address: str) -> RecipientAnswer:
    """A transaction of its own, so that no recipient's answer depends on another's. Never DATA."""
    reply = conversation.ask(f"MAIL FROM:<{sender}>")
    at_sender = not reply.positive
    if not at_sender:
        reply = conversation.ask(f"RCPT TO:<{address}>")
    _reset(conversation, reply)
    return RecipientAnswer(address, reply, at_sender)


def _reset(conversation: Conversation, last: Reply) -> None:
    if last.code != 421:  # the server is about to close the connection (RFC 5321, 3.8)
        conversation.ask("RSET")
