# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route selection: from which host an address takes which connector, and why.

One function for both systems: of the connectors of the host's own system that are enabled, in scope and reachable, the
most specific space wins, then the lowest sum of path cost and space cost, then the fewest hops, then the lowest name
(Exchange documentation "Connector selection"). What a higher cost is for differs: on Postfix the further connectors of the
space are a failover chain, on Exchange the chosen connector keeps its mail.
"""

from __future__ import annotations

import copy
import heapq
import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from . import values
from .address_space import DEFAULT_ROUTE, Pattern, patterns_for, wider
from .model import Connector
from .topology import Host, Organisation
from .vocabulary import SmartHost


class Offer(NamedTuple):
    """A connector takes a pattern at a cost; group is set where the pattern is a domain of a routing group it reaches."""

    connector: str
    cost: int
    group: str = ""


class Candidate(NamedTuple):
    """A connector that can take the mail from one host. Sorts in the order in which candidates win."""

    total: int
    rank: int
    """0: this host carries it, 1: another host of the group does, 2: it stands in another group."""
    connector: str
    handed_over: bool
    carrier: str
    """The connector whose settings apply here: the connector itself, or the link to the next group on the path."""


class Considered(NamedTuple):
    connector: str
    address_space: str
    cost: int
    why: str


class Element(NamedTuple):
    """One link of a chain: the connector that wins, the one that carries it from here, and where it goes.

    Handed over: hosts names the bridgeheads. Otherwise next_hops are the smart hosts, or empty for DNS MX.
    """

    connector: str
    carrier: str
    next_hops: tuple[SmartHost, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def by_mx(self) -> bool:
        return not self.hosts and not self.next_hops


class Route(NamedTuple):
    """The answer for one host and one domain. Without elements there is no route."""

    pattern: Pattern | None
    cost: int
    elements: tuple[Element, ...]
    foreign: str = ""
    """The connector of the other system that would win, where no own connector has an equally specific space."""


NO_ROUTE = Route(None, 0, ())


class Link(NamedTuple):
    """connector is empty for a site link of Exchange."""

    connector: str
    source: str
    target: str
    cost: int
    star_cost: int


class Router:
    """Answers for one organisation. Asking never changes anything; answers are remembered by their signature, so ten
    thousand spaces of a few connectors cost as much as a few."""

    def __init__(self, organisation: Organisation, size: int | None = None) -> None:
        self.organisation = organisation
        self.size = size
        self.links = sorted(_links(organisation))
        self._path_costs: dict[tuple[str, bool], dict[str, dict[str, int]]] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self.offers = self._index(enabled=True)
        self._disabled = self._index(enabled=False)
        self._routes: dict[tuple[str, tuple[tuple[Offer, ...], ...]], tuple[int, int, tuple[Element, ...], str]] = {}

    def for_size(self, size: int | None) -> Router:
        """The same organisation for messages of this size."""
        made = copy.copy(self)
        made.size = size
        made._routes = {}
        return made

    # --- what there is to choose from ---

    def _index(self, enabled: bool) -> dict[Pattern, tuple[Offer, ...]]:
        collected: dict[Pattern, set[Offer]] = {}
        for key, connector in self.organisation.connectors.items():
            if connector.enabled != enabled:
                continue
            for space in connector.address_spaces:
                if space.type == "SMTP" and not (space.pattern.is_everything and connector.takes_reached_groups):
                    collected.setdefault(space.pattern, set()).add(Offer(key, space.cost))
            for group in self.reached_groups(connector) if connector.takes_reached_groups else ():
                for pattern in self._domains(group):
                    collected.setdefault(pattern, set()).add(Offer(key, star_cost(connector), group))
        return {pattern: tuple(sorted(offers)) for pattern, offers in collected.items()}

    def _domains(self, group: str) -> tuple[Pattern, ...]:
        known = self.organisation.routing_groups.get(group)
        return known.domains if known else ()

    def reached_groups(self, connector: Connector) -> tuple[str, ...]:
        """The routing groups reached through a connector: the connected ones and those behind them, not its own."""
        system = self.organisation.system(connector)
        own = self.organisation.group(connector)
        reached: set[str] = set()
        pending = [link.name for link in connector.connected_routing_groups]
        while pending:
            group = pending.pop()
            if group == own or group in reached:
                continue
            reached.add(group)
            pending.extend(link.target for link in self.links if link.source == group and self._system(link) == system)
        return tuple(sorted(reached))

    def expansion(self, connector: Connector) -> tuple[Pattern, ...]:
        """The domains that * stands for on a connector of scope routing_group with connected groups."""
        return tuple(sorted({pattern for group in self.reached_groups(connector) for pattern in self._domains(group)}))

    def spaces(self, connector: Connector) -> tuple[Pattern, ...]:
        """All patterns that a connector takes, the expansion of * included."""
        own = {space.pattern for space in connector.address_spaces if space.type == "SMTP"}
        if connector.takes_reached_groups:
            own = {pattern for pattern in own if not pattern.is_everything} | set(self.expansion(connector))
        return tuple(sorted(own))

    def _system(self, link: Link) -> str:
        if not link.connector:
            return "exchange"
        return self.organisation.system(self.organisation.connectors[link.connector])

    def path_costs(self, system: str, with_star: bool = False) -> dict[str, dict[str, int]]:
        """Lowest cost from each routing group to each other one over links of a system.

        with_star adds the cost of each link's *, so that the way to a group's own domains gets shorter with every hop.
        """
        if (system, with_star) not in self._path_costs:
            edges = [
                (link.source, link.target, link.cost + (link.star_cost if with_star else 0))
                for link in self.links
                if self._system(link) == system
            ]
            groups = {host.routing_group for host in self.organisation.hosts.values()}
            groups.update(self.organisation.routing_groups)
            self._path_costs[(system, with_star)] = {group: _distances(group, edges) for group in sorted(groups)}
        return self._path_costs[(system, with_star)]

    # --- choosing ---

    def levels(self, patterns: Iterable[Pattern]) -> tuple[tuple[Pattern, tuple[Offer, ...]], ...]:
        return tuple((pattern, self.offers[pattern]) for pattern in patterns if pattern in self.offers)

    def route(self, host: str, domain: str) -> Route:
        """The route of a domain, or of an address's domain, from a host."""
        return self._route(host, self.levels(patterns_for(domain)))

    def route_below(self, host: str, pattern: Pattern) -> Route:
        """The route of whatever is under a pattern's domain and in no narrower space."""
        if pattern.is_everything:
            return self._route(host, self.levels([DEFAULT_ROUTE]))
        return self._route(host, self.levels([Pattern(pattern.domain, True), *wider(pattern)]))

    def is_local(self, host: str, domain: str) -> bool:
        """Whether the host delivers a domain itself: a local domain stays local unless a space names exactly it.

        A space of the other system does not count: it is how mail for the domain comes here from over there.
        """
        if domain not in self.organisation.hosts[host].local_domains:
            return False
        route = self.route(host, domain)
        return bool(route.foreign) or route.pattern != Pattern(domain, False)

    def _route(self, host: str, levels: tuple[tuple[Pattern, tuple[Offer, ...]], ...]) -> Route:
        signature = (host, tuple(offers for _pattern, offers in levels))
        if signature not in self._routes:
            self._routes[signature] = self._choose(self.organisation.hosts[host], signature[1])
        level, cost, elements, foreign = self._routes[signature]
        return Route(levels[level][0], cost, elements, foreign) if level >= 0 else NO_ROUTE

    def _choose(self, host: Host, levels: tuple[tuple[Offer, ...], ...]) -> tuple[int, int, tuple[Element, ...], str]:
        for level, offers in enumerate(levels):
            candidates = self.candidates(host, offers)
            if candidates:
                return level, candidates[0].total, self._chain(host, candidates), ""
            foreign = self._foreign(host, offers)
            if foreign:
                return level, 0, (), foreign
        return -1, 0, (), ""

    def candidates(self, host: Host, offers: Iterable[Offer]) -> list[Candidate]:
        """The connectors that can take the mail, the winner first."""
        found = [candidate for offer in offers for candidate in self._candidates(host, offer)]
        return sorted(found)

    def why_not(self, host: Host, offer: Offer) -> str:
        """Why a connector that offers a matching space is no candidate; empty where it is one."""
        connector = self.organisation.connectors[offer.connector]
        system = self.organisation.system(connector)
        if system != host.system:
            return f"belongs to {system}, and this host is a {host.system} server"
        if self._too_small(connector):
            return f"takes messages up to {values.show_size(connector.max_message_size)}"
        groups = self.groups(connector)
        if host.routing_group not in groups:
            shown = ", ".join(groups)
            if connector.scope == "routing_group":
                return f"is for the routing group {shown} only"
            if not set(groups) & set(self.path_costs(system).get(host.routing_group, {})):
                return f"no connected routing group leads to {shown}"
        return "" if self._candidates(host, offer) else "every way to it leads back over this group"

    def _too_small(self, connector: Connector) -> bool:
        # On Postfix a size never changes the route: larger mail bounces with the limit named.
        limited = connector.max_message_size != values.UNLIMITED and self.organisation.system(connector) == "exchange"
        return limited and self.size is not None and self.size > connector.max_message_size

    def _candidates(self, host: Host, offer: Offer) -> list[Candidate]:
        connector = self.organisation.connectors[offer.connector]
        system = self.organisation.system(connector)
        if system != host.system or self._too_small(connector):
            return []
        if host.routing_group in self.groups(connector):
            extra = self.cost_to_group(connector, offer.group) if offer.group else 0
            if extra is None:
                return []
            carried = host.name in connector.bridgeheads
            return [Candidate(offer.cost + extra, 0 if carried else 1, connector.key, not carried, connector.key)]
        if connector.scope == "routing_group":
            return []
        found = [
            one for group in self.groups(connector) for one in self._over_links(host, connector, group, offer.cost)
        ]
        # Each carrier once: towards the routing group that is nearest over it.
        return list({one.carrier: one for one in sorted(found, reverse=True)}.values())

    def groups(self, connector: Connector) -> tuple[str, ...]:
        """The routing groups of its bridgeheads: on Postfix one, on Exchange there are connectors with several."""
        if connector.key not in self._groups:
            hosts = self.organisation.hosts
            self._groups[connector.key] = tuple(sorted({hosts[name].routing_group for name in connector.bridgeheads}))
        return self._groups[connector.key]

    def _nearest(self, host: Host, carrier: Connector) -> tuple[str, ...]:
        """The bridgeheads that mail is handed over to: where they stand in several groups, those of the nearest one."""
        groups = self.groups(carrier)
        if len(groups) == 1:
            return carrier.bridgeheads
        costs = self.path_costs(host.system).get(host.routing_group, {})
        known = {group: costs[group] for group in groups if group in costs}
        near = {group for group, cost in known.items() if cost == min(known.values())}
        return tuple(name for name in carrier.bridgeheads if self.organisation.hosts[name].routing_group in near)

    def cost_to_group(self, connector: Connector, target: str) -> int | None:
        """What the way to a reached group costs beyond the connector's *; None where it would not come nearer."""
        costs = self.path_costs(self.organisation.system(connector), with_star=True)
        here = costs[self.organisation.group(connector)].get(target)
        best: int | None = None
        for link in connector.connected_routing_groups:
            rest = costs.get(link.name, {}).get(target)
            # Only steps that come nearer to the group: no chain of hosts can then come back, whoever is down.
            if rest is not None and here is not None and rest < here:
                total = link.path_cost + rest
                best = total if best is None else min(best, total)
        return best

    def _over_links(self, host: Host, connector: Connector, group: str, cost: int) -> list[Candidate]:
        costs = self.path_costs(host.system)
        here = costs.get(host.routing_group, {}).get(group)
        best: dict[str, int] = {}
        for link in self.links:
            if link.source != host.routing_group or self._system(link) != host.system or here is None:
                continue
            rest = costs[link.target].get(group)
            if rest is not None and rest < here:
                total = link.cost + rest + cost
                best[link.connector] = min(total, best.get(link.connector, total))
        found = []
        for carrier, total in best.items():
            if not carrier:
                # Exchange brings the mail to the bridgeheads itself, over however many site links.
                found.append(Candidate(total, 2, connector.key, True, connector.key))
                continue
            handed_over = host.name not in self.organisation.connectors[carrier].bridgeheads
            found.append(Candidate(total, 2, connector.key, handed_over, carrier))
        return found

    def _foreign(self, host: Host, offers: Iterable[Offer]) -> str:
        for offer in offers:
            connector = self.organisation.connectors[offer.connector]
            if self.organisation.system(connector) == host.system or self._too_small(connector):
                continue
            group = self.organisation.group(connector)
            if group == host.routing_group:
                return connector.key
            reach = _distances(host.routing_group, [(link.source, link.target, 0) for link in self.links])
            if connector.scope == "organization" and group in reach:
                return connector.key
        return ""

    def _chain(self, host: Host, candidates: list[Candidate]) -> tuple[Element, ...]:
        """The failover chain. Hand-overs stand only before the first connector that the host carries; from there on only
        its own, so that two bridgeheads that back each other up never send mail in a circle."""
        elements: list[Element] = []
        used: set[str] = set()
        own = False
        for candidate in candidates:
            if candidate.carrier in used or (own and candidate.handed_over):
                continue
            used.add(candidate.carrier)
            carrier = self.organisation.connectors[candidate.carrier]
            if candidate.handed_over:
                elements.append(Element(candidate.connector, carrier.key, hosts=self._nearest(host, carrier)))
            else:
                own = True
                elements.append(Element(candidate.connector, carrier.key, carrier.smart_hosts))
            if host.system == "exchange":
                break
        return tuple(elements)

    # --- explaining ---

    def explain(self, host_name: str, domain: str) -> list[Considered]:
        """Each connector whose space matches, and why it was taken or lost; in the order of specificity, then of winning."""
        host = self.organisation.hosts[host_name]
        told: list[Considered] = []
        winner: Candidate | None = None
        taken = ""
        for pattern in patterns_for(domain):
            offers = self.offers.get(pattern, ())
            for offer in self._disabled.get(pattern, ()):
                told.append(Considered(offer.connector, str(pattern), offer.cost, "is disabled"))
            for offer in offers:
                reason = self.why_not(host, offer)
                if reason:
                    told.append(Considered(offer.connector, str(pattern), offer.cost, reason))
            candidates = self.candidates(host, offers)
            for candidate in candidates:
                why = taken or (_why_lost(candidate, winner) if winner else "wins")
                winner = winner or candidate
                told.append(Considered(candidate.connector, str(pattern), candidate.total, why))
            if candidates and not taken:
                taken = f"the narrower space {pattern} wins"
            foreign = "" if taken else self._foreign(host, offers)
            if foreign:
                taken = f"the narrower space {pattern} of {self.organisation.connectors[foreign].name} comes first"
        return told

    def successors(self, host_name: str, route: Route) -> tuple[str, ...]:
        """The known hosts that a route may lead to next, whoever is down."""
        found: list[str] = []
        for element in route.elements:
            found.extend(element.hosts)
            for next_hop in element.next_hops:
                known = self.organisation.host_behind(next_hop)
                if known:
                    found.append(known.name)
        return tuple(dict.fromkeys(found))


