# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in rollout.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.rollout import Rollout, read_order
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.compile import check_organisation


def rollout(
    connectors: Any,
    hosts: Any,
    routing_groups: Any = None,
    there: Any = None,
    set: str = "default",
    purge: bool = False,
    this: str = "",
) -> list[dict[str, Any]]:
    problems = Problems()
    order = read_order(connectors, hosts, routing_groups, set, purge, problems)
    try:
        problems.raise_if_any()
        names = {str(name).lower(): str(name) for name in hosts or ()}
        made = Rollout(order, there or {}, str(this or "").lower(), check_organisation, names)
        return [one.plain() for one in made.passes()]
    except ConnectorError as error:
        raise AnsibleFilterError(f"rollout: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"rollout": rollout}
