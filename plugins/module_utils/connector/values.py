# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of values: each reads what a user or a system wrote into one normal form, and shows that form again.

Comparison is == on normal forms, nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .errors import ValueProblem

Normal = TypeVar("Normal")

UNLIMITED = -1
"""Normal form of the size 'unlimited'; every other size is a count of bytes."""

SIZE_UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
# Exchange takes at most this many bytes for a size (New-SendConnector, MaxMessageSize).
LARGEST_SIZE = 2147483647
DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LABEL = re.compile(r"^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$")
_SIZE = re.compile(r"^(\d+)\s*([KMGT]?B)?$", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(r"^(\d+)\s*([smhd]?)$", re.ASCII)
_TIME_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):([0-5]\d):([0-5]\d)$", re.ASCII)


@dataclass(frozen=True)
class Kind(Generic[Normal]):
    """A kind of value. read raises ValueProblem; show gives plain data that read accepts."""

    name: str
    read: Callable[[Any], Normal]
    show: Callable[[Normal], Any]
    argument: Mapping[str, Any] = field(default_factory=lambda: {"type": "str"})
    """How Ansible's argument specification declares such a value."""


def _as_is(value: Any) -> Any:
    return value


def plain_text(value: Any, what: str = "text") -> str:
    """Text on one line. Numbers are taken as their digits, because YAML reads 123 as a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueProblem(
            f"is not {what}",
            "write it in quotes as one line of text",
            type(value).__name__,
        )
    text = str(value)
    if _CONTROL.search(text):
        raise ValueProblem(
            "holds a control character",
            "remove the character; everything stands on one line",
            text,
        )
    return text


def text(longest: int = 1024, shortest: int = 0, what: str = "text") -> Kind[str]:
    def read(value: Any) -> str:
        result = plain_text(value, what).strip()
        if not shortest <= len(result) <= longest:
            raise ValueProblem(
                f"has {len(result)} characters",
                f"use {shortest} to {longest} characters",
                result,
            )
        return result

    return Kind(what, read, _as_is)


def secret(shortest: int = 4) -> Kind[str]:
    """A password. Shorter than four characters could not be masked in what Ansible prints, so it is refused."""

    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise ValueProblem("is not text", "write the password in quotes")
        result = str(value)
        if _CONTROL.search(result):
            raise ValueProblem("holds a control character", "use a password of printable characters")
        if len(result) < shortest:
            raise ValueProblem(
                f"is shorter than {shortest} characters and could not be masked in output",
                "use a longer password",
            )
        return result

    return Kind("password", read, _as_is, {"type": "str", "no_log": True})


def read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1", "y", "t"):
        return True
    if word in ("false", "no", "off", "0", "n", "f"):
        return False
    raise ValueProblem("is neither true nor false", "write true or false", value)


BOOLEAN: Kind[bool] = Kind("bool", read_boolean, _as_is, {"type": "bool"})


def whole_number(smallest: int, largest: int) -> Kind[int]:
    def read(value: Any) -> int:
        try:
            # int() alone takes 1_0, other digits than 0 to 9, and line ends around them.
            word = "" if isinstance(value, (bool, float)) else plain_text(value, "a whole number").strip(" ")
            number = int(word if re.match(r"^[+-]?[0-9]+$", word) else "")
        except ValueProblem:
            raise
        except ValueError:
            raise ValueProblem(
                "is not a whole number",
                f"use a number from {smallest} to {largest}",
                value,
            ) from None
        if not smallest <= number <= largest:
            raise ValueProblem("is out of range", f"use a number from {smallest} to {largest}", value)
        return number

    return Kind("int", read, _as_is, {"type": "int"})


def choice(*choices: str) -> Kind[str]:
    def read(value: Any) -> str:
        # YAML 1.1 reads the bare words no and off as false.
        word = "none" if value is False and "none" in choices else str(value).strip(" ").lower().replace("-", "_")
        if word not in choices:
            raise ValueProblem("is not known here", "use one of " + ", ".join(choices), value)
        return word

    return Kind("choice", read, _as_is, {"type": "str", "choices": list(choices)})


def read_size(value: Any) -> int:
    """Bytes, or UNLIMITED. Takes 35MB, 10 MB, 36700160 and unlimited; units are powers of 1024 as in Exchange."""
    word = plain_text(value, "a size").strip()
    if word.lower() == "unlimited":
        return UNLIMITED
    match = _SIZE.match(word)
    if not match:
        raise ValueProblem(
            "is not a size",
            "write for example 35MB, 36700160 (bytes) or unlimited",
            value,
        )
    size = int(match.group(1)) * SIZE_UNITS[(match.group(2) or "B").upper()]
    if not 1 <= size <= LARGEST_SIZE:
        raise ValueProblem("is out of range", f"use 1 to {LARGEST_SIZE} bytes, or unlimited", value)
    return size


def show_size(size: int) -> str:
    if size == UNLIMITED:
        return "unlimited"
    for unit in ("GB", "MB", "KB"):
        if size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit}"
    return str(size)


SIZE: Kind[int] = Kind("size", read_size, show_size)


def read_duration(value: Any) -> int:
    """Seconds. Takes 90, 90s, 5m, 2h, 1d and the time spans of Exchange (00:10:00, 1.00:00:00)."""
    word = plain_text(value, "a duration").strip().lower()
    span = _TIME_SPAN.match(word)
    if span:
        days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    match = _DURATION.match(word)
    if not match:
        raise ValueProblem("is not a duration", "write for example 30s, 5m, 2h or 00:10:00", value)
    return int(match.group(1)) * DURATION_UNITS[match.group(2) or "s"]


def show_duration(seconds: int) -> str:
    for unit in ("d", "h", "m"):
        if seconds and seconds % DURATION_UNITS[unit] == 0:
            return f"{seconds // DURATION_UNITS[unit]}{unit}"
    return f"{seconds}s"


DURATION: Kind[int] = Kind("duration", read_duration, show_duration)


def to_ascii(name: str) -> str:
    """A-labels of an internationalised name (IDNA 2008). Done on the controller, where the idna library is."""
    if name.isascii():
        return name
    try:
        import idna
    except ImportError:
        raise ValueProblem(
            "is an internationalised name, and the Python library idna is missing",
            "install idna beside ansible-core on the controller, or write the name in its xn-- form",
            name,
        ) from None
    try:
        return str(idna.encode(name, uts46=True).decode("ascii"))
    except idna.IDNAError as error:
        raise ValueProblem(f"is no valid internationalised name ({error})", "correct the name", name) from None


def read_domain(value: Any, what: str = "a domain") -> str:
    """A DNS name in lower case and A-labels, without a trailing dot. Single labels are accepted here."""
    given = plain_text(value, what).strip()
    name = given.lower()
    if name.endswith("."):
        raise ValueProblem("ends in a dot", "write the name without the trailing dot", given)
    name = to_ascii(name).lower()
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        raise ValueProblem(f"is not {what}", "write a DNS name such as mail.contoso.com", given)
    return name


DOMAIN: Kind[str] = Kind("domain", read_domain, _as_is)


def read_address(value: str) -> str | None:
    """The normal form of an IP address, or None where it is none. IPv6 may carry Postfix's prefix ipv6:."""
    word = value[5:] if value.lower().startswith("ipv6:") else value
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        return None


