# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked example of two organisations, run with the playbook provision on its files as they are, with mail and failures.

Exchange is a simulated organisation; Postfix hosts and mail are real. By default the mixed variant runs, which has both systems;
MAILOPS_EXAMPLES=all runs the others, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab import examples
from lab.certificates import Authority
from lab.dns import Server
from lab.example_run import ExampleRun, arrival
from lab.mail import STRANGER

CONTOSO, FABRIKAM = "contoso.example", "fabrikam.example"
NAMES = {
    f"mail{number}.{domain}": {"A": [f"{network}.1{number}"]}
    for domain, network in ((CONTOSO, "192.0.2"), (FABRIKAM, "198.51.100"))
    for number in (1, 2)
}
Start = Callable[[str, str], ExampleRun]


@pytest.fixture
def start(lab_root: Path) -> Iterator[Start]:
    """Starts the laboratory behind a setup: start("postfix/contoso", "contoso.example")."""
    with ExitStack() as stack:
        stack.enter_context(Server(NAMES))
        authority = Authority(lab_root / "certificates")

        def make(name: str, domain: str) -> ExampleRun:
            setup = examples.load(f"examples/two_organisations/{name}")
            return ExampleRun(setup, domain, lab_root, stack, authority)

        yield make


@examples.one_more
def test_postfix_on_both_sides(start: Start) -> None:
    contoso, fabrikam = start("postfix/contoso", CONTOSO), start("postfix/fabrikam", FABRIKAM)
    both = [contoso, fabrikam]
    fabrikam.carry()
    contoso.play("provision").expect_success()

    def goes(subject: str, *down: str) -> None:
        contoso.send("mail3", f"anna@{FABRIKAM}", subject)
        assert arrival(both, subject).way == contoso.way(FABRIKAM, "mail3", *down), subject

    goes("over the first bridgeheads")
    assert contoso.way(FABRIKAM, "mail3") == (
        "mail3.contoso.example",
        "mail1.contoso.example",
        "mail1.fabrikam.example",
    )
    fabrikam.send("mail3", f"ben@{CONTOSO}", "and back")
    assert arrival(both, "and back").way == fabrikam.way(CONTOSO, "mail3")
    assert arrival(both, "and back").encrypted

    # Relayed for everybody, and nothing else.
    bridgehead = contoso.mailboxes["mail1"].instance
    assert bridgehead.answer_to(f"anna@{FABRIKAM}", source=STRANGER).startswith("250")
    assert "Relay access denied" in bridgehead.answer_to("anna@elsewhere.example", source=STRANGER)

    fabrikam.mailboxes["mail1"].instance.stop()
    goes("the other side's first bridgehead is down", f"mail1.{FABRIKAM}")
    fabrikam.mailboxes["mail1"].instance.start()
    bridgehead.stop()
    goes("the own first bridgehead is down", "mail1")


@examples.one_more
def test_exchange_servers(start: Start) -> None:
    here = start("exchange/contoso", CONTOSO)
    here.play("provision").expect_success()
    there = here.organisation
    assert there
    for server in ("MAIL1", "MAIL3"):
        assert there.submit(server, f"anna@sales.{FABRIKAM}") == "Contoso to Fabrikam"
    assert here.left_exchange_for() == {f"mail1.{FABRIKAM}", f"mail2.{FABRIKAM}"}
    accepted = {str(one["DomainName"]): str(one["DomainType"]) for one in there.call("Get-AcceptedDomain", {})}
    relayed = {FABRIKAM: "ExternalRelay", f"*.{FABRIKAM}": "ExternalRelay"}
    assert accepted == {CONTOSO: "Authoritative", **relayed}
    received = [str(one["Server"]) for one in there.call("Get-ReceiveConnector", {}) if one["Name"] == "From Fabrikam"]
    assert sorted(received) == ["MAIL1", "MAIL2"]


def test_postfix_in_front_of_exchange(start: Start) -> None:
    contoso, fabrikam = start("mixed/contoso", CONTOSO), start("postfix/fabrikam", FABRIKAM)
    both = [contoso, fabrikam]
    fabrikam.carry()
    contoso.play("provision").expect_success()
    there = contoso.organisation
    assert there

    # From Exchange, which is simulated, to the bridgeheads, which are real.
    assert there.submit("EX1", f"anna@{FABRIKAM}") == "Exchange to bridgeheads"
    assert contoso.left_exchange_for() == {"192.0.2.11", "192.0.2.12"}
    for number, down in ((1, ()), (2, ("mail1",))):
        subject = f"from Exchange over mail{number}"
        if down:
            contoso.mailboxes["mail1"].instance.stop()
        gateway = contoso.mailboxes[f"mail{number}"].instance
        gateway.inject(f"x@{CONTOSO}", f"anna@{FABRIKAM}", subject=subject, source="192.0.2.31")
        assert ("ex1.contoso.example", *arrival(both, subject).way) == contoso.way(FABRIKAM, "ex1", *down)
    contoso.mailboxes["mail1"].instance.start()

    # And back, into Exchange.
    fabrikam.send("mail3", f"ben@{CONTOSO}", "into Exchange")
    way = arrival(both, "into Exchange").way
    assert way[:2] == ("mail3.fabrikam.example", "mail1.fabrikam.example")
    assert way[2:] == contoso.way(CONTOSO, "mail1") == ("mail1.contoso.example", "ex1.contoso.example")
    assert "Relay access denied" in contoso.mailboxes["mail1"].instance.answer_to("x@third.example", source=STRANGER)
