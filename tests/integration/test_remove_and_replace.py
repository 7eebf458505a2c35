# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors are removed, and a bridgehead is replaced, under a steady stream of mail: nothing is lost, and nobody ends too early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab import rollout
from lab.rollout import DOMAINS, HOSTS, SINKS, Organisation, connector
from lab.stream import during

ONE = connector("one", "one.example", "one", "east")
TWO = connector("two", "two.example", "two", "west")
REST = connector("rest", "*", "rest", "west")
LIST = [ONE, TWO, REST]
# Verifying has tests of its own.
QUICK = {"smtp_connectors_verify": False}


@pytest.fixture(scope="module")
def organisation() -> Iterator[Organisation]:
    with rollout.organisation(HOSTS, SINKS, DOMAINS) as made:
        yield made


def test_a_removal_goes_to_the_senders_first_and_loses_nothing(organisation: Organisation) -> None:
    organisation.begin_with(LIST)
    run, count = during(
        organisation.stream(rate=10), lambda: organisation.run("remove", LIST, smtp_connectors_remove=["One"], **QUICK)
    )
    run.expect_success()
    assert count.faults() == {}
    assert count.last_way("one.example", "east") == ("east", "west", "rest")


def test_a_bridgehead_is_replaced_and_its_queue_is_empty_in_the_end(organisation: Organisation) -> None:
    organisation.begin_with(LIST)
    replaced: dict[str, Any] = {"smtp_connectors_old_bridgehead": "west", "smtp_connectors_new_bridgeheads": ["east"]}
    run, count = during(
        organisation.stream(rate=10), lambda: organisation.run("replace_bridgehead", LIST, **replaced, **QUICK)
    )
    run.expect_success()
    assert count.faults() == {}
    assert count.last_way("two.example", "app") == ("app", "east", "two")
    assert count.last_way("two.example", "west") == ("west", "east", "two")
    assert organisation.instances["west"].queue() == []
