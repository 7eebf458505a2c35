# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated cmdlets for receive connectors and their permissions keep the rules of the manual."""

from __future__ import annotations

from typing import Any

import pytest

from lab.exchange.simulator import Organisation
from lab.exchange.values import CmdletError

Raw = dict[str, Any]
LENIENT = {"preset_bindings": "accepted", "external_alone": "accepted", "custom_group": "accepted"}
PLAIN = {
    "order": "as given",
    "name_case": "kept",
    "ip_range": "echoed",
    "receive_role_default": "FrontendTransport",
    "wildcard_binding": "differs",
    "thousands_separator": ",",
    "principal_language": "English",
    "entries_of_user": "one each",
    "entry_flag": "boolean",
}
# Its own port, so that no other connector is in the way.
PLACE: Raw = {"Bindings": ["0.0.0.0:2626"], "RemoteIPRanges": ["10.0.0.0/8"]}
RELAY = "ms-Exch-SMTP-Accept-Any-Recipient"
ANONYMOUS = "NT AUTHORITY\\ANONYMOUS LOGON"


def organisation(edge: bool = False, servers: Any = None, **pinned: str) -> Organisation:
    there = servers or (["EDGE1"] if edge else ["EX1", "EX2"])
    return Organisation(1, there, edge=edge, pinned={**PLAIN, **LENIENT, **pinned})


def new(there: Organisation, **parameters: Any) -> Raw:
    return there.call("New-ReceiveConnector", {"Name": "Relay", **PLACE, **parameters})[0]


def change(there: Organisation, identity: str = "EX1\\Relay", **parameters: Any) -> Raw:
    there.call("Set-ReceiveConnector", {"Identity": identity, **parameters})
    return shown(there, identity)


def shown(there: Organisation, identity: str = "EX1\\Relay") -> Raw:
    return next(one for one in there.call("Get-ReceiveConnector") if str(one["Identity"]) == identity)


def texts(properties: Raw, *names: str) -> list[Any]:
    return [value if isinstance(value := properties[name], bool | list | None) else str(value) for name in names]


# --- what setup makes ------------------------------------------------------------------------------------------------


def test_every_mailbox_server_has_five_connectors() -> None:
    there = organisation()
    found = {
        str(one["Identity"]): texts(one, "TransportRole", "Bindings") for one in there.call("Get-ReceiveConnector")
    }
    for server in ("EX1", "EX2"):
        assert found[f"{server}\\Default {server}"] == ["HubTransport", ["0.0.0.0:2525", "[::]:2525"]]
        assert found[f"{server}\\Client Proxy {server}"] == ["HubTransport", ["0.0.0.0:465", "[::]:465"]]
        assert found[f"{server}\\Default Frontend {server}"] == ["FrontendTransport", ["0.0.0.0:25", "[::]:25"]]
        assert found[f"{server}\\Client Frontend {server}"] == ["FrontendTransport", ["0.0.0.0:587", "[::]:587"]]
        assert found[f"{server}\\Outbound Proxy Frontend {server}"] == [
            "FrontendTransport",
            ["0.0.0.0:717", "[::]:717"],
        ]
    assert len(found) == 10


