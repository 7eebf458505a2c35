# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated cmdlets for send connectors keep the rules of the manual (New-SendConnector, Set-SendConnector)."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange import foreign
from lab.exchange.simulator import Organisation, Server
from lab.exchange.values import CmdletError, Credential

Raw = dict[str, Any]
HOSTS: Raw = {"DNSRoutingEnabled": False, "SmartHosts": ["relay.example"]}
TLS: Raw = {"RequireTLS": True, "TlsAuthLevel": "EncryptionOnly"}
ACCOUNT = Credential("relay@contoso.com", "hush-hush")
# Rules that may or may not hold: here they do not, so that a refusal has the reason that the test is about.
LENIENT = {
    name: "accepted"
    for name in (
        "smart_hosts_alone",
        "dns_off_alone",
        "tls_level_alone",
        "tls_domain_without_validation",
        "domain_secure_with_smart_hosts",
        "basic_without_credential",
        "same_space_two_costs",
        "source_address_on_mailbox",
    )
}
PLAIN = {
    "order": "as given",
    "name_case": "kept",
    "source_server": "short",
    "ip_smart_host": "bare",
    "smtp_case": "SMTP",
    "tls_off_with_old_level": "clears",
    "dns_with_old_smart_hosts": "clears",
}


def organisation(servers: Any = ("EX1", "EX2"), edge: bool = False, **pinned: str) -> Organisation:
    return Organisation(1, servers, edge=edge, pinned={**PLAIN, **LENIENT, **pinned})


def new(there: Organisation, **parameters: Any) -> Raw:
    return there.call("New-SendConnector", {"Name": "To relay", "AddressSpaces": ["*"], **parameters})[0]


def change(there: Organisation, **parameters: Any) -> Raw:
    there.call("Set-SendConnector", {"Identity": "To relay", **parameters})
    return shown(there)


def shown(there: Organisation, name: str = "To relay") -> Raw:
    return next(one for one in there.call("Get-SendConnector") if one["Name"] == name)


def texts(properties: Raw, *names: str) -> list[Any]:
    return [value if isinstance(value := properties[name], bool | list | None) else str(value) for name in names]


def test_a_connector_that_says_nothing_has_the_documented_defaults() -> None:
    one = new(organisation(send_size_default="35MB", thousands_separator=",", empty_text="empty"))
    assert str(one["MaxMessageSize"]) == "35 MB (36,700,160 bytes)"
    assert str(one["ConnectionInactivityTimeOut"]) == "00:10:00"
    assert (one["DNSRoutingEnabled"], one["Enabled"], one["RequireTLS"]) == (True, True, False)
    assert (one["Port"], one["SmtpMaxMessagesPerConnection"], str(one["ErrorPolicies"])) == (25, 20, "Default")
    assert (one["SourceTransportServers"], one["AddressSpaces"], one["Comment"], one["Fqdn"]) == (
        ["EX1"],
        ["SMTP:*;1"],
        "",
        None,
    )
    assert texts(one, "Identity", "OriginatingServer")[0] == "To relay"
    assert "Usage" not in one


def test_the_usage_sets_the_size_and_nothing_else() -> None:
    there = organisation(send_size_default="10MB", internal_send_size_default="unlimited")
    custom = new(there)
    internal = new(there, Name="Internal", Internal=True)
    assert str(internal["MaxMessageSize"]) == "Unlimited"
    own = {"Name", "Identity", "Id", "Guid", "DistinguishedName", "MaxMessageSize", "AdminDisplayName", "Comment"}
    ignored = own | {name for name in custom if name.startswith("When")} | {"OriginatingServer"}
    assert {name: custom[name] for name in custom if name not in ignored} == {
        name: internal[name] for name in internal if name not in ignored
    }


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("contoso.com", "SMTP:contoso.com;1"),
        ("smtp:Contoso.com", "SMTP:Contoso.com;1"),
        ("SMTP:*.contoso.com;20", "SMTP:*.contoso.com;20"),
        ("*;100", "SMTP:*;100"),
    ],
)
def test_an_address_space_may_be_written_short(written: str, kept: str) -> None:
    assert new(organisation(), AddressSpaces=[written])["AddressSpaces"] == [kept]


