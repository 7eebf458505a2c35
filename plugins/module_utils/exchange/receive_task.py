# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Receive connectors from a list: what is read, what is decided, and how the read-back is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..connector.errors import Problems, ValueProblem
from ..connector.plan import Plan, unsafe
from ..connector.topology import ConnectorSet, read_hosts
from . import narrowing, permissions, receive_clashes, receive_rules, removals, servers, values
from .calls import Call, Each
from .receive_connector import Found, Settings, read, read_entries, relay_of, show
from .receive_plan import Item, Targets, after, check_clashes, differences, known_label, listeners, plan_items
from .receive_writes import READ, write
from .servers import Servers
from .task import Answers, Object, Planned, Session

READ_SIZES = Call("Get-TransportConfig", properties=("MaxReceiveSize", "OriginatingServer"), optional=True)
_CERTIFICATE = ("Issuer", "Subject", "Services", "NotAfter", "HasPrivateKey")
_SERVERS, _CONNECTORS, _SIZES = range(3)


@dataclass(frozen=True)
class Request:
    """What the task asks for, as it was given. anonymous_logon: how the servers name strangers, where that does not show."""

    connectors: Any
    hosts: Any = None
    set: str = "default"
    purge: bool = False
    anonymous_logon: str = ""
    removals: str = removals.NOW


@dataclass(frozen=True, order=True)
class _Rights:
    """A call that reads the permissions of one connector, under its name or an earlier one."""

    server: str
    names: tuple[str, ...]

    def call(self) -> Call:
        titles = [f"{self.server}\\{name}" for name in self.names]
        each = Each(_CONNECTORS, "DistinguishedName", "Identity", {"Identity": titles})
        return Call("Get-ADPermission", properties=permissions.PROPERTIES, optional=True, each=each)


