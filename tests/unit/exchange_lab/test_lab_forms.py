# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever nobody has proved about Exchange differs from organisation to organisation, and stays the same within one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.exchange.simulator import Organisation
from lab.exchange.unverified import UNVERIFIED, Forms
from lab.exchange.values import CmdletError

SEEDS = range(60)
LIST = ["b.example", "A.example", "c.example", "10.0.0.1"]


def send(there: Organisation, **parameters: Any) -> dict[str, Any]:
    given = {
        "Name": "c",
        "AddressSpaces": ["Contoso.com"],
        "DNSRoutingEnabled": False,
        "SmartHosts": LIST,
        **parameters,
    }
    return there.call("New-SendConnector", given)[0]


def attempt(work: Callable[[], Any]) -> str:
    try:
        work()
    except CmdletError as error:
        return error.exception_type
    return "done"


SEEN: dict[str, Callable[[Organisation], Any]] = {
    "order, brackets and case of smart hosts": lambda there: tuple(send(there)["SmartHosts"]),
    "case of SMTP": lambda there: send(there)["AddressSpaces"][0].partition(":")[0],
    "case of domains": lambda there: send(there)["AddressSpaces"][0].partition(":")[2],
    "size of a new connector": lambda there: str(send(there)["MaxMessageSize"]).partition(" (")[0],
    "separator of thousands": lambda there: str(send(there)["MaxMessageSize"]).partition("(")[2][2:4],
    "an empty comment": lambda there: send(there)["Comment"],
    "a source server": lambda there: tuple(send(there)["SourceTransportServers"]),
    "an absent object": lambda there: attempt(lambda: there.call("Get-SendConnector", {"Identity": "x"})),
    "an empty list": lambda there: (
        send(there)
        and attempt(
            lambda: there.call("Set-SendConnector", {"Identity": "c", "SmartHosts": [], "DNSRoutingEnabled": True})
        )
    ),
    "the exception of a rule": lambda there: attempt(lambda: send(there, RequireTLS=True, IgnoreSTARTTLS=True)),
    "the exception of a name": lambda there: send(there) and attempt(lambda: send(there)),
    "the order of objects": lambda there: tuple(one["Name"] for one in there.call("Get-ReceiveConnector")),
    "a site": lambda there: str(there.call("Get-ExchangeServer")[0]["Site"]),
    "a principal": lambda there: {str(one["User"]) for one in permissions(there)} >= {"NT AUTHORITY\\ANONYMOUS LOGON"},
    "the kind of a flag": lambda there: type(permissions(there)[0]["Deny"]),
    "entries of a user": lambda there: len(permissions(there)),
}


def permissions(there: Organisation) -> list[dict[str, Any]]:
    return there.call("Get-ADPermission", {"Identity": "Default Frontend EX1"})


@pytest.mark.parametrize("what", SEEN)
def test_it_differs_between_seeds_and_not_between_two_looks(what: str) -> None:
    look = SEEN[what]
    seen = [look(Organisation(seed)) for seed in SEEDS]
    assert len({repr(one) for one in seen}) > 1, seen[0]
    assert seen == [look(Organisation(seed)) for seed in SEEDS]


def test_reading_twice_gives_the_same() -> None:
    for seed in SEEDS:
        there = Organisation(seed)
        send(there)
        name = {"DomainController": "dc1.contoso.com"}
        assert there.call("Get-SendConnector", name) == there.call("Get-SendConnector", name)


@pytest.mark.parametrize("fact", UNVERIFIED)
def test_every_form_of_every_fact_is_drawn(fact: str) -> None:
    drawn = {Forms(seed).pick(fact, "an object") for seed in range(200)}
    assert drawn == set(UNVERIFIED[fact].forms)


def test_objects_draw_their_own_form_where_that_may_be() -> None:
    forms = Forms(1)
    each = {name: {forms.pick(name, str(key)) for key in range(60)} for name in UNVERIFIED}
    assert {name for name, drawn in each.items() if len(drawn) > 1} == {
        name for name, entry in UNVERIFIED.items() if entry.each
    }


def test_a_pinned_form_is_the_one_that_shows() -> None:
    for form in UNVERIFIED["source_server"].forms:
        there = Organisation(5, pinned={"source_server": form})
        assert send(there)["SourceTransportServers"] == [{"short": "EX1", "FQDN": "ex1.contoso.com"}[form]]
    with pytest.raises(ValueError, match="source_server"):
        Organisation(5, pinned={"source_server": "long"})
