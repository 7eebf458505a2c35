# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oracle chooses connectors in the order of the manual (connector-selection.md), and mail waits on the one it chose."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange.simulator import Organisation, Server, SiteLink
from lab.exchange.values import CmdletError

SERVERS = {
    "EX1": Server("EX1", site="Paris"),
    "EX2": Server("EX2", site="Paris"),
    "EX3": Server("EX3", site="Rome"),
    "EX4": Server("EX4", site="Oslo"),
}
# Paris - Rome costs 10, Rome - Oslo 10, Paris - Oslo 50: over Rome it is 20.
LINKS = {
    "Paris-Rome": SiteLink(("Paris", "Rome"), 10),
    "Rome-Oslo": SiteLink(("Rome", "Oslo"), 10),
    "Paris-Oslo": SiteLink(("Paris", "Oslo"), 50),
}


def organisation(**pinned: str) -> Organisation:
    return Organisation(1, SERVERS, site_links=LINKS, pinned={"send_size_default": "25MB", **pinned})


def connect(
    there: Organisation, name: str, *spaces: str, servers: tuple[str, ...] = ("EX1",), **parameters: Any
) -> None:
    given = {"Name": name, "AddressSpaces": list(spaces), "SourceTransportServers": list(servers), **parameters}
    there.call("New-SendConnector", given)


def smart(*hosts: str) -> dict[str, Any]:
    return {"DNSRoutingEnabled": False, "SmartHosts": list(hosts)}


def test_the_most_specific_space_wins_whatever_it_costs() -> None:
    there = organisation()
    connect(there, "all", "*;1")
    connect(there, "com", "*.com;1")
    connect(there, "sub", "*.contoso.com;50", servers=("EX4",))
    connect(there, "exact", "contoso.com;100", servers=("EX4",))
    asked = {
        domain: there.route("EX1", f"a@{domain}") for domain in ("contoso.com", "x.Contoso.com", "y.com", "z.example")
    }
    assert asked == {"contoso.com": "exact", "x.Contoso.com": "sub", "y.com": "com", "z.example": "all"}
    assert there.route("EX1", "a@notcontoso.com") == "com"


def test_then_the_cost_of_the_way_and_of_the_space_together() -> None:
    there = organisation()
    connect(there, "near", "*;25")
    connect(there, "far", "*;4", servers=("EX4",))  # 20 + 4
    assert there.route("EX1", "a@b.example") == "far"
    there.call("Set-AdSiteLink", {"Identity": "Rome-Oslo", "ExchangeCost": 12})  # 22 + 4
    assert there.route("EX1", "a@b.example") == "near"
    assert there.route("EX3", "a@b.example") == "far"  # 12 + 4 against 10 + 25


def test_then_the_own_server_then_the_own_site_then_the_name() -> None:
    there = organisation()
    connect(there, "a", "*", servers=("EX2",))
    connect(there, "B", "*", servers=("EX1",))
    connect(there, "c", "*", servers=("EX1", "EX2"))
    assert [there.route(server, "a@b.example") for server in ("EX1", "EX2")] == ["B", "a"]
    there.call("Remove-SendConnector", {"Identity": "B", "Confirm": False})
    assert there.route("EX1", "a@b.example") == "c"
    connect(there, "z", "*;1", servers=("EX3",))
    there.call("Set-AdSiteLink", {"Identity": "Paris-Rome", "ExchangeCost": 1})
    connect(there, "y", "*;2", servers=("EX2",))
    there.call("Remove-SendConnector", {"Identity": "a", "Confirm": False})
    there.call("Remove-SendConnector", {"Identity": "c", "Confirm": False})
    assert there.route("EX1", "a@b.example") == "y"  # 1 + 1 and 2 are equal; y is in the own site


def test_without_a_connector_in_scope_that_is_on_and_large_enough_mail_is_unreachable() -> None:
    there = organisation()
    connect(there, "small", "*;1", MaxMessageSize="1MB")
    connect(there, "off", "*;1", Enabled=False)
    connect(there, "roman", "*;2", servers=("EX3",), IsScopedConnector=True, MaxMessageSize="unlimited")
    assert there.route("EX1", "a@b.example", 1024**2) == "small"
    assert there.route("EX1", "a@b.example", 1024**2 + 1) is None
    assert there.route("EX3", "a@b.example", 10**10) == "roman"
    connect(there, "contoso", "contoso.example")
    assert there.route("EX4", "a@contoso.example") == "contoso"


def test_a_server_that_no_link_leads_to_is_not_reached() -> None:
    there = Organisation(1, SERVERS, site_links={"Paris-Rome": LINKS["Paris-Rome"]})
    connect(there, "oslo", "*", servers=("EX4",))
    assert (there.route("EX1", "a@b.example"), there.route("EX4", "a@b.example")) == (None, "oslo")
    with pytest.raises(KeyError):
        there.route("EX9", "a@b.example")


def test_other_types_than_smtp_take_no_smtp_mail() -> None:
    there = organisation()
    connect(there, "x400", "X400:c=US;a= ;p=Contoso;1", **smart("gateway.example"))
    assert there.route("EX1", "a@b.example") is None


def test_authoritative_domains_are_local() -> None:
    there = organisation()
    there.call("New-AcceptedDomain", {"Name": "r", "DomainName": "relay.example", "DomainType": "InternalRelay"})
    there.call("New-AcceptedDomain", {"Name": "s", "DomainName": "*.own.example"})
    asked = (
        "a@Contoso.com",
        "a@x.contoso.com",
        "a@relay.example",
        "a@own.example",
        "a@x.own.example",
        "a@notown.example",
    )
    assert [there.is_local(address) for address in asked] == [True, False, False, True, True, False]


# --- queues ----------------------------------------------------------------------------------------------------------


def queues(there: Organisation, **parameters: Any) -> list[tuple[str, str, int, str]]:
    return [
        (str(one["Identity"]), str(one["NextHopDomain"]), one["MessageCount"], str(one["Status"]))
        for one in there.call("Get-Queue", parameters)
        if one["MessageCount"]
    ]


def test_mail_waits_on_its_connector_while_all_of_its_smart_hosts_are_down() -> None:
    there = organisation(name_case="kept")
    connect(there, "first", "*;1", servers=("EX2",), **smart("a.example", "b.example"))
    connect(there, "second", "*;2", **smart("c.example"))
    there.down.update({"A.example", "b.example"})
    assert there.submit("EX1", "x@y.example") == "first"
    assert queues(there) == []
    assert queues(there, Server="EX2") == [("EX2\\3", "a.example,b.example", 1, "Retry")]
    connector = there.call("Get-Queue", {"Identity": "EX2\\3"})[0]["NextHopConnector"]
    assert connector == next(one["Guid"] for one in there.call("Get-SendConnector") if one["Name"] == "first")
    there.down.discard("b.example")
    assert there.submit("EX1", "z@y.example") == "first"
    assert queues(there, Server="EX2") == []
    assert [message.address for message in there.mail.delivered] == ["x@y.example", "z@y.example"]


def test_unreachable_mail_stays_where_it_was_submitted() -> None:
    there = organisation()
    assert there.submit("EX1", "x@y.example") is None
    assert queues(there) == [("EX1\\Unreachable", "Unreachable Domain", 1, "Ready")]
    with pytest.raises(CmdletError):
        there.call("Get-Queue", {"Server": "EX1", "Identity": "EX1\\Unreachable"})
    with pytest.raises(CmdletError):
        there.call("Get-Queue", {"Identity": "EX1\\77"})
