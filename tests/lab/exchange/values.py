# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as the Exchange cmdlets take them, keep them and show them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .unverified import Forms

KB = 1024
_UNITS = {"B": 1, "KB": KB, "MB": KB**2, "GB": KB**3, "TB": KB**4}
_DAY = 86400
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CmdletError(Exception):
    """A cmdlet ended with an error record: the name of its exception's type, and its message."""

    def __init__(self, exception_type: str, message: str) -> None:
        super().__init__(f"{exception_type}: {message}")
        self.exception_type, self.message = exception_type, message


class UnreadableError(Exception):
    """A value is not one of its kind; the parameter that it was given to makes the error record of it."""


@dataclass(frozen=True)
class Text:
    """A value type that arrives deserialised: the name of its type, and what its ToString() gives."""

    type_name: str
    string: str

    def __str__(self) -> str:
        return self.string


@dataclass(frozen=True)
class Credential:
    """A PSCredential. Nothing shows its password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class AddressSpace:
    kind: str  # SMTP, X400 ...
    domain: str
    cost: int

    def key(self) -> tuple[str, str]:
        return self.kind.upper(), self.domain.lower()


@dataclass(frozen=True)
class IpRange:
    """given: as it was typed, which does not count when ranges are compared."""

    low: Address
    high: Address
    given: str = field(compare=False)

    def inside(self, other: IpRange) -> bool:
        return self.low.version == other.low.version and int(other.low) <= int(self.low) and self.high_below(other)

    def high_below(self, other: IpRange) -> bool:
        return int(self.high) <= int(other.high)

    def apart(self, other: IpRange) -> bool:
        return (
            self.low.version != other.low.version or int(self.high) < int(other.low) or int(other.high) < int(self.low)
        )


Shown = None | bool | int | str | list[str] | Text


@dataclass(frozen=True)
class Kind:
    """How one type of parameter is read (raising UnreadableError) and shown. clear: whether null is a value of it."""

    name: str
    read: Callable[[Any], Any]
    show: Callable[[Any, Forms, str], Shown]
    many: bool = False
    clear: bool = False


def _text_of(type_name: str, write: Callable[[Any, Forms, str], str]) -> Callable[[Any, Forms, str], Shown]:
    def show(value: Any, forms: Forms, key: str) -> Shown:
        return None if value is None else Text(type_name, write(value, forms, key))

    return show


def _plain(value: Any, _forms: Forms, _key: str) -> Shown:
    return value  # type: ignore[no-any-return]


# --- single values ---------------------------------------------------------------------------------------------------


def _read_bool(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    raise UnreadableError(f"Cannot convert value {raw!r} to type System.Boolean")


BOOLEAN = Kind("Boolean", _read_bool, _plain)
SWITCH = Kind("Switch", _read_bool, _plain)


def integer(low: int, high: int, *, unlimited: bool = False, clear: bool = False) -> Kind:
    def read(raw: Any) -> int | str:
        if unlimited and str(raw).lower() == "unlimited":
            return "Unlimited"
        if isinstance(raw, bool) or not re.fullmatch(r"-?\d+", str(raw).strip(), re.ASCII):
            raise UnreadableError(f"Cannot convert value {raw!r} to type System.Int32")
        return within(int(raw), low, high)

    def show(value: Any, _forms: Forms, _key: str) -> Shown:
        return Text("Microsoft.Exchange.Data.Unlimited`1[System.Int32]", str(value)) if unlimited else value

    return Kind("Int32", read, show, clear=clear)


def within(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise UnreadableError(f"The value {value} is not between {low} and {high}")
    return value


def read_size(raw: Any) -> int:
    """Bytes. A number without a unit is rounded up to the next kilobyte."""
    text = str(raw).strip()
    shown = re.fullmatch(r".*\(([\d,]+) bytes\)", text, re.ASCII)
    if shown:
        return int(shown[1].replace(",", ""))
    given = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", text, re.ASCII | re.IGNORECASE)
    if isinstance(raw, bool) or not given:
        raise UnreadableError(f"Cannot convert value {raw!r} to type Microsoft.Exchange.Data.ByteQuantifiedSize")
    if given[2]:
        return round(float(given[1]) * _UNITS[given[2].upper()])
    return -(-int(float(given[1])) // KB) * KB


def show_size(value: int, forms: Forms) -> str:
    unit, size = next(((unit, size) for unit, size in reversed(_UNITS.items()) if value >= size), ("B", 1))
    count = f"{value:,}".replace(",", forms.pick("thousands_separator"))
    return f"{value / size:.4g} {unit} ({count} bytes)"


def size(low: int, high: int, *, unlimited: bool = False) -> Kind:
    def read(raw: Any) -> int | str:
        if unlimited and str(raw).lower() == "unlimited":
            return "Unlimited"
        return within(read_size(raw), low, high + 1)  # 2147483647 bytes are 2 GB after rounding up

    def write(value: Any, forms: Forms, _key: str) -> str:
        return "Unlimited" if value == "Unlimited" else show_size(value, forms)

    name = "Microsoft.Exchange.Data.ByteQuantifiedSize"
    return Kind("Size", read, _text_of(f"Microsoft.Exchange.Data.Unlimited`1[{name}]" if unlimited else name, write))


def read_span(raw: Any) -> int:
    """Seconds. A bare number is days, as TimeSpan.Parse reads it."""
    text = str(raw).strip()
    if re.fullmatch(r"\d+", text, re.ASCII):
        return int(text) * _DAY
    given = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?", text, re.ASCII)
    if not given or int(given[2]) > 23 or int(given[3]) > 59 or int(given[4] or 0) > 59:
        raise UnreadableError(f"Cannot convert value {raw!r} to type Microsoft.Exchange.Data.EnhancedTimeSpan")
    return int(given[1] or 0) * _DAY + int(given[2]) * 3600 + int(given[3]) * 60 + int(given[4] or 0)


def show_span(seconds: int) -> str:
    days, rest = divmod(seconds, _DAY)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}.{clock}" if days else clock


def span(low: str, high: str) -> Kind:
    def read(raw: Any) -> int:
        return within(read_span(raw), read_span(low), read_span(high))

    return Kind(
        "TimeSpan", read, _text_of("Microsoft.Exchange.Data.EnhancedTimeSpan", lambda value, _f, _k: show_span(value))
    )


def _member(raw: Any, members: tuple[str, ...]) -> str:
    found = next((member for member in members if member.lower() == str(raw).strip().lower()), None)
    if found is None or isinstance(raw, bool):
        raise UnreadableError(f"Cannot convert value {raw!r}: the possible values are {', '.join(members)}")
    return found


def one_of(type_name: str, *members: str, clear: bool = False) -> Kind:
    full = f"Microsoft.Exchange.Data.Directory.SystemConfiguration.{type_name}"
    return Kind(
        type_name, lambda raw: _member(raw, members), _text_of(full, lambda value, _f, _k: str(value)), clear=clear
    )


def flags(type_name: str, *members: str) -> Kind:
    """Several values of an enumeration; kept in the order of their bits, and shown as 'A, B'."""

    def read(raw: Any) -> tuple[str, ...]:
        given = raw if isinstance(raw, list) else str(raw).split(",")
        if not given:
            raise UnreadableError("An empty list of flags")
        chosen = {_member(part, members) for part in given}
        if len(chosen) > 1 and members[0] in chosen:
            raise UnreadableError(f"{members[0]} cannot stand beside other values")
        return tuple(member for member in members if member in chosen)

    full = f"Microsoft.Exchange.Data.Directory.SystemConfiguration.{type_name}"
    return Kind(type_name, read, _text_of(full, lambda value, _f, _k: ", ".join(value)))


def _show_string(value: Any, forms: Forms, key: str) -> Shown:
    return value or ("" if forms.pick("empty_text", key) == "empty" else None)


def string(longest: int = 1024, *, starts: str = "") -> Kind:
    def read(raw: Any) -> str | None:
        if not isinstance(raw, str):
            raise UnreadableError(f"Cannot convert value {raw!r} to type System.String")
        if len(raw) > longest or any(ord(character) < 32 for character in raw):
            raise UnreadableError(f"The text is longer than {longest} characters or holds a control character")
        if raw and not raw.startswith(starts):
            raise UnreadableError(f"The text must start with {starts}")
        return raw or None

    return Kind("String", read, _show_string, clear=True)


def is_domain(text: str) -> bool:
    return len(text) <= 255 and bool(_DOMAIN.fullmatch(text))


def read_fqdn(raw: Any) -> str:
    if not isinstance(raw, str) or not is_domain(raw):
        raise UnreadableError(f"{raw!r} is not a fully qualified domain name")
    return raw


FQDN = Kind("Fqdn", read_fqdn, _text_of("Microsoft.Exchange.Data.Fqdn", lambda value, _f, _k: str(value)), clear=True)


def _read_subdomains(raw: Any) -> str:
    text = str(raw)
    return text if text == "*" else ("*." if text.startswith("*.") else "") + read_fqdn(text.removeprefix("*."))


DOMAIN_WITH_SUBDOMAINS = Kind(
    "SmtpDomainWithSubdomains",
    _read_subdomains,
    _text_of("Microsoft.Exchange.Data.SmtpDomainWithSubdomains", lambda value, _f, _k: str(value)),
    clear=True,
)


def _read_certificate(raw: Any) -> str:
    if not re.fullmatch(r"<I>.+<S>.+", str(raw)):
        raise UnreadableError(f"{raw!r} is not of the form <I>Issuer<S>Subject")
    return str(raw)


CERTIFICATE = Kind(
    "SmtpX509Identifier",
    _read_certificate,
    _text_of("Microsoft.Exchange.Data.SmtpX509Identifier", lambda value, _f, _k: str(value)),
    clear=True,
)


def _read_address(raw: Any) -> Address:
    try:
        return ipaddress.ip_address(str(raw))
    except ValueError as reason:
        raise UnreadableError(f"{raw!r} is not an IP address") from reason


ADDRESS = Kind("IPAddress", _read_address, _text_of("System.Net.IPAddress", lambda value, _f, _k: str(value)))


def _read_credential(raw: Any) -> Credential:
    if not isinstance(raw, Credential):
        raise UnreadableError("Cannot convert the value to type System.Management.Automation.PSCredential")
    return raw


def _show_credential(value: Any, forms: Forms, _key: str) -> Shown:
    if value is None or forms.pick("credential_read") == "null":
        return None
    return Text("System.Management.Automation.PSCredential", value.username)


CREDENTIAL = Kind("PSCredential", _read_credential, _show_credential, clear=True)

# An identity is resolved by the cmdlet that takes it.
IDENTITY = Kind("Identity", lambda raw: None if raw is None else str(raw), _plain, clear=True)
