# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated organisation behind the WS-Man endpoint, as real as this machine lets it be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import powershell
from .bridge import Bridge
from .endpoint import Endpoint
from .simulator import Organisation


@contextmanager
def reached(there: Organisation) -> Iterator[Endpoint]:
    """With exchange_invoke on a real engine where there is one, else with the stand-in."""
    if powershell.find() is None:
        with Endpoint(there, backend="stand-in") as endpoint:
            yield endpoint
        return
    with Bridge(there) as bridge, Endpoint(environment=bridge.environment("management_shell")) as endpoint:
        yield endpoint
