# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether mail of an Exchange organisation is still on its way to certain hosts. Pure.

Two things have to be seen before such a host stops taking mail: the domain controller of each server shows the connectors as
they are by now, and no queue that goes there holds anything. A message stays in the queue of the connector that was chosen
for it, so the whole queue counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..connector.errors import ValueProblem
from ..connector.model import Connector
from ..connector.topology import Host
from ..connector.vocabulary import read_smart_host
from .calls import Call
from .send_connector import read
from .send_writes import READ
from .servers import Servers
from .task import Object

SERVERS = Call(
    "Get-ExchangeServer",
    {"Status": True},
    properties=("Name", "IsHubTransportServer", "CurrentConfigDomainController"),
)
QUEUES = ("Identity", "DeliveryType", "NextHopDomain", "MessageCount")
# Copies of messages that another server delivers, which drops them itself once they are delivered.
_COPIES = "shadowredundancy"
# What made the service end stays there until somebody resumes or removes it, so nobody can wait for it.
_POISON = "poison"


def calls(servers: Sequence[Object]) -> list[Call]:
    """The connectors as this session sees them and as each domain controller does, then each server's queues."""
    made = [READ, *(replace(READ, parameters={"DomainController": one}) for one in controllers(servers))]
    return made + [queues_of(name) for name in transport_servers(servers)]


def controllers(servers: Sequence[Object]) -> list[str]:
    found = {str(one.get("CurrentConfigDomainController") or "") for one in servers}
    return sorted(found - {""})


def transport_servers(servers: Sequence[Object]) -> list[str]:
    return sorted(str(one.get("Name")) for one in servers if one.get("IsHubTransportServer") is not False)


def queues_of(server: str) -> Call:
    return Call("Get-Queue", {"Server": server}, properties=QUEUES)


def left(queues: Sequence[Object]) -> dict[str, Any]:
    """What is left on a server that goes. total: what it has to deliver still, by queue. notes: what does not count, in sentences."""
    counts: dict[str, int] = {}
    notes: list[str] = []
    for queue in queues:
        count = int(queue.get("MessageCount") or 0)
        name = str(queue.get("Identity"))
        if not count:
            continue
        if str(queue.get("DeliveryType") or "").lower() == _COPIES:
            notes.append(f"{name} has {count} copies of messages that another server delivers; they do not count")
        elif name.rpartition("\\")[2].lower() == _POISON:
            notes.append(
                f"{name} has {count} messages that Exchange takes for harmful, and never delivers by itself: see them with "
                f"Get-Message -Queue '{name}', and resume or remove them before the server goes"
            )
        else:
            counts[name] = count
    return {"total": sum(counts.values()), "queues": counts, "notes": notes}


def verdict(
    servers: Sequence[Object],
    answers: Sequence[Sequence[Object]],
    hosts: Mapping[str, Host],
    towards: Collection[str],
) -> dict[str, Any]:
    """behind: domain controllers that show other connectors than the session. messages: what waits on the way, by queue."""
    seen = controllers(servers)
    session = _connectors(answers[0])
    behind = [name for name, answer in zip(seen, answers[1:]) if _connectors(answer) != session]
    queues: dict[str, int] = {}
    for answer in answers[1 + len(seen) :]:
        for queue in answer:
            count = int(queue.get("MessageCount") or 0)
            if count and _leads_to(str(queue.get("NextHopDomain") or ""), hosts, towards):
                queues[str(queue.get("Identity"))] = count
    return {"behind": behind, "messages": sum(queues.values()), "queues": queues}


def _connectors(found: Sequence[Object]) -> list[Connector]:
    """In normal form, since two domain controllers need not show the same in the same words."""
    return sorted((read(one, Servers()).connector for one in found), key=lambda one: one.key)


def _leads_to(next_hop: str, hosts: Mapping[str, Host], towards: Collection[str]) -> bool:
    """The next hop of a queue is the connector's smart hosts, in a row."""
    for text in next_hop.split(","):
        try:
            smart_host = read_smart_host(text.strip())
        except ValueProblem:
            continue
        # A queue does not show the port.
        if any(_is(host, smart_host.host) for name, host in hosts.items() if name in towards):
            return True
    return False


def _is(host: Host, name: str) -> bool:
    return name in (host.name, host.server_name.lower(), host.address.host if host.address else host.name)
