# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route selection a second time, slow and plain, to compare with: it tries every path and every connector.

Works on what people wrote (WrittenOrganisation), shares no code with the collection, and is written from the rules
alone: of the connectors of the host's own system that are enabled, in scope and reachable over connected routing
groups, the most specific space wins, then the lowest sum of path cost and space cost, then the fewest hops, then the
lowest name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .organisations import WrittenOrganisation

Raw = dict[str, Any]


class Answer(NamedTuple):
    """The winner for one host and domain; all None where there is no route. foreign: the other system's."""

    space: str | None
    cost: int | None
    connector: str | None
    foreign: bool = False


class Reference:
    def __init__(self, written: WrittenOrganisation, size: int | None = None) -> None:
        self.hosts = written.hosts
        self.domains = {group["name"]: group["domains"] for group in written.routing_groups}
        self.size = size
        self.every = {raw["name"]: raw for raw in written.connectors}
        self.connectors = {name: raw for name, raw in self.every.items() if raw.get("enabled", True)}

    def answer(self, host: str, domain: str) -> Answer:
        matching = [(space, name, cost, group) for space, name, cost, group in self.offers() if matches(space, domain)]
        for space in sorted({offer[0] for offer in matching}, key=specificity, reverse=True):
            ways = [way for found, *offer in matching if found == space for way in self.ways(host, *offer)]
            if ways:
                total, _hops, name = min(ways)
                return Answer(space, total, name)
            if any(self.would_take(host, name) for found, name, _cost, _group in matching if found == space):
                return Answer(space, None, None, True)
        return Answer(None, None, None)

    def offers(self, disabled: bool = False) -> Iterator[tuple[str, str, int, str]]:
        """Every space of every connector: space, connector, cost, and the group where it came from a group's list."""
        for name, raw in (self.every if disabled else self.connectors).items():
            spaces = [parse(space) for space in raw.get("address_spaces", [])]
            by_groups = raw.get("scope") == "routing_group" and bool(raw.get("connected_routing_groups"))
            for space, cost in spaces:
                if not (space == "*" and by_groups):
                    yield space, name, cost, ""
            if by_groups and (not spaces or "*" in dict(spaces)):
                for group in self.groups_behind(name):
                    for space in self.domains.get(group, ()):
                        yield space, name, dict(spaces).get("*", 1), group

    def ways(self, host: str, name: str, cost: int, group: str) -> list[tuple[int, int, str]]:
        """How a host can use a connector: total cost, hops (0 this host, 1 this group, 2 another), name."""
        system, own = self.hosts[host]["system"], self.hosts[host]["routing_group"]
        if self.system(name) != system or self.too_small(name):
            return []
        hops = 0 if host in self.connectors[name]["bridgeheads"] else 1
        if self.group(name) == own:
            if not group:
                return [(cost, hops, name)]
            # The mail has to come nearer to the group that delivers it with this step, or it could come back.
            here = min((total for _links, total in self.paths(own, group, system, stars=True)), default=None)
            mine = [
                first + rest
                for first, through in self.links_of(name)
                for _links, rest in self.paths(through, group, system, stars=True)
                if here is not None and self.nearest(through, group, system) < here
            ]
            return [(cost + path, hops, name) for path in mine]
        if self.connectors[name].get("scope") == "routing_group":
            return []
        return [(cost + total, 2, name) for _links, total in self.paths(own, self.group(name), system)]

    def nearest(self, source: str, target: str, system: str) -> int:
        return min((total for _links, total in self.paths(source, target, system, stars=True)), default=10**9)

    def would_take(self, host: str, name: str) -> bool:
        """Whether a connector of the other system could take the mail, if only the systems were one."""
        own = self.hosts[host]["routing_group"]
        if self.system(name) == self.hosts[host]["system"] or self.too_small(name):
            return False
        if self.group(name) == own:
            return True
        return self.connectors[name].get("scope") != "routing_group" and any(self.paths(own, self.group(name), ""))

    def paths(
        self, source: str, target: str, system: str, stars: bool = False, seen: tuple[str, ...] = ()
    ) -> Iterator[tuple[tuple[str, ...], int]]:
        """Every way from group to group that visits none twice: the connectors, and their costs added up.

        stars adds the cost of each connector's * to its own. system: only its connectors (empty: all).
        """
        if source == target:
            yield (), 0
            return
        for name in self.connectors:
            if self.group(name) != source or (system and self.system(name) != system):
                continue
            for cost, through in self.links_of(name):
                if through == source or through in seen:
                    continue
                for links, rest in self.paths(through, target, system, stars, (*seen, source)):
                    yield (name, *links), cost + rest + (self.star(name) if stars else 0)

    def links_of(self, name: str) -> list[tuple[int, str]]:
        links = self.every[name].get("connected_routing_groups", [])
        return [(link.get("cost", 1), link["name"]) if isinstance(link, dict) else (1, link) for link in links]

    def groups_behind(self, name: str) -> set[str]:
        """Groups that mail can reach which goes out by this connector, except its own."""
        own, system = self.group(name), self.system(name)
        every = {host["routing_group"] for host in self.hosts.values()} | set(self.domains)
        first = {through for _cost, through in self.links_of(name)}
        return {
            group
            for group in every - {own}
            if any(True for start in first for _path in self.paths(start, group, system, seen=(own,)))
        }

    def star(self, name: str) -> int:
        return dict(parse(space) for space in self.every[name].get("address_spaces", [])).get("*", 1)

    def system(self, name: str) -> str:
        return str(self.hosts[self.every[name]["bridgeheads"][0]]["system"])

    def group(self, name: str) -> str:
        return str(self.hosts[self.every[name]["bridgeheads"][0]]["routing_group"])

    def too_small(self, name: str) -> bool:
        largest = self.every[name].get("max_message_size")
        if largest is None or self.size is None or self.system(name) == "postfix":
            return False
        return self.size > int(largest.replace("MB", "")) * 1024 * 1024


def parse(space: Any) -> tuple[str, int]:
    if isinstance(space, dict):
        return space["domain"], space.get("cost", 1)
    word = space[5:] if space.lower().startswith("smtp:") else space
    name, _semicolon, cost = word.partition(";")
    return name, int(cost or 1)


def matches(space: str, domain: str) -> bool:
    if space == "*" or space == domain:
        return True
    return space.startswith("*.") and ("." + domain).endswith(space[1:])


def specificity(space: str) -> tuple[int, int]:
    """* is the least specific; a longer domain is more specific, and of one domain the one without subdomains."""
    if space == "*":
        return 0, 0
    return len(space.replace("*.", "").split(".")), 0 if space.startswith("*.") else 1
