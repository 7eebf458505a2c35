# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in replacement_problem.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector import rewriting


def replacement_problem(old: str, new: Any, hosts: Any, groups: Any = ("exchange", "postfix")) -> str:
    known: Mapping[str, Any] = hosts or {}
    systems = {str(name): str(host["system"]) for name, host in known.items()}
    return rewriting.replacement_problem(
        str(old), [str(name) for name in new or ()], systems, [str(one) for one in groups]
    )


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"replacement_problem": replacement_problem}
