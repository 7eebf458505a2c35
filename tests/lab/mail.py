# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning within the test's own process (a playbook takes seconds), and what the tests of real mail share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Outcome, Request, provision
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.store import StoreError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import FAILURES

from . import postfix
from .postfix import Instance, Queued
from .programs import run_command

EVERYTHING = ("large_change", "unserved")
STRANGER = "203.0.113.50"
"""An address that no host trusts."""


@contextmanager
def running(*names_and_addresses: tuple[str, str], **options: Any) -> Iterator[tuple[Instance, ...]]:
    """Instances for a whole module of tests."""
    with postfix.temporary_root() as root, ExitStack() as stack:
        instances = [Instance(root, name, address, **options) for name, address in names_and_addresses]
        for instance in instances:
            stack.callback(instance.stop)
            instance.start()
        yield tuple(instances)


def connector(name: str, *spaces: str, via: Any = (), **fields: Any) -> dict[str, Any]:
    """A connector of b1 for these address spaces over these smart hosts (none: DNS MX)."""
    smart_hosts = [via] if isinstance(via, (str, dict)) else list(via)
    given = {"name": name, "address_spaces": list(spaces), "smart_hosts": smart_hosts, "bridgeheads": ["b1"], **fields}
    return {field: value for field, value in given.items() if value != []}


def carry(instance: Instance, connectors: Sequence[dict[str, Any]], **options: Any) -> Outcome:
    """Make an instance carry exactly these connectors (unless purge: false is given), for mail from now on."""
    given: dict[str, Any] = {"this_host": instance.name, "purge": True, "allow_unsafe": EVERYTHING, **options}
    directory = str(instance.config_directory)
    before = set(instance.pids("smtpd"))
    outcome = provision(
        Postfix(directory, run_command),
        LookupTables(directory, run_command),
        Request(connectors=list(connectors), **given),
    )
    assert not outcome.failure, outcome.failure
    if "postfix reload" in outcome.commands and not given.get("check_mode"):
        # An idle smtpd(8) of before may take one more connection before it notices the reload and ends.
        instance.wait_until(lambda: not before.intersection(instance.pids("smtpd")), "the old smtpd processes end")
    return outcome


def refusal(instance: Instance, connectors: Sequence[dict[str, Any]], **options: Any) -> str:
    """What provisioning says when it refuses; nothing may have been touched."""
    before = snapshot(instance)
    with pytest.raises((ConnectorError, StoreError, *FAILURES)) as caught:
        carry(instance, connectors, **options)
    assert snapshot(instance) == before
    return str(caught.value)


def snapshot(instance: Instance) -> dict[str, tuple[int, int, int]]:
    """Every file below the configuration directory: inode, modification time, mode."""
    found = {}
    for directory, _directories, files in os.walk(instance.config_directory):
        for name in files:
            status = os.stat(os.path.join(directory, name))
            found[os.path.join(directory, name)] = (status.st_ino, status.st_mtime_ns, status.st_mode)
    return found


def waiting(instance: Instance, recipient: str) -> Queued:
    """The message for a recipient once it waits with a reason."""

    def find() -> Queued | None:
        for entry in instance.queue():
            if recipient in entry.recipients and all(entry.reasons):
                return entry
        return None

    found = instance.wait_until(find, f"mail for {recipient} waits")
    assert isinstance(found, Queued)
    return found


def reason(instance: Instance, recipient: str) -> str:
    """Why mail for a recipient waits."""
    entry = waiting(instance, recipient)
    return entry.reasons[entry.recipients.index(recipient)]


def bounce(instance: Instance, recipient: str) -> str:
    """Why mail for a recipient bounced, from the log."""
    return instance.wait_for_log(rf"to=<{recipient}>.*status=bounced \((.*)\)$").group(1)


def relays(instance: Instance, recipient: str) -> bool:
    """Whether the instance takes mail for a recipient from a stranger."""
    answer = instance.answer_to(recipient, source=STRANGER)
    assert answer.startswith("250") or "Relay access denied" in answer, answer
    return answer.startswith("250")
