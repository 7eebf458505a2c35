# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_task import ReceiveConnectors, Request
from ansible_collections.mailops.connectors.plugins.plugin_utils.exchange_action import (
    LIST_ARGUMENTS,
    REMOVALS,
    ExchangeAction,
)


class ActionModule(ExchangeAction):
    """Receive connectors of Exchange servers from a list."""

    # The fields of a connector are checked by the core, which names the connector and the field in every error.
    ARGUMENTS: ClassVar = {
        "connectors": {"type": "list", "elements": "dict", "required": True},
        "anonymous_logon": {"type": "str"},
        "removals": REMOVALS,
        **{name: option for name, option in LIST_ARGUMENTS.items() if name not in ("routing_groups", "allow_unsafe")},
        "allow_unsafe": {"type": "list", "elements": "str", "choices": ["large_change"], "default": []},
    }

    def backend(self, arguments: dict[str, Any]) -> ReceiveConnectors:
        return ReceiveConnectors(
            Request(
                connectors=arguments["connectors"],
                hosts=arguments["hosts"],
                set=arguments["set"],
                purge=arguments["purge"],
                anonymous_logon=arguments["anonymous_logon"] or "",
                removals=arguments["removals"],
            )
        )
