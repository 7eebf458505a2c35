# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in exchange_queues_left.yml.

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.exchange import draining


def exchange_queues_left(queues: Any) -> dict[str, Any]:
    return draining.left(queues or [])


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"exchange_queues_left": exchange_queues_left}
