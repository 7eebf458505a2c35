# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification comes to, and how routes that Exchange reads back differ from the declared ones."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.filter.read_back_differences import read_back_differences
from ansible_collections.mailops.connectors.plugins.filter.verification_summary import verification_summary

Raw = dict[str, Any]
RELAYING = 'target x, field recipient_refused, value "stranger@example.com": is accepted. Remedy: none.'
GOOD: Raw = {
    "lists": {"postfix": {"changed": False, "plan": [], "commands": []}},
    "info": {"changed": False, "disagreeing": [], "routes": [{}, {}], "verification": "asked for 2"},
    "probe": {"changed": False, "problems": [], "results": [{"target": "mx:25", "notes": ["slow"]}]},
    "notes": ["a note"],
}


def test_all_is_well() -> None:
    found = verification_summary({"gw1": GOOD, "gw2": {}})
    assert found["ok"] and found["failures"] == []
    assert found["lines"] == [
        "Verified 2 hosts: all is as declared.",
        "gw1: ok (2 routes asked for; probed mx:25).",
        "  Note: a note.",
        "  Note: slow.",
        "gw2: ok.",
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"failure": "no Postfix"}, "could not be verified: no Postfix."),
        (
            {"lists": {"postfix": {"changed": False, "plan": [], "commands": ["write x"]}}},
            "is not as the list says: write x.",
        ),
        (
            {"lists": {"postfix": {"plan": [{"action": "update", "connector": "c", "changes": {"tls": {}}}]}}},
            "is not as the list says: update c (tls).",
        ),
        (
            {"lists": {"send": {"plan": [{"action": "create", "connector": "c"}], "changed": True}, "receive": None}},
            "is not as the list says: create c.",
        ),
        ({"lists": {"postfix": {"failed": True, "msg": "bad"}}}, "the list cannot be compared: bad."),
        ({"info": {"changed": False, "disagreeing": ["Mail goes astray."]}}, "Mail goes astray."),
        ({"differences": ["Mail for x takes y."]}, "Mail for x takes y."),
        ({"probe": {"changed": False, "problems": ["mx is down."]}}, "mx is down."),
    ],
)
def test_every_kind_of_problem_is_a_failure_of_its_host(changed: Raw, told: str) -> None:
    found = verification_summary({"gw1": {**GOOD, **changed}, "gw2": GOOD})
    assert found["failures"] == [f"gw1: {told}"]
    assert found["lines"][0] == "Verified 2 hosts: 1 with problems."


@pytest.mark.parametrize(("strangers", "ok", "warned"), [("error", False, 0), ("warn", True, 1), ("ignore", True, 0)])
def test_what_relaying_for_strangers_means_is_the_users_choice(strangers: str, ok: bool, warned: int) -> None:
    probe = {"changed": False, "problems": [RELAYING], "results": []}
    found = verification_summary({"gw1": {**GOOD, "probe": probe}}, strangers)
    assert (found["ok"], len(found["hosts"][0]["warnings"])) == (ok, warned)


def test_skipped_tasks_say_nothing() -> None:
    skipped = {"changed": False, "skipped": True}
    assert verification_summary({"gw1": {"lists": {"postfix": skipped}, "info": skipped, "probe": skipped}})["ok"]


def test_postfix_that_could_not_be_asked_is_noted() -> None:
    info = {"changed": False, "disagreeing": [], "routes": [], "verification": "not asked: Postfix is not running"}
    assert verification_summary({"gw1": {"info": info}})["hosts"][0]["notes"] == [
        "routes not asked: Postfix is not running"
    ]


# --- what Exchange reads back ---

SERVERS = {"ex1": {"system": "exchange"}, "ex2": {"system": "exchange"}}
PARTNER: Raw = {
    "name": "to-partner",
    "address_spaces": ["partner.example"],
    "smart_hosts": ["mx1.partner.example"],
    "bridgeheads": ["ex1"],
}


def info(*connectors: Raw, unmanaged: tuple[Raw, ...] = ()) -> Raw:
    return {"hosts": SERVERS, "sets": {"default": list(connectors)}, "unmanaged": list(unmanaged), "site_links": []}


def test_what_is_read_back_alike_differs_nowhere() -> None:
    postfix = {**PARTNER, "name": "postfix", "bridgeheads": ["gw1"]}
    assert read_back_differences([PARTNER, postfix, {"name": "x", "state": "absent"}], info(PARTNER)) == []


def test_a_connector_of_nobody_that_takes_the_mail_is_told_for_each_server() -> None:
    cheaper = {**PARTNER, "name": "by hand", "smart_hosts": ["mx9.example"], "bridgeheads": ["ex2"]}
    declared = {**PARTNER, "address_spaces": ["partner.example;10"]}
    found = read_back_differences([declared], info(declared, unmanaged=(cheaper,)))
    assert [sentence.split(" takes ")[0] for sentence in found] == [
        "Mail for partner.example from ex1",
        "Mail for partner.example from ex2",
    ]
    assert "by hand via [mx9.example]:25 by what Exchange reads back" in found[1]


def test_a_field_that_the_list_leaves_out_counts_as_it_is() -> None:
    short = {key: PARTNER[key] for key in ("name", "address_spaces", "bridgeheads")}
    assert read_back_differences([short], info(PARTNER)) == []
    assert len(read_back_differences([{**short, "reset": ["smart_hosts"]}], info(PARTNER))) == 1


def test_a_connector_that_is_missing_is_told() -> None:
    assert "no connector by what Exchange reads back" in read_back_differences([PARTNER], info())[0]
