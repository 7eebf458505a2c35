#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smtp_route
short_description: Show which SMTP connector takes mail for an address, and why
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Says for each address, from each host, which connector takes the mail, where it goes, and why every other connector
    whose address space matches lost.
  - Follows the mail from host to host, also while hosts or smart hosts do not answer.
  - Selects routes with the function that builds the transport table of the bridgeheads. Nothing is connected to and
    nothing is changed, so with O(connectors) given it runs anywhere, for example on localhost before a change is made.
  - Without O(connectors), the connectors of all sets on a Postfix host are used, with their hosts and routing groups.
options:
  addresses:
    description:
      - The mail addresses to ask for, or their domains alone.
    type: list
    elements: str
    required: true
  from_hosts:
    description:
      - The hosts that the mail starts from.
      - The default is O(this_host), and without that every known host.
    type: list
    elements: str
  this_host:
    description:
      - A host to add where O(hosts) is not given, and the default of O(from_hosts).
    type: str
  system:
    description:
      - The system of hosts for which O(hosts) does not say it.
    type: str
    choices: [exchange, postfix]
    default: postfix
  down:
    description:
      - Hosts and smart hosts that do not answer. A smart host without a port means all its ports.
    type: list
    elements: str
    default: []
  size:
    description:
      - The size of the message, such as V(35MB). On Exchange it can change the route. On Postfix, the explanation says
        when the message is too large.
    type: str
  config_directory:
    description:
      - The directory with the C(main.cf) of the Postfix instance whose connectors are used when O(connectors) is not
        given.
      - The default is the one that Postfix was built with, normally V(/etc/postfix).
    type: path
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.connectors
  - mailops.connectors.connectors.hosts
attributes:
  check_mode:
    support: full
    details: The module never changes anything.
  diff_mode:
    support: N/A
    details: The module never changes anything.
  idempotent:
    support: full
requirements:
  - Python 3.9 or newer
seealso:
  - module: mailops.connectors.postfix_send_connectors
"""

EXAMPLES = r"""
- name: Where does mail for the partner go, and where while the first smart host is down?
  mailops.connectors.smtp_route:
    connectors:
      - name: to-partner
        address_spaces: ["*.partner.example"]
        smart_hosts: [mx1.partner.example, mx2.partner.example]
        bridgeheads: [gw1]
      - name: internet
        address_spaces: ["*"]
        bridgeheads: [gw2]
    hosts:
      gw1: {address: 192.0.2.11}
      gw2: {address: 192.0.2.12}
    addresses: [info@sales.partner.example]
    from_hosts: [gw2]
    down: [mx1.partner.example]
  delegate_to: localhost
  register: answer

- name: Show the answers
  ansible.builtin.debug:
    msg: "{{ answer.routes | map(attribute='explanation') }}"

- name: Make sure that mail for the partner leaves this bridgehead by its connector
  mailops.connectors.smtp_route:
    addresses: [partner.example]
    from_hosts: ["{{ inventory_hostname }}"]
  register: answer
  failed_when: answer.routes[0].connector != "to-partner"
"""

RETURN = r"""
routes:
  description: One answer for each address and host, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: The address, as it was given.
      type: str
    from:
      description: The host that the mail starts from.
      type: str
    connector:
      description: The connector that wins, whoever is down. Null where none does, or the host delivers the mail itself.
      type: str
    address_space:
      description: The address space of the connector that matched.
      type: str
    cost:
      description: The cost of the address space and of the way to it, added up.
      type: int
    next_hops:
      description: Where this host sends the mail, tried in this order. Empty with DNS MX.
      type: list
      elements: str
    chain:
      description: The connectors in the order in which they are tried, each in words.
      type: list
      elements: str
    considered:
      description: Every connector with a matching address space, and why it wins or lost.
      type: list
      elements: dict
    hops:
      description: The way that the mail takes, host by host, while what is named in O(down) does not answer.
      type: list
      elements: dict
    outcome:
      description:
        - Where the way ends. V(smart_host) and V(mx) leave the known hosts, V(local) is delivered by the last host,
          V(waits) is queued there since nothing answers, V(no_route) takes no connector there, and V(foreign) needs a
          connector that leads to the other system.
      type: str
    explanation:
      description: The answer in one sentence.
      type: str
  sample:
    - address: info@sales.partner.example
      from: gw2
      connector: to-partner
      address_space: "*.partner.example"
      cost: 1
      next_hops: [gw1]
      chain: ["to-partner handed over to gw1"]
      considered:
        - {connector: to-partner, address_space: "*.partner.example", cost: 1, why: wins}
        - {connector: internet, address_space: "*", cost: 1, why: "the narrower space *.partner.example wins"}
      hops:
        - {host: gw2, connector: to-partner, next_hop: gw1}
        - {host: gw1, connector: to-partner, next_hop: "[mx2.partner.example]:25"}
      outcome: smart_host
      explanation: >-
        Mail for sales.partner.example from gw2 goes to [mx2.partner.example]:25 over gw1 by "to-partner".
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey, route_answer, values
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import (
    ConnectorError,
    Problems,
    ValueProblem,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    SYSTEMS,
    ConnectorSet,
    merge,
    read_hosts,
    read_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import (
    BRIDGEHEAD,
    argument_options,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import store
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import (
    Postfix,
    PostfixCommandError,
    PostfixMissing,
    through,
)

Parameters = dict[str, t.Any]


def argument_spec() -> Parameters:
    return {
        "connectors": {"type": "list", "elements": "dict", "options": argument_options()},
        "hosts": {"type": "dict"},
        "routing_groups": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "domains": {"type": "list", "elements": "str"},
            },
        },
        "addresses": {"type": "list", "elements": "str", "required": True},
        "from_hosts": {"type": "list", "elements": "str"},
        "this_host": {"type": "str"},
        "system": {"type": "str", "choices": list(SYSTEMS), "default": "postfix"},
        "down": {"type": "list", "elements": "str", "default": []},
        "size": {"type": "str"},
        "config_directory": {"type": "path"},
    }


