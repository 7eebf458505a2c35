# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in as_listed.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors, show
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import read_hosts


def as_listed(
    connectors: Any, names: Any, hosts: Any = None, routing_groups: Any = None, set: str = "default"
) -> dict[str, dict[str, Any]]:
    known = read_hosts(hosts, Problems())
    wanted = [item.connector for item in read_connectors(connectors, Problems()) if not item.absent]
    made: dict[str, dict[str, Any]] = {}
    for name in map(str, names):
        host = known.get(name.lower())
        # An Exchange organisation has its own connectors only, and a Postfix host the whole list.
        here = [
            show(one)
            for one in wanted
            if host is None or host.system == "postfix" or {"exchange"} == _systems(one.bridgeheads, known)
        ]
        content = {"connectors": here, "hosts": hosts or {}, "routing_groups": routing_groups or []}
        made[name] = {**content, "sets": {set: content}, "unmanaged": []}
    return made


def _systems(bridgeheads: Any, known: Mapping[str, Any]) -> set[str]:
    return {known[name].system for name in bridgeheads if name in known}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"as_listed": as_listed}
