# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.mailops.connectors.plugins.plugin_utils.postfix_action import this_host


class ActionModule(ActionBase):
    """Tells the module which host it is on: routes differ from host to host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        asks = any(boolean(arguments.get(name) or False, strict=False) for name in ("ask_routes", "find_hand_made"))
        arguments["this_host"] = this_host(arguments, variables, bool(self._task.delegate_to and asks))
        module = "mailops.connectors.postfix_connectors_info"
        result.update(self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars))
        return result
