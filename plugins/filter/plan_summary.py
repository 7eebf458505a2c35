# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in plan_summary.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import plan_summary as core
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
    read_routing_groups,
)


def plan_summary(
    results: Any,
    passes: Any,
    connectors: Any,
    hosts: Any = None,
    routing_groups: Any = None,
    set: str = "default",
    exchange: str = "",
    left_out: Any = (),
) -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError("plan_summary takes a dict of what the tasks on each host returned")
    problems = Problems()
    wanted = read_connectors(connectors, problems)
    present = {item.connector.key: item.connector for item in wanted if not item.absent}
    one = ConnectorSet(str(set), present, read_hosts(hosts, problems), read_routing_groups(routing_groups, problems))
    organisation = merge([one], problems, "postfix")
    try:
        problems.raise_if_any()
    except ConnectorError as error:
        raise AnsibleFilterError(f"plan_summary: {error}") from None
    router = Router(organisation)
    told = []
    for name, found in results.items():
        key = str(name).lower()
        system = organisation.hosts[key].system if key in organisation.hosts else "postfix"
        if found.get("from_nothing") and key in organisation.hosts:
            told.append(core.from_nothing(router, key, connectors, one))
        else:
            told.append(core.host_summary(key, system, found.get("results") or {}))
    return core.summary(told, passes, str(set), str(exchange or ""), list(map(str, left_out)))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"plan_summary": plan_summary}
