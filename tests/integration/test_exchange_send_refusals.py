# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a list of send connectors is said before anything is touched: connector, field, value and remedy.

Real ansible-playbook, winrm and pywinrm, and the real exchange_invoke on a real engine; Exchange itself is simulated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab import ansible
from lab.exchange import powershell
from lab.exchange.endpoint import Endpoint
from lab.exchange.engine import Engine
from lab.exchange.engine_endpoint import engine_endpoint
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.exchange.sites import SiteLink
from lab.seeds import drawn_seed

pytestmark = pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)

COLLECTION = "mailops.connectors"
PASSWORD = "Tr0ub4dor&3-of-the-relay"
SESSION_PASSWORD = "c0rrect-h0rse-of-the-session"
Raw = dict[str, Any]
Words = tuple[str, ...]

BASE: Raw = {"name": "to-partner", "address_spaces": ["partner.example"], "bridgeheads": ["ex1"]}
PLACE = 'connector "to-partner"'
MX1, MX2 = "mx1.partner.example", "mx2.partner.example"
BOTH = [MX1, MX2]
LOGIN: Raw = {"mechanism": "basic_over_tls", "username": "relay", "password": "{{ relay_password }}"}
TO_ROME: Raw = {"connected_routing_groups": [{"name": "rome", "cost": 9}], "scope": "routing_group"}


def tls(level: str, hosts: list[str], *names: str, **fields: Any) -> Raw:
    return {"smart_hosts": hosts, "tls": {"level": level, **({"names": list(names)} if names else {}), **fields}}


