# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in queued_messages.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import queued
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import (
    ConnectorError,
    Problems,
    ValueProblem,
    shown,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.rollout import read_order
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import ConnectorSet, merge


def queued_messages(
    lines: Any,
    connectors: Any,
    host: str,
    towards: Any,
    hosts: Any = None,
    routing_groups: Any = None,
    after: Any = None,
    among: Any = None,
    forgotten: bool = False,
) -> dict[str, Any]:
    here = str(host).lower()
    problems = Problems()
    try:
        before = _router(connectors, hosts, routing_groups, here, problems)
        then = None if after is None else _router(after, hosts, routing_groups, here, problems)
        problems.raise_if_any()
        messages = queued.read_queue(lines.splitlines() if isinstance(lines, str) else lines or ())
        goals = {str(name).lower() for name in towards}
        chosen = None if among is None else {str(one) for one in among}
        return queued.queued_messages(messages, queued.Question(here, goals, before, then, chosen, forgotten)).plain()
    except ConnectorError as error:
        raise AnsibleFilterError(f"queued_messages: {error}") from None
    except ValueProblem as problem:
        told = f"the line {shown(problem.shown)} {problem.message}. Remedy: {problem.remedy}."
        raise AnsibleFilterError(f"queued_messages: {told}") from None


def _router(connectors: Any, hosts: Any, routing_groups: Any, here: str, problems: Problems) -> Router:
    order = read_order(connectors, hosts, routing_groups, "default", False, problems)
    known = {item.connector.key: item.connector for item in order.wanted if not item.absent}
    problems.raise_if_any()
    one = ConnectorSet(order.set, known, order.hosts, order.routing_groups or {})
    # What is wrong between connectors plays no part: mail was routed by them all the same.
    return Router(merge([one], Problems(), "postfix", here))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"queued_messages": queued_messages}
