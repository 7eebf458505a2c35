# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated organisations, provisioned one after the other on one real Postfix: mail goes where route selection says.

Every run is an update of the one before. Beside the connectors stand the administrator's own tables of several types, local
and virtual domains, which change from run to run. For every key, a subdomain of each and strangers, what trivial-rewrite(8)
answers has to be the answer of the pure Router, put among the administrator's entries by a plain reference of transport(5).

MAILOPS_ORGANISATIONS sets how many (default 36), MAILOPS_ORGANISATIONS_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import Route, Router
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import view
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import MasterCf
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Outcome
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.table_text import render
from ansible_collections.mailops.connectors.tests.strategies import drawn
from ansible_collections.mailops.connectors.tests.strategies.organisations import (
    ASKED_DOMAINS,
    GROUPS,
    SPACE_DOMAINS,
    WrittenOrganisation,
    merged,
)

from lab import bridgehead as lab_bridgehead
from lab import postfix as lab_postfix
from lab.bridgehead import Bridgehead
from lab.seeds import drawn_seed

COUNT = int(os.environ.get("MAILOPS_ORGANISATIONS", "36"))
SEED = int(os.environ.get("MAILOPS_ORGANISATIONS_SEED", "0")) or drawn_seed()

DOMAINS = (*ASKED_DOMAINS, *(f"{group}.test" for group in GROUPS), *(f"sub.{group}.test" for group in GROUPS))
USERS = ("u", "boss", "v.pattern")
ADDRESSES = [f"{user}@{domain}" for domain in DOMAINS for user in USERS]
FOREIGN_VALUES = ("smtp:[192.0.2.90]:26", "relay:[192.0.2.91]", "smtp:")
FOREIGN_TYPES = ("lmdb", "texthash", "regexp", "hash", "cdb")
SETTINGS = {
    **lab_bridgehead.SETTINGS,
    "transport_maps": ", ".join(f"{kind}:$config_directory/foreign_{kind}" for kind in FOREIGN_TYPES),
    "mydestination": "here.lab.example, texthash:$config_directory/local_domains",
    "virtual_alias_domains": "hash:$config_directory/alias_domains",
}
FOREIGN_SERVICES = ("smtp", "relay", "local", "error")
outcomes: Counter[str] = Counter()
installed: dict[str, str] = {}


class Foreign:
    """What the administrator has on the host beside the connectors."""

    def __init__(self, dice: random.Random, local: list[str]) -> None:
        self.entries: dict[str, dict[str, str]] = {kind: {} for kind in FOREIGN_TYPES}
        for _entry in range(dice.choice([0, 0, 1, 2, 4])):
            kind = dice.choice(FOREIGN_TYPES)
            domain = dice.choice(DOMAINS)
            key = dice.choice([domain, domain, f".{domain}", f"boss@{domain}"])
            self.entries[kind][f"v.pattern@{domain}" if kind == "regexp" else key] = dice.choice(FOREIGN_VALUES)
        self.local = {*local, *(dice.sample(SPACE_DOMAINS, 1) if dice.random() < 0.3 else [])}
        self.alias = {dice.choice(DOMAINS)} - self.local if dice.random() < 0.2 else set()

    def install(self, bridgehead: Bridgehead) -> None:
        def build(kind: str, name: str, text: str) -> None:
            if installed.get(name) != text:
                bridgehead.tables.build(kind, str(bridgehead.directory / name), text, 0o644)
                installed[name] = text

        for kind, entries in self.entries.items():
            if kind == "regexp":
                build(kind, f"foreign_{kind}", "".join(f"/^{re.escape(key)}$/ {entries[key]}\n" for key in entries))
            else:
                build(kind, f"foreign_{kind}", render(entries))
        build("texthash", "local_domains", render(dict.fromkeys(self.local, "x")))
        build("hash", "alias_domains", render(dict.fromkeys(self.alias, "x")))
        bridgehead.postfix.reload()

    def find(self, key: str, is_address: bool) -> str | None:
        """The first table in the order of transport_maps that has the key; patterns are asked for whole addresses."""
        for kind, entries in self.entries.items():
            if key in entries and (kind != "regexp" or is_address):
                return entries[key]
        return None


def expected(router: Router, host: str, foreign: Foreign, address: str) -> tuple[str, str]:
    """(service or "connector", next hops) from transport(5) and route selection alone."""
    domain = address.partition("@")[2]
    if domain in foreign.alias:
        return "error", "5.1.1 User unknown in virtual alias table"
    is_local = domain in foreign.local
    route = router.route(host, domain)
    ours = _key(route, domain)
    if is_local and not (route.pattern and route.pattern.domain == domain and not route.pattern.subdomains):
        # A local domain stays local, unless the administrator's own entry says otherwise.
        ours = ""
        swallowed = route.elements and _key(route, domain) != "*" and foreign.find(domain, False) is None
        if swallowed and foreign.find(address, True) is None:
            return "local", "b1.lab.example"
    keys = [address, domain]
    parent = domain
    while "." in parent:
        parent = parent.partition(".")[2]
        keys.append("." + parent)
    for key in keys:
        if key == ours:
            return "connector", hops(router, route) or domain
        found = foreign.find(key, key == address)
        if found:
            service, _colon, next_hop = found.partition(":")
            return service, next_hop or domain
    if is_local:
        return "local", "b1.lab.example"
    if ours == "*":
        return "connector", hops(router, route) or domain
    return "smtp", domain


