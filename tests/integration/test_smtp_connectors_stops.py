# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the role smtp_connectors refuses, and where a rollout stops and how the next one goes on, on real Postfix hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.bridgehead import Bridgehead
from lab.postfix import Instance
from lab.whole_organisation import WholeOrganisation, changed, lines, postfix_host, results, said

PARTNER = "192.0.2.30"
OTHER = "192.0.2.31"

Raw = dict[str, Any]


def connector(name: str, domain: str, smart_host: str, bridgehead: str) -> Raw:
    return {"name": name, "address_spaces": [domain], "smart_hosts": [smart_host], "bridgeheads": [bridgehead]}


UNREACHABLE: Raw = {
    "ansible_connection": "ssh",
    "ansible_host": "192.0.2.254",
    "smtp_connectors_address": "192.0.2.254",
}
LIST = [connector("one", "one.example", PARTNER, "gw1"), connector("two", "two.example", OTHER, "gw2")]


def carried_already(connectors: list[Raw], *instances: Instance) -> None:
    """What an earlier run did, in a tenth of its time."""
    hosts = {one.name: {"system": "postfix", "address": one.address} for one in instances}
    for one in instances:
        Bridgehead(one, one.name).provision(connectors, hosts=hosts)


@pytest.mark.parametrize("keywords", [{"serial": 1}, {"strategy": "free"}, {"strategy": "host_pinned"}], ids=str)
def test_plays_whose_hosts_do_not_go_in_step_are_refused(tmp_path: Path, keywords: Raw) -> None:
    lab = WholeOrganisation(tmp_path, {"gw1": UNREACHABLE, "gw2": UNREACHABLE})
    refused = lab.run(lab.play(**keywords), LIST)
    assert refused.failed
    assert "do not go in step" in said(refused) and "leave serial and strategy out" in said(refused)


def test_mistakes_show_before_any_host_is_contacted(tmp_path: Path) -> None:
    lab = WholeOrganisation(tmp_path, {"gw1": UNREACHABLE, "gw2": UNREACHABLE})
    wrong = [{**LIST[0], "bridgeheads": ["gw9"], "tls": {"level": "sometimes"}}, LIST[1]]
    refused = lab.run("provision", wrong, receive=[{"name": "from-partner"}])
    assert refused.failed and "unreachable=0" in refused.output
    assert 'connector "one", field tls' in said(refused)
    refused = lab.run("provision", [{**LIST[0], "bridgeheads": ["gw9"]}], receive=[{"name": "from-partner"}])
    assert "gw9" in said(refused) and "is an Exchange server" in said(refused)
    valid = lab.run(lab.play("validate"), LIST).expect_success()
    assert changed(valid) == []


def test_hosts_of_neither_group_are_refused(tmp_path: Path) -> None:
    lab = WholeOrganisation(tmp_path, {"gw1": UNREACHABLE})
    lab.inventory["ungrouped"] = {"hosts": {"stranger": UNREACHABLE}}
    refused = lab.run(lab.play("validate"), LIST)
    assert "stranger is in neither of the groups exchange and postfix" in refused.output


def test_a_variable_of_another_type_is_refused(tmp_path: Path) -> None:
    refused = WholeOrganisation(tmp_path, {"gw1": UNREACHABLE}).run("plan", LIST, allow_unsafe=["everything"])
    assert refused.failed and "smtp_connectors_allow_unsafe" in refused.output


def test_it_stops_at_the_first_host_that_fails_and_the_next_run_completes_it(
    make_instance: Any, make_sink: Any, tmp_path: Path
) -> None:
    """gw2 hands mail for one.example over to gw1, so gw1 comes first; its smart host does not answer."""
    gw1, gw2 = make_instance("gw1", "127.0.0.11"), make_instance("gw2", "127.0.0.12")
    lab = WholeOrganisation.of(tmp_path, [gw1, gw2])
    before = gw2.main_cf()
    stopped = lab.run("provision", LIST[:1])
    assert stopped.failed
    text = said(stopped)
    assert text.startswith("Stopped in step 1 of 2 (gw1: the whole list).\ngw1: gw1: target [192.0.2.30]:25")
    assert "Not begun: 2. gw2: the whole list." in text and "run the same playbook again" in text
    assert gw2.main_cf() == before
    assert not results(stopped, "Show what was verified")

    make_sink(PARTNER)
    done = lab.run("provision", LIST[:1]).expect_success()
    assert lines(done, "Show what was verified")[0] == "Verified 2 hosts: all is as declared."
    assert [
        host for host, result in results(done, "Let the bridgehead carry its connectors")[2:] if result["changed"]
    ] == ["gw2"]


def test_connectors_that_change_places_do_so_in_two_passes(make_instance: Any, make_sink: Any, tmp_path: Path) -> None:
    sinks = [make_sink(PARTNER), make_sink(OTHER)]
    gw1, gw2 = make_instance("gw1", "127.0.0.11"), make_instance("gw2", "127.0.0.12")
    lab = WholeOrganisation.of(tmp_path, [gw1, gw2])
    carried_already(LIST, gw1, gw2)
    swapped = [{**LIST[0], "bridgeheads": ["gw2"]}, {**LIST[1], "bridgeheads": ["gw1"]}]
    done = lab.run("provision", swapped).expect_success()
    titles = [
        step["title"]
        for step in results(done, "Put the plan together")[0][1]["ansible_facts"]["smtp_connectors_plan"]["steps"]
    ]
    assert titles == [
        "gw2: one (pass 1 of 2)",
        "gw1: one (pass 1 of 2)",
        "gw1: the whole list (pass 2 of 2)",
        "gw2: the whole list (pass 2 of 2)",
    ]
    gw1.inject("a@here.example", ["b@one.example", "c@two.example"], source="127.0.0.11")
    assert [sink.wait_for(1)[0].to for sink in sinks] == [("b@one.example",), ("c@two.example",)]


def test_a_host_left_out_is_neither_read_nor_changed(make_instance: Any, make_sink: Any, tmp_path: Path) -> None:
    make_sink(PARTNER)
    gw1 = make_instance("gw1", "127.0.0.11")
    lab = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1), "gw2": UNREACHABLE})
    done = lab.run("provision", LIST, ["--limit", "gw1"], probe=False).expect_success()
    told = lines(done, "Show the plan")
    assert told[-2] == "  1. gw1: the whole list"
    assert told[-1].startswith("Note: gw2 is not in this play")
