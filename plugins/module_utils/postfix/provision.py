# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Postfix host, from a list of connectors to carried mail: gather, plan, show, and (outside check mode) apply.

Everything is decided before the first write. The decisions are made by the pure parts; here they are only put in order.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..connector.errors import Problems
from ..connector.model import read_connectors
from ..connector.plan import (
    Change,
    Plan,
    RouteChange,
    Unsafe,
    plan,
    shown_set,
    unsafe,
    with_notes,
)
from ..connector.routing import Router
from ..connector.topology import ConnectorSet, Organisation, merge, read_hosts, read_routing_groups
from . import asking, files, store
from .command import Postfix
from .compile import Compiled, compile_host
from .desired import Desired, desired, transport_text
from .gathering import Gathered, gather
from .lookup_tables import LookupTables
from .passwords import find_passwords
from .routes import Words, changes, probe, with_routes
from .steps import Planner, SaveStore, Step
from .store import Store
from .transaction import Transaction, VerificationError, tidy

# One writer at a time; another one may be busy with a large list.
LOCK_SECONDS = 600
_SHOWN_DIFFERENCES = 5


@dataclass(frozen=True)
class Request:
    """What the task asks for, as it was given."""

    connectors: Any
    this_host: str
    hosts: Any = None
    routing_groups: Any = None
    set: str = "default"
    purge: bool = False
    allow_unsafe: tuple[str, ...] = ()
    strict: bool = True
    check_mode: bool = False


@dataclass
class Outcome:
    """What the task returns. failure is set where nothing may be touched, or where something was taken back."""

    changed: bool = False
    plan: list[dict[str, Any]] = field(default_factory=list)
    unmanaged: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    routes_changed: list[dict[str, str]] = field(default_factory=list)
    unsafe: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diff: dict[str, Any] = field(default_factory=dict)
    verification: str = ""
    failure: str = ""

    def plain(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in ("failure", "warnings")}


@dataclass(frozen=True)
class Prepared:
    """Everything decided, nothing touched."""

    plan: Plan
    router: Router
    compiled: Compiled
    gathered: Gathered
    desired: Desired
    steps: list[Step]
    after: Store
    routes_changed: list[RouteChange]
    unsafe: list[Unsafe]
    changed_keys: list[str]


def provision(postfix: Postfix, tables: LookupTables, request: Request) -> Outcome:
    """Raises ConnectorError, StoreError, PostfixFileError and the errors of the leaves before anything is touched, and
    ApplyError where applying failed and was taken back."""
    with _lock(postfix, request):
        prepared = prepare(postfix, tables, request)
        outcome = _describe(prepared)
        refused = [item for item in prepared.unsafe if item.kind not in request.allow_unsafe]
        if request.check_mode:
            outcome.warnings += [f"{item.kind}: {item.message}" for item in refused]
            outcome.verification = "not asked: check mode"
            return outcome
        if refused:
            kinds = ", ".join(sorted({item.kind for item in refused}))
            told = "; ".join(item.message for item in refused)
            outcome.failure = (
                f"Nothing was touched, because the plan is unsafe: {told}. Remedy: look at the plan, and add "
            )
            outcome.failure += f"allow_unsafe: [{kinds}] if it is meant."
            outcome.changed = False
            return outcome
        outcome.verification = _apply(postfix, tables, request, prepared, outcome.warnings)
        return outcome


def _lock(postfix: Postfix, request: Request) -> contextlib.AbstractContextManager[None]:
    if request.check_mode and not os.path.isdir(postfix.config_directory):
        return contextlib.nullcontext()  # no Postfix yet: nobody writes there
    return files.directory_lock(postfix.config_directory, LOCK_SECONDS)


def prepare(postfix: Postfix, tables: LookupTables, request: Request, gathered: Gathered | None = None) -> Prepared:
    """Reads the host and decides everything. gathered: what was read of it already."""
    problems = Problems()
    wanted = read_connectors(request.connectors, problems)
    hosts = None if request.hosts is None else read_hosts(request.hosts, problems)
    groups = None if request.routing_groups is None else read_routing_groups(request.routing_groups, problems)
    problems.raise_if_any()
    known = gathered.store if gathered else store.load(postfix.config_directory)
    before_set = known.sets.get(request.set, ConnectorSet(request.set))
    made = plan(before_set, wanted, problems, hosts, groups, request.purge)
    sets = {**known.sets, request.set: made.after}
    if made.after.is_empty:
        del sets[request.set]
    this_host = request.this_host.lower()
    problems.raise_if_any()
    gathered = gathered or gather(postfix, tables, known)
    organisation = organisation_here(sets.values(), this_host, gathered, problems)
    old = organisation_here(known.sets.values(), this_host, gathered, Problems())
    problems.raise_if_any()
    router = Router(organisation)
    compiled = compile_host(router, this_host, gathered.facts, problems)
    passwords = find_passwords(organisation, old, compiled, wanted, gathered.directory, problems)
    gathered.check_service_names(compiled, problems)
    gathered.check_alias_domains(compiled, problems)
    gathered.check_parent_domains(compiled, problems)
    gathered.check_open_relay(compiled, problems)
    gathered.check_carried(organisation, compiled, problems)
    problems.raise_if_any()
    if sets == known.sets:
        old_compiled: Compiled | None = compiled
    else:
        old_compiled = compile_host(Router(old), this_host, gathered.facts, Problems()) if known.sets else None
    want = desired(compiled, organisation, gathered.indexed_type, gathered.directory, gathered.defaults, passwords)
    keys, routes_changed = _routes(this_host, gathered, compiled, old_compiled, organisation, old)
    planner = Planner(gathered.found(want, tables), want, gathered.directory)
    steps = planner.plan(lambda kept: transport_text(compiled, kept), len(_addresses(keys)))
    after = Store(sets, tuple(sorted(want.services)), planner.records)
    if store.text(after) != store.text(known) or steps:
        steps = [SaveStore(early=True), *steps, SaveStore(early=False)] if steps else [SaveStore(early=False)]
    return Prepared(
        plan=_with_notes(made, compiled),
        router=router,
        compiled=compiled,
        gathered=gathered,
        desired=want,
        steps=steps,
        after=after,
        routes_changed=routes_changed,
        unsafe=unsafe(made, routes_changed, _count_spaces(gathered.entries_before)),
        changed_keys=keys,
    )


