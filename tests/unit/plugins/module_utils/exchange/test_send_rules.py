# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a send connector cannot hold is an error that names connector, field, value and remedy, without a look at Exchange."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.send_task import Request, SendConnectors

BASE: dict[str, Any] = {
    "name": "to-contoso",
    "address_spaces": ["contoso.com"],
    "smart_hosts": ["mail.contoso.com"],
    "bridgeheads": ["ex1"],
}


def refused(**fields: Any) -> list[str]:
    connector = {**BASE, **fields}
    connector = {name: value for name, value in connector.items() if value is not None}
    with pytest.raises(ConnectorError) as caught:
        SendConnectors(Request(connectors=[connector]))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"smart_hosts": ["a.contoso.com:25", "b.contoso.com:587"]}, "smart_hosts", ["several ports", "25, 587"]),
        ({"smart_hosts": [{"host": "mail.contoso.com", "mx": True}]}, "smart_hosts", ["leave mx out"]),
        ({"tls": {"level": "dane"}}, "tls.level", ["dane", "Postfix"]),
        ({"tls": {"level": "verify", "ca_file": "/etc/ca.pem"}}, "tls.ca_file", ["/etc/ca.pem", "certificate store"]),
        ({"tls": {"certificate": "/etc/mail.pem"}}, "tls.certificate", ["<I>issuer<S>subject"]),
        ({"tls": {"level": "verify", "names": ["a.example", "b.example"]}}, "tls.names", ["takes one"]),
        (
            {"smart_hosts": ["a.contoso.com", "b.contoso.com"], "tls": {"level": "verify"}},
            "tls.names",
            ["*.contoso.com"],
        ),
        (
            {"smart_hosts": ["a.contoso.com", "b.example"], "tls": {"level": "verify", "names": ["*.contoso.com"]}},
            "tls.names",
            ["does not cover the smart host b.example"],
        ),
        ({"limits": {"connections": 5}}, "limits.connections", ["Set-TransportService"]),
        ({"limits": {"rate_delay": "1s"}}, "limits.rate_delay", ["not possible on Exchange"]),
        ({"limits": {"inactivity_timeout": "2d"}}, "limits.inactivity_timeout", ["1s to 1d"]),
        ({"delivery": {"when": "never"}}, "delivery", ["transport rule"]),
        ({"restrictions": {"default": "reject"}}, "restrictions", ["transport rule"]),
        ({"postfix": {"smtp_bind_address": "192.0.2.1"}}, "postfix.smtp_bind_address", ["parameter of Postfix"]),
        ({"exchange": {"MaxMessageSize": "1MB"}}, "exchange.MaxMessageSize", ["max_message_size"]),
        ({"exchange": {"LinkedReceiveConnector": "x"}}, "exchange.LinkedReceiveConnector", ["2010"]),
        ({"exchange": {"FrontendProxy": True}}, "exchange.FrontendProxy", ["FrontendProxyEnabled"]),
        ({"exchange": {"ErrorPolicies": "DowngradeAuthFailures"}}, "exchange.ErrorPolicies", ["DowngradeDnsFailures"]),
        ({"exchange": {"DomainSecureEnabled": True}}, "exchange.DomainSecureEnabled", ["needs DNS MX"]),
        (
            {"address_spaces": ["X400:c=us;a=x;1"], "smart_hosts": None},
            "smart_hosts",
            ["only SMTP is routed by DNS"],
        ),
        ({"reset": ["max_message_size"]}, "reset", ["max_message_size", "give max_message_size a value"]),
    ],
)
def test_refused(fields: dict[str, Any], field: str, words: list[str]) -> None:
    told = refused(**fields)
    assert len(told) == 1, told
    assert told[0].startswith(f'connector "to-contoso", field {field}')
    for word in words:
        assert word in told[0]
    assert "Remedy: " in told[0]


def test_all_mistakes_are_told_together() -> None:
    assert len(refused(delivery={"when": "never"}, limits={"connections": 5, "rate_delay": "1s"})) == 3


def test_a_field_is_only_judged_by_the_system_that_carries_the_connector() -> None:
    on_postfix = {**BASE, "bridgeheads": ["gw1"], "tls": {"level": "dane"}, "limits": {"connections": 5}}
    SendConnectors(Request(connectors=[on_postfix], hosts={"gw1": {"system": "postfix"}}))
