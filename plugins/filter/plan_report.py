# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in plan_report.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.plan_summary import markdown


def plan_report(plan: Any) -> str:
    if not isinstance(plan, Mapping):
        raise AnsibleFilterError("plan_report takes a plan that plan_summary made")
    return markdown(plan)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"plan_report": plan_report}
