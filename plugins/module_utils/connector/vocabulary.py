# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vocabulary of a connector: every field is declared once, here.

Each field has a name, a kind (values.py, address_space.py), a default, and how the two systems realise it. The argument
specification, the normal form, the comparison and the documentation check are all derived from this table.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from . import values
from .address_space import ADDRESS_SPACE
from .errors import ValueProblem
from .values import Kind

Record = TypeVar("Record")


class SmartHost(NamedTuple):
    """A host that takes the mail: name or IP address without brackets, port, and whether its MX records are asked."""

    host: str
    port: int = 25
    mx: bool = False

    def __str__(self) -> str:
        return "{}:{}".format(self.host if self.mx else f"[{self.host}]", self.port)

    @property
    def names(self) -> frozenset[str]:
        """The ways to speak of it: the host alone, which means all its ports, or with its port."""
        host, port = self.host, self.port
        return frozenset((host, f"[{host}]", f"[{host}]:{port}", f"{host}:{port}"))


class GroupLink(NamedTuple):
    """A routing group that a connector reaches, and the cost of the way there (None: left out)."""

    name: str
    cost: int | None = None

    @property
    def path_cost(self) -> int:
        return 1 if self.cost is None else self.cost


class Tls(NamedTuple):
    level: str = "opportunistic"
    names: tuple[str, ...] = ()
    ca_file: str = ""
    certificate: str = ""

    @property
    def required(self) -> bool:
        return self.level not in ("none", "opportunistic")


class Authentication(NamedTuple):
    """How the connector logs in. The password is not part of it: it is kept apart from everything that is shown."""

    mechanism: str = "none"
    username: str = ""
    update_password: str = "on_create"
    allow_cleartext_password: bool = False

    @property
    def with_password(self) -> bool:
        return self.mechanism in ("basic", "basic_over_tls")


class Helo(NamedTuple):
    name: str = ""
    command: str = "ehlo"


class Limits(NamedTuple):
    """connections: per bridgehead and destination; inactivity_timeout and rate_delay: seconds. None: not set."""

    connections: int | None = None
    messages_per_connection: int | None = None
    inactivity_timeout: int | None = None
    rate_delay: int | None = None


class Delivery(NamedTuple):
    when: str = "always"
    times: tuple[str, ...] = ()
    interval: int | None = None


class Restrictions(NamedTuple):
    default: str = "accept"
    accept_from: tuple[str, ...] = ()
    reject_from: tuple[str, ...] = ()


DEFAULT_TLS = Tls()
DEFAULT_AUTHENTICATION = Authentication()
DEFAULT_HELO = Helo()
DEFAULT_LIMITS = Limits()
DEFAULT_DELIVERY = Delivery()
DEFAULT_RESTRICTIONS = Restrictions()


def nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f'did you mean "{close[0]}"' if close else "known are " + ", ".join(known)


def record(build: Callable[..., Record], fields: Mapping[str, Kind[Any]]) -> Kind[Record]:
    """A dict with its own fields, each of its own kind. Left out and null mean the default.

    Fields that are read but not kept (a password) are named with a leading underscore in their kind's name.
    """

    def read(value: Any) -> Record:
        if not isinstance(value, dict):
            raise ValueProblem(
                "is not a dict",
                "write it as {}".format(", ".join(fields)),
                type(value).__name__,
            )
        unknown = [str(name) for name in value if name not in fields]
        if unknown:
            raise ValueProblem(
                "has no field of this name",
                nearest(unknown[0], list(fields)),
                unknown[0],
            )
        found: dict[str, Any] = {}
        for name, kind in fields.items():
            if value.get(name) is not None:
                found[name] = _read_part(name, kind, value[name])
        found.pop("password", None)
        return build(**found)

    def show(whole: Record) -> dict[str, Any]:
        default = build()
        shown = {}
        for name, kind in fields.items():
            part = getattr(whole, name, None)
            if part is not None and part != getattr(default, name):
                shown[name] = kind.show(part)
        return shown

    options = {name: dict(kind.argument) for name, kind in fields.items()}
    return Kind("dict", read, show, {"type": "dict", "options": options})


def _read_part(name: str, kind: Kind[Any], value: Any) -> Any:
    try:
        return kind.read(value)
    except ValueProblem as problem:
        raise ValueProblem(f"{name} {problem.message}", problem.remedy, problem.shown) from None


