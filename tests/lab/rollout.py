# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An organisation of real Postfix hosts that the collection's playbooks change, with sinks where its mail arrives."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ansible_collections.mailops.connectors.plugins.filter.rollout import rollout
from ansible_collections.mailops.connectors.plugins.filter.step_connectors import step_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.information import information

from . import ansible, dns, postfix
from .bridgehead import SETTINGS, Bridgehead
from .postfix import Instance
from .sink import Sink
from .stream import SENDERS, AddressClass, Stream

Raw = dict[str, Any]

# What is out of order bounces at once: a host that is not known is refused for ever, and a loop ends after a few hops.
STRICT = {
    **SETTINGS,
    "mynetworks": "127.0.0.0/8",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "hopcount_limit": "8",
}

# The organisation of most tests: two bridgeheads, and a host that hands over to them.
HOSTS = {"app": "192.0.2.21", "east": "192.0.2.11", "west": "192.0.2.12"}
SINKS = {"mx": "192.0.2.40", "one": "192.0.2.31", "two": "192.0.2.32", "rest": "192.0.2.33"}
DOMAINS = ("one.example", "two.example", "rest.example")


def connector(name: str, space: str, sink: str, *bridgeheads: str) -> Raw:
    return {"name": name, "address_spaces": [space], "smart_hosts": [SINKS[sink]], "bridgeheads": list(bridgeheads)}


class Organisation:
    """hosts: name -> address. sinks: name -> address. domains: those that DNS leads to the first of the sinks.

    settings: more of each host's main.cf. files: what lies beside it.
    """

    def __init__(
        self,
        root: Path,
        stack: ExitStack,
        hosts: Mapping[str, str],
        sinks: Mapping[str, str],
        domains: Sequence[str],
        *,
        settings: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.domains = list(domains)
        self.sinks = {name: stack.enter_context(Sink(address, name=name)) for name, address in sinks.items()}
        self.names = stack.enter_context(dns.Server({}))
        for domain in (*domains, SENDERS):
            self.names.set(domain, "MX", "10 mx.lab.example.")
        self.names.set("mx.lab.example", "A", next(iter(sinks.values())))
        self.instances: dict[str, Instance] = {}
        for name, address in hosts.items():
            instance = Instance(root, name, address, settings={**STRICT, **(settings or {})})
            for file, text in (files or {}).items():
                instance.write(file, text)
            stack.callback(instance.stop)
            self.instances[name] = instance.start()
        self.bridgeheads = {name: Bridgehead(instance, name) for name, instance in self.instances.items()}

    @property
    def hosts(self) -> Raw:
        return {name: {"address": instance.address} for name, instance in self.instances.items()}

    # --- changing ----------------------------------------------------------------------------------------------------

    def run(
        self, playbook: str, connectors: Sequence[Raw], *, watch: ansible.Watch | None = None, **variables: Any
    ) -> ansible.Run:
        """Run a playbook of the collection with this list."""
        given = {"smtp_connectors_list": list(connectors), **MEANT, **variables}
        return ansible.run_file(
            Path(f"mailops.connectors.{playbook}"),
            inventory=self._inventory(),
            arguments=["--extra-vars", f"@{_write(self.root / 'variables.json', given)}"],
            watch=watch,
        )

    def passes(self, connectors: Sequence[Raw]) -> list[Raw]:
        """The order in which the hosts take over a list, from what they have now."""
        there = {name: information(one.postfix, one.tables) for name, one in self.bridgeheads.items()}
        hosts = {name: {**host, "system": "postfix"} for name, host in self.hosts.items()}
        made: list[Raw] = rollout(list(connectors), hosts=hosts, there=there, purge=True)
        return made

    def steps(self, connectors: Sequence[Raw]) -> Iterator[tuple[str, list[Raw], bool]]:
        """What each host is given, one after the other, and whether that is all that it has then."""
        for one in self.passes(connectors):
            given = step_connectors(list(connectors), one)
            for stage in one["stages"]:
                for host in stage:
                    yield host, given, one["last"]

    def take(self, host: str, connectors: Sequence[Raw], purge: bool = True) -> None:
        """Let a host have this list, without a playbook."""
        outcome = self.bridgeheads[host].provision(list(connectors), hosts=self.hosts, purge=purge)
        assert not outcome.failure, outcome.failure

    def begin_with(self, connectors: Sequence[Raw]) -> None:
        """A state to begin with, and nothing left of what was before."""
        for host in self.bridgeheads:
            self.take(host, connectors)
        for instance in self.instances.values():
            instance.run("postsuper", "-d", "ALL")
        for sink in self.sinks.values():
            sink.clear()
        # An idle smtpd(8) or a trivial-rewrite(8) of before may answer once more.
        for bridgehead in self.bridgeheads.values():
            for daemon in ("smtpd", "trivial-rewrite"):
                bridgehead.end_processes(daemon)

    def _inventory(self) -> Path:
        hosts = {
            name: {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "smtp_connectors_address": instance.address,
                "postfix_bridgehead_config_directory": str(instance.config_directory),
                **NOTHING_TO_SET_UP,
            }
            for name, instance in self.instances.items()
        }
        return _write(self.root / "inventory.json", {"postfix": {"hosts": hosts}})

    # --- looking -----------------------------------------------------------------------------------------------------

    def stream(self, hosts: Sequence[str] = (), domains: Sequence[str] = (), **options: Any) -> Stream:
        """Mail for all domains, submitted at all hosts."""
        classes = [AddressClass(domain, tuple(hosts or self.instances)) for domain in domains or self.domains]
        return Stream(self.instances, list(self.sinks.values()), classes, **options)

    def content(self) -> dict[str, Raw]:
        """What each host's configuration says: stores, main.cf, master.cf, tables."""
        return {name: bridgehead.content() for name, bridgehead in self.bridgeheads.items()}


# The instances run already; each task that would look costs a second on every host in every step.
NOTHING_TO_SET_UP = {
    "postfix_bridgehead_install": False,
    "postfix_bridgehead_start": False,
    "postfix_bridgehead_enable": False,
    "postfix_bridgehead_table_types": [],
    "postfix_bridgehead_chroot_files": [],
}
# The tests' changes are large, and take routes away on purpose.
MEANT = {"smtp_connectors_purge": True, "smtp_connectors_allow_unsafe": ["large_change", "unserved"]}


@contextlib.contextmanager
def organisation(
    hosts: Mapping[str, str], sinks: Mapping[str, str], domains: Sequence[str], **options: Any
) -> Iterator[Organisation]:
    """See Organisation."""
    with postfix.temporary_root() as root, ExitStack() as stack:
        yield Organisation(root, stack, hosts, sinks, domains, **options)


def _write(path: Path, data: Any) -> Path:
    path.touch(mode=0o600)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path
