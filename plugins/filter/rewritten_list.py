# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in rewritten_list.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import rewriting


def rewritten_list(connectors: Any, remove: Any = None, old: str = "", new: Any = None) -> list[Any]:
    if remove is not None:
        return rewriting.removal(remove)
    if not isinstance(connectors, list):
        raise AnsibleFilterError(f"rewritten_list takes a list of connectors, not a {type(connectors).__name__}")
    return rewriting.replacement(connectors, str(old), [str(name) for name in new or ()]) if old else connectors


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"rewritten_list": rewritten_list}
