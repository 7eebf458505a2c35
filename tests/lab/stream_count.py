# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the messages of a stream (lab.stream): counted at the sinks, in the queues and in the logs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .sink import Message, Sink

if TYPE_CHECKING:
    from .stream import Sent

# A host sends a message again where it cannot know that it arrived, so SMTP promises at least once (RFC 1047). When an
# organisation changes sixty messages a second at a time, that was seen about once in ten thousand; more has another reason.
SENT_AGAIN = 0.01
"""Which part of all messages may arrive twice."""
TOLD = 4
"""How many messages of a kind are told one by one."""

Way = tuple[str, ...]
"""Hosts in the order of a message's hops, and the sink that it arrived at."""


@dataclass(frozen=True)
class Count:
    """Numbers are those of the messages."""

    sent: Sequence[Sent]
    arrivals: Mapping[int, Sequence[Way]]
    bounced: Mapping[int, str]  # number -> why, by non-delivery mail at a sink and by the logs
    waiting: Mapping[int, str]
    handed_over: Mapping[int, Sequence[str]]  # number -> what the logs say of its deliveries

    @property
    def accepted(self) -> list[int]:
        return [sent.number for sent in self.sent if sent.accepted]

    @property
    def lost(self) -> list[int]:
        """Accepted, and now nowhere."""
        known = {*self.arrivals, *self.bounced, *self.waiting}
        return [number for number in self.accepted if number not in known]

    @property
    def twice(self) -> list[int]:
        """Arrived more than once, although the client knows that it was accepted once."""
        return [number for number, ways in self.arrivals.items() if len(ways) > 1 and not self.sent[number].doubtful]

    @property
    def rejected(self) -> list[int]:
        """Refused for ever at submission."""
        return [sent.number for sent in self.sent if sent.rejected]

    @property
    def unaccepted(self) -> list[int]:
        """Refused for now at submission, as long as the client tried."""
        return [sent.number for sent in self.sent if not sent.ended]

    @property
    def repeated(self) -> int:
        """How many tries were refused for now."""
        return sum(len(sent.refusals) - sent.rejected for sent in self.sent)

    def ways(self, domain: str, host: str | None = None) -> set[Way]:
        """The ways that mail for a domain took, from this host or from any."""
        return set(self._taken(domain, host))

    def last_way(self, domain: str, host: str) -> Way:
        """The way that the last message took."""
        return self._taken(domain, host)[-1]

    def _taken(self, domain: str, host: str | None) -> list[Way]:
        chosen = [sent.number for sent in self.sent if sent.domain == domain and host in (None, sent.host)]
        return [way for number in chosen for way in self.arrivals.get(number, ())]

    def faults(self) -> dict[str, list[str]]:
        """What may not happen to any message, with some of those that it happened to; empty where all is well."""
        found = {
            "lost": [self._told(number) for number in self.lost],
            "bounced": [f"{self._told(number)}: {reason}" for number, reason in self.bounced.items()],
            "arrived twice": [self._told_with_ways(number) for number in self._too_many(self.twice)],
            "still waiting": [f"{self._told(number)}: {reason}" for number, reason in self.waiting.items()],
            "refused": [self._refused(number) for number in self.rejected],
            "refused for as long as the client tried": [self._refused(number) for number in self.unaccepted],
        }
        return {kind: _some(told) for kind, told in found.items() if told}

    def _too_many(self, twice: list[int]) -> list[int]:
        return twice if len(twice) > SENT_AGAIN * len(self.sent) else []

    def summary(self) -> str:
        hops = Counter(len(way) - 1 for ways in self.arrivals.values() for way in ways)
        return (
            f"{len(self.sent)} sent, {len(self.accepted)} accepted ({self.repeated} tries repeated), "
            f"{len(self.arrivals)} arrived ({len(self.twice)} twice), {len(self.lost)} lost, {len(self.bounced)} bounced, "
            f"{len(self.rejected)} refused, {len(self.waiting)} waiting; hops: {dict(sorted(hops.items()))}"
        )

    def _told(self, number: int) -> str:
        sent = self.sent[number]
        return f"message {number} for {sent.domain} at {sent.host}"

    def _told_with_ways(self, number: int) -> str:
        return "\n".join([f"{self._told(number)}: {list(self.arrivals[number])}", *self.handed_over.get(number, ())])

    def _refused(self, number: int) -> str:
        return f"{self._told(number)}: {self.sent[number].refusals[-1]}"


def look(
    stream: str,
    sent: Sequence[Sent],
    hostnames: Mapping[str, str],
    sinks: Iterable[Sink],
    logs: Iterable[str],
    waiting: Mapping[str, tuple[str, str]],
) -> Count:
    """hostnames: what a host calls itself -> its name. waiting: recipient -> (host, why)."""
    arrivals: dict[int, list[Way]] = {}
    bounced: dict[int, str] = {}
    handed_over: dict[int, list[str]] = {}
    for sink in sinks:
        for message in list(sink.messages):
            for address in message.to:
                if (number := _number(address, stream)) is not None:
                    arrivals.setdefault(number, []).append((*_hops(message, hostnames), sink.name))
                elif message.sender == "" and (number := _number(address, f"s{stream}")) is not None:
                    bounced[number] = "non-delivery mail"
    for log in logs:
        for match in re.finditer(rf"^.*to=<{stream}-(\d+)@.*status=(\S+) \((.*)\)$", log, re.MULTILINE):
            handed_over.setdefault(int(match[1]), []).append(match[0])
            if match[2] == "bounced":
                bounced[int(match[1])] = match[3]
    told = {
        number: f"on {host}, {reason}"
        for address, (host, reason) in waiting.items()
        if (number := _number(address, stream)) is not None
    }
    return Count(sent, arrivals, bounced, told, handed_over)


def _number(address: str, stream: str) -> int | None:
    match = re.match(rf"{stream}-(\d+)@", address)
    return int(match[1]) if match else None


def _hops(message: Message, hostnames: Mapping[str, str]) -> list[str]:
    """The hosts that a message came through, the first one first."""
    headers = re.sub(r"\r?\n[ \t]+", " ", message.body.decode("ascii", "replace")).split("\r\n\r\n", 1)[0]
    names = re.findall(r"^Received: .*?\bby (\S+)", headers, re.MULTILINE)
    return [hostnames.get(name, name) for name in reversed(names)]


def _some(told: Sequence[str]) -> list[str]:
    rest = len(told) - TOLD
    return [*told[:TOLD], *([f"and {rest} more"] if rest > 0 else [])]
