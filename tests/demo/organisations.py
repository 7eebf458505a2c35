# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two organisations of the demonstration: Contoso, whose mail routes are provisioned, and its partner."""

from __future__ import annotations

import email
import os
import pwd
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from lab.certificates import Authority
from lab.dns import Server
from lab.postfix import Instance

CONTOSO = {"gw1": "192.0.2.11", "gw2": "192.0.2.12", "app1": "192.0.2.21"}
PARTNER = {"mx1": "198.51.100.11", "mx2": "198.51.100.12"}
STRANGER = "203.0.113.50"
PARTNER_DOMAINS = ("partner.example", "berlin.partner.example")


@dataclass(frozen=True)
class Delivered:
    """A message in the partner's mailbox."""

    smart_host: str
    way: tuple[str, ...]  # the servers that it passed, the first one first
    encrypted: bool  # on its last hop


class SmartHost:
    """One of the partner's smart hosts: a real Postfix that takes mail for the partner's domains into a mailbox."""

    def __init__(self, root: Path, name: str, address: str, authority: Authority) -> None:
        hostname = f"{name}.partner.example"
        identity = authority.server(hostname)
        owner = pwd.getpwnam("nobody")
        self.name = name
        self.instance = Instance(
            root,
            name,
            address,
            hostname=hostname,
            settings={
                "mydestination": None,
                "virtual_mailbox_domains": ", ".join(PARTNER_DOMAINS),
                "virtual_mailbox_base": str(root / name / "mail"),
                "virtual_mailbox_maps": "static:inbox/",
                "virtual_uid_maps": f"static:{owner.pw_uid}",
                "virtual_gid_maps": f"static:{owner.pw_gid}",
                "smtpd_tls_security_level": "may",
                "smtpd_tls_cert_file": identity.certificate_file,
                "smtpd_tls_key_file": identity.key_file,
                "smtpd_tls_received_header": "yes",
            },
        )
        self.mailbox = root / name / "mail" / "inbox" / "new"
        mail = root / name / "mail"
        mail.mkdir()
        os.chown(mail, owner.pw_uid, owner.pw_gid)

    def present(self, authority: Authority) -> None:
        """Show a certificate of this authority from the next start on."""
        identity = authority.server(self.instance.hostname)
        self.instance.configure(smtpd_tls_cert_file=identity.certificate_file, smtpd_tls_key_file=identity.key_file)

    def find(self, subject: str) -> Delivered | None:
        """The message with this subject, if it is in the mailbox."""
        if not self.mailbox.exists():
            return None
        for file in self.mailbox.iterdir():
            message = email.message_from_bytes(file.read_bytes())
            if message["Subject"] == subject:
                return Delivered(self.name, _way(message), "using TLS" in message.get_all("Received", [""])[0])
        return None


class Lab:
    """Everything that runs during the demonstration."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.authority = Authority(root / "certificates", "Partner CA")
        self.impostor = Authority(root / "impostor", "Another CA")
        self.dns = stack.enter_context(Server({f"{name}.partner.example": {"A": [at]} for name, at in PARTNER.items()}))
        self.contoso = {
            name: Instance(root, name, address, hostname=f"{name}.contoso.example") for name, address in CONTOSO.items()
        }
        self.partner = {name: SmartHost(root, name, address, self.authority) for name, address in PARTNER.items()}
        for instance in self.instances():
            stack.callback(instance.stop)
            instance.start()

    def instances(self) -> list[Instance]:
        return [*self.contoso.values(), *(smart_host.instance for smart_host in self.partner.values())]

    def wait_for_mail(self, subject: str, timeout: float = 60.0) -> Delivered | None:
        """The message with this subject once one of the partner's mailboxes has it; None after timeout seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for smart_host in self.partner.values():
                if found := smart_host.find(subject):
                    return found
            time.sleep(0.1)
        return None


@contextmanager
def running(root: Path) -> Iterator[Lab]:
    """Both organisations, started, and stopped afterwards whatever happens."""
    with ExitStack() as stack:
        yield Lab(root, stack)


def _way(message: Message) -> tuple[str, ...]:
    found = [re.search(r"\bby (\S+) \(Postfix", line) for line in message.get_all("Received", [])]
    return tuple(match.group(1).split(".")[0] for match in reversed(found) if match)
