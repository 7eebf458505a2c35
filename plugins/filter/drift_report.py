# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in drift_report.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import drift


def drift_report(summary: Any) -> str:
    if not isinstance(summary, Mapping):
        raise AnsibleFilterError("drift_report takes what drift_summary made")
    return drift.markdown(summary)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"drift_report": drift_report}
