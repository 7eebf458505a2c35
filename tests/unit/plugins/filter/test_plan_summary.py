# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a whole organisation, and what is said where it stops."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.filter.plan_report import plan_report
from ansible_collections.mailops.connectors.plugins.filter.plan_summary import plan_summary
from ansible_collections.mailops.connectors.plugins.filter.step_connectors import step_connectors
from ansible_collections.mailops.connectors.plugins.filter.stopped_text import stopped_text

Raw = dict[str, Any]
LIST: list[Raw] = [
    {
        "name": "to-partner",
        "address_spaces": ["partner.example"],
        "smart_hosts": ["mx.example"],
        "bridgeheads": ["gw1"],
    },
    {"name": "Internet", "address_spaces": ["*"], "bridgeheads": ["gw2"]},
    {"name": "old", "state": "absent"},
]
PASSES: list[Raw] = [
    {"connectors": ["to-partner"], "removed": ["old"], "last": False, "stages": [["gw1"], ["gw2"]], "notes": ["n"]},
    {
        "connectors": ["to-partner", "Internet"],
        "removed": [],
        "last": True,
        "stages": [["ex1"], ["gw1", "gw2"]],
        "notes": [],
    },
]


def result(**fields: Any) -> Raw:
    return {"changed": False, "plan": [], "routes_changed": [], "unsafe": [], "unmanaged": [], "warnings": [], **fields}


def entry(action: str, **fields: Any) -> Raw:
    return {"action": action, "changes": {}, "kept": [], "notes": [], **fields}


def made(postfix: Raw | None = None, exchange: Raw | None = None, **options: Any) -> Raw:
    results = {
        "gw1": {"system": "postfix", "results": {"postfix": postfix or result()}},
        "gw2": {"system": "postfix", "results": {"postfix": result()}},
        "ex1": {"system": "exchange", "results": exchange or {"send": result(), "receive": None}},
    }
    return plan_summary(results, PASSES, **{"exchange": "ex1", **options})


def test_nothing_changes() -> None:
    found = made()
    assert not found["changed"]
    assert found["lines"] == [
        'Plan for the set "default": 0 of 3 hosts change.',
        "gw1 (postfix): nothing changes.",
        "gw2 (postfix): nothing changes.",
        "ex1 (exchange): nothing changes.",
        "Note: n.",
    ]


def test_everything_about_a_host_is_told() -> None:
    route = {"from": "gw1", "address_space": "partner.example", "before": "no connector", "after": "to-partner via x"}
    changes = result(
        changed=True,
        plan=[entry("create", connector="to-partner", notes=["a note"]), entry("remove", connector="old")],
        routes_changed=[route],
        unsafe=[{"kind": "unserved", "message": "old.example has none left"}],
        unmanaged=["transport_maps hash:/etc/postfix/transport"],
        warnings=["look at this"],
    )
    found = made(changes)
    host = found["hosts"][0]
    assert host["objects"] == {"create": ["to-partner"], "adopt": [], "update": [], "remove": ["old"]}
    text = "\n".join(found["lines"])
    for told in (
        "gw1 (postfix): create to-partner; remove old.",
        "UNSAFE (unserved): old.example has none left.",
        "Warning: look at this.",
        "Route: mail for partner.example from gw1 goes to to-partner via x; before: no connector.",
        "Unmanaged, left alone: transport_maps hash:/etc/postfix/transport.",
        "Note: a note.",
    ):
        assert (
            told in text
            and told.rstrip(".") in plan_report(found).replace("**", "").replace("`", "")
            or told.startswith("gw1")
        )


