# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on demand between a caller and the simulated organisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .parameters import Cmdlet
from .values import CmdletError


class SessionLostError(CmdletError):
    """The session with Exchange is gone; whether the cmdlet was carried out is not known."""

    def __init__(self) -> None:
        super().__init__("PSRemotingTransportException", "The connection to the remote server was lost.")


@dataclass
class _Drop:
    write: int
    written: bool


@dataclass
class _Refusal:
    cmdlet: str
    number: int
    error: CmdletError


class Faults:
    """Numbers count from the moment at which a fault is asked for, beginning with 1. Each happens once, but what is
    hidden stays hidden and what does not stick never does, until clear()."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._drops: list[_Drop] = []
        self._refusals: list[_Refusal] = []
        self._before_write: list[Callable[[], object]] = []
        self._before_session: list[tuple[int, Callable[[], object]]] = []
        self._hidden: set[tuple[str, str]] = set()
        self._unsticky: set[tuple[str, str]] = set()
        self._quiet = False

    # --- what a test asks for ---

    def drop_before_write(self, number: int = 1) -> None:
        """The session is lost before this write: it does not happen."""
        self._drops.append(_Drop(number, written=False))

    def drop_after_write(self, number: int = 1) -> None:
        """The session is lost after this write, before its answer arrives: it did happen."""
        self._drops.append(_Drop(number, written=True))

    def refuse(self, cmdlet: str, exception_type: str, message: str = "Refused by the test.", number: int = 1) -> None:
        """This call of a cmdlet, of all calls of it, raises an error. With PSRemotingTransportException the session is lost,
        which is how one that reads can lose it."""
        lost = SessionLostError()
        error = lost if exception_type == lost.exception_type else CmdletError(exception_type, message)
        self._refusals.append(_Refusal(cmdlet.lower(), number, error))

    def before_write(self, callback: Callable[[], object]) -> None:
        """Someone else does something right before the next write, after all that was looked at before it."""
        self._before_write.append(callback)

    def before_session(self, callback: Callable[[], object], number: int = 1) -> None:
        """Someone else does something before this session is opened. Number 2 is between reading and writing of a task."""
        self._before_session.append((number, callback))

    def hide(self, cmdlet: str, parameter: str = "") -> None:
        """The account may not use the cmdlet, or this parameter of it: then the session does not have it."""
        self._hidden.add((cmdlet.lower(), parameter.lower()))

    def does_not_stick(self, noun: str, parameter: str) -> None:
        """New and Set of such objects succeed, but this property keeps its old value (of a new object: its default)."""
        self._unsticky.add((noun.lower(), parameter.lower()))

    # --- what the simulator asks ---

    def hides(self, cmdlet: str, parameter: str = "") -> bool:
        return (cmdlet.lower(), parameter.lower()) in self._hidden

    def sticks(self, noun: str, parameter: str) -> bool:
        return self._quiet or (noun.lower(), parameter.lower()) not in self._unsticky

    def session_opened(self) -> None:
        due = [callback for number, callback in self._before_session if number == 1]
        self._before_session = [(number - 1, callback) for number, callback in self._before_session if number > 1]
        self._quietly(due)

    def before(self, cmdlet: Cmdlet) -> _Drop | None:
        """Raises what happens instead of the call; returns what happens after it."""
        if self._quiet:
            return None
        self._refuse(cmdlet)
        if not cmdlet.writes:
            return None
        due, self._before_write = self._before_write, []
        self._quietly(due)
        for drop in self._drops:
            drop.write -= 1
        now = next((drop for drop in self._drops if drop.write == 0), None)
        self._drops = [drop for drop in self._drops if drop.write > 0]
        if now and not now.written:
            raise SessionLostError
        return now

    def _refuse(self, cmdlet: Cmdlet) -> None:
        mine = [refusal for refusal in self._refusals if refusal.cmdlet == cmdlet.name.lower()]
        for refusal in mine:
            refusal.number -= 1
        now = next((refusal for refusal in mine if refusal.number == 0), None)
        if now:
            self._refusals.remove(now)
            raise now.error

    def _quietly(self, callbacks: list[Callable[[], object]]) -> None:
        """What a callback does is not struck by faults itself."""
        before, self._quiet = self._quiet, True
        try:
            for callback in callbacks:
                callback()
        finally:
            self._quiet = before
