#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_connectors_info
short_description: Read the SMTP connectors of an Exchange organisation
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Reads the connectors of an Exchange organisation and what stands around them, in the same vocabulary in which
    M(mailops.connectors.exchange_send_connectors) and its sisters take them. What is returned can be given back and changes nothing.
  - What the vocabulary cannot hold is named in RV(not_expressed).
  - Passwords are never returned, because Exchange does not show them.
options:
  set:
    description:
      - The set whose connectors are returned as RV(connectors) and RV(receive_connectors).
    type: str
    default: default
  hosts:
    description:
      - The inventory's own names for the servers, a dict as in M(mailops.connectors.exchange_send_connectors). A server that it does
        not name is called by its name in lower case.
    type: dict
  query:
    description:
      - A question in JMESPath about everything that is returned, answered in RV(query_result). It is asked on the controller, which
        needs the Python library jmespath for it.
    type: str
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.info_module
  - mailops.connectors.attributes.exchange_group
  - mailops.connectors.exchange
seealso:
  - module: mailops.connectors.exchange_send_connectors
  - module: mailops.connectors.exchange_receive_connectors
  - module: mailops.connectors.exchange_accepted_domains
  - module: mailops.connectors.exchange_site_links
"""

EXAMPLES = r"""
- name: Read the connectors
  mailops.connectors.exchange_connectors_info:
  register: there

- name: Give them back, which changes nothing
  mailops.connectors.exchange_send_connectors:
    connectors: "{{ there.connectors }}"
    hosts: "{{ there.hosts }}"
    purge: true

- name: Which connectors of nobody take a default route
  mailops.connectors.exchange_connectors_info:
    query: "unmanaged[?contains(address_spaces, '*')].name"
  register: answer
"""

RETURN = r"""
connectors:
  description: The send connectors of the set, sorted by name. Fields at their default are left out.
  returned: success
  type: list
  elements: dict
  sample:
    - name: to-partner
      address_spaces: ["*.partner.example"]
      smart_hosts: [mx1.partner.example]
      bridgeheads: [ex1]
receive_connectors:
  description:
    - The receive connectors of the set, each with its servers. Those that are alike on several servers stand there once.
    - Who may relay is read from the permissions of each connector. One that is an open relay carries C(allow_open_relay), without
      which it would be refused when it is given back, and a warning names it.
  returned: success
  type: list
  elements: dict
hosts:
  description: Who is who. The servers, with the names that Exchange knows them by and their routing groups.
  returned: success
  type: dict
  sample:
    ex1: {system: exchange, server_name: EX1, address: ex1.contoso.com}
sets:
  description: The send connectors of all sets, by the name of the set.
  returned: success
  type: dict
unmanaged:
  description: The send connectors without a mark, in the same vocabulary.
  returned: success
  type: list
  elements: dict
unmanaged_receive_connectors:
  description: The receive connectors without a mark, default ones included.
  returned: success
  type: list
  elements: dict
accepted_domains:
  description: The accepted domains, each with C(name), C(domain), C(type) and C(default).
  returned: success
  type: list
  elements: dict
site_links:
  description: The links between Active Directory sites, each with C(name), C(cost) (Exchange's own, or null), C(ad_cost),
    C(max_message_size) and C(sites).
  returned: success
  type: list
  elements: dict
not_expressed:
  description:
    - What the vocabulary cannot hold, each with C(connector), C(property), C(value) and C(reason).
    - The property V(relay) stands there where the account may not read permissions, so that it is not known who may relay.
  returned: success
  type: list
  elements: dict
query_result:
  description: The answer to O(query).
  returned: when O(query) is given
  type: raw
session:
  description: Where the cmdlets ran, with C(method), C(server) and C(domain_controller).
  returned: success
  type: dict
"""
