# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether mail takes the declared ways, going by what Exchange reads back: all sets and what belongs to nobody. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .errors import Problems
from .journey import keys, route_of, same_route
from .model import Connector, Wanted, read_connectors
from .routing import Router, route_text
from .topology import ConnectorSet, Organisation, SiteLink, merge, read_hosts, read_routing_groups


def route_differences(raw: Any, info: Mapping[str, Any], routing_groups: Any = None) -> list[str]:
    """A sentence for every class of addresses whose mail takes another way from a server than the declared one.

    raw: the list. info: what exchange_connectors_info returned. Raises ConnectorError where one of them cannot be read.
    """
    problems = Problems()
    found = _by_key(_everything(info, problems))
    # Exchange is told of the whole organisation, and tells of it again.
    servers = {name: host for name, host in read_hosts(info.get("hosts"), problems).items() if host.system != "postfix"}
    wanted = [item for item in read_connectors(raw, problems) if not item.absent]
    problems.raise_if_any()
    here = [item for item in wanted if set(item.connector.bridgeheads) <= set(servers)]
    # Between groups of one Exchange organisation mail follows the site links, and no connector is made of the declaration.
    here = [item for item in here if item.connector.key in found or not item.connector.connects_groups]
    declared = {item.connector.key: item.laid_over(found.get(item.connector.key, item.connector)) for item in here}
    groups = read_routing_groups(routing_groups, problems)

    def router(connectors: Mapping[str, Connector]) -> Router:
        made = merge([ConnectorSet("default", connectors, servers, groups)], Problems(), "exchange")
        return Router(replace(made, site_links=_site_links(info, made)))

    by_list, read_back = router(declared), router(found)
    told = (sentence for host in sorted(servers) for sentence in _differences(by_list, read_back, host))
    return list(dict.fromkeys(told))


def _everything(info: Mapping[str, Any], problems: Problems) -> list[Wanted]:
    return [
        item
        for one in (*(info.get("sets") or {}).values(), info.get("unmanaged"))
        for item in read_connectors(one, problems)
    ]


def _by_key(items: Iterable[Wanted]) -> dict[str, Connector]:
    return {item.connector.key: item.connector for item in items}


def _site_links(info: Mapping[str, Any], organisation: Organisation) -> tuple[SiteLink, ...]:
    known = {host.routing_group for host in organisation.hosts.values()}
    return tuple(
        SiteLink(str(one["name"]), tuple(sites), int(one["cost"] or one["ad_cost"] or 1))
        for one in info.get("site_links") or ()
        if len(sites := [site for site in one["sites"] if site in known]) > 1
    )


def _differences(declared: Router, found: Router, host: str) -> Iterable[str]:
    for pattern, domain in keys(declared):
        wanted = route_of(declared, host, pattern, domain)
        actual = route_of(found, host, pattern, domain)
        if wanted.elements and not same_route(wanted, actual):
            yield (
                f"Mail for {domain or pattern} from {host} takes {route_text(wanted, declared.organisation.connectors)} by the "
                f"list, but {route_text(actual, found.organisation.connectors)} by what Exchange reads back."
            )
