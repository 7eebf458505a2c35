# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a connector is: its Comment ends in the mark of the set that owns it. What carries no mark is never purged."""

from __future__ import annotations

import re
from typing import Any

_MARK = re.compile(r"\s*\[mailops:([^\[\]]+)\]\s*$")


def marked(comment: str, set_name: str) -> str:
    """A comment with the mark of a set at its end."""
    return f"{comment} [mailops:{set_name}]".strip()


def unmarked(comment: Any) -> tuple[str, str]:
    """A comment without the mark, and the name of the set; empty where there is no mark."""
    text = "" if comment is None else str(comment)
    found = _MARK.search(text)
    return (text[: found.start()].strip(), found.group(1)) if found else (text, "")
