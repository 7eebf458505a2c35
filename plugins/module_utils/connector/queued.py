# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the messages in a Postfix queue are on their way to certain hosts. Pure.

postqueue(1) -j prints one JSON object for each message. A recipient counts where the route of its address leads to one of
the hosts; qmgr(8) asks for the route anew at every try, so only what is active is already on its way.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .address_space import domain_of
from .errors import ValueProblem
from .routing import Router
from .senders import expected

# Whatever was not picked up yet waits as what is deferred does.
_COUNTED_AS = {
    "active": "active",
    "incoming": "deferred",
    "maildrop": "deferred",
    "deferred": "deferred",
    "hold": "hold",
}


@dataclass
class Waiting:
    """Recipients, not messages: one message may be for several."""

    active: int = 0
    deferred: int = 0
    hold: int = 0
    stranded: int = 0
    """Those that wait and will have no route."""
    domains: dict[str, int] = field(default_factory=dict)
    active_ids: list[str] = field(default_factory=list)
    of_any_route: bool = False
    """Whether all messages count, because the list by which they came is not known any more."""

    @property
    def total(self) -> int:
        return self.active + self.deferred + self.hold

    def plain(self) -> dict[str, Any]:
        counts = {"active": self.active, "deferred": self.deferred, "hold": self.hold, "total": self.total}
        return {
            **counts,
            "stranded": self.stranded,
            "domains": {domain: self.domains[domain] for domain in sorted(self.domains)},
            "active_ids": sorted(set(self.active_ids)),
            "of_any_route": self.of_any_route,
        }


def read_queue(lines: Iterable[str]) -> list[Mapping[str, Any]]:
    """The messages of postqueue -j. Raises ValueProblem for a line that is none."""
    found: list[Mapping[str, Any]] = []
    for line in lines:
        if not line.strip():
            continue
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ValueProblem("is no message in JSON", "give the lines of postqueue -j", line)
        found.append(message)
    return found


@dataclass(frozen=True)
class Question:
    """host: whose queue it is. towards: where its mail may be on its way to. before: by which connectors; after: those that
    it will have, None where that is not asked. among: only these messages count as active, None for all.

    forgotten: the mail may have come by a list that nobody has any more, since a run before this one changed the host. That may be
    where this run did not change it, or nothing leads there by the list of before: then all that is being delivered counts.
    """

    host: str
    towards: Collection[str]
    before: Router
    after: Router | None = None
    among: Collection[str] | None = None
    forgotten: bool = False

    @property
    def of_any_route(self) -> bool:
        if not self.forgotten:
            return False
        leads_there = any((self.host, goal) in expected(self.before) for goal in self.towards)
        unchanged = self.after is None or self.after.organisation.connectors == self.before.organisation.connectors
        return unchanged or not leads_there


def queued_messages(messages: Iterable[Mapping[str, Any]], question: Question) -> Waiting:
    """What waits on a host for recipients whose route leads to one of those hosts."""
    made = Waiting(of_any_route=question.of_any_route)
    known: dict[str, tuple[bool, bool]] = {}
    for message in messages:
        queue_id = str(message.get("queue_id", ""))
        for recipient in message.get("recipients") or ():
            place = _place(message, recipient)
            if place == "active" and question.among is not None and queue_id not in question.among:
                continue
            domain = _domain(str(recipient.get("address", "")))
            if not domain:
                continue
            if domain not in known:
                known[domain] = _leads_to(question, domain, made.of_any_route), _is_lost(question, domain)
            leads_there, is_lost = known[domain]
            # What waits takes the route that the host has by now, which is none of those that led there.
            if leads_there and (place == "active" or not made.of_any_route):
                _count(made, place, queue_id, domain, is_lost)
    return made


def _place(message: Mapping[str, Any], recipient: Mapping[str, Any]) -> str:
    """A reload puts what is being delivered back into the queue incoming, and delivers it all the same. There is no reason for a delay
    then, for the one of an earlier try goes when the next one begins."""
    queue = str(message.get("queue_name"))
    if queue in ("incoming", "deferred") and not recipient.get("delay_reason"):
        return "active"
    return _COUNTED_AS.get(queue, "deferred")


def _count(made: Waiting, place: str, queue_id: str, domain: str, is_lost: bool) -> None:
    setattr(made, place, getattr(made, place) + 1)
    made.domains[domain] = made.domains.get(domain, 0) + 1
    if place == "active":
        made.active_ids.append(queue_id)
    elif is_lost:
        made.stranded += 1


def _domain(address: str) -> str:
    try:
        return domain_of(address) if "@" in address else ""
    except ValueProblem:
        return ""


def _leads_to(question: Question, domain: str, of_any_route: bool) -> bool:
    router, host = question.before, question.host
    if router.is_local(host, domain):
        return False
    return of_any_route or not set(question.towards).isdisjoint(router.successors(host, router.route(host, domain)))


def _is_lost(question: Question, domain: str) -> bool:
    router, host = question.after, question.host
    return router is not None and not router.is_local(host, domain) and not router.route(host, domain).elements
