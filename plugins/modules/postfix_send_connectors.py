#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix_send_connectors
short_description: Let a Postfix bridgehead carry SMTP connectors
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Compiles the organisation's list of connectors into what this host needs. That is a transport table, one delivery service for
    each failover chain with its own TLS policy and accounts, relay domains, and the settings that name them.
  - The same list goes to every host. The host carries the connectors that name it as a bridgehead, and hands mail for others
    over to their bridgeheads.
  - The plan says beforehand which address spaces will take another route. Afterwards C(trivial-rewrite(8)) is asked whether they
    do, and any difference restores what was there before.
  - Steps are ordered so that after each of them every address has its old or its new route. A run that was killed is
    completed by the next one.
  - What is not from this module stays. Removing everything leaves C(main.cf) and C(master.cf) as they were found.
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.postfix_group
  - mailops.connectors.connectors
  - mailops.connectors.connectors.hosts
  - mailops.connectors.connectors.plan
  - mailops.connectors.connectors.this_host
  - mailops.connectors.connectors.strict
  - mailops.connectors.postfix
options:
  beforehand:
    description:
      - What earlier tasks of the same play write. In check mode they have not written it yet, and the plan counts with it.
      - Without effect outside check mode.
    type: dict
    suboptions:
      settings:
        description: Parameters of C(main.cf), as O(mailops.connectors.postfix_main_cf#module:settings) takes them.
        type: dict
        default: {}
      files:
        description: Paths of files that will be there, for example certificates.
        type: list
        elements: path
        default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - In check mode the host may be without Postfix. It is then planned against the settings of a fresh installation, and the
    task says so.
  - The definition of all sets is kept in C(connectors/connectors.json) beside C(main.cf), without passwords. A password stands
    in one file of mode 0600 on the bridgeheads that need it, and is not sent to any other host.
seealso:
  - module: mailops.connectors.postfix_connectors_info
  - module: mailops.connectors.smtp_route
"""

EXAMPLES = r"""
- name: Send mail for a partner over its two smart hosts, the second one if the first does not answer
  mailops.connectors.postfix_send_connectors:
    connectors:
      - name: to-partner
        address_spaces: ["*.partner.example"]
        smart_hosts: [mx1.partner.example, mx2.partner.example]
        bridgeheads: [gw1, gw2]
        tls:
          level: verify
          ca_file: /etc/ssl/certs/ca-certificates.crt
    hosts:
      gw1: {address: 192.0.2.11}
      gw2: {address: 192.0.2.12}
      app1: {address: 192.0.2.21}

- name: Everything else goes by DNS MX; connectors that the list does not name are removed
  mailops.connectors.postfix_send_connectors:
    connectors:
      - name: internet
        address_spaces: ["*"]
        bridgeheads: [gw1]
    purge: true

- name: Remove one connector
  mailops.connectors.postfix_send_connectors:
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
      description: One of V(create), V(update) and V(remove).
      type: str
    changes:
      description: The fields that change, with their values before and after.
      type: dict
    kept:
      description: Always empty on Postfix, where the list is the whole definition.
      type: list
      elements: str
    notes:
      description: What Postfix does in another way than the field suggests, in sentences.
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
  description: The address spaces whose mail takes another way, from this host.
  returned: success
  type: list
  elements: dict
  sample:
    - from: gw1
      address_space: "*.partner.example"
      before: "no connector: smtp by DNS MX"
      after: "to-partner via [mx1.partner.example]:25, [mx2.partner.example]:25"
commands:
  description: What was done (or would be), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "write /etc/postfix/connectors/transport (2 lines, postmap lmdb)"
    - "postfix reload"
unmanaged:
  description: What else decides about routes on this host. It is left alone.
  returned: success
  type: list
  elements: str
  sample: ["transport_maps hash:/etc/postfix/transport"]
unsafe:
  description: What is dangerous about the plan.
  returned: success
  type: list
  elements: dict
  sample: []
verification:
  description: What C(trivial-rewrite(8)) said afterwards, or why it was not asked.
  returned: success
  type: str
  sample: trivial-rewrite(8) answers as planned for 4 addresses
from_nothing:
  description: Whether Postfix is not set up here yet, and the plan was made against a fresh installation. In check mode only.
  returned: success
  type: bool
  sample: false
diff:
  description: The connectors of the set before and after.
  returned: in diff mode
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.vocabulary import argument_options
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix, through
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.foreseen import (
    Beforehand,
    ForeseenPostfix,
    NoPostfix,
    NoTables,
    is_set_up,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Request, provision
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.store import StoreError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import FAILURES, ApplyError

FROM_NOTHING = "Postfix is not set up on this host yet, so this is planned from nothing: against a fresh installation."


def argument_spec() -> dict[str, object]:
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
        "set": {"type": "str", "default": "default"},
        "purge": {"type": "bool", "default": False},
        "allow_unsafe": {
            "type": "list",
            "elements": "str",
            "choices": ["large_change", "unserved"],
            "default": [],
        },
        "this_host": {"type": "str"},
        "strict": {"type": "bool", "default": True},
        "beforehand": {
            "type": "dict",
            "options": {
                "settings": {"type": "dict", "default": {}},
                "files": {"type": "list", "elements": "path", "default": []},
            },
        },
        "config_directory": {"type": "path"},
        "command_directory": {"type": "path"},
    }


def request(module: AnsibleModule) -> Request:
    given = module.params
    return Request(
        connectors=given["connectors"],
        this_host=given["this_host"] or "",
        hosts=given["hosts"],
        routing_groups=given["routing_groups"],
        set=given["set"],
        purge=given["purge"],
        allow_unsafe=tuple(given["allow_unsafe"]),
        strict=given["strict"],
        check_mode=module.check_mode,
    )


def instance(module: AnsibleModule) -> tuple[Postfix, LookupTables]:
    """The host's Postfix, in check mode as earlier tasks will leave it."""
    where = (module.params["config_directory"], through(module), module.params["command_directory"])
    beforehand = Beforehand(**(module.params["beforehand"] or {}))
    if module.check_mode and not is_set_up(Postfix(*where)):
        return NoPostfix(*where, beforehand), NoTables(*where)
    if module.check_mode and (beforehand.settings or beforehand.files):
        return ForeseenPostfix(*where, beforehand), LookupTables(*where)
    return Postfix(*where), LookupTables(*where)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["this_host"]:
        module.fail_json(msg="this_host is needed: the name by which bridgeheads and hosts know this host.")
    postfix, tables = instance(module)
    try:
        outcome = provision(postfix, tables, request(module))
    except ConnectorError as error:
        problems = [str(problem) for problem in error.problems]
        module.fail_json(msg="Nothing was touched.\n" + "\n".join(problems), problems=problems)
    except (StoreError, *FAILURES) as error:
        module.fail_json(msg=f"Nothing was touched. {error}")
    except ApplyError as error:
        restored = not error.failed
        module.fail_json(msg=str(error), done=error.done, restored=error.undone, rolled_back=restored)
    else:
        from_nothing = isinstance(postfix, NoPostfix)
        if from_nothing:
            module.warn(FROM_NOTHING)
        for warning in outcome.warnings:
            module.warn(warning)
        if outcome.failure:
            module.fail_json(msg=outcome.failure, **outcome.plain())
        module.exit_json(from_nothing=from_nothing, **outcome.plain())


if __name__ == "__main__":
    main()
