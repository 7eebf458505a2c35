# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receive connectors that Exchange servers can have, with few or many of their fields.

Each name has ports and ranges of its own, so that hardly any two stand in each other's way.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Raw = dict[str, Any]
SERVERS = ("ex1", "ex2", "ex3")
NAMES = ("Apps", "r 2", "Größe", "back\\slash", "a.b")
CERTIFICATE = "<I>CN=Contoso CA, O=Contoso<S>CN=mail.contoso.com"
LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "max_message_size": st.sampled_from(["64KB", "10 MB", 2147483647]),
    "max_header_size": st.sampled_from(["1KB", "256KB", 70000]),
    "max_recipients_per_message": st.integers(1, 512000),
    "max_hop_count": st.integers(1, 500),
    "max_local_hop_count": st.integers(0, 50),
    "max_connections": st.sampled_from([1, 5000, "unlimited"]),
    "max_connections_per_source": st.sampled_from([20, 10000, "Unlimited"]),
    "max_connections_percentage_per_source": st.integers(1, 100),
    "message_rate": st.sampled_from([1, 600, "unlimited"]),
    "message_rate_source": st.sampled_from(["none", "user", "ip_address", "IPAddress", "all", False]),
    "max_protocol_errors": st.sampled_from([0, 5, "unlimited"]),
    "max_logon_failures": st.integers(0, 10),
    "connection_timeout": st.sampled_from(["11m", "1d", "00:20:00"]),
    "inactivity_timeout": st.sampled_from(["1s", "5m", "00:10:00"]),
    "tarpit_interval": st.sampled_from(["0s", "5s", "10m"]),
    "auth_tarpit_interval": st.sampled_from(["0s", "00:00:07"]),
}
NATIVE: dict[str, st.SearchStrategy[Any]] = {
    "AdvertiseClientSettings": st.booleans(),
    "BareLinefeedRejectionEnabled": st.booleans(),
    "DefaultDomain": st.just("contoso.com"),
    "eightbitmimeenabled": st.booleans(),
    "EnableAuthGSSAPI": st.booleans(),
    "ExtendedProtectionPolicy": st.sampled_from(["none", "Allow", "require"]),
    "MaxAcknowledgementDelay": st.sampled_from(["0s", "30s"]),
    "RequireEHLODomain": st.booleans(),
    "ServiceDiscoveryFqdn": st.sampled_from(["", "Find.contoso.com"]),
    "SizeEnabled": st.sampled_from(["enabled", "EnabledWithoutValue"]),
}


@st.composite
def ranges(draw: Any, place: int) -> list[str]:
    """Some of the network 10.place.0.0/16, in all forms."""
    written = [
        f"10.{place}.0.1",
        f"10.{place}.1.0/24",
        f"10.{place}.2.7-10.{place}.2.9",
        f"10.{place}.3.4/30",
        f"2001:db8:{place}::1",
        f"2001:db8:{place}:1::/64",
    ]
    return list(draw(st.lists(st.sampled_from(written), unique=True, min_size=1, max_size=5)))


@st.composite
def security(draw: Any) -> Raw:
    """Who may do what; relaying by one of its ways, or by none."""
    relay = draw(st.sampled_from([None, "none", "anonymous", "externally_secured"]))
    groups = ["anonymous_users", "ExchangeUsers", "exchange_servers", "partners"]
    made: Raw = {"relay": relay} if relay else {}
    if draw(st.booleans()):
        made["permission_groups"] = draw(st.lists(st.sampled_from(groups), unique=True, max_size=3))
    if relay == "externally_secured":
        if draw(st.booleans()):
            made["auth_mechanisms"] = ["tls"]
    elif draw(st.booleans()):
        sets = [["tls"], ["Tls", "Integrated"], ["tls", "basic", "basic_over_tls"], ["none"], []]
        made["auth_mechanisms"] = draw(st.sampled_from(sets))
    return made


@st.composite
def connectors(draw: Any, name: str, servers: tuple[str, ...] = SERVERS) -> Raw:
    place = NAMES.index(name) + 1
    ports = draw(
        st.lists(st.sampled_from([f"0.0.0.0:{3000 + place}", f"[::]:{3100 + place}"]), min_size=1, unique=True)
    )
    raw: Raw = {
        "name": name,
        "servers": draw(st.lists(st.sampled_from(servers), min_size=1, unique=True)),
        "bindings": ports,
        "remote_ip_ranges": draw(ranges(place)),
        **draw(security()),
    }
    fields: dict[str, st.SearchStrategy[Any]] = {
        "enabled": st.booleans(),
        "comment": st.sampled_from(["", "the applications", "ends in [mailops:x] "]),
        "helo_name": st.sampled_from(["", "Mail.contoso.com"]),
        "banner": st.sampled_from(["", "220 hello"]),
        "log": st.sampled_from(["none", "verbose"]),
        "transport_role": st.sampled_from(["frontend_transport", "HubTransport"]),
        "tls": st.fixed_dictionaries(
            {},
            optional={
                "certificate": st.sampled_from(["", CERTIFICATE]),
                "domain_capabilities": st.sampled_from([[], ["Mail.protection.outlook.com:AcceptCloudServicesMail"]]),
            },
        ),
        "limits": st.fixed_dictionaries({}, optional=LIMITS),
        "exchange": st.fixed_dictionaries({}, optional=NATIVE),
    }
    raw.update(draw(st.fixed_dictionaries({}, optional=fields)))
    return raw


def lists(servers: tuple[str, ...] = SERVERS, most: int = 4) -> st.SearchStrategy[list[Raw]]:
    """A few connectors with names of their own."""
    chosen = st.lists(st.sampled_from(NAMES), unique=True, max_size=most)
    return chosen.flatmap(lambda names: st.tuples(*(connectors(name, servers) for name in names)).map(list))
