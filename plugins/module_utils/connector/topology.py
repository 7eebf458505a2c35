# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is who in one organisation: its hosts, its routing groups, and the connectors of all its sets together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from . import values
from .address_space import PATTERN, Pattern
from .errors import Problems, ValueProblem, connector_place
from .model import Connector
from .vocabulary import (
    BRIDGEHEAD,
    DEFAULT_TLS,
    PORT,
    TLS,
    SmartHost,
    Tls,
    nearest,
    read_group_name,
    show_smart_host,
    split_port,
    text_kind,
)

SYSTEMS = ("exchange", "postfix")
ONLY_GROUP = "default"
"""The routing group of hosts that name none."""


class Address(NamedTuple):
    """Where a host takes mail from its peers. port is None where none was written (25 then)."""

    host: str
    port: int | None = None

    @property
    def smart_host(self) -> SmartHost:
        return SmartHost(self.host, self.port or 25)


def read_host_address(value: Any) -> Address:
    host, port = split_port(values.plain_text(value, "an address").strip())
    return Address(values.read_host(host, "an address"), PORT.read(port) if port else None)


def show_host_address(address: Address) -> str:
    return str(show_smart_host(address.smart_host))


@dataclass(frozen=True)
class Host:
    """A server of the organisation. name is the inventory name in lower case."""

    name: str
    system: str = ""
    address: Address | None = None
    routing_group: str = ONLY_GROUP
    server_name: str = ""
    networks: tuple[str, ...] = ()
    local_domains: tuple[str, ...] = ()
    tls: Tls = DEFAULT_TLS

    @property
    def sends_from(self) -> tuple[str, ...]:
        """The networks that mail of this host comes from; its own address where none are named."""
        if self.networks or self.address is None or not values.is_address(self.address.host):
            return self.networks
        return (values.read_network(self.address.host),)


HOST_FIELDS: Mapping[str, values.Kind[Any]] = {
    "system": values.choice(*SYSTEMS),
    "address": text_kind(read_host_address, "address", show=show_host_address),
    "routing_group": text_kind(read_group_name, "routing group"),
    "server_name": values.text(64, 1, "a server name"),
    "networks": values.list_of(values.NETWORK),
    "local_domains": values.list_of(values.DOMAIN),
    "tls": TLS,
}


@dataclass(frozen=True)
class RoutingGroup:
    name: str
    domains: tuple[Pattern, ...] = ()


GROUP_DOMAINS = values.list_of(PATTERN)


@dataclass(frozen=True)
class ConnectorSet:
    """One list with what stands beside it, all in normal form."""

    name: str
    connectors: Mapping[str, Connector] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    routing_groups: Mapping[str, RoutingGroup] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.connectors


def read_hosts(raw: Any, problems: Problems) -> dict[str, Host]:
    """hosts: {inventory name: {system, address, routing_group, server_name, networks, local_domains, tls}}."""
    hosts: dict[str, Host] = {}
    if raw is None:
        return hosts
    if not isinstance(raw, dict):
        problems.add("", "hosts", type(raw).__name__, "is not a dict", "write {inventory name: {system: postfix}}")
        return hosts
    for given, fields in raw.items():
        where = f"hosts.{given}"
        try:
            name = BRIDGEHEAD.read(given)
        except ValueProblem as problem:
            problems.add_value("hosts", str(given), problem)
            continue
        if name in hosts:
            problems.add(where, "", None, "stands there twice; names are compared without case", "keep one entry")
        hosts[name] = Host(name, **_read_host_fields(fields or {}, where, problems))
    return hosts


def _read_host_fields(fields: Any, where: str, problems: Problems) -> dict[str, Any]:
    if not isinstance(fields, dict):
        problems.add(where, "", type(fields).__name__, "is not a dict", "write {system: postfix, address: 192.0.2.1}")
        return {}
    found: dict[str, Any] = {}
    for key, value in fields.items():
        if key not in HOST_FIELDS:
            problems.add(where, str(key), None, "is no field of a host", nearest(str(key), list(HOST_FIELDS)))
        elif value is not None:
            try:
                found[key] = HOST_FIELDS[key].read(value)
            except ValueProblem as problem:
                problems.add_value(where, key, problem)
    return found


def show_host_fields(host: Host) -> dict[str, Any]:
    default = Host(host.name)
    return {
        key: kind.show(getattr(host, key))
        for key, kind in HOST_FIELDS.items()
        if getattr(host, key) != getattr(default, key)
    }


