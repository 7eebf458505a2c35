# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.connectors.plugins.module_utils.exchange.site_links import SiteLinks
from ansible_collections.mailops.connectors.plugins.plugin_utils.exchange_action import ExchangeAction


class ActionModule(ExchangeAction):
    """Costs and sizes of Active Directory site links, as Exchange uses them."""

    ARGUMENTS: ClassVar = {"site_links": {"type": "list", "elements": "dict", "required": True}}

    def backend(self, arguments: dict[str, Any]) -> SiteLinks:
        return SiteLinks(arguments["site_links"])
