# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which inventory host is which Exchange server, in which Active Directory site, and so in which routing group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..connector import values as plain
from ..connector.errors import Problems
from ..connector.topology import ONLY_GROUP, Address, Host, SiteLink
from . import values
from .calls import Call

Object = Mapping[str, Any]

READ_SERVERS = Call("Get-ExchangeServer", properties=("Name", "Fqdn", "Site", "ServerRole", "OriginatingServer"))
# An Edge server has no sites, and a role may hide them.
READ_SITE_LINKS = Call(
    "Get-AdSiteLink",
    properties=("Name", "ADCost", "ExchangeCost", "MaxMessageSize", "Sites", "OriginatingServer"),
    optional=True,
)


@dataclass(frozen=True)
class Server:
    """name: as Exchange spells it. site and address (its FQDN) are in lower case; an Edge server has no site."""

    name: str
    site: str = ""
    edge: bool = False
    address: str = ""


@dataclass(frozen=True)
class Servers:
    """inventory: inventory name -> first label of the server's name. here: the Edge server that the task runs on."""

    known: Mapping[str, Server] = field(default_factory=dict)
    """First label in lower case -> server."""
    inventory: Mapping[str, str] = field(default_factory=dict)
    here: str = ""

    @property
    def on_edge(self) -> bool:
        """A connector has no source servers there (New-SendConnector, SourceTransportServers)."""
        return bool(self.here)

    def name_of(self, bridgehead: str) -> str:
        """The server's name of an inventory host."""
        label = self.inventory.get(bridgehead, values.first_label(bridgehead))
        return self.known[label].name if label in self.known else label

    def host_of(self, server: str) -> str:
        """The inventory name of a server, or its first label where the inventory does not have it."""
        label = values.first_label(server)
        return next((host for host, known in self.inventory.items() if known == label), label)

    def find(self, bridgehead: str) -> str | None:
        """The one inventory name of what a connector calls a bridgehead; None where no server is meant."""
        if bridgehead in self.inventory:
            return bridgehead
        label = values.first_label(bridgehead)
        return self.host_of(label) if label in self.known else None

    @property
    def names(self) -> list[str]:
        return sorted(server.name for server in self.known.values())


def read_servers(objects: Iterable[Object], declared: Mapping[str, Host], edge: bool, here: str) -> Servers:
    """Servers as Get-ExchangeServer showed them, and the inventory hosts that are one of them.

    here: the server that the session is on, for an Edge server, which shows only itself.
    """
    known: dict[str, Server] = {}
    for one in objects:
        roles = str(one.get("ServerRole") or "").lower()
        name = str(one.get("Name") or "")
        address = str(one.get("Fqdn") or "").lower()
        known[values.first_label(name)] = Server(name, site_name(one.get("Site")), "edge" in roles, address)
    if edge and values.first_label(here) not in known and len(known) != 1:
        known[values.first_label(here)] = Server(here.partition(".")[0], edge=True)
    inventory: dict[str, str] = {}
    for host in declared.values():
        if host.system in ("", "exchange"):
            label = values.first_label(host.server_name or host.name)
            if label in known:
                inventory[host.name] = label
    named = set(inventory.values())
    inventory.update({label: label for label in known if label not in named and label not in inventory})
    found = Servers(known, inventory)
    if not edge:
        return found
    own = values.first_label(here) if values.first_label(here) in known else next(iter(known))
    return replace(found, here=found.host_of(own))


def check_declared(declared: Mapping[str, Host], servers: Servers, problems: Problems) -> None:
    """Two inventory hosts that are one server, and on the Mailbox side hosts that Exchange does not have."""
    owner: dict[str, str] = {}
    for host in declared.values():
        if host.system not in ("", "exchange"):
            continue
        label = servers.inventory.get(host.name)
        if label is None:
            if host.system == "exchange" and not servers.on_edge:
                remedy = f"correct server_name; Exchange has {', '.join(servers.names)}"
                shown = host.server_name or host.name
                problems.add(f"hosts.{host.name}", "server_name", shown, "is no server of this organisation", remedy)
            continue
        if label in owner:
            remedy = "keep one of the two hosts, or correct server_name"
            problem = f"is the same server as {owner[label]}"
            problems.add(f"hosts.{host.name}", "server_name", servers.known[label].name, problem, remedy)
        owner[label] = host.name


def site_name(value: Any) -> str:
    """A site is shown by its name, by a path (contoso.com/Configuration/Sites/Paris) or by its distinguished name."""
    text = str(value or "")
    if text.upper().startswith("CN="):
        return text[3:].partition(",")[0].lower()
    return text.rpartition("/")[2].lower()


# --- routing groups --------------------------------------------------------------------------------------------------


def groups_of_sites(servers: Servers, declared: Mapping[str, Host], warnings: list[str]) -> dict[str, str]:
    """Site -> routing group: what the hosts in it are declared to belong to, else the site's own name, or the one group
    where there is one site."""
    sites = {server.site for server in servers.known.values() if server.site}
    named: dict[str, set[str]] = {}
    for host in declared.values():
        server = servers.known.get(servers.inventory.get(host.name, ""))
        if server and host.routing_group != ONLY_GROUP:
            named.setdefault(server.site, set()).add(host.routing_group)
    for site, groups in sorted(named.items()):
        if len(groups) > 1:
            warnings.append(
                f"The hosts of the Active Directory site {site} are declared in several routing groups "
                f"({', '.join(sorted(groups))}), and Exchange treats them as one"
            )
    default = ONLY_GROUP if len(sites) <= 1 else ""
    return {site: min(named[site]) if site in named else default or site for site in sorted(sites | set(named))}


def hosts_of(servers: Servers, declared: Mapping[str, Host], groups: Mapping[str, str]) -> dict[str, Host]:
    """All hosts: the declared ones, and the servers that Exchange has besides."""
    hosts = {name: replace(host, system=host.system or "exchange") for name, host in declared.items()}
    for name, label in servers.inventory.items():
        server = servers.known[label]
        host = hosts.get(name) or Host(name, "exchange", Address(server.address) if server.address else None)
        group = host.routing_group if host.routing_group != ONLY_GROUP else groups.get(server.site, ONLY_GROUP)
        hosts[name] = replace(host, system="exchange", server_name=server.name, routing_group=group)
    return hosts


def read_site_links(objects: Iterable[Object], groups: Mapping[str, str]) -> tuple[SiteLink, ...]:
    """The links that lead between two routing groups, at the cost that Exchange uses: its own, else Active Directory's."""
    links = []
    for one in objects:
        sites = [site_name(site) for site in values.items(one.get("Sites"))]
        linked = tuple(sorted({groups.get(site, site) for site in sites}))
        if len(linked) > 1:
            links.append(SiteLink(str(one.get("Name")), linked, _cost(one)))
    return tuple(sorted(links))


def _cost(link: Object) -> int:
    given = link.get("ExchangeCost")
    cost = link.get("ADCost") if values.is_empty(given) else given
    return plain.whole_number(1, 99999).read(100 if values.is_empty(cost) else cost)  # 100: Active Directory's default


def link_between(links: Sequence[SiteLink], one: str, other: str) -> SiteLink | None:
    """The cheapest link of two groups."""
    found = [link for link in links if one in link.groups and other in link.groups]
    return min(found, key=lambda link: link.cost, default=None)
