# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worked example that really runs: its inventory and variables file as they are, with the laboratory behind the addresses.

Postfix hosts are real instances on the addresses of the inventory. Exchange servers are a simulated organisation, reached over
WinRM; where mail arrives at one of their addresses, a Postfix with a mailbox takes it.
"""

from __future__ import annotations

import copy
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import ansible, mailbox
from .ansible import Run
from .bridgehead import Bridgehead
from .certificates import Authority
from .examples import Setup
from .exchange.reached import reached
from .exchange.simulator import Organisation
from .mailbox import Mailbox
from .seeds import drawn_seed
from .told_routes import Question


class ExampleRun:
    """One setup. domain: what the host names end in. mailboxes: by inventory name, all of the addresses."""

    def __init__(self, setup: Setup, domain: str, root: Path, stack: ExitStack, authority: Authority) -> None:
        self.setup, self.domain = setup, domain
        self.root = root / domain
        self.root.mkdir()
        self.organisation: Organisation | None = None
        self.mailboxes = {name: self._mailbox(name, host, authority) for name, host in setup.hosts.items()}
        for one in self.mailboxes.values():
            stack.callback(one.instance.stop)
            one.instance.start()
        self.overlay = self.root / "laboratory.json"
        self.overlay.touch(mode=0o600)
        self.overlay.write_text(json.dumps(self._overlay(stack)), encoding="utf-8")

    def _mailbox(self, name: str, host: dict[str, Any], authority: Authority) -> Mailbox:
        hostname = f"{name}.{self.domain}"
        return Mailbox(
            self.root, name, host["address"], host.get("local_domains", ()), hostname=hostname, authority=authority
        )

    def _overlay(self, stack: ExitStack) -> dict[str, Any]:
        """A second inventory: how the laboratory's hosts are reached."""
        made: dict[str, Any] = {}
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        if postfix := self.setup.of("postfix"):
            directories = {name: str(self.mailboxes[name].instance.config_directory) for name in postfix}
            made["postfix"] = {
                "hosts": {
                    name: {
                        **local,
                        "postfix_bridgehead_config_directory": directory,
                        "postfix_bridgehead_install": False,
                        "postfix_bridgehead_start": False,
                        "postfix_bridgehead_enable": False,
                        "postfix_bridgehead_chroot_files": [],
                        "postfix_bridgehead_table_types": [],
                    }
                    for name, directory in directories.items()
                }
            }
        if servers := self.setup.of("exchange"):
            self.organisation = self.setup.exchange_organisation(drawn_seed())
            endpoint = stack.enter_context(reached(self.organisation))
            made["exchange"] = {"hosts": dict.fromkeys(servers, endpoint.host_vars())}
        return {**made, "ungrouped": {"hosts": {"localhost": local}}}

    # --- running ---

    def play(self, playbook: str, *, check: bool = False, **options: Any) -> Run:
        """A playbook of the collection, by its name there."""
        return ansible.run_file(
            Path(f"mailops.connectors.{playbook}"),
            inventory=self.setup.directory / "inventory.yml",
            arguments=["-i", str(self.overlay)],
            check=check,
            timeout=1800,  # a busy machine takes long for many hosts
            **options,
        )

    def carry(self) -> None:
        """Let the Postfix hosts carry the list at once, without a playbook."""
        for name in self.setup.of("postfix"):
            bridgehead = Bridgehead(self.mailboxes[name].instance, name)
            outcome = bridgehead.provision(
                copy.deepcopy(self.setup.variables["smtp_connectors_list"]),
                hosts=self.setup.hosts,
                routing_groups=self.setup.variables.get("smtp_connectors_routing_groups"),
            )
            assert not outcome.failure, outcome.failure

    # --- mail ---

    def left_exchange_for(self) -> set[str]:
        """The smart hosts, without brackets, that the simulated organisation's messages left for."""
        assert self.organisation
        return {host.strip("[]") for message in self.organisation.mail.delivered for host in message.smart_hosts}

    def way(self, domain: str, source: str, *down: str) -> tuple[str, ...]:
        """The hosts that mail passes, as smtp_route says it, the smart host that it leaves to included."""
        answer = self.setup.answer(Question(domain, source, down))
        hops = [f"{step['host']}.{self.domain}" for step in answer["hops"]]
        last = str(answer["hops"][-1]["next_hop"] or "")
        return tuple([*hops, last.partition("]")[0].strip("[")] if answer["outcome"] == "smart_host" else hops)

    def send(self, source: str, recipient: str, subject: str) -> None:
        """Submitted on a host itself."""
        self.mailboxes[source].instance.sendmail(f"app@{source}.{self.domain}", recipient, subject=subject)


def arrival(runs: list[ExampleRun], subject: str) -> mailbox.Delivered:
    """The message with this subject, once it is in a mailbox of one of the organisations."""
    return mailbox.wait_for([one for run in runs for one in run.mailboxes.values()], subject)
