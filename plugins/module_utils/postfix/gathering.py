# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading one Postfix host: what compiling and planning need to know of it. Writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..connector.errors import Problems, connector_place
from ..connector.topology import Organisation
from . import view
from .command import Postfix
from .compile import Compiled, HostFacts
from .desired import RELAY_BELOW, RELAY_EXACT, TRANSPORT, Desired, ListDefaults
from .fields import check_native_values
from .logical_lines import PostfixFileError
from .lookup_tables import INDEX_SUFFIXES, LookupTables, choose_indexed_type
from .main_cf import MainCf, split_list
from .master_cf import MasterCf
from .match_list import LookupFailed, MatchList
from .open_relay import check_open_relay
from .owned_settings import others
from .routes import is_ours, probe
from .services import Directory, master_service
from .steps import ROUTE_NAMES, Found
from .store import FILE, Store
from .view import MailSettings

PARAMETERS = (
    "message_size_limit",
    "smtp_fallback_relay",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "relay_recipient_maps",
    "mynetworks",
    "relay_domains",
    "default_database_type",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
)


@dataclass(frozen=True)
class Gathered:
    """A snapshot of the host."""

    postfix: Postfix
    tables: LookupTables
    directory: Directory
    store: Store
    main_text: str
    master_text: str
    facts: HostFacts
    defaults: ListDefaults
    settings: MailSettings
    entries: Mapping[str, Mapping[str, str]]
    indexed_type: str
    running: bool

    @property
    def entries_before(self) -> Mapping[str, str]:
        """Our transport table as it is in force."""
        return self.entries.get(TRANSPORT, {})

    @property
    def owns_default_route(self) -> bool:
        return "default_transport" in self.store.settings

    @property
    def smtp_clients(self) -> frozenset[str]:
        """The services that are smtp(8) and not of connectors."""
        services = MasterCf.parse(self.master_text).services()
        return frozenset(one.name for one in services if one.command == "smtp") - set(self.store.services)

    def restored(self, compiled: Compiled) -> dict[str, str]:
        """What the parameters of the default route go back to where we let go of them."""
        if compiled.default_route and (compiled.by_mx or "relayhost" not in self.store.settings):
            return {}
        defaults = self.postfix.defaults(ROUTE_NAMES)
        values: dict[str, str] = {}
        for name in ("relayhost",) if compiled.default_route else ROUTE_NAMES:
            if name in self.store.settings:
                found = self.store.settings[name].found
                value = None if found is None else MainCf.parse(found).get(name)
                values[name] = defaults[name] if value is None else value
        return values

    def read_settings(self) -> MailSettings:
        return view.gather(self.postfix, self.tables)

    def found(self, want: Desired, tables: LookupTables) -> Found:
        stale: dict[str, str] = {}
        unreadable: set[str] = set()
        for name, table in want.tables.items():
            path = self.directory.file(name)
            reason = tables.is_current(table.type, path, table.text, table.mode)
            if reason:
                stale[name] = reason
                if table.type in INDEX_SUFFIXES and tables.dump(table.type, path) is None:
                    unreadable.add(name)
        return Found(
            main_text=self.main_text,
            master_text=self.master_text,
            services=self.store.services,
            settings=self.store.settings,
            stale=stale,
            unreadable=frozenset(unreadable),
            entries=self.entries,
            files=_files(self.directory.path),
            running=self.running,
        )

    def unmanaged(self) -> list[str]:
        """What decides about routes here and is not ours; left alone."""
        names = [f"transport_maps {table.name}" for table in self.settings.transport_maps if not self._ours(table.name)]
        if self.settings.relayhost:
            names.append(f"relayhost {self.settings.relayhost}")
        for name in ("sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps"):
            names += [f"{name} {table}" for table in split_list(self.facts.parameters.get(name, ""))]
        return sorted(names)

    def shadowed(self, compiled: Compiled) -> list[str]:
        """Warnings about the administrator's entries that stand behind ours under the same key."""
        warnings = []
        for table in self.settings.transport_maps:
            if table.listable and not self._ours(table.name):
                same = sorted(key for key in compiled.transport if key in table.keys and compiled.transport[key] != ":")
                if same:
                    told = ", ".join(same[:5]) + (f" and {len(same) - 5} more" if len(same) > 5 else "")
                    warnings.append(f"{table.name} has entries for {told} too; the connectors stand before them")
        return warnings

    def written_defaults(self, after: Store) -> list[str]:
        """Warnings about defaults that Postfix computed until now, and that have to be written from now on."""
        if not self.defaults.mynetworks or "mynetworks" not in after.settings:
            return []
        written = ", ".join(self.defaults.mynetworks)
        return [
            f"mynetworks was computed by Postfix until now ({written}); this value is written behind the owned table"
        ]

    def check_service_names(self, compiled: Compiled, problems: Problems) -> None:
        master = MasterCf.parse(self.master_text)
        there = {service.name: service for service in master.services()}
        for name, chain in compiled.services.items():
            # An equal service under a name that says its content was made here: its store was lost.
            if name in there and name not in self.store.services and there[name] != master_service(chain):
                problems.add(
                    "master.cf", name, None, "is a service that was not made by this module", "rename that service"
                )

    def check_alias_domains(self, compiled: Compiled, problems: Problems) -> None:
        """No transport table counts for a virtual alias domain: its addresses are rewritten or unknown (resolve.c)."""
        exact = [
            key for key in sorted(compiled.transport) if not key.startswith(".") and compiled.transport[key] != ":"
        ]
        for key in exact if self.settings.virtual_alias_domains.patterns else ():
            if view.resolve(self.settings, probe(key)).domain_class == view.VIRTUAL_ALIAS:
                remedy = f"take {key} out of virtual_alias_domains with postfix_main_cf, or out of the address spaces"
                problem = "is a virtual alias domain of this host, whose mail no connector can take"
                problems.add("main.cf", "virtual_alias_domains", key, problem, remedy)

    def check_parent_domains(self, compiled: Compiled, problems: Problems) -> None:
        """With transport_maps among these, the key d stands for its subdomains too, and .d for nothing (transport.c)."""
        bases = {key.removeprefix(".") for key in compiled.transport}
        if not self.settings.transport_parents:
            return
        if any(compiled.transport.get(base) != compiled.transport.get("." + base) for base in bases):
            problem = "lets an entry for a domain stand for its subdomains too, so that no connector can take one of them alone"
            remedy = "take transport_maps out of it with postfix_main_cf, and write a key .d beside each d of your own tables"
            value = self.postfix.parameters(["parent_domain_matches_subdomains"])["parent_domain_matches_subdomains"]
            problems.add("main.cf", "parent_domain_matches_subdomains", value, problem, remedy)

    def check_open_relay(self, compiled: Compiled, problems: Problems) -> None:
        """An open relay is refused, also where somebody else opened it."""
        if not (compiled.services or compiled.relay_exact or compiled.relay_below):
            return
        check_open_relay(self.facts.parameters, problems)

    def check_carried(self, organisation: Organisation, compiled: Compiled, problems: Problems) -> None:
        """What the connectors carried here need of this host: their files, and a Postfix that knows their parameters."""
        carried = [organisation.connectors[key] for key in compiled.carried]
        names = sorted({name for connector in carried for name, _value in connector.postfix})
        defaults = self.postfix.defaults(names) if names else {}
        known = self.postfix.known_parameters() if any(name not in defaults for name in names) else set(defaults)
        for connector in carried:
            check_native_values(connector, defaults, known, problems)
            for field, path in (("tls.ca_file", connector.tls.ca_file), ("tls.certificate", connector.tls.certificate)):
                if path and not self.postfix.has_file(path):
                    remedy = "put the file there before this task, or correct the path"
                    where = connector_place(connector.name)
                    problems.add(where, field, path, "is no file on this host", remedy)

    def _ours(self, name: str) -> bool:
        return f":{self.directory.path}/" in name


