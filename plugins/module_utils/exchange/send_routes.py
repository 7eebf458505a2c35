# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes before objects: which mail takes another way from which Exchange server, and what is wrong with the new ways. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..connector import journey
from ..connector.address_space import AddressSpace, Pattern
from ..connector.errors import Problem, Problems, connector_place
from ..connector.model import Connector
from ..connector.plan import RouteChange
from ..connector.routing import Route, Router, route_text
from ..connector.topology import Host, Organisation


def alike(hosts: Sequence[str], organisations: Sequence[Organisation]) -> dict[str, str]:
    """Host -> the first host that has the same routes: one routing group, and the same connectors of its own."""
    carried: dict[str, set[tuple[int, str]]] = {name: set() for name in hosts}
    for place, organisation in enumerate(organisations):
        for key, connector in organisation.connectors.items():
            for name in connector.bridgeheads:
                if name in carried:
                    carried[name].add((place, key))
    known = organisations[0].hosts
    first: dict[tuple[object, ...], str] = {}
    made = {}
    for name in hosts:
        host = known[name]
        signature = (host.routing_group, host.local_domains, frozenset(carried[name]))
        made[name] = first.setdefault(signature, name)
    return made


def changes(before: Router, after: Router, hosts: Mapping[str, str]) -> list[RouteChange]:
    """hosts: as alike() gives them. Sorted by host and space; d and what is below it together are *.d."""
    spaces = sorted({*before.offers, *after.offers})
    of_host: dict[str, list[RouteChange]] = {}
    for name, same in hosts.items():
        if same not in of_host:
            of_host[same] = [*_changes_from(same, before, after, spaces)]
        if same != name:
            of_host[name] = [change.__class__(name, *_parts(change)) for change in of_host[same]]
    return [change for name in hosts for change in of_host[name]]


def _parts(change: RouteChange) -> tuple[str, str, str, bool]:
    return change.address_space, change.before, change.after, change.unserved


def _changes_from(host: str, before: Router, after: Router, spaces: Iterable[Pattern]) -> Iterable[RouteChange]:
    domains: dict[str, list[Pattern]] = {}
    for space in spaces:
        domains.setdefault(space.domain, []).append(space)
    for domain, patterns in sorted(domains.items()):
        below = Pattern(domain, True)
        found = []
        if not below.is_everything:
            found.append(_change(host, domain, before.route(host, domain), after.route(host, domain), before, after))
        if below in patterns:
            old, new = before.route_below(host, below), after.route_below(host, below)
            found.append(_change(host, str(below), old, new, before, after))
        told = [change for change in found if change is not None]
        if len(told) == 2 and _parts(told[0])[1:] == _parts(told[1])[1:]:
            told = told[1:]
        yield from told


def _change(host: str, space: str, old: Route, new: Route, before: Router, after: Router) -> RouteChange | None:
    old_text = _text(old, before.organisation.connectors)
    new_text = _text(new, after.organisation.connectors)
    if old_text == new_text:
        return None
    return RouteChange(host, space, old_text, new_text, bool(old.elements) and not new.elements)


def _text(route: Route, connectors: Mapping[str, Connector]) -> str:
    return (
        f"no connector: {connectors[route.foreign].name} is of the other system"
        if route.foreign
        else route_text(route, connectors)
    )


def count(router: Router, hosts: Collection[str]) -> int:
    """How many routes there are: what large_change is measured with."""
    return len(router.offers) * len(hosts)


# --- what is wrong with the new ways ---------------------------------------------------------------------------------


def check(
    before: Router, after: Router, linked: Router, hosts: Iterable[str], problems: Problems, warnings: list[str]
) -> None:
    """Loops are refused where this list makes them, and told where they were there before. Ways into the other system only
    come from this list. linked: what will be, with the routing groups that the list connects."""
    old, new = Problems(), Problems()
    for router, found in ((before, old), (after, new)):
        journey.check_loops(router, found)
    told = {_kind(problem) for problem in old.found}
    for problem in new.found:
        if _kind(problem) in told:
            warnings.append(str(problem))
        else:
            problems.found.append(problem)
    _check_foreign(linked, sorted(set(hosts)), problems)


def _check_foreign(after: Router, hosts: Sequence[str], problems: Problems) -> None:
    """Each is told once, with a connector for the whole site: the others reach that one over the site links."""
    found = Problems()
    for host in hosts:
        group = after.organisation.hosts[host].routing_group
        members = [one.name for one in after.organisation.hosts.values() if one.system == "exchange"]
        near = [name for name in sorted(members) if after.organisation.hosts[name].routing_group == group]
        journey.check_foreign(after, host, found, near)
    told: set[str] = set()
    for problem in found.found:
        if problem.where not in told:
            told.add(problem.where)
            problems.found.append(problem)


def _kind(problem: Problem) -> tuple[str, str]:
    return problem.where, problem.value


def same_space(after: Organisation, listed: Collection[str]) -> list[str]:
    """Spaces that two enabled connectors hold at one cost, where one of them is of the list: which of the two wins."""
    holders: dict[AddressSpace, list[Connector]] = {}
    for connector in after.connectors.values():
        if connector.enabled and after.system(connector) == "exchange":
            for space in connector.address_spaces:
                holders.setdefault(space, []).append(connector)
    told = []
    for space, connectors in sorted(holders.items(), key=lambda pair: str(pair[0])):
        if len(connectors) < 2 or not any(one.key in listed for one in connectors):
            continue
        names = [one.name for one in sorted(connectors, key=lambda one: one.key)]
        told.append(
            f"The connectors {', '.join(names)} hold {space} at the same cost: the nearest one wins (on the server itself, in "
            f'its routing group, elsewhere), and where all are as near the first by name, "{names[0]}"'
        )
    return told


def spread(after: Organisation, listed: Collection[str], hosts: Mapping[str, Host]) -> list[str]:
    """Connectors whose source servers are in several sites (event 5026)."""
    told = []
    for key in sorted(listed):
        connector = after.connectors.get(key)
        groups = (
            sorted({hosts[name].routing_group for name in connector.bridgeheads if name in hosts}) if connector else []
        )
        if connector and len(groups) > 1:
            told.append(
                f"The bridgeheads of {connector_place(connector.name)} are in several routing groups ({', '.join(groups)}): "
                "Exchange does not balance mail over them"
            )
    return told
