# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files, settings and services that a compiled host needs, each with its whole content. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..connector import values
from ..connector.topology import Organisation
from .compile import Compiled
from .master_cf import Service
from .owned_settings import ListSetting
from .services import (
    POLICY_KIND,
    Directory,
    master_service,
    password_file,
    password_lines,
    policy_file,
    size_file,
    size_filter,
)
from .table_text import render

TRANSPORT = "transport"
RELAY_EXACT = "relay_exact"
RELAY_BELOW = "relay_below"
RECIPIENTS = "relay_recipients"
PEERS = "peers.cidr"
IDENTITY = "identity.regexp"

PUBLIC = 0o644
SECRET = 0o600

Adder = Callable[[str, str, str], str]

NOTE = "Written by mailops.connectors. Changes made by hand are lost at its next run."


@dataclass(frozen=True)
class TableFile:
    """A lookup table in our directory, by its file name. A secret one is never shown."""

    name: str
    type: str
    text: str
    mode: int = PUBLIC

    @property
    def secret(self) -> bool:
        return self.mode == SECRET

    @property
    def entries(self) -> int:
        return sum(1 for line in self.text.splitlines() if line and not line.startswith("#"))


@dataclass(frozen=True)
class Desired:
    tables: Mapping[str, TableFile]
    services: Mapping[str, Service]
    service_settings: Mapping[str, str]
    """main.cf parameters of the queue manager that belong to our services."""
    routes: Mapping[str, ListSetting | str | None]
    """transport_maps, default_transport, relay_transport, relayhost."""
    admission: Mapping[str, ListSetting | str | None]
    """relay_domains, relay_recipient_maps, mynetworks."""


@dataclass(frozen=True)
class ListDefaults:
    """What stands in for parameters that main.cf does not set, once they are set."""

    mynetworks: tuple[str, ...] = ()
    relay_domains: tuple[str, ...] = ()
    recipients_checked: bool = False
    """Whether the administrator checks relay recipients (relay_recipient_maps is set besides ours)."""


def desired(
    compiled: Compiled,
    organisation: Organisation,
    indexed_type: str,
    directory: Directory,
    defaults: ListDefaults,
    passwords: Mapping[str, str],
) -> Desired:
    """Everything that the host needs. passwords: connector key -> password, for every account in use."""
    tables: dict[str, TableFile] = {}

    def add(name: str, kind: str, text: str, mode: int = PUBLIC) -> str:
        tables[name] = TableFile(name, kind, text, mode)
        return f"{kind}:{directory.file(name)}"

    for chain in compiled.services.values():
        if chain.policy_lines:
            add(policy_file(chain.policy_lines), POLICY_KIND, render(chain.policy_lines, [NOTE]))
        if chain.size != values.UNLIMITED:
            add(size_file(chain.size), "regexp", size_filter(chain.size))
        for account in chain.accounts:
            connector = organisation.connectors[account.connector]
            lines = password_lines(connector, passwords[connector.key])
            add(password_file(organisation, account.connector), POLICY_KIND, lines, SECRET)
    routes = _routes(compiled, indexed_type, add)
    admission = _admission(compiled, indexed_type, defaults, add)
    return Desired(
        tables=tables,
        services={name: master_service(chain) for name, chain in compiled.services.items()},
        service_settings={key: value for chain in compiled.services.values() for key, value in chain.settings.items()},
        routes=routes,
        admission=admission,
    )


def transport_text(compiled: Compiled, kept: Mapping[str, str] | None = None) -> str:
    """The transport table; kept are entries of before that stand until default_transport is switched."""
    entries: dict[str, str] = {**compiled.transport, **(kept or {})}
    return render(entries, [NOTE, *compiled.comments])


def _routes(compiled: Compiled, indexed_type: str, add: Adder) -> dict[str, ListSetting | str | None]:
    maps = (add(TRANSPORT, indexed_type, transport_text(compiled)),) if compiled.transport else ()
    declared = bool(compiled.default_route)
    return {
        "transport_maps": ListSetting(maps),
        "default_transport": compiled.default_route if declared else None,
        # Without this, relay domains that have no entry of their own would go by MX (facts: resolve.c, relay class).
        "relay_transport": "$default_transport" if declared else None,
        "relayhost": "" if compiled.by_mx else None,
    }


def _admission(
    compiled: Compiled, indexed_type: str, defaults: ListDefaults, add: Adder
) -> dict[str, ListSetting | str | None]:
    relay: list[str] = []
    if compiled.relay_exact:
        # A table with a pattern in it is asked for the whole name only, so d does not admit its subdomains, whatever
        # parent_domain_matches_subdomains says (src/util/match_ops.c, DICT_FLAG_FIXED).
        identity = add(IDENTITY, "regexp", "/^(.*)$/ $1\n")
        exact = add(RELAY_EXACT, indexed_type, render(dict.fromkeys(compiled.relay_exact, "relay"), [NOTE]))
        relay.append(f"pipemap:{{{identity},{exact}}}")
    if compiled.relay_below:
        both = [key for domain in compiled.relay_below for key in (domain, "." + domain)]
        relay.append(add(RELAY_BELOW, indexed_type, render(dict.fromkeys(both, "relay"), [NOTE])))
    recipients: list[str] = []
    if compiled.relay_exact and defaults.recipients_checked:
        wildcards = ["@" + domain for domain in compiled.relay_exact]
        recipients.append(add(RECIPIENTS, indexed_type, render(dict.fromkeys(wildcards, "x"), [NOTE])))
    peers: list[str] = []
    if compiled.peers:
        text = render([(network, "OK") for network in compiled.peers], [NOTE], in_order=True)
        peers.append(add(PEERS, "cidr", text))
    return {
        "relay_recipient_maps": ListSetting(tuple(recipients)),
        "relay_domains": ListSetting(tuple(relay), defaults.relay_domains),
        "mynetworks": ListSetting(tuple(peers), defaults.mynetworks),
    }