def test_values_come_back_as_recorded() -> None:
    one = new(
        organisation(thousands_separator=","),
        MaxMessageSize="unlimited",
        ConnectionInactivityTimeOut="1.00:00:00",
        ErrorPolicies="UpgradeCustomFailures, DowngradeDnsFailures",
        SmartHosts=["[10.0.0.1]", "relay.example"],
        DNSRoutingEnabled=False,
        TlsCertificateName="<I>CN=a<S>CN=b",
    )
    assert texts(one, "MaxMessageSize", "ConnectionInactivityTimeOut", "ErrorPolicies", "SmartHosts") == [
        "Unlimited",
        "1.00:00:00",
        "DowngradeDnsFailures, UpgradeCustomFailures",
        ["10.0.0.1", "relay.example"],
    ]
    assert texts(one, "SmartHostsString", "TlsCertificateName") == ["10.0.0.1,relay.example", "<I>CN=a<S>CN=b"]
    assert (
        str(new(organisation(thousands_separator=","), MaxMessageSize=1500)["MaxMessageSize"]) == "2 KB (2,048 bytes)"
    )


REFUSED: dict[str, Raw] = {
    "no space": {"AddressSpaces": []},
    "an embedded wildcard": {"AddressSpaces": ["*contoso.com"]},
    "cost 0": {"AddressSpaces": ["contoso.com;0"]},
    "cost 101": {"AddressSpaces": ["contoso.com;101"]},
    "another type without a smart host": {"AddressSpaces": ["X400:c=US;a= ;p=Contoso;1"]},
    "another type without cost": {"AddressSpaces": ["X400:c=US;a= ;p=Contoso"], **HOSTS},
    "--": {"AddressSpaces": ["--"]},
    "smart hosts and DNS": {"SmartHosts": ["relay.example"]},
    "neither smart hosts nor DNS": {"DNSRoutingEnabled": False},
    "a smart host that is none": {"DNSRoutingEnabled": False, "SmartHosts": ["a b"]},
    "a mechanism without a smart host": {"SmartHostAuthMechanism": "ExchangeServer"},
    "two mechanisms": {**HOSTS, "SmartHostAuthMechanism": "ExchangeServer, BasicAuth"},
    "TLS required and ignored": {"RequireTLS": True, "IgnoreSTARTTLS": True},
    "a level without TLS": {"TlsAuthLevel": "EncryptionOnly"},
    "domain validation of a smart host without a domain": {
        **HOSTS,
        "RequireTLS": True,
        "TlsAuthLevel": "DomainValidation",
    },
    "an unknown server": {"SourceTransportServers": ["EX9"]},
    "no server": {"SourceTransportServers": []},
    "two usages": {"Internal": True, "Usage": "Custom"},
    "a port that is none": {"Port": 65536},
    "no time": {"ConnectionInactivityTimeOut": "00:00:00"},
    "more than a day": {"ConnectionInactivityTimeOut": "1.00:00:01"},
    "a size that is none": {"MaxMessageSize": "many"},
    "too large a size": {"MaxMessageSize": "3GB"},
    "an unknown policy": {"ErrorPolicies": "DowngradeAuthFailures"},
    "a table": {"AddressSpaces": {"add": ["contoso.com"]}},
    "a certificate that is none": {"TlsCertificateName": "CN=b"},
    "an empty name": {"Name": ""},
    "no spaces given": {"AddressSpaces": None},
    "a text for a switch": {"Enabled": "yes"},
    "a credential that is none": {"AuthenticationCredential": "hush-hush"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_new_refuses(case: str) -> None:
    there = organisation()
    with pytest.raises(CmdletError):
        new(there, **REFUSED[case])
    assert there.call("Get-SendConnector") == []


@pytest.mark.parametrize(
    ("fact", "parameters"),
    [
        ("basic_without_credential", {**HOSTS, "SmartHostAuthMechanism": "BasicAuth"}),
        ("same_space_two_costs", {"AddressSpaces": ["contoso.com;1", "Contoso.com;2"]}),
        ("domain_secure_with_smart_hosts", {**HOSTS, "DomainSecureEnabled": True}),
        ("tls_domain_without_validation", {"TlsDomain": "contoso.com"}),
        ("source_address_on_mailbox", {"SourceIPAddress": "10.0.0.1"}),
    ],
)
def test_a_rule_that_nobody_has_proved_holds_in_one_form_only(fact: str, parameters: Raw) -> None:
    new(organisation(**{fact: "accepted"}), **parameters)
    with pytest.raises(CmdletError):
        new(organisation(**{fact: "refused"}), **parameters)


def test_a_name_is_there_only_once() -> None:
    there = organisation(duplicate_exception="ADObjectAlreadyExistsException", send_name_length="64")
    new(there)
    with pytest.raises(CmdletError) as caught:
        new(there, Name="TO RELAY")
    assert caught.value.exception_type == "ADObjectAlreadyExistsException"
    new(there, Name="Other")
    with pytest.raises(CmdletError):
        there.call("Set-SendConnector", {"Identity": "Other", "Name": "To Relay"})
    with pytest.raises(CmdletError):
        new(there, Name="x" * 65)
    there.call("Set-SendConnector", {"Identity": "Other", "Name": "OTHER"})
    assert shown(there, "OTHER")["Name"] == "OTHER"


# --- rules of one call -----------------------------------------------------------------------------------------------


def test_smart_hosts_and_dns_routing_go_into_one_call() -> None:
    there = organisation()
    new(there)
    with pytest.raises(CmdletError):
        change(there, SmartHosts=["relay.example"])
    with pytest.raises(CmdletError):
        change(there, DNSRoutingEnabled=False)
    assert change(there, **HOSTS)["SmartHosts"] == ["relay.example"]


@pytest.mark.parametrize("fact", ["smart_hosts_alone", "dns_off_alone"])
def test_and_perhaps_even_when_the_other_one_does_not_change(fact: str) -> None:
    alone: Raw = {"SmartHosts": ["other.example"]} if fact == "smart_hosts_alone" else {"DNSRoutingEnabled": False}
    for form in ("accepted", "refused"):
        there = organisation(**{fact: form})
        new(there, **HOSTS)
        if form == "accepted":
            change(there, **alone)
        else:
            with pytest.raises(CmdletError):
                change(there, **alone)


@pytest.mark.parametrize(("form", "hosts"), [("clears", []), ("keeps", ["relay.example"])])
def test_back_to_dns_with_the_old_smart_hosts(form: str, hosts: list[str]) -> None:
    there = organisation(dns_with_old_smart_hosts=form)
    new(there, **HOSTS)
    one = change(there, DNSRoutingEnabled=True)
    assert (one["DNSRoutingEnabled"], one["SmartHosts"]) == (True, hosts)
    change(there, Port=26)
    with pytest.raises(CmdletError):
        change(there, DNSRoutingEnabled=False)


def test_back_to_dns_and_smart_hosts_away_in_one_call_is_always_possible() -> None:
    there = organisation(dns_with_old_smart_hosts="refused")
    new(there, **HOSTS)
    with pytest.raises(CmdletError):
        change(there, DNSRoutingEnabled=True)
    with pytest.raises(CmdletError):
        change(there, SmartHosts=None)
    one = change(there, DNSRoutingEnabled=True, SmartHosts=None)
    assert (one["DNSRoutingEnabled"], one["SmartHosts"]) == (True, [])


def test_a_level_and_require_tls_go_into_one_call() -> None:
    there = organisation()
    new(there)
    with pytest.raises(CmdletError):
        change(there, TlsAuthLevel="EncryptionOnly")
    assert texts(change(there, **TLS), "RequireTLS", "TlsAuthLevel") == [True, "EncryptionOnly"]
    assert texts(change(there, TlsAuthLevel="CertificateValidation"), "TlsAuthLevel") == ["CertificateValidation"]
    strict = organisation(tls_level_alone="refused")
    new(strict, **TLS)
    with pytest.raises(CmdletError):
        change(strict, TlsAuthLevel="CertificateValidation")
    change(strict, RequireTLS=True, TlsAuthLevel="CertificateValidation")


def test_tls_off_with_the_old_level() -> None:
    there = organisation(tls_off_with_old_level="clears")
    new(there, **TLS)
    assert texts(change(there, RequireTLS=False), "RequireTLS", "TlsAuthLevel") == [False, None]
    strict = organisation(tls_off_with_old_level="refused")
    new(strict, **TLS)
    with pytest.raises(CmdletError):
        change(strict, RequireTLS=False)
    assert texts(change(strict, RequireTLS=False, TlsAuthLevel=None), "TlsAuthLevel") == [None]


# --- several values --------------------------------------------------------------------------------------------------


def test_a_list_replaces_and_a_table_adds_and_removes() -> None:
    there = organisation(add_present_value="ignored", remove_absent_value="ignored")
    new(there, AddressSpaces=["a.example", "b.example;5"])
    one = change(there, AddressSpaces={"add": ["c.example", "A.example"], "remove": ["B.EXAMPLE;5", "d.example"]})
    assert one["AddressSpaces"] == ["SMTP:a.example;1", "SMTP:c.example;1"]
    assert change(there, AddressSpaces=["d.example"])["AddressSpaces"] == ["SMTP:d.example;1"]
    with pytest.raises(CmdletError):
        change(there, AddressSpaces={"remove": ["d.example"]})


def test_a_space_with_another_cost_is_another_value() -> None:
    there = organisation(remove_absent_value="refused")
    new(there, AddressSpaces=["a.example;5", "*"])
    with pytest.raises(CmdletError):
        change(there, AddressSpaces={"remove": ["a.example"]})
    assert change(there, AddressSpaces={"remove": ["a.example;5"]})["AddressSpaces"] == ["SMTP:*;1"]


def test_what_is_there_already_and_what_is_given_twice() -> None:
    strict = organisation(add_present_value="refused", duplicates="refused")
    new(strict)
    with pytest.raises(CmdletError):
        change(strict, AddressSpaces={"add": ["SMTP:*;1"]})
    with pytest.raises(CmdletError):
        change(strict, AddressSpaces=["a.example", "A.example;1"])
    merging = organisation(duplicates="merged")
    new(merging)
    assert change(merging, AddressSpaces=["a.example", "A.example;1"])["AddressSpaces"] == ["SMTP:a.example;1"]


# --- servers, Edge ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["ex2", "EX2.contoso.com", "EX2"])
def test_a_source_server_may_be_written_as_name_or_fqdn(written: str) -> None:
    assert new(organisation(), SourceTransportServers=[written])["SourceTransportServers"] == ["EX2"]
    shown_full = new(organisation(source_server="FQDN"), SourceTransportServers=[written])
    assert shown_full["SourceTransportServers"] == ["ex2.contoso.com"]


def test_an_edge_server_has_neither_source_servers_nor_domain_controllers() -> None:
    there = organisation(["EDGE1"], edge=True, edge_source_servers="itself")
    assert not {"SourceTransportServers", "DomainController"} & set(there.parameters("New-SendConnector"))
    assert "Get-ADSite" not in there.cmdlets()
    with pytest.raises(CmdletError):
        new(there, SourceTransportServers=["EDGE1"])
    one = new(there, AddressSpaces=["--"])
    assert (one["AddressSpaces"], one["SourceTransportServers"]) == (["SMTP:--;1"], ["EDGE1"])
    with pytest.raises(CmdletError):
        new(there, Name="X", AddressSpaces=["X400:c=US;a= ;p=Contoso;1"], **HOSTS)


def test_a_subscribed_edge_server_only_reads() -> None:
    there = Organisation(1, ["EDGE1"], edge=True, subscribed=True)
    assert there.call("Get-SendConnector") == []
    for cmdlet in ("New-SendConnector", "Set-SendConnector", "Remove-SendConnector", "New-AcceptedDomain"):
        assert cmdlet not in there.cmdlets()
        with pytest.raises(CmdletError) as caught:
            there.call(cmdlet, {"Name": "a"})
        assert caught.value.exception_type == "CommandNotFoundException"
    assert "New-ReceiveConnector" in there.cmdlets()


def test_what_an_edge_subscription_and_the_hybrid_wizard_make() -> None:
    there = organisation({"EX1": Server("EX1"), "EDGE1": Server("EDGE1", role="Edge")})
    names = [*foreign.edge_sync(there, "EDGE1"), foreign.hybrid(there)]
    assert {one["Name"] for one in there.call("Get-SendConnector")} == set(names)
    assert shown(there, names[1])["AddressSpaces"] == ["SMTP:--;100"]


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "read"), [("null", None), ("user name", "relay@contoso.com")])
def test_a_credential_shows_at_most_its_user(form: str, read: str | None) -> None:
    there = organisation(credential_read=form)
    one = new(there, **HOSTS, SmartHostAuthMechanism="BasicAuth", AuthenticationCredential=ACCOUNT)
    assert texts(one, "AuthenticationCredential") == [read]
    everything = repr((one, there, there.calls, there.directory.views, ACCOUNT, str(ACCOUNT)))
    assert "hush-hush" not in everything and "relay@contoso.com" in everything
    with pytest.raises(CmdletError) as caught:
        change(there, Comment=ACCOUNT)
    assert "hush-hush" not in str(caught.value)
