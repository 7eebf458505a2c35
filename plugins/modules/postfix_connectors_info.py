#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix_connectors_info
short_description: Read the SMTP connectors of a Postfix host
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Reads what M(mailops.connectors.postfix_send_connectors) keeps on a host, in the same vocabulary. What is returned can be
    given back to it and changes nothing.
  - Passwords are never returned.
options:
  set:
    description:
      - The set whose connectors are returned as RV(connectors), RV(hosts) and RV(routing_groups).
    type: str
    default: default
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.postfix_group
  - mailops.connectors.postfix
attributes:
  check_mode:
    support: full
    details: The module never changes anything.
  diff_mode:
    support: none
    details: The module never changes anything.
  idempotent:
    support: full
seealso:
  - module: mailops.connectors.postfix_send_connectors
"""

EXAMPLES = r"""
- name: Read the connectors
  mailops.connectors.postfix_connectors_info:
  register: there

- name: Give them back, which changes nothing
  mailops.connectors.postfix_send_connectors:
    connectors: "{{ there.connectors }}"
    hosts: "{{ there.hosts }}"
    routing_groups: "{{ there.routing_groups }}"
    purge: true
"""

RETURN = r"""
connectors:
  description: The connectors of the set, sorted by name. Fields at their default are left out.
  returned: success
  type: list
  elements: dict
  sample:
    - name: to-partner
      address_spaces: ["*.partner.example"]
      smart_hosts: [mx1.partner.example]
      bridgeheads: [gw1]
hosts:
  description: Who is who, as the set declares it.
  returned: success
  type: dict
routing_groups:
  description: The routing groups, as the set declares them.
  returned: success
  type: list
  elements: dict
sets:
  description: All sets of the host by name, each with connectors, hosts and routing_groups.
  returned: success
  type: dict
services:
  description: The services in C(master.cf) that carry connectors.
  returned: success
  type: list
  elements: str
settings:
  description: The parameters of C(main.cf) that are set for connectors, with their values.
  returned: success
  type: dict
unmanaged:
  description: What else decides about routes on this host.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import store
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix, through
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.gathering import gather
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import FAILURES


def read(postfix: Postfix, tables: LookupTables, name: str) -> dict[str, object]:
    known = store.load(postfix.config_directory)
    gathered = gather(postfix, tables, known)
    sets = {one: store.show_set(known.sets[one]) for one in sorted(known.sets)}
    nothing = {"connectors": [], "hosts": {}, "routing_groups": []}
    return {
        **sets.get(name, nothing),
        "sets": sets,
        "services": sorted(known.services),
        "settings": {setting: known.settings[setting].written for setting in sorted(known.settings)},
        "unmanaged": gathered.unmanaged(),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "set": {"type": "str", "default": "default"},
            "config_directory": {"type": "path"},
            "command_directory": {"type": "path"},
        },
        supports_check_mode=True,
    )
    directories = (module.params["config_directory"], module.params["command_directory"])
    postfix = Postfix(directories[0], through(module), directories[1])
    tables = LookupTables(directories[0], through(module), directories[1])
    try:
        result = read(postfix, tables, module.params["set"])
    except (store.StoreError, *FAILURES) as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
