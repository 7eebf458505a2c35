#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_site_links
short_description: Costs of mail between the sites of an Exchange organisation
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Sets what a site link of Active Directory costs Exchange, and the largest message that goes over it. Between the servers of one
    organisation mail takes the way of the lowest cost, as it did between connected routing groups.
  - Links are only changed, never made or removed. An unknown name is an error that lists the known ones.
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.exchange_group
  - mailops.connectors.exchange
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  site_links:
    description:
      - The site links to change. A field that is left out stays as it is.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the site link in Active Directory.
        type: str
        required: true
      cost:
        description:
          - The cost for Exchange alone, 1 to 99999. Active Directory's own cost, which counts without it, is not changed.
        type: int
      max_message_size:
        description:
          - The largest message, such as V(10MB), at least 64KB, or V(unlimited).
        type: str
      reset:
        description:
          - V(cost) makes Exchange use Active Directory's cost again. V(max_message_size) removes the limit.
        type: list
        elements: str
notes:
  - C(async) is refused, because the task decides on the controller between its two sessions.
  - Edge Transport servers have no site links.
seealso:
  - module: mailops.connectors.exchange_send_connectors
"""

EXAMPLES = r"""
- name: Mail between Paris and Oslo costs 10, and is at most 20 MB large
  mailops.connectors.exchange_site_links:
    site_links:
      - name: Paris-Oslo
        cost: 10
        max_message_size: 20MB
  run_once: true

- name: Back to Active Directory's own cost
  mailops.connectors.exchange_site_links:
    site_links:
      - name: Paris-Oslo
        reset: [cost]
  run_once: true
"""

RETURN = r"""
plan:
  description: What happens to each site link.
  returned: success
  type: list
  elements: dict
  contains:
    site_link:
      description: The name of the site link.
      type: str
    action:
      description: Always V(update).
      type: str
    changes:
      description: The fields that change, with their values before and after.
      type: dict
    kept:
      description: Fields that the list leaves out, and that are not at their default.
      type: list
      elements: str
    notes:
      description: What is worth knowing about the change, in sentences.
      type: list
      elements: str
  sample:
    - site_link: Paris-Oslo
      action: update
      changes:
        cost: {before: null, after: 10}
      kept: []
      notes: []
commands:
  description: The cmdlets that ran (or would run), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "Set-AdSiteLink -Identity '6f2b2f4e-0b0f-4a53-9d8e-3f1c5f0c7a11' -ExchangeCost 10"
unmanaged:
  description: Site links that the list does not name. They are left alone.
  returned: success
  type: list
  elements: str
  sample: ["DEFAULTIPSITELINK"]
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
  description: The site links of the list before and after.
  returned: in diff mode
  type: dict
"""
