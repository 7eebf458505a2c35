# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks plan, provision and verify on real Postfix hosts: from a list to mail that takes the announced route."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import ansible
from lab.bridgehead import Bridgehead
from lab.whole_organisation import WholeOrganisation, changed, lines, postfix_host, results, said

EVERY_CORE = True

PASSWORD = "Tr0ub4dor&3-of-the-relay"
PARTNER = "192.0.2.30"
REST = "192.0.2.31"

Raw = dict[str, Any]
LIST: list[Raw] = [
    {
        "name": "to-partner",
        "address_spaces": ["*.partner.example"],
        "smart_hosts": [f"[{PARTNER}]"],
        "bridgeheads": ["gw1"],
        "authentication": {
            "mechanism": "basic",
            "username": "relay",
            "password": PASSWORD,
            "allow_cleartext_password": True,
        },
    },
    {"name": "rest", "address_spaces": ["*"], "smart_hosts": [f"[{REST}]"], "bridgeheads": ["gw2"]},
]


def test_from_a_plan_to_mail_and_a_second_run_that_changes_nothing(
    make_instance: Any, make_sink: Any, tmp_path: Path
) -> None:
    partner = make_sink(PARTNER, users={"relay": PASSWORD}, auth_in_clear=True)
    rest = make_sink(REST)
    gw1, gw2 = make_instance("gw1", "127.0.0.11"), make_instance("gw2", "127.0.0.12")
    lab = WholeOrganisation.of(tmp_path, [gw1, gw2])
    files = [(one.main_cf(), one.master_cf()) for one in (gw1, gw2)]
    outputs = []

    # Nothing is touched, and the plan has everything.
    report = tmp_path / "plan.md"
    planned = lab.run("plan", LIST, report=str(report), verbosity=4).expect_success()
    outputs += [planned.output, report.read_text()]
    told = lines(planned, "Show the plan")
    assert told[0] == 'Plan for the set "default": 2 of 2 hosts change.'
    route = "Route: mail for *.partner.example from gw2 goes to to-partner handed over to gw1"
    assert any(line.strip().startswith(route) for line in told)
    assert told[-1].endswith("the whole list (pass 2 of 2)")  # each hands over to the other
    assert report.read_text().startswith("# Plan for the set `default`") and route in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600
    assert files == [(one.main_cf(), one.master_cf()) for one in (gw1, gw2)]

    # What was announced is done, one host after the other, and each is verified.
    done = lab.run("provision", LIST, verbosity=4).expect_success()
    outputs.append(done.output)
    plans = [
        results(run, "Put the plan together")[0][1]["ansible_facts"]["smtp_connectors_plan"] for run in (planned, done)
    ]
    assert plans[0] == plans[1]
    applied = [host for host, _result in results(done, "Let the bridgehead carry its connectors")]
    assert applied[2:] == [name for step in plans[1]["steps"] for name in step["hosts"]]
    told = lines(done, "Show what was verified")
    assert told[0] == "Verified 2 hosts: all is as declared."
    assert told[1] == f"gw1: ok (5 routes asked for; probed [{PARTNER}]:25, [127.0.0.12]:25)."
    gw2.inject("a@here.example", ["b@sub.partner.example", "c@elsewhere.example"], source="127.0.0.12")
    assert [one.to for one in partner.wait_for(1)] == [("b@sub.partner.example",)]
    assert [one.to for one in rest.wait_for(1)] == [("c@elsewhere.example",)]

    # A second run changes nothing, and says so.
    again = lab.run("provision", LIST, report="plan.yml", environment={"PWD": str(tmp_path)}).expect_success()
    assert changed(again) == []
    assert lines(again, "Show the plan")[0] == 'Plan for the set "default": 0 of 2 hosts change.'
    assert yaml.safe_load((tmp_path / "plan.yml").read_text())["changed"] is False

    # What is not as the list says is told by host.
    wrong = [
        {**LIST[0], "max_message_size": "5MB"},
        LIST[1],
        {**LIST[1], "name": "news", "address_spaces": ["news.partner.example"]},
    ]
    failed = lab.run("verify", wrong, verbosity=4)
    outputs.append(failed.output)
    assert failed.failed
    found = said(failed)
    assert "gw1: is not as the list says: update to-partner (max_message_size)." in found
    assert "gw2: is not as the list says: create news." in found
    assert all(PASSWORD not in output for output in outputs)


def test_a_hand_edit_shows_though_the_list_is_in_force(make_instance: Any, make_sink: Any, tmp_path: Path) -> None:
    make_sink(PARTNER)
    gw1 = make_instance("gw1", "127.0.0.11")
    lab = WholeOrganisation.of(tmp_path, [gw1])
    only = [{key: value for key, value in LIST[0].items() if key != "authentication"}]
    Bridgehead(gw1, "gw1").provision(only, hosts={"gw1": {"system": "postfix", "address": gw1.address}})
    gw1.configure(transport_maps=f"inline:{{{{partner.example=smtp:[192.0.2.99]}}}}, {gw1.setting('transport_maps')}")
    gw1.reload()
    failed = lab.run("verify", only)
    assert failed.failed
    assert "Mail for mailops-probe@partner.example" in said(failed) and "inline:" in said(failed)


@pytest.fixture
def without_postfix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Playbooks find a package without its configuration in /etc/postfix, in a mount namespace of their own."""
    bare = tmp_path / "etc-postfix"
    shutil.copytree("/etc/postfix", bare, ignore=shutil.ignore_patterns("main.cf", "master.cf"))
    wrapper = tmp_path / "ansible-playbook"
    inside = f'mount --bind {bare} /etc/postfix && exec {ansible.ansible_playbook()} "$@"'
    wrapper.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{inside}' playbook \"$@\"\n")
    wrapper.chmod(0o700)
    monkeypatch.setattr(ansible, "ansible_playbook", lambda: str(wrapper))


@pytest.mark.usefixtures("without_postfix")
def test_a_host_without_postfix_is_planned_from_nothing(tmp_path: Path, make_instance: Any) -> None:
    gw1 = make_instance("gw1", "127.0.0.11")
    fresh = {**postfix_host(gw1), "postfix_bridgehead_config_directory": "", "smtp_connectors_address": "127.0.0.12"}
    planned = WholeOrganisation(tmp_path, {"gw1": postfix_host(gw1), "gw2": fresh}).run("plan", LIST).expect_success()
    told = "\n".join(lines(planned, "Show the plan"))
    assert "gw2 (postfix): create rest, to-partner." in told
    assert "Postfix is not set up on gw2 yet, so everything there is planned from nothing." in told
    assert "Route: mail for * from gw2 goes to rest via" in told