def star_cost(connector: Connector) -> int:
    for space in connector.address_spaces:
        if space.pattern.is_everything:
            return space.cost
    return 1


def _links(organisation: Organisation) -> Iterable[Link]:
    for site_link in organisation.site_links:
        for source, target in itertools.permutations(site_link.groups, 2):
            yield Link("", source, target, site_link.cost, 0)
    for key, connector in organisation.connectors.items():
        if not connector.enabled:
            continue
        if organisation.site_links and organisation.system(connector) == "exchange":
            continue
        for link in connector.connected_routing_groups:
            yield Link(key, organisation.group(connector), link.name, link.path_cost, star_cost(connector))


def _distances(start: str, edges: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    neighbours: dict[str, list[tuple[str, int]]] = {}
    for source, target, cost in edges:
        neighbours.setdefault(source, []).append((target, cost))
    known: dict[str, int] = {}
    queue: list[tuple[int, str]] = [(0, start)]
    while queue:
        cost, group = heapq.heappop(queue)
        if group in known:
            continue
        known[group] = cost
        for target, step in neighbours.get(group, []):
            heapq.heappush(queue, (cost + step, target))
    return known


def _why_lost(candidate: Candidate, winner: Candidate) -> str:
    if candidate.total != winner.total:
        return f"costs {candidate.total}, the winner {winner.total}"
    if candidate.rank != winner.rank:
        places = ("on this host", "in this routing group", "in another routing group")
        return f"costs the same, but is {places[candidate.rank]}, the winner {places[winner.rank]}"
    return "costs the same and is as near, but its name comes later"


def element_text(element: Element, connectors: Mapping[str, Connector]) -> str:
    """An element in words, with no detail that does not change where mail goes."""
    name = connectors[element.connector].name
    if element.carrier != element.connector:
        name += f" over {connectors[element.carrier].name}"
    if element.hosts:
        return f"{name} handed over to {', '.join(element.hosts)}"
    if element.by_mx:
        return f"{name} by DNS MX"
    return f"{name} via {', '.join(map(str, element.next_hops))}"


def route_text(route: Route, connectors: Mapping[str, Connector]) -> str:
    if not route.elements:
        return "no connector"
    return "; then ".join(element_text(element, connectors) for element in route.elements)
