# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One organisation of what Exchange has and what the list says: who carries what, and what is left to the site links. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..connector import journey
from ..connector.address_space import AddressSpace, Pattern
from ..connector.errors import Problems, connector_place
from ..connector.model import Connector, Wanted
from ..connector.routing import Router
from ..connector.topology import Host, Organisation, RoutingGroup, SiteLink, check_groups
from ..connector.vocabulary import GroupLink
from .servers import Servers, link_between


@dataclass(frozen=True)
class Surroundings:
    """What a connector stands in. hosts: all of them, of both systems, by inventory name."""

    servers: Servers
    hosts: Mapping[str, Host]
    routing_groups: Mapping[str, RoutingGroup] = field(default_factory=dict)
    site_links: tuple[SiteLink, ...] = ()

    def organisation(self, connectors: Iterable[Connector], set_of: Mapping[str, str] | None = None) -> Organisation:
        """Source servers that Exchange no longer lists are hosts too: their connectors still take mail."""
        known = {one.key: one for one in connectors if one.bridgeheads}
        hosts = dict(self.hosts)
        for one in known.values():
            for name in one.bridgeheads:
                hosts.setdefault(name, Host(name, "exchange"))
        return Organisation(hosts, self.routing_groups, known, dict(set_of or {}), True, self.site_links)

    @property
    def exchange_hosts(self) -> list[str]:
        return sorted(self.servers.inventory) if not self.servers.on_edge else [self.servers.here]


