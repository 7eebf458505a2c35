# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for something to become true, never for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from . import LabError

Answer = TypeVar("Answer")


def wait_until(
    question: Callable[[], Answer | None],
    what: str,
    *,
    timeout: float = 60.0,
    pause: float = 0.02,
    details: Callable[[], str] | None = None,
) -> Answer:
    """Ask again and again until the answer is true, and return that answer.

    timeout and pause are seconds. Raises LabError that names what did not happen, with the details if given.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            told = "\n" + details() if details else ""
            raise LabError(f"Not within {timeout:g} s: {what}{told}")
        time.sleep(pause)
