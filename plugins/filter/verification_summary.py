# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in verification_summary.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import verification


def verification_summary(results: Any, strangers: str = "warn") -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError("verification_summary takes a dict of what the tasks on each host returned")
    if strangers not in verification.STRANGERS:
        raise AnsibleFilterError(f"verification_summary: strangers is one of {', '.join(verification.STRANGERS)}")
    made = verification.summary(
        [verification.host_verdict(str(name), found or {}, strangers) for name, found in results.items()]
    )
    return {**made, "failures": verification.failures(made)}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"verification_summary": verification_summary}
