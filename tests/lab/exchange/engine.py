# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unchanged exchange_invoke in one real PowerShell that runs it many times, without Ansible around it.

A task of ansible-playbook takes more than a second, most of it to compile Ansible.Basic. Here that happens once.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import ansible.module_utils

from .. import LabError
from . import methods, powershell
from .bridge import STUBS, Bridge

CHECKOUT = Path(__file__).resolve().parents[3]
MODULE = CHECKOUT / "plugins" / "modules" / "exchange_invoke.ps1"
UTILITIES = Path(ansible.module_utils.__file__).parent
_LONGEST_RUN = 300.0  # seconds; a thousand cmdlets on a busy machine take their time


@dataclass(frozen=True)
class Answer:
    """result: what the task would return. logged: what Ansible would write into the event log. text: all of it."""

    result: dict[str, Any]
    logged: str
    text: str


class Engine:
    """``with Engine() as engine: engine.run(arguments, bridge.environment("existing"))``"""

    def __init__(self, module: Path = MODULE) -> None:
        self.module = module

    def __enter__(self) -> Self:
        program = powershell.find()
        if program is None:
            raise LabError(powershell.WITHOUT)
        self._output = tempfile.TemporaryFile()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(_LONGEST_RUN)
            command = [str(program), "-NoProfile", "-NonInteractive", "-File", str(STUBS / "engine.ps1")]
            self._process = subprocess.Popen(
                [*command, str(self.module), str(UTILITIES), str(listener.getsockname()[1])],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                # A time zone of its own shows where a local time is taken for one in UTC.
                env={**os.environ, "TZ": "Asia/Kolkata"},
            )
            try:
                self._connection, _peer = listener.accept()
            except TimeoutError as error:
                self._stop()
                raise LabError(f"The engine did not start: {self._printed()}") from error
        self._connection.settimeout(_LONGEST_RUN)
        self._stream = self._connection.makefile("rwb")
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.close()
        self._connection.close()
        self._stop()
        self._output.close()

    def _stop(self) -> None:
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def run(self, arguments: Mapping[str, Any], environment: Mapping[str, str], *, check_mode: bool = False) -> Answer:
        """One run of the module on a host with these variables."""
        methods.note(methods.MODULE)
        given = {"_ansible_check_mode": check_mode, **arguments}
        self._stream.write(json.dumps({"arguments": given, "environment": dict(environment)}).encode() + b"\n")
        self._stream.flush()
        line = self._stream.readline().decode()
        try:
            answer = json.loads(line)
            result = json.loads(answer["output"])
        except ValueError as error:
            raise LabError(f"No result of the module, but: {line or self._printed()}") from error
        result.pop("invocation", None)  # which ansible-core 2.19 always adds; it stays in text
        if answer["errors"] or answer["more"]:
            raise LabError(f"The module wrote something besides its result: {line}")
        return Answer(result, answer["logged"], line)


class EngineInvoker:
    """exchange_invoke as a function of its arguments, in the engine and for one organisation; see standin.Invoker."""

    def __init__(
        self, engine: Engine, bridge: Bridge, *, check_mode: bool = False, method: str = "management_shell"
    ) -> None:
        self.engine, self.bridge, self.check_mode, self.method = engine, bridge, check_mode, method
        self.asked: list[dict[str, Any]] = []

    @property
    def sessions(self) -> int:
        return len(self.bridge.sessions)

    def __call__(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(dict(arguments))
        return self.engine.run(arguments, self.bridge.environment(self.method), check_mode=self.check_mode).result