# --- kinds that only connectors have ---------------------------------------------------------------------------------

PORT = values.whole_number(1, 65535)


def split_port(word: str) -> tuple[str, str]:
    """host:port, [IP]:port, host or IP, taken apart; the port is empty where none is written."""
    match = re.match(r"^(\[[^\]]*\])(?::(.*))?$", word)
    if match:
        return match.group(1), match.group(2) or ""
    host, colon, port = word.rpartition(":")
    if colon and ":" not in host:
        return host, port
    return word, ""


class WrittenSmartHost(NamedTuple):
    """A smart host as it was written: its port may still come from the connector's own field."""

    host: str
    port: int | None
    mx: bool


def read_smart_host(value: Any) -> WrittenSmartHost:
    if isinstance(value, dict):
        unknown = sorted(set(map(str, value)) - {"host", "port", "mx"})
        if unknown or value.get("host") is None:
            raise ValueProblem(
                "needs host, and knows port and mx besides",
                "write {host: mail.contoso.com}",
                ", ".join(unknown),
            )
        host, port = split_port(_without_account(values.plain_text(value["host"], "a host").strip()))
        if port and value.get("port") is not None:
            raise ValueProblem("has two ports", "write the port once", value)
        return _written(
            host,
            port or value.get("port"),
            values.read_boolean(value.get("mx") or False),
            value,
        )
    word = _without_account(values.plain_text(value, "a smart host").strip())
    if "://" in word or "/" in word:
        raise ValueProblem(
            "is a URL",
            "write the host alone, such as mail.contoso.com or mail.contoso.com:587",
            word,
        )
    host, port = split_port(word)
    return _written(host, port, False, word)


def _without_account(word: str) -> str:
    """The word, unless it holds an account. What stands before an @ may be a password, so it is not repeated."""
    if "@" in word:
        remedy = "write the host alone, and the account under authentication"
        raise ValueProblem("holds a user name or password", remedy)
    return word


def _written(host: str, port: Any, mx: bool, given: Any) -> WrittenSmartHost:
    try:
        name = values.read_host(host, "a smart host")
        if mx and values.is_address(name):
            raise ValueProblem("is an IP address, which has no MX records", "leave mx out", given)
        return WrittenSmartHost(name, None if port in (None, "") else PORT.read(port), mx)
    except ValueProblem as problem:
        raise ValueProblem(problem.message, problem.remedy, given) from None


def show_smart_host(host: SmartHost) -> Any:
    if host.mx:
        shown = {"host": host.host, "mx": True}
        return shown if host.port == 25 else {**shown, "port": host.port}
    shown_host = values.show_host(host.host)
    return shown_host if host.port == 25 else f"{shown_host}:{host.port}"


def read_group_name(value: Any) -> str:
    return values.text(64, 1, "a routing group").read(value).lower()


def read_group_link(value: Any) -> GroupLink:
    if not isinstance(value, dict):
        return GroupLink(read_group_name(value))
    unknown = sorted(set(map(str, value)) - {"name", "cost"})
    if unknown or value.get("name") is None:
        raise ValueProblem(
            "needs name, and knows cost besides",
            "write {name: Dallas, cost: 10}",
            ", ".join(unknown),
        )
    cost = value.get("cost")
    # AD site links have costs up to 99999 (Set-ADSiteLink); the Postfix backend takes 1 to 100.
    return GroupLink(
        read_group_name(value["name"]),
        None if cost is None else values.whole_number(1, 99999).read(cost),
    )


def show_group_link(link: GroupLink) -> Any:
    return link.name if link.cost is None else {"name": link.name, "cost": link.cost}


def read_certificate_name(value: Any) -> str:
    """A name that a certificate may carry: a DNS name, or *.domain for all names below it."""
    word = values.plain_text(value, "a certificate name").strip()
    return "*." + values.read_domain(word[2:]) if word.startswith("*.") else values.read_domain(word)


def read_certificate(value: Any) -> str:
    """A PEM file with key and chain (Postfix), or <I>issuer<S>subject (Exchange)."""
    word = values.text(1024, 1, "a certificate").read(value)
    return word if word.startswith("<I>") else values.read_path(word)