def read_routing_groups(raw: Any, problems: Problems) -> dict[str, RoutingGroup]:
    """routing_groups: [{name, domains: [...]}]."""
    groups: dict[str, RoutingGroup] = {}
    if raw is None:
        return groups
    if not isinstance(raw, list):
        problems.add(
            "", "routing_groups", type(raw).__name__, "is not a list", "write [{name: Dallas, domains: [...]}]"
        )
        return groups
    for place, entry in enumerate(raw, 1):
        where = f"routing group {place} of the list"
        if not isinstance(entry, dict) or entry.get("name") is None or set(entry) - {"name", "domains"}:
            problems.add(
                where, "", None, "needs name, and knows domains besides", "write {name: Dallas, domains: [...]}"
            )
            continue
        try:
            name = read_group_name(entry["name"])
            domains = GROUP_DOMAINS.read(entry.get("domains"))
        except ValueProblem as problem:
            problems.add_value(f'routing group "{entry["name"]}"', "domains", problem)
            continue
        if name in groups:
            problems.add(where, "name", name, "stands there twice", "keep one entry")
        if any(pattern.is_everything for pattern in domains):
            problems.add(
                f'routing group "{name}"', "domains", "*", "is no domain", "name the domains it delivers itself"
            )
        groups[name] = RoutingGroup(name, domains)
    return groups


def show_routing_groups(groups: Iterable[RoutingGroup]) -> list[dict[str, Any]]:
    return [
        {"name": group.name, "domains": GROUP_DOMAINS.show(group.domains)}
        for group in sorted(groups, key=lambda group: group.name)
    ]


class SiteLink(NamedTuple):
    """A link between the routing groups of one Exchange organisation (AD sites), which mail takes without a connector."""

    name: str
    groups: tuple[str, ...]
    cost: int


@dataclass(frozen=True)
class Organisation:
    """All sets merged: what routes are selected from."""

    hosts: Mapping[str, Host]
    routing_groups: Mapping[str, RoutingGroup]
    connectors: Mapping[str, Connector]
    set_of: Mapping[str, str]
    """The name of the set that each connector (by key) belongs to."""
    described: bool = True
    """False where no hosts were declared and every name was taken for a host of the system at hand."""
    site_links: tuple[SiteLink, ...] = ()
    """What was read from Exchange. With it, the connectors between its own groups are only declarations of these links."""

    def system(self, connector: Connector) -> str:
        return self.hosts[connector.bridgeheads[0]].system

    def group(self, connector: Connector) -> str:
        return self.hosts[connector.bridgeheads[0]].routing_group

    def host_behind(self, smart_host: SmartHost) -> Host | None:
        """The known host that a smart host names by its address or name, if any.

        Several instances may share an address; the port tells them apart. Where only one host has the address, another
        port is still that host, unless the host declared its port.
        """
        exact: list[Host] = []
        loose: list[Host] = []
        for host in self.hosts.values():
            declared = host.address.smart_host if host.address else None
            if smart_host.host in (host.name, host.server_name.lower(), declared.host if declared else host.name):
                (exact if declared and declared.port == smart_host.port else loose).append(host)
        if exact:
            return exact[0]
        if len(loose) == 1 and (loose[0].address is None or loose[0].address.port is None):
            return loose[0]
        return None


def merge(
    sets: Iterable[ConnectorSet], problems: Problems, system_at_hand: str, this_host: str | None = None
) -> Organisation:
    """One organisation of all sets. Conflicts between sets, unknown names and mixed bridgeheads are problems."""
    ordered = sorted(sets, key=lambda one: one.name)
    hosts: dict[str, Host] = {}
    groups: dict[str, RoutingGroup] = {}
    connectors: dict[str, Connector] = {}
    set_of: dict[str, str] = {}
    owner: dict[Any, str] = {}
    for one in ordered:
        _merge_named(hosts, one.hosts, f"set {one.name}, hosts", owner, one.name, problems)
        _merge_named(groups, one.routing_groups, f"set {one.name}, routing_groups", owner, one.name, problems)
        for key in sorted(one.connectors):
            if key in connectors:
                _claimed_twice(one.connectors[key], "name", key, set_of[key], one.name, problems)
                continue
            connectors[key] = one.connectors[key]
            set_of[key] = one.name
    _check_spaces_of_sets(connectors, set_of, problems)
    described = bool(hosts)
    unknown = _complete_hosts(hosts, connectors, described, system_at_hand, this_host, problems)
    organisation = Organisation(hosts, groups, connectors, set_of, described)
    for connector in connectors.values():
        _check_bridgeheads(organisation, connector, unknown, problems)
        check_groups(organisation, connector, problems)
    return organisation


