# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a probe saw of one server. Nothing is judged here."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .certificate import Certificate
from .lookup import Server
from .reply import Reply


class RecipientAnswer(t.NamedTuple):
    """The answer to one recipient; at_sender: the server refused the sender already."""

    address: str
    reply: Reply
    at_sender: bool = False


@dataclass
class StartTls:
    """offered None: the server never got to say. failure: why there is no TLS although it was tried."""

    offered: bool | None = None
    version: str = ""
    cipher: str = ""
    certificate: Certificate | None = None
    failure: str = ""
    early_data: bool = False

    @property
    def negotiated(self) -> bool:
        return bool(self.version)


@dataclass
class Seen:
    """One server. Fields stay empty from where the conversation ended.

    connected: it took the connection. no_route: this host has no way to addresses of this kind. failure: what ended
    the conversation before its time, as the rest of a sentence about the server. keywords_in_clear: those of before TLS.
    """

    server: Server
    connected: bool = False
    no_route: bool = False
    failure: str = ""
    greeting: Reply | None = None
    helo_only: bool = False
    keywords_in_clear: dict[str, str] = field(default_factory=dict)
    keywords: dict[str, str] = field(default_factory=dict)
    starttls: StartTls = field(default_factory=StartTls)
    recipients: list[RecipientAnswer] = field(default_factory=list)
