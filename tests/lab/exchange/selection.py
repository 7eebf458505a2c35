# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which send connector takes a message: an oracle, written after connector-selection.md and not after the product.

1. Only enabled connectors in scope that take messages of this size and have an address space for the domain.
2. The most specific address space. 3. The lowest sum of the site links' cost to the source server and the space's cost.
4. The own server, then one of the own site, then another. 5. The lowest name.

The size limits of site links play no part: the page does not name them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .directory import Stored
from .values import AddressSpace

if TYPE_CHECKING:
    from .servers import Server
    from .simulator import Organisation

_NEVER = 10**9


class Way(NamedTuple):
    """Sorted as Exchange prefers. specificity: of the space, the best is lowest. server: the source server."""

    specificity: int
    cost: int
    hops: int
    name: str
    server: str
    connector: Stored


def route(organisation: Organisation, server: str, address: str, size: int | None = None) -> str | None:
    way = best(organisation, server, address, size)
    return way.connector.name if way else None


def best(organisation: Organisation, server: str, address: str, size: int | None = None) -> Way | None:
    here = organisation.find_server(server)
    if here is None:
        raise KeyError(server)
    domain = address.rpartition("@")[2].lower()
    distances = _distances(organisation, here.site)
    ways = [
        Way(
            specificity, distances[there.site] + cost, _hops(here, there), connector.name.lower(), there.name, connector
        )
        for connector in _objects(organisation, "SendConnector")
        if _takes(connector.values, size)
        for there in _sources(organisation, connector, here)
        if there.site in distances
        for specificity, cost in _matching(connector.values["AddressSpaces"], domain)
    ]
    return min(ways, key=lambda way: way[:5], default=None)


def is_local(organisation: Organisation, address: str) -> bool:
    domain = address.rpartition("@")[2].lower()
    for accepted in _objects(organisation, "AcceptedDomain"):
        own = accepted.values["DomainName"].lower()
        wide = accepted.values["MatchSubDomains"] or own.startswith("*.")
        bare = own.removeprefix("*.")
        if accepted.values["DomainType"] == "Authoritative" and (
            domain == own or own == "*" or (wide and (domain == bare or domain.endswith(f".{bare}")))
        ):
            return True
    return False


def _objects(organisation: Organisation, noun: str) -> list[Stored]:
    """As the first domain controller has them."""
    return organisation.directory.objects(organisation.directory.controllers[0], noun)


def _takes(values: dict[str, Any], size: int | None) -> bool:
    limit = values["MaxMessageSize"]
    return bool(values["Enabled"]) and (size is None or limit == "Unlimited" or limit >= size)


def _sources(organisation: Organisation, connector: Stored, here: Server) -> list[Server]:
    if organisation.edge:
        return [here]
    found = [organisation.servers[name] for name in connector.values["SourceTransportServers"]]
    if connector.values["IsScopedConnector"] and here.site not in {server.site for server in found}:
        return []
    return found


def _matching(spaces: Iterable[AddressSpace], domain: str) -> list[tuple[int, int]]:
    """Of each space that the domain is in: how specific it is, and its cost."""
    found = []
    for space in spaces:
        own = space.domain.lower()
        if space.kind.upper() != "SMTP":
            continue
        if own == domain:
            found.append((0, space.cost))
        elif own == "*":
            found.append((_NEVER, space.cost))
        elif own.startswith("*.") and (domain == own[2:] or domain.endswith(own[1:])):
            found.append((_NEVER - 1 - len(own), space.cost))
    return found


def _hops(here: Server, there: Server) -> int:
    if here.name == there.name:
        return 0
    return 1 if here.site == there.site else 2


def _distances(organisation: Organisation, site: str) -> dict[str, int]:
    """Site -> cost of the cheapest way over site links."""
    links = []
    for link in _objects(organisation, "AdSiteLink"):
        own = link.values["ExchangeCost"]
        links.append((set(link.values["Sites"]), link.values["ADCost"] if own is None else own))
    found: dict[str, int] = {}
    open_ends = [(0, site)]
    while open_ends:
        cost, place = heapq.heappop(open_ends)
        if place in found:
            continue
        found[place] = cost
        for linked, more in links:
            if place in linked:
                for other in linked - found.keys():
                    heapq.heappush(open_ends, (cost + more, other))
    return found
