# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following mail from host to host: where it ends when some hosts are down, and whether it could ever come back."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from .address_space import Pattern, patterns_for, wider
from .errors import Problems, connector_place
from .model import Connector
from .routing import Element, Offer, Route, Router
from .topology import Host
from .vocabulary import SmartHost, show_smart_host


class Step(NamedTuple):
    host: str
    connector: str
    """The connector taken, empty where the journey ends here."""
    next_hop: str
    """Where the mail goes: a known host's name, a smart host, or 'DNS MX'."""


class Journey(NamedTuple):
    """outcome: smart_host, mx, local, waits (the next hop is down, nothing is lost), no_route, foreign, loop."""

    steps: tuple[Step, ...]
    outcome: str

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(step.host for step in self.steps)


def follow(router: Router, host: str, domain: str, down: Collection[str] = ()) -> Journey:
    """The way of mail for a domain, from a host, while the hosts or smart hosts named in down do not answer."""
    steps: list[Step] = []
    while True:
        if host in [step.host for step in steps]:
            return Journey((*steps, Step(host, "", "")), "loop")
        known = router.organisation.hosts[host]
        if router.is_local(host, domain):
            return Journey((*steps, Step(host, "", "")), "local")
        route = router.route(host, domain)
        if not route.elements:
            return Journey((*steps, Step(host, "", "")), "foreign" if route.foreign else "no_route")
        element, target = _first_alive(router, known, route, down)
        if element is None:
            return Journey((*steps, Step(host, route.elements[0].connector, "")), "waits")
        if isinstance(target, Host):
            steps.append(Step(host, element.connector, target.name))
            host = target.name
        elif target is None:
            return Journey((*steps, Step(host, element.connector, "DNS MX")), "mx")
        else:
            return Journey((*steps, Step(host, element.connector, str(target))), "smart_host")


def _first_alive(
    router: Router, host: Host, route: Route, down: Collection[str]
) -> tuple[Element | None, Host | SmartHost | None]:
    for element in route.elements:
        if element.by_mx:
            return element, None
        for name in element.hosts:
            if name not in down:
                return element, router.organisation.hosts[name]
        for next_hop in element.next_hops:
            known = router.organisation.host_behind(next_hop)
            if known and known.name in down:
                continue
            if not next_hop.names.intersection(down):
                return element, known or next_hop
    return None, None


def keys(router: Router) -> Iterable[tuple[Pattern, str | None]]:
    """One entry for every class of addresses: each space as its own domain (the name is given) and as what is below it."""
    domains = {domain for host in router.organisation.hosts.values() for domain in host.local_domains}
    for pattern in sorted(router.offers):
        if pattern.is_everything:
            yield pattern, None
            continue
        domains.add(pattern.domain)
        if pattern.subdomains:
            yield pattern, None
    for domain in sorted(domains):
        yield Pattern(domain, False), domain


def route_of(router: Router, host: str, pattern: Pattern, domain: str | None) -> Route:
    """The route of one class of addresses, as keys() gives it."""
    return router.route(host, domain) if domain else router.route_below(host, pattern)


def check_loops(router: Router, problems: Problems) -> None:
    """Refuses an organisation in which mail could come back to a host, whichever hosts are down.

    All links of every chain count, so what is accepted here has no loop for any set of hosts that are down.
    """
    checked: set[tuple[tuple[tuple[Offer, ...], ...], frozenset[str]]] = set()
    hosts = router.organisation.hosts
    for pattern, domain in keys(router):
        below = [Pattern(pattern.domain, True), *wider(pattern)] if not pattern.is_everything else [pattern]
        levels = router.levels(patterns_for(domain) if domain else below)
        local = frozenset(name for name in hosts if domain and router.is_local(name, domain))
        signature = (tuple(offers for _pattern, offers in levels), local)
        if signature in checked:
            continue
        checked.add(signature)

        def ask(host: str, pattern: Pattern = pattern, domain: str | None = domain) -> Route:
            return route_of(router, host, pattern, domain)

        circle = _circle(router, ask, local)
        if circle:
            first = next((element for element in ask(circle[0]).elements), None)
            name = router.organisation.connectors[first.connector].name if first else ""
            problems.add(
                connector_place(name),
                "smart_hosts",
                domain or str(pattern),
                "would send mail in a circle: " + " -> ".join(circle),
                "point the smart hosts out of the circle, or raise a cost so that one way wins on every host",
            )


def _circle(router: Router, ask: Callable[[str], Route], local: frozenset[str]) -> list[str]:
    finished: set[str] = set(local)

    def visit(host: str, path: list[str]) -> list[str]:
        if host in path:
            return [*path[path.index(host) :], host]
        if host in finished:
            return []
        for successor in router.successors(host, ask(host)):
            circle = visit(successor, [*path, host])
            if circle:
                return circle
        finished.add(host)
        return []

    for name in sorted(router.organisation.hosts):
        circle = visit(name, [])
        if circle:
            return circle
    return []


def check_reached_groups(router: Router, problems: Problems, only: Collection[str] | None = None) -> None:
    """* on a connector of scope routing_group needs to stand for something. only: these connectors, by their keys."""
    for key, connector in router.organisation.connectors.items():
        if only is not None and key not in only:
            continue
        if connector.takes_reached_groups and not router.expansion(connector):
            groups = ", ".join(link.name for link in connector.connected_routing_groups)
            problems.add(
                connector_place(connector.name),
                "address_spaces",
                "*",
                f"stands for the domains of the routing groups reached ({groups}), and none are known",
                "list their domains under routing_groups: [{name: ..., domains: [...]}]",
            )


def check_foreign(router: Router, host: str, problems: Problems, carriers: Sequence[str] = ()) -> None:
    """Between the two systems nothing is invented: the connector that leads over has to be declared.

    carriers: the hosts that could carry it, where these are more than the host itself.
    """
    led_over: dict[str, dict[Pattern, None]] = {}
    for pattern, domain in keys(router):
        if domain and router.is_local(host, domain):
            continue
        route = route_of(router, host, pattern, domain)
        if route.foreign and route.pattern is not None:
            led_over.setdefault(route.foreign, {})[route.pattern] = None
    system = router.organisation.hosts[host].system
    for key, patterns in led_over.items():
        other = router.organisation.connectors[key]
        problems.add(
            connector_place(other.name),
            "address_spaces",
            ", ".join(map(str, patterns)),
            f"would win on {host}, but belongs to the other system, and no connector of {system} has a space as narrow",
            f"declare one: {_leading_over(router, other, system, patterns, carriers or [host])}",
        )


def _leading_over(
    router: Router, other: Connector, system: str, patterns: Iterable[Pattern], carriers: Iterable[str]
) -> str:
    """The connector to declare, as YAML that can be taken as it stands."""
    suffix = f" from {system}"
    towards = [router.organisation.hosts[name].address for name in other.bridgeheads]
    shown = [str(show_smart_host(address.smart_host)) for address in towards if address]
    fields = {
        "name": other.name[: 64 - len(suffix)] + suffix,
        "address_spaces": [str(pattern) for pattern in patterns],
        "smart_hosts": shown or [f"ADDRESS-OF-{other.bridgeheads[0]}"],
        "bridgeheads": list(carriers),
    }
    return "{" + ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()) + "}"


def same_route(first: Route, second: Route) -> bool:
    """Whether mail takes the same way: the costs may differ."""
    return first.elements == second.elements
