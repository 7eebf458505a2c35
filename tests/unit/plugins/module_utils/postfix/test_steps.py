# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the steps, followed with a small model of what Postfix reads after each of them.

The same property is shown with real Postfix in tests/integration/test_prefixes.py; here every pair of small transport tables
is quick enough to be tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import owned_settings
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.desired import (
    RELAY_BELOW,
    RELAY_EXACT,
    TRANSPORT,
    Desired,
    TableFile,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import MainCf, split_list
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import MasterCf, Service
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.owned_settings import ListSetting
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.services import Directory
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.steps import (
    Drop,
    EditServices,
    EditSettings,
    Found,
    Planner,
    Reload,
    Verify,
    WriteTable,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.table_text import parse, render
from hypothesis import given, settings
from hypothesis import strategies as st

DIRECTORY = Directory("/etc/postfix")
MAIN = "transport_maps = hash:/etc/postfix/transport\nrelay_domains = theirs.test\n"
MASTER = "smtp unix - - n - - smtp\n"

SWITCHED = (
    "main.cf: transport_maps = lmdb:transport, hash:/etc/postfix/transport; default_transport = connector-2:[h2]; "
    "relay_transport = $default_transport"
)


@dataclass(frozen=True)
class Routes:
    """What is wanted: the transport table, default_transport (empty: as found), relay domains exactly and below."""

    transport: dict[str, str] = field(default_factory=dict)
    default: str = ""
    exact: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


def desired(routes: Routes, kind: str = "lmdb") -> Desired:
    def named(name: str) -> str:
        return f"{kind}:{DIRECTORY.file(name)}"

    tables = {}
    relay = []
    if routes.transport:
        tables[TRANSPORT] = TableFile(TRANSPORT, kind, render(routes.transport))
    for name, domains in ((RELAY_EXACT, routes.exact), (RELAY_BELOW, routes.below)):
        if domains:
            tables[name] = TableFile(name, kind, render(dict.fromkeys(domains, "relay")))
            relay.append(named(name))
    values = {*routes.transport.values(), routes.default} - {"", ":"}
    names = sorted(value.partition(":")[0] for value in values)
    return Desired(
        tables=tables,
        services={name: Service(name, "unix", "-", "-", "n", "-", "-", "smtp", ()) for name in names},
        service_settings={f"{name}_destination_concurrency_limit": "3" for name in names},
        routes={
            "transport_maps": ListSetting((named(TRANSPORT),) if routes.transport else ()),
            "default_transport": routes.default or None,
            "relay_transport": "$default_transport" if routes.default else None,
            "relayhost": None,
        },
        admission={
            "relay_recipient_maps": ListSetting(()),
            "relay_domains": ListSetting(tuple(relay)),
            "mynetworks": ListSetting(()),
        },
    )


class Host:
    """What Postfix reads: main.cf, the tables, and the services that the master has since the last reload."""

    def __init__(self, running: bool = True) -> None:
        self.main, self.master = MAIN, MASTER
        self.records, self.owned = {}, ()
        self.tables: dict[str, TableFile] = {}
        self.running = running
        self.started = self.services()

    def services(self):
        return {service.name for service in MasterCf.parse(self.master).services()}

    def plan(self, want: Desired, transport: dict[str, str]):
        stale = {name: "differs" for name, table in want.tables.items() if self.tables.get(name) != table}
        entries = {
            name: parse(table.text)
            for name, table in self.tables.items()
            if name in want.tables and table.type == want.tables[name].type
        }
        found = Found(
            self.main,
            self.master,
            self.owned,
            self.records,
            stale,
            entries=entries,
            files=tuple(sorted(self.tables)),
            running=self.running,
        )
        planner = Planner(found, want, DIRECTORY)
        steps = planner.plan(lambda kept: render({**transport, **kept}), 1)
        return steps, planner.records

    def do(self, step) -> None:
        if isinstance(step, WriteTable):
            self.tables[step.table.name] = step.table
        elif isinstance(step, EditSettings):
            self.main, self.records = owned_settings.edit(self.main, step.wanted, self.records, DIRECTORY.path)
        elif isinstance(step, EditServices):
            master = MasterCf.parse(self.master)
            for service in step.add:
                master.set(service)
            for name in step.remove:
                master.remove((name, "unix"))
            self.master = master.text()
        elif isinstance(step, Reload):
            self.started = self.services()
        elif isinstance(step, Drop):
            for path in step.paths:
                self.tables.pop(path.rpartition("/")[2], None)

    def apply(self, routes: Routes, kind: str = "lmdb", observe=None):
        want = desired(routes, kind)
        steps, records = self.plan(want, routes.transport)
        for step in steps:
            self.do(step)
            if observe:
                observe(step)
        assert records == self.records
        self.owned = tuple(sorted(want.services))
        return steps

    def named(self, parameter: str) -> list[TableFile]:
        """Our tables that a parameter names; a missing one would make every lookup fail."""
        elements = split_list(MainCf.parse(self.main).get(parameter) or "")
        names = [element.rpartition("/")[2] for element in elements if DIRECTORY.path + "/" in element]
        return [self.tables[name] for name in names]

    def route(self, domain: str) -> str:
        """As trivial-rewrite(8) would find it."""
        entries = {key: value for table in self.named("transport_maps") for key, value in parse(table.text).items()}
        for key in keys(domain):
            if key in entries:
                if entries[key] != ":":
                    return entries[key]
                break
        return MainCf.parse(self.main).get("default_transport") or "smtp:"

    def admits(self, domain: str) -> bool:
        for table in self.named("relay_domains"):
            entries = parse(table.text)
            if domain in entries or (table.name == RELAY_BELOW and any(key[1:] in entries for key in keys(domain)[1:])):
                return True
        return False


def keys(domain: str) -> list[str]:
    parts = domain.split(".")
    return [domain, *("." + ".".join(parts[place:]) for place in range(1, len(parts)))]


DOMAINS = ("a.test", "x.a.test", "y.x.a.test", "b.test", "other.test")
HOPS = st.sampled_from(["connector-1:[h1]", "connector-2:[h2]", "connector-3:[h3]"])
KEYS = st.sampled_from(["a.test", ".a.test", "x.a.test", ".x.a.test", "b.test"])
RELAYED = st.lists(st.sampled_from(DOMAINS[:4]), unique=True).map(tuple)


@st.composite
def routes(draw) -> Routes:
    transport = draw(st.dictionaries(KEYS, HOPS))
    for domain in draw(st.lists(st.sampled_from(DOMAINS[:4]), max_size=2)):
        if any(key in transport for key in keys(domain)[1:]):
            transport.setdefault(domain, ":")
    return Routes(transport, draw(st.one_of(st.just(""), HOPS)), draw(RELAYED), draw(RELAYED))


def check_every_step(host: Host, to: Routes, kind: str = "lmdb") -> None:
    before = {domain: (host.route(domain), host.admits(domain)) for domain in DOMAINS}
    seen = []

    def observe(step) -> None:
        seen.append(
            (step, {domain: (host.route(domain), host.admits(domain)) for domain in DOMAINS}, set(host.started))
        )

    host.apply(to, kind, observe)
    after = {domain: (host.route(domain), host.admits(domain)) for domain in DOMAINS}
    used = None
    for step, now, started in seen:
        if isinstance(step, Reload):
            used = {route.partition(":")[0] for route, _admitted in now.values()}
        if isinstance(step, EditServices) and step.remove:
            # Only then are those of its daemons idle that deliver nothing, and end.
            assert used is not None and used.isdisjoint(step.remove), str(step)
        for domain in DOMAINS:
            route, admitted = now[domain]
            assert route in (before[domain][0], after[domain][0]), (str(step), domain)
            assert route.partition(":")[0] in started | {"smtp"}, (str(step), domain)
            assert not admitted or before[domain][1] or after[domain][1], (str(step), domain)


@settings(max_examples=60, deadline=None)
@given(st.lists(routes(), min_size=2, max_size=3), st.sampled_from(["lmdb", "hash"]))
def test_old_or_new_after_every_step(states, kind):
    host = Host()
    for state in states:
        check_every_step(host, state, kind)
    check_every_step(host, Routes(), kind)
    assert (host.main, host.master, host.tables, host.records) == (MAIN, MASTER, {}, {})


@settings(deadline=None)
@given(routes())
def test_from_one_indexed_type_to_another(state):
    host = Host()
    check_every_step(host, state, "hash")
    check_every_step(host, state, "lmdb")
    assert {table.type for table in host.tables.values()} <= {"lmdb"}
    assert "hash:/etc/postfix/connectors" not in host.main


@settings(deadline=None)
@given(routes(), routes())
def test_nothing_to_do_is_no_step(first, second):
    host = Host()
    host.apply(first)
    host.apply(second)
    assert host.plan(desired(second), second.transport)[0] == []


FIRST = Routes(
    {"a.test": "connector-1:[h1]", "b.test": "connector-1:[h1]"}, "connector-2:[h2]", ("a.test",), ("b.test",)
)


def words(steps):
    return [str(step).replace("/etc/postfix/connectors/", "") for step in steps]


def test_first_apply_in_words():
    assert words(Host().apply(FIRST)) == [
        "write relay_below (1 lines, postmap lmdb)",
        "write relay_exact (1 lines, postmap lmdb)",
        "write transport (2 lines, postmap lmdb)",
        "main.cf: connector-1_destination_concurrency_limit = 3; connector-2_destination_concurrency_limit = 3",
        "master.cf: set connector-1, set connector-2",
        "postfix reload",
        SWITCHED,
        "postfix reload",
        "main.cf: relay_domains = lmdb:relay_exact, lmdb:relay_below, theirs.test",
        "postfix reload",
        "ask trivial-rewrite(8) for 1 addresses",
    ]


def test_a_key_that_goes_waits_for_the_default_route():
    host = Host()
    host.apply(FIRST)
    steps = words(host.apply(replace(FIRST, transport={"a.test": "connector-1:[h1]"}, default="connector-3:[h3]")))
    switched = steps.index("main.cf: default_transport = connector-3:[h3]")
    assert switched < steps.index("write transport (1 lines, postmap lmdb)")


def test_what_is_admitted_shrinks_before_the_routes_change_and_grows_after():
    host = Host()
    host.apply(FIRST)
    fewer = words(host.apply(Routes({"a.test": "connector-3:[h3]"}, "", (), ("a.test",))))
    assert (
        fewer.index("main.cf: relay_domains = lmdb:relay_below, theirs.test")
        < fewer.index("write transport (1 lines, postmap lmdb)")
        < fewer.index("write relay_below (1 lines, postmap lmdb)")
    )


def test_an_index_that_is_read_in_place_needs_no_reload_for_its_entries_alone():
    host = Host()
    host.apply(Routes({"a.test": "connector-1:[h1]"}))
    steps = host.apply(Routes({"a.test": "connector-1:[h1]", "b.test": "connector-1:[h1]"}))
    assert words(steps) == ["write transport (2 lines, postmap lmdb)", "ask trivial-rewrite(8) for 1 addresses"]


def test_an_index_that_was_missing_or_damaged_needs_a_reload():
    """A program that has failed to open it would not try again."""
    host = Host()
    host.apply(FIRST)
    want = desired(FIRST)
    for name, table in want.tables.items():
        found = Found(host.main, host.master, host.owned, host.records, {name: "missing"}, frozenset([name]))
        steps = Planner(found, want, DIRECTORY).plan(lambda kept: render({**FIRST.transport, **kept}), 0)
        assert words(steps) == [f"write {name} ({table.entries} lines, postmap lmdb)", "postfix reload"]


@pytest.mark.parametrize("kind", ["lmdb", "hash"])
def test_what_does_not_run_is_neither_reloaded_nor_asked(kind):
    steps = Host(running=False).apply(FIRST, kind)
    assert not any(isinstance(step, (Reload, Verify)) for step in steps)


def test_a_table_in_use_is_told_from_one_whose_name_it_begins():
    """relay_exact in main.cf is no sign of a table relay."""
    want = replace(desired(FIRST), tables={"relay": TableFile("relay", "lmdb", "x y\n")})
    main = f"relay_domains = lmdb:{DIRECTORY.file('relay_exact')}\n"
    planner = Planner(Found(main, MASTER, stale={"relay": "missing"}), want, DIRECTORY)
    assert not planner._is_live("relay")
    assert Planner(Found(main.replace("_exact", ""), MASTER), want, DIRECTORY)._is_live("relay")