@dataclass
class Carried:
    """Who carries the list. on_exchange: in the form that send connectors have. elsewhere: connectors of Postfix.

    relayed: what is relayed to, by the connector's name. led_to: the routing groups of Postfix that a connector leads to, by its key.
    """

    on_exchange: list[Wanted] = field(default_factory=list)
    elsewhere: dict[str, Connector] = field(default_factory=dict)
    relayed: dict[str, tuple[Pattern, ...]] = field(default_factory=dict)
    led_to: dict[str, tuple[GroupLink, ...]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def linked(self, organisation: Organisation) -> Organisation:
        """With the routing groups that the list connects, of which a send connector holds no more than their domains."""
        known = organisation.connectors
        more = {
            key: replace(known[key], connected_routing_groups=to) for key, to in self.led_to.items() if key in known
        }
        return replace(organisation, connectors={**known, **more})


def carry(wanted: Sequence[Wanted], around: Surroundings, problems: Problems) -> Carried:
    """Sorts the list out; what is wrong with bridgeheads and routing groups are problems."""
    made = Carried()
    ours: list[Wanted] = []
    for item in wanted:
        if item.absent:
            made.on_exchange.append(item)
            continue
        known = _with_known_bridgeheads(item, around, problems)
        if known is None:
            continue
        systems = {around.hosts[name].system for name in known.connector.bridgeheads}
        if systems == {"postfix"}:
            made.elsewhere[known.connector.key] = known.connector
        elif around.servers.on_edge:
            _on_edge(known, around, ours)
        else:
            ours.append(known)
    connectors = [*made.elsewhere.values(), *(item.connector for item in ours)]
    whole = replace(around.organisation(connectors), site_links=())
    for item in ours:
        check_groups(whole, item.connector, problems)
    if problems.found:
        return made
    router = Router(whole)
    for item in ours:
        _realise(item, router, around, made, problems)
    made.on_exchange.sort(key=lambda item: item.connector.key)
    return made


def _with_known_bridgeheads(item: Wanted, around: Surroundings, problems: Problems) -> Wanted | None:
    """The bridgeheads by their inventory names; None where one of them is not known."""
    where = connector_place(item.connector.name)
    names = []
    for given in item.connector.bridgeheads:
        name = given if given in around.hosts else around.servers.find(given)
        if name is None:
            remedy = f"correct the name, or add it to hosts; Exchange has {', '.join(around.servers.names)}"
            problems.add(where, "bridgeheads", given, "is a server that nobody knows", remedy)
        else:
            names.append(name)
    if len(names) < len(item.connector.bridgeheads):
        return None
    systems = {around.hosts[name].system for name in names}
    if len(systems) > 1:
        remedy = "declare one connector for each system"
        problems.add(where, "bridgeheads", ", ".join(names), "belong to two systems", remedy)
        return None
    return replace(item, connector=replace(item.connector, bridgeheads=tuple(sorted(set(names)))))


def _on_edge(item: Wanted, around: Surroundings, ours: list[Wanted]) -> None:
    """An Edge server has connectors of its own, whoever else carries them."""
    if around.servers.here in item.connector.bridgeheads:
        ours.append(replace(item, connector=replace(item.connector, bridgeheads=(around.servers.here,))))


# --- connected routing groups ----------------------------------------------------------------------------------------


def _realise(item: Wanted, router: Router, around: Surroundings, made: Carried, problems: Problems) -> None:
    """Between groups of this Exchange organisation mail follows the site links; to other groups a connector leads."""
    connector = item.connector
    inner, outer = _links(connector, around)
    own = around.hosts[connector.bridgeheads[0]].routing_group
    for link in inner:
        _check_site_link(connector, own, link, around, problems)
    if inner and not outer:
        return
    given = set(item.given) - {"connected_routing_groups", "relay"}
    spaces = connector.address_spaces
    if connector.takes_reached_groups:
        spaces = _expanded(connector, _with_enabled(connector, router), problems)
        given.add("address_spaces")
        shown = ", ".join(map(str, spaces))
        made.notes[connector.key] = [f"The address spaces are the domains of the routing groups reached: {shown}"]
    if connector.relay:
        made.relayed[connector.name] = tuple(space.pattern for space in spaces if space.type == "SMTP")
    if outer and connector.enabled:
        made.led_to[connector.key] = tuple(outer)
    # What no parameter of a send connector holds is no part of it any more.
    plain = replace(connector, address_spaces=spaces, connected_routing_groups=(), relay=False)
    made.on_exchange.append(replace(item, connector=plain, given=frozenset(given)))


def _links(connector: Connector, around: Surroundings) -> tuple[list[GroupLink], list[GroupLink]]:
    groups = {host.routing_group for host in around.hosts.values() if host.system == "exchange"}
    groups.update(group for link in around.site_links for group in link.groups)
    inner = [link for link in connector.connected_routing_groups if link.name in groups]
    return inner, [link for link in connector.connected_routing_groups if link.name not in groups]


def _check_site_link(connector: Connector, own: str, link: GroupLink, around: Surroundings, problems: Problems) -> None:
    where = connector_place(connector.name)
    found = link_between(around.site_links, own, link.name)
    if found is None:
        remedy = "link the two sites in Active Directory Sites and Services, or name a group that is linked"
        problem = f"has no site link with {own}, and mail between Exchange servers follows site links"
        problems.add(where, "connected_routing_groups", link.name, problem, remedy)
    elif link.cost is not None and link.cost != found.cost:
        problem = f'is not the cost of the site link "{found.name}", which is {found.cost}'
        remedy = (
            f"leave the cost out, or set the link's with exchange_site_links: site_links: "
            f'[{{name: "{found.name}", cost: {link.cost}}}]'
        )
        problems.add(where, "connected_routing_groups", f"{link.name} at {link.cost}", problem, remedy)


def _with_enabled(connector: Connector, router: Router) -> Router:
    """A disabled connector leads nowhere, but Exchange wants address spaces of it: those that it will have once enabled."""
    if connector.enabled:
        return router
    whole = router.organisation
    return Router(replace(whole, connectors={**whole.connectors, connector.key: replace(connector, enabled=True)}))


def _expanded(connector: Connector, router: Router, problems: Problems) -> tuple[AddressSpace, ...]:
    """* as in the classic procedure: the domains of the groups reached, each at the cost of the way there."""
    journey.check_reached_groups(router, problems, (connector.key,))
    made = {space.pattern: space for space in connector.address_spaces if not space.pattern.is_everything}
    for pattern, offers in sorted(router.offers.items()):
        for offer in offers:
            if offer.connector != connector.key or not offer.group:
                continue
            extra = router.cost_to_group(connector, offer.group)
            if extra is None:
                continue
            # The space's own cost and that of the way there, as route selection adds them up.
            cost = offer.cost + extra
            if cost > 100:
                remedy = "lower the costs on the way to it"
                problem = f"costs {cost} over its routing group, and Exchange takes costs to 100"
                problems.add(connector_place(connector.name), "address_spaces", str(pattern), problem, remedy)
                cost = 100
            if pattern not in made or cost < made[pattern].cost:
                made[pattern] = AddressSpace(pattern, cost)
    return tuple(sorted(made.values()))