def _key(route: Route, domain: str) -> str:
    """The transport key under which a route stands; empty without one."""
    if not route.elements or route.pattern is None:
        return ""
    if route.pattern.is_everything:
        return "*"
    return domain if route.pattern.domain == domain else "." + route.pattern.domain


def hops(router: Router, route: Route) -> str:
    """The next hops of a chain in Postfix's form; empty for DNS MX."""
    found: list[str] = []
    for element in route.elements:
        addresses = [router.organisation.hosts[name].address for name in element.hosts]
        found += [str(address.smart_host) for address in addresses if address]
        found += [str(next_hop) for next_hop in element.next_hops]
    return ",".join(found)


@pytest.fixture(scope="module")
def drawings() -> list[WrittenOrganisation]:
    return drawn.organisations(SEED, COUNT)


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Bridgehead]:
    with lab_postfix.temporary_root() as root:
        instance = lab_postfix.Instance(root, "b1", "127.0.0.11", settings=SETTINGS)
        bridgehead = Bridgehead(instance)
        Foreign(random.Random(0), []).install(bridgehead)
        found = (instance.main_cf(), instance.master_cf())
        with instance:
            yield bridgehead
            bridgehead.provision([], purge=True)
            bridgehead.provision([], purge=True, set="second")
            assert (instance.main_cf(), instance.master_cf()) == found
            assert not (bridgehead.directory / "connectors").exists()
        print(f"MAILOPS_ORGANISATIONS_SEED={SEED}: {dict(outcomes)}")


def provision_set(
    bridgehead: Bridgehead, written: WrittenOrganisation, name: str, connectors: list[Any], host: str
) -> Outcome:
    who = {"this_host": host, "hosts": written.hosts, "routing_groups": written.routing_groups}
    return bridgehead.provision(connectors, purge=True, set=name, **who)


def apply(bridgehead: Bridgehead, written: WrittenOrganisation, host: str) -> bool:
    """Makes both sets as written; False where the Postfix backend refuses the organisation, and nothing was touched."""
    for name, connectors in written.sets.items():
        before = bridgehead.content()
        try:
            outcome = provision_set(bridgehead, written, name, connectors, host)
        except ConnectorError as error:
            assert bridgehead.content() == before
            outcomes["refused, first for " + error.problems[0].field] += 1
            return False
        assert not outcome.failure
        bridgehead.name = host
        outcomes["changed" if outcome.changed else "unchanged"] += 1
    return True


@pytest.mark.parametrize("number", range(COUNT))
def test_mail_goes_where_route_selection_says(
    bridgehead: Bridgehead, drawings: list[WrittenOrganisation], number: int
) -> None:
    print(f"MAILOPS_ORGANISATIONS_SEED={SEED}, organisation {number}")
    written = drawings[number]
    dice = random.Random(f"{SEED}/{number}")
    # Two sets have to say the same of every host, so the second one of before goes first, alias domains or not.
    Foreign(random.Random(0), []).install(bridgehead)
    bridgehead.provision([], purge=True, set="second")
    host = dice.choice(written.host_names)
    foreign = Foreign(dice, written.hosts[host].get("local_domains", []))
    foreign.install(bridgehead)
    if not apply(bridgehead, written, host):
        return
    router = merged(written).router
    answers = bridgehead.ask_afresh(ADDRESSES)
    settings = view.gather(bridgehead.postfix, bridgehead.tables)
    view.prefetch(settings, ADDRESSES)
    services = running_services(bridgehead)
    wrong = []
    for address, answer in zip(ADDRESSES, answers):
        wanted = expected(router, host, foreign, address)
        service = answer.transport if answer.transport in FOREIGN_SERVICES else "connector"
        if (service, answer.nexthop) != wanted or view.resolve(settings, address) != answer:
            wrong.append(f"{address}: {answer}, selection says {wanted}, view {view.resolve(settings, address)}")
        assert answer.transport in services
        outcomes["by " + wanted[0]] += 1
    assert not wrong, f"on {host} of {written}\n{vars(foreign)}\n" + "\n".join(wrong)
    for name, connectors in written.sets.items():
        again = provision_set(bridgehead, written, name, connectors, host)
        assert not (again.changed or again.commands)


def running_services(bridgehead: Bridgehead) -> set[str]:
    master = MasterCf.parse(bridgehead.instance.master_cf())
    return {service.name for service in master.services()}
