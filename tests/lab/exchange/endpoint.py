# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A WS-Man service on the loopback, for real Ansible with its winrm connection and pywinrm.

It speaks what these two say over plain HTTP with Basic authentication, and no more: a Windows host to them. Behind it
stands either a real PowerShell engine, which runs what comes in as it comes, or a stand-in for exchange_invoke.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, Self
from xml.sax.saxutils import escape

from .. import LabError
from . import methods, powershell
from .payload import Payload, encoded_script, split_command_line

_SPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
}
_TIMED_OUT = 2150858793  # pywinrm asks again (winrm/protocol.py, send_message)
_NO_SUCH_SHELL = 2150858843
_PIECE = 100_000  # bytes of output for each Receive: the client has to ask several times for more
_LONGEST_WAIT = 20.0  # seconds, for one Receive
_LONGEST_RUN = 300.0  # seconds, for one command
_EXCHANGE_MODULE = "mailops.connectors.exchange_invoke"
_NO_SESSION = ("bad_call", "check_mode", "no_exchange", "setup_running", "session")


@dataclass(frozen=True)
class Outcome:
    stdout: bytes
    stderr: bytes = b""
    status: int = 0


@dataclass
class Command:
    """One command line in a shell. It starts when its standard input is complete."""

    line: str
    stdin: bytearray = field(default_factory=bytearray)
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | None = None
    process: subprocess.Popen[bytes] | None = None
    sent: int = 0

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def next_piece(self) -> tuple[bytes, bytes, bool]:
        """A piece of the output, of the errors, and whether these were the last ones."""
        assert self.outcome is not None
        piece = self.outcome.stdout[self.sent : self.sent + _PIECE]
        self.sent += len(piece)
        last = self.sent >= len(self.outcome.stdout)
        return piece, self.outcome.stderr if last else b"", last


class Backend(Protocol):
    def run(self, command: Command, payload: Payload | None) -> Outcome: ...

    def close(self) -> None: ...


