# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How plans, verifications and reports of differences name things to people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMED_BY = ("connector", "domain", "site_link")
"""The keys of which an entry of a plan has one: what it is about."""


def sentence(text: str) -> str:
    """The text with a full stop where it has no end yet."""
    return text if text.endswith((".", "!", "?")) else text + "."


def entry_name(entry: Mapping[str, Any], otherwise: str = "") -> str:
    """The name of what an entry of a plan is about."""
    return str(next((entry[key] for key in NAMED_BY if entry.get(key)), otherwise))


def unmanaged_name(one: Any) -> str:
    """What belongs to nobody is a name on Postfix, and a connector on Exchange."""
    return str(one.get("name")) if isinstance(one, Mapping) else str(one)
