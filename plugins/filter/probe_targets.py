# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in probe_targets.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    merge,
    read_hosts,
    read_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.carried import as_postfix_does, probing


def probe_targets(sets: Any, host: str, stranger: str = "", connecting: Any = None) -> dict[str, Any]:
    if not isinstance(sets, Mapping):
        raise AnsibleFilterError("probe_targets takes the sets of postfix_connectors_info")
    problems = Problems()
    read = [_read(str(name), one, problems) for name, one in sets.items()]
    name = str(host).lower()
    try:
        problems.raise_if_any()
        organisation = merge(read, problems, "postfix", name if not any(one.hosts for one in read) else None)
        problems.raise_if_any()
    except ConnectorError as error:
        raise AnsibleFilterError(f"probe_targets: {error}") from None
    how = as_postfix_does({str(parameter): str(value) for parameter, value in (connecting or {}).items()})
    ca_file = how.pop("ca_file")
    if name not in organisation.hosts:
        return {**how, "targets": [], "notes": []}
    return {**how, **probing(Router(organisation), name, str(stranger), ca_file).plain()}


def _read(name: str, one: Mapping[str, Any], problems: Problems) -> ConnectorSet:
    connectors = {item.connector.key: item.connector for item in read_connectors(one.get("connectors"), problems)}
    hosts = read_hosts(one.get("hosts"), problems)
    return ConnectorSet(name, connectors, hosts, read_routing_groups(one.get("routing_groups"), problems))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"probe_targets": probe_targets}
