# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration's Exchange half: the same list on a simulated Exchange organisation, reached over WinRM, and on Postfix."""

from __future__ import annotations

import json

from lab.ansible import Run
from lab.exchange import powershell
from lab.exchange.reached import reached
from lab.exchange.simulator import Organisation
from organisations import CONTOSO
from project import LOCALHOST, Project
from telling import Story


def show(story: Story, project: Project) -> None:
    """Raises DemoError where something is not so."""
    story.chapter("The same list on Exchange")
    there = Organisation(1, [name.upper() for name in CONTOSO])
    _say_what_is_real(story)
    with reached(there) as endpoint:
        servers = {name: {"smtp_connectors_address": at, **endpoint.host_vars()} for name, at in CONTOSO.items()}
        inventory = project.add_inventory("exchange.json", json.dumps({"exchange": {"hosts": servers}, **LOCALHOST}))

        def run(playbook: str) -> Run:
            name = playbook if playbook.endswith(".yml") else f"mailops.connectors.{playbook}"
            story.say(f"$ ansible-playbook -i exchange.json -e @smtp_connectors.yml {name}")
            return project.run(playbook, inventory=inventory).expect_success()

        story.say(
            "In another inventory gw1, gw2 and app1 are Exchange servers. smtp_connectors.yml is the same file, word for word."
        )
        _apply(story, run("provision"), there)
        again = run("provision")
        changed = [f"{task.host}: {task.task}" for task in again.tasks if task.result.get("changed")]
        story.prove("A second run is in sync there, too", f"changed: {', '.join(changed) or 'none'}", not changed)
        _routes(story, run("routes.yml"))


def _say_what_is_real(story: Story) -> None:
    if powershell.find() is None:
        story.say(
            "There is no Exchange server and no PowerShell here: ansible-playbook, winrm and pywinrm are real, exchange_invoke "
            "is a Python stand-in, and the Exchange organisation is simulated."
        )
    else:
        story.say(
            "There is no Exchange server here: ansible-playbook, winrm, pywinrm and exchange_invoke on a PowerShell engine are "
            "real, the Exchange cmdlets are stubs, and the Exchange organisation is simulated."
        )


def _apply(story: Story, run: Run, there: Organisation) -> None:
    # The task runs for the plan, for the change, and in the end to compare.
    results = [one.result for one in run.all_of("Let Exchange send as the list says") if one.status == "ok"]
    planned, applied = results[0], results[1]
    story.say("On Exchange these cmdlets run for the send connectors:")
    for command in applied["commands"]:
        story.item(command)
    story.say("What differs from Postfix, as the plan says it:")
    for note in dict.fromkeys(note for change in applied["plan"] for note in change["notes"]):
        story.item(note)
    story.prove(
        "The plan for Exchange is what was done",
        f"{len(applied['commands'])} cmdlets, as announced in check mode",
        bool(applied["commands"]) and planned["commands"] == applied["commands"],
    )
    names = sorted(str(one["Name"]) for one in there.call("Get-SendConnector", {}))
    story.prove("Exchange has the connectors", ", ".join(names), names == ["to-partner", "to-partner-backup"])


def _routes(story: Story, made: Run) -> None:
    answers = [answer["routes"] for answer in made["localhost"]["results"]]
    same = True
    for one, other in zip(*answers, strict=True):
        story.item(one["explanation"])
        same = same and (one["connector"], one["address_space"]) == (other["connector"], other["address_space"])
    story.prove(
        "One route table explains both", "the same connector and address space for each address, on both systems", same
    )
