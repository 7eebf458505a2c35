# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.information import Information
from ansible_collections.mailops.connectors.plugins.plugin_utils.exchange_action import ExchangeAction, refused
from ansible_collections.mailops.connectors.plugins.plugin_utils.query import QueryError, search


class ActionModule(ExchangeAction):
    """What an Exchange organisation has, in the vocabulary."""

    ARGUMENTS: ClassVar = {
        "hosts": {"type": "dict"},
        "set": {"type": "str", "default": "default"},
        "query": {"type": "str"},
    }

    def perform(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        try:
            information = Information(arguments["set"], arguments["hosts"])
        except ConnectorError as error:
            return refused(error)
        found = task.read(information.reads(), lambda asked: self.invoke(arguments, asked, variables))
        if found.failure:
            return found.failure
        result = information.result(found.answers, found.session)
        if arguments["query"]:
            try:
                result["query_result"] = search(arguments["query"], result)
            except QueryError as error:
                return {"failed": True, "changed": False, "msg": str(error)}
        return {"changed": False, **result}
