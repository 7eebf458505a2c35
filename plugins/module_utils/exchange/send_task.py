# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send connectors from a list: what is read, what is decided, and how the read-back is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..connector import values as plain
from ..connector.address_space import AddressSpace, Pattern
from ..connector.errors import Problems, ValueProblem, connector_place
from ..connector.model import Connector, read_connectors, relay_warnings, show
from ..connector.plan import Plan, unsafe
from ..connector.routing import Router
from ..connector.topology import ConnectorSet, Host, Organisation, read_hosts, read_routing_groups
from . import order, send_routes, send_rules, servers, site_links, values
from .calls import Call
from .send_connector import Found, read
from .send_organisation import Carried, Surroundings, carry
from .send_plan import Item, differences, plan_items
from .send_writes import READ, write
from .servers import Servers
from .task import Answers, Object, Planned, Session

READ_ACCEPTED_DOMAINS = Call(
    "Get-AcceptedDomain", properties=("Name", "DomainName", "DomainType", "Default", "OriginatingServer")
)
READ_SIZES = Call("Get-TransportConfig", properties=("MaxSendSize", "OriginatingServer"), optional=True)


@dataclass(frozen=True)
class Request:
    """What the task asks for, as it was given."""

    connectors: Any
    hosts: Any = None
    routing_groups: Any = None
    set: str = "default"
    purge: bool = False
    site_links: Any = None


