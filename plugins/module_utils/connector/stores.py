# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each host of a rollout has, what a list makes of it, and how the hosts see the organisation then. Pure.

A Postfix host keeps the whole list of each set. An Exchange organisation keeps its own connectors only; which servers it has
and how they are linked it knows itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import Problems
from .model import Connector, Wanted, read_connectors
from .plan import plan
from .routing import Router
from .topology import ConnectorSet, Host, Organisation, RoutingGroup, merge, read_hosts, read_routing_groups
from .ways import View

NOBODY = ""
"""The name under which connectors without an owner are kept."""

LINKS = "(site links)"
"""The name under which the declarations of site links are kept."""

Sets = Mapping[str, ConnectorSet]


@dataclass(frozen=True)
class Order:
    """The list as it is given, with what stands beside it."""

    wanted: tuple[Wanted, ...]
    hosts: Mapping[str, Host]
    routing_groups: Mapping[str, RoutingGroup] | None
    set: str = "default"
    purge: bool = False

    def only(self, chosen: Mapping[str, Connector | None], absent: Iterable[str]) -> Order:
        """What one of several passes does: some connectors of the list, by their keys and as they are in this pass where that
        is not what the list says, and the removal of others."""
        listed = [item for item in self.wanted if item.connector.key in chosen and not item.absent]
        made = [replace(item, connector=chosen[item.connector.key] or item.connector) for item in listed]
        gone = [Wanted(Connector(name), absent=True) for name in absent]
        return replace(self, wanted=(*made, *gone), purge=False)


def read_sets(there: Any, order: Order, problems: Problems) -> dict[str, ConnectorSet]:
    """The sets of a host from what postfix_connectors_info or exchange_connectors_info returned; none where it is null.

    Exchange knows nothing of routing groups: what stands beside its connectors is what stands beside the list.
    """
    if not there:
        return {}
    raw: dict[str, Any] = dict(there.get("sets") or {order.set: there})
    if there.get("unmanaged") and isinstance(there["unmanaged"][0], dict):
        raw[NOBODY] = there["unmanaged"]
    made = {}
    for name, content in raw.items():
        parts = content if isinstance(content, dict) else {"connectors": content}
        known = {item.connector.key: item.connector for item in read_connectors(parts.get("connectors"), problems)}
        if isinstance(content, dict):
            hosts = read_hosts(parts.get("hosts"), problems)
            groups = read_routing_groups(parts.get("routing_groups"), problems)
        else:
            hosts = {**read_hosts(there.get("hosts"), problems), **order.hosts}
            groups = dict(order.routing_groups or {})
        made[name] = ConnectorSet(name, known, hosts, groups)
    return made


def with_local_domains(there: Any, hosts: Mapping[str, Host]) -> dict[str, Host]:
    """The hosts, with the domains that an Exchange organisation says it delivers itself."""
    local = {
        str(one.get("domain")).lower()
        for one in (there or {}).get("accepted_domains") or ()
        if one.get("type") == "authoritative" and "*" not in str(one.get("domain"))
    }
    made = dict(hosts)
    for name, host in hosts.items():
        if host.system == "exchange":
            made[name] = replace(host, local_domains=tuple(sorted({*host.local_domains, *local})))
    return made


def on_postfix(sets: Sets, order: Order, problems: Problems) -> dict[str, ConnectorSet]:
    """The sets once the list is applied: on Postfix the list is the whole definition."""
    before = sets.get(order.set, ConnectorSet(order.set))
    made = plan(before, order.wanted, problems, order.hosts, order.routing_groups, order.purge).after
    after = {**sets, order.set: made}
    if made.is_empty:
        del after[order.set]
    return after


def on_exchange(sets: Sets, order: Order, problems: Problems) -> dict[str, ConnectorSet]:
    """The same for an Exchange organisation, where a field left out is left alone, a connector of nobody is taken over, and
    connectors of Postfix hosts play no part."""
    nobody = sets.get(NOBODY, ConnectorSet(NOBODY))
    own = sets.get(order.set, ConnectorSet(order.set))
    found = {**nobody.connectors, **own.connectors}
    wanted = [_settled(item, found) for item in order.wanted if item.absent or _is_made_on_exchange(item, order.hosts)]
    adopted = {name for item in wanted if not item.absent for name in (item.connector.key, *item.renamed_from)}
    taken = {key: one for key, one in nobody.connectors.items() if key in adopted}
    before = replace(own, connectors={**taken, **own.connectors})
    made = plan(before, wanted, problems, order.hosts, order.routing_groups, order.purge).after
    after = {**sets, order.set: made}
    if taken:
        left = {key: one for key, one in nobody.connectors.items() if key not in taken}
        after[NOBODY] = replace(nobody, connectors=left)
    return {name: one for name, one in after.items() if not one.is_empty}


def _is_made_on_exchange(item: Wanted, hosts: Mapping[str, Host]) -> bool:
    return carried_by(item, hosts, "exchange") and not between_exchange_groups(item, hosts)


def carried_by(item: Wanted, hosts: Mapping[str, Host], system: str) -> bool:
    return any(name in hosts and hosts[name].system == system for name in item.connector.bridgeheads)


def _settled(item: Wanted, found: Mapping[str, Connector]) -> Wanted:
    old = next((found[name] for name in (item.connector.key, *item.renamed_from) if name in found), None)
    if item.absent or old is None:
        return item
    return replace(item, connector=item.laid_over(old))


