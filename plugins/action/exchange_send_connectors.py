# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.connectors.plugins.module_utils.exchange.send_task import Request, SendConnectors
from ansible_collections.mailops.connectors.plugins.plugin_utils.exchange_action import LIST_ARGUMENTS, ExchangeAction


class ActionModule(ExchangeAction):
    """Send connectors of Exchange from the organisation's list."""

    # The fields of a connector are checked by the core, which names the connector and the field in every error.
    ARGUMENTS: ClassVar = {
        "connectors": {"type": "list", "elements": "dict"},
        "site_links": {"type": "list", "elements": "dict"},
        **LIST_ARGUMENTS,
    }

    def backend(self, arguments: dict[str, Any]) -> SendConnectors:
        return SendConnectors(
            Request(
                connectors=arguments["connectors"],
                hosts=arguments["hosts"],
                routing_groups=arguments["routing_groups"],
                set=arguments["set"],
                purge=arguments["purge"],
                site_links=arguments["site_links"],
            )
        )