def test_they_look_as_recorded() -> None:
    there = organisation()
    front, hub = shown(there, "EX1\\Default Frontend EX1"), shown(there, "EX1\\Default EX1")
    assert texts(
        front, "PermissionGroups", "MaxHeaderSize", "MaxMessageSize", "TarpitInterval", "ConnectionTimeout"
    ) == [
        "AnonymousUsers, ExchangeServers, ExchangeLegacyServers",
        "256 KB (262,144 bytes)",
        "36 MB (37,748,736 bytes)",
        "00:00:05",
        "00:10:00",
    ]
    assert texts(front, "AuthMechanism", "Fqdn", "Server") == [
        "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer",
        "ex1.contoso.com",
        "EX1",
    ]
    assert (front["MaxHopCount"], front["MaxLocalHopCount"], front["MaxRecipientsPerMessage"]) == (60, 5, 200)
    assert texts(hub, "MaxInboundConnectionPerSource", "MaxRecipientsPerMessage") == ["Unlimited", "5000"]
    assert front["RemoteIPRanges"] == ["0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]


def test_an_edge_server_has_one_and_no_transport_role() -> None:
    there = organisation(edge=True)
    (one,) = there.call("Get-ReceiveConnector")
    assert one["Name"] == "Default internal receive connector EDGE1"
    assert "TransportRole" not in one and "TransportRole" not in there.parameters("New-ReceiveConnector")
    made = new(there)
    assert texts(made, "ConnectionTimeout", "ConnectionInactivityTimeout", "MessageRateLimit") == [
        "00:05:00",
        "00:01:00",
        "600",
    ]
    with pytest.raises(CmdletError):
        change(there, "EDGE1\\Relay", PermissionGroups="ExchangeLegacyServers")


# --- New -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "place", "groups", "mechanisms", "bindings"),
    [
        (
            "Client",
            {"RemoteIPRanges": ["10.0.0.1"]},
            "ExchangeUsers",
            "Tls, Integrated, BasicAuth, BasicAuthRequireTLS",
            587,
        ),
        (
            "Internal",
            {"RemoteIPRanges": ["10.0.0.1"]},
            "ExchangeServers, ExchangeLegacyServers",
            "Tls, ExchangeServer",
            25,
        ),
        ("Internet", {"Bindings": ["0.0.0.0:2626"]}, "AnonymousUsers", "Tls", 2626),
        ("Partner", PLACE, "Partners", "Tls", 2626),
        ("Custom", PLACE, "None", "Tls", 2626),
    ],
)
@pytest.mark.parametrize("as_switch", [True, False])
def test_a_usage_presets(usage: str, place: Raw, groups: str, mechanisms: str, bindings: int, as_switch: bool) -> None:
    there = organisation()
    asked: Raw = {usage: True} if as_switch else {"Usage": usage}
    made = there.call(
        "New-ReceiveConnector", {"Name": "Relay", "TransportRole": "FrontendTransport", **place, **asked}
    )[0]
    assert texts(made, "PermissionGroups", "AuthMechanism") == [groups, mechanisms]
    assert f"0.0.0.0:{bindings}" in made["Bindings"]
    assert "Usage" not in made


REFUSED: dict[str, Raw] = {
    "Internet with ranges": {"Usage": "Internet"},
    "two usages": {"Usage": "Custom", "Internal": True},
    "no bindings": {"Bindings": []},
    "no ranges": {"RemoteIPRanges": []},
    "a binding without a port": {"Bindings": ["0.0.0.0"]},
    "a range that ends before it begins": {"RemoteIPRanges": ["10.0.0.2-10.0.0.1"]},
    "a range that is none": {"RemoteIPRanges": ["10.0.0.0/33"]},
    "a banner that is none": {"Banner": "250 hello"},
    "basic over TLS without TLS": {"AuthMechanism": "BasicAuth, BasicAuthRequireTLS"},
    "None and others": {"AuthMechanism": "None, Tls"},
    "external with others": {
        "AuthMechanism": "ExternalAuthoritative, Integrated",
        "PermissionGroups": "ExchangeServers",
    },
    "external for strangers": {"AuthMechanism": "ExternalAuthoritative", "PermissionGroups": "AnonymousUsers"},
    "TLS required without TLS": {"RequireTLS": True, "AuthMechanism": "Integrated"},
    "domain security without TLS": {"DomainSecureEnabled": True, "AuthMechanism": "Integrated"},
    "binary without chunking": {"ChunkingEnabled": False},
    "inactivity longer than connection": {"ConnectionInactivityTimeout": "00:10:00"},
    "a name for ExchangeServer": {"AuthMechanism": "Tls, ExchangeServer", "Fqdn": "mail.contoso.com"},
    "unlimited size": {"MaxMessageSize": "unlimited"},
    "too small a size": {"MaxMessageSize": "60KB"},
    "too many hops": {"MaxHopCount": 501},
    "too many local hops": {"MaxLocalHopCount": 51},
    "too many recipients": {"MaxRecipientsPerMessage": 512001},
    "too many failures": {"MaxLogonFailures": 11},
    "no percentage": {"MaxInboundConnectionPercentagePerSource": 0},
    "no connections": {"MaxInboundConnection": 0},
    "an unknown server": {"Server": "EX9"},
    "an unknown domain": {"DefaultDomain": "other.example"},
    "an unknown group": {"PermissionGroups": "Everybody"},
    "an unknown capability": {"TlsDomainCapabilities": ["contoso.com:AcceptAll"]},
    "suppressed TLS": {"SuppressXAnonymousTls": True},
    "a long name": {"Name": "x" * 65},
    "what only Set has": {"BareLinefeedRejectionEnabled": True},
}


