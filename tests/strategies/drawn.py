# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Organisations of Postfix hosts drawn by a seeded random.Random: hundreds in a second, for tests that apply each of them.

Each connector has smart hosts of its own, so that an answer shows which connector took the mail.
"""

from __future__ import annotations

from random import Random
from typing import Any

from .organisations import SPACE_DOMAINS, SPACE_PATTERNS, Raw, WrittenOrganisation, merged

GROUPS = ("g1", "g2")
COSTS = (1, 1, 1, 2, 5, 10)
LEVELS = ("none", "opportunistic", "encrypt")
SETS = ("default", "second")


def organisations(seed: object, count: int) -> list[WrittenOrganisation]:
    """So many organisations that the rules for all systems accept; the same for the same seed."""
    dice = Random(str(seed))
    found: list[WrittenOrganisation] = []
    while len(found) < count:
        drawn = organisation(dice)
        if merged(drawn).accepted:
            found.append(drawn)
    return found


def organisation(dice: Random) -> WrittenOrganisation:
    hosts = {f"h{number}": _host(dice, number) for number in range(1, dice.choice((1, 2, 3, 3)) + 1)}
    sets: dict[str, list[Raw]] = {"default": []}
    if dice.random() < 0.25:
        sets["second"] = []
    # Sets may not claim the same space, so each has patterns of its own.
    patterns = list(SPACE_PATTERNS)
    dice.shuffle(patterns)
    half = len(patterns) // 2 if len(sets) > 1 else len(patterns)
    free = {"default": patterns[:half], "second": patterns[half:]}
    for number in range(1, dice.randrange(1, 7) + 1):
        name = dice.choice(sorted(sets))
        sets[name].append(_connector(dice, number, hosts, free[name]))
    groups = [{"name": group, "domains": _group_domains(dice, group)} for group in GROUPS]
    return WrittenOrganisation(sets, hosts, groups)


def _group_domains(dice: Random, group: str) -> list[str]:
    return [f"{group}.test", f"*.{group}.test"][: dice.choice((1, 1, 2))]


def _host(dice: Random, number: int) -> Raw:
    host: Raw = {"system": "postfix", "address": f"192.0.2.{number}", "routing_group": dice.choice(GROUPS)}
    if dice.random() < 0.4:
        host["local_domains"] = dice.sample(SPACE_DOMAINS, dice.choice((1, 1, 2)))
    return host


def _connector(dice: Random, number: int, hosts: dict[str, Raw], patterns: list[str]) -> Raw:
    group = hosts[dice.choice(sorted(hosts))]["routing_group"]
    same = [name for name, host in hosts.items() if host["routing_group"] == group]
    other = [host["address"] for host in hosts.values() if host["routing_group"] != group]
    raw: Raw = {"name": f"c{number}", "bridgeheads": dice.sample(same, dice.randrange(1, len(same) + 1))}
    if other and dice.random() < 0.35:
        cost = dice.choice(COSTS)
        target = GROUPS[1 - GROUPS.index(group)]
        raw["connected_routing_groups"] = [target if cost == 1 else {"name": target, "cost": cost}]
        raw.update(scope="routing_group", smart_hosts=other, address_spaces=[f"*;{dice.choice(COSTS)}"])
        if dice.random() < 0.2:
            raw["address_spaces"].append(dice.choice(SPACE_PATTERNS[1:]))
    else:
        raw["address_spaces"] = _spaces(dice, patterns)
        raw["smart_hosts"] = _smart_hosts(dice, number)
        if dice.random() < 0.2:
            raw["scope"] = "routing_group"
        if dice.random() < 0.3 and not any(space.startswith("*;") for space in raw["address_spaces"]):
            raw["relay"] = True
    if dice.random() < 0.1:
        raw["enabled"] = False
    if dice.random() < 0.6:
        raw["tls"] = {"level": dice.choice(LEVELS)}
    return raw


def _spaces(dice: Random, patterns: list[str]) -> list[str]:
    chosen = dice.sample(patterns, dice.randrange(1, min(3, len(patterns)) + 1))
    return [f"{pattern};{dice.choice(COSTS)}" for pattern in chosen]


def _smart_hosts(dice: Random, number: int) -> list[Any]:
    if dice.random() < 0.15:
        return []  # DNS MX
    own: list[Any] = [
        f"out{number}.example",
        f"[198.51.100.{number}]:2525",
        {"host": f"mx{number}.example", "mx": True},
    ]
    return dice.sample(own, dice.choice((1, 1, 2)))
