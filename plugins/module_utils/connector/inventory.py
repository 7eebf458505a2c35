# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is who, as an inventory says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import Problems
from .topology import HOST_FIELDS, read_hosts

PREFIX = "smtp_connectors_"
_LOOPBACK = ("localhost", "127.", "::1")


def inventory_hosts(
    exchange: Iterable[str], postfix: Iterable[str], variables: Mapping[str, Mapping[str, Any]], problems: Problems
) -> dict[str, dict[str, Any]]:
    """hosts as all tasks take them: each host's variables smtp_connectors_FIELD, its group's system, and its address."""
    found: dict[str, dict[str, Any]] = {}
    for system, names in (("exchange", exchange), ("postfix", postfix)):
        for name in names:
            if name in found and found[name].get("system") != system and not _own(variables, name).get("system"):
                remedy = f"take it out of one of them, or set {PREFIX}system"
                problems.add(f"hosts.{name}", "system", None, "is in the groups of both systems", remedy)
            found[name] = _fields(_own(variables, name), system)
    read_hosts(found, problems)
    return {name: found[name] for name in sorted(found)}


def _own(variables: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    host = variables.get(name) or {}
    known = {field: host.get(PREFIX + field) for field in HOST_FIELDS}
    if known["address"] is None:
        known["address"] = _reached_at(host.get("ansible_host"))
    return {field: value for field, value in known.items() if value not in (None, "", [], {})}


def _fields(own: dict[str, Any], system: str) -> dict[str, Any]:
    return {"system": system, **own}


def _reached_at(address: Any) -> str | None:
    """Where Ansible reaches the host, unless that is this machine itself."""
    text = str(address or "").strip().lower()
    return None if not text or text.startswith(_LOOPBACK) else text
