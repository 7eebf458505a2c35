# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in gathered_connectors.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.plugin_utils.gathered_file import find


def gathered_connectors(there: Any, hosts: Any = None, exchange: str = "", set: str = "default") -> dict[str, Any]:
    if not isinstance(there, Mapping):
        raise AnsibleFilterError(f"gathered_connectors takes a dict of hosts, not a {type(there).__name__}")
    try:
        return find(there, hosts, exchange, set).plain()
    except ConnectorError as error:
        raise AnsibleFilterError(f"gathered_connectors: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"gathered_connectors": gathered_connectors}
