# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that is interrupted on any host and started again ends as an undisturbed one, and no message is lost.

MAILOPS_INTERRUPTIONS=all interrupts one run for each host and moment, each from the beginning; else they follow one another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab import rollout
from lab.bridgehead import Bridgehead
from lab.interruption import Killer, changes_below, task_ended
from lab.rollout import DOMAINS, HOSTS, SINKS, Organisation, Raw, connector
from lab.stream import Stream, flowing

CHANGE = "mailops.connectors.postfix_bridgehead : Let the bridgehead carry its connectors"


REST = connector("rest", "*", "rest", "west")
TWO = connector("two", "two.example", "two", "west")
BEFORE = [connector("one", "one.example", "one", "east"), TWO, connector("gone", "gone.example", "one", "east"), REST]
# One connector moves from east to west, one goes, one comes: the hosts change in the order west, app, east.
AFTER = [connector("one", "one.example", "one", "west"), TWO, connector("new", "*.new.example", "two", "west"), REST]
ORDER = ("west", "app", "east")
# Two connectors change places, which takes two passes.
SWAPPED = [connector("one", "one.example", "one", "west"), connector("two", "two.example", "two", "east"), REST]


@pytest.fixture(scope="module")
def organisation() -> Iterator[Organisation]:
    own = {"transport_maps": "regexp:$config_directory/patterns"}
    with rollout.organisation(HOSTS, SINKS, DOMAINS, settings=own, files={"patterns": "# none\n"}) as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(organisation: Organisation) -> dict[str, Raw]:
    """The content of all hosts after a run that nothing disturbs."""
    organisation.begin_with(BEFORE)
    assert [host for host, _given, _last in organisation.steps(AFTER)] == list(ORDER)
    organisation.run("provision", AFTER).expect_success()
    return organisation.content()


def check(organisation: Organisation, undisturbed: dict[str, Raw], stream: Stream) -> None:
    assert organisation.content() == undisturbed
    count = stream.count()
    print(count.summary())
    assert count.faults() == {}
    for domain, sink in (("one.example", "one"), ("two.example", "two"), ("rest.example", "rest")):
        assert count.last_way(domain, "app")[-1] == sink


# --- between two hosts, without a playbook: in every place, of two passes too --------------------------------------------------


@pytest.mark.parametrize("after", [AFTER, SWAPPED], ids=["one pass", "two passes"])
def test_left_after_any_host_and_planned_anew(organisation: Organisation, after: list[Raw]) -> None:
    organisation.begin_with(BEFORE)
    steps = list(organisation.steps(after))
    for step in steps:
        organisation.take(*step)
    undisturbed = organisation.content()
    for done in range(1, len(steps)):
        organisation.begin_with(BEFORE)
        stream = organisation.stream(rate=60)
        with flowing(stream, rounds=1):
            for step in steps[:done]:
                organisation.take(*step)
            stream.flow(1)
            for step in organisation.steps(after):
                organisation.take(*step)
                stream.flow(1)
        check(organisation, undisturbed, stream)


# --- a playbook that is killed -------------------------------------------------------------------------------------------------

Moment = Callable[[Bridgehead], Killer]


def begins(bridgehead: Bridgehead) -> Killer:
    """Everything dies with the first file that the module writes."""
    return Killer(changes_below(bridgehead.directory), f"{bridgehead.name} begins to change", everything=True)


def unheard(bridgehead: Bridgehead) -> Killer:
    """Only ansible-playbook dies: the module comes to its end, and nobody hears its result."""
    return Killer(changes_below(bridgehead.directory), f"{bridgehead.name} changes")


def changed(bridgehead: Bridgehead) -> Killer:
    """Before the host is verified, and before the next one."""
    return Killer(task_ended(CHANGE, bridgehead.name, 2), f"{bridgehead.name} has changed", everything=True)


def kill(organisation: Organisation, host: str, moment: Moment) -> None:
    killer = moment(organisation.bridgeheads[host])
    run = organisation.run("provision", AFTER, watch=killer)
    assert killer.came and run.status < 0, run.output


# --- a host that fails ---------------------------------------------------------------------------------------------------------


def fail(organisation: Organisation, host: str, strict: bool) -> None:
    """A table of the host's administrator wins over a new route: the host goes back, or without strict fails verification."""
    before = organisation.content()
    with own_pattern(organisation.bridgeheads[host], "/@new\\.example$/ smtp:[192.0.2.77]\n"):
        run = organisation.run("provision", AFTER, smtp_connectors_strict=strict)
    assert run.failed
    assert "new.example" in run.output and "[192.0.2.77]" in run.output
    after = organisation.content()
    assert (after[host] == before[host]) is strict
    for later in ORDER[ORDER.index(host) + 1 :]:
        assert after[later] == before[later]


@contextmanager
def own_pattern(bridgehead: Bridgehead, text: str) -> Iterator[None]:
    file = bridgehead.directory / "patterns"
    kept = file.read_text(encoding="utf-8")
    for content in (text, kept):
        file.write_text(content, encoding="utf-8")
        bridgehead.instance.reload()
        if content == text:
            yield


# --- and started again ---------------------------------------------------------------------------------------------------------

Interruption = Callable[[Organisation], None]


def interruptions() -> list[Any]:
    killed = [
        (f"{host} {moment.__name__}", _killed(host, moment)) for host in ORDER for moment in (begins, unheard, changed)
    ]
    failed = [(f"{host} fails, strict: {strict}", _failed(host, strict)) for host in ORDER for strict in (True, False)]
    if os.environ.get("MAILOPS_INTERRUPTIONS") == "all":
        return [pytest.param([one], id=name) for name, one in killed + failed]
    chosen = [_killed("west", begins), _failed("app", False), _killed("east", unheard)]
    return [pytest.param(chosen, id="one after the other")]


def _killed(host: str, moment: Moment) -> Interruption:
    return lambda organisation: kill(organisation, host, moment)


def _failed(host: str, strict: bool) -> Interruption:
    return lambda organisation: fail(organisation, host, strict)


@pytest.mark.parametrize("interrupted", interruptions())
def test_interrupted_and_started_again(
    organisation: Organisation, undisturbed: dict[str, Raw], interrupted: list[Interruption]
) -> None:
    organisation.begin_with(BEFORE)
    stream = organisation.stream(rate=10)
    with flowing(stream):
        for interruption in interrupted:
            interruption(organisation)
            # However long it takes until somebody starts it again, mail flows.
            stream.flow(1)
        organisation.run("provision", AFTER).expect_success()
    check(organisation, undisturbed, stream)
