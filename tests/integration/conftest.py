# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests with real Postfix instances, in a network namespace of the test run's own (tests/lab).

Each pytest-xdist worker has its own namespace, so workers may use the same addresses at the same time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import namespace, postfix
from lab.certificates import Authority
from lab.dns import Server
from lab.exchange import report
from lab.postfix import Instance
from lab.sink import Sink

# Every report says which ways to Exchange were real.
pytest_sessionfinish = report.pytest_sessionfinish
pytest_terminal_summary = report.pytest_terminal_summary
pytest_testnodedown = report.pytest_testnodedown


@pytest.fixture(scope="session", autouse=True)
def lab_namespace() -> None:
    """The whole test process moves into its own namespace before the first of these tests."""
    if reason := namespace.missing() or postfix.missing():
        pytest.skip(reason)
    namespace.enter()


@pytest.fixture
def lab_root() -> Iterator[Path]:
    """A directory for instances (tmp_path is closed to the user postfix)."""
    with postfix.temporary_root() as root:
        yield root


@pytest.fixture
def make_instance(lab_root: Path) -> Iterator[Callable[..., Instance]]:
    """Makes and starts Postfix instances: make_instance("b1", "127.0.0.11", start=False, **options of Instance)."""
    with ExitStack() as stack:

        def make(name: str, address: str, *, start: bool = True, **options: Any) -> Instance:
            instance = Instance(lab_root, name, address, **options)
            stack.callback(instance.stop)
            return instance.start() if start else instance

        yield make


@pytest.fixture
def make_sink() -> Iterator[Callable[..., Sink]]:
    """Makes and starts SMTP sinks: make_sink("192.0.2.30", **options of Sink)."""
    with ExitStack() as stack:

        def make(address: str, port: int = 25, **options: Any) -> Sink:
            sink = Sink(address, port, **options)
            stack.callback(sink.stop)
            return sink.start()

        yield make


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority; Authority(tmp_path / "other") makes one that nobody trusts."""
    return Authority(tmp_path / "certificates")


@pytest.fixture
def resolver() -> Iterator[Server]:
    """The DNS server that names are resolved with; fill it with resolver.set("x.example", "A", "192.0.2.30")."""
    with Server({}) as server:
        yield server
