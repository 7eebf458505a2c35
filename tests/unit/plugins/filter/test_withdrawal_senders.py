# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose queues matter before an Exchange organisation accepts less."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.filter.exchange_withdrawal_senders import (
    exchange_withdrawal_senders,
)

Raw = dict[str, Any]
HOSTS: Raw = {
    "ex1": {"system": "exchange", "address": "192.0.2.9"},
    "GW1": {"system": "postfix", "address": "192.0.2.1"},
    "gw2": {"system": "postfix", "address": "192.0.2.2:2525", "networks": ["198.51.100.0/24", "2001:db8::/64"]},
    "gw3": {"system": "postfix", "address": "gw3.contoso.com"},
}


def receive(name: str, *ranges: str) -> Raw:
    return {"name": name, "servers": ["ex1"], "remote_ip_ranges": list(ranges)}


THERE: Raw = {
    "receive_connectors": [receive("One", "192.0.2.1"), receive("Two", "198.51.100.7-198.51.100.9"), receive("Open")],
    "unmanaged_receive_connectors": [receive("Theirs", "2001:db8::1")],
}


def removing(*names: str, kind: str = "withdrawn_receive", field: str = "connector") -> Raw:
    return {kind: {"plan": [{field: name, "action": "remove"} for name in names]}}


@pytest.mark.parametrize(
    ("gone", "found"),
    [
        # Where gw3 sends from is not known, so it may be among them.
        (["one"], ["GW1", "gw3"]),
        (["Two"], ["gw2", "gw3"]),
        (["Theirs"], ["gw2", "gw3"]),
        (["One", "Two"], ["GW1", "gw2", "gw3"]),
        (["Open"], ["GW1", "gw2", "gw3"]),
        (["which is not read"], ["GW1", "gw2", "gw3"]),
    ],
)
def test_hosts_that_a_receive_connector_lets_in(gone: list[str], found: list[str]) -> None:
    assert exchange_withdrawal_senders(removing(*gone), THERE, HOSTS) == found


def test_every_host_may_send_mail_for_an_accepted_domain() -> None:
    gone = removing("contoso.example", kind="withdrawn_accepted_domains", field="domain")
    assert exchange_withdrawal_senders(gone, THERE, HOSTS) == ["GW1", "gw2", "gw3"]


@pytest.mark.parametrize(
    "results", [{}, {"withdrawn_receive": None}, {"receive": {"plan": [{"connector": "One", "action": "update"}]}}]
)
def test_where_nothing_goes_nobody_is_waited_for(results: Raw) -> None:
    assert exchange_withdrawal_senders(results, THERE, HOSTS) == []


def test_a_receive_connector_that_lets_in_fewer_hosts_counts() -> None:
    results = {"withdrawn_receive": {"plan": [{"connector": "One", "action": "update"}]}}
    assert exchange_withdrawal_senders(results, THERE, HOSTS) == ["GW1", "gw3"]


def test_hosts_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="exchange_withdrawal_senders"):
        exchange_withdrawal_senders({}, {}, {"gw1": {"system": "lotus"}})
