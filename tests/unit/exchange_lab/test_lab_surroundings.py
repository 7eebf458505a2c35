# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepted domains, site links, servers and what else the simulator shows around connectors."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange.simulator import Certificate, Organisation, Server, SiteLink
from lab.exchange.values import CmdletError

Raw = dict[str, Any]
PARIS, ROME = Server("EX1", site="Paris"), Server("EX2", site="Rome")


def organisation(**pinned: str) -> Organisation:
    plain = {"order": "as given", "thousands_separator": ",", "site_form": "name"}
    return Organisation(1, {"EX1": PARIS, "EX2": ROME}, pinned={**plain, **pinned})


# --- accepted domains ------------------------------------------------------------------------------------------------


def domains(there: Organisation) -> dict[str, Raw]:
    return {one["Name"]: one for one in there.call("Get-AcceptedDomain")}


def test_the_first_domain_is_the_default_one_and_stays() -> None:
    there = organisation()
    assert [(name, one["Default"], str(one["DomainType"])) for name, one in domains(there).items()] == [
        ("contoso.com", True, "Authoritative")
    ]
    with pytest.raises(CmdletError):
        there.call("Remove-AcceptedDomain", {"Identity": "contoso.com", "Confirm": False})
    there.call("New-AcceptedDomain", {"Name": "Partner", "DomainName": "fabrikam.example"})
    there.call("Set-AcceptedDomain", {"Identity": "Partner", "MakeDefault": True})
    assert {name: one["Default"] for name, one in domains(there).items()} == {"contoso.com": False, "Partner": True}
    there.call("Remove-AcceptedDomain", {"Identity": "contoso.com", "Confirm": False})
    assert list(domains(there)) == ["Partner"]


def test_a_domain_is_there_once_under_any_name() -> None:
    there = organisation()
    with pytest.raises(CmdletError):
        there.call("New-AcceptedDomain", {"Name": "Again", "DomainName": "CONTOSO.com"})
    with pytest.raises(CmdletError):
        there.call("New-AcceptedDomain", {"Name": "Contoso.com", "DomainName": "other.example"})


@pytest.mark.parametrize("kind", ["Authoritative", "InternalRelay", "ExternalRelay"])
def test_the_kind_of_a_domain_decides_about_the_address_book(kind: str) -> None:
    there = organisation()
    made = there.call(
        "New-AcceptedDomain", {"Name": "Partner", "DomainName": "*.fabrikam.example", "DomainType": kind}
    )[0]
    assert (made["AddressBookEnabled"], made["MatchSubDomains"]) == (kind == "Authoritative", True)
    there.call("Set-AcceptedDomain", {"Identity": "*.fabrikam.example", "DomainType": "ExternalRelay"})
    assert str(domains(there)["Partner"]["DomainType"]) == "ExternalRelay"


@pytest.mark.parametrize("domain", ["a.*.fabrikam.example", "fabrikam..example", "fab rikam", ""])
def test_a_domain_that_is_none_is_refused(domain: str) -> None:
    with pytest.raises(CmdletError):
        organisation().call("New-AcceptedDomain", {"Name": "Partner", "DomainName": domain})


def test_the_name_of_a_domain_is_no_parameter_of_set() -> None:
    with pytest.raises(CmdletError) as caught:
        organisation().call("Set-AcceptedDomain", {"Identity": "contoso.com", "DomainName": "other.example"})
    assert caught.value.exception_type == "ParameterBindingException"


def test_everything_as_an_authoritative_domain_may_be_refused() -> None:
    everything = {"Name": "All", "DomainName": "*"}
    organisation(authoritative_star="accepted").call("New-AcceptedDomain", everything)
    with pytest.raises(CmdletError):
        organisation(authoritative_star="refused").call("New-AcceptedDomain", everything)
    organisation(authoritative_star="refused").call("New-AcceptedDomain", {**everything, "DomainType": "InternalRelay"})


# --- sites -----------------------------------------------------------------------------------------------------------


