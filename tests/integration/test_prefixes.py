# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After every prefix of the announced steps each address has its old or its new route.

Generated organisations are applied one after the other on a running Postfix. After each single step every key, a subdomain of
each and strangers are asked twice: at once, and of a trivial-rewrite(8) that was started after the step, because Postfix may
start one at any moment. Each answer has to be the one of before or the one of afterwards, by a service that the running
master has, over TLS no weaker than both; and relay_domains admit nothing that neither state admits.

MAILOPS_PREFIXES sets how many updates for each indexed type (default 5), MAILOPS_PREFIXES_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import provision as provision_module
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import table_text
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import MasterCf
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.steps import Reload, Step
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import Transaction
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import RELAY, Answer
from ansible_collections.mailops.connectors.tests.strategies import drawn
from ansible_collections.mailops.connectors.tests.strategies.organisations import ASKED_DOMAINS, WrittenOrganisation

from lab import bridgehead as lab_bridgehead
from lab import postfix as lab_postfix
from lab.bridgehead import Bridgehead, use_indexed_type
from lab.seeds import drawn_seed

COUNT = int(os.environ.get("MAILOPS_PREFIXES", "5"))
SEED = int(os.environ.get("MAILOPS_PREFIXES_SEED", "0")) or drawn_seed()

DOMAINS = (
    *ASKED_DOMAINS,
    "g1.test",
    "sub.g1.test",
    "g2.test",
    "sub.g2.test",
    "foreign.test",
    "relayed.test",
    "here.test",
)
ADDRESSES = [f"u@{domain}" for domain in DOMAINS]
STRENGTH = ("none", "may", "dane", "encrypt", "dane-only", "secure")
SETTINGS = {
    **lab_bridgehead.SETTINGS,
    "transport_maps": "inline:{ foreign.test=smtp:[192.0.2.90], .foreign.test=smtp:[192.0.2.90] }",
    "mydestination": "here.test, y.x.a.test",
    "relay_domains": "relayed.test",
    "smtp_tls_security_level": "may",
}
seen: Counter[str] = Counter()


@dataclass
class Observed:
    """What was answered after one step."""

    step: str
    answers: list[Answer]
    services: frozenset[str]
    levels: list[int]


@dataclass
class Observer:
    """Asks after every step of a transaction. services: what the running master was started or reloaded with."""

    bridgehead: Bridgehead
    services: frozenset[str] = frozenset()
    found: list[Observed] = field(default_factory=list)

    def look(self, step: str, afresh: bool = True) -> Observed:
        ask = self.bridgehead.ask_afresh if afresh else self.bridgehead.ask
        answers = ask(ADDRESSES)
        return Observed(step, answers, self.services, [self._strength(answer) for answer in answers])

    def before_step(self, step: Step) -> None:
        if isinstance(step, Reload):
            self.services = self._services()

    def after_step(self, step: Step) -> None:
        self.found += [self.look(f"{step}, at once", afresh=False), self.look(f"{step}, afresh")]

    def start(self) -> None:
        self.services = self._services()
        self.found = []

    def _services(self) -> frozenset[str]:
        master = MasterCf.parse(self.bridgehead.instance.master_cf())
        return frozenset(service.name for service in master.services())

    def _strength(self, answer: Answer) -> int:
        """The weakest TLS level that the service may use towards any of its next hops, as its own options say."""
        master = MasterCf.parse(self.bridgehead.instance.master_cf())
        service = master.get((answer.transport, "unix"))
        options = dict(service.options) if service else {}
        level = options.get("smtp_tls_security_level", SETTINGS["smtp_tls_security_level"])
        policies = options.get("smtp_tls_policy_maps", "").partition(":")[2]
        if not policies or "," not in answer.nexthop and answer.nexthop in DOMAINS:
            return STRENGTH.index(level)
        with open(policies, encoding="utf-8") as file:
            lines = table_text.parse(file.read())
        return min(STRENGTH.index(lines.get(hop, level).split()[0]) for hop in answer.nexthop.split(","))


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Bridgehead]:
    with lab_postfix.temporary_root() as root:
        instance = lab_postfix.Instance(root, "b1", "127.0.0.11", settings=SETTINGS)
        with instance:
            yield Bridgehead(instance)
        print(f"MAILOPS_PREFIXES_SEED={SEED}: {dict(seen)}")


