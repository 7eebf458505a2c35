# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.connectors.plugins.module_utils.exchange.accepted_domains import (
    AcceptedDomains,
    Request,
)
from ansible_collections.mailops.connectors.plugins.plugin_utils.exchange_action import (
    LIST_ARGUMENTS,
    REMOVALS,
    ExchangeAction,
)


class ActionModule(ExchangeAction):
    """Accepted domains of Exchange: those named, and those that connectors relay to."""

    ARGUMENTS: ClassVar = {
        "domains": {"type": "list", "elements": "raw"},
        "connectors": {"type": "list", "elements": "dict"},
        "hosts": LIST_ARGUMENTS["hosts"],
        "routing_groups": LIST_ARGUMENTS["routing_groups"],
        "allow_type_change": {"type": "bool", "default": False},
        "removals": REMOVALS,
        "site_links": {"type": "list", "elements": "dict"},
    }

    def backend(self, arguments: dict[str, Any]) -> AcceptedDomains:
        return AcceptedDomains(Request(**{name: arguments[name] for name in self.ARGUMENTS}))
