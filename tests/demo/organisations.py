# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two organisations of the demonstration: Contoso, whose mail routes are provisioned, and its partner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab import LabError, mailbox
from lab.certificates import Authority
from lab.dns import Server
from lab.mailbox import Delivered, Mailbox
from lab.postfix import Instance

CONTOSO = {"gw1": "192.0.2.11", "gw2": "192.0.2.12", "app1": "192.0.2.21"}
PARTNER = {"mx1": "198.51.100.11", "mx2": "198.51.100.12"}
STRANGER = "203.0.113.50"
PARTNER_DOMAINS = ("partner.example", "berlin.partner.example")


class Lab:
    """Everything that runs during the demonstration."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.authority = Authority(root / "certificates", "Partner CA")
        self.impostor = Authority(root / "impostor", "Another CA")
        self.dns = stack.enter_context(Server({f"{name}.partner.example": {"A": [at]} for name, at in PARTNER.items()}))
        # Contoso's administrator trusts the partner's authority.
        trust: dict[str, str | None] = {"smtp_tls_CAfile": self.authority.certificate_file}
        self.contoso = {
            name: Instance(root, name, address, hostname=f"{name}.contoso.example", settings=trust)
            for name, address in CONTOSO.items()
        }
        self.partner = {
            name: Mailbox(
                root, name, address, PARTNER_DOMAINS, hostname=f"{name}.partner.example", authority=self.authority
            )
            for name, address in PARTNER.items()
        }
        for instance in self.instances():
            stack.callback(instance.stop)
            instance.start()

    def instances(self) -> list[Instance]:
        return [*self.contoso.values(), *(smart_host.instance for smart_host in self.partner.values())]

    def wait_for_mail(self, subject: str) -> Delivered | None:
        """The message with this subject once one of the partner's mailboxes has it; None if it does not arrive."""
        try:
            return mailbox.wait_for(self.partner.values(), subject)
        except LabError:
            return None


@contextmanager
def running(root: Path) -> Iterator[Lab]:
    """Both organisations, started, and stopped afterwards whatever happens."""
    with ExitStack() as stack:
        yield Lab(root, stack)
