# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address spaces: which recipients a connector takes, and at what cost.

contoso.com is that domain only, *.contoso.com the domain and all its subdomains, * whatever no narrower space holds
(New-SendConnector, AddressSpaces; Exchange documentation "Send connectors").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import values
from .errors import ValueProblem

COST = values.whole_number(1, 100)
EVERYTHING = "*"


class Pattern(NamedTuple):
    """A set of mail domains: one domain, a domain with all its subdomains, or everything."""

    domain: str
    subdomains: bool

    def __str__(self) -> str:
        if self.domain == EVERYTHING:
            return EVERYTHING
        return "*." + self.domain if self.subdomains else self.domain

    @property
    def is_everything(self) -> bool:
        return self.domain == EVERYTHING

    def matches(self, domain: str) -> bool:
        if self.is_everything or domain == self.domain:
            return True
        return self.subdomains and domain.endswith("." + self.domain)

    def covers(self, other: Pattern) -> bool:
        """Whether every domain of the other pattern is one of this pattern."""
        if self.is_everything:
            return True
        if other.is_everything or (other.subdomains and not self.subdomains):
            return False
        return self.matches(other.domain)


DEFAULT_ROUTE = Pattern(EVERYTHING, True)


class AddressSpace(NamedTuple):
    """A pattern with its cost. For types other than SMTP, native holds the space as it was written."""

    pattern: Pattern
    cost: int = 1
    type: str = "SMTP"
    native: str = ""

    def __str__(self) -> str:
        space = self.native if self.type != "SMTP" else str(self.pattern)
        prefix = "" if self.type == "SMTP" else self.type + ":"
        return f"{prefix}{space};{self.cost}"


def read_pattern(value: Any) -> Pattern:
    """contoso.com, *.contoso.com or *."""
    given = values.plain_text(value, "an address space").strip()
    if given == EVERYTHING:
        return DEFAULT_ROUTE
    if given.startswith("@"):
        raise ValueProblem("begins with @", "write the domain alone, such as " + given[1:], given)
    if given.startswith("*.") and "*" not in given[2:]:
        return Pattern(values.read_domain(given[2:], "an address space"), True)
    if "*" in given:
        remedy = "write contoso.com for the domain, *.contoso.com for it and its subdomains, or * for everything"
        raise ValueProblem("has a * in the wrong place", remedy, given)
    if values.is_address(given):
        raise ValueProblem("is an IP address", "name a mail domain", given)
    return Pattern(values.read_domain(given, "an address space"), False)


PATTERN: values.Kind[Pattern] = values.Kind("pattern", read_pattern, str)


def read_address_space(value: Any) -> AddressSpace:
    """A text such as SMTP:*.contoso.com;10, or a dict of domain, cost and type."""
    if isinstance(value, dict):
        return _read_fields(value)
    given = values.plain_text(value, "an address space").strip()
    kind, colon, rest = given.partition(":")
    space_type = kind.strip().upper() if colon and re.match(r"^[A-Za-z0-9]+$", kind.strip()) else "SMTP"
    if not colon or space_type == "SMTP":
        space, semicolon, cost = (rest if colon else given).partition(";")
    else:
        # A space of another type may hold semicolons itself, so the last one begins the cost.
        space, semicolon, cost = rest.rpartition(";") if re.search(r";\s*\d+\s*$", rest) else (rest, "", "")
    return _build(space.strip(), cost if semicolon else 1, space_type, given)


def _read_fields(fields: dict[str, Any]) -> AddressSpace:
    unknown = sorted(set(map(str, fields)) - {"domain", "cost", "type"})
    if unknown or fields.get("domain") is None:
        raise ValueProblem(
            "needs domain, and knows cost and type besides",
            "write {domain: contoso.com, cost: 10}",
            ", ".join(unknown),
        )
    given = values.plain_text(fields["domain"], "an address space").strip()
    cost = fields.get("cost")
    space_type = values.plain_text(fields.get("type") or "SMTP", "a type").strip().upper()
    return _build(given, 1 if cost is None else cost, space_type, given)


def _build(space: str, cost: Any, space_type: str, given: str) -> AddressSpace:
    try:
        number = COST.read(cost)
    except ValueProblem as problem:
        raise ValueProblem("has a cost that " + problem.message, "use a cost from 1 to 100", given) from None
    if space_type != "SMTP":
        if not space:
            raise ValueProblem("is empty behind its type", "name the space", given)
        return AddressSpace(Pattern("", False), number, space_type, space)
    try:
        return AddressSpace(read_pattern(space), number)
    except ValueProblem as problem:
        raise ValueProblem(problem.message, problem.remedy, given) from None


def show_address_space(space: AddressSpace) -> str:
    text = str(space)
    return text[:-2] if space.cost == 1 and space.type == "SMTP" else text


ADDRESS_SPACE: values.Kind[AddressSpace] = values.Kind(
    "address space", read_address_space, show_address_space, {"type": "raw"}
)


def patterns_for(domain: str) -> Iterator[Pattern]:
    """All patterns that match a domain, the most specific first."""
    yield Pattern(domain, False)
    yield Pattern(domain, True)
    yield from wider(Pattern(domain, True))


def wider(pattern: Pattern) -> Iterator[Pattern]:
    """The patterns that hold a pattern with its subdomains, the most specific first, without itself."""
    _label, _dot, parent = pattern.domain.partition(".")
    while parent:
        yield Pattern(parent, True)
        _label, _dot, parent = parent.partition(".")
    if not pattern.is_everything:
        yield DEFAULT_ROUTE


def domain_of(address: str) -> str:
    """The domain of a mail address, or the domain itself where there is no @."""
    return values.read_domain(address.rpartition("@")[2], "a mail address")
