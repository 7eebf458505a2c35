# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in still_naming.yml.

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector import rewriting


def still_naming(
    host: str,
    connectors: Any = None,
    hosts: Any = None,
    there: Any = None,
    set: str = "default",
    receive_connectors: Any = None,
    written: Any = None,
) -> list[str]:
    others: dict[str, Any] = {}
    for content in there or ():
        others.update({name: one for name, one in ((content or {}).get("sets") or {}).items() if name != set})
        unmanaged = (content or {}).get("unmanaged")
        if unmanaged and isinstance(unmanaged[0], dict):
            others[""] = unmanaged
    found = rewriting.still_naming(str(host), connectors, hosts, others, receive_connectors, written)
    return list(dict.fromkeys(found))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"still_naming": still_naming}
