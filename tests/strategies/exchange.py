# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors that Exchange can carry, on servers that are known, with each field of its column."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from . import connectors as written
from .organisations import SPACE_PATTERNS, Raw

SERVERS = ("ex1", "ex2", "ex3")
NAMES = ("c1", "c2", "C3", "To Contoso", "a.b", "back\\slash")
PATTERNS = (*SPACE_PATTERNS, "contoso.com", "*.fabrikam.example")
SMART_HOST_NAMES = ("mail1.partner.example", "mail2.partner.example", "192.0.2.10", "2001:db8::25")
CERTIFICATE = "<I>CN=Contoso CA, O=Contoso<S>CN=mail.contoso.com"


@st.composite
def smart_hosts(draw: Any) -> list[Any]:
    hosts = draw(st.lists(st.sampled_from(SMART_HOST_NAMES), min_size=1, max_size=3, unique=True))
    return [draw(written.written_smart_hosts(host)) for host in hosts]


@st.composite
def tls_settings(draw: Any, hosts: list[Any]) -> Raw:
    level = draw(st.sampled_from(["none", "opportunistic", "encrypt", "verify", "chain_only"]))
    tls: Raw = {"level": level}
    if level == "verify" and hosts:
        tls["names"] = ["*.partner.example"]
    if draw(st.integers(0, 3)) == 0:
        tls["certificate"] = CERTIFICATE
    return tls


@st.composite
def authentications(draw: Any, encrypted: bool) -> Raw:
    over_tls = ["basic_over_tls"] if encrypted else []
    mechanism = draw(st.sampled_from(["none", "basic", "exchange_server", "externally_secured", *over_tls]))
    if not mechanism.startswith("basic"):
        return {"mechanism": mechanism}
    return {
        "mechanism": mechanism,
        "username": draw(st.sampled_from(["relay@contoso.com", "CONTOSO\\relay"])),
        "password": draw(written.PASSWORDS),
        "allow_cleartext_password": mechanism == "basic",
    }


NATIVE = st.fixed_dictionaries(
    {},
    optional={
        "CloudServicesMailEnabled": st.booleans(),
        "ConnectorType": st.sampled_from(["Default", "XPremises", "xpremises"]),
        "ErrorPolicies": st.sampled_from(
            ["Default", "DowngradeDnsFailures", "UpgradeCustomFailures, DowngradeDnsFailures"]
        ),
        "FrontendProxyEnabled": st.booleans(),
        "UseExternalDNSServersEnabled": st.booleans(),
    },
)


@st.composite
def connectors(draw: Any, name: str, servers: tuple[str, ...] = SERVERS) -> Raw:
    """One connector, with few or many fields set."""
    raw: Raw = {
        "name": name,
        "bridgeheads": draw(st.lists(st.sampled_from(servers), min_size=1, max_size=3, unique=True)),
    }
    chosen = draw(st.lists(st.sampled_from(PATTERNS), unique=True, min_size=1, max_size=4))
    raw["address_spaces"] = [draw(written.written_spaces(pattern)) for pattern in chosen]
    hosts = draw(st.one_of(st.just([]), smart_hosts()))
    if hosts:
        raw["smart_hosts"] = hosts
        if draw(st.booleans()):
            raw["port"] = draw(written.PORTS)
        ports = {_port(host, raw.get("port", 25)) for host in hosts}
        if len(ports) > 1:
            raw["smart_hosts"] = hosts[:1]
    if draw(st.booleans()):
        raw["tls"] = draw(tls_settings(hosts))
    level = raw.get("tls", {}).get("level", "opportunistic")
    encrypted = level not in ("none", "opportunistic")
    if hosts and draw(st.booleans()):
        raw["authentication"] = draw(authentications(encrypted))
    if draw(st.booleans()):
        plain = not encrypted and raw.get("authentication", {}).get("mechanism", "none") == "none"
        command = draw(st.sampled_from(["ehlo", "helo"] if plain else ["ehlo"]))
        raw["helo"] = {"name": draw(written.DOMAINS), "command": command}
    raw.update(
        draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "scope": st.sampled_from(["organization", "routing_group"]),
                    "enabled": st.booleans(),
                    "comment": st.sampled_from(["", "to the partner", "Größe; [a] b", "ends in [mailops:x] "]),
                    "max_message_size": st.sampled_from(["unlimited", "35MB", "10 MB", 1000, 2147483647]),
                    "limits": st.fixed_dictionaries(
                        {},
                        optional={
                            "messages_per_connection": st.integers(1, 1000),
                            "inactivity_timeout": st.sampled_from(["30s", "10m", "00:05:00", "1d"]),
                        },
                    ),
                    "log": st.sampled_from(["none", "verbose", False]),
                    "exchange": NATIVE,
                },
            )
        )
    )
    return raw


def _port(host: Any, default: int) -> int:
    if isinstance(host, dict):
        return int(host.get("port", default))
    _name, colon, port = host.rpartition(":")
    in_brackets = host.startswith("[") and host.endswith("]")
    plain_ipv6 = host.count(":") > 1 and not host.startswith("[")
    return int(port) if colon and not in_brackets and not plain_ipv6 else default


def lists(servers: tuple[str, ...] = SERVERS, most: int = 4) -> st.SearchStrategy[list[Raw]]:
    """A few connectors with names of their own."""
    chosen = st.lists(st.sampled_from(NAMES), unique=True, max_size=most)
    return chosen.flatmap(lambda names: st.tuples(*(connectors(name, servers) for name in names)).map(list))
