# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domains that an Exchange organisation will deliver itself, as hosts of a list know them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_accepted_domains(hosts: Mapping[str, Any], domains: Any) -> dict[str, Any]:
    """The hosts as they were written, the Exchange servers with the authoritative domains of a list beside their own.

    A domain that is only about to be accepted is not read back from Exchange yet, and a plan would send its mail away.
    """
    delivered = [
        str(one["name"]).strip().lower()
        for one in domains or ()
        if isinstance(one, Mapping) and _is_delivered(one) and not str(one["name"]).strip().startswith("*")
    ]
    made = {}
    for name, fields in hosts.items():
        known = dict(fields or {})
        if delivered and str(known.get("system")).lower() == "exchange":
            own = known.get("local_domains") or []
            own = [own] if isinstance(own, str) else list(own)
            known["local_domains"] = list(dict.fromkeys([*own, *delivered]))
        made[name] = known
    return made


def _is_delivered(one: Mapping[str, Any]) -> bool:
    return bool(one.get("name")) and one.get("type") == "authoritative" and one.get("state", "present") != "absent"
