# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many targets at the same time, and a deadline for all of them."""

from __future__ import annotations

import functools
import threading
import time
import typing as t
from collections import deque
from dataclasses import dataclass, field

from .conversation import TlsContexts
from .lookup import Ask, Resolution, Server, resolve
from .observation import Seen
from .session import observe
from .target import Target

# Conversations end this long before the deadline, so that what they saw is there when it comes.
_MARGIN = 0.25


class Work:
    """Jobs done by a number of threads. A job may add jobs. One that never ends holds nobody up."""

    def __init__(self, parallel: int) -> None:
        self._parallel = parallel
        self._jobs: deque[t.Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._unfinished = 0
        self._threads = 0
        self._stopped = False
        self._error: BaseException | None = None

    def add(self, job: t.Callable[[], None]) -> None:
        with self._changed:
            self._jobs.append(job)
            self._unfinished += 1
            idle = self._threads - (self._unfinished - len(self._jobs))
            if idle < len(self._jobs) and self._threads < self._parallel:
                self._threads += 1
                # Not waited for when Python ends: getaddrinfo(3) cannot be interrupted.
                threading.Thread(target=self._run, daemon=True, name="smtp probe").start()
            self._changed.notify()

    def wait(self, deadline: float) -> bool:
        """Until all is done (True) or the deadline is over (False); then no further job begins.

        An exception of a job is a mistake in it, and is raised here.
        """
        with self._changed:
            done = self._changed.wait_for(lambda: not self._unfinished, max(0.0, deadline - time.monotonic()))
            self._stopped = True
            self._changed.notify_all()
            if self._error is not None:
                raise self._error
            return done

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or bool(self._jobs))
                if self._stopped:
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception as error:  # noqa: BLE001 - wait() raises it again
                self._error = error
            finally:
                with self._changed:
                    self._unfinished -= 1
                    self._changed.notify_all()


@dataclass(frozen=True)
class Settings:
    """timeout: seconds for one server. deadline: the moment of time.monotonic() at which all is over."""

    deadline: float
    timeout: int = 30
    parallel: int = 50
    protocols: str = "all"
    source_addresses: tuple[str, ...] = ()

    def source(self, server: Server) -> str | None:
        """The address to connect from: the given one of the same kind."""
        return next((one for one in self.source_addresses if (":" in one) == (":" in server.address)), None)


@dataclass
class Probed:
    """A target with what came of it; a resolution or a server that is missing was not finished in time."""

    target: Target
    resolution: Resolution | None = None
    seen: dict[Server, Seen] = field(default_factory=dict)


def probe(targets: t.Sequence[Target], settings: Settings, ask: Ask, ask_address: Ask) -> list[Probed]:
    """Look the targets up and talk to every server; in the order of the targets."""
    contexts = TlsContexts(sorted({target.tls.ca_file for target in targets}))
    probed = [Probed(target) for target in targets]
    work = Work(settings.parallel)
    end = settings.deadline - _MARGIN

    def look_up(one: Probed) -> None:
        found = resolve(one.target, ask, ask_address, settings.protocols)
        for server in found.servers:
            work.add(functools.partial(talk, one, server))
        one.resolution = found

    def talk(one: Probed, server: Server) -> None:
        begin = time.monotonic()
        if begin >= end:
            return
        own_end = min(end, begin + (one.target.timeout or settings.timeout))
        seen = observe(server, one.target, contexts, own_end, settings.source(server))
        if seen.failure and time.monotonic() >= end:
            seen.failure += " (the deadline of the task was over)"
        one.seen[server] = seen

    for one in probed:
        work.add(functools.partial(look_up, one))
    work.wait(settings.deadline)
    return probed
