# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classes of addresses on a host that was set up by hand, each with the way that its mail takes. Pure but for asking tables.

A class is a domain alone (key d), what is below it (.d), or everything else (*), as in the transport table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..connector.errors import ValueProblem
from ..connector.model import Connector
from ..connector.values import read_domain
from .found_delivery import Client, delivery
from .found_security import Unexpressed, has_policy
from .match_list import LookupFailed, Table
from .routes import is_ours, probe
from .view import DEFAULT, LOCAL, RELAY, VIRTUAL_ALIAS, VIRTUAL_MAILBOX, Answer, MailSettings, prefetch, resolve

EVERYTHING = "*"
_HERE = (LOCAL, VIRTUAL_MAILBOX)
_NO_ENTRY = ":"
_PARENTS = (
    "parent_domain_matches_subdomains names transport_maps, so that no entry is for a domain alone; take transport_maps "
    "out of it, and write a key .d beside each d"
)


@dataclass(frozen=True)
class FoundClass:
    """One class. way is None where it cannot be expressed, with the reason, and where nothing has to be.

    listed: the administrator's own transport tables have this very key. explicit: somebody wrote something of this class.
    plain: mail by DNS MX, as without any configuration. here: delivered on this host. managed: a connector takes it already.
    """

    key: str
    way: Connector | None = None
    reason: str = ""
    place: str = ""
    listed: bool = False
    explicit: bool = False
    plain: bool = False
    here: bool = False
    managed: bool = False

    @property
    def blocks(self) -> bool:
        """Whether no connector may take this class along with a wider one."""
        return self.way is None and not (self.here or self.managed)


@dataclass(frozen=True)
class Surroundings:
    """What is known of the host. services are those that carry connectors; directory is where our files are."""

    settings: MailSettings
    client: Client
    parameters: Mapping[str, str]
    directory: str
    services: frozenset[str] = frozenset()
    local_domains: frozenset[str] = frozenset()
    unlisted: tuple[str, ...] = ()

    @property
    def foreign(self) -> tuple[Table, ...]:
        return tuple(table for table in self.settings.transport_maps if not is_ours(table, self.directory))

    @property
    def by_sender(self) -> str:
        """The parameter by which senders choose their own default route; empty where none does."""
        for name in ("sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps"):
            if self.parameters[name]:
                return name
        return ""


def domain_of(key: str) -> str | None:
    """The domain of a table's key d or .d in normal form; None for keys that are something else."""
    try:
        return read_domain(key.removeprefix("."))
    except ValueProblem:
        return None


def relay_keys(around: Surroundings) -> frozenset[str]:
    """What relay_domains lists, the tables of connectors left out."""
    found: set[str] = set()
    for pattern in around.settings.relay_domains.patterns:
        if pattern.table is None:
            found.update({pattern.literal} if pattern.wanted else ())
        elif not is_ours(pattern.table, around.directory):
            found.update(pattern.table.keys)
    return frozenset(found)


def table_keys(tables: Iterable[Table]) -> frozenset[str]:
    return frozenset(key for table in tables for key in table.keys)


class Classes:
    """All classes that somebody wrote something of, and those that a wider class would take along."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.transport_keys = table_keys(around.foreign)
        self.relay_keys = relay_keys(around)
        self.policy_keys = table_keys(around.client.policies)
        bases = self._bases()
        keys = sorted({*bases, *("." + base for base in bases)})
        prefetch(around.settings, [probe(key) for key in (EVERYTHING, *keys)])
        self.found = {key: self._find(key) for key in keys}
        self.everything = self._find(EVERYTHING)

    def _bases(self) -> set[str]:
        written = {*self.transport_keys, *self.relay_keys, *self.policy_keys}
        bases = {domain for domain in map(domain_of, written) if domain}
        below = [key for key in written if key.startswith(".")]
        bases.update(domain for domain in self.around.local_domains if domain.endswith(tuple(below)))
        return bases

    def _find(self, key: str) -> FoundClass:
        around = self.around
        answer = resolve(around.settings, probe(key))
        listed = self._is_listed(key)
        found = FoundClass(key, place=answer.matched[0] if answer.matched else "main.cf", listed=listed)
        if answer.transport in around.services:
            return replace(found, managed=True)
        if answer.problem or answer.domain_class == VIRTUAL_ALIAS:
            reason = answer.problem or "is a virtual alias domain, for which no transport entry counts"
            return replace(found, reason=reason, explicit=listed)
        entry = self._entry(answer)
        if answer.domain_class in _HERE and not entry:
            return replace(found, here=True)
        domain = probe(key).partition("@")[2]
        by_mx = answer.nexthop == domain
        try:
            policy = by_mx and has_policy(around.client.policies, domain)
            plain = by_mx and not entry and answer.domain_class == DEFAULT and answer.transport == "smtp" and not policy
            found = replace(found, plain=plain, explicit=self._is_explicit(key, bool(entry), policy))
            way = delivery(around.client, answer.transport, "" if by_mx else answer.nexthop, domain)
        except Unexpressed as reason:
            return replace(found, reason=str(reason))
        if around.settings.transport_parents and key != EVERYTHING:
            return replace(found, reason=_PARENTS)
        if around.by_sender and (not entry or entry.startswith(":")):
            return replace(found, reason=f"{around.by_sender} chooses the way by the sender")
        if entry.startswith(":") and answer.domain_class in _HERE:
            return replace(found, reason="changes the next hop of local delivery")
        return replace(found, way=replace(way, relay=answer.domain_class == RELAY))

    def _entry(self, answer: Answer) -> str:
        """The transport entry that decided; empty where none did, or where it says "as if not listed"."""
        if answer.matched is None:
            return ""
        name, key = answer.matched
        table = next(one for one in self.around.settings.transport_maps if one.name == name)
        value = table.lookup(key) or ""
        return "" if value == _NO_ENTRY else value

    def _is_listed(self, key: str) -> bool:
        keys = {key}
        if self.around.settings.transport_parents and key.startswith("."):
            keys = {key[1:]}
        if keys & self.transport_keys:
            return True
        try:
            return any(
                table.lookup(one) is not None
                for table in self.around.foreign
                if not table.listable and not table.pattern
                for one in keys
            )
        except LookupFailed:
            return True

    def _is_explicit(self, key: str, entry: bool, policy: bool) -> bool:
        if key == EVERYTHING or (entry and self._is_listed(key)):
            return True
        if policy and key in self.policy_keys:
            return True
        if not key.startswith("."):
            return key in self.relay_keys
        if not self.around.settings.relay_parents:
            return key in self.relay_keys
        # relay_domains admits subdomains here. Where d alone has a transport entry, nobody routed them on purpose.
        return key[1:] in self.relay_keys and not self._is_listed(key[1:])