class PowerShell:
    """Runs each command line with a real engine, in a directory of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lab-windows-"))
        links = powershell.link(self.directory / "bin")
        if links is None:
            shutil.rmtree(self.directory)
            raise LabError(f"The endpoint has nothing to run: {powershell.WITHOUT}")
        home = self.directory / "home"
        home.mkdir()
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        self.environment = {
            **inherited,
            **dict.fromkeys(("HOME", "TEMP", "TMP", "TMPDIR", "USERPROFILE"), str(home)),
            "LC_ALL": "C.UTF-8",
            **environment,
            "PATH": f"{links}{os.pathsep}{environment.get('PATH', os.environ.get('PATH', os.defpath))}",
        }

    def run(self, command: Command, payload: Payload | None) -> Outcome:
        arguments = split_command_line(command.line)
        stdin = bytes(command.stdin) if payload is None else payload.with_local_paths().write()
        if payload is not None and payload.module == _EXCHANGE_MODULE:
            methods.note(methods.MODULE)
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.environment["USERPROFILE"],
                env=self.environment,
                start_new_session=True,
            )
        except OSError:
            told = f"'{arguments[:1]}' is not recognized as an internal or external command."
            return Outcome(b"", told.encode(), 1)
        command.process = process
        try:
            stdout, stderr = process.communicate(stdin, timeout=_LONGEST_RUN)
        except subprocess.TimeoutExpired:
            command.stop()
            stdout, stderr = process.communicate(timeout=10)
            stderr += f"\nThe lab ended this command after {_LONGEST_RUN:g} s.".encode()
        return Outcome(stdout, stderr, process.returncode)

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


Invoker = Callable[[dict[str, Any]], dict[str, Any]]


class StandIn:
    """Answers exchange_invoke as a Windows host would, without any PowerShell, and nothing else.

    make_invoker: from whether it is check mode to what takes exchange_invoke's arguments and gives its result.
    """

    def __init__(self, make_invoker: Callable[[bool], Invoker]) -> None:
        self.make_invoker = make_invoker

    def run(self, command: Command, payload: Payload | None) -> Outcome:
        if payload is None or payload.module != _EXCHANGE_MODULE or payload.wrapped:
            told = "" if payload is None else f" {payload.module or payload.action['name']} {payload.wrapped or ''}"
            return _failure(
                f"This stand-in for a Windows host runs {_EXCHANGE_MODULE} only, and no PowerShell. It was asked for:"
                f"{told or ' ' + (encoded_script(split_command_line(command.line)) or command.line)[:200]}"
            )
        arguments = {name: value for name, value in payload.arguments.items() if not name.startswith("_ansible_")}
        result = self.make_invoker(bool(payload.arguments.get("_ansible_check_mode")))(arguments)
        return _answer({"changed": False, **result})

    def close(self) -> None:
        pass


def _answer(result: Mapping[str, Any]) -> Outcome:
    return Outcome(json.dumps(result).encode() + b"\r\n", status=int(bool(result.get("failed"))))


def _failure(message: str) -> Outcome:
    return _answer({"failed": True, "changed": False, "msg": message})


class Endpoint:
    """A Windows host at a random port of the loopback, as a context manager.

    organisation: what exchange_invoke reaches, for the stand-in. backend: pwsh or stand-in. environment: for each process
    of the engine, such as Bridge.environment() for stub cmdlets. make_invoker: see StandIn; by default that of the lab.

    requests: how many came in; actions: what they were. texts: all that could be read in them, in plain text, except the
    secrets of exchange_invoke where they belong. modules: the modules that ran, by name. exchange_sessions: how many
    sessions with Exchange these opened.
    """

    def __init__(
        self,
        organisation: Any = None,
        backend: str = "pwsh",
        *,
        environment: Mapping[str, str] | None = None,
        make_invoker: Callable[[bool], Invoker] | None = None,
    ) -> None:
        self.user, self.password = "lab-administrator", f"endpoint-{secrets.token_hex(8)}"
        self.actions: list[str] = []
        self.modules: list[str] = []
        self.exchange_sessions = 0
        self.backend: Backend
        if backend == "pwsh":
            self.backend = PowerShell(environment or {})
        elif backend == "stand-in":
            self.backend = StandIn(make_invoker or _stand_in(organisation))
        else:
            raise LabError(f"The backend of an endpoint is pwsh or stand-in, not {backend!r}")
        self._shells: dict[str, dict[str, Command]] = {}
        self._texts: dict[str, None] = {}
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._numbers = itertools.count(1)

    # --- life ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="wsman").start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            running = [command for shell in self._shells.values() for command in shell.values()]
            self._shells.clear()
        for command in running:
            command.stop()
        self.backend.close()

    def host_vars(self) -> dict[str, Any]:
        """The variables of an inventory host that is this endpoint."""
        return {
            "ansible_connection": "winrm",
            "ansible_host": "127.0.0.1",
            "ansible_port": self._server.server_address[1],
            "ansible_user": self.user,
            "ansible_password": self.password,
            "ansible_winrm_scheme": "http",
            "ansible_winrm_transport": "basic",
            "ansible_winrm_proxy": None,  # a proxy of the surroundings does not reach this loopback
        }

    # --- what was seen ------------------------------------------------------------------------------------------

    @property
    def requests(self) -> int:
        return len(self.actions)

    @property
    def texts(self) -> list[str]:
        with self._lock:
            return list(self._texts)

    def _note(self, *texts: str | None) -> None:
        with self._lock:
            self._texts.update(dict.fromkeys(text for text in texts if text))

    # --- the service --------------------------------------------------------------------------------------------

    def answer(self, request: ET.Element) -> str:
        """The body of the answer. Raises _FaultError."""
        action = _text(request, "s:Header/a:Action").rpartition("/")[2]
        methods.note(methods.WINRM)
        with self._lock:
            self.actions.append(action)
        handlers = {
            "Create": self._create,
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Delete": self._delete,
        }
        if action not in handlers:
            raise _FaultError(f"The lab's endpoint knows no action {action}")
        return handlers[action](request)

    def _create(self, _request: ET.Element) -> str:
        shell = str(uuid.uuid4()).upper()
        with self._lock:
            self._shells[shell] = {}
        return (
            "<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell}</w:Selector>'
            "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        )

    def _command(self, request: ET.Element) -> str:
        words = [node.text or "" for node in request.iterfind("s:Body/rsp:CommandLine/*", _SPACES)]
        command = Command(" ".join(words))
        name = str(uuid.uuid4()).upper()
        self._shell(request)[name] = command
        self._note(command.line, encoded_script(split_command_line(command.line)))
        options = {node.get("Name"): node.text for node in request.iterfind("s:Header/w:OptionSet/w:Option", _SPACES)}
        if options.get("WINRS_CONSOLEMODE_STDIN") == "TRUE":  # nothing will be sent
            self._start(command)
        return f"<rsp:CommandResponse><rsp:CommandId>{name}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, request: ET.Element) -> str:
        stream = request.find("s:Body/rsp:Send/rsp:Stream", _SPACES)
        command = self._find(request, stream)
        assert stream is not None
        command.stdin += base64.b64decode(stream.text or "")
        if stream.get("End", "").lower() == "true":
            self._start(command)
        return "<rsp:SendResponse/>"

    def _start(self, command: Command) -> None:
        threading.Thread(target=self._run, args=(command,), daemon=True, name=f"command {next(self._numbers)}").start()

    def _run(self, command: Command) -> None:
        try:
            payload = Payload.read(bytes(command.stdin))
            self._note(*([command.stdin.decode("utf-8", "replace")] if payload is None else payload.texts()))
            command.outcome = self.backend.run(command, payload)
            if payload is not None and payload.module:
                self._count(payload.module, command.outcome)
        except Exception as reason:  # noqa: BLE001  # whatever it is, the client has to hear of it
            command.outcome = _failure(f"The lab's endpoint failed: {type(reason).__name__}: {reason}")
        finally:
            command.done.set()

    def _count(self, module: str, outcome: Outcome) -> None:
        with self._lock:
            self.modules.append(module)
            if module != _EXCHANGE_MODULE:
                return
            with contextlib.suppress(ValueError):
                result = json.loads(outcome.stdout)
                failed = (result.get("failure") or {}).get("kind")
                self.exchange_sessions += (
                    bool((result.get("session") or {}).get("method")) and failed not in _NO_SESSION
                )

    def _receive(self, request: ET.Element) -> str:
        stream = request.find("s:Body/rsp:Receive/rsp:DesiredStream", _SPACES)
        command = self._find(request, stream)
        if not command.done.wait(_timeout(request)):
            raise _FaultError("The operation timed out", _TIMED_OUT)
        stdout, stderr, last = command.next_piece()
        made = "".join(
            f'<rsp:Stream Name="{name}">{base64.b64encode(data).decode()}</rsp:Stream>'
            for name, data in (("stdout", stdout), ("stderr", stderr))
        )
        state = f"{_SPACES['rsp']}/CommandState/{'Done' if last else 'Running'}"
        status = f"<rsp:ExitCode>{command.outcome.status}</rsp:ExitCode>" if last and command.outcome else ""
        return f'<rsp:ReceiveResponse>{made}<rsp:CommandState State="{state}">{status}</rsp:CommandState></rsp:ReceiveResponse>'

    def _signal(self, request: ET.Element) -> str:
        self._find(request, request.find("s:Body/rsp:Signal", _SPACES)).stop()
        return "<rsp:SignalResponse/>"

    def _delete(self, request: ET.Element) -> str:
        shell = self._shell(request)
        with self._lock:
            self._shells.pop(_text(request, "s:Header/w:SelectorSet/w:Selector"), None)
        for command in list(shell.values()):
            command.stop()
        return ""

    def _shell(self, request: ET.Element) -> dict[str, Command]:
        try:
            return self._shells[_text(request, "s:Header/w:SelectorSet/w:Selector")]
        except KeyError:
            raise _FaultError("There is no such shell", _NO_SUCH_SHELL) from None

    def _find(self, request: ET.Element, node: ET.Element | None) -> Command:
        command = self._shell(request).get("" if node is None else node.get("CommandId", ""))
        if command is None:
            raise _FaultError("There is no such command in this shell", _NO_SUCH_SHELL)
        return command


def _stand_in(organisation: Any) -> Callable[[bool], Invoker]:
    from . import standin

    return lambda check_mode: standin.Invoker(organisation, check_mode=check_mode)


class _FaultError(Exception):
    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


def _text(request: ET.Element, path: str) -> str:
    return (request.findtext(path, "", _SPACES) or "").strip()


def _timeout(request: ET.Element) -> float:
    given = re.fullmatch(r"PT([\d.]+)S", _text(request, "s:Header/w:OperationTimeout"), re.ASCII)
    return min(float(given[1]), _LONGEST_WAIT) if given else _LONGEST_WAIT


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)  # without asking the resolver for a name of this machine
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "lab", self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together; else each request waits for a delayed ACK
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        account = f"{self.server.endpoint.user}:{self.server.endpoint.password}".encode()
        if self.headers.get("Authorization", "") != "Basic " + base64.b64encode(account).decode():
            self._send(401, "", {"WWW-Authenticate": 'Basic realm="WSMAN"'})
            return
        request = ET.fromstring(body)  # from pywinrm, on the loopback
        try:
            status, made = 200, self.server.endpoint.answer(request)
        except _FaultError as fault:
            status, made = 500, _fault(fault)
        self._send(status, _envelope(_text(request, "s:Header/a:MessageID"), made))

    def _send(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is printed into the test's output."""


def _envelope(relates_to: str, body: str) -> str:
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _SPACES.items())
    return (
        f"<s:Envelope {spaces}><s:Header><a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )


def _fault(fault: _FaultError) -> str:
    detail = f'<s:Detail><f:WSManFault Code="{fault.code}"/></s:Detail>' if fault.code else ""
    return (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(str(fault))}</s:Text></s:Reason>{detail}</s:Fault>'
    )
