# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a probe is asked: targets, what is wanted of each, read into one form."""

from __future__ import annotations

import re
import typing as t

from ..connector import values, vocabulary
from ..connector.errors import Problems, ValueProblem
from ..connector.values import Kind
from ..connector.vocabulary import DEFAULT_HELO, DEFAULT_TLS, HELO, PORT, Helo, Tls, nearest, record

# DANE needs DNSSEC from a resolver that can be trusted; a client certificate needs its key. Neither is probed.
TLS_LEVELS = ("none", "opportunistic", "encrypt", "verify", "chain_only")

_MAILBOX = re.compile(r"^[^\s<>@\x00-\x20\x7f]+$")


class Expect(t.NamedTuple):
    """What else has to be so. None: does not matter."""

    reachable: bool = True
    size: int | None = None
    auth_mechanisms: tuple[str, ...] | None = None
    keywords: tuple[str, ...] = ()


DEFAULT_EXPECT = Expect()


class Target(t.NamedTuple):
    """A host, or with mx a domain, and what is wanted of it. The host is an address without brackets, or a name."""

    host: str = ""
    port: int = 25
    mx: bool = False
    tls: Tls = DEFAULT_TLS
    helo: Helo = DEFAULT_HELO
    sender: str = ""
    recipient_accepted: tuple[str, ...] = ()
    recipient_refused: tuple[str, ...] = ()
    timeout: int | None = None
    expect: Expect = DEFAULT_EXPECT

    @property
    def name(self) -> str:
        """As it is called in results and messages: host:port, [address]:port, or domain (MX)."""
        port = "" if self.mx and self.port == 25 else f":{self.port}"
        return f"{values.show_host(self.host)}{port}{' (MX)' if self.mx else ''}"

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """The names of which a certificate has to carry one: the connector's own default where none are given."""
        if self.tls.names:
            return self.tls.names
        if values.is_address(self.host):
            return ()
        return (self.host, "*." + self.host) if self.mx else (self.host,)


def read_mailbox(value: t.Any) -> str:
    """A mail address; its domain in lower case and A-labels."""
    word = values.plain_text(value, "a mail address").strip()
    local, at, domain = word.rpartition("@")
    if not at or not _MAILBOX.match(local) or not local.isascii():
        raise ValueProblem("is not a mail address", "write for example postmaster@contoso.com", value)
    if domain.startswith("[") and domain.endswith("]") and values.is_address(domain[1:-1]):
        return word
    return f"{local}@{values.read_domain(domain)}"


def read_reverse_path(value: t.Any) -> str:
    """A mail address, or nothing, which is the sender of a bounce."""
    word = values.plain_text(value, "a mail address").strip()
    return "" if word in ("", "<>") else read_mailbox(word)


def read_keyword(value: t.Any) -> str:
    word = values.plain_text(value, "a keyword").strip().upper()
    if not re.match(r"^[A-Z0-9][A-Z0-9-]*$", word):
        raise ValueProblem("is not a keyword of EHLO", "write for example CHUNKING", value)
    return word


def read_mechanism(value: t.Any) -> str:
    word = values.plain_text(value, "a mechanism").strip().upper()
    if not re.match(r"^[A-Z0-9_-]{1,20}$", word):
        raise ValueProblem("is not a mechanism of AUTH", "write for example LOGIN", value)
    return word


def read_tls(value: t.Any) -> Tls:
    tls = vocabulary.TLS.read(value)
    if tls.level not in TLS_LEVELS:
        known = ", ".join(TLS_LEVELS)
        raise ValueProblem("level is not probed", f"use one of {known}; posttls-finger(1) checks DANE", tls.level)
    if tls.certificate:
        raise ValueProblem("certificate is not used by a probe, which shows none", "leave it out")
    return tls


MAILBOXES = values.list_of(Kind("mail address", read_mailbox, str, {"type": "str"}), keep_order=True)
EXPECT: Kind[Expect] = record(
    Expect,
    {
        "reachable": values.BOOLEAN,
        "size": values.SIZE,
        "auth_mechanisms": values.list_of(Kind("mechanism", read_mechanism, str, {"type": "str"})),
        "keywords": values.list_of(Kind("keyword", read_keyword, str, {"type": "str"})),
    },
)
TLS: Kind[Tls] = Kind("dict", read_tls, vocabulary.TLS.show, {"type": "dict"})
FIELDS: dict[str, Kind[t.Any]] = {
    "host": Kind("host", values.read_host, values.show_host, {"type": "str"}),
    "port": PORT,
    "mx": values.BOOLEAN,
    "tls": TLS,
    "helo": HELO,
    "sender": Kind("mail address", read_reverse_path, str, {"type": "str"}),
    "recipient_accepted": MAILBOXES,
    "recipient_refused": MAILBOXES,
    "timeout": values.whole_number(1, 3600),
    "expect": EXPECT,
}
DEFAULT = Target()