@pytest.mark.parametrize("case", REFUSED)
def test_new_refuses(case: str) -> None:
    there = organisation()
    with pytest.raises(CmdletError):
        new(there, **REFUSED[case])
    assert len(there.call("Get-ReceiveConnector")) == 10


@pytest.mark.parametrize("missing", ["Bindings", "RemoteIPRanges"])
def test_a_custom_connector_says_where_and_for_whom(missing: str) -> None:
    there = organisation()
    with pytest.raises(CmdletError):
        there.call("New-ReceiveConnector", {"Name": "Relay", **{k: v for k, v in PLACE.items() if k != missing}})


@pytest.mark.parametrize(
    ("fact", "parameters"),
    [
        ("preset_bindings", {"Usage": "Client"}),
        ("custom_group", {"PermissionGroups": "AnonymousUsers, Custom"}),
    ],
)
def test_a_rule_that_nobody_has_proved_holds_in_one_form_only(fact: str, parameters: Raw) -> None:
    new(organisation(**{fact: "accepted"}), **parameters)
    with pytest.raises(CmdletError):
        new(organisation(**{fact: "refused"}), **parameters)


def test_values_are_shown_as_recorded() -> None:
    made = new(
        organisation(ip_range="echoed"),
        RemoteIPRanges=["192.168.1.1/24", "10.0.0.1", "10.1.0.0-10.1.0.9"],
        MaxHeaderSize="128KB",
        MessageRateLimit="unlimited",
        SizeEnabled="enabledwithoutvalue",
        TlsDomainCapabilities=["fabrikam.com:AcceptCloudServicesMail"],
        Banner="220 Contoso",
        Fqdn=None,
    )
    assert made["RemoteIPRanges"] == ["192.168.1.1/24", "10.0.0.1", "10.1.0.0-10.1.0.9"]
    assert texts(made, "MaxHeaderSize", "MessageRateLimit", "SizeEnabled", "Banner", "Fqdn") == [
        "128 KB (131,072 bytes)",
        "Unlimited",
        "EnabledWithoutValue",
        "220 Contoso",
        None,
    ]
    assert made["TlsDomainCapabilities"] == ["fabrikam.com:AcceptCloudServicesMail"]


@pytest.mark.parametrize(("form", "read"), [("network", "192.168.1.0/24"), ("low-high", "192.168.1.0-192.168.1.255")])
def test_a_range_may_lose_its_host_bits_or_its_form(form: str, read: str) -> None:
    assert new(organisation(ip_range=form), RemoteIPRanges=["192.168.1.1/24"])["RemoteIPRanges"] == [read]


def test_names_are_there_once_on_a_server_only() -> None:
    there = organisation()
    assert str(new(there)["Identity"]) == "EX1\\Relay"
    assert str(new(there, Server="ex2.contoso.com")["Identity"]) == "EX2\\Relay"
    with pytest.raises(CmdletError):
        new(there, Name="RELAY", Bindings=["0.0.0.0:2627"])
    with pytest.raises(CmdletError) as caught:
        change(there, "Relay", Comment="which one?")
    assert caught.value.exception_type == "ManagementObjectAmbiguousException"
    assert len(there.call("Get-ReceiveConnector", {"Server": "EX2"})) == 6
    with pytest.raises(CmdletError):
        there.call("Get-ReceiveConnector", {"Server": "EX2", "Identity": "EX2\\Relay"})


# --- Set -------------------------------------------------------------------------------------------------------------


def test_set_has_the_role_and_what_new_lacks_but_no_usage() -> None:
    there = organisation()
    new(there)
    one = change(there, TransportRole="HubTransport", BareLinefeedRejectionEnabled=True, SmtpUtf8Enabled=False)
    assert texts(one, "TransportRole", "BareLinefeedRejectionEnabled", "SmtpUtf8Enabled") == [
        "HubTransport",
        True,
        False,
    ]
    for parameters in ({"Usage": "Internal"}, {"Server": "EX2"}):
        with pytest.raises(CmdletError):
            change(there, **parameters)


def test_an_empty_list_of_bindings_is_refused_as_recorded() -> None:
    there = organisation(empty_collection="clears")
    new(there)
    with pytest.raises(CmdletError) as caught:
        change(there, Bindings=[])
    assert caught.value.exception_type == "ParameterBindingValidationException"
    assert caught.value.message == "Cannot bind argument to parameter 'Bindings' because it is an empty collection."


