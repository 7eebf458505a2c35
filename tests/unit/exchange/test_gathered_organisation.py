# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Exchange organisation that was set up with cmdlets, gathered: applying the file only takes ownership."""

from __future__ import annotations

import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import accepted_domains, task
from ansible_collections.mailops.connectors.plugins.plugin_utils.gathered_file import Found, find

from lab.exchange import foreign, tasks
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker
from lab.exchange.values import Credential
from lab.seeds import drawn_seed

INVENTORY = {
    "mail1": {"system": "exchange", "server_name": "EX1"},
    "mail2": {"system": "exchange", "server_name": "EX2"},
}
PASSWORD = "Tr0ub4dor&3-of-the-relay"
COMMENT = "Ask {{ the team }} first"


class _Loader(yaml.SafeLoader):
    """YAML as Ansible reads it: !unsafe is text that is no template."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def set_up_by_cmdlets() -> Organisation:
    servers = {
        "EX1": Server("EX1", "ex1.contoso.com", "Paris"),
        "EX2": Server("EX2", "ex2.contoso.com", "Rome"),
        "EDGE1": Server("EDGE1", "edge1.contoso.com", "Paris", role="Edge"),
    }
    there = Organisation(drawn_seed(), servers)
    made = {
        "to-partner": {
            "AddressSpaces": ["SMTP:*.partner.example;5", "other.example"],
            "SmartHosts": ["mx1.partner.example", "[192.0.2.10]"],
            "DNSRoutingEnabled": False,
            "Port": 2525,
            "SourceTransportServers": ["EX1", "EX2"],
            "RequireTLS": True,
            "TlsAuthLevel": "EncryptionOnly",
            "SmartHostAuthMechanism": "BasicAuthRequireTLS",
            "AuthenticationCredential": Credential("relay", PASSWORD),
            "Comment": COMMENT,
        },
        "Internet": {"AddressSpaces": ["*"], "SourceTransportServers": ["EX1"], "MaxMessageSize": "10MB"},
        "Site": {"AddressSpaces": ["site.example"], "SourceTransportServers": ["EX2"], "IsScopedConnector": True},
    }
    for name, parameters in made.items():
        there.call("New-SendConnector", {"Name": name, **parameters})
    there.call(
        "New-ReceiveConnector",
        {
            "Name": "Scanner",
            "Server": "EX1",
            "TransportRole": "FrontendTransport",
            "Bindings": ["0.0.0.0:25"],
            "RemoteIPRanges": ["192.0.2.20", "192.0.2.21"],
            "Usage": "Custom",
        },
    )
    there.call("New-AcceptedDomain", {"Name": "f", "DomainName": "fabrikam.example", "DomainType": "InternalRelay"})
    foreign.hybrid(there)
    foreign.edge_sync(there, "EDGE1")
    there.directory.replicate()
    return there


def gathered(there: Organisation) -> Found:
    info = tasks.information(there, hosts=INVENTORY)
    return find({"mail1": info}, INVENTORY, "mail1")


def test_the_plan_of_what_was_gathered_holds_nothing_but_adopt() -> None:
    there = set_up_by_cmdlets()
    found = gathered(there)
    text = found.plain()["text"]
    content = yaml.load(text, Loader=_Loader)
    connectors = content["smtp_connectors_list"]
    assert [one["name"] for one in connectors] == ["Internet", "Site", "to-partner"]
    partner = connectors[2]
    assert partner["comment"] == COMMENT and f"!unsafe '{COMMENT}'" in text
    assert partner["bridgeheads"] == ["mail1", "mail2"]
    assert partner["authentication"]["password"] == "{{ vault_smtp_connectors_to_partner_password }}"
    assert "Tr0ub4dor" not in text
    for name in (foreign.HYBRID, "EdgeSync - Paris to Internet", "Default Frontend EX1", "Client Proxy EX2"):
        assert f"#   {name}\n" in text
    assert found.plain()["notes"] == []

    hosts = content.get("smtp_connectors_hosts") or INVENTORY
    partner["authentication"].update(username="relay", password=PASSWORD)
    sending = tasks.send_connectors(there, connectors, check_mode=True, hosts=hosts)
    assert {one["connector"]: one["action"] for one in sending["plan"]} == dict.fromkeys(
        ("Internet", "Site", "to-partner"), "adopt"
    )
    assert sending["routes_changed"] == []
    receiving = tasks.receive_connectors(there, content["smtp_connectors_receive"], check_mode=True, hosts=hosts)
    assert [(one["connector"], one["action"]) for one in receiving["plan"]] == [("Scanner", "adopt")]
    request = accepted_domains.Request(content["smtp_connectors_accepted_domains"], connectors, hosts, None)
    domains = task.run(accepted_domains.AcceptedDomains(request), Invoker(there, check_mode=True), check_mode=True)
    assert (domains["changed"], domains["plan"]) == (False, [])


def test_after_the_first_application_everything_is_owned_and_gathered_again_alike() -> None:
    there = set_up_by_cmdlets()
    first = gathered(there)
    given = [{**one} for one in first.lists.connectors]
    given[2] = {**given[2], "authentication": {**given[2]["authentication"], "username": "relay", "password": PASSWORD}}
    hosts = first.lists.hosts or INVENTORY
    applied = tasks.send_connectors(there, given, hosts=hosts)
    assert not applied.get("failed"), applied
    assert tasks.send_connectors(there, given, hosts=hosts)["changed"] is False
    second = gathered(there)
    assert second.lists == first.lists


def test_on_a_fresh_organisation_it_makes_the_same_routes() -> None:
    there = set_up_by_cmdlets()
    found = gathered(there)
    servers = {"EX1": Server("EX1", "ex1.contoso.com", "Paris"), "EX2": Server("EX2", "ex2.contoso.com", "Rome")}
    fresh = Organisation(drawn_seed(), servers)
    given = [one for one in found.lists.connectors if one["name"] != "to-partner"]
    partner = next(one for one in found.lists.connectors if one["name"] == "to-partner")
    account = {**partner["authentication"], "username": "relay", "password": PASSWORD}
    applied = tasks.send_connectors(fresh, [*given, {**partner, "authentication": account}], hosts=INVENTORY)
    assert not applied.get("failed"), applied
    for server in servers:
        for domain in ("partner.example", "sub.partner.example", "other.example", "site.example", "elsewhere.example"):
            for size in (1, 20 * 1024 * 1024):
                old, new = (one.route(server, f"u@{domain}", size) for one in (there, fresh))
                # Larger mail than the own default route takes went to the Edge subscription's.
                assert new == old or (old or "").startswith("EdgeSync"), (server, domain, size)