def given_set(parameters: Parameters, problems: Problems) -> ConnectorSet:
    """The task's own list, with hosts and routing groups."""
    wanted = read_connectors(parameters["connectors"], problems)
    connectors = {item.connector.key: item.connector for item in wanted if not item.absent}
    hosts = read_hosts(parameters["hosts"], problems)
    return ConnectorSet("default", connectors, hosts, read_routing_groups(parameters["routing_groups"], problems))


def stored_sets(parameters: Parameters, problems: Problems) -> list[ConnectorSet]:
    """All sets of the Postfix instance. Raises StoreError, PostfixMissing and OSError."""
    for field in ("hosts", "routing_groups"):
        if parameters[field] is not None:
            remedy = f"give connectors as well, or leave {field} out: those of the Postfix host are used"
            problems.add("", field, None, "goes with connectors", remedy)
    directory = parameters["config_directory"]
    sets = list(store.load(directory).sets.values())
    if not sets:
        remedy = "give connectors, or run the task on a host with connectors"
        problems.add("", "connectors", None, f"is not given, and none are there in {store.path(directory)}", remedy)
    return sets


def read_size(given: t.Any, problems: Problems) -> int | None:
    """Bytes, or None where no size was given."""
    if given is None:
        return None
    try:
        size = values.read_size(given)
    except ValueProblem as problem:
        problems.add_value("", "size", problem)
        return None
    if size == values.UNLIMITED:
        problems.add("", "size", given, "is no size of a message", "write for example 35MB")
    return size


def read_this_host(given: t.Any, problems: Problems) -> str | None:
    try:
        return None if given is None else t.cast(str, BRIDGEHEAD.read(given))
    except ValueProblem as problem:
        problems.add_value("", "this_host", problem)
        return None


def routes(parameters: Parameters, sets: list[ConnectorSet], problems: Problems) -> list[Parameters]:
    """The answers. Raises ConnectorError where the connectors or the question make no sense."""
    this_host = read_this_host(parameters["this_host"], problems)
    size = read_size(parameters["size"], problems)
    questions = route_answer.read_questions(parameters["addresses"], problems)
    problems.raise_if_any()
    organisation = merge(sets, problems, parameters["system"], this_host)
    asked = parameters["from_hosts"] or ([this_host] if this_host else sorted(organisation.hosts))
    sources = route_answer.read_known_hosts(asked, "from_hosts", organisation, problems)
    down = route_answer.read_down(parameters["down"], organisation, problems)
    problems.raise_if_any()
    router = Router(organisation, size)
    journey.check_reached_groups(router, problems)
    journey.check_loops(router, problems)
    problems.raise_if_any()
    return [route_answer.answer(router, source, one, down).plain() for one in questions for source in sources]


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    problems = Problems()
    try:
        if module.params["connectors"] is None:
            directory = Postfix(module.params["config_directory"], through(module)).config_directory
            sets = stored_sets({**module.params, "config_directory": directory}, problems)
        else:
            sets = [given_set(module.params, problems)]
        found = routes(module.params, sets, problems)
    except ConnectorError as error:
        told = [str(problem) for problem in error.problems]
        module.fail_json(msg="\n".join(told), problems=told)
    except (store.StoreError, PostfixCommandError, PostfixMissing) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}.")
    else:
        module.exit_json(changed=False, routes=found)


if __name__ == "__main__":
    main()
