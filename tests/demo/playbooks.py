# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that Contoso's administrator writes: the list, the inventory, and the playbooks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lab.postfix import Instance

CONNECTORS = """\
connectors:
  - name: to-partner
    comment: All mail for the partner and its branches, over its first smart host
    address_spaces: ["*.partner.example;10"]
    smart_hosts: [mx1.partner.example]
    bridgeheads: [gw1, gw2]
    relay: true
    tls: {level: verify, ca_file: "{{ partner_ca }}"}

  - name: to-partner-backup
    comment: The same, over its second smart host, at a higher cost
    address_spaces: ["*.partner.example;20"]
    smart_hosts: [mx2.partner.example]
    bridgeheads: [gw1, gw2]
    relay: true
    tls: {level: verify, ca_file: "{{ partner_ca }}"}

mail_hosts:
  gw1: {address: 192.0.2.11}
  gw2: {address: 192.0.2.12}
  app1: {address: 192.0.2.21}   # no bridgehead: it hands over to gw1 and gw2
"""

# What the change of route replaces in it: the second smart host becomes the cheaper way.
CHANGE = ("*.partner.example;20", "*.partner.example;5")

APPLY = """\
- name: Let Contoso's Postfix hosts carry mail as connectors.yml says
  hosts: all
  gather_facts: false
  vars_files: [connectors.yml]
  tasks:
    - name: Send connectors
      mailops.connectors.postfix_send_connectors:
        connectors: "{{ connectors }}"
        hosts: "{{ mail_hosts }}"
        purge: true
        config_directory: "{{ postfix_config_directory }}"
"""

REMOVE = """\
- name: Remove all connectors from Contoso's Postfix hosts
  hosts: all
  gather_facts: false
  vars_files: [connectors.yml]
  tasks:
    - name: Send connectors
      mailops.connectors.postfix_send_connectors:
        connectors: []
        hosts: "{{ mail_hosts }}"
        purge: true
        allow_unsafe: "{{ allow_unsafe | default([]) }}"
        config_directory: "{{ postfix_config_directory }}"
"""


class Project:
    """A directory with these files."""

    def __init__(self, directory: Path, hosts: dict[str, Instance], partner_ca: str) -> None:
        directory.mkdir()
        self.connectors = directory / "connectors.yml"
        self.apply = directory / "apply.yml"
        self.remove = directory / "remove.yml"
        self.inventory = directory / "inventory.json"
        self.connectors.write_text(CONNECTORS, encoding="utf-8")
        self.apply.write_text(APPLY, encoding="utf-8")
        self.remove.write_text(REMOVE, encoding="utf-8")
        self.inventory.write_text(json.dumps(_inventory(hosts, partner_ca), indent=2), encoding="utf-8")

    def change_route(self) -> None:
        text = self.connectors.read_text(encoding="utf-8")
        self.connectors.write_text(text.replace(*CHANGE), encoding="utf-8")


def _inventory(hosts: dict[str, Instance], partner_ca: str) -> dict[str, object]:
    entries = {name: {"postfix_config_directory": str(host.config_directory)} for name, host in hosts.items()}
    everywhere = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "partner_ca": partner_ca,
    }
    return {"all": {"hosts": entries, "vars": everywhere}}