def organisation_here(sets: Any, this_host: str, gathered: Gathered, problems: Problems) -> Organisation:
    """All sets merged, with the domains that Postfix itself delivers here added to this host's local domains."""
    made = merge(sets, problems, "postfix", this_host)
    here = made.hosts[this_host]
    if here.system != "postfix":
        remedy = "run this task on Postfix hosts only, or correct the host's system"
        problems.add(f"hosts.{this_host}", "system", here.system, "is not Postfix", remedy)
    local = tuple(sorted({*here.local_domains, *gathered.facts.local_domains}))
    return replace(made, hosts={**made.hosts, this_host: replace(here, local_domains=local)})


def _routes(
    host: str,
    gathered: Gathered,
    compiled: Compiled,
    old: Compiled | None,
    organisation: Organisation,
    old_organisation: Organisation,
) -> tuple[list[str], list[RouteChange]]:
    """The transport keys whose entry changes, and the address spaces whose mail takes another way."""
    entries = {**gathered.entries_before}
    wanted = dict(compiled.transport)
    if compiled.default_route or gathered.owns_default_route:
        entries["*"] = gathered.settings.default_transport if gathered.owns_default_route else ""
        wanted["*"] = compiled.default_route
    keys = sorted(key for key in {*entries, *wanted} if entries.get(key) != wanted.get(key))
    before = Words(old.chains if old else {}, old_organisation.connectors)
    fallback = gathered.facts.parameters.get("smtp_fallback_relay", "")
    after = Words(compiled.chains, organisation.connectors, gathered.smtp_clients, fallback)
    new_settings = with_routes(gathered.settings, compiled, gathered.directory.path, gathered.restored(compiled))
    return keys, changes(host, keys, (gathered.settings, before), (new_settings, after))


def _count_spaces(entries: Mapping[str, str]) -> int:
    return sum(1 for key in entries if "." + key not in entries)


def _with_notes(made: Plan, compiled: Compiled) -> Plan:
    def noted(change: Change) -> Change:
        key = change.connector.lower()
        return with_notes(change, [note.text for note in compiled.notes if key in note.connectors])

    return replace(made, changes=tuple(noted(change) for change in made.changes))


def _describe(prepared: Prepared) -> Outcome:
    known = prepared.gathered.store
    name = prepared.plan.after.name
    before = shown_set(known.sets[name]) if name in known.sets else []
    return Outcome(
        changed=bool(prepared.steps),
        plan=[change.plain() for change in prepared.plan.changes],
        unmanaged=prepared.gathered.unmanaged(),
        commands=[str(step) for step in prepared.steps],
        routes_changed=[change.plain() for change in prepared.routes_changed],
        unsafe=[item.plain() for item in prepared.unsafe],
        warnings=[
            *prepared.compiled.warnings,
            *prepared.gathered.shadowed(prepared.compiled),
            *prepared.gathered.written_defaults(prepared.after),
        ],
        diff={"before": before, "after": shown_set(prepared.plan.after)},
    )


# --- applying and verifying ------------------------------------------------------------------------------------------


def _apply(postfix: Postfix, tables: LookupTables, request: Request, prepared: Prepared, warnings: list[str]) -> str:
    if not prepared.steps:
        tidy(prepared.gathered.directory)
        return "nothing changed"
    told: list[str] = []

    def verify() -> None:
        differences = verify_routes(postfix, tables, prepared)
        if not differences:
            told.append(f"trivial-rewrite(8) answers as planned for {len(_addresses(prepared.changed_keys))} addresses")
            return
        message = "trivial-rewrite(8) answers otherwise than planned: " + "; ".join(differences[:_SHOWN_DIFFERENCES])
        if request.strict:
            raise VerificationError(
                message + ". Remedy: remove the entry named, or its table, or set strict: false to leave it in force."
            )
        warnings.append(message)
        told.append(message)

    Transaction(postfix, tables, prepared.gathered.store, prepared.after, verify, warnings).run(prepared.steps)
    if told:
        return told[0]
    return "not asked: no route changed" if prepared.gathered.running else "not asked: Postfix is not running"


def _addresses(keys: Sequence[str]) -> list[tuple[str, str]]:
    return [(key, probe(key)) for key in keys]


def verify_routes(postfix: Postfix, tables: LookupTables, prepared: Prepared) -> list[str]:
    """Differences between the plan and what trivial-rewrite(8) says, for every changed key; in words."""
    queue = postfix.parameters(["queue_directory"])["queue_directory"]
    wanted = {**prepared.compiled.transport}
    if prepared.compiled.default_route:
        wanted["*"] = prepared.compiled.default_route
    asked = [
        asking.Question(key, address, wanted[key])
        for key, address in _addresses(prepared.changed_keys)
        if wanted.get(key, ":") != ":"
    ]
    replies = asking.ask(queue, asked, prepared.gathered.read_settings)
    return [asking.difference(reply) for reply in replies if not reply.agrees]
