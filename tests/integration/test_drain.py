# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that stops taking mail is not touched while mail is on its way there, or would have no route: real queues."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from lab import ansible
from lab.bridgehead import Bridgehead
from lab.postfix import Instance
from lab.whole_organisation import postfix_host, said

Raw = dict[str, Any]
HOSTS: Raw = {"app": {"address": "127.0.0.11"}, "east": {"address": "127.0.0.12"}}
ONE = {"name": "one", "address_spaces": ["one.example"], "smart_hosts": ["127.0.0.40"], "bridgeheads": ["east"]}
STEP: Raw = {"number": 2, "title": "east: the whole list", "hosts": ["east"], "drains": {"east": ["app"]}}
PLAN = {"steps": [{"number": 1, "title": "app: the whole list", "hosts": ["app"]}, STEP]}


@pytest.fixture
def east_is_silent() -> Iterator[None]:
    """It takes connections and says nothing, so that a delivery lasts."""
    with closing(socket.create_server(("127.0.0.12", 25))):
        yield


@pytest.fixture
def app(make_instance: Any) -> Instance:
    # Longer than any machine needs to look at its queue.
    made: Instance = make_instance("app", "127.0.0.11", settings={"smtp_helo_timeout": "300s"})
    assert not Bridgehead(made, "app").provision([ONE], hosts=HOSTS).failure
    return made


def drain(app: Instance) -> ansible.Run:
    one = {"connectors": [ONE], "hosts": HOSTS, "routing_groups": []}
    known = {
        "__smtp_connectors_there": {**one, "sets": {"default": one}},
        "__smtp_connectors_exchange_host": "",
        "__smtp_connectors_step": STEP,
        "smtp_connectors_hosts": HOSTS,
        "smtp_connectors_plan": PLAN,
        "smtp_connectors_drain_timeout": 1,
    }
    role = {"name": "mailops.connectors.smtp_connectors", "tasks_from": "drain"}
    task = {"name": "Wait", "ansible.builtin.include_role": role}
    hosts = {"app": {**postfix_host(app), **known}, "east": {"ansible_connection": "local", **known}}
    return ansible.playbook([task], hosts=list(hosts), host_vars=hosts)


def test_mail_that_is_being_delivered_is_waited_for_and_then_told(app: Instance, east_is_silent: None) -> None:
    app.inject("a@here.example", "x@one.example")
    app.wait_until(lambda: any(one.queue_name == "active" for one in app.queue()), "the delivery begins")
    stopped = drain(app)
    assert stopped.failed
    assert "Stopped before step 2 of 2 (east: the whole list)" in said(stopped)
    assert "The queue of app has 1 recipients on their way to east after 1 s" in said(stopped)
    assert "Done before: 1. app: the whole list. Not begun: 2. east: the whole list." in said(stopped).replace(
        "\n", " "
    )


def test_what_waits_counts_only_where_it_will_have_no_route(app: Instance) -> None:
    app.inject("a@here.example", "x@one.example")
    app.wait_until(lambda: any(all(one.reasons) for one in app.queue()), "the message is deferred")
    drain(app).expect_success()
    options = {"hosts": HOSTS, "purge": True, "allow_unsafe": ("unserved",)}
    assert not Bridgehead(app, "app").provision([{**ONE, "address_spaces": ["two.example"]}], **options).failure
    stopped = drain(app)
    assert '1 of them for domains that have no route any more ({"one.example": 1})' in said(stopped)
