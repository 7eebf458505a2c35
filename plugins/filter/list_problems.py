# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in list_problems.yml.

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.plugin_utils.offline import Lists, problems_of


def list_problems(connectors: Any, **options: Any) -> list[str]:
    return problems_of(Lists(connectors, **options))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"list_problems": list_problems}