@pytest.mark.parametrize("parameter", PLACE)
def test_the_last_value_cannot_be_removed(parameter: str) -> None:
    there = organisation()
    new(there)
    with pytest.raises(CmdletError):
        change(there, **{parameter: {"remove": PLACE[parameter]}})


def test_external_authentication_may_need_the_groups_in_the_same_call() -> None:
    for form in ("accepted", "refused"):
        there = organisation(external_alone=form)
        new(there, PermissionGroups="ExchangeServers")
        if form == "accepted":
            change(there, AuthMechanism="ExternalAuthoritative")
            continue
        with pytest.raises(CmdletError):
            change(there, AuthMechanism="ExternalAuthoritative")
        change(there, AuthMechanism="ExternalAuthoritative", PermissionGroups="ExchangeServers")


@pytest.mark.parametrize("fqdn", ["EX1", "ex1.contoso.com", None])
def test_with_exchange_authentication_the_own_names_are_accepted(fqdn: str | None) -> None:
    there = organisation()
    new(there, Fqdn="mail.contoso.com")
    with pytest.raises(CmdletError, match="the NetBIOS name of the transport server"):
        change(there, AuthMechanism="Tls, ExchangeServer")
    change(there, AuthMechanism="Tls, ExchangeServer", Fqdn=fqdn)


@pytest.mark.parametrize("form", ["1200", "1300"])
def test_there_is_a_limit_to_the_ranges(form: str) -> None:
    there = organisation(range_limit=form)
    ranges = [f"10.{number // 250}.{number % 250}.1" for number in range(int(form) + 1)]
    new(there, RemoteIPRanges=ranges[:-1])
    with pytest.raises(CmdletError) as caught:
        change(there, RemoteIPRanges=ranges)
    assert caught.value.exception_type == "AdminLimitExceededException"
    assert caught.value.message == "The administrative limit for this request was exceeded."


# --- connectors in each other's way ----------------------------------------------------------------------------------


def test_two_roles_cannot_have_the_same_binding() -> None:
    there = organisation()
    with pytest.raises(CmdletError, match='settings on Receive connector "EX1\\\\Default Frontend EX1"') as caught:
        new(there, Bindings=["0.0.0.0:25"], TransportRole="HubTransport")
    assert caught.value.exception_type == "ReceiveConnectorRoleConflictException"
    new(there, Bindings=["0.0.0.0:25"], TransportRole="FrontendTransport")
    with pytest.raises(CmdletError):
        change(there, TransportRole="HubTransport")


@pytest.mark.parametrize("form", ["clashes", "differs"])
def test_and_perhaps_not_one_address_beside_all_addresses(form: str) -> None:
    there = organisation(wildcard_binding=form)
    asked = {"Bindings": ["127.0.0.5:25"], "TransportRole": "HubTransport"}
    if form == "differs":
        new(there, **asked)
        return
    with pytest.raises(CmdletError):
        new(there, **asked)


@pytest.mark.parametrize(
    ("ranges", "clashes"),
    [
        (["10.0.0.0/8"], True),
        (["10.0.0.0-10.255.255.255"], True),
        (["9.0.0.0-10.0.0.5"], True),
        (["10.1.0.0/16"], False),
        (["0.0.0.0/0"], False),
        (["11.0.0.0/8"], False),
        (["::1"], False),
    ],
)
def test_one_binding_is_shared_by_ranges_inside_each_other_or_apart(ranges: list[str], clashes: bool) -> None:
    there = organisation(clash_exception="ConnectorMappingConflictException")
    new(there)
    if not clashes:
        new(there, Name="Other", RemoteIPRanges=ranges)
        return
    with pytest.raises(CmdletError) as caught:
        new(there, Name="Other", RemoteIPRanges=ranges)
    assert caught.value.exception_type == "ConnectorMappingConflictException"
    new(there, Name="Elsewhere", RemoteIPRanges=ranges, Server="EX2")


# --- permissions -----------------------------------------------------------------------------------------------------


def entries(there: Organisation, identity: str = "Relay", **parameters: Any) -> set[tuple[str, str]]:
    found = there.call("Get-ADPermission", {"Identity": identity, **parameters})
    return {
        (str(one["User"]), right) for one in found if not one["IsInherited"] for right in one["ExtendedRights"] or ()
    }


