# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an organisation to what one Postfix host must have: tables, services and settings. Pure.

What each address space becomes: d is the key d, *.d the keys d and .d, * is default_transport (never the key *, which would
swallow local mail; facts from transport(5) and src/trivial-rewrite/resolve.c).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..connector import journey, values
from ..connector.errors import Problems, connector_place
from ..connector.model import Connector, relay_warnings
from ..connector.routing import Element, Route, Router, route_text
from ..connector.senders import expected, routes
from ..connector.topology import Organisation
from .fields import check_fields
from .services import ChainService, Directory, build, check_chain

SET_BESIDE_TABLES = ("default_transport", "relay_transport", "relayhost")
"""Settings that are switched together with the transport table."""


@dataclass(frozen=True)
class HostFacts:
    """What compiling needs to know of the host itself.

    local_domains are those that Postfix delivers here (mydestination and the virtual domains, as far as they can be listed);
    unlisted names the tables of local domains that cannot be. foreign_keys are domains that the administrator's own
    transport tables hold. parameters are main.cf's values, expanded.
    """

    config_directory: str
    local_domains: frozenset[str] = frozenset()
    unlisted: tuple[str, ...] = ()
    foreign_keys: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)


class Note(NamedTuple):
    """A sentence about what Postfix does in another way than a field suggests, and the connectors (keys) it is about."""

    connectors: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Compiled:
    """What the host must have for its routes. Nothing in here is secret."""

    transport: Mapping[str, str]
    services: Mapping[str, ChainService]
    default_route: str
    """The value for default_transport, empty where there is no connector for *."""
    by_mx: bool
    """Whether * goes by DNS MX, so that relayhost must be empty."""
    relay_exact: frozenset[str]
    relay_below: frozenset[str]
    peers: tuple[str, ...]
    comments: tuple[str, ...]
    notes: tuple[Note, ...]
    warnings: tuple[str, ...]
    carried: tuple[str, ...]
    """Keys of the connectors that this host carries."""
    chains: Mapping[str, tuple[Element, ...]]
    """Each service's chain, for showing routes in words."""

    @property
    def is_empty(self) -> bool:
        return not (self.services or self.relay_exact or self.relay_below or self.peers)


def carries(connector: Connector, host: str) -> bool:
    return connector.enabled and host in connector.bridgeheads


def check_organisation(router: Router, problems: Problems) -> None:
    """Every rule that holds for all Postfix hosts of an organisation, whichever of them is being provisioned."""
    organisation = router.organisation
    for connector in organisation.connectors.values():
        if organisation.system(connector) == "postfix":
            check_fields(connector, problems)
    journey.check_reached_groups(router, problems)
    if problems.found:
        return
    journey.check_loops(router, problems)
    for name, host in sorted(organisation.hosts.items()):
        if host.system == "postfix":
            for chain in dict.fromkeys(route.elements for _key, route in routes(router, name)):
                check_chain(organisation, chain, name, problems)


def compile_host(router: Router, host: str, facts: HostFacts, problems: Problems) -> Compiled:
    """What the host must have. Mistakes are added to problems, and the result must then not be used."""
    organisation = router.organisation
    directory = Directory(facts.config_directory)
    check_organisation(router, problems)
    journey.check_foreign(router, host, problems)
    for connector in organisation.connectors.values():
        if carries(connector, host):
            _check_against_host(connector, facts, problems)
    services: dict[str, ChainService] = {}
    chains: dict[str, tuple[Element, ...]] = {}
    built: dict[tuple[Element, ...], ChainService] = {}
    transport: dict[str, str] = {}
    default_route = ""
    by_mx = False
    for key, route in routes(router, host) if not problems.found else ():
        if route.elements not in built:
            chain = build(organisation, route.elements, host, directory, problems)
            built[route.elements] = chain
            services[chain.name] = chain
            chains[chain.name] = route.elements
        chain = built[route.elements]
        if key == "*":
            default_route = chain.destination
            by_mx = route.elements[0].by_mx
        else:
            transport[key] = chain.destination
    transport.update(_local_entries(router, host, facts, transport, problems))
    _check_default_route(bool(default_route), by_mx, facts, problems)
    relay = _relay(router, host, facts, problems)
    peers, peer_warnings = _peers(router, host)
    carried = tuple(key for key, one in sorted(organisation.connectors.items()) if carries(one, host))
    warnings = [warning for chain in services.values() for warning in chain.warnings]
    warnings += [warning for key in carried for warning in relay_warnings(organisation.connectors[key])]
    return Compiled(
        transport=transport,
        services=services,
        default_route=default_route,
        by_mx=by_mx,
        relay_exact=relay[0],
        relay_below=relay[1],
        peers=peers,
        comments=tuple(_comments(organisation, carried)),
        notes=tuple(_notes(router, host, facts, carried)),
        warnings=tuple(dict.fromkeys([*warnings, *relay[2], *peer_warnings])),
        carried=carried,
        chains=chains,
    )


def _local_entries(
    router: Router, host: str, facts: HostFacts, transport: Mapping[str, str], problems: Problems
) -> dict[str, str]:
    """x : for each local domain that a declared subtree would swallow; : means as if not listed (transport(5))."""
    below = [key for key in transport if key.startswith(".")]
    if not below:
        return {}
    if facts.unlisted:
        problems.add(
            f"hosts.{host}",
            "local_domains",
            ", ".join(facts.unlisted),
            "cannot be listed, so that local domains under a *.domain space might be sent away",
            "list local domains in tables that Postfix can dump (lmdb, hash, texthash), or use spaces without *.",
        )
    entries: dict[str, str] = {}
    for domain in sorted({*router.organisation.hosts[host].local_domains, *facts.local_domains}):
        covered = any(parent in transport for parent in _parents(domain))
        if domain not in transport and covered and domain not in facts.foreign_keys:
            entries[domain] = ":"
    return entries


