#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_accepted_domains
short_description: Domains that Exchange accepts mail for
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Makes sure that accepted domains exist, those in O(domains) and those that O(connectors) relay to.
  - A domain is only removed where O(domains) names it as absent, never because a connector goes. The type of one that is there is
    only changed with O(allow_type_change=true).
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.exchange_group
  - mailops.connectors.connectors.hosts
  - mailops.connectors.exchange
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  domains:
    description:
      - The domains, each a name, or a dict of the fields below.
      - C(name), such as V(contoso.com), or V(*.contoso.com) for its subdomains. V(*) is refused, since it is an open relay.
      - C(type), one of V(authoritative), V(internal_relay) and V(external_relay). Required for a domain that is new.
      - C(state), V(present), the default, or V(absent).
      - C(default), V(true) makes it the default accepted domain. The one that was it no longer is.
    type: list
    elements: raw
  connectors:
    description:
      - The list of send connectors, as M(mailops.connectors.exchange_send_connectors) takes it. Each address space of a connector
        with C(relay=true) that Exchange carries becomes a domain of the type V(external_relay). V(*.contoso.com) becomes both
        V(contoso.com) and V(*.contoso.com).
    type: list
    elements: dict
  allow_type_change:
    description:
      - Whether to change the type of a domain that is there. Mail for an authoritative domain is delivered by Exchange itself, so
        this decides where mail goes.
    type: bool
    default: false
  removals:
    description:
      - When domains that O(domains) names as absent are removed, for who changes other things in between.
      - V(now), with everything else. V(later), not in this run. V(only), nothing else happens in this run.
    type: str
    choices: [now, later, only]
    default: now
  site_links:
    description:
      - Site links that are about to change, as M(mailops.connectors.exchange_site_links) takes them. O(connectors) are planned
        with their new costs. The links themselves are left alone.
    type: list
    elements: dict
notes:
  - C(async) is refused, because the task decides on the controller between its two sessions.
seealso:
  - module: mailops.connectors.exchange_send_connectors
"""

EXAMPLES = r"""
- name: Accept mail for all domains that the connectors relay to
  mailops.connectors.exchange_accepted_domains:
    connectors: "{{ connectors }}"
    hosts: "{{ hosts }}"
  run_once: true

- name: One domain of its own, and one that is no longer accepted
  mailops.connectors.exchange_accepted_domains:
    domains:
      - name: fabrikam.example
        type: internal_relay
      - name: old.example
        state: absent
  run_once: true
"""

RETURN = r"""
plan:
  description: What happens to each domain.
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: The domain.
      type: str
    action:
      description: One of V(create), V(update) and V(remove).
      type: str
    changes:
      description: The fields that change, with their values before and after.
      type: dict
    kept:
      description: Always empty.
      type: list
      elements: str
    notes:
      description: Which connector asks for it.
      type: list
      elements: str
  sample:
    - domain: partner.example
      action: create
      changes:
        type: {before: null, after: external_relay}
      kept: []
      notes: ['Asked for by connector "to-partner"']
commands:
  description: The cmdlets that ran (or would run), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "New-AcceptedDomain -Name 'partner.example' -DomainName 'partner.example' -DomainType 'ExternalRelay'"
unmanaged:
  description: Domains that the task does not name. They are left alone.
  returned: success
  type: list
  elements: str
  sample: ["contoso.com"]
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
  description: The domains that the task names, before and after.
  returned: in diff mode
  type: dict
"""