def read_targets(given: t.Any, problems: Problems) -> list[Target]:
    """The targets in the order given. What is wrong is collected, and the target left out."""
    targets: list[Target] = []
    if not isinstance(given, (list, tuple)):
        problems.add("", "targets", type(given).__name__, "is not a list", "write - host: mail.contoso.com")
        return targets
    for position, one in enumerate(given, 1):
        before = len(problems.found)
        target = read_target(one, position, problems)
        if len(problems.found) == before:
            targets.append(target)
    return targets


def read_target(given: t.Any, position: int, problems: Problems) -> Target:
    place = f"target {position}"
    if not isinstance(given, dict) or given.get("host") is None:
        problems.add(place, "host", None, "is missing", "write {host: mail.contoso.com}")
        return DEFAULT
    place = f'target {position} "{given["host"]}"'
    found: dict[str, t.Any] = {}
    for name, value in given.items():
        kind = FIELDS.get(name)
        if kind is None:
            problems.add(place, str(name), None, "is not known", nearest(str(name), list(FIELDS)))
        elif value is not None:
            try:
                found[name] = kind.read(value)
            except ValueProblem as problem:
                problems.add_value(place, name, problem)
    target = DEFAULT._replace(**found)
    _check(target, place, problems)
    return target


def _check(target: Target, place: str, problems: Problems) -> None:
    """Rules about several fields."""
    is_address = values.is_address(target.host)
    if target.mx and is_address:
        problems.add(place, "mx", True, "needs a domain, and this is an IP address", "leave mx out")
    if target.tls.level == "verify" and not target.certificate_names and is_address:
        remedy = "give the names of which the certificate has to carry one"
        problems.add(place, "tls.names", None, "is needed, since an IP address is no name in a certificate", remedy)
    if target.helo.command == "helo" and target.tls.required:
        remedy = "leave helo.command out"
        problems.add(place, "helo.command", "helo", f"cannot go with tls.level {target.tls.level}", remedy)
    both = sorted(set(target.recipient_accepted) & set(target.recipient_refused))
    if both:
        remedy = "keep it in one of the two lists"
        problems.add(place, "recipient_refused", both[0], "is in recipient_accepted as well", remedy)
    if not target.expect.reachable and (target.recipient_accepted or target.recipient_refused):
        remedy = "leave the recipients out, or expect.reachable"
        problems.add(place, "expect.reachable", False, "leaves nobody to ask for recipients", remedy)


def show_target(target: Target) -> dict[str, t.Any]:
    """The target as plain data that read_targets takes."""
    return {
        name: kind.show(value)
        for name, kind, value in ((name, FIELDS[name], getattr(target, name)) for name in FIELDS)
        if value != getattr(DEFAULT, name)
    }


class NameServer(t.NamedTuple):
    address: str = ""
    port: int = 53


def _read_address(value: t.Any) -> str:
    host = values.read_host(value)
    if not values.is_address(host):
        raise ValueProblem("is not an IP address", "write for example 192.0.2.53", value)
    return host


NAME_SERVER: Kind[NameServer] = record(
    NameServer, {"address": Kind("IP address", _read_address, str, {"type": "str"}), "port": PORT}
)


def read_name_servers(given: t.Any, problems: Problems) -> list[NameServer]:
    """The name servers to ask; dnspython keeps one port for each address."""
    found: dict[str, NameServer] = {}
    for one in given or []:
        try:
            server = NAME_SERVER.read(one)
            if not server.address:
                raise ValueProblem("has no address", "write {address: 192.0.2.53}")
            if found.setdefault(server.address, server) != server:
                raise ValueProblem("stands there with two ports", "name each address once", server.address)
        except ValueProblem as problem:
            problems.add_value("", "nameservers", problem)
    return list(found.values())


def read_source_addresses(given: t.Any, problems: Problems) -> tuple[str, ...]:
    """At most one address of each kind, as with smtp_bind_address and smtp_bind_address6."""
    found: dict[bool, str] = {}
    for one in given or []:
        try:
            address = _read_address(one)
            if found.setdefault(":" in address, address) != address:
                raise ValueProblem("is a second address of its kind", "give one of IPv4 and one of IPv6", one)
        except ValueProblem as problem:
            problems.add_value("", "source_addresses", problem)
    return tuple(found.values())
