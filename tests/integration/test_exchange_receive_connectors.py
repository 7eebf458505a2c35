# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_receive_connectors with real ansible-playbook, winrm and pywinrm, and the real exchange_invoke on a real engine.

Exchange itself is simulated. One task sets as many connectors as there are fields, each of which has one field of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab import ansible
from lab.exchange import powershell
from lab.exchange.endpoint import Endpoint
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.simulator import Organisation
from lab.seeds import drawn_seed

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

RECEIVE = "mailops.connectors.exchange_receive_connectors"
INFO = "mailops.connectors.exchange_connectors_info"
RIGHT = "ms-Exch-SMTP-Accept-Any-Recipient"
MANY = ["large_change"]
Raw = dict[str, Any]

# Field -> value, parameter in Exchange, what the parameter shows then.
OWN: dict[str, tuple[Any, str, Any]] = {
    "enabled": (False, "Enabled", False),
    "comment": ("Größe [a]; b", "Comment", "Größe [a]; b [mailops:default]"),
    "permission_groups": (["partners", "exchange_users"], "PermissionGroups", "ExchangeUsers, Partners"),
    "auth_mechanisms": (["tls", "integrated"], "AuthMechanism", "Tls, Integrated"),
    "helo_name": ("mail.contoso.com", "Fqdn", "mail.contoso.com"),
    "banner": ("220 hello", "Banner", "220 hello"),
    "log": ("verbose", "ProtocolLoggingLevel", "Verbose"),
    "tls.required": (True, "RequireTLS", True),
    "tls.certificate": ("<I>CN=CA<S>CN=mail", "TlsCertificateName", "<I>CN=CA<S>CN=mail"),
    "tls.domain_capabilities": (
        ["mail.example:AcceptOorgProtocol"],
        "TlsDomainCapabilities",
        ["mail.example:AcceptOorgProtocol"],
    ),
}
# These have no default that is known for certain, or none at all, and are given a value to go back.
NOT_RESET: dict[str, tuple[Any, str, Any]] = {
    "bindings": (["192.0.2.1:2999", "[2001:db8::1]:2999"], "Bindings", ["192.0.2.1:2999", "[2001:db8::1]:2999"]),
    "remote_ip_ranges": (["198.51.100.1-198.51.100.9"], "RemoteIPRanges", ["198.51.100.1-198.51.100.9"]),
    "transport_role": ("hub_transport", "TransportRole", "HubTransport"),
    "limits.max_hop_count": (17, "MaxHopCount", 17),
    "limits.max_local_hop_count": (17, "MaxLocalHopCount", 17),
    "limits.message_rate_source": ("all", "MessageRateSource", "All"),
    "exchange.DomainSecureEnabled": (True, "DomainSecureEnabled", True),
    "exchange.EnableAuthGSSAPI": (True, "EnableAuthGSSAPI", True),
    "exchange.SmtpUtf8Enabled": (False, "SmtpUtf8Enabled", False),
}
LIMITS: dict[str, tuple[Any, str, Any]] = {
    "limits.max_message_size": ("10MB", "MaxMessageSize", 10 * 1024**2),
    "limits.max_header_size": ("64KB", "MaxHeaderSize", 64 * 1024),
    "limits.max_recipients_per_message": (7, "MaxRecipientsPerMessage", 7),
    "limits.max_connections": ("unlimited", "MaxInboundConnection", "unlimited"),
    "limits.max_connections_per_source": (7, "MaxInboundConnectionPerSource", "7"),
    "limits.max_connections_percentage_per_source": (7, "MaxInboundConnectionPercentagePerSource", 7),
    "limits.message_rate": (7, "MessageRateLimit", "7"),
    "limits.max_protocol_errors": ("unlimited", "MaxProtocolErrors", "unlimited"),
    "limits.max_logon_failures": (7, "MaxLogonFailures", 7),
    "limits.connection_timeout": ("20m", "ConnectionTimeout", "00:20:00"),
    "limits.inactivity_timeout": ("7s", "ConnectionInactivityTimeout", "00:00:07"),
    "limits.tarpit_interval": ("0s", "TarpitInterval", "00:00:00"),
    "limits.auth_tarpit_interval": ("00:00:07", "AuthTarpitInterval", "00:00:07"),
}
NATIVE: dict[str, tuple[Any, str, Any]] = {
    f"exchange.{name}": (value, name, value)
    for name, value in {
        "AdvertiseClientSettings": True,
        "BareLinefeedRejectionEnabled": True,
        "BinaryMimeEnabled": False,
        "DefaultDomain": "contoso.com",
        "DeliveryStatusNotificationEnabled": False,
        "EightBitMimeEnabled": False,
        "EnhancedStatusCodesEnabled": False,
        "ExtendedProtectionPolicy": "Allow",
        "MaxAcknowledgementDelay": "00:00:07",
        "OrarEnabled": True,
        "PipeliningEnabled": False,
        "RejectReservedSecondLevelRecipientDomains": True,
        "RejectReservedTopLevelRecipientDomains": True,
        "RejectSingleLabelRecipientDomains": True,
        "RequireEHLODomain": True,
        "ServiceDiscoveryFqdn": "find.contoso.com",
        "SizeEnabled": "Disabled",
        "SuppressXAnonymousTls": True,
    }.items()
}
FIELDS = {**OWN, **NOT_RESET, **LIMITS, **NATIVE}
# Two that only stand together with another one.
PAIRS: dict[str, tuple[Raw, str, Any]] = {
    "exchange.ChunkingEnabled": (
        {"exchange": {"BinaryMimeEnabled": False, "ChunkingEnabled": False}},
        "ChunkingEnabled",
        False,
    ),
    "exchange.LongAddressesEnabled": (
        {"transport_role": "hub_transport", "exchange": {"LongAddressesEnabled": True}},
        "LongAddressesEnabled",
        True,
    ),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def receive(name: str, connectors: list[Raw], options: Raw | None = None, **keywords: Any) -> Raw:
    return {"name": name, RECEIVE: {"connectors": connectors, **(options or {})}, **keywords}


def run(endpoint: Endpoint, steps: list[Raw], **options: Any) -> dict[str, Raw]:
    made = ansible.playbook(steps, hosts=("ex1",), host_vars={"ex1": endpoint.host_vars()}, **options)
    found = {one.task: one.result for one in made.tasks}
    assert len(found) == len(steps), made.output
    return found


def shown(there: Organisation) -> dict[str, Mapping[str, Any]]:
    """What Exchange shows, by SERVER\\name."""
    return {f"{one['Server']}\\{one['Name']}": one for one in there.call("Get-ReceiveConnector", {})}


def nested(field: str, value: Any) -> Raw:
    group, dot, part = field.partition(".")
    return {group: {part: value}} if dot else {field: value}


def names(there: Organisation) -> set[str]:
    return set(shown(there))


# --- every field -----------------------------------------------------------------------------------------------------


def plain_connectors() -> dict[str, Raw]:
    """For each field a connector with nothing but what it needs, in a place of its own."""
    return {
        field: {
            "name": field,
            "servers": ["ex1"],
            "bindings": [f"0.0.0.0:{3000 + place}"],
            "remote_ip_ranges": ["192.0.2.10"],
        }
        for place, field in enumerate([*FIELDS, *PAIRS])
    }


def with_fields() -> dict[str, Raw]:
    plain = plain_connectors()
    one_by_one = {field: {**plain[field], **nested(field, value)} for field, (value, _name, _shown) in FIELDS.items()}
    return {**one_by_one, **{field: {**plain[field], **fields} for field, (fields, _name, _shown) in PAIRS.items()}}


def together() -> Raw:
    """One connector with all fields, on three servers."""
    wanted: Raw = {"name": "all", "servers": ["ex1", "EX2", "ex3.contoso.com"], "relay": "anonymous"}
    for field, (value, _name, _shown) in FIELDS.items():
        group, dot, part = field.partition(".")
        if dot:
            wanted.setdefault(group, {})[part] = value
        else:
            wanted[field] = value
    wanted["exchange"].update(BinaryMimeEnabled=False, ChunkingEnabled=False, LongAddressesEnabled=True)
    return {**wanted, "bindings": ["0.0.0.0:2998"]}


def normal(value: Any, wanted: Any) -> Any:
    """What Exchange shows, in the form of the table above."""
    if isinstance(wanted, list):
        return sorted(str(one) for one in value)
    text = "" if value is None else str(value)
    if isinstance(wanted, bool):
        return value is True or text == "True"
    if isinstance(wanted, int):
        digits = text.partition("(")[2] or text
        return int("".join(one for one in digits if one.isdigit()))
    if ", " in str(wanted):
        return ", ".join(sorted(text.split(", ")))
    return text.lower() if wanted == "unlimited" else text


def test_every_field_alone_and_all_together(engine: Engine) -> None:
    """Each is announced, set, found in place, kept when it is left out, and reset."""
    there = Organisation(drawn_seed(), ["EX1", "EX2", "EX3"])
    there.downgraded |= {"EX1", "EX2", "EX3"}
    plain, fields, everything = plain_connectors(), with_fields(), together()
    before = names(there)
    back = [
        {**plain[field], **({"reset": [field]} if field not in NOT_RESET else {})}
        for field in fields
        if field not in (*PAIRS, "limits.max_hop_count")
    ]
    commented = [{**one, "comment": "new"} for name, one in plain.items() if name != "comment"]
    steps = [
        receive("create", [*plain.values()]),
        receive("announced", [*fields.values(), everything], check_mode=True),
        receive("set", [*fields.values(), everything]),
        receive("again", [*fields.values(), everything]),
        receive("kept", commented),
        receive("reset", back),
        receive("purge", [], {"purge": True, "allow_unsafe": MANY}),
    ]
    made: dict[str, dict[str, Mapping[str, Any]]] = {}

    def watch(_calls: str, writes: bool) -> None:
        # Before each session: what the one before it left.
        made[str(len(made))] = shown(there)

    with engine_endpoint(engine, there, watch=watch) as (endpoint, _bridge):
        found = run(endpoint, steps)
        assert endpoint.exchange_sessions == 2 + 1 + 2 + 1 + 2 + 2 + 2
    assert not [one["msg"] for one in found.values() if one.get("failed")]
    # Sessions: create 0 1, announced 2, set 3 4, again 5, kept 6 7, reset 8 9, purge 10 11.
    created, were_set, were_reset = made["2"], made["5"], made["10"]
    assert found["announced"]["commands"] == found["set"]["commands"]
    assert found["announced"]["plan"] == found["set"]["plan"]
    assert (found["again"]["changed"], found["again"]["plan"], found["again"]["commands"]) == (False, [], [])
    changes = {one["connector"]: set(one["changes"]) for one in found["set"]["plan"] if one["action"] == "update"}
    kept = {one["connector"]: set(one["kept"]) for one in found["kept"]["plan"]}
    for field, (_value, parameter, wanted) in {**FIELDS, **PAIRS}.items():
        title = f"EX1\\{field}"
        assert field in changes[field] and (len(changes[field]) == 1 or field in PAIRS), field
        assert normal(were_set[title][parameter], wanted) == normal(wanted, wanted), field
        assert normal(created[title][parameter], wanted) != normal(wanted, wanted), field
        if field not in (*NOT_RESET, "comment"):
            assert field in kept[field], field
        if field not in (*NOT_RESET, *PAIRS):
            # Without a name of its own a connector greets with the server's, which may be shown.
            own = {"None", "ex1.contoso.com"} if field == "helo_name" else {str(created[title][parameter])}
            assert str(were_reset[title][parameter]) in own, field
    for server in ("EX1", "EX2", "EX3"):
        for field, (_value, parameter, wanted) in {**FIELDS, **PAIRS}.items():
            if field not in ("bindings", "permission_groups"):
                value = were_set[f"{server}\\all"][parameter]
                wanted = PAIRS[field][2] if field in PAIRS else wanted
                assert normal(value, wanted) == normal(wanted, wanted), (server, field)
    assert {one["connector"] for one in found["reset"]["plan"]} >= set(fields) - {*NOT_RESET, *PAIRS}
    assert names(there) == before


# --- what becomes of connectors --------------------------------------------------------------------------------------

APPS: Raw = {"name": "Apps", "servers": ["ex1"], "bindings": ["0.0.0.0:26"], "remote_ip_ranges": ["192.0.2.10"]}


def by_hand(there: Organisation, server: str, name: str, address: str, **more: Any) -> None:
    native = {"Name": name, "Server": server, "Usage": "Custom", "TransportRole": "FrontendTransport"}
    there.call("New-ReceiveConnector", {**native, "Bindings": ["0.0.0.0:26"], "RemoteIPRanges": [address], **more})


def test_adopting_renaming_and_removing_beside_others(engine: Engine) -> None:
    there = Organisation(drawn_seed(), ["EX1", "EX2", "EX3"])
    by_hand(there, "EX1", "By Hand", "192.0.2.20", Comment="of old", Banner="220 old")
    by_hand(there, "EX2", "Theirs too", "192.0.2.21", Comment="synchronised by EdgeSync")
    beginning = names(there)
    hand = {**APPS, "name": "by hand", "remote_ip_ranges": ["192.0.2.20"]}
    relaying = {**APPS, "servers": ["ex1", "ex2", "ex3"], "relay": "anonymous"}
    renamed = {**relaying, "name": "Applications", "renamed_from": ["apps"]}
    other = {**APPS, "name": "Other", "remote_ip_ranges": ["192.0.2.30"]}
    default = {"name": "Default Frontend EX1", "servers": ["ex1"], "log": "verbose"}
    steps = [
        receive("absent, but nobody's", [{"name": "By Hand", "state": "absent"}]),
        receive("adopt", [hand]),
        receive("adopted", [hand]),
        receive("create", [hand, relaying, default]),
        receive("theirs", [other], {"set": "theirs"}),
        receive("claimed twice", [{**other, "log": "verbose"}], ignore_errors=True),
        receive("rename", [renamed]),
        receive("renamed", [renamed]),
        {"name": "info", INFO: {}},
        receive("given back", "{{ there.receive_connectors }}", {"hosts": "{{ there.hosts }}", "purge": True}),
        receive("one server less", [{**renamed, "servers": ["ex1", "ex2"]}, hand], {"purge": True}),
        receive("remove", [{"name": "APPLICATIONS", "state": "absent"}]),
        receive("default ones stay", [{"name": default["name"], "state": "absent"}], ignore_errors=True),
        receive("purge", [], {"purge": True}, diff=True),
    ]
    steps[8]["register"] = "there"
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        found = run(endpoint, steps)
    plans = {
        name: [(one["server"], one["connector"], one["action"]) for one in result.get("plan", [])]
        for name, result in found.items()
    }
    assert "left alone" in found["absent, but nobody's"]["warnings"][0] and plans["absent, but nobody's"] == []
    assert plans["adopt"] == [("EX1", "by hand", "adopt")]
    assert found["adopt"]["plan"][0]["kept"] == ["comment", "banner"]
    assert plans["adopted"] == []
    assert plans["create"] == [
        ("EX1", "Apps", "create"),
        ("EX1", "Default Frontend EX1", "adopt"),
        ("EX2", "Apps", "create"),
        ("EX3", "Apps", "create"),
    ]
    assert 'sets "theirs" and "default"' in found["claimed twice"]["msg"]
    assert plans["rename"] == [(server, "Applications", "update") for server in ("EX1", "EX2", "EX3")]
    assert plans["renamed"] == []
    told = {one["name"]: one for one in found["info"]["receive_connectors"]}
    assert told["Applications"]["servers"] == ["ex1", "ex2", "ex3"] and told["Applications"]["relay"] == "anonymous"
    assert found["given back"]["changed"] is False
    assert plans["one server less"] == [("EX3", "Applications", "remove")]
    assert plans["remove"] == [("EX1", "Applications", "remove"), ("EX2", "Applications", "remove")]
    assert "default connector" in found["default ones stay"]["msg"]
    assert plans["purge"] == [("EX1", "by hand", "remove")]
    assert "purge does not remove it" in found["purge"]["warnings"][0]
    assert names(there) == beginning - {"EX1\\By Hand"} | {"EX1\\Other"}


def test_on_an_edge_server(engine: Engine) -> None:
    there = Organisation(drawn_seed(), ["EDGE1"], edge=True, pinned={"principal_language": "English"})
    wanted = {**APPS, "servers": ["edge1"], "relay": "anonymous", "limits": {"message_rate": 7}}
    steps = [
        receive("create", [wanted]),
        receive("again", [wanted]),
        receive("reset", [{**wanted, "limits": {}, "reset": ["limits.message_rate"], "log": "verbose"}]),
        receive("other server", [{**wanted, "servers": ["ex1"]}], ignore_errors=True),
        receive("role", [{**wanted, "transport_role": "frontend_transport"}], ignore_errors=True),
        receive("remove", [{"name": "apps", "state": "absent"}]),
    ]
    beginning = names(there)
    with engine_endpoint(engine, there, "edge") as (endpoint, _bridge):
        found = run(endpoint, steps)
    assert [found[name]["changed"] for name in ("create", "again", "reset", "remove")] == [True, False, True, True]
    assert found["reset"]["plan"][0]["changes"]["limits.message_rate"] == {"before": 7, "after": 600}
    assert "EDGE1" in found["other server"]["msg"] and "transport_role" in found["role"]["msg"]
    assert found["create"]["session"]["method"] == "edge" and names(there) == beginning