def test_a_link_has_the_cost_of_active_directory_until_exchange_gets_its_own() -> None:
    there = organisation()
    (link,) = there.call("Get-AdSiteLink")
    assert (link["ADCost"], link["ExchangeCost"], link["Sites"], str(link["MaxMessageSize"])) == (
        100,
        None,
        ["Paris", "Rome"],
        "Unlimited",
    )
    there.call("Set-AdSiteLink", {"Identity": "defaultipsitelink", "ExchangeCost": 99999, "MaxMessageSize": "10MB"})
    (link,) = there.call("Get-AdSiteLink")
    assert (link["ADCost"], link["ExchangeCost"], str(link["MaxMessageSize"])) == (
        100,
        99999,
        "10 MB (10,485,760 bytes)",
    )
    there.call("Set-AdSiteLink", {"Identity": "DEFAULTIPSITELINK", "ExchangeCost": None})
    assert there.call("Get-AdSiteLink")[0]["ExchangeCost"] is None


@pytest.mark.parametrize("parameters", [{"ExchangeCost": 0}, {"ExchangeCost": 100000}, {"MaxMessageSize": "10KB"}])
def test_a_link_refuses(parameters: Raw) -> None:
    with pytest.raises(CmdletError):
        organisation().call("Set-AdSiteLink", {"Identity": "DEFAULTIPSITELINK", **parameters})


def test_a_site_is_a_name_or_a_path() -> None:
    there = organisation(site_form="path")
    assert [str(one["Site"]) for one in there.call("Get-ExchangeServer")] == [
        "contoso.com/Configuration/Sites/Paris",
        "contoso.com/Configuration/Sites/Rome",
    ]
    assert sorted(one["Name"] for one in there.call("Get-ADSite")) == ["Paris", "Rome"]
    assert "contoso.com/Configuration/Sites/Rome" in there.call("Get-AdSiteLink")[0]["Sites"]


def test_links_may_be_given() -> None:
    links = {"Paris-Oslo": SiteLink(("Paris", "Oslo"), 7), "Oslo-Rome": SiteLink(("Oslo", "Rome"))}
    there = Organisation(1, {"EX1": PARIS, "EX2": ROME}, site_links=links)
    assert {one["Name"]: one["ADCost"] for one in there.call("Get-AdSiteLink")} == {"Paris-Oslo": 7, "Oslo-Rome": 100}
    assert {one["Name"] for one in there.call("Get-ADSite")} == {"Paris", "Oslo", "Rome"}


# --- servers ---------------------------------------------------------------------------------------------------------


def test_servers_by_name_and_fqdn() -> None:
    there = organisation()
    for identity in ("ex2", "EX2.contoso.com"):
        (one,) = there.call("Get-ExchangeServer", {"Identity": identity})
        assert (one["Name"], one["Fqdn"], str(one["ServerRole"])) == ("EX2", "ex2.contoso.com", "Mailbox")
    with pytest.raises(CmdletError):
        there.call("Get-ExchangeServer", {"Identity": "EX9"})


def test_an_edge_server_knows_itself_only() -> None:
    there = Organisation(1, ["EDGE1"], edge=True)
    (one,) = there.call("Get-ExchangeServer")
    assert (one["Name"], str(one["ServerRole"]), one["Site"]) == ("EDGE1", "Edge", None)


def test_certificates_are_those_of_one_server() -> None:
    mine = Certificate("CN=Example CA", "CN=mail.contoso.com", "AB" * 20, services="IIS")
    there = Organisation(1, {"EX1": Server("EX1"), "EX2": Server("EX2", certificates=(mine,))})
    (own,) = there.call("Get-ExchangeCertificate")
    assert own["Subject"] == own["Issuer"] == "CN=EX1"
    (other,) = there.call("Get-ExchangeCertificate", {"Server": "EX2"})
    assert (other["Thumbprint"], str(other["Services"])) == ("AB" * 20, "IIS")
    assert mine.name == "<I>CN=Example CA<S>CN=mail.contoso.com"
    assert there.call("Get-ExchangeCertificate", {"Server": "EX2", "Thumbprint": "CD" * 20}) == []


@pytest.mark.parametrize("form", ["20", "40"])
def test_transport_settings(form: str) -> None:
    there = organisation(per_domain_connections=form)
    (config,) = there.call("Get-TransportConfig")
    assert str(config["MaxSendSize"]) == "10 MB (10,485,760 bytes)"
    services = there.call("Get-TransportService")
    assert [(one["Name"], str(one["MaxPerDomainOutboundConnections"])) for one in services] == [
        ("EX1", form),
        ("EX2", form),
    ]
    there.limits.send = None
    assert str(there.call("Get-TransportConfig")[0]["MaxSendSize"]) == "Unlimited"
