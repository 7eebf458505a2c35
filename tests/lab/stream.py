# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady stream of numbered messages into an organisation, and what became of each of them.

Each message has a sender and a recipient of its own, so that arrivals, non-delivery mail, queues and logs all name it.
"""

from __future__ import annotations

import contextlib
import itertools
import smtplib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

from . import LabError
from .postfix import Instance
from .sink import Sink
from .stream_count import Count, look
from .waiting import wait_until

SENDERS = "senders.example"
AGAIN = 1.0
"""Seconds until a client tries again what was refused for now."""

Answer = TypeVar("Answer")
_streams = itertools.count(1)


@dataclass(frozen=True)
class AddressClass:
    """Mail for one domain, submitted at these hosts, from this address of a client."""

    domain: str
    hosts: tuple[str, ...]
    source: str = "127.0.0.1"


@dataclass
class Sent:
    """One message. refusals: what its tries were answered with, be it for now (4xx, no connection) or for ever (5xx)."""

    number: int
    host: str
    domain: str
    source: str
    accepted: bool = False
    rejected: bool = False
    doubtful: bool = False  # a connection broke: an earlier try may have been accepted
    refusals: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.accepted or self.rejected


class Stream:
    """Submits at a steady rate, as real clients do: what is refused for now (4xx) is tried again.

    instances: name -> instance. sinks: wherever mail can arrive, non-delivery mail too. classes: what is sent, in turn.
    rate: messages per second. patience: seconds for which a client repeats after the stream has stopped.
    """

    def __init__(
        self,
        instances: Mapping[str, Instance],
        sinks: Sequence[Sink],
        classes: Sequence[AddressClass],
        *,
        rate: float = 20.0,
        clients: int = 3,
        patience: float = 20.0,
    ) -> None:
        self.instances, self.sinks = dict(instances), list(sinks)
        self.pairs = [(one, host) for one in classes for host in one.hosts]
        self.pause, self.clients, self.patience = clients / rate, clients, patience
        self.name = f"m{next(_streams)}"
        self.sent: list[Sent] = []
        self._logs = {name: len(instance.log()) for name, instance in self.instances.items()}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._broken: list[BaseException] = []

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        self._threads = [
            threading.Thread(target=self._client, args=(number,), daemon=True, name=f"{self.name} client {number}")
            for number in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Submit nothing new, and wait for what is still to be tried again."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(self.patience + 120)
            if thread.is_alive():
                raise LabError(f"{thread.name} does not end")
        self._threads = []
        if self._broken:
            raise LabError(f"{self.name} broke") from self._broken[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def flow(self, rounds: int = 2, *, timeout: float = 120.0) -> None:
        """Let mail of every class be submitted at each of its hosts, so many times from now on."""
        goal = len(self.sent) + (rounds + 1) * len(self.pairs)
        wait_until(
            lambda: len(self.sent) >= goal or self._broken,
            f"{self.name} has sent {goal} messages",
            timeout=timeout,
            details=lambda: f"it has sent {len(self.sent)}, the last {self.sent[-3:]}",
        )

    # --- clients -----------------------------------------------------------------------------------------------------

    def _client(self, number: int) -> None:
        again: deque[tuple[float, Sent]] = deque()
        due = time.monotonic() + number * self.pause / self.clients
        try:
            while not self._stopping.wait(max(0.0, due - time.monotonic())):
                self._submit(self._next(), again)
                self._repeat(again)
                due = max(due + self.pause, time.monotonic())
            deadline = time.monotonic() + self.patience
            while again and time.monotonic() < deadline:
                time.sleep(0.05)
                self._repeat(again)
        except BaseException as error:
            self._broken.append(error)
            raise

    def _next(self) -> Sent:
        with self._lock:
            kind, host = self.pairs[len(self.sent) % len(self.pairs)]
            sent = Sent(len(self.sent), host, kind.domain, kind.source)
            self.sent.append(sent)
        return sent

    def _repeat(self, again: deque[tuple[float, Sent]]) -> None:
        while again and again[0][0] <= time.monotonic():
            self._submit(again.popleft()[1], again)

    def _submit(self, sent: Sent, again: deque[tuple[float, Sent]]) -> None:
        instance = self.instances[sent.host]
        sender, recipient = f"s{self.name}-{sent.number}@{SENDERS}", f"{self.name}-{sent.number}@{sent.domain}"
        message = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {self.name}-{sent.number}\r\n\r\nHello\r\n"
        try:
            with smtplib.SMTP(instance.address, instance.port, timeout=60, source_address=(sent.source, 0)) as client:
                client.ehlo("client.lab.example")
                client.sendmail(sender, [recipient], message.encode())
            sent.accepted = True
        except (OSError, smtplib.SMTPException) as error:
            code = _code(error)
            sent.refusals.append(str(error))
            sent.doubtful |= code is None
            sent.rejected = code is not None and code >= 500
            if not sent.rejected:
                again.append((time.monotonic() + AGAIN, sent))

    # --- the count ---------------------------------------------------------------------------------------------------

    def count(self, *, timeout: float = 90.0) -> Count:
        """Stop, let the queues empty, and say what became of each message.

        What has not arrived while nothing waits any more is lost at once; what waits after timeout seconds is told as such.
        """
        self.stop()
        deadline = time.monotonic() + timeout
        while True:
            waiting = self._waiting()
            found = look(self.name, self.sent, self._hostnames(), self.sinks, self._new_logs(), waiting)
            if not waiting or time.monotonic() > deadline:
                return found
            for name in sorted({host for host, _reason in waiting.values()}):
                self.instances[name].flush()

    def _hostnames(self) -> dict[str, str]:
        return {instance.hostname: name for name, instance in self.instances.items()}

    def _new_logs(self) -> list[str]:
        return [instance.log()[self._logs[name] :] for name, instance in self.instances.items()]

    def _waiting(self) -> dict[str, tuple[str, str]]:
        """Address -> (host, why), for everything of this stream that some queue holds, non-delivery mail too."""
        found = {}
        # What left one queue just before it was looked at may enter one that was looked at already: so look twice.
        for _look in range(2):
            for name, instance in self.instances.items():
                for entry in instance.queue():
                    for recipient, reason in zip(entry.recipients, entry.reasons):
                        if recipient.startswith((f"{self.name}-", f"s{self.name}-")):
                            found[recipient] = (name, f"{entry.queue_name}: {reason}")
            if found:
                break
        return found


def during(
    stream: Stream, change: Callable[[], Answer], *, rounds: int = 2, timeout: float = 90.0
) -> tuple[Answer, Count]:
    """Let the stream flow before, during and after a change, and count."""
    with flowing(stream, rounds=rounds):
        answer = change()
    return answer, stream.count(timeout=timeout)


@contextlib.contextmanager
def flowing(stream: Stream, *, rounds: int = 2) -> Iterator[Stream]:
    with stream:
        stream.flow(rounds)
        yield stream
        stream.flow(rounds)


def _code(error: Exception) -> int | None:
    """The reply code that an exception of smtplib holds."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return min(code for code, _text in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return error.smtp_code
    return None
