# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in stopped_text.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.plan_summary import stopped


def stopped_text(plan: Any, number: Any, failures: Any, begun: bool = True) -> str:
    if not isinstance(plan, Mapping) or not isinstance(failures, Mapping):
        raise AnsibleFilterError(
            "stopped_text takes a plan that plan_summary made, a step's number and a dict of failures"
        )
    return stopped(plan, int(number), failures, begun)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"stopped_text": stopped_text}
