# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declared routes against the real ones: what every class of addresses should get, and what trivial-rewrite(8) answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from ..connector import journey
from ..connector.address_space import DEFAULT_ROUTE, Pattern
from ..connector.routing import Route, Router, route_text
from . import rewrite
from .compile import Compiled
from .routes import probe
from .view import LOCAL, VIRTUAL_ALIAS, VIRTUAL_MAILBOX, Answer, MailSettings, resolve

# How long trivial-rewrite(8) may take to see new tables after a reload.
SETTLING_SECONDS = 20
_PAUSE_SECONDS = 0.3

DELIVERED_HERE = ":"
"""Expected where the host delivers a domain itself, as in the transport table."""
NO_CONNECTOR = ""
"""Expected where no connector takes the mail: whatever the host does without connectors."""

_LOCAL_CLASSES = (LOCAL, VIRTUAL_ALIAS, VIRTUAL_MAILBOX)


class Question(NamedTuple):
    """An address that stands for the class of a transport key, and what it should get in the form of transport(5)."""

    key: str
    address: str
    expected: str
    words: str = ""


class Reply(NamedTuple):
    question: Question
    answer: Answer
    because: str
    """Why another answer than the expected one was given; empty where they agree."""

    @property
    def agrees(self) -> bool:
        return not self.because


def questions(router: Router, host: str, compiled: Compiled) -> list[Question]:
    """One question for every class of addresses that the connectors or this host's local domains make."""
    destinations = {chain: compiled.services[name].destination for name, chain in compiled.chains.items()}
    connectors = router.organisation.connectors
    local = {domain for domain in router.organisation.hosts[host].local_domains if router.is_local(host, domain)}
    declared = {pattern.domain for pattern in router.offers}
    found: dict[str, Question] = {}

    def add(key: str, route: Route) -> None:
        expected = destinations[route.elements] if route.elements else NO_CONNECTOR
        found[key] = Question(key, probe(key), expected, route_text(route, connectors))

    for pattern, domain in journey.keys(router):
        if domain is None:
            below = DEFAULT_ROUTE if pattern.is_everything else Pattern(pattern.domain, True)
            add("*" if pattern.is_everything else f".{pattern.domain}", router.route_below(host, below))
        elif domain in local:
            found[domain] = Question(domain, probe(domain), DELIVERED_HERE, "delivered by this host")
        elif domain in declared:
            add(domain, router.route(host, domain))
    return [found[key] for key in sorted(found)]


def ask(
    queue_directory: str,
    asked: Sequence[Question],
    read_settings: Callable[[], MailSettings],
    services: Collection[str] = (),
) -> list[Reply]:
    """The running daemon's answers. services: the names of all services that carry connectors.

    A process with older settings is given time, unless the files themselves say the same as it does.
    """
    deadline = time.monotonic() + SETTLING_SECONDS
    settings: MailSettings | None = None
    while True:
        answers = rewrite.ask(queue_directory, [question.address for question in asked])
        wrong = [pair for pair in zip(asked, answers) if not _is_expected(pair[0], pair[1], services)]
        if not wrong:
            break
        settings = settings or read_settings()
        settled = all(resolve(settings, question.address) == answer for question, answer in wrong)
        if settled or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_SECONDS)
    because = {question: _because(question, answer, settings, services) for question, answer in wrong if settings}
    return [Reply(question, answer, because.get(question, "")) for question, answer in zip(asked, answers)]


def _is_expected(question: Question, answer: Answer, services: Collection[str]) -> bool:
    if question.expected == DELIVERED_HERE:
        return answer.domain_class in _LOCAL_CLASSES and answer.transport not in services
    if question.expected == NO_CONNECTOR:
        return answer.transport not in services
    service, _colon, next_hop = question.expected.partition(":")
    return (answer.transport, answer.nexthop) == (service, next_hop or question.address.partition("@")[2])


def _because(question: Question, answer: Answer, settings: MailSettings, services: Collection[str]) -> str:
    """Which entry won; empty where the administrator's own entry says how a local domain is delivered."""
    winner = resolve(settings, question.address)
    if winner.matched:
        if question.expected == DELIVERED_HERE and answer.transport not in services:
            return ""
        return f"the entry {winner.matched[1]} of {winner.matched[0]} wins"
    return answer.problem or f"its address class is {answer.domain_class}"


def difference(reply: Reply) -> str:
    """The difference as a part of a sentence about changed keys."""
    return f"{reply.question.key} goes to {answered(reply)} ({reply.because})"


def disagreement(reply: Reply) -> str:
    """The difference as a sentence about one address."""
    question = reply.question
    wanted = {DELIVERED_HERE: "is delivered by this host", NO_CONNECTOR: "takes no connector"}.get(
        question.expected, f"goes to {question.expected} ({question.words})"
    )
    return (
        f"Mail for {question.address} {wanted} by the list, but trivial-rewrite(8) answers {answered(reply)}: "
        f"{reply.because}."
    )


def answered(reply: Reply) -> str:
    answer = reply.answer
    return answer.problem or f"{answer.transport}:{answer.nexthop}"


def plain(reply: Reply) -> dict[str, object]:
    """The reply as a task returns it."""
    expected = {DELIVERED_HERE: "local delivery", NO_CONNECTOR: "no connector"}
    return {
        "address": reply.question.address,
        "route": reply.question.words,
        "expected": expected.get(reply.question.expected, reply.question.expected),
        "answered": answered(reply),
        "agrees": reply.agrees,
    }
