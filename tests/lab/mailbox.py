# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Postfix instance that delivers some domains into a mailbox of its own, and what the messages there tell of their way."""

from __future__ import annotations

import email
import os
import pwd
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from .certificates import Authority
from .postfix import Instance
from .waiting import wait_until


@dataclass(frozen=True)
class Delivered:
    """A message in a mailbox. way: the servers that it passed, by their host names, the first one first."""

    mailbox: str
    way: tuple[str, ...]
    encrypted: bool  # on its last hop


class Mailbox:
    """domains: what it delivers, all recipients into one mailbox. authority: who signs its certificate, if it has one."""

    def __init__(
        self,
        root: Path,
        name: str,
        address: str,
        domains: Iterable[str],
        *,
        hostname: str,
        authority: Authority | None = None,
        settings: Mapping[str, str | None] | None = None,
    ) -> None:
        self.name, self.hostname = name, hostname
        owner = pwd.getpwnam("nobody")
        mail = root / name / "mail"
        self.inbox = mail / "inbox" / "new"
        own: dict[str, str | None] = {
            "mydestination": None,
            "virtual_mailbox_domains": ", ".join(domains),
            "virtual_mailbox_base": str(mail),
            "virtual_mailbox_maps": "static:inbox/",
            "virtual_uid_maps": f"static:{owner.pw_uid}",
            "virtual_gid_maps": f"static:{owner.pw_gid}",
        }
        if authority is not None:
            own |= {
                "smtpd_tls_security_level": "may",
                "smtpd_tls_received_header": "yes",
                **_shown(authority, hostname),
            }
        self.instance = Instance(root, name, address, hostname=hostname, settings={**own, **(settings or {})})
        mail.mkdir()
        os.chown(mail, owner.pw_uid, owner.pw_gid)

    def present(self, authority: Authority) -> None:
        """Show a certificate of this authority from the next start on."""
        self.instance.configure(**_shown(authority, self.hostname))

    def find(self, subject: str) -> Delivered | None:
        """The message with this subject, if it is in the mailbox."""
        if not self.inbox.exists():
            return None
        for file in self.inbox.iterdir():
            message = email.message_from_bytes(file.read_bytes())
            if message["Subject"] == subject:
                return Delivered(self.hostname, _way(message), "using TLS" in message.get_all("Received", [""])[0])
        return None


def find(mailboxes: Iterable[Mailbox], subject: str) -> Delivered | None:
    return next((found for mailbox in mailboxes if (found := mailbox.find(subject))), None)


def wait_for(mailboxes: Iterable[Mailbox], subject: str, *, timeout: float = 60.0) -> Delivered:
    """The message with this subject once it is in one of the mailboxes. Raises LabError with their logs otherwise."""
    places = list(mailboxes)

    def logs() -> str:
        return "\n".join(f"{one.hostname}:\n{one.instance.log()[-3000:]}" for one in places)

    return wait_until(lambda: find(places, subject), f'message "{subject}" arrives', timeout=timeout, details=logs)


def _shown(authority: Authority, hostname: str) -> dict[str, str]:
    identity = authority.server(hostname)
    return {"smtpd_tls_cert_file": identity.certificate_file, "smtpd_tls_key_file": identity.key_file}


def _way(message: Message) -> tuple[str, ...]:
    found = [re.search(r"\bby (\S+) \(Postfix", line) for line in message.get_all("Received", [])]
    return tuple(match.group(1) for match in reversed(found) if match)
