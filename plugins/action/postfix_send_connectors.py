# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import Wanted, read_connectors, show
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    read_hosts,
    read_routing_groups,
    show_host_fields,
    show_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.plugin_utils.postfix_action import this_host


class ActionModule(ActionBase):
    """Reads the list on the controller, and tells each host what it needs, and no more.

    Mistakes show before any host is contacted, internationalised names become A-labels here, and a password goes only to the
    bridgeheads of its connector.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        arguments["this_host"] = this_host(arguments, variables, bool(self._task.delegate_to))
        try:
            arguments.update(_for_this_host(arguments, arguments["this_host"]))
        except ConnectorError as error:
            problems = [str(problem) for problem in error.problems]
            result.update(failed=True, msg="Nothing was touched.\n" + "\n".join(problems), problems=problems)
            return result
        module = "mailops.connectors.postfix_send_connectors"
        result.update(self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars))
        if isinstance(result.get("diff"), dict):
            result["diff"] = _as_yaml(result["diff"])
        return result


def _for_this_host(arguments: dict[str, Any], here: str) -> dict[str, Any]:
    """The options as the module takes them: in normal form, with the passwords of this host's own connectors only."""
    problems = Problems()
    wanted = read_connectors(arguments.get("connectors"), problems)
    hosts = read_hosts(arguments.get("hosts"), problems)
    groups = read_routing_groups(arguments.get("routing_groups"), problems)
    problems.raise_if_any()
    sent: dict[str, Any] = {"connectors": [_sent(item, here) for item in wanted]}
    if arguments.get("hosts") is not None:
        sent["hosts"] = {name: show_host_fields(host) for name, host in hosts.items()}
    if arguments.get("routing_groups") is not None:
        sent["routing_groups"] = show_routing_groups(groups.values())
    return sent


def _sent(item: Wanted, here: str) -> dict[str, Any]:
    if item.absent:
        return {"name": item.connector.name, "state": "absent", "renamed_from": list(item.renamed_from)}
    shown = show(item.connector)
    if item.renamed_from:
        shown["renamed_from"] = list(item.renamed_from)
    if item.password is not None and here in item.connector.bridgeheads:
        shown["authentication"] = {**shown.get("authentication", {}), "password": item.password}
    return shown


def _as_yaml(diff: dict[str, Any]) -> dict[str, Any]:
    def text(value: Any) -> str:
        return yaml.safe_dump(value, sort_keys=True, default_flow_style=False) if value else ""

    return {**diff, "before": text(diff.get("before")), "after": text(diff.get("after"))}