class ReceiveConnectors:
    """The backend of exchange_receive_connectors."""

    def __init__(self, request: Request) -> None:
        """Raises ConnectorError with every mistake that shows without a look at Exchange."""
        problems = Problems()
        self.set = request.set
        self.purge = request.purge
        self.anonymous_logon = request.anonymous_logon
        self.removals = request.removals
        self.entries = read_entries(request.connectors, problems)
        self.declared = read_hosts(request.hosts, problems)
        for entry in self.entries:
            receive_rules.check_entry(entry, problems)
        self._check_names(problems)
        problems.raise_if_any()
        self.rights = self._rights()
        self.certified = sorted(
            {self._label(host) for one in self.entries if one.given.get("tls.certificate") for host in one.servers}
        )

    def _label(self, host: str) -> str:
        """The first label of the server that an inventory host is, as far as that is known before servers are read."""
        known = self.declared.get(host)
        return values.first_label(known.server_name if known and known.server_name else host)

    def _check_names(self, problems: Problems) -> None:
        """A name stands once for each server; the same name on other servers is another connector."""
        seen: dict[tuple[str, str], str] = {}
        for entry in self.entries:
            for host in entry.servers or ("",):
                for name in sorted(entry.names):
                    key = (self._label(host), name)
                    if key in seen:
                        message = f'stands for "{seen[key]}" on {host or "all servers"} already; names are compared without case'
                        remedy = "give each connector of a server a name of its own"
                        problems.add(entry.where, "name", name, message, remedy)
                    seen[key] = entry.name

    def _rights(self) -> list[_Rights]:
        """Whose permissions count: connectors whose relaying, hosts or groups the list speaks of."""
        asked = set()
        for entry in self.entries:
            security = {"permission_groups", "auth_mechanisms"} & {*entry.given, *entry.reset}
            if entry.relay or entry.ranges or security:
                asked |= {_Rights(self._label(host), tuple(sorted(entry.names))) for host in entry.servers}
        if asked and not self.anonymous_logon:
            # Who is anonymous in the system's language shows on the connectors that every server has.
            first = min(one.server for one in asked)
            for name in ("default frontend", "default", "default internal receive connector"):
                asked.add(_Rights(first, (f"{name} {first}",)))
        return sorted(asked)

    def reads(self) -> list[Call]:
        calls = [servers.READ_SERVERS, READ, READ_SIZES, *(one.call() for one in self.rights)]
        for label in self.certified:
            calls.append(Call("Get-ExchangeCertificate", {"Server": label}, properties=_CERTIFICATE, optional=True))
        return calls

    def plan(self, answers: Answers, session: Session) -> Planned:
        problems = Problems()
        warnings: list[str] = []
        known = servers.read_servers(answers[_SERVERS], self.declared, session.edge, session.server)
        servers.check_declared(self.declared, known, problems)
        problems.raise_if_any()
        rights = answers[_SIZES + 1 : _SIZES + 1 + len(self.rights)]
        found, anonymous = self._found(answers[_CONNECTORS], rights, known, warnings)
        targets = Targets(known, found)
        items = plan_items(self.entries, targets, self.set, self.purge, problems, warnings)
        check_clashes(items, found, problems, warnings)
        problems.raise_if_any()
        due = self._due(items, found)
        acting = [one for one in due if one.action]
        order = _order(acting, found, problems)
        problems.raise_if_any()
        certificates = dict(zip(self.certified, answers[_SIZES + 1 + len(self.rights) :]))
        warnings += [*_certificates(items, certificates), *_sizes(items, answers[_SIZES]), *_unreadable(items)]
        own = [one for one in found if one.owner == self.set]
        # What is removed in another run counts too, so that a dangerous list is refused before its first half.
        judged = Plan(tuple(one.change() for one in items if one.action), ConnectorSet(self.set), len(own))
        writes = write(acting, order, self.set, anonymous)
        return Planned(
            plan=[{"server": one.server.name, **one.change().plain()} for one in acting],
            writes=writes,
            read_back=_read_back(acting, len(writes)) if writes else [],
            check=lambda read_back: self._differences(acting, read_back, known, anonymous),
            unmanaged=self._unmanaged(found, items, known),
            unsafe=[one.plain() for one in unsafe(judged, [], 0)],
            warnings=list(dict.fromkeys(warnings)),
            diff=_diff(due, own, known, session.edge),
            waits=self._waits(items, due) if self.removals == removals.LATER else None,
        )

    def _due(self, items: Sequence[Item], found: Sequence[Found]) -> list[Item]:
        """What belongs to this run: a removal waits for its own, unless it makes room for what comes, and so does whatever lets in
        fewer hosts than before."""
        if self.removals == removals.NOW:
            return list(items)
        due: list[Item] = []
        for label in dict.fromkeys(known_label(one.server) for one in items):
            here = [one for one in items if known_label(one.server) == label]
            leaving = [one.name.lower() for one in here if one.new is None]
            before = listeners(found, label)
            urgent = removals.in_the_way(before, after(before, here), leaving)
            staying = [one for one in here if one.new is not None]
            halves = narrowing.narrowed(staying, before, [name for name in leaving if name not in urgent])
            for one in here:
                name = one.name.lower()
                if name in halves:
                    half = halves[name]
                    due.append(half if self.removals == removals.LATER else narrowing.second_half(one, half, self.set))
                elif removals.are_due(self.removals, one.new is None and name not in urgent):
                    due.append(one)
        return due

    def _waits(self, items: Sequence[Item], due: Sequence[Item]) -> bool:
        """Whether something is left for the run of removals."""
        return any(one.action and one not in due for one in items)

    def _found(
        self, objects: Sequence[Object], answers: Answers, known: Servers, warnings: list[str]
    ) -> tuple[list[Found], str]:
        """The connectors with what their permissions say, and the name of strangers."""
        found = {one.key: one for one in (read(item, known) for item in objects)}
        seen = []
        for asked, entries in zip(self.rights, answers):
            there = [found[asked.server, name] for name in asked.names if (asked.server, name) in found]
            if len(there) == 1 and entries:
                seen.append((there[0], permissions.read_rights(entries)))
        groups = [(one.settings.get("permission_groups", ()), rights) for one, rights in seen]
        anonymous = permissions.anonymous_logon(groups, self.anonymous_logon)
        for one, rights in seen:
            found[one.key] = replace(one, right=rights.of(anonymous), stranger=anonymous)
            if rights.denies(anonymous) or rights.inherits(anonymous):
                word = "denies" if rights.denies(anonymous) else "inherits"
                warnings.append(
                    f"{one.title} {word} the right {permissions.RELAY_RIGHT} of {anonymous} in its Active Directory entry, which "
                    "this task leaves alone; relay may not work as the list says (Get-ADPermission shows it)"
                )
        return list(found.values()), anonymous

    def _differences(self, items: Sequence[Item], read_back: Answers, known: Servers, anonymous: str) -> list[str]:
        now = {one.key: one for one in (read(found, known) for found in read_back[0])}
        answers = iter(read_back[1:])
        told = []
        for item in items:
            one = now.get((known_label(item.server), item.name.lower()))
            if item.right is not None and item.new is not None:
                entries = next(answers, ())
                one = replace(one, right=permissions.read_rights(entries).of(anonymous)) if one and entries else one
            told += differences(item, one, self.set)
        return told

    def _unmanaged(self, found: Sequence[Found], items: Sequence[Item], known: Servers) -> list[str]:
        """Connectors of nobody on the servers that the list is about; the default ones belong to Exchange."""
        about = {known_label(one.server) for one in items} or {one.server for one in found}
        taken = {one.before.key for one in items if one.before}
        return sorted(
            one.title
            for one in found
            if not one.owner
            and one.server in about
            and one.key not in taken
            and not receive_rules.is_default(one.name, one.server)
        )