@pytest.fixture
def observer(bridgehead: Bridgehead, monkeypatch: pytest.MonkeyPatch) -> Observer:
    observer = Observer(bridgehead)

    class ObservedTransaction(Transaction):
        def _do(self, step: Step) -> None:
            observer.before_step(step)
            super()._do(step)
            observer.after_step(step)

    monkeypatch.setattr(provision_module, "Transaction", ObservedTransaction)
    return observer


def compare(old: Observed, between: Observed, new: Observed) -> list[str]:
    """What is wrong after one step, in words."""
    wrong = []
    for place, address in enumerate(ADDRESSES):
        before, now, after = old.answers[place], between.answers[place], new.answers[place]
        if (now.transport, now.nexthop) not in ((before.transport, before.nexthop), (after.transport, after.nexthop)):
            wrong.append(f"{address}: {now}, before {before}, afterwards {after}")
        if now.transport not in between.services:
            wrong.append(f"{address}: no service {now.transport}")
        if between.levels[place] < min(old.levels[place], new.levels[place]):
            wrong.append(f"{address}: TLS {STRENGTH[between.levels[place]]} is weaker than before and afterwards")
        if now.domain_class == RELAY and RELAY not in (before.domain_class, after.domain_class):
            wrong.append(f"{address}: is admitted, and neither before nor afterwards")
    return wrong


def update(
    bridgehead: Bridgehead, observer: Observer, written: WrittenOrganisation, host: str, name: str
) -> tuple[int, list[str]]:
    """Applies one set and returns the number of steps and what was wrong after any of them."""
    old = observer.look("before")
    observer.start()
    who = {"hosts": written.hosts, "routing_groups": written.routing_groups} if written.sets.get(name) else {}
    outcome = bridgehead.provision(written.sets.get(name, []), this_host=host, purge=True, set=name, **who)
    steps, observer.found = observer.found, []
    new = observer.look("afterwards")
    told = []
    for between in steps:
        told += [f"after {between.step}: {problem}" for problem in compare(old, between, new)]
    seen.update({"steps": len(outcome.commands), "answers": len(steps) * len(ADDRESSES)})
    return len(outcome.commands), [*told, f"commands: {outcome.commands}"] if told else []


@pytest.mark.parametrize("kind", ["lmdb", "hash", "cdb"])
def test_old_or_new_after_every_step(
    bridgehead: Bridgehead, observer: Observer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    print(f"MAILOPS_PREFIXES_SEED={SEED}")
    use_indexed_type(monkeypatch, kind)
    applied = 0
    dice = random.Random(f"{SEED}/{kind}")
    for number in count():
        written = drawn.organisations(f"{SEED}/{kind}/{number}", 1)[0]
        # With one set each update leads from one whole organisation to the next.
        written = WrittenOrganisation({"default": written.connectors}, written.hosts, written.routing_groups)
        host = dice.choice(written.host_names)
        # What is local here is what mydestination says: a domain that only the list calls local has no route to keep.
        written.hosts[host].pop("local_domains", None)
        try:
            _steps, wrong = update(bridgehead, observer, written, host, "default")
        except ConnectorError:
            seen["refused"] += 1
            continue
        assert not wrong, f"update {number} to {written} on {host}\n" + "\n".join(wrong)
        applied += 1
        if applied == COUNT:
            break


def test_old_or_new_while_everything_is_removed(bridgehead: Bridgehead, observer: Observer) -> None:
    nothing = WrittenOrganisation({}, {}, [])
    steps, wrong = update(bridgehead, observer, nothing, "b1", "default")
    assert steps and not wrong, "\n".join(wrong)
    assert not (bridgehead.directory / "connectors").exists()
