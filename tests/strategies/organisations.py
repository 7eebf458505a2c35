# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole organisations, small enough that their connectors meet: few domains, few groups, shared bridgeheads.

About every fifth one is refused (mostly for a loop); merged() says whether.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Router
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    Organisation,
    merge,
    read_hosts,
    read_routing_groups,
)
from hypothesis import strategies as st

from .connectors import written_smart_hosts, written_spaces

Raw = dict[str, Any]

SPACE_DOMAINS = ("a.test", "b.test", "x.a.test", "y.x.a.test")
"""Domains that spaces are made of: one under the other, so that narrower and wider spaces meet."""

ASKED_DOMAINS = (*SPACE_DOMAINS, "z.a.test", "z.x.a.test", "z.b.test", "z.y.x.a.test", "test", "other.example")
"""Each class of addresses: every domain of a space, something below each of them, and a stranger."""

SPACE_PATTERNS = ("*", *SPACE_DOMAINS, *(f"*.{domain}" for domain in SPACE_DOMAINS))
GROUPS = ("g1", "g2", "g3", "g4")
SMART_HOSTS = ("out1.example", "out2.example", "198.51.100.9")
COSTS = st.sampled_from([1, 1, 1, 2, 5, 10, 100])


@dataclass(frozen=True)
class WrittenOrganisation:
    """What people wrote: the connectors of each set, and who is who (the same for all sets)."""

    sets: dict[str, list[Raw]]
    hosts: dict[str, Raw]
    routing_groups: list[Raw]

    @property
    def connectors(self) -> list[Raw]:
        return [raw for connectors in self.sets.values() for raw in connectors]

    @property
    def host_names(self) -> list[str]:
        return sorted(self.hosts)


@dataclass(frozen=True)
class Merged:
    organisation: Organisation
    router: Router
    problems: Problems = field(default_factory=Problems)

    @property
    def accepted(self) -> bool:
        return not self.problems.found


def read_sets(written: WrittenOrganisation, problems: Problems) -> list[ConnectorSet]:
    hosts = read_hosts(written.hosts, problems)
    groups = read_routing_groups(written.routing_groups, problems)
    return [
        ConnectorSet(name, {one.connector.key: one.connector for one in read_connectors(raw, problems)}, hosts, groups)
        for name, raw in written.sets.items()
    ]


def merged(written: WrittenOrganisation, check: bool = True, size: int | None = None) -> Merged:
    """The organisation, with all problems that make it refused. check: loops and unknown domains as well."""
    problems = Problems()
    organisation = merge(read_sets(written, problems), problems, "postfix")
    router = Router(organisation, size)
    if check and not problems.found:
        journey.check_reached_groups(router, problems)
        journey.check_loops(router, problems)
    return Merged(organisation, router, problems)


@st.composite
def organisations(
    draw: Any, systems: tuple[str, ...] = ("postfix", "postfix", "postfix", "exchange")
) -> WrittenOrganisation:
    """systems: what each host's system is drawn from."""
    groups = GROUPS[: draw(st.integers(1, len(GROUPS)))]
    domains_of = _group_domains(draw, groups)
    hosts = _hosts(draw, groups, domains_of, systems)
    groups = tuple(sorted({*domains_of, *(host["routing_group"] for host in hosts.values())}))
    sets: dict[str, list[Raw]] = {"default": []}
    if draw(st.integers(0, 3)) == 0:
        sets["second"] = []
    claimed: dict[str, str] = {}
    for number in range(1, draw(st.integers(1, 6)) + 1):
        name = draw(st.sampled_from(sorted(sets)))
        raw = written_connector(
            draw, f"c{number}", hosts, groups, [p for p in SPACE_PATTERNS if claimed.get(p, name) == name]
        )
        if raw is not None:
            sets[name].append(raw)
            claimed.update(dict.fromkeys(_plain_spaces(raw), name))
    listed = [{"name": group, "domains": list(domains)} for group, domains in domains_of.items()]
    return WrittenOrganisation(sets, hosts, listed)


