# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One list for a whole organisation, from what was found on its hosts. With it, mail takes the ways that it takes now. Pure.

A list lets hosts hand over to each other, which hosts that were set up one by one do not do. So the hosts are first taken as
they are declared; where that would change a route, hosts with different findings become routing groups of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import journey
from .address_space import Pattern
from .errors import Problems
from .model import Connector, read_connectors, show
from .routing import Route, Router, route_text
from .topology import (
    ConnectorSet,
    Host,
    Organisation,
    RoutingGroup,
    merge,
    read_hosts,
    read_routing_groups,
    show_host_fields,
    show_routing_groups,
)

POSTFIX_GROUP = "postfix"
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Findings:
    """What was found. kept: connectors that a store holds already; hand_made: by the Postfix host that has them."""

    hosts: Mapping[str, Host]
    servers: Mapping[str, Host]
    kept: Mapping[str, Connector]
    hand_made: Mapping[str, tuple[Connector, ...]]
    exchange: tuple[Connector, ...]
    routing_groups: Mapping[str, RoutingGroup]


@dataclass(frozen=True)
class Gathered:
    """The list. hosts is None where the inventory says who is who well enough."""

    connectors: list[dict[str, Any]]
    hosts: dict[str, Any] | None
    routing_groups: list[dict[str, Any]]
    notes: list[str]


def gather(there: Mapping[str, Any], hosts: Any, exchange: str = "", set_name: str = "default") -> Gathered:
    """there: for each host what postfix_connectors_info or exchange_connectors_info returned, or null. exchange: the host
    that the Exchange organisation was asked on. Raises ConnectorError."""
    problems = Problems()
    findings = read_findings(there, hosts, exchange, set_name, problems)
    problems.raise_if_any()
    best: tuple[dict[str, Host], dict[str, Connector], list[str]] | None = None
    for arrange in (_as_declared, _apart, _by_finding):
        arranged = arrange(findings)
        connectors = _together(findings, arranged)
        differences = list(_differences(findings, arranged, connectors))
        if best is None or len(differences) < len(best[2]):
            best = arranged, connectors, differences
        if not differences:
            break
    arranged, connectors, differences = best or ({}, {}, [])
    return Gathered(
        connectors=[show(connectors[key]) for key in sorted(connectors)],
        hosts=None if arranged == findings.hosts else _shown(arranged),
        routing_groups=show_routing_groups(findings.routing_groups.values()),
        notes=differences,
    )


def _shown(hosts: Mapping[str, Host]) -> dict[str, Any]:
    return {name: {"system": hosts[name].system, **show_host_fields(hosts[name])} for name in sorted(hosts)}


def read_findings(there: Mapping[str, Any], hosts: Any, exchange: str, set_name: str, problems: Problems) -> Findings:
    known = read_hosts(hosts, problems)
    kept: dict[str, Connector] = {}
    hand_made: dict[str, tuple[Connector, ...]] = {}
    groups: dict[str, RoutingGroup] = {}
    on_exchange: tuple[Connector, ...] = ()
    servers: dict[str, Host] = {}
    for name, info in sorted(there.items()):
        if not info:
            continue
        if name == exchange:
            on_exchange = (*_read(info.get("connectors"), problems), *_read(info.get("unmanaged"), problems))
            servers = read_hosts(info.get("hosts"), problems)
            continue
        own = (info.get("sets") or {}).get(set_name) or {}
        kept.update({one.key: one for one in _read(own.get("connectors"), problems)})
        groups.update(read_routing_groups(own.get("routing_groups"), problems))
        hand_made[name.lower()] = tuple(_read(info.get("hand_made"), problems))
    for key in {one.key for one in on_exchange} & set(kept):
        del kept[key]
    return Findings(known, servers, kept, hand_made, on_exchange, groups)


def _read(raw: Any, problems: Problems) -> Iterator[Connector]:
    for item in read_connectors(raw or [], problems):
        yield item.connector


# --- who is who ------------------------------------------------------------------------------------------------------


def _as_declared(findings: Findings) -> dict[str, Host]:
    """As in the inventory, with the Exchange servers that it lacks and that carry connectors."""
    carrying = {name for one in findings.exchange for name in one.bridgeheads}
    missing = {name: host for name, host in findings.servers.items() if name in carrying - set(findings.hosts)}
    return {**findings.hosts, **missing}