def _merge_named(
    merged: dict[str, Any], more: Mapping[str, Any], where: str, owner: dict[Any, str], name: str, problems: Problems
) -> None:
    for key, value in sorted(more.items()):
        if key in merged and merged[key] != value:
            other = owner[(type(value), key)]
            problems.add(where, key, None, f"differs from what set {other} says of it", "say the same in both sets")
        merged.setdefault(key, value)
        owner.setdefault((type(value), key), name)


def _claimed_twice(connector: Connector, part: str, value: str, first: str, second: str, problems: Problems) -> None:
    problems.add(
        connector_place(connector.name),
        part,
        value,
        f'is claimed by the sets "{first}" and "{second}"',
        "keep it in one of the two sets",
    )


def _check_spaces_of_sets(connectors: Mapping[str, Connector], set_of: Mapping[str, str], problems: Problems) -> None:
    claimed: dict[Any, str] = {}
    for key, connector in sorted(connectors.items()):
        for space in connector.address_spaces:
            if connector.takes_reached_groups and space.pattern.is_everything:
                continue
            place = (space.type, space.pattern, space.native)
            first = claimed.setdefault(place, set_of[key])
            if first != set_of[key]:
                _claimed_twice(connector, "address_spaces", str(space.pattern), first, set_of[key], problems)


def _complete_hosts(
    hosts: dict[str, Host],
    connectors: Mapping[str, Connector],
    described: bool,
    system: str,
    this_host: str | None,
    problems: Problems,
) -> set[str]:
    """Adds the hosts that are only named by connectors. Returns the names that nobody knows."""
    unknown: set[str] = set()
    for name, host in list(hosts.items()):
        if not host.system:
            hosts[name] = replace(host, system=system)
    if this_host is not None and this_host not in hosts:
        if described:
            remedy = "add it to hosts, or set this_host to the name that hosts uses"
            problems.add("", "this_host", this_host, "is a host that nobody knows", remedy)
        hosts[this_host] = Host(this_host, system)
    for connector in connectors.values():
        for name in connector.bridgeheads:
            if name in hosts and name not in unknown:
                continue
            if described:
                remedy = f"add {name} to hosts, or correct the name; " + nearest(name, sorted(hosts))
                problems.add(
                    connector_place(connector.name), "bridgeheads", name, "is a host that nobody knows", remedy
                )
                unknown.add(name)
            hosts[name] = Host(name, system)
    return unknown


def _check_bridgeheads(organisation: Organisation, connector: Connector, unknown: set[str], problems: Problems) -> None:
    # The group of a host that nobody knows is no mistake of its own.
    carriers = [organisation.hosts[name] for name in connector.bridgeheads if name not in unknown]
    systems = sorted({host.system for host in carriers})
    groups = sorted({host.routing_group for host in carriers})
    where = connector_place(connector.name)
    if len(systems) > 1:
        remedy = "declare one connector for each system"
        problems.add(where, "bridgeheads", ", ".join(connector.bridgeheads), "belong to two systems", remedy)
    elif len(groups) > 1 and systems == ["postfix"]:
        remedy = "declare one connector for each routing group"
        problem = "belong to several routing groups: " + ", ".join(groups)
        problems.add(where, "bridgeheads", ", ".join(connector.bridgeheads), problem, remedy)


def check_groups(organisation: Organisation, connector: Connector, problems: Problems) -> None:
    """Connected routing groups that nobody knows, or that are the connector's own."""
    known = {host.routing_group for host in organisation.hosts.values()} | set(organisation.routing_groups)
    where = connector_place(connector.name)
    own = {organisation.hosts[name].routing_group for name in connector.bridgeheads if name in organisation.hosts}
    postfix = all(organisation.hosts[name].system == "postfix" for name in connector.bridgeheads)
    for link in connector.connected_routing_groups:
        if link.name not in known:
            remedy = "add it to routing_groups, or name it at its hosts; " + nearest(link.name, sorted(known))
            problems.add(where, "connected_routing_groups", link.name, "is a group that nobody knows", remedy)
        if link.name in own:
            remedy = "name the groups that the connector leads to"
            problems.add(where, "connected_routing_groups", link.name, "is the connector's own group", remedy)
        if postfix and link.path_cost > 100:
            problems.add(
                where, "connected_routing_groups", str(link.cost), "is out of range", "use a cost from 1 to 100"
            )