def _group_domains(draw: Any, groups: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """A group's domains are mostly its own, but nothing forbids that two groups list the same."""
    found = {}
    for group in groups:
        few = draw(st.lists(st.sampled_from(SPACE_PATTERNS[1:]), max_size=2, unique=True))
        own = [f"{group}.test"] if draw(st.booleans()) else []
        if few or own:
            found[group] = (*own, *few)
    return found


def _hosts(
    draw: Any, groups: tuple[str, ...], domains_of: dict[str, tuple[str, ...]], systems: tuple[str, ...]
) -> dict[str, Raw]:
    hosts: dict[str, Raw] = {}
    for number in range(1, draw(st.integers(2, 6)) + 1):
        group = groups[number % len(groups)] if draw(st.booleans()) else draw(st.sampled_from(groups))
        host: Raw = {"system": draw(st.sampled_from(systems)), "address": f"192.0.2.{number}", "routing_group": group}
        local = [domain for domain in domains_of.get(group, ()) if not domain.startswith("*")]
        if local and draw(st.integers(0, 3)):
            host["local_domains"] = local
        elif draw(st.integers(0, 7)) == 0:
            host["local_domains"] = [draw(st.sampled_from(SPACE_DOMAINS))]
        hosts[f"h{number}"] = host
    return hosts


def written_connector(
    draw: Any, name: str, hosts: dict[str, Raw], groups: tuple[str, ...], free: list[str]
) -> Raw | None:
    first = hosts[draw(st.sampled_from(sorted(hosts)))]
    same = [key for key, host in hosts.items() if _place(host) == _place(first)]
    raw: Raw = {"name": name, "bridgeheads": draw(st.lists(st.sampled_from(same), min_size=1, unique=True))}
    others = [group for group in groups if group != first["routing_group"]]
    if others and draw(st.booleans()):
        _link(draw, raw, hosts, others, free)
    elif free:
        _spaces(draw, raw, free)
        raw["smart_hosts"] = _outside_hosts(draw, hosts, raw["bridgeheads"])
        if draw(st.integers(0, 3)) == 0:
            raw["scope"] = "routing_group"
    else:
        return None
    if draw(st.integers(0, 9)) == 0:
        raw["enabled"] = False
    if draw(st.integers(0, 9)) == 0:
        raw["max_message_size"] = draw(st.sampled_from(["1MB", "10MB"]))
    return raw


def _place(host: Raw) -> tuple[str, str]:
    return host["system"], host["routing_group"]


def _link(draw: Any, raw: Raw, hosts: dict[str, Raw], others: list[str], free: list[str]) -> None:
    """A connector that connects routing groups: mostly by *, its smart hosts mostly the hosts of the other group."""
    targets = draw(st.lists(st.sampled_from(others), min_size=1, max_size=2, unique=True))
    raw["connected_routing_groups"] = [
        draw(st.one_of(st.just(target), COSTS.map(lambda cost, target=target: {"name": target, "cost": cost})))
        for target in targets
    ]
    there = [host["address"] for host in hosts.values() if host["routing_group"] == targets[0]]
    chosen = draw(st.lists(st.sampled_from(there), min_size=1, unique=True)) if there else ["out1.example"]
    raw["smart_hosts"] = [draw(written_smart_hosts(host)) for host in chosen]
    narrow = [pattern for pattern in free if pattern != "*"]
    if draw(st.integers(0, 4)) or not narrow:
        raw["scope"] = "routing_group"
        if draw(st.booleans()):
            raw["address_spaces"] = [draw(written_spaces("*", draw(COSTS)))]
    of_its_own = raw.get("scope") != "routing_group" or (narrow and draw(st.integers(0, 4)) == 0)
    if of_its_own and "address_spaces" not in raw:
        _spaces(draw, raw, narrow)


def _spaces(draw: Any, raw: Raw, free: list[str]) -> None:
    chosen = draw(st.lists(st.sampled_from(free), min_size=1, max_size=3, unique=True))
    raw["address_spaces"] = [draw(written_spaces(pattern, draw(COSTS))) for pattern in chosen]


def _outside_hosts(draw: Any, hosts: dict[str, Raw], own: list[str]) -> list[Any]:
    """Mostly hosts of the world outside; now and then a host that is known. Empty: DNS MX."""
    known = [host["address"] for name, host in hosts.items() if name not in own]
    if known and draw(st.integers(0, 5)) == 0:
        return [draw(written_smart_hosts(draw(st.sampled_from(known))))]
    chosen = draw(st.lists(st.sampled_from(SMART_HOSTS), max_size=2, unique=True))
    return [draw(written_smart_hosts(host)) for host in chosen]


def _plain_spaces(raw: Raw) -> list[str]:
    """The patterns of a written connector, without costs and prefixes."""
    found = []
    for space in raw.get("address_spaces", []):
        word = space["domain"] if isinstance(space, dict) else space.rpartition("TP:")[2].rpartition("tp:")[2]
        found.append(word.partition(";")[0])
    return found


def downs(written: WrittenOrganisation) -> st.SearchStrategy[frozenset[str]]:
    """Sets of hosts and smart hosts that do not answer."""
    return st.frozensets(st.sampled_from([*written.host_names, *SMART_HOSTS]))
