# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in plan_summary.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.plan_summary import host_summary, summary


def plan_summary(
    results: Any, passes: Any, set: str = "default", exchange: str = "", left_out: Any = (), senders: Any = ()
) -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError("plan_summary takes a dict of what the tasks on each host returned")
    hosts = [
        host_summary(str(name), str(found["system"]), found.get("results") or {}, bool(found.get("from_nothing")))
        for name, found in results.items()
    ]
    return summary(hosts, passes, str(set), str(exchange or ""), list(map(str, left_out)), list(map(str, senders)))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"plan_summary": plan_summary}