def gather(postfix: Postfix, tables: LookupTables, known: Store) -> Gathered:
    """Reads main.cf, master.cf, the tables that decide about routes, and whether Postfix runs."""
    directory = Directory(postfix.config_directory)
    main_text = _required(postfix.main_text(), postfix.main_cf)
    master_text = _required(postfix.master_text(), postfix.master_cf)
    main = MainCf.parse(main_text, postfix.main_cf)
    MasterCf.parse(master_text, postfix.master_cf)
    parameters = postfix.parameters(PARAMETERS)
    settings = view.gather(postfix, tables)
    local, unlisted = _local_domains(settings)
    indexed_type = choose_indexed_type(postfix.table_types(), parameters["default_database_type"])
    recipients = others(parameters["relay_recipient_maps"], directory.path)
    facts = HostFacts(
        config_directory=postfix.config_directory,
        local_domains=local,
        unlisted=unlisted,
        foreign_keys=_foreign_keys(settings, local, directory),
        parameters={**parameters, "relay_recipient_maps": ", ".join(recipients)},
    )
    defaults = ListDefaults(
        # Where mynetworks is unset, Postfix computes it from mynetworks_style; once set, the computed value has to be written.
        mynetworks=tuple(split_list(parameters["mynetworks"])) if main.get("mynetworks") is None else (),
        relay_domains=("$mydestination",) if main.get("relay_domains") is None and parameters["relay_domains"] else (),
        recipients_checked=bool(recipients),
    )
    entries = {}
    for name in (TRANSPORT, RELAY_EXACT, RELAY_BELOW):
        content = tables.dump(indexed_type, directory.file(name))
        if content is not None:
            entries[name] = content
    return Gathered(
        postfix=postfix,
        tables=tables,
        directory=directory,
        store=known,
        main_text=main_text,
        master_text=master_text,
        facts=facts,
        defaults=defaults,
        settings=settings,
        entries=entries
        if any(is_ours(table, directory.path) for table in settings.transport_maps)
        else {name: content for name, content in entries.items() if name != TRANSPORT},
        indexed_type=indexed_type,
        running=postfix.is_running(),
    )


