# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every mistake in an organisation's lists that shows without a look at any host. Pure.

PRIVATE to this collection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    Organisation,
    merge,
    read_hosts,
    read_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import (
    accepted_domains,
    receive_task,
    send_task,
    site_links,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import compile as postfix_compile


@dataclass(frozen=True)
class Lists:
    """What a playbook has for the whole organisation, as it was written. None: left alone."""

    connectors: Any
    hosts: Any = None
    routing_groups: Any = None
    receive_connectors: Any = None
    accepted_domains: Any = None
    site_links: Any = None
    set: str = "default"
    purge: bool = False


def problems_of(lists: Lists) -> list[str]:
    """Each mistake once, with its remedy; none of them holds a secret."""
    problems = Problems()
    wanted = read_connectors(lists.connectors, problems)
    hosts = read_hosts(lists.hosts, problems)
    groups = read_routing_groups(lists.routing_groups, problems)
    if problems.found:
        return _told(problems)
    system = "exchange" if hosts and all(host.system == "exchange" for host in hosts.values()) else "postfix"
    connectors = {item.connector.key: item.connector for item in wanted if not item.absent}
    organisation = merge([ConnectorSet(lists.set, connectors, hosts, groups)], problems, system)
    if not problems.found:
        check_routes(organisation, problems)
    if any(host.system == "exchange" for host in organisation.hosts.values()):
        _check_exchange(lists, problems)
    else:
        _check_that_nothing_is_dropped(lists, problems)
    return _told(problems)


def check_routes(organisation: Organisation, problems: Problems) -> None:
    """The rules for routes, and those of Postfix for its connectors. What Exchange's site links decide is not known here."""
    router = Router(organisation)
    postfix_compile.check_organisation(router, problems)
    if problems.found:
        return
    for name, host in sorted(organisation.hosts.items()):
        if host.system == "postfix":
            journey.check_foreign(router, name, problems)


def _check_exchange(lists: Lists, problems: Problems) -> None:
    send = send_task.Request(lists.connectors, lists.hosts, lists.routing_groups, lists.set, lists.purge)
    checks: list[Callable[[], Any]] = [
        lambda: send_task.SendConnectors(send),
        lambda: receive_task.ReceiveConnectors(
            receive_task.Request(lists.receive_connectors or [], lists.hosts, lists.set, lists.purge)
        ),
        lambda: accepted_domains.AcceptedDomains(
            accepted_domains.Request(lists.accepted_domains or [], lists.connectors, lists.hosts, lists.routing_groups)
        ),
        lambda: site_links.SiteLinks(lists.site_links or []),
    ]
    for check in checks:
        try:
            check()
        except ConnectorError as error:
            problems.found.extend(one for one in error.problems if one not in problems.found)


def _check_that_nothing_is_dropped(lists: Lists, problems: Problems) -> None:
    for field in ("receive_connectors", "accepted_domains", "site_links"):
        if getattr(lists, field):
            remedy = "add the Exchange servers to the inventory, or leave the list out"
            problems.add("", field, None, "is given, but no host of the organisation is an Exchange server", remedy)


def _told(problems: Problems) -> list[str]:
    return list(dict.fromkeys(map(str, problems.found)))
