# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task on generated lists of Exchange, where a list that is refused tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from hypothesis import assume, event, note

Raw = dict[str, Any]


def applied(task: Callable[..., Raw], *given: Any, **options: Any) -> Raw:
    """The result of the task, which does not fail."""
    try:
        result = task(*given, **options)
    except ConnectorError as error:
        note(str(error))
        event(f"refused: {error.problems[0].field}")
        assume(False)
        raise
    assert not result.get("failed"), result["msg"]
    return result
