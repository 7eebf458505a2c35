# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_invoke in a real PowerShell, which starts once for all of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.exchange import powershell, report
from lab.exchange.bridge import Bridge, Organisation
from lab.exchange.engine import Answer, Engine

# Every report says which ways to Exchange were real.
pytest_sessionfinish = report.pytest_sessionfinish
pytest_terminal_summary = report.pytest_terminal_summary
pytest_testnodedown = report.pytest_testnodedown

URI = "http://ex1.contoso.com/PowerShell/"


class Host:
    """A host with one way to the cmdlets of Exchange, which are stubs in front of a simulated organisation."""

    def __init__(self, engine: Engine, organisation: Organisation, way: str, **options: Any) -> None:
        self.engine, self.way = engine, way
        self.bridge = Bridge(organisation, **options)

    def invoke(self, *calls: dict[str, Any], check_mode: bool = False, **options: Any) -> Answer:
        """One run of the module. Whatever comes of it, no session is left open."""
        given = {"calls": list(calls), **options}
        if self.way in ("remoting", "edge"):
            given.setdefault("session_method", self.way)
        if self.way == "remoting":
            given.setdefault("session_uri", URI)
        answer = self.engine.run(given, self.bridge.environment(self.way), check_mode=check_mode)
        assert self.bridge.problems == []
        assert self.bridge.open_sessions == []
        return answer


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    if powershell.find() is None:
        pytest.skip(powershell.WITHOUT)
    with Engine() as running:
        yield running


@pytest.fixture
def host(engine: Engine) -> Iterator[Callable[..., Host]]:
    """host(organisation, way="existing", **options of the bridge)"""
    opened: list[Host] = []

    def make(organisation: Organisation, way: str = "existing", **options: Any) -> Host:
        opened.append(Host(engine, organisation, way, **options))
        opened[-1].bridge.__enter__()
        return opened[-1]

    yield make
    for one in opened:
        one.bridge.__exit__()