class SendConnectors:
    """The backend of exchange_send_connectors."""

    def __init__(self, request: Request) -> None:
        """Raises ConnectorError with every mistake that shows without a look at Exchange."""
        problems = Problems()
        self.set = request.set
        self.purge = request.purge
        self.wanted = read_connectors(request.connectors, problems)
        self.declared = read_hosts(request.hosts, problems)
        self.routing_groups = read_routing_groups(request.routing_groups, problems)
        self.site_links = site_links.read_list(request.site_links, problems)
        for item in self.wanted:
            if not item.absent and self._may_be_exchange(item.connector):
                send_rules.normal(item.connector, problems)
                send_rules.check_reset(item.reset, connector_place(item.connector.name), problems)
        problems.raise_if_any()

    def _may_be_exchange(self, connector: Connector) -> bool:
        systems = {self.declared[name].system for name in connector.bridgeheads if name in self.declared}
        return "postfix" not in systems

    def reads(self) -> list[Call]:
        return [servers.READ_SERVERS, READ, READ_ACCEPTED_DOMAINS, servers.READ_SITE_LINKS, READ_SIZES]

    def plan(self, answers: Answers, session: Session) -> Planned:
        problems = Problems()
        warnings: list[str] = []
        links = site_links.with_costs(answers[3], self.site_links)
        around = surroundings(answers[0], answers[2], links, self.declared, session, warnings, problems)
        around = replace(around, routing_groups=self.routing_groups)
        problems.raise_if_any()
        carried = carry(self.wanted, around, problems)
        problems.raise_if_any()
        found = [read(one, around.servers) for one in answers[1]]
        items = plan_items(carried.on_exchange, found, self.set, self.purge, problems, warnings)
        problems.raise_if_any()
        before, after = _organisations(found, items, carried, around)
        self._check_spaces_of_sets(found, items, problems)
        routers = Router(before), Router(after)
        same = send_routes.alike(around.exchange_hosts, (before, after))
        send_routes.check(*routers, Router(carried.linked(after)), same.values(), problems, warnings)
        problems.raise_if_any()
        return self._planned(items, found, carried, around, (before, after), routers, same, answers, warnings)

    def _check_spaces_of_sets(self, found: Sequence[Found], items: Sequence[Item], problems: Problems) -> None:
        claimed = {
            _place(space): one
            for one in found
            if one.owner not in ("", self.set)
            for space in one.connector.address_spaces
        }
        for item in items:
            for space in item.new.address_spaces if item.new else ():
                other = claimed.get(_place(space))
                if other:
                    problem = f'is claimed by the sets "{other.owner}" ({other.connector.name}) and "{self.set}"'
                    remedy = "keep it in one of the two sets"
                    problems.add(connector_place(item.name), "address_spaces", str(space.pattern), problem, remedy)

    def _planned(
        self,
        items: Sequence[Item],
        found: Sequence[Found],
        carried: Carried,
        around: Surroundings,
        organisations: tuple[Organisation, Organisation],
        routers: tuple[Router, Router],
        same: Mapping[str, str],
        answers: Answers,
        warnings: list[str],
    ) -> Planned:
        before, after = organisations
        acting = [item for item in items if item.action]
        works = [order.Work(item.old, item.new, item.password or _lacks_mark(item, self.set)) for item in acting]
        steps, told = order.arrange(before, after, works, sorted(set(same.values())))
        writes = write(acting, steps, around.servers, self.set)
        offers = _offers(after)
        changes = [item.change(self._notes(item, carried, offers)) for item in acting]
        routes_changed = send_routes.changes(*routers, same)
        own = {one.connector.key: one.connector for one in found if one.owner == self.set}
        plan = Plan(tuple(changes), ConnectorSet(self.set), len(own))
        listed = {item.new.key for item in items if item.new}
        warnings += [
            *told,
            *send_routes.same_space(after, listed),
            *send_routes.spread(after, listed, around.hosts),
            *_unreadable(found, listed),
            *_missing_domains(carried, answers[2]),
            *_sizes(after, listed, answers[4]),
            *(text for item in items if item.new for text in send_rules.unused_certificates(item.new)),
            *(text for item in self.wanted for text in relay_warnings(item.connector)),
        ]
        adopted = {item.before.connector.key for item in acting if item.before and item.action == "adopt"}
        return Planned(
            plan=[change.plain() for change in changes],
            writes=writes.calls,
            read_back=[READ],
            check=lambda read_back: self._differences(acting, read_back, around.servers),
            secrets=writes.secrets,
            unmanaged=sorted(one.connector.name for one in found if not one.owner and one.connector.key not in adopted),
            routes_changed=[change.plain() for change in routes_changed],
            unsafe=[one.plain() for one in unsafe(plan, routes_changed, send_routes.count(routers[0], same))],
            warnings=list(dict.fromkeys(warnings)),
            diff=_diff(items, own),
        )

    def _notes(self, item: Item, carried: Carried, after: Mapping[Place, Sequence[tuple[int, str]]]) -> list[str]:
        if item.new is None:
            return []
        notes = list(carried.notes.get(item.new.key, ()))
        for space in item.new.address_spaces:
            dearer = sorted(name for cost, name in after[_place(space)] if cost > space.cost and name != item.new.name)
            if dearer:
                notes.append(
                    f"Mail for {space.pattern} waits on this connector while its smart hosts are down; "
                    f"{', '.join(dearer)} takes it only while this one is disabled, or too small for the message "
                    "(on Postfix it would take over at once)"
                )
        return notes

    def _differences(self, items: Sequence[Item], read_back: Answers, known: Servers) -> list[str]:
        after = {one.connector.key: one for one in (read(found, known) for found in read_back[0])}
        told = []
        for item in items:
            told += differences(item, after.get(item.name.lower()), self.set)
        return told


def surroundings(
    listed: Sequence[Object],
    accepted_domains: Sequence[Object],
    site_links: Sequence[Object],
    declared: Mapping[str, Host],
    session: Session,
    warnings: list[str],
    problems: Problems,
) -> Surroundings:
    """The servers, and who they are in the inventory; with the domains that Exchange delivers itself."""
    known = servers.read_servers(listed, declared, session.edge, session.server)
    servers.check_declared(declared, known, problems)
    groups = servers.groups_of_sites(known, declared, warnings)
    hosts = servers.hosts_of(known, declared, groups)
    local = {
        str(one.get("DomainName")).lower()
        for one in accepted_domains
        if str(one.get("DomainType")).lower() == "authoritative" and "*" not in str(one.get("DomainName"))
    }
    for name, host in hosts.items():
        if host.system == "exchange":
            hosts[name] = replace(host, local_domains=tuple(sorted({*host.local_domains, *local})))
    return Surroundings(known, hosts, {}, servers.read_site_links(site_links, groups))


