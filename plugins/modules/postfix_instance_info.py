#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix_instance_info
short_description: Look whether a host has Postfix, and what it offers
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Tells in one task whether Postfix is installed, configured and running, and which table types it offers.
  - A host without Postfix is no error.
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.info_module
  - mailops.connectors.attributes.postfix_group
  - mailops.connectors.postfix
seealso:
  - module: mailops.connectors.postfix_connectors_info
"""

EXAMPLES = r"""
- name: Look at Postfix
  mailops.connectors.postfix_instance_info:
  register: there

- name: Refuse a host whose Postfix has no lmdb
  ansible.builtin.assert:
    that: "'lmdb' in there.table_types"
"""

RETURN = r"""
installed:
  description: Whether Postfix's programs are there.
  returned: success
  type: bool
configured:
  description: Whether the instance has a C(main.cf).
  returned: success
  type: bool
running:
  description: Whether the instance's C(master(8)) runs.
  returned: success
  type: bool
config_directory:
  description: The directory of C(main.cf). Empty where Postfix is not installed and O(config_directory) is not given.
  returned: success
  type: str
  sample: /etc/postfix
version:
  description: Postfix's version. Empty where it is not installed.
  returned: success
  type: str
  sample: 3.7.11
table_types:
  description: The types of lookup tables that Postfix offers, sorted. Empty where it is not configured.
  returned: success
  type: list
  elements: str
  sample: [cdb, hash, lmdb, regexp, texthash]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import (
    Postfix,
    PostfixCommandError,
    PostfixMissing,
    instance,
    through,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={"config_directory": {"type": "path"}, "command_directory": {"type": "path"}},
        supports_check_mode=True,
    )
    given = module.params
    try:
        found = instance(Postfix(given["config_directory"], through(module), given["command_directory"]))
    except (PostfixCommandError, PostfixMissing, OSError) as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
