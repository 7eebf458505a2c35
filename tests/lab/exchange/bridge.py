# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated organisation for stub cmdlets in a real PowerShell, over a socket on the loopback.

Each request is one line of JSON, and so is its answer. What the stubs give back are deserialised objects, as implicit
remoting gives them. The ways to a session with Exchange are stubbed too: nothing here speaks to a real Exchange.
"""

from __future__ import annotations

import contextlib
import json
import os
import socketserver
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from . import clixml, methods
from .values import CmdletError, Credential

STUBS = Path(__file__).parent / "stubs"
WAYS = ("existing", "remoting", "management_shell", "edge", "none")
_TRANSPORT = "PSRemotingTransportException"
_SYSTEM_CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration"


class Organisation(Protocol):
    """What the bridge needs of simulator.Organisation."""

    @property
    def warnings(self) -> list[str]: ...

    def open_session(self) -> None: ...

    def call(self, cmdlet: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]: ...

    def cmdlets(self) -> Iterable[str]: ...

    def parameters(self, cmdlet: str) -> Mapping[str, Any]: ...


@dataclass
class Session:
    """One session with Exchange. Where a process has the cmdlets itself there is nothing to close, and it ends with it."""

    number: int
    way: str
    uri: str | None = None
    authentication: str | None = None
    configuration: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    imported: list[str] = field(default_factory=list)
    state: str = "Opened"  # Opened, Broken, Closed or Process


@dataclass(frozen=True)
class Call:
    session: int | None
    cmdlet: str
    parameters: dict[str, Any]


class Bridge:
    """``with Bridge(organisation) as bridge``: ansible-playbook with bridge.environment("remoting") reaches it.

    refuse: a message with which no session is opened. quiet_loss: a lost session shows in its state only, and not in the
    type of the exception. shell_ends_with: an error that ends the management shell once its session is open. foreign: a
    session of somebody else is open already. local: the host has a Set-SendConnector of its own that
    must not be called. sessions, calls: what came. problems: what was wrong with the bridge itself.
    """

    def __init__(
        self,
        organisation: Organisation,
        *,
        refuse: str = "",
        quiet_loss: bool = False,
        shell_ends_with: str = "",
        foreign: bool = False,
        local: bool = False,
        setup_running: bool = False,
    ) -> None:
        self.organisation, self.refuse, self.quiet_loss = organisation, refuse, quiet_loss
        self.shell_ends_with, self.foreign, self.local = shell_ends_with, foreign, local
        self.setup_running = setup_running
        self.sessions: list[Session] = []
        self.calls: list[Call] = []
        self.problems: list[str] = []
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        bridge = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                for line in self.rfile:
                    with bridge._lock:
                        answer = bridge._answer(json.loads(line))
                    self.wfile.write(json.dumps(answer).encode() + b"\n")

        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-exchange-")))
        server = _Server(("127.0.0.1", 0), Handler)
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def open_sessions(self) -> list[Session]:
        """Those that nobody closed."""
        return [
            session for session in self.sessions if session.state in ("Opened", "Broken") and session.way != "foreign"
        ]

    def environment(self, way: str) -> dict[str, str]:
        """Variables of a host that has this way to Exchange and no other."""
        assert way in WAYS
        variables = {
            "EXCHANGE_STUBS_BRIDGE": f"127.0.0.1:{self.port}",
            "EXCHANGE_STUBS_WAY": way,
            "EXCHANGE_STUBS_REGISTRY": str(self._registry(way)),
            "EXCHANGE_STUBS_SHELL_ENDS_WITH": self.shell_ends_with,
            "EXCHANGE_STUBS_FOREIGN": "foreign" if self.foreign else "",
            "EXCHANGE_STUBS_LOCAL": "local" if self.local else "",
            "EXCHANGE_STUBS_SETUP": "running" if self.setup_running else "",
            "PSModulePath": f"{STUBS}{os.pathsep}{os.environ.get('PSModulePath', '')}".rstrip(os.pathsep),
        }
        if way in ("management_shell", "edge"):
            variables["ExchangeInstallPath"] = str(self._installation())
        return variables

    def _installation(self) -> Path:
        """The folder of an installed Exchange, with what is started from there."""
        scripts = self._directory / "Exchange" / "Bin"
        scripts.mkdir(parents=True, exist_ok=True)
        for name in ("RemoteExchange.ps1", "exShell.psc1"):
            (scripts / name).write_bytes((STUBS / name).read_bytes())
        return scripts.parent

    def _registry(self, way: str) -> Path:
        """A folder that stands for HKLM:, which is on Windows only."""
        root = self._directory / f"registry-{way}"
        key = root / "SOFTWARE" / "Microsoft" / "ExchangeServer" / "v15"
        for name in {"management_shell": ["Setup"], "edge": ["Setup", "EdgeTransportRole"]}.get(way, []):
            (key / name).mkdir(parents=True, exist_ok=True)
        root.mkdir(parents=True, exist_ok=True)
        return root

    # --- requests ----------------------------------------------------------------------------------------------------

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return _REQUESTS[request.pop("do")](self, **request)
        except Exception as error:  # noqa: BLE001 - the stub tells it, and a test looks at problems
            self.problems.append(f"{type(error).__name__}: {error}")
            return {"error": {"type": "StubException", "message": self.problems[-1]}}

    def _cmdlets(self, way: str) -> dict[str, Any]:
        if way in ("existing", "edge"):
            self.sessions.append(Session(len(self.sessions) + 1, way, state="Process"))
            methods.note(way)
            self.organisation.open_session()
        names = list(self.organisation.cmdlets())
        return {"cmdlets": [{"name": name, "parameters": list(self._parameters(name))} for name in names]}

    def _parameters(self, cmdlet: str) -> Iterator[dict[str, Any]]:
        for name, kind in self.organisation.parameters(cmdlet).items():
            yield {"name": name, "switch": getattr(kind, "name", kind) == "Switch"}

    def _open(self, **given: Any) -> dict[str, Any]:
        if self.refuse:
            return {"error": {"type": _TRANSPORT, "message": self.refuse}}
        credential = _plain(given.pop("credential", None))
        session = Session(len(self.sessions) + 1, **given)
        if credential:
            session.username, session.password = credential.username, credential.password
        self.sessions.append(session)
        methods.note(session.way)
        self.organisation.open_session()
        return {"session": session.number}

    def _import(self, session: int, names: list[str]) -> dict[str, Any]:
        self.sessions[session - 1].imported = names
        return {}

    def _close(self, session: int) -> dict[str, Any]:
        self.sessions[session - 1].state = "Closed"
        return {}

    def _call(self, cmdlet: str, parameters: dict[str, Any], session: int | None) -> dict[str, Any]:
        given = {name: _plain(value) for name, value in parameters.items()}
        self.calls.append(Call(session, cmdlet, given))
        try:
            if session is not None and self.sessions[session - 1].state != "Opened":
                raise CmdletError(_TRANSPORT, "The session is not open.")
            objects = self.organisation.call(cmdlet, given)
        except CmdletError as error:
            return {"error": self._error(error, session), **self._warnings()}
        type_name = f"{_SYSTEM_CONFIGURATION}.{cmdlet.partition('-')[2]}"
        return {"objects": clixml.serialise(objects, type_name), **self._warnings()}

    def _error(self, error: CmdletError, session: int | None) -> dict[str, Any]:
        lost = error.exception_type == _TRANSPORT
        if lost and session is not None:
            self.sessions[session - 1].state = "Broken"
        name = "PSInvalidOperationException" if lost and self.quiet_loss else error.exception_type
        return {"type": name, "message": error.message, "lost": lost}

    def _warnings(self) -> dict[str, Any]:
        return {"warnings": list(self.organisation.warnings)}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


_REQUESTS = {
    "cmdlets": Bridge._cmdlets,
    "open": Bridge._open,
    "import": Bridge._import,
    "close": Bridge._close,
    "call": Bridge._call,
}


def _plain(value: Any) -> Any:
    """A parameter as the simulator takes it: a PSCredential as Credential."""
    return Credential(**value["$credential"]) if isinstance(value, dict) and "$credential" in value else value
