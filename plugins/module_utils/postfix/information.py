# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What postfix_connectors_info tells about one host. Writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..connector.errors import ConnectorError, Problems
from ..connector.routing import Router
from ..smtp.carried import HOW_POSTFIX_CONNECTS
from . import asking, hand_made, store
from .command import Postfix
from .compile import compile_host
from .found_classes import Surroundings
from .found_delivery import CLIENT_PARAMETERS, Client
from .gathering import Gathered, gather
from .lookup_tables import LookupTables
from .main_cf import MainCf, split_list
from .master_cf import MasterCf, is_queue_manager_parameter
from .provision import Request, organisation_here, prepare
from .rewrite import RewriteError
from .steps import Reload, SaveStore, WriteTable


def information(
    postfix: Postfix,
    tables: LookupTables,
    set_name: str = "default",
    this_host: str = "",
    ask_routes: bool = False,
    find_hand_made: bool = False,
) -> dict[str, Any]:
    """Raises StoreError, PostfixFileError and the errors of the leaves."""
    known = store.load(postfix.config_directory)
    gathered = gather(postfix, tables, known)
    sets = {one: store.show_set(known.sets[one]) for one in sorted(known.sets)}
    nothing: dict[str, Any] = {"connectors": [], "hosts": {}, "routing_groups": []}
    found = {
        **sets.get(set_name, nothing),
        "sets": sets,
        "digest": digest(sets),
        "services": sorted(known.services),
        "settings": {setting: known.settings[setting].written for setting in sorted(known.settings)},
        "unmanaged": gathered.unmanaged(),
    }
    if ask_routes:
        found.update(asked_routes(gathered, this_host.lower()))
        found["connecting"] = postfix.parameters(HOW_POSTFIX_CONNECTS)
        found["altered"] = altered(gathered, this_host) if known.sets else []
    if find_hand_made:
        found.update(vars(hand_made.find(surroundings(gathered), this_host.lower())))
    return found


def altered(gathered: Gathered, this_host: str) -> list[str]:
    """What is no longer as the store says: somebody else changed or removed it, or a run was killed."""
    try:
        prepared = prepare(gathered.postfix, gathered.tables, Request([], this_host, check_mode=True), gathered)
    except ConnectorError as error:
        return [str(problem) for problem in error.problems]
    stale = prepared.gathered.found(prepared.desired, gathered.tables).stale
    told = []
    for step in prepared.steps:
        if isinstance(step, WriteTable):
            told.append(f"{step.path}: {stale.get(step.table.name, 'has other entries')}")
        elif not isinstance(step, (SaveStore, Reload)):
            told.append(f"it takes: {step}")
    return list(dict.fromkeys(told))


def surroundings(gathered: Gathered) -> Surroundings:
    """Everything that decides how mail is delivered here. Accounts are read, and no password leaves this place."""
    postfix = gathered.postfix
    main = MainCf.parse(gathered.main_text)
    queue = [name for name in main.names() if is_queue_manager_parameter(name)]
    read = postfix.parameters([*CLIENT_PARAMETERS, "content_filter", *queue])
    values = {**dict.fromkeys((*CLIENT_PARAMETERS, "content_filter"), ""), **read}
    services = {one.name: one for one in MasterCf.parse(gathered.master_text).services() if one.type == "unix"}
    client = Client(
        parameters=values,
        services=services,
        queue={name: values[name] for name in queue if name in values},
        policies=tuple(gathered.tables.table(name) for name in split_list(values["smtp_tls_policy_maps"])),
        accounts=tuple(gathered.tables.table(name) for name in split_list(values["smtp_sasl_password_maps"])),
    )
    return Surroundings(
        settings=gathered.settings,
        client=client,
        parameters={**values, **gathered.facts.parameters},
        directory=gathered.directory.path,
        services=frozenset(gathered.store.services),
        local_domains=gathered.facts.local_domains,
        unlisted=gathered.facts.unlisted,
    )


def digest(sets: Mapping[str, Any]) -> str:
    """The same on all hosts that hold the same lists: the sets are kept as they were declared, for all hosts alike."""
    text = json.dumps(sets, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def asked_routes(gathered: Gathered, this_host: str) -> dict[str, Any]:
    """The declared route of every class of addresses, and what trivial-rewrite(8) answers."""
    problems = Problems()
    organisation = organisation_here(gathered.store.sets.values(), this_host, gathered, problems)
    if problems.found:
        return _not_asked("the list does not fit this host", problems)
    router = Router(organisation)
    compiled = compile_host(router, this_host, gathered.facts, problems)
    if problems.found:
        return _not_asked("the list does not fit this host any more", problems)
    asked = asking.questions(router, this_host, compiled)
    if not gathered.running:
        return _not_asked("Postfix is not running", problems)
    queue = gathered.postfix.parameters(["queue_directory"])["queue_directory"]
    try:
        replies = asking.ask(queue, asked, gathered.read_settings, {*compiled.services, *gathered.store.services})
    except RewriteError as error:
        return {**_not_asked("no answer", problems), "disagreeing": [f"{error}."]}
    return {
        "routes": [asking.plain(reply) for reply in replies],
        "disagreeing": [asking.disagreement(reply) for reply in replies if not reply.agrees],
        "verification": f"trivial-rewrite(8) was asked for {len(replies)} addresses",
    }


def _not_asked(reason: str, problems: Problems) -> dict[str, Any]:
    return {
        "routes": [],
        "disagreeing": [str(problem) for problem in problems.found],
        "verification": f"not asked: {reason}",
    }