def _read_back(items: Sequence[Item], place: int) -> list[Call]:
    """place: of the first of these calls, behind the writes. They read the connectors, and the permissions that matter."""
    calls = [READ]
    for item in items:
        if item.right is not None and item.new is not None:
            each = Each(place, "DistinguishedName", "Identity", {"Identity": [item.title]})
            calls.append(Call("Get-ADPermission", properties=permissions.PROPERTIES, optional=True, each=each))
    return calls


def _order(items: Sequence[Item], found: Sequence[Found], problems: Problems) -> list[int]:
    """The places of items in an order in which no connector is in another's way at any moment."""
    order: list[int] = []
    for label in sorted({known_label(one.server) for one in items}):
        places = [place for place, one in enumerate(items) if known_label(one.server) == label]
        here = [items[place] for place in places]
        before = listeners(found, label)
        wanted = after(before, here)
        works = [
            receive_clashes.Work(
                one.before.name.lower() if one.before else None,
                one.name.lower() if one.new is not None else None,
                wanted.get(one.name.lower()) if one.new is not None else None,
            )
            for one in here
        ]
        arranged, blocked = receive_clashes.arrange(before, works)
        order += [places[place] for place in arranged]
        for place, why in blocked.items():
            remedy = "free its place in a run of its own first, by state: absent or with other ranges"
            message = f"cannot change in one run, since it and another one take each other's place: {why}"
            problems.add(here[place].where, "bindings", None, message, remedy)
    return order


def _diff(items: Sequence[Item], own: Sequence[Found], known: Servers, edge: bool) -> dict[str, Any]:
    """The set's connectors before and after in the vocabulary; those that are alike on several servers stand there once."""
    before: dict[tuple[str, str], tuple[str, Settings, str | None]] = {
        one.key: (one.name, one.settings, one.relay) for one in own
    }
    for item in items:
        if item.before and item.action == "adopt":
            before[item.before.key] = (item.before.name, item.before.settings, item.before.relay)
    result = dict(before)
    for item in items:
        if item.before:
            result.pop(item.before.key, None)
        if item.new is not None:
            relay = relay_of(item.new, item.right)
            result[known_label(item.server), item.name.lower()] = (item.name, item.new, relay)
    return {"before": alike(before, known, edge), "after": alike(result, known, edge)}


def alike(
    connectors: Mapping[tuple[str, str], tuple[str, Settings, str | None]], known: Servers, edge: bool
) -> list[dict[str, Any]]:
    """In the vocabulary: those that are alike on several servers stand there once. By server and name: name, settings, relay."""
    made: list[dict[str, Any]] = []
    for (label, _key), (name, settings, relay) in sorted(connectors.items(), key=lambda one: (one[0][1], one[0][0])):
        shown = show(name, [known.host_of(label)], settings, relay, edge)
        last = made[-1] if made else None
        if last and {**last, "servers": None} == {**shown, "servers": None}:
            last["servers"] += shown["servers"]
        else:
            made.append(shown)
    return made


# --- warnings --------------------------------------------------------------------------------------------------------


def _certificates(items: Sequence[Item], certificates: Mapping[str, Sequence[Object]]) -> list[str]:
    """STARTTLS disappears where the named certificate is missing or not meant for SMTP (event 12014)."""
    told = []
    for item in items:
        name = str((item.new or {}).get("tls.certificate", ""))
        label = known_label(item.server)
        if not name or label not in certificates:
            continue
        there = [one for one in certificates[label] if one.get("Subject")]
        if not there:
            told.append(
                f"the certificates of {item.server.name} could not be read, so tls.certificate of {item.name} is not checked"
            )
            continue
        same = [one for one in there if f"<I>{one.get('Issuer')}<S>{one.get('Subject')}".lower() == name.lower()]
        if not same:
            told.append(
                f"{item.where}: {item.server.name} has no certificate {name}, and will not offer STARTTLS with it"
            )
        elif not any("smtp" in str(one.get("Services")).lower() for one in same):
            told.append(f"{item.where}: the certificate {name} is not enabled for SMTP (Enable-ExchangeCertificate)")
        elif not any(one.get("HasPrivateKey") in (None, True) for one in same):
            told.append(f"{item.where}: the certificate {name} has no private key")
    return told


def _sizes(items: Sequence[Item], configuration: Sequence[Object]) -> list[str]:
    shown = configuration[0].get("MaxReceiveSize") if configuration else None
    try:
        limit = values.read_size(shown or "unlimited")
    except ValueProblem:
        return []
    small = [
        f"{one.where} ({values.write_size(size)})"
        for one in items
        for size in [(one.new or {}).get("limits.max_message_size")]
        if one.entry and "limits.max_message_size" in one.entry.given and size is not None and 0 < size < limit
    ]
    if not small or limit < 0:
        return []
    return [f"smaller than the organisation's MaxReceiveSize of {values.write_size(limit)}: {', '.join(small)}"]


def _unreadable(items: Sequence[Item]) -> list[str]:
    return [
        f"{one.where} has settings that could not be read: {'; '.join(one.before.unreadable)}"
        for one in items
        if one.before and one.before.unreadable and one.new is not None
    ]
