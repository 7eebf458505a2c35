# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits in a queue, from the lines that postqueue -j prints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.filter.queued_messages import queued_messages

HOSTS = {"A": {"address": "192.0.2.1"}, "B": {"address": "192.0.2.2"}, "C": {"address": "192.0.2.3"}}
BY_B = {"name": "One", "address_spaces": ["*.one.example"], "smart_hosts": ["out.example"], "bridgeheads": ["B"]}
BY_C = {"name": "Rest", "address_spaces": ["*"], "bridgeheads": ["A"], "smart_hosts": ["192.0.2.3"]}


def message(queue_id: str, queue: str, *recipients: str) -> str:
    return json.dumps(
        {
            "queue_name": queue,
            "queue_id": queue_id,
            "arrival_time": 1790000000,
            "message_size": 400,
            "sender": "app@a.example",
            "recipients": [{"address": one, "delay_reason": "connection refused"} for one in recipients],
        }
    )


QUEUE = [
    message("1", "active", "x@one.example", "y@SUB.one.example", "z@other.example"),
    message("2", "deferred", "x@one.example"),
    message("3", "hold", "x@one.example"),
    message("4", "incoming", "x@one.example"),
    message("5", "active", "z@other.example", "postmaster"),
    "",
]


def count(lines: Any, towards: list[str], **more: Any) -> Any:
    return queued_messages(lines, [BY_B, BY_C], host="A", towards=towards, hosts=HOSTS, **more)


@pytest.mark.parametrize("lines", [QUEUE, "\n".join(QUEUE)], ids=["lines", "text"])
def test_recipients_whose_route_leads_to_the_host_are_counted(lines: Any) -> None:
    assert count(lines, ["b"]) == {
        "active": 2,
        "deferred": 2,
        "hold": 1,
        "total": 5,
        "stranded": 0,
        "domains": {"one.example": 4, "sub.one.example": 1},
        "active_ids": ["1"],
        "of_any_route": False,
    }


def test_a_smart_host_that_is_a_known_host_counts() -> None:
    assert count(QUEUE, ["C"])["domains"] == {"other.example": 2}


def test_an_empty_queue() -> None:
    assert count("", ["B"])["total"] == 0


def test_only_messages_that_were_there_before_count_as_active() -> None:
    queue = [*QUEUE, message("6", "active", "x@one.example")]
    found = count(queue, ["B"], among=["6", "9"])
    assert (found["active"], found["active_ids"], found["deferred"]) == (1, ["6"], 2)


def test_what_waits_and_will_have_no_route_is_stranded() -> None:
    assert count(QUEUE, ["B"], after=[BY_C])["stranded"] == 0
    assert count(QUEUE, ["B"], after=[])["stranded"] == 3
    assert count(QUEUE, ["B"], after=[{**BY_C, "address_spaces": ["*.two.example"]}])["stranded"] == 3


def test_what_has_no_reason_for_a_delay_is_being_delivered_still() -> None:
    """A reload puts it back, and the delivery goes on."""
    queue = [
        json.dumps({**json.loads(message(number, name)), "recipients": [{"address": "x@one.example"}]})
        for number, name in (("1", "incoming"), ("2", "deferred"), ("3", "hold"), ("4", "maildrop"))
    ]
    found = count(queue, ["B"])
    assert (found["active_ids"], found["deferred"], found["hold"]) == (["1", "2"], 1, 1)
    assert count(queue, ["B"], among=["2"])["active_ids"] == ["2"]


@pytest.mark.parametrize("after", [None, [BY_B, BY_C]], ids=["unknown", "unchanged"])
def test_where_the_list_of_before_is_forgotten_all_that_is_being_delivered_counts(after: Any) -> None:
    found = count(QUEUE, ["B"], after=after, forgotten=True)
    assert (found["active_ids"], found["active"], found["total"], found["stranded"]) == (["1", "5"], 4, 4, 0)
    assert found["of_any_route"]


def test_where_nothing_leads_there_by_the_list_of_before_it_is_forgotten_too() -> None:
    assert queued_messages(QUEUE, [BY_C], "A", ["B"], HOSTS, after=[], forgotten=True)["active_ids"] == ["1", "5"]
    assert queued_messages(QUEUE, [BY_C], "A", ["B"], HOSTS, after=[])["active_ids"] == []


def test_a_list_that_this_run_changed_is_known() -> None:
    found = count(QUEUE, ["B"], after=[BY_C], forgotten=True)
    assert (found["active"], found["of_any_route"]) == (2, False)


def test_a_line_that_is_no_message_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match='the line "mail system is down" is no message in JSON'):
        count(["mail system is down"], ["B"])


def test_connectors_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="is no field of a connector"):
        queued_messages([], [{**BY_B, "smarthosts": []}], host="A", towards=["B"], hosts=HOSTS)