def _organisations(
    found: Sequence[Found], items: Sequence[Item], carried: Carried, around: Surroundings
) -> tuple[Organisation, Organisation]:
    """What takes mail now and what will, connectors of other sets and of nobody included."""
    there = {one.connector.key: one.connector for one in found}
    wanted = dict(there)
    for item in items:
        if item.old:
            wanted.pop(item.old.key, None)
    wanted.update({item.new.key: item.new for item in items if item.new})
    others = carried.elsewhere
    before = around.organisation([*(one for key, one in others.items() if key not in there), *there.values()])
    after = around.organisation([*(one for key, one in others.items() if key not in wanted), *wanted.values()])
    # Both are asked about the same hosts.
    hosts = {**after.hosts, **before.hosts}
    return replace(before, hosts=hosts), replace(after, hosts=hosts)


Place = tuple[str, Pattern, str]


def _place(space: AddressSpace) -> Place:
    return space.type, space.pattern, space.native


def _offers(organisation: Organisation) -> dict[Place, list[tuple[int, str]]]:
    """For each address space the costs at which connectors of Exchange hold it, with their names."""
    found: dict[Place, list[tuple[int, str]]] = {}
    for one in organisation.connectors.values():
        if organisation.system(one) == "exchange":
            for space in one.address_spaces:
                found.setdefault(_place(space), []).append((space.cost, one.name))
    return found


def _lacks_mark(item: Item, set_name: str) -> bool:
    return item.before is not None and item.new is not None and item.before.owner != set_name


def _diff(items: Sequence[Item], own: Mapping[str, Connector]) -> dict[str, Any]:
    """The set's connectors before and after, in the vocabulary."""
    before = dict(own)
    for item in items:
        if item.old and item.action == "adopt":
            before[item.old.key] = item.old
    after = dict(before)
    for item in items:
        if item.old:
            after.pop(item.old.key, None)
    after.update({item.new.key: item.new for item in items if item.new})
    return {
        "before": [show(before[key]) for key in sorted(before)],
        "after": [show(after[key]) for key in sorted(after)],
    }


# --- warnings --------------------------------------------------------------------------------------------------------


def _unreadable(found: Sequence[Found], listed: set[str]) -> list[str]:
    return [
        f"{connector_place(one.connector.name)} has settings that could not be read: {'; '.join(one.unreadable)}"
        for one in found
        if one.unreadable and one.connector.key in listed
    ]


def _missing_domains(carried: Carried, accepted_domains: Sequence[Object]) -> list[str]:
    """Exchange takes mail for a domain from outside only where it is an accepted domain."""
    known = {str(one.get("DomainName")).lower() for one in accepted_domains}
    told = []
    for name, patterns in sorted(carried.relayed.items()):
        needed = [
            form
            for pattern in patterns
            for form in ((pattern.domain, str(pattern)) if pattern.subdomains else (pattern.domain,))
        ]
        missing = sorted({form for form in needed if form not in known})
        if missing:
            told.append(
                f"{connector_place(name)} relays to {', '.join(missing)}, which Exchange does not accept mail for yet: give the "
                "same list to exchange_accepted_domains"
            )
    return told


def _sizes(after: Organisation, listed: set[str], configuration: Sequence[Object]) -> list[str]:
    """A connector that takes less than the organisation lets people send returns mail where nothing else takes it."""
    try:
        limit = (
            values.read_size(configuration[0].get("MaxSendSize") or "unlimited") if configuration else plain.UNLIMITED
        )
    except ValueProblem:
        return []
    small = [
        connector.name
        for key, connector in sorted(after.connectors.items())
        if key in listed and connector.max_message_size != plain.UNLIMITED and connector.max_message_size < limit
    ]
    if not small or limit == plain.UNLIMITED:
        return []
    return [f"{', '.join(small)} take less than the organisation's MaxSendSize of {plain.show_size(limit)}"]