def read_bridgehead(value: Any) -> str:
    word = values.text(253, 1, "a host").read(value).lower()
    if word.endswith("."):
        raise ValueProblem("ends in a dot", "write the name without the trailing dot", word)
    return word


_TIME = re.compile(
    r"^((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))? )?([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$"
)


def read_time(value: Any) -> str:
    word = values.plain_text(value, "a time").strip().lower()
    if not _TIME.match(word):
        raise ValueProblem(
            "is not a time",
            "write for example 20:00-06:00 or mon-fri 20:00-06:00",
            value,
        )
    return word


def read_sender(value: Any) -> str:
    """A mail address, a domain or *.domain."""
    word = values.plain_text(value, "a sender").strip().lower()
    local, at, domain = word.rpartition("@")
    if at and (not local or re.search(r"\s", local)):
        raise ValueProblem(
            "is not a sender",
            "write user@contoso.com, contoso.com or *.contoso.com",
            value,
        )
    return local + at + (values.read_domain(domain) if at else read_certificate_name(domain))


def read_native(value: Any) -> tuple[tuple[str, str], ...]:
    """Native parameters: name and value as the system writes them. True and false become yes and no."""
    if not isinstance(value, dict):
        raise ValueProblem("is not a dict", "write {parameter: value}", type(value).__name__)
    pairs: dict[str, str] = {}
    for given, native in value.items():
        if native is None:
            continue
        name = values.text(128, 1, "a parameter").read(given)
        if name in pairs:
            raise ValueProblem("stands there twice", "keep one value", name)
        pairs[name] = ("yes" if native else "no") if isinstance(native, bool) else _native_text(name, native)
    return tuple(sorted(pairs.items()))


def _native_text(name: str, native: Any) -> str:
    """The value as text. A parameter may hold a password, so a message only repeats its name."""
    try:
        return values.plain_text(native, "a native value")
    except ValueProblem as problem:
        raise ValueProblem(problem.message, problem.remedy, name) from None


def text_kind(read: Callable[[Any], Any], name: str, argument: str = "str", show: Any = str) -> Kind[Any]:
    return Kind(name, read, show, {"type": argument})


NAME = values.text(64, 1, "a name")
BRIDGEHEAD = text_kind(read_bridgehead, "host")
PATH = text_kind(values.read_path, "path")
NATIVE: Kind[Any] = Kind("native", read_native, dict, {"type": "dict"})

TLS = record(
    Tls,
    {
        "level": values.choice(
            "none",
            "opportunistic",
            "encrypt",
            "verify",
            "chain_only",
            "dane",
            "dane_only",
        ),
        "names": values.list_of(text_kind(read_certificate_name, "name")),
        "ca_file": PATH,
        "certificate": text_kind(read_certificate, "certificate"),
    },
)
AUTHENTICATION = record(
    Authentication,
    {
        "mechanism": values.choice("none", "basic", "basic_over_tls", "exchange_server", "externally_secured"),
        "username": values.text(256, 0, "a user name"),
        "password": values.secret(),
        "update_password": values.choice("on_create", "always"),
        "allow_cleartext_password": values.BOOLEAN,
    },
)
HELO = record(Helo, {"name": values.DOMAIN, "command": values.choice("ehlo", "helo")})
LIMITS = record(
    Limits,
    {
        "connections": values.whole_number(1, 10000),
        "messages_per_connection": values.whole_number(1, 100000),
        "inactivity_timeout": values.DURATION,
        "rate_delay": values.DURATION,
    },
)
DELIVERY = record(
    Delivery,
    {
        "when": values.choice("always", "never", "times", "interval", "on_request"),
        "times": values.list_of(text_kind(read_time, "time")),
        "interval": values.DURATION,
    },
)
RESTRICTIONS = record(
    Restrictions,
    {
        "default": values.choice("accept", "reject"),
        "accept_from": values.list_of(text_kind(read_sender, "sender")),
        "reject_from": values.list_of(text_kind(read_sender, "sender")),
    },
)


@dataclass(frozen=True)
class Field:
    """One field of the vocabulary. exchange and postfix say in words how the system realises it."""

    name: str
    kind: Kind[Any]
    default: Any = None
    exchange: str = ""
    postfix: str = ""
    keep: bool = field(default=True)
    """Whether the field is part of a connector's normal form (port and renamed_from are only read)."""