def _required(text: str | None, path: str) -> str:
    if text is None:
        raise PostfixFileError(
            path, 0, "there is no such file", "Install and configure Postfix, or correct config_directory."
        )
    return text


def _local_domains(settings: MailSettings) -> tuple[frozenset[str], tuple[str, ...]]:
    """The domains delivered here, and the tables of such domains that cannot be listed."""
    domains: set[str] = set()
    unlisted: set[str] = set()
    for match_list in (settings.mydestination, settings.virtual_alias_domains, settings.virtual_mailbox_domains):
        for pattern in match_list.patterns:
            if pattern.table is None:
                if pattern.wanted:
                    domains.add(pattern.literal)
            elif pattern.table.listable:
                domains.update(key for key in pattern.table.keys if "@" not in key)
            else:
                unlisted.add(pattern.table.name)
    return frozenset(domain for domain in domains if _in(settings, domain)), tuple(sorted(unlisted))


def _in(settings: MailSettings, domain: str) -> bool:
    lists: tuple[MatchList, ...] = (
        settings.mydestination,
        settings.virtual_alias_domains,
        settings.virtual_mailbox_domains,
    )
    try:
        return "." in domain and any(one.has_string(domain) for one in lists)
    except LookupFailed:
        return False


def _foreign_keys(settings: MailSettings, domains: frozenset[str], directory: Directory) -> frozenset[str]:
    """Which of the domains the administrator's own transport tables hold: those entries decide, and not ours."""
    found: set[str] = set()
    for table in settings.transport_maps:
        if is_ours(table, directory.path) or table.pattern:
            continue
        table.prefetch(sorted(domains))
        found.update(domain for domain in domains if table.lookup(domain) is not None)
    return frozenset(found)


def _files(path: str) -> tuple[str, ...]:
    """The files of our directory that may be dropped; the store is not among them."""
    if not os.path.isdir(path):
        return ()
    return tuple(name for name in sorted(os.listdir(path)) if name != FILE and not name.startswith("."))
