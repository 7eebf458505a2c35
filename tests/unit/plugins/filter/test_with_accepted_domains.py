# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange servers deliver the authoritative domains of a list, also before these are accepted."""

from __future__ import annotations

from ansible_collections.mailops.connectors.plugins.filter.with_accepted_domains import with_accepted_domains


def test_servers_of_exchange_get_authoritative_domains() -> None:
    hosts = {
        "ex1": {"system": "exchange", "local_domains": ["own.example"]},
        "ex2": {"system": "exchange"},
        "gw1": None,
    }
    domains = [
        {"name": "Contoso.example ", "type": "authoritative"},
        {"name": "own.example", "type": "authoritative"},
        {"name": "*.contoso.example", "type": "authoritative"},
        {"name": "relayed.example", "type": "external_relay"},
        {"name": "kept.example"},
        {"name": "gone.example", "type": "authoritative", "state": "absent"},
    ]
    found = with_accepted_domains(hosts, domains)
    assert found == {
        "ex1": {"system": "exchange", "local_domains": ["own.example", "contoso.example"]},
        "ex2": {"system": "exchange", "local_domains": ["contoso.example", "own.example"]},
        "gw1": {},
    }
    assert with_accepted_domains({"ex1": {"system": "exchange"}}, None) == {"ex1": {"system": "exchange"}}