def is_address(host: str) -> bool:
    return read_address(host) is not None


def read_host(value: Any, what: str = "a host") -> str:
    """A host name or an IP address (bare or in brackets), the address in its normal form without brackets."""
    word = plain_text(value, what).strip()
    inner = word[1:-1] if word.startswith("[") and word.endswith("]") else word
    address = read_address(inner)
    if address:
        return address
    if re.match(r"^[0-9.]+$", inner):
        raise ValueProblem("is not an IP address", "correct the address", word)
    return read_domain(inner, what)


def show_host(host: str) -> str:
    """IP addresses in brackets, names as they are: the form of the classic procedure."""
    return f"[{host}]" if is_address(host) else host


def read_network(value: Any) -> str:
    """An address or network in CIDR form. Host bits are dropped; so wide a network that it trusts strangers is refused."""
    word = plain_text(value, "a network").strip().replace("[", "").replace("]", "")
    try:
        network = ipaddress.ip_network(word, strict=False)
    except ValueError:
        raise ValueProblem(
            "is not an IP address or network",
            "write for example 192.0.2.10 or 192.0.2.0/28",
            value,
        ) from None
    # A trusted network may relay anywhere: a prefix this short would be an open relay.
    narrowest = 8 if network.version == 4 else 32
    if network.prefixlen < narrowest:
        raise ValueProblem(
            "is so wide that it would be an open relay",
            f"name the addresses that the host sends from, at least a /{narrowest}",
            value,
        )
    return str(network)


def show_network(network: str) -> str:
    """A single address without its prefix length, which differs between IPv4 and IPv6."""
    whole = ipaddress.ip_network(network)
    return str(whole.network_address) if whole.prefixlen == whole.max_prefixlen else network


NETWORK: Kind[str] = Kind("network", read_network, show_network)


def read_path(value: Any) -> str:
    word = plain_text(value, "a path").strip()
    if not word.startswith("/") or re.search(r"\s|[{}$,\"']", word):
        raise ValueProblem(
            "is not an absolute path without blanks",
            "write for example /etc/ssl/partner-ca.pem",
            value,
        )
    return word


def as_list(value: Any) -> list[Any]:
    """A list, or one value alone, or text with commas or line ends: a survey of AWX cannot send lists."""
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value]


def _order(item: Any) -> Any:
    """A sort key in which a part that was left out (None) stands before any other."""
    return tuple((part is not None, part) for part in item) if isinstance(item, tuple) else item


def list_of(kind: Kind[Normal], keep_order: bool = False) -> Kind[tuple[Normal, ...]]:
    """Several values without duplicates; sorted, unless their order means something."""

    def read(value: Any) -> tuple[Normal, ...]:
        items = list(dict.fromkeys(kind.read(item) for item in as_list(value)))
        return tuple(items) if keep_order else tuple(sorted(items, key=_order))

    def show(values: Sequence[Normal]) -> list[Any]:
        return [kind.show(value) for value in values]

    return Kind(
        "list of " + kind.name,
        read,
        show,
        {"type": "list", "elements": kind.argument["type"]},
    )
