# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in read_back_differences.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.read_back import route_differences


def read_back_differences(connectors: Any, info: Any, routing_groups: Any = None) -> list[str]:
    try:
        return route_differences(connectors, info, routing_groups)
    except ConnectorError as error:
        raise AnsibleFilterError(f"read_back_differences: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"read_back_differences": read_back_differences}
