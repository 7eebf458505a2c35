# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever changes: at every moment of a rollout each message ends where the old or the new organisation would bring it.

The oracle here knows nothing of stages: it changes one host after the other and follows mail from everywhere to everywhere.
"""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.mailops.connectors.plugins.filter.step_connectors import step_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors, show
from ansible_collections.mailops.connectors.plugins.module_utils.connector.rollout import Rollout, read_order
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import compile as compiling
from ansible_collections.mailops.connectors.tests.strategies.organisations import (
    ASKED_DOMAINS,
    GROUPS,
    WrittenOrganisation,
    merged,
)
from ansible_collections.mailops.connectors.tests.strategies.rollouts import WrittenChange, changes, next_list
from hypothesis import assume, event, given, note
from hypothesis import strategies as st

Raw = dict[str, Any]
Lists = dict[str, list[Raw]]

DOMAINS = (*ASKED_DOMAINS, *(f"{group}.test" for group in GROUPS))
EXCHANGE = "exchange"


class Oracle:
    """Hosts that have lists of their own. An Exchange organisation has one list, of its own connectors."""

    def __init__(self, written: WrittenOrganisation) -> None:
        self.written = written
        self.system = {name: host["system"] for name, host in written.hosts.items()}
        self.exchange = sorted(name for name, system in self.system.items() if system == EXCHANGE)
        self.this = self.exchange[0] if self.exchange else ""
        self.units = sorted({self.unit(name) for name in written.hosts})
        self.exchange_groups = {written.hosts[name]["routing_group"] for name in self.exchange}
        self.site_links: list[Raw] = []
        self.known: dict[str, Any] = {}
        self.expected: dict[str, frozenset[str]] = {}

    def declare(self, after: WrittenOrganisation) -> None:
        """Between the groups of an Exchange organisation mail follows site links, whatever connectors declare them."""
        links = [raw for raw in after.connectors if self.is_site_link(raw)]
        self.site_links = [{**raw, "name": f"{raw['name']} between sites"} for raw in links]

    def is_site_link(self, raw: Raw) -> bool:
        links = raw.get("connected_routing_groups") or []
        names = {link["name"] if isinstance(link, dict) else link for link in links}
        return bool(names) and self.system[raw["bridgeheads"][0]] == EXCHANGE and names <= self.exchange_groups

    def unit(self, host: str) -> str:
        return self.this if self.system[host] == EXCHANGE else host

    def start(self, connectors: list[Raw]) -> Lists:
        return {unit: self.of(unit, connectors) for unit in self.units}

    def of(self, unit: str, connectors: list[Raw]) -> list[Raw]:
        if unit != self.this:
            return connectors
        carried = [raw for raw in connectors if self.system[raw["bridgeheads"][0]] == EXCHANGE]
        return [raw for raw in carried if not self.is_site_link(raw)]

    def seen_by(self, lists: Lists, host: str) -> list[Raw]:
        return [*lists[self.unit(host)], *(self.site_links if self.unit(host) == self.this else [])]

    def takes_over(self, unit: str, now: list[Raw], given: list[Raw], removed: list[str], purge: bool) -> list[Raw]:
        """What a task makes of a list: as on Postfix wholly, or on Exchange field by field."""
        old = {raw["name"]: raw for raw in now}
        wanted = {raw["name"]: raw for raw in self.of(unit, given)}
        if unit == self.this:
            wanted = {name: {**old.get(name, {}), **raw} for name, raw in wanted.items()}
        left = {} if purge else {name: raw for name, raw in old.items() if name not in removed}
        made = {**left, **wanted}
        return [made[name] for name in sorted(made)]

    def there(self, lists: Lists) -> Raw:
        found: Raw = {}
        for name in self.written.hosts:
            unit = self.unit(name)
            problems = Problems()
            shown = [show(item.connector) for item in read_connectors(lists[unit], problems)]
            beside = {"hosts": self.written.hosts, "routing_groups": self.written.routing_groups}
            if unit != self.this:
                found[name] = {"connectors": shown, **beside, "sets": {"default": {"connectors": shown, **beside}}}
                if not shown:
                    found[name] = None
            elif name == self.this:
                found[name] = {"connectors": shown, "hosts": self.written.hosts, "sets": {"default": shown}}
        return found

    # --- following mail ---

    def router(self, connectors: list[Raw]) -> Any:
        key = repr(connectors)
        if key not in self.known:
            one = WrittenOrganisation({"default": connectors}, self.written.hosts, self.written.routing_groups)
            self.known[key] = merged(one, check=False).router
        return self.known[key]

    def senders(self, connectors: list[Raw], host: str) -> frozenset[str]:
        key = repr((connectors, host))
        if key not in self.expected:
            networks, _warnings = compiling._peers(self.router(connectors), host)
            self.expected[key] = frozenset(f"h{one.rpartition('.')[2].partition('/')[0]}" for one in networks)
        return self.expected[key]

    def ends(self, lists: Lists, host: str, domain: str) -> set[tuple[str, ...]]:
        """Every end that mail may come to, whoever is down on the way."""
        found: set[tuple[str, ...]] = set()

        def visit(at: str, path: tuple[str, ...]) -> None:
            if at in path:
                found.add(("loop", *path, at))
                return
            router = self.router(self.seen_by(lists, at))
            if router.is_local(at, domain):
                found.add(("local", at))
                return
            elements = router.route(at, domain).elements
            if not elements:
                found.add(("no route", at))
            for element in elements:
                if element.by_mx:
                    found.add(("mx", at))
                for name in element.hosts:
                    arrive(at, name, path)
                for next_hop in element.next_hops:
                    behind = router.organisation.host_behind(next_hop)
                    if behind:
                        arrive(at, behind.name, path)
                    else:
                        found.add(("smart host", at, str(next_hop)))

        def arrive(sender: str, at: str, path: tuple[str, ...]) -> None:
            if self.system[at] != EXCHANGE and sender not in self.senders(lists[self.unit(at)], at):
                found.add(("refused", sender, at))
                return
            visit(at, (*path, sender))

        visit(host, ())
        return found

    def all_ends(self, lists: Lists) -> dict[tuple[str, str], set[tuple[str, ...]]]:
        return {(host, domain): self.ends(lists, host, domain) for host in self.system for domain in DOMAINS}

    def wrong(self, lists: Lists, allowed: list[dict[Any, set[tuple[str, ...]]]]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for place, ends in self.all_ends(lists).items():
            known = set().union(*(one[place] for one in allowed))
            bad = {end for end in ends if end[0] in ("loop", "refused", "no route") and end not in known}
            # No route is no news where none was before or none will be.
            if any(end[0] == "no route" for end in known):
                bad = {end for end in bad if end[0] != "no route"}
            found += [(*place, end) for end in sorted(bad)]
        return found


def rollout(oracle: Oracle, lists: Lists, after: WrittenOrganisation, purge: bool) -> list[Raw]:
    problems = Problems()
    oracle.declare(after)
    order = read_order(after.connectors, after.hosts, after.routing_groups, "default", purge, problems)
    assert problems.found == []
    try:
        made = Rollout(order, oracle.there(lists), oracle.this).passes()
    except ConnectorError:
        # With what the list leaves there, mail would go in a circle in the end.
        assert not purge
        assume(False)
    return [one.plain() for one in made]


def moments(
    oracle: Oracle, lists: Lists, after: WrittenOrganisation, passes: list[Raw], purge: bool, dice: random.Random
) -> list[tuple[Lists, int]]:
    """The lists of all hosts after each of them has changed, with the number of the pass."""
    made = []
    now = lists
    for number, one in enumerate(passes):
        chosen = step_connectors(after.connectors, one)
        chosen = [raw for raw in chosen if raw.get("state") != "absent"]
        for stage in one["stages"]:
            for host in dice.sample(stage, len(stage)):
                mine = oracle.takes_over(host, now[host], chosen, one["removed"], purge and one["last"])
                now = {**now, host: mine}
                made.append((now, number))
    return made


def expect_sound(
    oracle: Oracle, lists: Lists, after: WrittenOrganisation, purge: bool, dice: random.Random
) -> list[tuple[Lists, int]]:
    passes = rollout(oracle, lists, after, purge)
    for one in passes:
        note(one)
        named = [name for stage in one["stages"] for name in stage]
        assert sorted(named) == oracle.units
        assert all(oracle.this not in stage or len(stage) == 1 for stage in one["stages"])
    assert [one["last"] for one in passes] == [False] * (len(passes) - 1) + [True]
    made = moments(oracle, lists, after, passes, purge, dice)
    ends = [oracle.all_ends(lists), oracle.all_ends(made[-1][0])]
    forced = bool(passes[-1]["notes"])
    halfway = any(one["bridgeheads"] for one in passes)
    event(f"{len(passes)} passes{', forced' if forced else ''}{', halfway' if halfway else ''}")
    for state, number in made:
        wrong = oracle.wrong(state, ends)
        if wrong and forced and number == len(passes) - 1:
            event("wrong where it was said")
        else:
            assert not wrong, (number, wrong, state)
    return made


@given(changes(), st.randoms(use_true_random=False))
def test_no_moment_of_a_rollout_loses_mail(change: WrittenChange, dice: random.Random) -> None:
    oracle = Oracle(change.before)
    expect_sound(oracle, oracle.start(change.before.connectors), change.after, change.purge, dice)


@given(changes(), st.data(), st.randoms(use_true_random=False))
def test_a_rollout_that_was_interrupted_is_followed_by_any_other(change: WrittenChange, data: Any, dice: Any) -> None:
    oracle = Oracle(change.before)
    made = expect_sound(oracle, oracle.start(change.before.connectors), change.after, change.purge, dice)
    stopped = data.draw(st.sampled_from(made))[0]
    then = change.after if data.draw(st.booleans()) else data.draw(next_list(change.after))
    again = expect_sound(oracle, stopped, then, change.purge, dice)
    assert again


@given(st.randoms(use_true_random=False))
def test_no_pass_after_an_interruption_makes_a_circle_that_no_host_sees(dice: Any) -> None:
    """h2 has a list by which h1 carries x.a.test, and h1 has not: once h1 hands everything over to h2, it would come back."""

    def connector(name: str, bridgeheads: list[str], *spaces: str, **more: Any) -> Raw:
        listed = [{"domain": space, "cost": 1} for space in spaces]
        return {"name": name, "bridgeheads": bridgeheads, "address_spaces": listed, "scope": "routing_group", **more}

    small = {"max_message_size": "1MB"}
    one = connector("c1", ["h1"], "a.test", "b.test")
    two = connector("c2", ["h2"], "a.test", "b.test", "y.x.a.test", **small)
    own, other = (connector("c3", [name], "*", **small) for name in ("h1", "h2"))
    interrupted = {"h1": [one, two, own], "h2": [one, two, other, connector("n1", ["h1"], "x.a.test")]}
    wanted = [one, connector("c2", ["h1", "h2"], "a.test", "y.x.a.test", smart_hosts=[{"host": "out1.example"}]), other]
    hosts = {
        f"h{number}": {
            "system": "postfix",
            "address": f"192.0.2.{number}",
            "routing_group": "g1",
            "local_domains": ["a.test"],
        }
        for number in (1, 2)
    }
    after = WrittenOrganisation({"default": wanted}, hosts, [])
    expect_sound(Oracle(after), interrupted, after, True, dice)
