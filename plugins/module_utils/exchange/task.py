# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of every Exchange task: read in one session, plan, and (outside check mode) write and read back in a second one.

What is read and decided belongs to the backend of each kind of object; here it is only put in order. Nothing here knows how a
cmdlet is called: invoke() does, which runs exchange_invoke.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .calls import Call

Object = Mapping[str, Any]
Answers = Sequence[Sequence[Object]]
"""For each call the objects that it returned, as plain data."""

_SHOWN_DIFFERENCES = 10


@dataclass(frozen=True)
class Session:
    """Where the cmdlets ran. domain_controller is empty where none was named, and on Edge."""

    method: str = ""
    server: str = ""
    domain_controller: str = ""
    edge: bool = False

    def plain(self) -> dict[str, Any]:
        return {"method": self.method, "server": self.server, "domain_controller": self.domain_controller}


def _nothing_differs(_answers: Answers) -> list[str]:
    return []


@dataclass
class Planned:
    """What a backend decided. All of it is plain data, except how the read-back is judged.

    check: differences between what is wanted and what the read-back calls returned, in words; empty is good.
    secrets: key -> password, for the writes. waits: whether something is left for a run of removals, where there may be one.
    """

    plan: list[dict[str, Any]] = field(default_factory=list)
    writes: list[Call] = field(default_factory=list)
    read_back: list[Call] = field(default_factory=list)
    check: Callable[[Answers], list[str]] = _nothing_differs
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    unmanaged: list[str] = field(default_factory=list)
    routes_changed: list[dict[str, str]] = field(default_factory=list)
    unsafe: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diff: Mapping[str, Any] = field(default_factory=dict)
    waits: bool | None = None

    def shown(self, session: Session) -> dict[str, Any]:
        waits = {} if self.waits is None else {"waits": self.waits}
        return {
            **waits,
            "changed": bool(self.writes),
            "plan": self.plan,
            "unmanaged": self.unmanaged,
            "commands": [str(call) for call in self.writes],
            "routes_changed": self.routes_changed,
            "unsafe": self.unsafe,
            "warnings": list(self.warnings),
            "diff": dict(self.diff),
            "session": session.plain(),
        }


class Backend(Protocol):
    """One kind of object. Its constructor has read the task's options and raised ConnectorError for what is wrong offline."""

    def reads(self) -> list[Call]:
        """What has to be known; all of it in one session."""

    def plan(self, answers: Answers, session: Session) -> Planned:
        """Raises ConnectorError where what is there and what is wanted do not go together."""


Invoke = Callable[[dict[str, Any]], dict[str, Any]]
"""Runs exchange_invoke with these options, besides those of the session, and returns its result."""


def run(backend: Backend, invoke: Invoke, check_mode: bool = False, allow_unsafe: Sequence[str] = ()) -> dict[str, Any]:
    """The result of the task. Raises ConnectorError where nothing was touched because of what the task asks for."""
    result: dict[str, Any] = {}
    for last_try in (False, True):
        found = read(backend.reads(), invoke)
        if found.failure:
            return found.failure
        session = found.session
        planned = backend.plan(found.answers, session)
        result = planned.shown(session)
        refused = [item for item in planned.unsafe if item["kind"] not in allow_unsafe]
        if check_mode:
            result["warnings"] += [f"{item['kind']}: {item['message']}" for item in refused]
            return result
        if refused:
            return {**result, "changed": False, "failed": True, "msg": _refusal(refused)}
        if not planned.writes:
            return result
        calls = [*planned.writes, *planned.read_back]
        given: dict[str, Any] = {"calls": [call.plain() for call in calls], "secrets": dict(planned.secrets)}
        if session.domain_controller:
            given["domain_controller"] = session.domain_controller
        applied = invoke(given)
        if not _failed(applied):
            return _verified(result, planned, objects(applied))
        if last_try or _kind(applied) != "expectation":
            return _broken(result, planned, applied)
    return result


