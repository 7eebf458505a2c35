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
  ask_routes:
    description:
      - Whether to ask the running C(trivial-rewrite(8)) for every class of addresses that the connectors of all sets and the
        local domains make, a subdomain of each among them, and to compare its answer with the declared route.
    type: bool
    default: false
  find_hand_made:
    description:
      - Whether to express what somebody configured by hand as connectors. Looked at are C(transport_maps), C(relayhost),
        C(default_transport), C(relay_domains), C(smtp_tls_policy_maps), C(smtp_sasl_password_maps) and the delivery services in
        C(master.cf).
      - When RV(hand_made) is given to M(mailops.connectors.postfix_send_connectors), no route changes. The connectors then stand in
        front of what they express, which stays where it is.
    type: bool
    default: false
  this_host:
    description:
      - The name by which the connectors know the host that the task runs on. Looked at with O(ask_routes=true) and
        O(find_hand_made=true).
      - The default is its inventory name. Needed where the task is delegated to another host.
    type: str
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.info_module
  - mailops.connectors.attributes.postfix_group
  - mailops.connectors.postfix
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

- name: Ask whether mail goes where the connectors say
  mailops.connectors.postfix_connectors_info:
    ask_routes: true
  register: there
  failed_when: there.disagreeing | default([])
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
digest:
  description:
    - A digest of all sets as they were declared. It is the same on all bridgeheads that hold the same lists.
  returned: success
  type: str
  sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
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
routes:
  description: One entry for each class of addresses. Empty where Postfix could not be asked.
  returned: with O(ask_routes=true)
  type: list
  elements: dict
  contains:
    address:
      description: An address that stands for its class.
      type: str
      sample: mailops-probe@partner.example
    route:
      description: The declared route in words.
      type: str
      sample: to-partner via [mx1.partner.example]:25
    expected:
      description: The declared route as Postfix writes it, V(local delivery) or V(no connector).
      type: str
      sample: connector-to-partner-0123456789:[mx1.partner.example]:25
    answered:
      description: What C(trivial-rewrite(8)) answers.
      type: str
      sample: connector-to-partner-0123456789:[mx1.partner.example]:25
    agrees:
      description: Whether the two are the same route.
      type: bool
disagreeing:
  description: >-
    A sentence for every address whose mail takes another route than the declared one, naming the entry that decides. What is
    wrong with the connectors on this host is told here too.
  returned: with O(ask_routes=true)
  type: list
  elements: str
connecting:
  description:
    - The parameters of C(main.cf) that decide how C(smtp(8)) connects, C($name) expanded. The filter
      P(mailops.connectors.probe_targets#filter) takes them.
  returned: with O(ask_routes=true)
  type: dict
  sample: {inet_protocols: all, smtp_bind_address: "192.0.2.11", smtp_host_lookup: dns}
altered:
  description:
    - What is no longer as the last run left it, because somebody else changed it, or because a run was killed. The next run puts it
      right.
  returned: with O(ask_routes=true)
  type: list
  elements: str
  sample:
    - "/etc/postfix/connectors/transport: the index differs from the source"
hand_made:
  description:
    - The connectors that somebody configured by hand, with this host as their bridgehead. What a connector carries already is not
      among them. An account stands there without its password.
  returned: with O(find_hand_made=true)
  type: list
  elements: dict
not_expressed:
  description: What is left as it is, because a connector cannot do exactly the same.
  returned: with O(find_hand_made=true)
  type: list
  elements: dict
  contains:
    setting:
      description: The parameter, and the table where there is one.
      type: str
      sample: transport_maps lmdb:/etc/postfix/transport
    key:
      description: The key in the table, the address space, or empty for all of it.
      type: str
      sample: boss@partner.example
    reason:
      description: Why.
      type: str
      sample: is for single addresses; it stays in force
verification:
  description: Whether C(trivial-rewrite(8)) was asked, and why not.
  returned: with O(ask_routes=true)
  type: str
  sample: "not asked: Postfix is not running"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix, through
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.information import information
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.store import StoreError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import FAILURES


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "set": {"type": "str", "default": "default"},
            "ask_routes": {"type": "bool", "default": False},
            "find_hand_made": {"type": "bool", "default": False},
            "this_host": {"type": "str"},
            "config_directory": {"type": "path"},
            "command_directory": {"type": "path"},
        },
        supports_check_mode=True,
    )
    given = module.params
    if (given["ask_routes"] or given["find_hand_made"]) and not given["this_host"]:
        module.fail_json(msg="this_host is needed: the name by which bridgeheads and hosts know this host.")
    directories = (given["config_directory"], given["command_directory"])
    postfix = Postfix(directories[0], through(module), directories[1])
    tables = LookupTables(directories[0], through(module), directories[1])
    try:
        result = information(
            postfix, tables, given["set"], given["this_host"] or "", given["ask_routes"], given["find_hand_made"]
        )
    except (StoreError, *FAILURES) as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
