# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connector in its normal form, read from what a person wrote, with every rule that concerns one connector alone."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from . import values
from .address_space import AddressSpace
from .errors import Problems, ValueProblem, connector_place
from .vocabulary import (
    BY_NAME,
    CLASSIC_ONLY,
    DEFAULT_AUTHENTICATION,
    DEFAULT_DELIVERY,
    DEFAULT_HELO,
    DEFAULT_LIMITS,
    DEFAULT_RESTRICTIONS,
    DEFAULT_TLS,
    FIELDS,
    Authentication,
    Delivery,
    GroupLink,
    Helo,
    Limits,
    Restrictions,
    SmartHost,
    Tls,
    nearest,
)

READ_ONLY = ("state", "renamed_from", "reset")
"""Fields that say what to do with a connector; they are no part of it."""


@dataclass(frozen=True)
class Connector:
    """One connector. Two connectors are the same when all fields are equal; how they were written plays no part."""

    name: str
    enabled: bool = True
    comment: str = ""
    address_spaces: tuple[AddressSpace, ...] = ()
    smart_hosts: tuple[SmartHost, ...] = ()
    bridgeheads: tuple[str, ...] = ()
    scope: str = "organization"
    connected_routing_groups: tuple[GroupLink, ...] = ()
    relay: bool = False
    tls: Tls = DEFAULT_TLS
    authentication: Authentication = DEFAULT_AUTHENTICATION
    helo: Helo = DEFAULT_HELO
    max_message_size: int = values.UNLIMITED
    limits: Limits = DEFAULT_LIMITS
    log: str = "none"
    delivery: Delivery = DEFAULT_DELIVERY
    restrictions: Restrictions = DEFAULT_RESTRICTIONS
    exchange: tuple[tuple[str, str], ...] = ()
    postfix: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What identifies the connector: its name without case."""
        return self.name.lower()

    @property
    def connects_groups(self) -> bool:
        return bool(self.connected_routing_groups)

    @property
    def takes_reached_groups(self) -> bool:
        """Whether * (or no space at all) stands for the domains of the routing groups reached through it."""
        if not self.connects_groups or self.scope != "routing_group":
            return False
        return not self.address_spaces or any(space.pattern.is_everything for space in self.address_spaces)


@dataclass(frozen=True)
class Wanted:
    """What the list asks for: a connector, or its absence. The password is kept out of everything that is shown."""

    connector: Connector
    absent: bool = False
    renamed_from: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    password: str | None = field(default=None, repr=False, compare=False)

    def laid_over(self, found: Connector) -> Connector:
        """What a connector on Exchange becomes, as far as routes tell: a field that the list leaves out stays as it is."""
        given = {"name", *self.given, *self.reset} & {one.name for one in fields(Connector)}
        return replace(found, **{name: getattr(self.connector, name) for name in given})


def read_connectors(raw: Any, problems: Problems) -> list[Wanted]:
    """All connectors of a list, in the order of their names. Mistakes are added to problems."""
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        problems.add("", "connectors", type(raw).__name__, "is not a list", "write a list of connectors")
        return []
    wanted = [item for item in (read_connector(entry, problems, place) for place, entry in enumerate(raw, 1)) if item]
    seen: dict[str, str] = {}
    for item in wanted:
        for name in {item.connector.key, *item.renamed_from}:
            if name in seen:
                problems.add(
                    connector_place(item.connector.name),
                    "name",
                    name,
                    f'stands for "{seen[name]}" already; names are compared without case',
                    "give each connector a name of its own",
                )
            seen[name] = item.connector.name
    return sorted(wanted, key=lambda item: item.connector.key)


def read_connector(raw: Any, problems: Problems, place: int = 1) -> Wanted | None:
    """One connector of a list; None where not even its name can be read."""
    if not isinstance(raw, dict):
        problems.add(
            f"connector {place} of the list", "", type(raw).__name__, "is not a dict", "write its fields as a dict"
        )
        return None
    try:
        name = BY_NAME["name"].kind.read(raw.get("name", ""))
    except ValueProblem as problem:
        problems.add_value(f"connector {place} of the list", "name", problem)
        return None
    where = connector_place(name)
    _refuse_unknown(raw, where, problems)
    before = len(problems.found)
    absent = _read(raw, "state", values.choice("present", "absent"), "present", where, problems) == "absent"
    names = values.list_of(values.text(64, 1, "a name"))
    earlier = {old.lower() for old in _read(raw, "renamed_from", names, (), where, problems)}
    renamed_from = tuple(sorted(earlier - {name.lower()}))
    reset = _read(raw, "reset", names, (), where, problems)
    if absent:
        return Wanted(Connector(name), True, renamed_from)
    found = {
        entry.name: _read(raw, entry.name, entry.kind, entry.default, where, problems)
        for entry in FIELDS
        if entry.name != "name"
    }
    port = found.pop("port")
    # Written with its port and without, a host is the same one.
    hosts = (SmartHost(host.host, host.port or port, host.mx) for host in found["smart_hosts"])
    found["smart_hosts"] = tuple(dict.fromkeys(hosts))
    connector = Connector(name=name, **found)
    given = frozenset(key for key, value in raw.items() if value is not None and key not in READ_ONLY)
    wanted = Wanted(connector, False, renamed_from, reset, given, _password(raw))
    if len(problems.found) == before:
        check(wanted, problems)
    return wanted


def _refuse_unknown(raw: dict[str, Any], where: str, problems: Problems) -> None:
    known = [entry.name for entry in FIELDS]
    for name, value in raw.items():
        if name in ("content", "dequeue"):
            if value:
                # What logs in to the other side may stand under dequeue.
                given = value if name == "content" else None
                problems.add(
                    where, name, given, "is a control that neither Exchange nor Postfix has", CLASSIC_ONLY[name]
                )
        elif name not in known and name not in READ_ONLY:
            problems.add(where, str(name), None, "is no field of a connector", nearest(str(name), known))
    delivery = raw.get("delivery")
    if isinstance(delivery, dict) and delivery.get("oversize"):
        problems.add(
            where,
            "delivery.oversize",
            delivery["oversize"],
            "is a control that neither Exchange nor Postfix has",
            CLASSIC_ONLY["delivery.oversize"],
        )


def _read(raw: dict[str, Any], name: str, kind: values.Kind[Any], default: Any, where: str, problems: Problems) -> Any:
    value = raw.get(name)
    if value is None:
        return default
    if name == "delivery" and isinstance(value, dict):
        value = {key: part for key, part in value.items() if key != "oversize"}
    try:
        return kind.read(value)
    except ValueProblem as problem:
        problems.add_value(where, name, problem)
        return default


def _password(raw: dict[str, Any]) -> str | None:
    authentication = raw.get("authentication")
    password = authentication.get("password") if isinstance(authentication, dict) else None
    return None if password is None else str(password)


def show(connector: Connector) -> dict[str, Any]:
    """The connector in the vocabulary, without what is at its default. What read_connector reads back as the same."""
    shown: dict[str, Any] = {"name": connector.name}
    for entry in FIELDS:
        if entry.name in ("name", "port"):
            continue
        value = getattr(connector, entry.name)
        if value != entry.default:
            shown[entry.name] = entry.kind.show(value)
    return shown


def show_field(connector: Connector, name: str) -> Any:
    return BY_NAME[name].kind.show(getattr(connector, name))


# --- rules that concern one connector alone --------------------------------------------------------------------------


def check(wanted: Wanted, problems: Problems) -> None:
    """Every rule between the fields of one connector, whatever system carries it."""
    connector = wanted.connector
    where = connector_place(connector.name)
    if "port" in wanted.given and not connector.smart_hosts:
        problems.add(where, "port", None, "needs a smart host", "name smart_hosts, or leave port out: DNS MX uses 25")
    if not connector.bridgeheads:
        problems.add(where, "bridgeheads", None, "names no host", "name at least one inventory host that carries it")
    resettable = [name for name in BY_NAME if name != "name"]
    for name in wanted.reset:
        if name not in resettable:
            problems.add(where, "reset", name, "is no field that can be reset", nearest(name, resettable))
        elif name in wanted.given:
            problems.add(
                where, "reset", name, "is given a value as well", "leave it out of reset, or leave its value out"
            )
    _check_spaces(connector, where, problems)
    _check_relay(connector, where, problems)
    _check_tls(connector, where, problems)
    _check_authentication(connector, where, problems)
    if wanted.password is not None and not connector.authentication.with_password:
        _needs_mechanism("authentication.password", where, problems)
    _check_delivery(connector, where, problems)


def _check_spaces(connector: Connector, where: str, problems: Problems) -> None:
    if not connector.address_spaces and not (connector.connects_groups and connector.scope == "routing_group"):
        problems.add(where, "address_spaces", None, "names no address space", "name a domain, *.domain or *")
    seen: dict[Any, AddressSpace] = {}
    for space in connector.address_spaces:
        key = (space.type, space.pattern, space.native)
        if key in seen:
            problems.add(where, "address_spaces", str(space), f"stands there as {seen[key]} already", "keep one cost")
        seen[key] = space
    if not connector.connects_groups:
        return
    groups = [link.name for link in connector.connected_routing_groups]
    for name in sorted({name for name in groups if groups.count(name) > 1}):
        problems.add(where, "connected_routing_groups", name, "stands there twice", "keep one cost")
    if not connector.smart_hosts:
        remedy = "name the bridgeheads of the connected groups as smart_hosts"
        problems.add(where, "smart_hosts", None, "are needed to connect routing groups", remedy)
    if connector.scope == "organization" and any(space.pattern.is_everything for space in connector.address_spaces):
        problems.add(
            where,
            "address_spaces",
            "*",
            "is a default route, and those have no connected routing groups",
            "set scope: routing_group where * means the domains of the connected groups, or remove the groups",
        )


def _check_relay(connector: Connector, where: str, problems: Problems) -> None:
    if not connector.relay:
        return
    for space in connector.address_spaces:
        if space.pattern.is_everything:
            if connector.takes_reached_groups:
                continue
            problems.add(
                where, "relay", "*", "on * would be an open relay", "name the domains to relay to, or relay: false"
            )
        elif space.type == "SMTP" and "." not in space.pattern.domain:
            remedy = "name whole mail domains such as contoso.com"
            problems.add(where, "relay", str(space.pattern), "covers a whole top-level domain", remedy)


def relay_warnings(connector: Connector) -> list[str]:
    """Spaces that are probably wider than meant: *.co.uk looks like *.contoso.com."""
    if not connector.relay:
        return []
    return [
        f"{connector_place(connector.name)} relays to every domain under {space.pattern.domain}: make sure that all of "
        "them are meant"
        for space in connector.address_spaces
        if space.pattern.subdomains and space.pattern.domain.count(".") == 1
    ]


def _check_tls(connector: Connector, where: str, problems: Problems) -> None:
    tls = connector.tls
    if (tls.names or tls.ca_file) and tls.level not in ("verify", "chain_only"):
        part = "names" if tls.names else "ca_file"
        remedy = "set tls.level: verify, or leave it out"
        problems.add(where, "tls." + part, None, f"is not looked at with the level {tls.level}", remedy)
    if tls.names and tls.level == "chain_only":
        remedy = "leave tls.names out, or set tls.level: verify"
        problems.add(where, "tls.names", ", ".join(tls.names), "are not looked at with the level chain_only", remedy)
    if tls.level == "verify" and not tls.names:
        for host in connector.smart_hosts:
            if values.is_address(host.host):
                remedy = "name in tls.names what the certificate carries"
                problems.add(where, "tls.names", values.show_host(host.host), "cannot come from an IP address", remedy)
    if connector.helo.command == "helo" and (tls.required or connector.authentication.mechanism != "none"):
        remedy = "use command: ehlo, or drop the TLS and authentication settings"
        problems.add(where, "helo.command", "helo", "offers neither TLS nor authentication", remedy)


def _check_authentication(connector: Connector, where: str, problems: Problems) -> None:
    authentication = connector.authentication
    if authentication.username and not authentication.with_password:
        _needs_mechanism("authentication.username", where, problems)
    if authentication.mechanism == "none":
        return
    if not connector.smart_hosts:
        remedy = "name smart_hosts: mail by DNS MX goes to hosts that do not know the account"
        problems.add(where, "authentication.mechanism", authentication.mechanism, "needs a smart host", remedy)
    if not authentication.with_password:
        return
    user = authentication.username
    if not user or ":" in user:
        problem = "is missing" if not user else "holds a colon, which ends the name in SMTP password tables"
        problems.add(where, "authentication.username", user, problem, "name the account that the smart host knows")
    if authentication.mechanism == "basic" and not authentication.allow_cleartext_password:
        problems.add(
            where,
            "authentication.mechanism",
            "basic",
            "may send the password in clear text",
            "use basic_over_tls with tls.level: encrypt or verify, or set authentication.allow_cleartext_password: true",
        )
    if authentication.mechanism == "basic_over_tls" and not connector.tls.required:
        remedy = "set tls.level: encrypt, verify, dane or dane_only"
        problem = f"needs TLS, but the level is {connector.tls.level}"
        problems.add(where, "authentication.mechanism", "basic_over_tls", problem, remedy)


def _needs_mechanism(field: str, where: str, problems: Problems) -> None:
    remedy = "set authentication.mechanism: basic_over_tls, or leave it out"
    problems.add(where, field, None, "is not used by this mechanism", remedy)


def _check_delivery(connector: Connector, where: str, problems: Problems) -> None:
    delivery = connector.delivery
    if (delivery.when == "times") != bool(delivery.times):
        remedy = "write delivery: {when: times, times: ['mon-fri 20:00-06:00']}"
        problems.add(
            where, "delivery.times", ", ".join(delivery.times), "goes with when: times, and only with it", remedy
        )
    if (delivery.when == "interval") != (delivery.interval is not None):
        remedy = "write delivery: {when: interval, interval: 30m}"
        problems.add(where, "delivery.interval", None, "goes with when: interval, and only with it", remedy)


def renamed(connector: Connector, name: str) -> Connector:
    return replace(connector, name=name)