@dataclass(frozen=True)
class Read:
    """What one session read, or the result of the task where it failed."""

    answers: Answers = ()
    session: Session = field(default_factory=Session)
    failure: dict[str, Any] | None = None


def read(calls: Sequence[Call], invoke: Invoke) -> Read:
    answer = invoke({"calls": [call.plain() for call in calls]})
    if _failed(answer):
        return Read(failure=_not_read(answer))
    return Read(objects(answer), _session(answer))


def objects(answer: Mapping[str, Any]) -> list[list[Object]]:
    return [list(one.get("objects") or []) for one in answer.get("results") or []]


def _failed(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("failed") or answer.get("unreachable"))


def _kind(answer: Mapping[str, Any]) -> str:
    return str((answer.get("failure") or {}).get("kind", ""))


def _session(answer: Mapping[str, Any]) -> Session:
    told = answer.get("session") or {}
    return Session(
        str(told.get("method") or ""),
        str(told.get("server") or ""),
        str(told.get("domain_controller") or ""),
        bool(told.get("edge")),
    )


def _refusal(refused: Sequence[Mapping[str, str]]) -> str:
    kinds = ", ".join(sorted({item["kind"] for item in refused}))
    told = "; ".join(item["message"] for item in refused)
    return (
        f"Nothing was touched, because the plan is unsafe: {told}. Remedy: look at the plan, and add "
        f"allow_unsafe: [{kinds}] if it is meant."
    )


def _passed_on(answer: Mapping[str, Any]) -> dict[str, Any]:
    """How a run of exchange_invoke failed, as far as a task repeats it."""
    kept: dict[str, Any] = {"failed": True}
    if answer.get("unreachable"):
        kept["unreachable"] = True
    if answer.get("failure"):
        kept["failure"] = answer["failure"]
    return kept


def _not_read(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {**_passed_on(answer), "changed": False, "msg": f"Nothing was touched. {answer.get('msg', '')}"}


def _broken(result: Mapping[str, Any], planned: Planned, applied: Mapping[str, Any]) -> dict[str, Any]:
    """The writing session ended early: what was done, what was not, and how to go on."""
    # Among the writes stand calls that read, for those behind them.
    commands = {place: str(call) for place, call in enumerate(planned.writes) if call.writes}
    known = "done" in applied
    finished = {int(place) for place in applied.get("done") or []}
    done = [text for place, text in commands.items() if place in finished]
    not_done = [text for place, text in commands.items() if place not in finished]
    told = str(applied.get("msg") or "").strip()
    if _kind(applied) == "expectation":
        told = (
            f"Nothing was touched: while this task was planning, somebody else changed what it plans for, twice. {told}"
        )
    elif not known:
        told = (
            f"The connection to the server was lost while {len(commands)} cmdlets were under way, so it is not known how "
            f"many of them ran. {told} Remedy: run the task again, it goes on from what is there."
        )
    elif done:
        told = (
            f"{told} Of {len(commands)} changes {len(done)} were made, and {len(not_done)} were not (done, not_done). "
            "Remedy: remove the cause and run the task again, it goes on from what is there."
        )
    else:
        told = f"Nothing was changed. {told}"
    return {
        **result,
        **_passed_on(applied),
        "changed": bool(done) or not known,
        "msg": told,
        "done": done,
        "not_done": not_done,
    }


def _verified(result: dict[str, Any], planned: Planned, answers: Answers) -> dict[str, Any]:
    differences = planned.check(answers[len(planned.writes) :])
    if not differences:
        return result
    more = f"; and {len(differences) - _SHOWN_DIFFERENCES} more" if len(differences) > _SHOWN_DIFFERENCES else ""
    told = "; ".join(differences[:_SHOWN_DIFFERENCES]) + more
    return {
        **result,
        "failed": True,
        "differences": differences,
        "msg": f"All cmdlets ran, but not every value came back as it was wanted: {told}. Remedy: look at these settings in "
        "the Exchange Management Shell; Exchange may have refused them without an error, or another run changed them.",
    }