FIELDS: tuple[Field, ...] = (
    Field("name", NAME, "", "Name", "key in the store"),
    Field("enabled", values.BOOLEAN, True, "Enabled", "its keys are left out while false"),
    Field("comment", values.text(255), "", "Comment", "comment line in the table"),
    Field(
        "address_spaces",
        values.list_of(ADDRESS_SPACE),
        (),
        "AddressSpaces",
        "transport_maps, default_transport",
    ),
    Field(
        "smart_hosts",
        values.list_of(
            Kind("smart host", read_smart_host, show_smart_host, {"type": "raw"}),
            keep_order=True,
        ),
        (),
        "SmartHosts, DNSRoutingEnabled",
        "next hop list, tried in order",
    ),
    Field("port", PORT, 25, "Port", "in the next hop", keep=False),
    Field(
        "bridgeheads",
        values.list_of(BRIDGEHEAD),
        (),
        "SourceTransportServers",
        "the hosts that carry it",
    ),
    Field(
        "scope",
        values.choice("organization", "routing_group"),
        "organization",
        "IsScopedConnector",
        "routes",
    ),
    Field(
        "connected_routing_groups",
        values.list_of(Kind("routing group", read_group_link, show_group_link, {"type": "raw"})),
        (),
        "AD site links",
        "routes",
    ),
    Field(
        "relay",
        values.BOOLEAN,
        False,
        "accepted domains, ExternalRelay",
        "relay_domains",
    ),
    Field(
        "tls",
        TLS,
        DEFAULT_TLS,
        "RequireTLS, TlsAuthLevel, TlsDomain, IgnoreSTARTTLS",
        "smtp_tls_policy_maps",
    ),
    Field(
        "authentication",
        AUTHENTICATION,
        DEFAULT_AUTHENTICATION,
        "SmartHostAuthMechanism, AuthenticationCredential",
        "smtp_sasl_password_maps",
    ),
    Field("helo", HELO, DEFAULT_HELO, "Fqdn, ForceHELO", "smtp_helo_name, smtp_never_send_ehlo"),
    Field(
        "max_message_size",
        values.SIZE,
        values.UNLIMITED,
        "MaxMessageSize",
        "smtp_reply_filter",
    ),
    Field(
        "limits",
        LIMITS,
        DEFAULT_LIMITS,
        "SmtpMaxMessagesPerConnection, ConnectionInactivityTimeOut",
        "concurrency limit, reuse count, rate delay",
    ),
    Field(
        "log",
        values.choice("none", "verbose"),
        "none",
        "ProtocolLoggingLevel",
        "smtp_tls_loglevel",
    ),
    Field("delivery", DELIVERY, DEFAULT_DELIVERY, "none", "not yet"),
    Field("restrictions", RESTRICTIONS, DEFAULT_RESTRICTIONS, "none", "not yet"),
    Field("exchange", NATIVE, (), "native parameters", "none"),
    Field("postfix", NATIVE, (), "none", "-o overrides of the service"),
)

BY_NAME: dict[str, Field] = {field.name: field for field in FIELDS}

# Controls of the classic property pages that neither system has, with what comes nearest.
CLASSIC_ONLY: dict[str, str] = {
    "content": "use max_message_size for the size; choose by priority or type with an Exchange transport rule, or with "
    "header_checks in Postfix",
    "dequeue": "let the other side send to you, or flush its queue there with ETRN from a scheduled task; neither system "
    "asks for ETRN or TURN as a client",
    "delivery.oversize": "declare a second connector with a higher cost for large messages on Exchange; neither system "
    "has a schedule for large messages",
}


def argument_options() -> dict[str, dict[str, Any]]:
    """The suboptions of connectors in Ansible's argument specification. Defaults stay out: left out means left out."""
    options = {field.name: dict(field.kind.argument) for field in FIELDS}
    options["name"]["required"] = True
    options["state"] = {
        "type": "str",
        "choices": ["present", "absent"],
        "default": "present",
    }
    options["renamed_from"] = {"type": "list", "elements": "str"}
    options["reset"] = {"type": "list", "elements": "str"}
    options["delivery"]["options"]["oversize"] = {"type": "raw"}
    for name in ("content", "dequeue"):
        options[name] = {"type": "dict"}
    return options
