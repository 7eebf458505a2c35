# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows host for real ansible-playbook and winrm whose exchange_invoke runs in an engine that is there already.

What is sent is what a real host would get, and the module is the unchanged one; only how Windows would start it is left out.
So a playbook of many tasks takes seconds. test_winrm_endpoint shows the way without this shortcut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .bridge import Bridge
from .endpoint import Endpoint
from .engine import Engine, EngineInvoker
from .simulator import Organisation

Arguments = dict[str, Any]
Watch = Callable[[str, bool], None]


@contextmanager
def engine_endpoint(
    engine: Engine, there: Organisation, way: str = "management_shell", watch: Watch | None = None
) -> Iterator[tuple[Endpoint, Bridge]]:
    """watch: gets the calls of each session before it is opened, as a text, and whether some of them write."""
    with Bridge(there) as bridge:

        def make_invoker(check_mode: bool) -> Callable[[Arguments], Arguments]:
            run = EngineInvoker(engine, bridge, check_mode=check_mode, method=way)

            def invoke(arguments: Arguments) -> Arguments:
                calls = arguments["calls"]
                if watch:
                    watch(json.dumps(calls), any(not call["cmdlet"].startswith("Get-") for call in calls))
                return run(arguments)

            return invoke

        with Endpoint(backend="stand-in", make_invoker=make_invoker) as endpoint:
            yield endpoint, bridge
        assert (bridge.problems, bridge.open_sessions) == ([], [])
