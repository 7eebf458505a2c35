#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_send_connectors
short_description: Let Exchange servers carry SMTP connectors
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Creates, changes and removes send connectors, so that Exchange carries mail as the organisation's list says.
  - The same list goes to Exchange and to Postfix. Here the connectors whose bridgeheads are Exchange servers are made. The others
    only count for the routes.
  - The plan says beforehand which address spaces will take another route, and from which servers, with the exact cmdlets. They are
    ordered so that after each of them every address has its old or its new route; where no order does that, a warning says so.
  - One Exchange session reads, and a second one writes and reads back, whatever the number of connectors. In the second one it is
    made sure first that nothing has changed since it was read.
  - Run it once for an organisation, on one server or on a host that reaches one. Each Edge server has connectors of its own.
  - A connector that was made or taken over ends its comment in a mark such as V([mailops:default]). Only these are ever purged.
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.exchange_group
  - mailops.connectors.connectors
  - mailops.connectors.connectors.hosts
  - mailops.connectors.connectors.plan
  - mailops.connectors.exchange
options:
  site_links:
    description:
      - Site links that are about to change, as M(mailops.connectors.exchange_site_links) takes them. O(connectors) are planned
        with their new costs. The links themselves are left alone.
    type: list
    elements: dict
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - A password cannot be read back. With O(connectors[].authentication.update_password=always) it is written on every run.
notes:
  - A field that is left out stays as it is on Exchange, where other tools and people set things too. The plan names it under C(kept)
    when it is not at its default, and O(connectors[].reset) sends it back.
  - Servers that Exchange itself lists are known without O(hosts). Their routing group is their Active Directory site where there
    are several.
  - Between routing groups of one Exchange organisation mail follows the site links, and no send connector is made. A cost that
    differs from the link's is an error; M(mailops.connectors.exchange_site_links) sets it.
  - Default connectors, those of EdgeSync, and C(Outbound to Office 365) are never touched unless the list names them.
  - C(async) is refused, because the task decides on the controller between its two sessions.
seealso:
  - module: mailops.connectors.exchange_accepted_domains
  - module: mailops.connectors.exchange_connectors_info
  - module: mailops.connectors.exchange_site_links
  - module: mailops.connectors.postfix_send_connectors
  - module: mailops.connectors.smtp_route
"""

EXAMPLES = r"""
- name: Send mail for a partner over its smart hosts, whose certificate is checked
  mailops.connectors.exchange_send_connectors:
    connectors:
      - name: to-partner
        address_spaces: ["*.partner.example"]
        smart_hosts: [mx1.partner.example, mx2.partner.example]
        bridgeheads: [ex1, ex2]
        tls:
          level: verify
          names: ["*.partner.example"]
  run_once: true

- name: Look beforehand what changes, down to the routes
  mailops.connectors.exchange_send_connectors:
    connectors: "{{ connectors }}"
    hosts: "{{ hosts }}"
    purge: true
  check_mode: true
  diff: true
  run_once: true

- name: From a Windows host without the Exchange tools, as another account
  mailops.connectors.exchange_send_connectors:
    session_uri: http://ex1.contoso.com/PowerShell/
    session_username: contoso\connectors
    session_password: "{{ vault_connectors_password }}"
    connectors:
      - name: to-partner
        state: absent
    allow_unsafe: [unserved]
"""

RETURN = r"""
plan:
  description: What happens to each connector.
  returned: success
  type: list
  elements: dict
  contains:
    connector:
      description: The connector's name.
      type: str
    action:
      description: One of V(create), V(update), V(adopt) and V(remove).
      type: str
    changes:
      description: The fields that change, with their values before and after.
      type: dict
    kept:
      description: Fields that the list leaves out, and that are not at their default.
      type: list
      elements: str
    notes:
      description: What Exchange does in another way than Postfix, in sentences.
      type: list
      elements: str
  sample:
    - connector: to-partner
      action: create
      changes:
        address_spaces: {before: null, after: ["*.partner.example"]}
      kept: []
      notes: []
routes_changed:
  description: The address spaces whose mail takes another way, from each Exchange server.
  returned: success
  type: list
  elements: dict
  sample:
    - from: ex1
      address_space: "*.partner.example"
      before: "no connector"
      after: "to-partner via [mx1.partner.example]:25, [mx2.partner.example]:25"
commands:
  description: The cmdlets that ran (or would run), in order, with passwords masked.
  returned: success
  type: list
  elements: str
  sample:
    - "Remove-SendConnector -Identity 'to-partner' -Confirm:$false"
unmanaged:
  description: Send connectors without a mark. They are left alone, and count for the routes.
  returned: success
  type: list
  elements: str
  sample: ["Outbound to Office 365 - 5c2f"]
unsafe:
  description: What is dangerous about the plan.
  returned: success
  type: list
  elements: dict
  sample: []
session:
  description: Where the cmdlets ran, with C(method), C(server) and C(domain_controller).
  returned: success
  type: dict
  sample: {method: management_shell, server: ex1.contoso.com, domain_controller: dc1.contoso.com}
done:
  description: The cmdlets that had run when the task failed.
  returned: when the writing session ended early
  type: list
  elements: str
not_done:
  description: The cmdlets that had not run, or of which it is not known.
  returned: when the writing session ended early
  type: list
  elements: str
differences:
  description: What did not come back as it was wanted.
  returned: when a value did not come back
  type: list
  elements: str
diff:
  description: The connectors of the set before and after.
  returned: in diff mode
  type: dict
"""
