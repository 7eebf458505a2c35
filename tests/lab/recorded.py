# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sink records of a conversation, and what it can be told to do instead of answering."""

from __future__ import annotations

import enum
import re
import threading
from dataclasses import dataclass, field


class Action(enum.Enum):
    """What a sink can do instead of answering."""

    DROP = "close the connection"
    HANG = "say nothing more until the sink stops or the peer leaves"


DROP = Action.DROP
HANG = Action.HANG

# Stage -> a reply such as "451 4.3.0 later", DROP, HANG, or an event that is waited for. The stages: greeting, ehlo, helo,
# starttls, auth, mail, rcpt, data, end (after the final dot), kept (the message is recorded, and nothing is answered yet).
Fault = str | Action | threading.Event
STAGES = ("greeting", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "end", "kept")


@dataclass(frozen=True)
class Tls:
    """What was negotiated after STARTTLS."""

    version: str
    server_name: str | None
    client_certificate: str | None  # the subject's common name


@dataclass(frozen=True)
class Recipient:
    address: str
    parameters: tuple[str, ...]


@dataclass
class Session:
    """One connection, filled while it goes on."""

    number: int
    peer: str
    helo_verb: str = ""
    helo_name: str = ""
    tls: Tls | None = None
    mechanism: str | None = None
    user: str | None = None
    messages: int = 0
    refused_users: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # without what follows AUTH
    closed: bool = False


@dataclass(frozen=True)
class Message:
    """One message that the sink accepted."""

    session: int
    peer: str
    helo_verb: str
    helo_name: str
    tls: Tls | None
    mechanism: str | None
    user: str | None
    sender: str
    sender_parameters: tuple[str, ...]
    recipients: tuple[Recipient, ...]
    body: bytes

    @property
    def to(self) -> tuple[str, ...]:
        """The recipients' addresses."""
        return tuple(recipient.address for recipient in self.recipients)

    @property
    def subject(self) -> str:
        found = re.search(rb"^Subject: *(.*?)\r?$", self.body, re.MULTILINE | re.IGNORECASE)
        return found.group(1).decode("utf-8", "replace") if found else ""