def test_each_kind_of_exchange_object_is_called_by_its_kind() -> None:
    found = made(
        exchange={
            "accepted_domains": result(plan=[entry("create", domain="partner.example")], changed=True),
            "receive": result(plan=[entry("update", connector="from-gw", server="EX1", kept=["log"])]),
            "withdrawn_receive": result(
                plan=[entry("remove", connector="gone"), entry("update", connector="from-gw", server="EX1")]
            ),
            "site_links": result(plan=[entry("update", site_link="Paris-Oslo")]),
            "send": result(plan=[entry("adopt", connector="By Hand")], unmanaged=[{"name": "theirs"}]),
            "withdrawn_accepted_domains": {"skipped": True, "changed": False},
        }
    )
    host = found["hosts"][2]
    assert host["objects"] == {
        "create": ["accepted domain partner.example"],
        "adopt": ["By Hand"],
        "update": ["receive connector from-gw on EX1", "site link Paris-Oslo"],
        "remove": ["receive connector gone"],
    }
    assert host["kept"] == {"receive connector from-gw on EX1": ["log"]}
    assert "  Unmanaged, left alone: theirs." in found["lines"]


def test_the_order_names_every_step_and_leaves_out_who_is_not_there() -> None:
    found = made(result(changed=True), left_out=["gw2"])
    assert [(step["kind"], step["hosts"]) for step in found["steps"]] == [
        ("accept", ["ex1"]),
        ("carry", ["gw1"]),
        ("carry", ["ex1"]),
        ("carry", ["gw1"]),
        ("withdraw", ["ex1"]),
    ]
    titles = [step["title"] for step in found["steps"]]
    assert titles[1] == "gw1: to-partner and without old (pass 1 of 2)"
    assert titles[3] == "gw1: the whole list (pass 2 of 2)"
    assert any("gw2 is not in this play" in note for note in found["notes"])


def test_queues_are_looked_at_before_exchange_accepts_less() -> None:
    steps = made(senders=["gw1", "gw2"], left_out=["gw2"])["steps"]
    assert [step.get("drains") for step in steps] == [None] * (len(steps) - 1) + [{"ex1": ["gw1"]}]
    assert "drains" not in made(senders=["gw2"], left_out=["gw2"])["steps"][-1]


def test_a_step_gets_its_connectors() -> None:
    steps = [step for step in made()["steps"] if step["kind"] == "carry"]
    assert step_connectors(LIST, steps[0]) == [LIST[0], {"name": "old", "state": "absent"}]
    assert step_connectors(LIST, steps[-1]) == LIST
    moved = {**steps[0], "bridgeheads": {"TO-PARTNER": ["gw1", "gw2"]}}
    assert step_connectors(LIST, moved)[0]["bridgeheads"] == ["gw1", "gw2"]


def test_where_it_stops_it_says_what_was_done_and_how_to_go_on() -> None:
    text = stopped_text(made(), 5, {"gw2": "mx does not answer"})
    assert text.splitlines()[:2] == [
        "Stopped in step 5 of 6 (gw1, gw2: the whole list (pass 2 of 2)).",
        "gw2: mx does not answer.",
    ]
    done, waiting = text.splitlines()[2:4]
    assert done.endswith("4. ex1: the whole list (pass 2 of 2); 5. gw1, in the step that failed.")
    assert waiting == "Not begun: 6. ex1: Exchange accepts less."
    assert "run the same playbook again" in text


def test_long_lists_of_routes_are_cut_for_people_and_whole_in_the_report() -> None:
    routes = [{"from": "gw1", "address_space": f"d{n}.example", "before": "a", "after": "b"} for n in range(50)]
    found = made(result(changed=True, routes_changed=routes))
    assert "  ... and 10 more routes." in found["lines"]
    assert sum(line.startswith("  Route: ") for line in found["lines"]) == 40
    assert plan_report(found).count("Route: ") == 50


def test_a_host_without_postfix_is_said_to_be_planned_from_nothing() -> None:
    results = {"gw9": {"system": "postfix", "from_nothing": True, "results": {"postfix": result()}}}
    found = plan_summary(results, PASSES)
    assert found["hosts"][0]["from_nothing"] and found["changed"]
    assert "  Note: Postfix is not set up on gw9 yet, so everything there is planned from nothing." in found["lines"]
