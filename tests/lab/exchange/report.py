# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks of pytest that show which ways to Exchange a run took (methods.py). Conftest files import them.

They stand apart because the lab also serves where there is no pytest (serve.py).
"""

from __future__ import annotations

from typing import Any

import pytest

from . import methods

_reported = False


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its counts to the process that writes the report."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["ways_to_exchange"] = dict(methods.SEEN)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    methods.SEEN.update(getattr(node, "workeroutput", {}).pop("ways_to_exchange", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    global _reported
    if _reported:
        return  # several conftest files import this
    _reported = True
    terminalreporter.section("ways to Exchange")
    for line in methods.lines(methods.SEEN):
        terminalreporter.write_line(line)
