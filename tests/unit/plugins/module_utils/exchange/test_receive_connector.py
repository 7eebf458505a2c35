# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receive connectors as a list has them: what is refused before any server is contacted, and what reads back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import receive_connector, receive_parameters
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_connector import (
    FIELDS,
    read_entries,
    read_entry,
    show,
)
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.receive_task import ReceiveConnectors, Request
from ansible_collections.mailops.connectors.plugins.modules import exchange_receive_connectors as documented

RELAY: dict[str, Any] = {
    "name": "Relay",
    "servers": ["ex1"],
    "bindings": ["0.0.0.0:25"],
    "remote_ip_ranges": ["192.0.2.10"],
}


def refused(*entries: Any) -> list[Any]:
    with pytest.raises(ConnectorError) as raised:
        ReceiveConnectors(Request(list(entries)))
    return raised.value.problems


# fields given, field in the message, value in the message, words of the message, words of the remedy
REFUSED = [
    ({"servers": []}, "servers", "", "names no server", "inventory host"),
    ({"bindings": ["25"]}, "bindings", '"25"', "no local IP address", "0.0.0.0:25"),
    ({"bindings": []}, "bindings", "", "is empty", "disable"),
    ({"remote_ip_ranges": ["192.0.2.9-192.0.2.1"]}, "remote_ip_ranges", "192.0.2.9-", "ends before", "lower"),
    ({"remote_ip_ranges": []}, "remote_ip_ranges", "", "is empty", "name at least one"),
    ({"remote_ip_ranges": {"exact": ["192.0.2.1"], "add": ["192.0.2.2"]}}, "remote_ip_ranges", "exact", "dict of", "add"),
    ({"remote_ip_ranges": {"plus": ["192.0.2.2"]}}, "remote_ip_ranges", "plus", "dict of", "add"),
    ({"remote_ip_ranges": {"add": ["192.0.2.2"], "remove": ["192.0.2.2/32"]}}, "remote_ip_ranges", "192.0.2.2",
     "added and removed", "one of the two"),
    ({"permission_groups": ["everybody"]}, "permission_groups", "everybody", "not known", "anonymous_users"),
    ({"permission_groups": ["Custom"]}, "permission_groups", "Custom", "cannot be set", "leave it out"),
    ({"auth_mechanisms": ["basic_over_tls"]}, "auth_mechanisms", "basic_over_tls", "basic and tls", "add"),
    ({"auth_mechanisms": ["BasicAuthRequireTLS", "Tls"]}, "auth_mechanisms", "basic_over_tls", "needs basic", "add basic"),
    ({"auth_mechanisms": ["externally_secured"]}, "auth_mechanisms", "externally_secured", "trusted", "relay:"),
    ({"auth_mechanisms": ["integrated"], "relay": "externally_secured"}, "auth_mechanisms", "externally_secured",
     "beside integrated", "keep tls alone"),
    ({"auth_mechanisms": ["none"], "tls": {"required": True}}, "tls.required", "true", "needs the mechanism tls", "add tls"),
    ({"transport_role": "mailbox"}, "transport_role", "mailbox", "not known", "hub_transport"),
    ({"relay": "everybody"}, "relay", "everybody", "not known", "anonymous"),
    ({"relay": "anonymous", "remote_ip_ranges": ["0.0.0.0/0"]}, "remote_ip_ranges", "0.0.0.0/0", "Internet", "allow_open"),
    ({"limits": {"max_message_size": "unlimited"}}, "limits.max_message_size", "unlimited", "not possible", "no unlimited"),
    ({"limits": {"max_message_size": "1KB"}}, "limits.max_message_size", "1KB", "out of range", "65536"),
    ({"limits": {"max_connections_per_source": 10001}}, "limits.max_connections_per_source", "10001", "range", "10000"),
    ({"limits": {"max_hops": 3}}, "limits.max_hops", "", "no field", "max_hop_count"),
    ({"limits": {"connection_timeout": "1m", "inactivity_timeout": "1m"}}, "limits.connection_timeout", "60s",
     "not longer", "longer"),
    ({"limits": {"tarpit_interval": "11m"}}, "limits.tarpit_interval", "11m", "range", "10m"),
    ({"limits": 5}, "limits", "int", "not a dict", "name: value"),
    ({"banner": "hello"}, "banner", "hello", "220", '220 hello'),
    ({"tls": {"certificate": "CN=x"}}, "tls.certificate", "CN=x", "does not name", "<I>issuer<S>subject"),
    ({"tls": {"domain_capabilities": ["contoso.com"]}}, "tls.domain_capabilities", "contoso.com", "domain:capability",
     "AcceptCloudServicesMail"),
    ({"exchange": {"Bindings": "x"}}, "exchange.Bindings", "", "covered", "field bindings"),
    ({"exchange": {"fqdn": "x"}}, "exchange.fqdn", "", "covered", "field helo_name"),
    ({"exchange": {"Usage": "Internet"}}, "exchange.Usage", "", "when a connector is made", "permission_groups"),
    ({"exchange": {"ChunkEnabled": True}}, "exchange.ChunkEnabled", "", "no parameter", "ChunkingEnabled"),
    ({"exchange": {"SizeEnabled": "sometimes"}}, "exchange.SizeEnabled", "sometimes", "not known", "enabled_without"),
    ({"exchange": {"BinaryMimeEnabled": True, "ChunkingEnabled": False}}, "exchange.BinaryMimeEnabled", "true",
     "needs Chunking", "false"),
    ({"exchange": {"LongAddressesEnabled": True}, "transport_role": "FrontendTransport"},
     "exchange.LongAddressesEnabled", "true", "Transport service", "hub_transport"),
    ({"reset": ["bindings"]}, "reset", "bindings", "given a value as well", "leave"),
    ({"reset": ["limits.max_hop_count"]}, "reset", "limits.max_hop_count", "known for certain", "give limits.max_hop_count"),
    ({"reset": ["transport_role"]}, "reset", "transport_role", "known for certain", "give transport_role"),
    ({"reset": ["relay"], "relay": "none"}, "reset", "relay", "given a value", "leave"),
    ({"reset": ["colour"]}, "reset", "colour", "no field", "known are"),
    ({"smart_hosts": ["x"]}, "smart_hosts", "", "no field of a receive connector", "did you mean"),
    ({"state": "gone"}, "state", "gone", "not known", "absent"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field", "value", "message", "remedy"),
    REFUSED,
    ids=[f"{row[1]} {place}" for place, row in enumerate(REFUSED)],
)
def test_refused(fields: dict[str, Any], field: str, value: str, message: str, remedy: str) -> None:
    problems = refused({**RELAY, **fields})
    assert len(problems) == 1, problems
    found = problems[0]
    assert (found.where, found.field) == ('connector "Relay"', field)
    assert value in found.value, found
    assert message in found.message, found
    if remedy != "did you mean":
        assert remedy in found.remedy, found


def test_all_mistakes_are_told_together() -> None:
    problems = refused({**RELAY, "banner": "hi", "limits": {"max_hop_count": 0}}, {"name": ""}, "text")
    assert {(one.where, one.field) for one in problems} == {
        ('connector "Relay"', "banner"),
        ('connector "Relay"', "limits.max_hop_count"),
        ("connector 2 of the list", "name"),
        ("connector 3 of the list", ""),
    }


def test_a_name_stands_once_on_each_server() -> None:
    assert [one.field for one in refused(RELAY, {**RELAY, "name": "relay"})] == ["name"]
    assert [one.field for one in refused(RELAY, {**RELAY, "name": "other", "renamed_from": ["Relay"]})] == ["name"]
    ReceiveConnectors(Request([RELAY, {**RELAY, "servers": ["ex2"]}]))


def test_more_ranges_than_active_directory_holds() -> None:
    ranges = [f"10.0.{place // 250}.{place % 250}" for place in range(1201)]
    found = refused({**RELAY, "remote_ip_ranges": ranges})[0]
    assert "1201 ranges" in found.message
    assert "leave 5" in found.remedy  # five blocks of 250 addresses
    ReceiveConnectors(Request([{**RELAY, "remote_ip_ranges": ranges[1:]}]))


FULL: dict[str, Any] = {
    **RELAY,
    "servers": ["ex1", "ex2"],
    "enabled": False,
    "comment": "for apps",
    "permission_groups": ["AnonymousUsers", "exchange_servers"],
    "auth_mechanisms": ["Tls", "ExchangeServer"],
    "transport_role": "HubTransport",
    "helo_name": "ex1",
    "banner": "220 hello",
    "log": "verbose",
    "tls": {
        "required": True,
        "certificate": "<I>CN=CA<S>CN=ex1",
        "domain_capabilities": ["Contoso.com:acceptoorgprotocol"],
    },
    "limits": {
        "max_message_size": "50 MB",
        "max_connections": "unlimited",
        "max_hop_count": 30,
        "message_rate_source": "IPAddress",
        "tarpit_interval": "00:00:30",
    },
    "exchange": {"pipeliningenabled": False, "SizeEnabled": "EnabledWithoutValue", "DefaultDomain": "contoso.com"},
}


def test_what_is_shown_reads_back() -> None:
    entry = read_entry(FULL, Problems())
    assert entry is not None and entry.ranges is not None
    settings = {**entry.given, "remote_ip_ranges": entry.ranges.exact}
    shown = show(entry.name, entry.servers, settings, "none")
    again = read_entry(yaml.safe_load(yaml.safe_dump(shown)), Problems())
    assert again is not None and again.ranges == entry.ranges
    assert (again.name, again.servers, dict(again.given)) == (entry.name, entry.servers, dict(entry.given))
    assert shown["exchange"]["PipeliningEnabled"] is False
    assert shown["limits"]["max_message_size"] == "50MB"


def test_relative_ranges() -> None:
    change = read_entry(
        {**RELAY, "remote_ip_ranges": {"add": "192.0.2.1,192.0.2.2", "remove": ["10.0.0.0/8"]}}, Problems()
    )
    assert change is not None and change.ranges is not None
    current = receive_connector.ip_ranges.RANGES.read(["10.0.0.0-10.255.255.255", "192.0.2.2/32"])
    assert [str(one) for one in change.ranges.over(current)] == ["192.0.2.1", "192.0.2.2"]


def test_a_dict_of_settings_resets_what_has_a_known_default() -> None:
    entry = read_entry({**RELAY, "reset": ["limits"], "limits": {"max_logon_failures": 5}}, Problems())
    assert entry is not None
    assert "limits.tarpit_interval" in entry.reset
    assert "limits.max_logon_failures" not in entry.reset
    assert set(entry.unresettable) == {
        "limits.max_hop_count",
        "limits.max_local_hop_count",
        "limits.message_rate_source",
    }


def test_absent_needs_no_other_field() -> None:
    problems = Problems()
    entries = read_entries([{"name": "Relay", "state": "absent"}], problems)
    assert not problems.found and entries[0].absent


def test_the_documentation_has_every_field() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]["connectors"]["suboptions"]
    assert set(options) == set(FIELDS)
    for group in receive_parameters.GROUPED:
        assert set(options[group]["suboptions"]) == set(receive_parameters.members(group))
    natives = "".join(options["exchange"]["description"])
    assert all(f"C({one.parameter})" in natives for one in receive_parameters.NATIVES.values())
