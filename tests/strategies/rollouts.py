# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An organisation and what becomes of it: on the same hosts, with connectors kept, changed, moved, added and dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey
from hypothesis import assume
from hypothesis import strategies as st

from .organisations import SPACE_PATTERNS, Raw, WrittenOrganisation, merged, organisations, written_connector


@dataclass(frozen=True)
class WrittenChange:
    """before and after have the same hosts and routing groups, and one set."""

    before: WrittenOrganisation
    after: WrittenOrganisation
    purge: bool


@st.composite
def changes(draw: Any, systems: tuple[str, ...] = ("postfix", "postfix", "postfix", "exchange")) -> WrittenChange:
    """Both lists are accepted."""
    drawn = draw(organisations(systems))
    before = WrittenOrganisation({"default": drawn.connectors}, drawn.hosts, drawn.routing_groups)
    assume(merged(before).accepted)
    after = draw(next_list(before))
    return WrittenChange(before, after, draw(st.booleans()))


@st.composite
def next_list(draw: Any, before: WrittenOrganisation) -> WrittenOrganisation:
    kept = [raw for raw in (_become(draw, before, raw) for raw in before.connectors) if raw]
    groups = tuple(sorted({host["routing_group"] for host in before.hosts.values()}))
    for number in range(draw(st.integers(0, 2))):
        raw = written_connector(draw, f"n{number + 1}", before.hosts, groups, list(SPACE_PATTERNS))
        kept += [raw] if raw else []
    after = WrittenOrganisation({"default": kept}, before.hosts, before.routing_groups)
    assume(_accepted(after))
    return after


def _accepted(written: WrittenOrganisation) -> bool:
    """By the hosts too: none of them would hand mail to a connector that only the other system has."""
    made = merged(written)
    if made.accepted:
        for host in made.organisation.hosts:
            journey.check_foreign(made.router, host, made.problems)
    return made.accepted


def _become(draw: Any, before: WrittenOrganisation, raw: Raw) -> Raw | None:
    way = draw(st.sampled_from(["keep", "move", "move", "drop", "redraw", "swap spaces"]))
    if way == "drop":
        return None
    if way == "move":
        same = [name for name, host in before.hosts.items() if _place(host) == _place(_carrier(before, raw))]
        return {**raw, "bridgeheads": draw(st.lists(st.sampled_from(same), min_size=1, unique=True))}
    if way == "redraw":
        groups = tuple(sorted({host["routing_group"] for host in before.hosts.values()}))
        return written_connector(draw, raw["name"], before.hosts, groups, list(SPACE_PATTERNS)) or raw
    if way == "swap spaces":
        other = draw(st.sampled_from(before.connectors))
        if "connected_routing_groups" not in raw and "connected_routing_groups" not in other:
            return {**raw, "address_spaces": other["address_spaces"]}
    return raw


def _carrier(before: WrittenOrganisation, raw: Raw) -> Raw:
    carrier: Raw = before.hosts[raw["bridgeheads"][0]]
    return carrier


def _place(host: Raw) -> tuple[str, str]:
    return host["system"], host["routing_group"]