def _parents(domain: str) -> list[str]:
    parts = domain.split(".")
    return ["." + ".".join(parts[place:]) for place in range(len(parts))]


def _check_against_host(connector: Connector, facts: HostFacts, problems: Problems) -> None:
    where = connector_place(connector.name)
    limit = int(facts.parameters.get("message_size_limit") or 0)
    if connector.max_message_size != values.UNLIMITED and limit and connector.max_message_size > limit:
        remedy = f"use at most {values.show_size(limit)}, or raise message_size_limit with postfix_main_cf"
        shown = values.show_size(connector.max_message_size)
        problems.add(
            where, "max_message_size", shown, f"is above this host's message_size_limit of {limit} bytes", remedy
        )
    trusts = facts.parameters.get("smtp_tls_CAfile") or facts.parameters.get("smtp_tls_CApath")
    if connector.tls.level == "verify" and not connector.tls.ca_file and not trusts:
        remedy = "name tls.ca_file, or set smtp_tls_CAfile with postfix_main_cf"
        problems.add(
            where, "tls.ca_file", None, "is needed: main.cf has neither smtp_tls_CAfile nor smtp_tls_CApath", remedy
        )


def _check_default_route(declared: bool, by_mx: bool, facts: HostFacts, problems: Problems) -> None:
    if not declared:
        return
    names = ["sender_dependent_default_transport_maps"]
    if by_mx:
        names.append("sender_dependent_relayhost_maps")
    for name in names:
        if facts.parameters.get(name):
            problems.add(
                "main.cf",
                name,
                facts.parameters[name],
                "overrides the connector for *",
                f"empty {name} with postfix_main_cf, or leave * to it and declare narrower address spaces",
            )


def _relay(
    router: Router, host: str, facts: HostFacts, problems: Problems
) -> tuple[frozenset[str], frozenset[str], list[str]]:
    exact: set[str] = set()
    below: set[str] = set()
    warnings: list[str] = []
    for connector in router.organisation.connectors.values():
        if not connector.relay or not carries(connector, host):
            continue
        for pattern in router.spaces(connector):
            if not pattern.subdomains and pattern.domain in facts.local_domains:
                warnings.append(f"{pattern.domain} is delivered on this host; relaying to it changes nothing")
                continue
            (below if pattern.subdomains else exact).add(pattern.domain)
            if pattern.subdomains and facts.parameters.get("relay_recipient_maps"):
                problems.add(
                    connector_place(connector.name),
                    "relay",
                    str(pattern),
                    "cannot be combined with relay_recipient_maps: no table can list every recipient of all subdomains",
                    "name the domains one by one, or empty relay_recipient_maps with postfix_main_cf",
                )
    return frozenset(exact), frozenset(below), warnings


def _peers(router: Router, host: str) -> tuple[tuple[str, ...], list[str]]:
    """The networks of the known hosts whose mail comes here: their routes or their own connectors lead to this host."""
    senders = {sender for sender, receiver in expected(router) if receiver == host}
    networks: set[str] = set()
    warnings = []
    for name in sorted(senders):
        sends_from = router.organisation.hosts[name].sends_from
        networks.update(sends_from)
        if not sends_from:
            warnings.append(
                f"{name} hands mail to {host}, which may refuse it: name the addresses in hosts.{name}.networks"
            )
    return tuple(sorted(networks)), warnings


def _comments(organisation: Organisation, carried: tuple[str, ...]) -> list[str]:
    told = []
    for key in carried:
        connector = organisation.connectors[key]
        told.append(f'connector "{connector.name}"' + (f": {connector.comment}" if connector.comment else ""))
    return told


def _notes(router: Router, host: str, facts: HostFacts, carried: tuple[str, ...]) -> list[Note]:
    """What is expressed differently on Postfix, in sentences."""
    connectors = router.organisation.connectors
    limit = int(facts.parameters.get("message_size_limit") or 0)
    told: list[Note] = []
    for key in carried:
        connector = connectors[key]
        if connector.max_message_size != values.UNLIMITED:
            text = "bounces larger messages where the smart host announces SIZE; no other way is tried"
            told.append(Note((key,), f'"{connector.name}" {text}'))
        elif limit:
            told.append(Note((key,), f'"{connector.name}" takes messages up to message_size_limit ({limit} bytes)'))
        if connector.takes_reached_groups:
            domains = ", ".join(map(str, router.expansion(connector)))
            told.append(
                Note((key,), f'* of "{connector.name}" stands for the domains of the groups reached: {domains}')
            )
        if len(connector.smart_hosts) > 1:
            text = "tries its smart hosts in the order given; Postfix does not balance them"
            told.append(Note((key,), f'"{connector.name}" {text}'))
    for chain in dict.fromkeys(route.elements for _key, route in routes(router, host)):
        if len(chain) > 1:
            about = tuple(dict.fromkeys(element.connector for element in chain))
            told.append(Note(about, "failover chain: " + route_text(Route(None, 0, chain), connectors)))
    return told
