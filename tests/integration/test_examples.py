# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked examples (docs/examples), offline: every host takes its list, and the routes are those of the documentation."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import accepted_domains, receive_task, task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.site_links import SiteLinks

from lab import examples
from lab.ansible import CHECKOUT
from lab.bridgehead import Bridgehead
from lab.examples import Setup
from lab.exchange import tasks
from lab.exchange.standin import Invoker
from lab.postfix import Instance
from lab.told_routes import Question


def setups(system: str = "") -> Any:
    """Those with hosts of a system, or all."""
    found = [one for one in examples.every() if not system or one.of(system)]
    return pytest.mark.parametrize("setup", found, ids=lambda one: one.name.removeprefix("examples/"))


def domains(setup: Setup) -> list[str]:
    """Of the routing groups, the hosts and the address spaces."""
    found = {domain for host in setup.hosts.values() for domain in host.get("local_domains", ())}
    for connector in setup.variables["smtp_connectors_list"]:
        spaces = (space.partition(";")[0].removeprefix("*.") for space in connector["address_spaces"])
        found.update(space for space in spaces if space != "*")
    return sorted(found)


def test_every_variant_is_there() -> None:
    names = {one.name.removeprefix("examples/") for one in examples.every()}
    assert names == {
        *(
            f"two_organisations/{variant}/{own}"
            for variant in ("exchange", "postfix")
            for own in ("contoso", "fabrikam")
        ),
        "two_organisations/mixed/contoso",
        *(f"routing_groups/{variant}" for variant in ("exchange", "postfix", "mixed")),
    }


def test_exchange_and_postfix_have_the_same_list() -> None:
    for name in ("two_organisations/{}/contoso", "two_organisations/{}/fabrikam", "routing_groups/{}"):
        first, second = (examples.load(f"examples/{name.format(variant)}") for variant in ("exchange", "postfix"))
        assert first.variables["smtp_connectors_list"] == second.variables["smtp_connectors_list"]


@setups()
def test_from_every_host_each_domain_has_a_way(setup: Setup) -> None:
    for host in setup.hosts:
        for domain in domains(setup):
            for down in ((), *((other,) for other in setup.hosts if other != host)):
                answer = setup.answer(Question(domain, host, down))
                alone = domain == "austin.contoso.example" and "aus1" in down
                wanted = ("waits",) if alone else ("local", "smart_host")
                assert answer["outcome"] in wanted, answer["explanation"]


@setups("exchange")
def test_exchange_takes_it(setup: Setup) -> None:
    """Everything that a run on Exchange plans, planned and applied on a simulated organisation; then it is in sync."""
    there = setup.exchange_organisation(1)
    assert any(run_exchange(setup, there))
    assert not any(run_exchange(setup, there))


def run_exchange(setup: Setup, there: Any) -> list[bool]:
    """Whether each of the tasks changed something."""
    given = copy.deepcopy(setup.variables)
    links = given.get("smtp_connectors_site_links")
    groups = given.get("smtp_connectors_routing_groups")
    around = {"hosts": setup.hosts, "routing_groups": groups, "site_links": links}
    backends: list[Any] = [
        accepted_domains.AcceptedDomains(
            accepted_domains.Request(
                domains=given.get("smtp_connectors_accepted_domains"),
                connectors=given["smtp_connectors_list"],
                **around,
            )
        )
    ]
    if given.get("smtp_connectors_receive"):
        request = receive_task.Request(connectors=given["smtp_connectors_receive"], hosts=setup.hosts)
        backends.append(receive_task.ReceiveConnectors(request))
    if links:
        backends.append(SiteLinks(links))
    changed = [bool(task.run(backend, Invoker(there))["changed"]) for backend in backends]
    return [*changed, bool(tasks.send_connectors(there, given["smtp_connectors_list"], **around)["changed"])]


@setups("postfix")
def test_every_postfix_host_takes_it(setup: Setup, lab_root: Path) -> None:
    for name, host in setup.of("postfix").items():
        bridgehead = Bridgehead(Instance(lab_root, name, host["address"]), name)
        prepared = bridgehead.prepare(
            copy.deepcopy(setup.variables["smtp_connectors_list"]),
            hosts=setup.hosts,
            routing_groups=setup.variables.get("smtp_connectors_routing_groups"),
        )
        assert prepared.routes_changed, name
        assert not prepared.unsafe, name


@pytest.mark.parametrize("page", examples.PAGES)
def test_the_routes_are_those_of_the_documentation(page: str) -> None:
    told = list(examples.told(page))
    assert len(told) == 3
    for setup, text in told:
        assert text == examples.answered(setup, text), setup.name


def test_the_example_of_the_front_page(lab_root: Path) -> None:
    """README.md shows what the plan says of gw2."""
    page = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    inventory, variables = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[:2])
    setup = Setup(CHECKOUT, inventory, variables)
    bridgehead = Bridgehead(Instance(lab_root, "gw2", setup.hosts["gw2"]["address"]), "gw2")
    prepared = bridgehead.prepare(copy.deepcopy(variables["smtp_connectors_list"]), hosts=setup.hosts)
    shown = page.replace("\n    before", " before")
    for route in prepared.routes_changed:
        assert f"{route.address_space} from gw2 goes to {route.after}; before: {route.before}." in shown
    for change in prepared.plan.changes:
        for note in change.notes:
            assert f"  Note: {note}" in shown, note
