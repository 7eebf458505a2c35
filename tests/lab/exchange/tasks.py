# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exchange tasks as their action plugins run them, with the Python stand-in where exchange_invoke would run."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.exchange import receive_task, task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.information import Information
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_task import ReceiveConnectors
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.send_task import Request, SendConnectors

from .simulator import Organisation
from .standin import Invoker

ALLOWED = ("large_change", "unserved")


def send_connectors(
    organisation: Organisation,
    connectors: list[dict[str, Any]],
    check_mode: bool = False,
    invoke: Invoker | None = None,
    allow_unsafe: tuple[str, ...] = ALLOWED,
    **options: Any,
) -> dict[str, Any]:
    """The result of exchange_send_connectors. Raises ConnectorError, of which the action makes the failure."""
    backend = SendConnectors(Request(connectors=connectors, **options))
    invoke = invoke or Invoker(organisation, check_mode=check_mode)
    return task.run(backend, invoke, check_mode=check_mode, allow_unsafe=allow_unsafe)


def receive_connectors(
    organisation: Organisation,
    connectors: list[dict[str, Any]],
    check_mode: bool = False,
    invoke: Invoker | None = None,
    allow_unsafe: tuple[str, ...] = ALLOWED,
    **options: Any,
) -> dict[str, Any]:
    """The result of exchange_receive_connectors. Raises ConnectorError, of which the action makes the failure."""
    backend = ReceiveConnectors(receive_task.Request(connectors=connectors, **options))
    invoke = invoke or Invoker(organisation, check_mode=check_mode)
    return task.run(backend, invoke, check_mode=check_mode, allow_unsafe=allow_unsafe)


def information(organisation: Organisation, **options: Any) -> dict[str, Any]:
    """The result of exchange_connectors_info."""
    asked = Information(**options)
    found = task.read(asked.reads(), Invoker(organisation))
    assert found.failure is None, found.failure
    return asked.result(found.answers, found.session)
