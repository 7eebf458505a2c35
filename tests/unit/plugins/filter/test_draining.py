# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether mail of an Exchange organisation is still on its way: asked of the simulated one."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.connectors.plugins.filter.exchange_drain_calls import exchange_drain_calls
from ansible_collections.mailops.connectors.plugins.filter.exchange_drain_verdict import exchange_drain_verdict
from ansible_collections.mailops.connectors.plugins.filter.exchange_queues_left import exchange_queues_left
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import draining

from lab.exchange.queues import Aside
from lab.exchange.servers import Server
from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker
from lab.seeds import drawn_seed

HOSTS = {
    "ex1": {"system": "exchange", "server_name": "EX1"},
    "ex2": {"system": "exchange", "server_name": "EX2"},
    "gw1": {"system": "postfix", "address": "192.0.2.1"},
    "gw2": {"system": "postfix", "address": "gw2.contoso.com:2525"},
}


def organisation() -> Organisation:
    made = Organisation(drawn_seed(), {"EX1": Server("EX1"), "EX2": Server("EX2")})
    made.call(
        "New-SendConnector",
        {
            "Name": "Out",
            "AddressSpaces": ["*"],
            "SmartHosts": ["192.0.2.1"],
            "SourceTransportServers": ["EX1"],
            "DNSRoutingEnabled": False,
        },
    )
    return made


def ask(there: Organisation, towards: str) -> tuple[Any, list[str]]:
    """The verdict, and the calls that it took."""
    invoke = Invoker(there)
    servers = invoke({"calls": exchange_drain_calls()})["results"][0]["objects"]
    calls = exchange_drain_calls(servers)
    results = invoke({"calls": calls})["results"]
    return exchange_drain_verdict(results, servers, HOSTS, [towards]), [call["cmdlet"] for call in calls]


def test_nothing_is_on_its_way() -> None:
    there = organisation()
    verdict, calls = ask(there, "gw1")
    assert verdict == {"behind": [], "messages": 0, "queues": {}}
    assert calls == ["Get-SendConnector"] * 3 + ["Get-Queue"] * 2


def test_messages_that_wait_on_a_connector_to_the_host_count() -> None:
    there = organisation()
    there.down.update({"192.0.2.1", "[192.0.2.1]"})
    for _number in range(3):
        there.submit("EX1", "a@partner.example")
    verdict, _calls = ask(there, "gw1")
    assert verdict["messages"] == 3
    assert [queue.partition("\\")[0] for queue in verdict["queues"]] == ["EX1"]
    assert ask(there, "gw2")[0]["messages"] == 0


def test_a_domain_controller_that_shows_other_connectors_is_behind() -> None:
    there = organisation()
    there.directory.lag = True
    there.call(
        "Set-SendConnector",
        {"Identity": "Out", "SmartHosts": ["gw2.contoso.com"], "DNSRoutingEnabled": False, "Force": True},
    )
    assert len(ask(there, "gw1")[0]["behind"]) == 1
    there.replicate()
    assert ask(there, "gw1")[0]["behind"] == []


def left_on(there: Organisation, server: str) -> Any:
    answer = Invoker(there)({"calls": [draining.queues_of(server).plain()]})
    return exchange_queues_left(answer["results"][0]["objects"])


def test_what_a_server_has_to_deliver_still_is_counted_by_queue() -> None:
    there = organisation()
    there.down.update({"192.0.2.1", "[192.0.2.1]"})
    there.submit("EX1", "a@partner.example")
    assert left_on(there, "EX1") == {"total": 1, "queues": {"EX1\\3": 1}, "notes": []}
    assert left_on(there, "EX2") == {"total": 0, "queues": {}, "notes": []}
    assert (
        exchange_queues_left([{"Identity": "EX1\\Submission", "DeliveryType": "Undefined", "MessageCount": 4}])["total"]
        == 4
    )


def test_nobody_waits_for_copies_and_for_harmful_messages_and_both_are_told() -> None:
    there = organisation()
    there.mail.aside += [Aside("EX1", "Shadow\\7", 5), Aside("EX1", "Poison", 1), Aside("EX1", "Shadow\\8", 0)]
    found = left_on(there, "EX1")
    assert (found["total"], found["queues"]) == (0, {})
    copies, harmful = found["notes"]
    assert copies.startswith("EX1\\Shadow\\7 has 5 copies") and harmful.startswith("EX1\\Poison has 1 messages")
