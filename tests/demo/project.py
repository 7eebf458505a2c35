# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that Contoso's administrator writes: the inventory and the variables file. The playbooks are the collection's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab import ansible
from lab.ansible import Run
from lab.postfix import Instance

CONNECTORS = """\
smtp_connectors_list:
  - name: to-partner
    comment: All mail for the partner and its branches, over its first smart host
    address_spaces: ["*.partner.example;10"]
    smart_hosts: [mx1.partner.example]
    bridgeheads: [gw1, gw2]
    relay: true
    tls: {level: verify}

  - name: to-partner-backup
    comment: The same, over its second smart host, at a higher cost
    address_spaces: ["*.partner.example;20"]
    smart_hosts: [mx2.partner.example]
    bridgeheads: [gw1, gw2]
    relay: true
    tls: {level: verify}
"""

# What the change of route replaces in it: the second smart host becomes the cheaper way.
CHANGE = ("*.partner.example;20", "*.partner.example;5")

INVENTORY = """\
postfix:
  hosts:
    gw1: {smtp_connectors_address: 192.0.2.11}
    gw2: {smtp_connectors_address: 192.0.2.12}
    app1: {smtp_connectors_address: 192.0.2.21}   # no bridgehead: it hands over to gw1 and gw2
"""

ROUTES = """\
- name: The same route table for both
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Where does the mail go
      mailops.connectors.smtp_route:
        connectors: "{{ smtp_connectors_list }}"
        system: "{{ system }}"
        from_hosts: [gw1]
        addresses: [anna@partner.example, ben@berlin.partner.example, someone@elsewhere.example]
      loop: [exchange, postfix]
      loop_control: {loop_var: system}
"""

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
LOCALHOST = {"ungrouped": {"hosts": {"localhost": LOCAL}}}


class Project:
    """A directory with these files. What only the laboratory needs stands in an inventory beside the administrator's."""

    def __init__(self, directory: Path, hosts: Mapping[str, Instance]) -> None:
        directory.mkdir()
        self.directory = directory
        self.connectors = directory / "smtp_connectors.yml"
        self.connectors.write_text(CONNECTORS, encoding="utf-8")
        (directory / "routes.yml").write_text(ROUTES, encoding="utf-8")
        self.inventory = self.add_inventory("inventory.yml", INVENTORY)
        self.laboratory = self.add_inventory("laboratory.json", json.dumps(_laboratory(hosts)))

    def add_inventory(self, name: str, text: str) -> Path:
        file = self.directory / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        return file

    def change_route(self) -> None:
        text = self.connectors.read_text(encoding="utf-8")
        self.connectors.write_text(text.replace(*CHANGE), encoding="utf-8")

    def run(self, playbook: str, *extra: str, inventory: Path | None = None) -> Run:
        """A playbook of the collection by its name, or a file of the project, with the administrator's variables."""
        arguments = ["-e", f"@{self.connectors}", *(word for one in extra for word in ("-e", one))]
        file = self.directory / playbook
        if inventory is None:
            inventory, arguments = self.inventory, ["-i", str(self.laboratory), *arguments]
        named = file if file.exists() else Path(f"mailops.connectors.{playbook}")
        return ansible.run_file(named, inventory=inventory, arguments=arguments, timeout=1800)

    def plan(self) -> dict[str, Any]:
        """What the playbook plan writes into its report."""
        report = self.directory / "plan.yml"
        self.run("plan", f"smtp_connectors_report={report}").expect_success()
        made: dict[str, Any] = yaml.safe_load(report.read_text(encoding="utf-8"))
        return made


def _laboratory(hosts: Mapping[str, Instance]) -> dict[str, Any]:
    """Where the instances are. They run already, beside the machine's own services."""
    entries = {
        name: {**LOCAL, "postfix_bridgehead_config_directory": str(host.config_directory)}
        for name, host in hosts.items()
    }
    off = dict.fromkeys((f"postfix_bridgehead_{word}" for word in ("install", "start", "enable")), False)
    none: dict[str, Any] = {"postfix_bridgehead_chroot_files": [], "postfix_bridgehead_table_types": []}
    return {"postfix": {"hosts": entries, "vars": {**off, **none}}, **LOCALHOST}
