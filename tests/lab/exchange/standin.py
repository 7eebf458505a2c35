# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for exchange_invoke: the same contract without PowerShell, in front of a simulated organisation.

It follows plugins/modules/exchange_invoke.ps1, whose results it has to give; that one stays the truth.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from . import methods, standin_calls
from .faults import SessionLostError
from .objects import Object
from .simulator import Organisation
from .standin_calls import Call, StoppedError, plain, shown, signature, value_of
from .values import CmdletError

__all__ = ["Invoker"]

_DOUBLE_HOP = "If access was denied: use CredSSP or Kerberos delegation, or become with a password."
_AGAIN = "It changed since it was planned. Run the task again."


class Invoker:
    """Calls it with the arguments of exchange_invoke, and returns its result. method: what session_method auto comes to.

    sessions: how many were opened. asked: the arguments of every call.
    """

    def __init__(
        self, organisation: Organisation, check_mode: bool = False, method: str = "", *, setup_running: bool = False
    ) -> None:
        self.organisation, self.check_mode, self.setup_running = organisation, check_mode, setup_running
        self.method = method or ("edge" if organisation.edge else "management_shell")
        self.sessions = 0
        self.asked: list[dict[str, Any]] = []

    def __call__(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        given = json.loads(json.dumps(arguments))  # what comes over a connection is plain data
        self.asked.append(given)
        wrong = standin_calls.check_arguments(given)
        if wrong:
            return {"failed": True, "changed": False, "msg": wrong}
        work = _Work(self, given)
        work.run()
        return work.result()


@dataclass
class _Work:
    invoker: Invoker
    option: dict[str, Any] = field(repr=False)
    calls: list[Call] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    wrote: bool = False
    failure: dict[str, Any] | None = None
    session: dict[str, Any] = field(default_factory=dict)
    current: Call | None = None

    def __post_init__(self) -> None:
        self.organisation = self.invoker.organisation
        self.session = dict.fromkeys(("method", "server", "uri"))
        self.session |= {"domain_controller": self.option.get("domain_controller"), "edge": False}
        texts = [*(self.option.get("secrets") or {}).values(), self.option.get("session_password")]
        self.masks = sorted((str(text) for text in texts if text), key=len, reverse=True)

    def run(self) -> None:
        try:
            self._check_calls()
            self._open()
            self._check_permissions()
            self._invoke_all()
        except StoppedError as stopped:
            self.failure = self._described(stopped)

    def result(self) -> dict[str, Any]:
        made: dict[str, Any] = {"changed": self.wrote, "session": self.session, "results": self.results}
        if self.failure:
            made |= {"failed": True, "msg": self.failure.pop("message"), "done": self.done, "failure": self.failure}
        return made

    # --- failures ---

    def hide(self, text: str) -> str:
        for secret in self.masks:
            text = text.replace(secret, "********")
        return text

    def _described(self, stopped: StoppedError) -> dict[str, Any]:
        text = stopped.text.strip()
        sentence = text if text.endswith((".", "!", "?")) else f"{text}."
        place = f"{self.current.title}: " if self.current else ""
        return {
            "kind": stopped.kind,
            "call": self.current.index if self.current else None,
            "cmdlet": self.current.cmdlet if self.current else None,
            "exception": stopped.error.exception_type if stopped.error else None,
            "category": "InvalidArgument" if stopped.error else None,
            "text": self.hide(text),
            "message": self.hide(f"{place}{sentence} {stopped.remedy}".strip()),
        }

    def _done_text(self) -> str:
        if not self.done:
            return "No write call was finished."
        return f"These write calls were finished: {'; '.join(self.calls[index].title for index in self.done)}."

    # --- before there is a session ---

    def _check_calls(self) -> None:
        if any(len(secret) < 4 for secret in self.masks):
            text = "a password shorter than four characters cannot be masked"
            raise StoppedError("bad_call", text, "Use a longer one.")
        for index, given in enumerate(self.option["calls"]):
            self.current = Call(index, given["cmdlet"])
            self.current.read(given, self.option.get("secrets") or {}, self.invoker.check_mode)
            self.calls.append(self.current)
        self.current = None

    # --- the session ---

    def _open(self) -> None:
        self.session["method"] = method = self._method()
        if self.invoker.setup_running:
            raise StoppedError(
                "setup_running", "Exchange Setup is running on this host", "Try again when it has ended."
            )
        local = self.organisation.local
        shell = method == "management_shell" and not self.option.get("session_username")
        uri = self.option.get("session_uri") if method == "remoting" else f"http://{local.fqdn}/PowerShell/"
        self.invoker.sessions += 1
        methods.note(methods.STAND_IN)
        self.organisation.open_session()
        if shell and not self._has("Get-SendConnector"):
            text = "The Exchange Management Shell found no server that it may use"
            raise StoppedError("session", text, _DOUBLE_HOP)
        if method == "remoting" or (method == "management_shell" and not shell):
            self.session |= {"uri": uri, "server": urlsplit(uri).hostname}
        else:
            self.session["server"] = local.fqdn if shell else local.name
        self.session["edge"] = method == "edge" or (method == "existing" and self.organisation.edge)

    def _method(self) -> str:
        asked = self.option.get("session_method") or "auto"
        if asked == "existing" and not self._has("Get-SendConnector"):
            remedy = "Connect to a session that has them, or use another session_method."
            raise StoppedError("no_exchange", "this session has no cmdlets of Exchange", remedy)
        if asked != "auto":
            return str(asked)
        if self.invoker.method == "existing" and self._has("Get-SendConnector"):
            return "existing"
        if self.option.get("session_uri"):
            return "remoting"
        if self.invoker.method != "existing":
            return self.invoker.method
        remedy = "Run the task on an Exchange server, or set session_uri, such as http://ex1.contoso.com/PowerShell/."
        raise StoppedError("no_exchange", "there is no Exchange on this host", remedy)

    def _has(self, cmdlet: str) -> bool:
        return cmdlet.lower() in (name.lower() for name in self.organisation.cmdlets())

    def _takes(self, cmdlet: str, parameter: str) -> bool:
        return parameter.lower() in (name.lower() for name in self.organisation.parameters(cmdlet))

    # --- what the account may use ---

    def _check_permissions(self) -> None:
        for call in self.calls:
            self.current = call
            call.missing = call.optional and not self._has(call.cmdlet)
            if not call.missing:
                self._check_permission(call)
        self.current = None

    def _check_permission(self, call: Call) -> None:
        remedy = _role_text(call.cmdlet)
        for name in [call.cmdlet] + [f"Get-{call.noun}"] * (call.expect is not None):
            if not self._has(name):
                raise StoppedError("cmdlet_hidden", f"the session has no cmdlet {name}.", _role_text(name))
        for name in [*call.arguments, *([call.each["parameter"]] if call.each else [])]:
            if not self._takes(call.cmdlet, name):
                text = f"the cmdlet has no parameter {name} in this session"
                raise StoppedError("parameter_hidden", text, remedy)

    # --- running the calls ---

    def _invoke_all(self) -> None:
        checked = False
        for call in self.calls:
            if call.writes and not checked:
                self._check_expectations()
                checked = True
            self._invoke(call)

    def _invoke(self, call: Call) -> None:
        self.current = call
        warnings: list[str] = []
        shown_objects: list[dict[str, Any]] = []
        for arguments in [] if call.missing else list(self._arguments(call)):
            objects, said = self._cmdlet(call.cmdlet, arguments)
            self.wrote = self.wrote or call.writes
            call.objects += objects
            warnings += said
            into = (call.each or {}).get("into")
            more = {into: arguments[call.each["parameter"]]} if call.each and into else {}
            shown_objects += [
                {**more, **{name: plain(value_of(one, name)) for name in call.properties}}
                for one in objects
                if call.properties
            ]
        self.results.append({"objects": shown_objects, "missing": call.missing, "warnings": warnings})
        if call.writes:
            self.done.append(call.index)
        self.current = None

    def _arguments(self, call: Call) -> Iterator[dict[str, Any]]:
        if not call.each:
            yield call.arguments
            return
        for one in self.calls[call.each["call"]].objects:
            if not _meets(one, call.each.get("where") or {}):
                continue
            value = plain(value_of(one, call.each["property"]))
            if value in (None, "", []):
                text = f"an object of call {call.each['call']} has no {call.each['property']}"
                raise StoppedError("bad_call", text)
            yield {**call.arguments, call.each["parameter"]: " ".join(value) if isinstance(value, list) else str(value)}

    def _cmdlet(self, cmdlet: str, arguments: Mapping[str, Any]) -> tuple[list[Object], list[str]]:
        given = dict(arguments)
        directed = self._takes(cmdlet, "DomainController")
        named = any(name.lower() == "domaincontroller" for name in given)
        if directed and self.session["domain_controller"] and not named:
            given["DomainController"] = self.session["domain_controller"]
        try:
            objects = self.organisation.call(cmdlet, given)
        except SessionLostError as error:
            doubt = "Whether this call was carried out is not known. " if self.current and self.current.writes else ""
            text = f"The session with Exchange was lost: {error.message}"
            raise StoppedError("lost", text, f"{doubt}{self._done_text()} Run the task again.", error) from error
        except CmdletError as error:
            raise StoppedError("cmdlet", error.message, self._done_text(), error) from error
        if directed and not self.session["domain_controller"]:
            origins = (plain(value_of(one, "OriginatingServer")) for one in objects)
            self.session["domain_controller"] = next((origin for origin in origins if origin), None)
        return objects, [self.hide(warning) for warning in self.organisation.warnings]

    # --- expectations ---

    def _check_expectations(self) -> None:
        lists: dict[str, dict[str, list[Object]]] = {}
        for call in self.calls:
            if call.expect is None:
                continue
            self.current = call
            if call.noun not in lists:
                lists[call.noun] = _by_name(self._cmdlet(f"Get-{call.noun}", {})[0])
            _check_expectation(call, lists[call.noun])
        self.current = None


def _role_text(cmdlet: str) -> str:
    roles = "Organization Management"
    if cmdlet.endswith("-ReceiveConnector"):
        roles = "Organization Management, Server Management or Hygiene Management"
    return f"The account needs a management role that has it, as the members of {roles} have."


def _meets(one: Object, where: Mapping[str, Any]) -> bool:
    for name, wanted in where.items():
        texts = [str(text).lower() for text in (wanted if isinstance(wanted, list) else [wanted])]
        value = plain(value_of(one, name))
        values = value if isinstance(value, list) else [] if value is None else [value]
        if not any(str(part).lower() in texts for part in values):
            return False
    return True


def _check_expectation(call: Call, objects: Mapping[str, list[Object]]) -> None:
    found = list(_meant(call, objects))
    if call.expect == "absent":
        if found:
            raise StoppedError("expectation", "there is one of this name already", _AGAIN)
        return
    assert isinstance(call.expect, dict)
    if len(found) != 1:
        text = f"there are {len(found)} objects of this identity instead of one"
        raise StoppedError("expectation", text, _AGAIN)
    for name, wanted in call.expect.items():
        value = plain(value_of(found[0], name))
        if signature(value) != signature(wanted):
            raise StoppedError("expectation", f"{name} is {shown(value)} instead of {shown(wanted)}", _AGAIN)


def _by_name(objects: Iterable[Object]) -> dict[str, list[Object]]:
    """The objects under each of their names: a thousand calls would otherwise look a million times."""
    found: dict[str, list[Object]] = {}
    for one in objects:
        names = (_text(one, name) for name in ("Guid", "Identity", "DistinguishedName", "Name"))
        for name in dict.fromkeys(names):
            found.setdefault(name, []).append(one)
    return found


def _text(one: Object, name: str) -> str:
    value = plain(value_of(one, name))
    return "" if value is None else str(value).lower()


def _meant(call: Call, objects: Mapping[str, list[Object]]) -> Iterator[Object]:
    """The objects that the call is about, of all of its noun."""
    if call.expect != "absent":
        yield from objects.get(str(call.argument("Identity")).lower(), ())
        return
    name = str(call.argument("Name")).lower()
    server = str(call.argument("Server") or "").lower().partition(".")[0]
    for one in objects.get(name, ()):
        there = not server or _text(one, "Server").partition(".")[0] == server
        if there and _text(one, "Name") == name:
            yield one
