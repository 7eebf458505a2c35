# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration's Exchange half: the same list on a simulated Exchange organisation, reached over WinRM, and on Postfix."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from lab import ansible
from lab.ansible import Run
from lab.exchange import powershell
from lab.exchange.bridge import Bridge
from lab.exchange.endpoint import Endpoint
from lab.exchange.simulator import Organisation
from lab.postfix import Instance
from telling import Story

LIST = """\
connectors:
  - name: to-partner
    address_spaces: ["*.partner.example;10"]
    smart_hosts: [mx1.partner.example, mx2.partner.example]
    bridgeheads: "{{ senders }}"
    tls: {level: encrypt}
    max_message_size: 5MB

  - name: to-partner-backup
    address_spaces: ["*.partner.example;20"]
    smart_hosts: [mx3.partner.example]
    bridgeheads: "{{ senders }}"
    tls: {level: encrypt}
    max_message_size: 5MB
"""

APPLY = """\
- name: The list on Exchange
  hosts: exchange
  gather_facts: false
  vars_files: [connectors.yml]
  tasks:
    - name: Send connectors
      mailops.connectors.exchange_send_connectors:
        connectors: "{{ connectors }}"
        set: demo

- name: The same list on Postfix
  hosts: postfix
  gather_facts: false
  vars_files: [connectors.yml]
  tasks:
    - name: Send connectors
      mailops.connectors.postfix_send_connectors:
        connectors: "{{ connectors }}"
        set: demo
        config_directory: "{{ postfix_config_directory }}"
"""

ROUTES = """\
- name: The same route table for both
  hosts: exchange:postfix
  gather_facts: false
  vars_files: [connectors.yml]
  tasks:
    - name: Where does the mail go
      mailops.connectors.smtp_route:
        connectors: "{{ connectors }}"
        this_host: "{{ inventory_hostname }}"
        system: "{{ system }}"
        addresses: [anna@partner.example, ben@berlin.partner.example, someone@elsewhere.example]
      delegate_to: localhost
"""


def show(story: Story, directory: Path, bridgehead: Instance) -> None:
    """Raises DemoError where something is not so."""
    story.chapter("The same list on Exchange")
    directory.mkdir()
    for name, text in (("connectors.yml", LIST), ("apply.yml", APPLY), ("routes.yml", ROUTES)):
        (directory / name).write_text(text, encoding="utf-8")
    there = Organisation(1, ["EX1"])
    with _reached(story, there) as endpoint:
        inventory = directory / "inventory.json"
        inventory.touch(mode=0o600)
        inventory.write_text(json.dumps(_inventory(endpoint, bridgehead)), encoding="utf-8")

        def run(file: str, check: bool = False) -> Run:
            story.say(f"$ ansible-playbook -i inventory.json {file}{' --check' if check else ''}")
            return ansible.run_file(directory / file, inventory=inventory, check=check).expect_success()

        story.show("connectors.yml", LIST)
        _apply(story, run("apply.yml", check=True), run("apply.yml"), there)
        again = run("apply.yml")
        changed = {name: again[name]["changed"] for name in ("ex1", "gw1")}
        story.prove("A second run is in sync on both", f"changed: {changed}", not any(changed.values()))
        _routes(story, run("routes.yml"))


@contextlib.contextmanager
def _reached(story: Story, there: Organisation) -> Iterator[Endpoint]:
    if powershell.find() is None:
        story.say(
            "There is no Exchange server and no PowerShell here: ansible-playbook, winrm and pywinrm are real, exchange_invoke "
            "is a Python stand-in, and the Exchange organisation is simulated."
        )
        with Endpoint(there, backend="stand-in") as endpoint:
            yield endpoint
        return
    story.say(
        "There is no Exchange server here: ansible-playbook, winrm, pywinrm and exchange_invoke on a PowerShell engine are real, "
        "the Exchange cmdlets are stubs, and the Exchange organisation is simulated."
    )
    with Bridge(there) as bridge, Endpoint(environment=bridge.environment("management_shell")) as endpoint:
        yield endpoint


def _inventory(endpoint: Endpoint, bridgehead: Instance) -> dict[str, object]:
    postfix = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "postfix_config_directory": str(bridgehead.config_directory),
        "senders": ["gw1"],
        "system": "postfix",
    }
    exchange = {**endpoint.host_vars(), "senders": ["ex1"], "system": "exchange"}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return {
        "exchange": {"hosts": {"ex1": exchange}},
        "postfix": {"hosts": {"gw1": postfix}},
        "ungrouped": {"hosts": {"localhost": local}},
    }


def _apply(story: Story, planned: Run, applied: Run, there: Organisation) -> None:
    story.say("On Exchange these cmdlets run:")
    for command in applied["ex1"]["commands"]:
        story.item(command)
    story.say("What differs between the two systems, as their plans say it:")
    for host in ("ex1", "gw1"):
        notes = dict.fromkeys(note for change in applied[host]["plan"] for note in change["notes"])
        for note in notes:
            story.item(f"{host}: {note}")
    story.prove(
        "The plan for Exchange is what was done",
        f"{len(applied['ex1']['commands'])} cmdlets, as announced in check mode",
        bool(applied["ex1"]["commands"]) and planned["ex1"]["commands"] == applied["ex1"]["commands"],
    )
    names = sorted(str(one["Name"]) for one in there.call("Get-SendConnector", {}))
    story.prove("Exchange has the connectors", ", ".join(names), names == ["to-partner", "to-partner-backup"])


def _routes(story: Story, made: Run) -> None:
    same = True
    for one, other in zip(made["ex1"]["routes"], made["gw1"]["routes"], strict=True):
        story.item(f"{one['explanation']} | {other['explanation']}")
        same = same and (one["connector"], one["address_space"]) == (other["connector"], other["address_space"])
    story.prove(
        "One route table explains both", "the same connector and address space for each address, from ex1 and gw1", same
    )
