# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes before objects: what trivial-rewrite(8) answers now and will answer, for every address space. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ..connector.model import Connector
from ..connector.plan import RouteChange
from ..connector.routing import Element, Route, route_text
from .compile import Compiled
from .found_delivery import same_next_hops
from .match_list import MatchList, Pattern, Table
from .view import Answer, MailSettings, resolve

PROBE = "mailops-probe"
STRANGER = f"{PROBE}.invalid"


def probe(key: str) -> str:
    """An address whose route is that of a transport key: d, .d (one subdomain), or * (a stranger)."""
    if key == "*":
        return f"{PROBE}@{STRANGER}"
    return f"{PROBE}@{PROBE}{key}" if key.startswith(".") else f"{PROBE}@{key}"


def is_ours(table: Table, directory: str) -> bool:
    return f":{directory}/" in table.name


def with_routes(
    settings: MailSettings, compiled: Compiled, directory: str, restored: Mapping[str, str]
) -> MailSettings:
    """The settings as they are once the host is as compiled. restored: what parameters go back to when we let go."""
    foreign = tuple(table for table in settings.transport_maps if not is_ours(table, directory))
    ours = (Table.of(f"connectors:{directory}/transport", compiled.transport),) if compiled.transport else ()
    default_transport = restored.get("default_transport", settings.default_transport)
    relay_transport = restored.get("relay_transport", settings.relay_transport)
    relayhost = restored.get("relayhost", settings.relayhost)
    if compiled.default_route:
        default_transport = relay_transport = compiled.default_route
        relayhost = "" if compiled.by_mx else relayhost
    return replace(
        settings,
        transport_maps=(*ours, *foreign),
        relay_domains=_relay_domains(settings.relay_domains, compiled, directory),
        default_transport=default_transport,
        relay_transport=relay_transport,
        relayhost=relayhost,
    )


def _relay_domains(now: MatchList, compiled: Compiled, directory: str) -> MatchList:
    """relay_domains decides about the address class, and so about the route of what no transport entry names."""
    foreign = [
        pattern for pattern in now.patterns if pattern.table is None or f"{directory}/" not in pattern.table.name
    ]
    exact = Table.of(f"connectors:{directory}/relay_exact", dict.fromkeys(compiled.relay_exact, "relay"))
    both = [key for domain in compiled.relay_below for key in (domain, "." + domain)]
    below = Table.of(f"connectors:{directory}/relay_below", dict.fromkeys(both, "relay"))
    return MatchList((Pattern(table=replace(exact, pattern=True)), Pattern(table=below), *foreign))


class Words:
    """Answers in words: a chain of ours by its connectors, anything else by its service and next hop.

    clients are the services in master.cf that are smtp(8), as those of connectors are; fallback is where they turn last.
    """

    def __init__(
        self,
        chains: Mapping[str, tuple[Element, ...]],
        connectors: Mapping[str, Connector],
        clients: Collection[str] = ("smtp", "relay"),
        fallback: str = "",
    ) -> None:
        self.chains = chains
        self.connectors = connectors
        self.clients = clients
        self.fallback = fallback

    def of(self, answer: Answer, key: str) -> str:
        if answer.problem:
            return answer.problem
        if answer.transport in self.chains:
            return route_text(Route(None, 0, self.chains[answer.transport]), self.connectors)
        if answer.domain_class == "local" and answer.matched is None:
            return f"local delivery ({answer.transport})"
        if answer.nexthop == probe(key).partition("@")[2]:
            return f"no connector: {answer.transport} by DNS MX"
        return f"no connector: {answer.transport} to {answer.nexthop}"

    def takes_over(self, old: Answer, new: Answer) -> bool:
        """Whether a connector takes mail to where somebody else's service took it before: the way stays the same."""
        theirs = old.transport in self.clients and not old.problem
        whole = f"{old.nexthop},{self.fallback}" if self.fallback else old.nexthop
        return theirs and self.served(new) and same_next_hops(whole, new.nexthop)

    def served(self, answer: Answer) -> bool:
        return answer.transport in self.chains


def changes(
    host: str,
    keys: Iterable[str],
    before: tuple[MailSettings, Words],
    after: tuple[MailSettings, Words],
) -> list[RouteChange]:
    """The address spaces whose mail takes another way, sorted; d and .d together are *.d."""
    found: dict[str, RouteChange] = {}
    for key in sorted(set(keys)):
        old = resolve(before[0], probe(key))
        new = resolve(after[0], probe(key))
        old_words, new_words = before[1].of(old, key), after[1].of(new, key)
        same = old == new and not (before[1].served(old) or after[1].served(new))
        if same or old_words == new_words or after[1].takes_over(old, new):
            continue
        unserved = before[1].served(old) and not after[1].served(new)
        space = "*" + key if key.startswith(".") else key
        found[key] = RouteChange(host, space, old_words, new_words, unserved)
    return [change for key, change in found.items() if not _said_by_subtree(key, found)]


def _said_by_subtree(key: str, found: Mapping[str, RouteChange]) -> bool:
    other = found.get("." + key)
    return other is not None and (other.before, other.after) == (found[key].before, found[key].after)