def _apart(findings: Findings) -> dict[str, Host]:
    """Exchange's servers in the groups that Exchange itself has them in, Postfix's hosts in one of their own."""
    made = {}
    for name, host in _as_declared(findings).items():
        if host.system == "postfix":
            made[name] = replace(host, routing_group=POSTFIX_GROUP)
        else:
            server = findings.servers.get(name)
            made[name] = replace(host, routing_group=server.routing_group) if server else host
    return made


def _by_finding(findings: Findings) -> dict[str, Host]:
    """Postfix hosts are one group where the same was found on them."""
    made = _apart(findings)
    group_of: dict[frozenset[Connector], str] = {}
    for name in sorted(findings.hand_made):
        content = frozenset(map(_content, findings.hand_made[name]))
        group = group_of.setdefault(content, name)
        if name in made:
            made[name] = replace(made[name], routing_group=group)
    return made


# --- one list --------------------------------------------------------------------------------------------------------


def _content(connector: Connector) -> Connector:
    """What a connector does, whoever does it and whatever it is called."""
    return replace(connector, name="", bridgeheads=(), comment="")


def _together(findings: Findings, hosts: Mapping[str, Host]) -> dict[str, Connector]:
    """The same connector on hosts of one group is one connector with several bridgeheads."""
    made = {**findings.kept, **{one.key: one for one in findings.exchange}}
    found: dict[tuple[Connector, str], list[str]] = {}
    names: dict[tuple[Connector, str], str] = {}
    for host, connectors in sorted(findings.hand_made.items()):
        group = hosts[host].routing_group if host in hosts else ""
        for one in connectors:
            place = (_content(one), group)
            found.setdefault(place, []).append(host)
            names.setdefault(place, one.name)
    for place, bridgeheads in found.items():
        name = _free(names[place], bridgeheads[0], made)
        made[name.lower()] = replace(place[0], name=name, bridgeheads=tuple(bridgeheads))
    return made


def _free(name: str, host: str, taken: Mapping[str, Connector]) -> str:
    if name.lower() not in taken:
        return name
    short = host.partition(".")[0]
    base = f"{name[: _LONGEST_NAME - 4 - len(short)]}-{short}"
    tried, number = base, 1
    while tried.lower() in taken:
        number += 1
        tried = f"{base}-{number}"
    return tried


# --- does mail take the same ways ------------------------------------------------------------------------------------


def _differences(findings: Findings, hosts: Mapping[str, Host], connectors: Mapping[str, Connector]) -> Iterator[str]:
    """What is wrong with the list, and every class of addresses that would take another way from some host."""
    problems = Problems()
    organisation = _organisation(findings, hosts, connectors, problems)
    if problems.found:
        yield from map(str, problems.found)
        return
    together = Router(organisation)
    for name, host in sorted(organisation.hosts.items()):
        own: Iterable[Connector]
        if host.system == "exchange":
            own = findings.exchange
        elif name in findings.hand_made:
            own = (*findings.kept.values(), *findings.hand_made[name])
        else:
            continue
        alone = Router(_organisation(findings, hosts, {one.key: one for one in own}, Problems()))
        yield from _of_host(name, alone, together)
    journey.check_loops(together, problems)
    yield from map(str, problems.found)


def _organisation(
    findings: Findings, hosts: Mapping[str, Host], connectors: Mapping[str, Connector], problems: Problems
) -> Organisation:
    return merge([ConnectorSet("default", connectors, hosts, findings.routing_groups)], problems, "postfix")


def _of_host(host: str, alone: Router, together: Router) -> Iterator[str]:
    asked: dict[tuple[Pattern, str | None], None] = dict.fromkeys((*journey.keys(alone), *journey.keys(together)))
    for pattern, domain in asked:
        before, after = (journey.route_of(router, host, pattern, domain) for router in (alone, together))
        if _way(alone, before) != _way(together, after):
            old = route_text(before, alone.organisation.connectors)
            new = route_text(after, together.organisation.connectors)
            if after.foreign:
                new = f"no way, because {after.foreign} of the other system would win"
            yield f"Mail for {domain or pattern} from {host} takes another way with this list: {new}; now: {old}."


def _way(router: Router, route: Route) -> tuple[Any, ...]:
    connectors = router.organisation.connectors
    elements = tuple((_content(connectors[one.carrier]), one.hosts) for one in route.elements)
    return (elements, bool(route.foreign))
