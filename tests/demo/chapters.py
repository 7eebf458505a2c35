# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration's chapters."""

from __future__ import annotations

import smtplib
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import exchange_half
from lab import LabError, namespace, postfix
from lab.ansible import Run
from lab.postfix import Instance
from organisations import CONTOSO, STRANGER, Lab, running
from project import CHANGE, INVENTORY, Project
from telling import DemoError, Story

FAILURES = (DemoError, LabError, smtplib.SMTPException, OSError)
"""What can be wrong: a claim is not so, the laboratory itself failed, an SMTP dialogue or a file did."""

EMPTIED = '{"smtp_connectors_list": [], "smtp_connectors_purge": true}'


def demonstrate() -> None:
    """Start both organisations, run all chapters, stop everything, print what was proved. Raises FAILURES."""
    story = Story()
    story.say(
        "This demonstration starts five Postfix instances and a DNS server on the loopback interface of a network "
        "namespace of its own: they cannot be reached from outside and reach nothing there. All their files lie in one "
        "temporary directory that is removed at the end. No service of this machine and no file in /etc is changed."
    )
    namespace.enter()
    with postfix.temporary_root("demo-") as root, running(root) as lab:
        Demo(story, lab, Project(root / "project", lab.contoso)).run()
    story.table()


class Demo:
    """The chapters, in order. Each one says what it does, does it, and proves what came of it."""

    def __init__(self, story: Story, lab: Lab, project: Project) -> None:
        self.story, self.lab, self.project = story, lab, project
        self.found = {name: _configuration(host) for name, host in lab.contoso.items()}

    def run(self) -> None:
        self.list_and_inventory()
        self.plan()
        self.apply()
        self.again()
        self.smart_host()
        self.failover()
        self.hand_over()
        self.relay()
        self.change()
        self.removal()
        exchange_half.show(self.story, self.project)

    def playbook(self, name: str, *extra: str, may_fail: bool = False) -> Run:
        """A playbook of the collection."""
        self.command(name, *extra)
        run = self.project.run(name, *extra)
        return run if may_fail else run.expect_success()

    def command(self, name: str, *extra: str) -> None:
        shown = "".join(f" -e '{one}'" for one in extra)
        self.story.say(f"$ ansible-playbook -i inventory.yml -e @smtp_connectors.yml mailops.connectors.{name}{shown}")

    # --- chapters -----------------------------------------------------------------------------------------------

    def list_and_inventory(self) -> None:
        story = self.story
        story.chapter("One list says how mail to the partner flows")
        story.say(
            "Contoso has two bridgeheads, gw1 and gw2, and an application server, app1, that is no bridgehead. Its "
            "partner has two smart hosts, mx1 and mx2. Each of the five is a real Postfix with its own address."
        )
        story.show("inventory.yml", INVENTORY)
        story.show("smtp_connectors.yml", self.project.connectors.read_text(encoding="utf-8"))

    def plan(self) -> None:
        self.story.chapter("The plan: which routes will change, before anything happens")
        self.command("plan")
        planned = self.project.plan()
        for line in planned["lines"]:
            self.story.say(f"    {line}")
        changes = {host["host"]: str(host["routes_changed"]) for host in planned["hosts"] if host["routes_changed"]}
        self.story.prove(
            "The plan names the routes that change",
            f"{len(changes)} routes, on {_names(changes)}",
            sorted(changes) == sorted(CONTOSO) and all("partner.example" in text for text in changes.values()),
        )
        self.story.prove(
            "Check mode touches nothing", "main.cf, master.cf and directory as found on all hosts", self.untouched()
        )

    def apply(self) -> None:
        self.story.chapter("Apply, one host after the other, and verify each")
        carried = _carried(self.playbook("provision"))
        self.story.say("What was done on gw1, in this order:")
        for command in carried["gw1"]["commands"]:
            self.story.item(command)
        for name in CONTOSO:
            self.story.item(f"{name}: {carried[name]['verification']}")
        self.story.prove(
            "Applied, and Postfix itself confirms the routes",
            carried["gw1"]["verification"],
            all("answers as planned" in carried[name]["verification"] for name in CONTOSO),
        )

    def again(self) -> None:
        self.story.chapter("A second run finds nothing to do")
        before = self.states()
        run = self.playbook("provision")
        after = self.states()
        changed = [f"{task.host}: {task.task}" for task in run.tasks if task.result.get("changed")]
        self.story.prove(
            "A second run changes nothing",
            f"{len(run.tasks)} results, changed: {', '.join(changed) or 'none'}",
            not changed and not any(result["commands"] for result in _carried(run).values()),
        )
        self.story.prove(
            "... no file is written, no daemon reloaded",
            "same inodes, modification times, process ids and reloads" if before == after else f"{before} -> {after}",
            before == after,
        )

    def smart_host(self) -> None:
        self.story.chapter("A message goes through the partner's smart host")
        self.send("gw1", "anna@partner.example", "first smart host")
        self.expect_way("first smart host", ["gw1", "mx1"], "Mail goes through the smart host, encrypted")
        self.send("gw2", "ben@berlin.partner.example", "branch")
        self.expect_way("branch", ["gw2", "mx1"], "So does mail to a subdomain, from the other bridgehead")

    def failover(self) -> None:
        self.story.chapter("The smart host fails: the connector of higher cost takes over")
        self.story.say("mx1 is stopped.")
        self.lab.partner["mx1"].instance.stop()
        self.send("gw1", "anna@partner.example", "mx1 is down")
        self.expect_way("mx1 is down", ["gw1", "mx2"], "With mx1 down, mail takes the higher-cost connector")
        self.story.say("mx1 runs again, with a certificate that the partner's authority did not sign.")
        mx1 = self.lab.partner["mx1"]
        mx1.present(self.lab.impostor)
        mx1.instance.start()
        self.send("gw1", "anna@partner.example", "wrong certificate")
        self.expect_way("wrong certificate", ["gw1", "mx2"], "... and also while mx1 shows a wrong certificate")
        mx1.present(self.lab.authority)
        mx1.instance.restart()
        self.story.say("mx1 has its own certificate again.")

    def hand_over(self) -> None:
        self.story.chapter("A host that is no bridgehead hands over")
        self.send("app1", "anna@partner.example", "from app1")
        self.expect_way("from app1", ["app1", "gw1", "mx1"], "app1 hands over to a bridgehead")
        self.story.say("gw1 is stopped.")
        self.lab.contoso["gw1"].stop()
        self.send("app1", "anna@partner.example", "gw1 is down")
        self.expect_way("gw1 is down", ["app1", "gw2", "mx1"], "... and to the other one while the first is down")
        self.lab.contoso["gw1"].start()
        self.story.say("gw1 runs again.")

    def relay(self) -> None:
        self.story.chapter("Relay: the partner's domain for everybody, no other domain for a stranger")
        gateway = self.lab.contoso["gw1"]
        self.story.say(f"{STRANGER}, which nobody here knows, talks to gw1.")
        gateway.inject("x@elsewhere.example", "anna@partner.example", subject="from outside", source=STRANGER)
        self.expect_way("from outside", ["gw1", "mx1"], "A stranger's mail to the partner's domain is relayed")
        answer = gateway.answer_to("someone@third.example", source=STRANGER)
        self.story.prove("A stranger's mail to another domain is refused", answer, answer[:1] in "45")

    def change(self) -> None:
        self.story.chapter("A change of route")
        self.story.say(
            f"In smtp_connectors.yml, {CHANGE[0]} becomes {CHANGE[1]}: the way over mx2 is the cheaper one now."
        )
        self.project.change_route()
        run = self.playbook("provision")
        planned, carried = _plan(run), _carried(run)
        self.tell_routes(carried)
        routes = [route for result in carried.values() for route in result["routes_changed"]]
        self.story.prove(
            "The plan of the change is what was done",
            f"{len(routes)} routes changed as planned",
            bool(routes) and {name: result["routes_changed"] for name, result in carried.items()} == planned,
        )
        self.send("app1", "anna@partner.example", "after the change")
        self.expect_way("after the change", [("gw1", "gw2"), "mx2"], "Mail takes the new route")

    def removal(self) -> None:
        self.story.chapter("Removal")
        before = self.states()
        self.story.say("First by mistake: the list is empty, and whatever it does not name is to go.")
        refused = self.playbook("provision", EMPTIED, may_fail=True)
        message = next((str(one.result.get("msg")) for one in refused.tasks if one.status == "failed"), "")
        self.story.show("It fails, with", textwrap.fill(message, 100, break_on_hyphens=False))
        self.story.prove(
            "A removal that leaves mail without a route is refused",
            "the run failed and touched nothing" if "unserved" in message else refused.output,
            refused.failed and "unserved" in message and before == self.states(),
        )
        self.story.say("Then as it is meant to be done.")
        self.playbook("remove")
        self.story.prove(
            "Removed: main.cf and master.cf are as they were found, byte for byte",
            f"compared on {', '.join(CONTOSO)}; nothing else is left",
            self.untouched(),
        )
        answer = self.lab.contoso["gw1"].answer_to("anna@partner.example", source=STRANGER)
        self.story.prove("gw1 no longer relays to the partner", answer, answer[:1] in "45")
        waiting = [entry for host in self.lab.instances() for entry in host.queue()]
        self.story.prove("No message was lost or left behind", f"{len(waiting)} in all queues", not waiting)

    # --- parts of them ------------------------------------------------------------------------------------------

    def tell_routes(self, carried: Mapping[str, Mapping[str, Any]]) -> None:
        """Print the routes that a run changed."""
        for result in carried.values():
            for route in result["routes_changed"]:
                self.story.item(f"from {route['from']} to {route['address_space']}")
                self.story.say(f"      before: {route['before']}")
                self.story.say(f"      after:  {route['after']}")

    def send(self, host: str, recipient: str, subject: str) -> None:
        self.story.say(f'A message "{subject}" to {recipient} is submitted on {host}.')
        self.lab.contoso[host].sendmail(f"app@{host}.contoso.example", recipient, subject=subject)

    def expect_way(self, subject: str, wanted: list[str | tuple[str, ...]], claim: str) -> None:
        """The message arrived, encrypted, after it passed the wanted servers (the last ones of its way)."""
        delivered = self.lab.wait_for_mail(subject)
        if delivered is None:
            logs = "\n".join(f"{host.name}:\n{host.log()[-3000:]}" for host in self.lab.instances())
            raise DemoError(f"NOT PROVED: {claim}\nThe message did not arrive. Logs:\n{logs}")
        servers = [name.partition(".")[0] for name in delivered.way]
        way = servers[-len(wanted) :]
        matches = len(way) == len(wanted) and all(
            step in (place if isinstance(place, tuple) else (place,)) for step, place in zip(way, wanted, strict=True)
        )
        shown = " -> ".join(servers) + (" (TLS)" if delivered.encrypted else " (in clear text)")
        self.story.prove(claim, shown, matches and delivered.encrypted)

    def states(self) -> dict[str, object]:
        """Of each of Contoso's hosts: inodes and times of all its files, its process id and its reloads."""
        return {name: (_files(host), _processes(host)) for name, host in self.lab.contoso.items()}

    def untouched(self) -> bool:
        """Whether every file in every configuration directory is what the administrator left there."""
        return all(_configuration(host) == self.found[name] for name, host in self.lab.contoso.items())


def _configuration(host: Instance) -> dict[str, bytes]:
    """Every file of the configuration directory, with its content."""
    root = host.config_directory
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _files(host: Instance) -> dict[str, tuple[int, int]]:
    """Inode and modification time of every file of the configuration directory."""
    paths = sorted(path for path in host.config_directory.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def _processes(host: Instance) -> tuple[int | None, int]:
    """The master process, and how often it has read its configuration again. (Idle daemons end by themselves.)"""
    return host.master_pid(), host.log().count(": reload -- version ")


def _carried(run: Run) -> dict[str, dict[str, Any]]:
    """Host -> what the task that applied the list returned; the one that planned it came before."""
    return run.of("Let the bridgehead carry its connectors")


def _plan(run: Run) -> dict[str, Any]:
    """Host -> the routes that the plan of this run said would change."""
    (plan,) = run.of("Put the plan together").values()
    hosts = plan["ansible_facts"]["smtp_connectors_plan"]["hosts"]
    return {host["host"]: host["routes_changed"] for host in hosts}


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