# Fields that are wrong -> what the error says: the field, the value, and the remedy.
WRONG: list[tuple[Raw, Words]] = [
    ({"bridgeheads": ["ex1", "ex9.contoso.com"]}, ("field bridgeheads", '"ex9.contoso.com"', "EX1, EX2, EX3")),
    ({"bridgeheads": []}, ("field bridgeheads", "name at least one inventory host")),
    ({"smart_hosts": [f"{MX1}:25", f"{MX2}:2525"]}, ("field smart_hosts", '"25, 2525"', "one connector for each port")),
    ({"port": 2525}, ("field port", "needs a smart host", "name smart_hosts")),
    ({"smart_hosts": [{"host": MX1, "mx": True}]}, ("field smart_hosts", f'"{MX1}"', "leave mx out")),
    (
        {"smart_hosts": ["ex1.contoso.com"]},
        ("field smart_hosts", '"partner.example"', "ex1 -> ex1", "out of the circle"),
    ),
    (tls("none", BOTH, "x.example"), ("field tls.names", "the level none", "tls.level: verify")),
    (tls("encrypt", BOTH, "x.example"), ("field tls.names", "the level encrypt", "tls.level: verify")),
    (
        tls("chain_only", BOTH, "x.example"),
        ("field tls.names", '"x.example"', "level chain_only", "leave tls.names out"),
    ),
    (tls("verify", BOTH, MX1), ("field tls.names", f'"{MX1}"', f"does not cover the smart host {MX2}")),
    (tls("verify", BOTH, MX1, MX2), ("field tls.names", f'"{MX1}, {MX2}"', "name one, such as *.contoso.com")),
    (tls("verify", BOTH), ("field tls.names", f'"{MX1}, {MX2}"', "tls.names: ['*.partner.example']")),
    (tls("verify", ["192.0.2.1"]), ("field tls.names", '"[192.0.2.1]"', "what the certificate carries")),
    (tls("dane", []), ("field tls.level", '"dane"', "use verify", "or carry the connector on Postfix")),
    (tls("verify", [MX1], ca_file="/etc/ca.pem"), ("field tls.ca_file", '"/etc/ca.pem"', "store of Windows")),
    (tls("encrypt", [MX1], certificate="/c.pem"), ("field tls.certificate", '"/c.pem"', "<I>issuer<S>subject")),
    (
        {**tls("encrypt", [MX1]), "helo": {"command": "helo"}},
        ("field helo.command", '"helo"', "neither TLS nor", "use command: ehlo"),
    ),
    (
        {"smart_hosts": [MX1], "authentication": LOGIN},
        ("field authentication.mechanism", '"basic_over_tls"', "the level is opportunistic", "tls.level: encrypt"),
    ),
    (
        {**tls("encrypt", [MX1]), "authentication": {**LOGIN, "password": None}},
        ("field authentication.password", "is needed", "give authentication.password"),
    ),
    (
        {**tls("encrypt", [MX1]), "authentication": {**LOGIN, "password": "abc"}},
        ("field authentication", "shorter than 4", "use a longer password"),
    ),
    ({"exchange": {"RequireTLS": True}}, ("field exchange.RequireTLS", "set the field tls instead")),
    ({"exchange": {"ErrorPolicies": "No"}}, ("field exchange.ErrorPolicies", '"no"', "DowngradeDnsFailures")),
    (
        {"exchange": {"DomainSecureEnabled": True}, "smart_hosts": [MX1]},
        ("field exchange.DomainSecureEnabled", "use DNS MX and a TLS level"),
    ),
    ({"postfix": {"smtp_bind_address": "192.0.2.1"}}, ("field postfix.smtp_bind_address", "or carry the connector on")),
    ({"limits": {"connections": 3}}, ("field limits.connections", '"3"', "Set-TransportService")),
    ({"delivery": {"when": "never"}}, ("field delivery", "transport rule")),
    ({"restrictions": {"default": "reject"}}, ("field restrictions", "transport rule")),
    ({"address_spaces": ["partner.example;101"]}, ("field address_spaces", '"partner.example;101"', "from 1 to 100")),
    ({"address_spaces": ["*partner.example"]}, ("field address_spaces", '"*partner.example"', "*.contoso.com")),
    ({"address_spaces": ["X400:c=US;a= ;p=C"]}, ("field smart_hosts", "only SMTP is routed by DNS")),
    ({"max_message_size": "3 XB"}, ("field max_message_size", '"3 XB"', "35MB")),
    ({"reset": ["max_message_size"]}, ("field reset", '"max_message_size"', "give max_message_size a value")),
    ({"smart_hots": [MX1]}, ("field smart_hots", 'did you mean "smart_hosts"')),
    (
        {**TO_ROME, "smart_hosts": ["ex3.contoso.com"]},
        ("field connected_routing_groups", '"rome at 9"', '"Paris-Rome", which is 7', "exchange_site_links"),
    ),
    (
        {"connected_routing_groups": ["oslo"], "smart_hosts": ["ex3.contoso.com"]},
        ("field connected_routing_groups", '"oslo"', "known are paris, rome"),
    ),
]
# Fields that are taken -> what the warning says.
WARNED: list[tuple[Raw, Words]] = [
    ({"address_spaces": ["held.example"]}, ("Held, to-partner", "held.example;1", 'the first by name, "Held"')),
    ({"bridgeheads": ["ex1", "ex3"]}, (PLACE, "(paris, rome)", "does not balance")),
    (
        tls("none", [MX1], certificate="<I>CN=CA<S>CN=mail"),
        (PLACE, "field tls.certificate", "plays no part with tls.level none"),
    ),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def organisation() -> Organisation:
    servers = {
        "EX1": Server("EX1", site="Paris"),
        "EX2": Server("EX2", site="Paris"),
        "EX3": Server("EX3", site="Rome"),
    }
    there = Organisation(drawn_seed(), servers, site_links={"Paris-Rome": SiteLink(("Paris", "Rome"), 7)})
    held = {"Name": "Held", "AddressSpaces": ["held.example"], "SourceTransportServers": ["EX1"]}
    there.call("New-SendConnector", held)
    there.calls.clear()
    return there


def run(endpoint: Endpoint, steps: list[Raw], variables: Raw | None = None, **keywords: Any) -> ansible.Run:
    passwords = {"relay_password": PASSWORD, "session_password": SESSION_PASSWORD}
    return ansible.playbook(
        steps,
        hosts=("ex1",),
        host_vars={"ex1": endpoint.host_vars()},
        extra_vars={**passwords, **(variables or {})},
        keywords=keywords,
    )


def result(made: ansible.Run, name: str) -> Raw:
    return made.of(name)["ex1"]


def send(name: str, **options: Any) -> Raw:
    return {"name": name, f"{COLLECTION}.exchange_send_connectors": options, "ignore_errors": True}


def writes(there: Organisation) -> list[str]:
    return [cmdlet for cmdlet, _parameters in there.calls if not cmdlet.startswith("Get-")]


def test_what_is_wrong_is_named_with_its_remedy_and_nothing_is_touched(engine: Engine) -> None:
    there = organisation()
    tables = {"wrong": WRONG, "warned": WARNED}
    lists = {name: [{**BASE, **fields} for fields, _words in table] for name, table in tables.items()}
    steps = [
        # Not the connectors themselves are what is looped over: Ansible shows each item.
        {**send(name, connectors=[f"{{{{ {name}[item] }}}}"]), "loop": list(range(len(table)))}
        for name, table in tables.items()
    ]
    steps[1]["check_mode"] = True
    steps.append({**send("async", connectors=[BASE]), "async": 10, "poll": 1})
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        made = run(endpoint, steps, variables=lists)
    for (fields, words), found in zip(WRONG, result(made, "wrong")["results"], strict=True):
        message = str(found.get("msg"))
        assert message.startswith("Nothing was touched."), (fields, message)
        assert not [word for word in (PLACE, *words, "Remedy: ") if word not in message], (fields, message)
    warned = result(made, "warned")
    for (fields, words), found in zip(WARNED, warned["results"], strict=True):
        assert "msg" not in found, found
        # ansible-core 2.19 shows the warnings of a loop's items as those of the loop.
        told = found.get("warnings") or warned.get("warnings") or []
        assert any(all(word in text for word in words) for text in told), (fields, told)
    assert (
        "async is not possible here" in result(made, "async")["msg"] and "Remedy: leave" in result(made, "async")["msg"]
    )
    assert writes(there) == []
    assert PASSWORD not in made.output


def test_the_connector_that_an_error_prints_is_the_one_that_was_missing(engine: Engine) -> None:
    """Mail of the Exchange servers for what Postfix alone carries: only the connector of the list leads there."""
    there = organisation()
    exchange: Raw = {"system": "exchange", "routing_group": "Paris"}
    hosts = {
        **{name: exchange for name in ("ex1", "ex2")},
        "ex3": {"system": "exchange", "routing_group": "Rome"},
        "gw1": {"system": "postfix", "routing_group": "Paris", "address": "192.0.2.9:2525"},
    }
    over = {"name": "partners", "address_spaces": ["a.example", "*.b.example;7"], "bridgeheads": ["gw1"]}
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        refused = result(run(endpoint, [send("refused", connectors=[BASE, over], hosts=hosts)]), "refused")
        assert writes(there) == []
        printed = re.search(r"declare one: (\{.*\})\.$", refused["msg"], re.MULTILINE)
        assert printed, refused["msg"]
        declared = yaml.safe_load(printed[1])
        again = run(endpoint, [send("declared", connectors=[BASE, over, declared], hosts=hosts)])
    assert 'connector "partners", field address_spaces, value "' in refused["msg"]
    assert sorted(declared["address_spaces"]) == ["*.b.example", "a.example"]
    assert (declared["bridgeheads"], declared["smart_hosts"]) == (["ex1", "ex2"], ["[192.0.2.9]:2525"])
    assert result(again, "declared")["changed"], result(again, "declared")
    for server in ("EX1", "EX2", "EX3"):
        assert there.route(server, "someone@in.b.example") == declared["name"]


def test_the_site_link_that_an_error_prints_makes_the_costs_agree(engine: Engine) -> None:
    there = organisation()
    between = {**BASE, **TO_ROME, "smart_hosts": ["ex3.contoso.com"]}
    with engine_endpoint(engine, there) as (endpoint, _bridge):
        refused = result(run(endpoint, [send("refused", connectors=[between])]), "refused")
        printed = re.search(r"site_links: (\[.*\])", refused["msg"])
        assert printed, refused["msg"]
        links = {"name": "links", f"{COLLECTION}.exchange_site_links": {"site_links": yaml.safe_load(printed[1])}}
        made = run(endpoint, [links, send("agrees", connectors=[between])]).expect_success()
    assert result(made, "links")["changed"]
    assert not result(made, "agrees").get("failed"), result(made, "agrees")


def test_module_defaults_of_the_group_reach_every_action(engine: Engine) -> None:
    """The session options stand in one place, for the four actions and for what only looks."""
    there = organisation()
    steps = [
        send("exchange_send_connectors", connectors=[BASE]),
        {"name": "receive", f"{COLLECTION}.exchange_receive_connectors": {"connectors": []}},
        {"name": "domains", f"{COLLECTION}.exchange_accepted_domains": {"domains": []}},
        {"name": "links", f"{COLLECTION}.exchange_site_links": {"site_links": []}},
        {"name": "info", f"{COLLECTION}.exchange_connectors_info": {}},
    ]
    options = {
        "session_uri": "http://ex2.contoso.com/PowerShell/",
        "session_authentication": "negotiate",
        "session_username": "CONTOSO\\mail",
        "session_password": "{{ session_password }}",
        "domain_controller": "dc2.contoso.com",
    }
    with engine_endpoint(engine, there, "remoting") as (endpoint, bridge):
        made = run(endpoint, steps, module_defaults={f"group/{COLLECTION}.exchange": options}).expect_success()
        seen = {(one.uri, one.authentication, one.username, one.password) for one in bridge.sessions}
        assert len(bridge.sessions) == len(steps) + 1, "the first one reads and writes"
    assert seen == {(options["session_uri"], "negotiate", "CONTOSO\\mail", SESSION_PASSWORD)}
    expected = {"method": "remoting", "server": "ex2.contoso.com", "domain_controller": "dc2.contoso.com"}
    for one in made.tasks:
        assert expected.items() <= one.result["session"].items(), one
    asked = {parameters.get("DomainController") for cmdlet, parameters in there.calls if cmdlet != "Get-ExchangeServer"}
    assert asked == {"dc2.contoso.com"}
    assert SESSION_PASSWORD not in made.output
