# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in inventory_hosts.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import inventory
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems


def inventory_hosts(exchange: Any, variables: Any, postfix: Any = None) -> dict[str, dict[str, Any]]:
    problems = Problems()
    try:
        made = inventory.inventory_hosts(list(exchange or ()), list(postfix or ()), variables, problems)
        problems.raise_if_any()
    except ConnectorError as error:
        raise AnsibleFilterError(f"inventory_hosts: {error}") from None
    return made


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"inventory_hosts": inventory_hosts}