def between_exchange_groups(item: Wanted, hosts: Mapping[str, Host]) -> bool:
    """Whether a connector is only the declaration of site links, for which nothing is made."""
    groups = {host.routing_group for host in hosts.values() if host.system == "exchange"}
    links = item.connector.connected_routing_groups
    return bool(links) and carried_by(item, hosts, "exchange") and all(link.name in groups for link in links)


class Stores:
    """The hosts of a rollout. this: the Exchange host that stands for its organisation, whose servers change at once."""

    def __init__(self, order: Order, this: str, problems: Problems) -> None:
        self.order = order
        self.this = this
        self.on_exchange = frozenset(name for name, host in order.hosts.items() if host.system == "exchange")
        if self.on_exchange and this not in self.on_exchange:
            remedy = f"name one of {', '.join(sorted(self.on_exchange))}"
            problems.add("", "this", this, "is no Exchange server of hosts", remedy)
        self.unit_of = {name: this if name in self.on_exchange else name for name in order.hosts}
        self.exchange_hosts = order.hosts
        self._views: list[tuple[Sets, str, View]] = []

    def read(self, there: Mapping[str, Any]) -> dict[str, Sets]:
        """What is wrong with what is there plays no part: mail follows it all the same."""
        read = {name.lower(): content for name, content in there.items()}
        exchange = self._read_exchange(read.get(self.this)) if self.on_exchange else {}
        return {
            name: exchange if name in self.on_exchange else read_sets(read.get(name), self.order, Problems())
            for name in self.order.hosts
        }

    def _read_exchange(self, there: Any) -> Sets:
        """With the declarations of site links, for which Exchange has no connector to read."""
        self.exchange_hosts = with_local_domains(there, self.order.hosts)
        sets = read_sets(there, replace(self.order, hosts=self.exchange_hosts), Problems())
        # Under names of their own: Exchange may still have a connector of such a name, from when it was another one.
        links = [
            replace(item.connector, name=f"{item.connector.name} (site link)")
            for item in self.order.wanted
            if not item.absent and between_exchange_groups(item, self.order.hosts)
        ]
        if links:
            known = {one.key: one for one in links}
            sets[LINKS] = ConnectorSet(LINKS, known, self.exchange_hosts, self.order.routing_groups or {})
        return sets

    def apply(self, sets: Mapping[str, Sets], order: Order, problems: Problems) -> dict[str, Sets]:
        """What all hosts have once they have taken over a list."""
        made: dict[str, Sets] = {}
        known: list[tuple[Sets, bool, Sets]] = []
        for name, one in sets.items():
            exchange = name in self.on_exchange
            after = next((new for old, kind, new in known if kind == exchange and old == one), None)
            if after is None and exchange:
                after = on_exchange(one, replace(order, hosts=self.exchange_hosts), problems)
            elif after is None:
                after = on_postfix(one, order, problems)
            known.append((one, exchange, after))
            made[name] = after
        return made

    def state(self, sets: Mapping[str, Sets]) -> dict[str, View]:
        return {
            name: self._view(one, "exchange" if name in self.on_exchange else "postfix") for name, one in sets.items()
        }

    def views_of_postfix(self, sets: Mapping[str, Sets], problems: Problems) -> list[View]:
        """Each view once, with what is wrong with its sets."""
        found: list[View] = []
        for name, view in self.state(sets).items():
            if name not in self.on_exchange and view not in found:
                found.append(view)
                merge(sets[name].values(), problems, "postfix", name)
        return found

    def _view(self, sets: Sets, system: str) -> View:
        """One view for all hosts that have the same sets."""
        for known, for_system, view in self._views:
            if for_system == system and known == sets:
                return view
        made = View(Router(self._organisation(sets, system)))
        self._views.append((dict(sets), system, made))
        return made

    def _organisation(self, sets: Sets, system: str) -> Organisation:
        made = merge(sets.values(), Problems(), system)
        unknown = {name: Host(name, host.system) for name, host in self.order.hosts.items() if name not in made.hosts}
        connectors = {key: one for key, one in made.connectors.items() if one.bridgeheads}
        return replace(made, hosts={**made.hosts, **unknown}, connectors=connectors)


def differing(sets: Sequence[tuple[Sets, Sets]], set_name: str) -> set[str]:
    """The keys of the connectors that are not the same before and after, on some host."""
    found: set[str] = set()
    for before, after in sets:
        for name in (set_name, NOBODY):
            old = before[name].connectors if name in before else {}
            new = after[name].connectors if name in after else {}
            found.update(key for key in {*old, *new} if old.get(key) != new.get(key))
    return found


def halfway(old: Connector, new: Connector) -> list[Connector]:
    """The new connector, carrying the address spaces of before as well, on the bridgeheads of before as well or alone."""
    both = tuple(sorted({*old.bridgeheads, *new.bridgeheads}))
    listed = {(space.type, space.pattern, space.native) for space in new.address_spaces}
    more = [space for space in old.address_spaces if (space.type, space.pattern, space.native) not in listed]
    spaces = tuple(sorted([*new.address_spaces, *more]))
    made = [
        replace(new, address_spaces=spaces),
        replace(new, bridgeheads=both),
        replace(new, bridgeheads=old.bridgeheads),
        replace(new, bridgeheads=both, address_spaces=spaces),
    ]
    return [one for one in dict.fromkeys(made) if one not in (old, new)]
