# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of a host by its transport keys, and whose mail comes to which known host: what that one has to accept. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from .address_space import DEFAULT_ROUTE, Pattern
from .routing import Route, Router


@functools.lru_cache(maxsize=64)
def routes(router: Router, host: str) -> tuple[tuple[str, Route], ...]:
    """The transport keys of a host with their routes: d, .d, and * for the default route; sorted by key."""
    found: dict[str, Route] = {}
    for pattern in router.offers:
        if pattern.is_everything:
            route = router.route_below(host, DEFAULT_ROUTE)
            if route.elements:
                found["*"] = route
            continue
        if not router.is_local(host, pattern.domain):
            _keep(found, pattern.domain, router.route(host, pattern.domain), pattern)
        if pattern.subdomains:
            _keep(found, "." + pattern.domain, router.route_below(host, pattern), pattern)
    return tuple(sorted(found.items()))


def _keep(found: dict[str, Route], key: str, route: Route, pattern: Pattern) -> None:
    # Where the space itself is out of scope here, a wider one takes the mail, and Postfix finds that one by itself.
    if route.elements and route.pattern is not None and route.pattern.domain == pattern.domain:
        found[key] = route


@functools.lru_cache(maxsize=64)
def expected(router: Router) -> frozenset[tuple[str, str]]:
    """(sender, receiver): the sender's routes, or its own connectors, lead to the receiver, another known host."""
    found = {*_declared(router), *_handed_over(router)}
    return frozenset(pair for pair in found if pair[0] != pair[1])


def _declared(router: Router) -> Iterable[tuple[str, str]]:
    organisation = router.organisation
    for connector in organisation.connectors.values():
        for next_hop in connector.smart_hosts if connector.enabled else ():
            known = organisation.host_behind(next_hop)
            if known:
                yield from ((name, known.name) for name in connector.bridgeheads)


def _handed_over(router: Router) -> Iterable[tuple[str, str]]:
    for host in router.organisation.hosts:
        for chain in dict.fromkeys(route.elements for _key, route in routes(router, host)):
            for element in chain:
                yield from ((host, name) for name in element.hosts)
