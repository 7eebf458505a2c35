# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connector takes mail for an address, from a host, and why: the answer as people and reports read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from . import journey, values
from .address_space import domain_of
from .errors import Problems, ValueProblem
from .model import Connector
from .routing import Element, Router, element_text
from .topology import Organisation
from .vocabulary import BRIDGEHEAD, nearest


class Question(NamedTuple):
    """An address as it was written, and its domain in normal form."""

    address: str
    domain: str


class Answer(NamedTuple):
    """One address from one host. connector is the winner, by its name; hops is the way that the mail really takes while
    some hosts are down. Without a winner connector and address_space are None."""

    address: str
    source: str
    connector: str | None
    address_space: str | None
    cost: int | None
    next_hops: tuple[str, ...]
    chain: tuple[str, ...]
    considered: tuple[Mapping[str, Any], ...]
    hops: tuple[Mapping[str, Any], ...]
    outcome: str
    explanation: str

    def plain(self) -> dict[str, Any]:
        shown = self._asdict()
        shown["from"] = shown.pop("source")
        return {key: list(value) if isinstance(value, tuple) else value for key, value in shown.items()}


def read_questions(addresses: Iterable[Any], problems: Problems) -> list[Question]:
    questions = []
    for address in addresses:
        try:
            questions.append(Question(str(address), domain_of(values.plain_text(address, "a mail address").strip())))
        except ValueProblem as problem:
            problems.add("", "addresses", address, problem.message, problem.remedy)
    return questions


def read_known_hosts(names: Iterable[Any], field: str, organisation: Organisation, problems: Problems) -> list[str]:
    """Host names in normal form, each of them known."""
    found = []
    for given in names:
        try:
            name = BRIDGEHEAD.read(given)
        except ValueProblem as problem:
            problems.add_value("", field, problem)
            continue
        if name not in organisation.hosts:
            remedy = f"add {name} to hosts, or correct the name; " + nearest(name, sorted(organisation.hosts))
            problems.add("", field, name, "is a host that nobody knows", remedy)
        found.append(name)
    return found


def read_down(names: Iterable[Any], organisation: Organisation, problems: Problems) -> frozenset[str]:
    """What does not answer: known hosts, and smart hosts with their port or without."""
    known = set(organisation.hosts)
    for connector in organisation.connectors.values():
        for host in connector.smart_hosts:
            known.update(host.names)
    down = {str(name).strip().lower() for name in names}
    for name in sorted(down - known):
        remedy = "name a host, or a smart host as a connector names it; " + nearest(name, sorted(known))
        problems.add("", "down", name, "is neither a host nor a smart host", remedy)
    return frozenset(down)


def answer(router: Router, source: str, question: Question, down: Collection[str] = ()) -> Answer:
    """source is the name of a known host, down what does not answer."""
    connectors = router.organisation.connectors
    local = router.is_local(source, question.domain)
    route = router.route(source, question.domain)
    elements = () if local else route.elements
    way = journey.follow(router, source, question.domain, down)
    return Answer(
        address=question.address,
        source=source,
        connector=connectors[elements[0].connector].name if elements else None,
        address_space=str(route.pattern) if elements else None,
        cost=route.cost if elements else None,
        next_hops=_next_hops(elements[0]) if elements else (),
        chain=tuple(element_text(element, connectors) for element in elements),
        considered=tuple(_considered(router, source, question.domain)),
        hops=tuple(_hop(step, connectors) for step in way.steps),
        outcome=way.outcome,
        explanation=_sentence(router, source, question, way),
    )


def _next_hops(element: Element) -> tuple[str, ...]:
    return element.hosts or tuple(map(str, element.next_hops))


def _considered(router: Router, source: str, domain: str) -> Iterable[dict[str, Any]]:
    local = router.is_local(source, domain)
    for one in router.explain(source, domain):
        why = f"{source} delivers {domain} itself" if local and one.why == "wins" else one.why
        name = router.organisation.connectors[one.connector].name
        yield {"connector": name, "address_space": one.address_space, "cost": one.cost, "why": why}


def _hop(step: journey.Step, connectors: Mapping[str, Connector]) -> dict[str, Any]:
    name = connectors[step.connector].name if step.connector else None
    return {"host": step.host, "connector": name, "next_hop": step.next_hop or None}


def _sentence(router: Router, source: str, question: Question, way: journey.Journey) -> str:
    """The whole answer in one sentence."""
    connectors = router.organisation.connectors
    last = way.steps[-1]
    taken = list(dict.fromkeys(f'"{connectors[step.connector].name}"' for step in way.steps if step.connector))
    over = f" over {', '.join(way.hosts[1:])}" if len(way.hosts) > 1 else ""
    start = f"Mail for {question.domain} from {source}"
    if way.outcome == "local":
        return f"{start} is delivered by {last.host} itself{_by(taken)}."
    if way.outcome == "waits":
        return f"{start} waits on {last.host}{_by(taken)}, because no next hop answers."
    if way.outcome == "no_route":
        return f"{start} takes no connector on {last.host}{over}: what that host does without connectors decides."
    if way.outcome == "foreign":
        other = connectors[router.route(last.host, question.domain).foreign].name
        return f'{start} has no way on {last.host}: "{other}" of the other system would win, so declare a connector.'
    if way.outcome == "loop":
        return f"{start} goes in a circle: {' -> '.join(way.hosts)}."
    target = "where DNS MX points to" if way.outcome == "mx" else f"to {last.next_hop}"
    return f"{start} goes {target}{over}{_by(taken)}{_too_large(router, way)}."


def _by(taken: list[str]) -> str:
    return f" by {', then '.join(taken)}" if taken else ""


def _too_large(router: Router, way: journey.Journey) -> str:
    """On Postfix a size never changes the route: a smart host that announces a limit refuses the message."""
    for step in way.steps:
        connector = router.organisation.connectors[step.connector]
        if router.size is not None and values.UNLIMITED != connector.max_message_size < router.size:
            limit = values.show_size(connector.max_message_size)
            return f', but is returned to its sender, since "{connector.name}" takes up to {limit}'
    return ""