def permit(there: Organisation, verb: str = "Add", **parameters: Any) -> None:
    confirm = {"Confirm": False} if verb == "Remove" else {}
    given = {"Identity": "Relay", "User": ANONYMOUS, "ExtendedRights": [RELAY.upper()], **confirm, **parameters}
    there.call(f"{verb}-ADPermission", given)


def test_anonymous_users_have_four_of_the_five_rights_and_custom_is_the_fifth() -> None:
    there = organisation()
    new(there, PermissionGroups="AnonymousUsers, ExchangeServers")
    four = {right for user, right in entries(there) if user == ANONYMOUS}
    assert len(four) == 4 and RELAY not in four
    permit(there)
    assert entries(there) >= {(ANONYMOUS, RELAY)}
    assert texts(shown(there), "PermissionGroups") == ["AnonymousUsers, ExchangeServers, Custom"]
    permit(there, "Remove")
    assert texts(shown(there), "PermissionGroups") == ["AnonymousUsers, ExchangeServers"]


@pytest.mark.parametrize("form", ["drops", "keeps"])
def test_setting_groups_may_drop_the_entries(form: str) -> None:
    there = organisation(groups_drop_entries=form)
    new(there, PermissionGroups="AnonymousUsers")
    permit(there)
    one = change(there, PermissionGroups="AnonymousUsers, ExchangeServers")
    kept = (ANONYMOUS, RELAY) in entries(there)
    assert (kept, "Custom" in str(one["PermissionGroups"])) == ((form == "keeps"),) * 2


def test_a_name_on_two_servers_is_not_enough() -> None:
    there = organisation()
    new(there)
    dn = new(there, Server="EX2")["DistinguishedName"]
    with pytest.raises(CmdletError) as caught:
        permit(there)
    assert caught.value.exception_type == "ManagementObjectAmbiguousException"
    permit(there, Identity=dn)
    assert (ANONYMOUS, RELAY) in entries(there, dn)
    assert texts(shown(there, "EX1\\Relay"), "PermissionGroups") == ["None"]


@pytest.mark.parametrize(("verb", "fact"), [("Add", "present_entry"), ("Remove", "absent_entry")])
def test_an_entry_that_is_as_wanted_warns_or_is_an_error(verb: str, fact: str) -> None:
    for form in ("warning", "error"):
        there = organisation(**{fact: form})
        new(there)
        if verb == "Add":
            permit(there)
        before = shown(there)["WhenChangedUTC"]
        if form == "error":
            with pytest.raises(CmdletError):
                permit(there, verb)
        else:
            permit(there, verb)
            assert len(there.warnings) == 1
        assert shown(there)["WhenChangedUTC"] == before


def test_principals_carry_the_names_of_the_systems_language() -> None:
    there = organisation(principal_language="German", sid_as_user="accepted")
    new(there, PermissionGroups="AnonymousUsers")
    german = "NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG"
    assert {user for user, _right in entries(there)} == {german}
    with pytest.raises(CmdletError):
        permit(there)
    permit(there, User="S-1-5-7")
    assert (german, RELAY) in entries(there, User=german)
    strict = organisation(sid_as_user="refused")
    new(strict)
    with pytest.raises(CmdletError):
        permit(strict, User="S-1-5-7")


def test_a_denied_right_is_an_entry_of_its_own() -> None:
    there = organisation(entry_flag="switch")
    new(there)
    permit(there)
    permit(there, Deny=True)
    found = there.call("Get-ADPermission", {"Identity": "Relay", "User": ANONYMOUS})
    assert [str(one["Deny"]) for one in found] == ["False", "True"]
    permit(there, "Remove", Deny=True)
    assert [str(one["Deny"]) for one in there.call("Get-ADPermission", {"Identity": "Relay", "User": ANONYMOUS})] == [
        "False"
    ]


def test_rights_of_one_user_may_come_together() -> None:
    there = organisation(entries_of_user="together")
    new(there, PermissionGroups="AnonymousUsers")
    own = list(there.call("Get-ADPermission", {"Identity": "Relay", "User": ANONYMOUS}))
    assert [len(one["ExtendedRights"]) for one in own] == [4]


@pytest.mark.parametrize(
    "parameters",
    [
        {"User": "CONTOSO\\nobody"},
        {"ExtendedRights": ["ms-Exch-Nothing"]},
        {"ExtendedRights": None},
        {"Identity": "Nothing"},
    ],
)
def test_add_permission_refuses(parameters: Raw) -> None:
    there = organisation()
    new(there)
    with pytest.raises(CmdletError):
        permit(there, **parameters)
