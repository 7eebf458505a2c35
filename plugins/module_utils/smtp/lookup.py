# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a target to the servers that are probed: mail exchangers in their order, and addresses. Asks, but knows no DNS."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..connector import values
from .target import Target

# No honest domain comes near; what is left out is said.
MOST_SERVERS = 50

FAMILIES = {"ipv4": ("A",), "ipv6": ("AAAA",), "all": ("A", "AAAA")}
"""inet_protocols, as Postfix calls it -> the types of records."""

_EXCHANGER = re.compile(r"^([0-9]{1,5}) (\S+)$")


class Answer(t.NamedTuple):
    """Records as text (an MX as "10 mx.contoso.com"), or why there are none.

    missing: there is no such name. problem: the question was not answered, in words.
    """

    records: tuple[str, ...] = ()
    missing: bool = False
    problem: str = ""


Ask = t.Callable[[str, str], Answer]
"""Name and type of record (MX, A, AAAA) -> answer."""


class Server(t.NamedTuple):
    """One address of one host. preference: of the MX record, None without one."""

    host: str
    address: str
    port: int = 25
    preference: int | None = None

    @property
    def name(self) -> str:
        host = "" if self.host == self.address else f"{self.host} "
        return f"{host}{values.show_host(self.address)}:{self.port}"


class Exchanger(t.NamedTuple):
    preference: int
    host: str


class Trouble(t.NamedTuple):
    """What is wrong, and what to do about it."""

    message: str
    remedy: str


@dataclass
class Resolution:
    """Where a target's mail goes. servers stand in the order in which a client tries them; equal ones by name."""

    servers: list[Server] = field(default_factory=list)
    exchangers: list[Exchanger] = field(default_factory=list)
    null_mx: bool = False
    problems: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def needs_lookup(target: Target, host_lookup: str) -> bool:
    """Whether the target needs an answer from DNS, other than what the system's own resolver gives."""
    return target.mx or (host_lookup == "dns" and not values.is_address(target.host))


def resolve(target: Target, ask: Ask, ask_address: Ask, protocols: str = "all") -> Resolution:
    """ask is for MX, ask_address for A and AAAA."""
    found = Resolution()
    for exchanger in _exchangers(target, ask, found):
        preference = exchanger.preference if found.exchangers else None
        for address in _addresses(exchanger.host, ask_address, protocols, found):
            found.servers.append(Server(exchanger.host, address, target.port, preference))
    if len(found.servers) > MOST_SERVERS:
        found.notes.append(f"{len(found.servers)} addresses were found, and the first {MOST_SERVERS} probed")
        del found.servers[MOST_SERVERS:]
    return found


def read_exchangers(records: t.Iterable[str]) -> list[Exchanger]:
    """MX records in the order in which a client takes them. The null MX is the host "." (RFC 7505)."""
    found = set()
    for record in records:
        match = _EXCHANGER.match(record)
        if match:
            found.add(Exchanger(int(match.group(1)), match.group(2).lower().rstrip(".") or "."))
    return sorted(found)


def _exchangers(target: Target, ask: Ask, found: Resolution) -> list[Exchanger]:
    alone = [Exchanger(0, target.host)]
    if not target.mx:
        return alone
    answer = ask(target.host, "MX")
    if answer.problem:
        remedy = "check the name servers that this host asks, and those of the domain"
        found.problems.append(Trouble(f"the MX records of {target.host} cannot be looked up: {answer.problem}", remedy))
        return []
    if answer.missing:
        found.problems.append(Trouble(f"there is no domain {target.host} in DNS", "correct the domain"))
        return []
    exchangers = read_exchangers(answer.records)
    if not exchangers:
        found.notes.append(f"{target.host} has no MX records, so that its own address counts (RFC 5321, 5.1)")
        return alone
    named = [one for one in exchangers if one.host != "."]
    if not named:
        found.null_mx = True
        remedy = "route mail for the domain to a smart host, or not at all"
        found.problems.append(Trouble(f"{target.host} says that it takes no mail (null MX, RFC 7505)", remedy))
        return []
    if len(named) < len(exchangers):
        found.notes.append(f"{target.host} has a null MX beside others, which RFC 7505 forbids; it was left out")
    found.exchangers = named
    return named


def _addresses(host: str, ask: Ask, protocols: str, found: Resolution) -> list[str]:
    address = values.read_address(host)
    if address is not None:
        return [address]
    answers = [ask(host, kind) for kind in FAMILIES[protocols]]
    addresses = [
        address for answer in answers for address in sorted(filter(None, map(values.read_address, answer.records)))
    ]
    failures = list(dict.fromkeys(answer.problem for answer in answers if answer.problem))
    if addresses:
        found.notes.extend(f"not all addresses of {host} can be looked up: {failure}" for failure in failures)
    elif failures:
        remedy = "check the name servers that this host asks, and those of the domain"
        found.problems.append(Trouble(f"{host} cannot be looked up: {'; '.join(failures)}", remedy))
    else:
        what = "there is no host" if all(answer.missing for answer in answers) else "there is no address of"
        remedy = "correct the name, or add its address records to DNS"
        found.problems.append(Trouble(f"{what} {host} ({protocols_in_words(protocols)})", remedy))
    return addresses


def protocols_in_words(protocols: str) -> str:
    return " or ".join(FAMILIES[protocols]) + " record"


def show_answer(answer: Answer) -> dict[str, t.Any]:
    """An answer as plain data, as the controller hands it on."""
    return {"records": list(answer.records), "missing": answer.missing, "problem": answer.problem}


def given_answers(answers: t.Mapping[str, t.Any]) -> Ask:
    """Answers that were looked up elsewhere: "MX contoso.com" -> show_answer()."""

    def ask(name: str, kind: str) -> Answer:
        found = answers.get(f"{kind} {name}")
        if found is None:
            return Answer(problem="the controller was not asked in time")
        return Answer(tuple(found["records"]), bool(found["missing"]), str(found["problem"]))

    return ask
