# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""molecule is content with a run that reached nobody; the count of hosts is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_SPEC = importlib.util.spec_from_file_location("molecule_scenario", ROOT / "tests" / "dev" / "molecule_scenario.py")
molecule_scenario = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(molecule_scenario)

QUIET = dict.fromkeys(molecule_scenario.COUNTS, 0)


def problem(hosts, *, name="converge", playbook="converge", check=False):
    run = {"playbook": playbook, "check": check, "hosts": hosts}
    return molecule_scenario._problem(run, "converge", False, name, {"gw1", "gw2"})


def test_every_host_has_to_be_reached():
    assert problem({"gw1": QUIET, "gw2": {**QUIET, "changed": 3}, "localhost": QUIET}) == ""
    assert problem({}) == "did not reach gw1, gw2"
    assert problem({"gw1": QUIET}) == "did not reach gw2"
    assert molecule_scenario._problem(None, "converge", False, "converge", {"gw1"}) == "did not run"
    assert problem({"gw1": QUIET, "gw2": QUIET}, check=True) == "did not run"


def test_a_host_that_failed_or_changed_again_is_named():
    assert problem({"gw1": QUIET, "gw2": {**QUIET, "failures": 1}}) == "failed on gw2"
    assert problem({"gw1": {**QUIET, "unreachable": 1}, "gw2": QUIET}) == "failed on gw1"
    assert problem({"gw1": QUIET, "gw2": {**QUIET, "changed": 1}}, name="idempotence") == "changed gw2 again"


@pytest.mark.parametrize(
    ("scenario", "hosts"),
    [("debian12", {"gw1"}), ("bridgeheads", {"gw1", "gw2", "app1", "mx"}), ("stranger", {"shop"})],
)
def test_hosts_are_those_of_the_inventory(scenario, hosts):
    assert molecule_scenario.hosts_of(ROOT / "extensions" / "molecule" / scenario / "inventory.yml") == hosts
