# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in step_connectors.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def step_connectors(connectors: Any, step: Any) -> list[Any]:
    if not isinstance(connectors, list) or not isinstance(step, Mapping):
        raise AnsibleFilterError("step_connectors takes a list of connectors and a step of a rollout")
    if step.get("last"):
        return connectors
    named = {str(name).lower() for name in step.get("connectors") or ()}
    between: dict[str, dict[str, Any]] = {}
    for field in ("bridgeheads", "address_spaces"):
        for name, value in (step.get(field) or {}).items():
            between.setdefault(str(name).lower(), {})[field] = value
    chosen = [
        {**one, **between[key]} if key in between else one
        for one in connectors
        if (key := str(one.get("name")).strip().lower()) in named
    ]
    return chosen + [{"name": name, "state": "absent"} for name in step.get("removed") or ()]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"step_connectors": step_connectors}
