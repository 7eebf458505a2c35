# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked example of routing groups, run with the playbook provision on its files as they are, with mail and failures.

Exchange is a simulated organisation; Postfix hosts and mail are real. By default the variant of Postfix hosts runs;
MAILOPS_EXAMPLES=all runs the others, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab import examples
from lab.certificates import Authority
from lab.example_run import ExampleRun, arrival
from lab.mail import STRANGER

DOMAIN = "contoso.example"
GROUPS = {"hou": "houston", "dal": "dallas", "aus": "austin"}
Start = Callable[[str], ExampleRun]


@pytest.fixture
def start(lab_root: Path) -> Iterator[Start]:
    """Starts the laboratory behind a variant."""
    with ExitStack() as stack:
        authority = Authority(lab_root / "certificates")

        def make(variant: str) -> ExampleRun:
            setup = examples.load(f"examples/routing_groups/{variant}")
            return ExampleRun(setup, DOMAIN, lab_root, stack, authority)

        yield make


def delivered_by(host: str) -> str:
    """A domain that a host delivers itself: that of its routing group."""
    return f"{GROUPS[host[:3]]}.{DOMAIN}"


def goes(run: ExampleRun, *ways: str, down: tuple[str, ...] = ()) -> None:
    """Mail takes ways such as "hou1 dal1 aus1", each from its first host to the group of its last one, and that is what
    smtp_route answers. down: the hosts that are stopped."""
    each = [(way, way.split()) for way in ways]
    subjects = {way: f"{way}, down: {down}" for way in ways}
    for way, hosts in each:
        run.send(hosts[0], f"anna@{delivered_by(hosts[-1])}", subjects[way])
    for way, hosts in each:
        full = tuple(f"{host}.{DOMAIN}" for host in hosts)
        assert arrival([run], subjects[way]).way == full
        assert run.way(delivered_by(hosts[-1]), hosts[0], *down) == full


def test_three_groups_of_postfix(start: Start) -> None:
    run = start("postfix")
    run.play("provision").expect_success()
    hosts = {name: mailbox.instance for name, mailbox in run.mailboxes.items()}
    # hou3 is no bridgehead. Between Houston and Austin there are two hops from group to group.
    goes(run, "hou3 hou1 dal1", "hou3 hou1 dal1 aus1", "dal2 hou1", "dal2 aus1", "aus1 dal1", "aus1 dal1 hou1")
    assert "Relay access denied" in hosts["dal1"].answer_to(f"anna@austin.{DOMAIN}", source=STRANGER)

    hosts["dal1"].stop()
    goes(run, "hou3 hou1 dal2 aus1", "aus1 dal2 hou1", down=("dal1",))

    # Nobody is left in the middle: the direct line, at the higher cost, is for this.
    hosts["dal2"].stop()
    goes(run, "hou3 hou1 aus1", "aus1 hou1", down=("dal1", "dal2"))
    # What is for the middle itself waits.
    run.send("hou1", f"anna@dallas.{DOMAIN}", "for Dallas")
    (waiting,) = hosts["hou1"].wait_until(
        lambda: [one for one in hosts["hou1"].queue() if one.queue_name == "deferred"], "the message is deferred"
    )
    assert waiting.recipients == (f"anna@dallas.{DOMAIN}",)

    hosts["hou1"].stop()
    goes(run, "hou3 hou2 aus1", "aus1 hou2", down=("hou1", "dal1", "dal2"))

    hosts["dal1"].start()
    hosts["hou1"].start().flush()
    assert arrival([run], "for Dallas").way == (f"hou1.{DOMAIN}", f"dal1.{DOMAIN}")
    goes(run, "hou3 hou1 dal1 aus1", down=("dal2",))


@examples.one_more
def test_three_sites_of_exchange(start: Start) -> None:
    run = start("exchange")
    there = run.organisation
    assert there
    assert {one["ExchangeCost"] for one in there.call("Get-AdSiteLink", {})} == {None}
    run.play("provision").expect_success()
    assert there.call("Get-SendConnector", {}) == []
    links = {str(one["Name"]): one["ExchangeCost"] for one in there.call("Get-AdSiteLink", {})}
    assert links == {"Houston-Dallas": 10, "Dallas-Austin": 20, "Houston-Austin": 50}


@examples.one_more
def test_houston_has_exchange(start: Start) -> None:
    run = start("mixed")
    run.play("provision").expect_success()
    hosts = {name: mailbox.instance for name, mailbox in run.mailboxes.items()}
    there = run.organisation
    assert there

    # From Houston, which is simulated: * has become the domains that it stands for, at its own cost of 1 and the connection's.
    (connector,) = there.call("Get-SendConnector", {})
    spaces = sorted(str(space).lower() for space in connector["AddressSpaces"])
    assert spaces == ["smtp:austin.contoso.example;31", "smtp:dallas.contoso.example;11"]
    for recipient in (f"anna@dallas.{DOMAIN}", f"anna@austin.{DOMAIN}"):
        assert there.submit("HOU3", recipient) == "Houston to Dallas"
    assert {one.server for one in there.mail.delivered} <= {"HOU1", "HOU2"}
    assert run.left_exchange_for() == {"198.51.100.11", "198.51.100.12"}

    # To Dallas and through it to Austin, which are real.
    for first, last in (("dal1", "dal1"), ("dal1", "aus1"), ("dal2", "dal2"), ("dal2", "aus1")):
        subject = f"from Exchange over {first} to {last}"
        hosts[first].inject(f"x@houston.{DOMAIN}", f"anna@{delivered_by(last)}", subject=subject, source="192.0.2.11")
        way = tuple(f"{host}.{DOMAIN}" for host in dict.fromkeys((first, last)))
        assert arrival([run], subject).way == way
        down = () if first == "dal1" else ("dal1",)
        assert run.way(delivered_by(last), "hou3", *down)[-len(way) :] == way

    # And back, into Houston, which lets the hosts of Dallas in.
    received = {
        str(one["Server"]): one for one in there.call("Get-ReceiveConnector", {}) if one["Name"] == "From Dallas"
    }
    assert {name: sorted(map(str, one["RemoteIPRanges"])) for name, one in received.items()} == {
        name: ["198.51.100.11", "198.51.100.12"] for name in ("HOU1", "HOU2")
    }
    goes(run, "dal2 hou1", "aus1 dal1 hou1")
    hosts["hou1"].stop()
    goes(run, "aus1 dal1 hou2", down=("hou1",))
    hosts["dal1"].stop()
    goes(run, "aus1 dal2 hou2", down=("dal1", "hou1"))
