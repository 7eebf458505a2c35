# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs side by side: all are done, never too many at once, and none holds up the rest."""

from __future__ import annotations

import functools
import threading
import time

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.smtp import resolver
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.lookup import Server
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.probe import Settings, Work
from hypothesis import given
from hypothesis import strategies as st

LONG = 60.0


def later(seconds=LONG):
    return time.monotonic() + seconds


@given(st.integers(1, 5), st.lists(st.integers(0, 3), max_size=20))
def test_jobs_and_the_jobs_that_they_add_are_all_done_within_the_limit(parallel, children):
    work, lock, done, running, most = Work(parallel), threading.Lock(), [], [0], [0]

    def job(name, more):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        for number in range(more):
            work.add(functools.partial(job, (name, number), 0))
        with lock:
            running[0] -= 1
            done.append(name)

    for name, more in enumerate(children):
        work.add(functools.partial(job, name, more))
    assert work.wait(later())
    assert len(done) == len(children) + sum(children)
    assert most[0] <= parallel


def test_as_many_jobs_run_at_once_as_may():
    work, together = Work(3), threading.Barrier(3)
    for _number in range(3):
        work.add(lambda: together.wait(LONG))
    assert work.wait(later())
    assert not together.broken


def test_a_job_without_end_is_left_behind_and_later_jobs_do_not_begin():
    work, stuck, begun = Work(1), threading.Event(), []
    work.add(stuck.wait)
    work.add(lambda: begun.append(1))
    assert not work.wait(later(0.05))
    stuck.set()
    assert not begun


def test_a_mistake_in_a_job_is_not_swallowed():
    work = Work(2)
    work.add(lambda: {}["missing"])
    with pytest.raises(KeyError):
        work.wait(later())


def test_the_address_to_connect_from_is_one_of_the_same_kind():
    settings = Settings(0.0, source_addresses=("192.0.2.1", "2001:db8::1"))
    assert settings.source(Server("a", "198.51.100.1")) == "192.0.2.1"
    assert settings.source(Server("a", "2001:db8::2")) == "2001:db8::1"
    assert Settings(0.0, source_addresses=("2001:db8::1",)).source(Server("a", "198.51.100.1")) is None


def test_a_dnspython_that_is_too_old_is_none(monkeypatch):
    class Old:
        Resolver = object

    def import_module(_name):
        return Old

    monkeypatch.setattr(resolver.importlib, "import_module", import_module)
    assert not resolver.available()

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(resolver.importlib, "import_module", missing)
    assert not resolver.available()
