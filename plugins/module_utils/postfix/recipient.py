# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms of a recipient address, as trivial-rewrite(8) sees them. Pure.

Source routes and comments of RFC 822 are not understood: no connector's mail carries them.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

__all__ = ["AddressRules", "is_valid_domain", "literal_address", "without_extension"]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")
# What needs no quoting: words of visible characters other than specials, with single dots between them.
_DOT_STRING = re.compile(r'[^\x00-\x20\x7f()<>@,;:\\".\[\]]+(\.[^\x00-\x20\x7f()<>@,;:\\".\[\]]+)*\Z')
_MAXIMUM_HOSTNAME = 255  # VALID_HOSTNAME_LEN, src/util/valid_hostname.h


@dataclass(frozen=True)
class AddressRules:
    """The main.cf parameters that say how an address is read; named as there."""

    myhostname: str
    mydomain: str = ""
    myorigin: str = ""
    recipient_delimiter: str = ""
    double_bounce_sender: str = "double-bounce"
    empty_address_recipient: str = "MAILER-DAEMON"
    owner_request_special: bool = True
    swap_bangpath: bool = True
    allow_percent_hack: bool = True
    append_at_myorigin: bool = True
    append_dot_mydomain: bool = False
    resolve_null_domain: bool = False
    resolve_numeric_domain: bool = False
    allow_min_user: bool = False


def literal_address(domain: str) -> str | None:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` -> the address in its one normal form; None for anything else.

    IPv6 addresses need the prefix (src/global/valid_mailhost_addr.c).
    """
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    text = domain[1:-1]
    try:
        if text[:5].lower() == "ipv6:":
            return str(ipaddress.IPv6Address(text[5:]))
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return None


def is_valid_domain(domain: str) -> bool:
    """Whether trivial-rewrite(8) takes this for a domain (src/util/valid_hostname.c; non-ASCII: as its A-labels)."""
    if domain.startswith("["):
        return literal_address(domain) is not None
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return False
    labels = domain.split(".")
    return (
        len(domain) <= _MAXIMUM_HOSTNAME
        and all(_LABEL.match(label) for label in labels)
        and not domain.replace(".", "").replace("-", "").isdigit()
    )


def without_extension(address: str, rules: AddressRules) -> str | None:
    """``user+ext@d`` -> ``user@d``; None where there is no extension (src/global/strip_addr.c, split_addr.c)."""
    user, at, domain = address.rpartition("@")
    if not at:
        user, domain = address, ""
    if user.lower() in ("postmaster", "mailer-daemon", rules.double_bounce_sender.lower()):
        return None
    if "-" in rules.recipient_delimiter and rules.owner_request_special and _is_owner_or_request(user.lower()):
        return None
    places = [user.find(letter) for letter in rules.recipient_delimiter if letter in user]
    if not places or min(places) == 0:
        return None
    return user[: min(places)] + at + domain


def _is_owner_or_request(user: str) -> bool:
    return user.startswith("owner-") or (user.endswith("-request") and user != "-request")


def quoted(address: str) -> str:
    """The address with its user part in double quotes where RFC 822 needs them (src/global/quote_822_local.c)."""
    user, at, domain = address.rpartition("@")
    if not at:
        user, domain = address, ""
    if _DOT_STRING.match(user):
        return address
    return '"' + re.sub(r'(["\\\r])', r"\\\1", user) + '"' + at + domain


def complete(address: str, is_local: t.Callable[[str], bool], rules: AddressRules) -> tuple[str, bool]:
    """The address that routing works on, and whether its domain is this host's (resolve_addr() in resolve.c).

    Local domains are taken off until a foreign one or none is left: ``user%other@local`` goes to ``user@other``.
    """
    saved = ""
    for _round in range(len(address) + 100):
        if "@" in address and address.endswith(".") and not address.endswith(("..", "@.")):
            address = address[:-1]
        if rules.resolve_null_domain and address.endswith("@"):
            address = address[:-1]
        user, at, domain = address.rpartition("@")
        if at:
            if domain and not is_local(domain):
                return address, False
            saved, address = domain, user
        rewritten = _rewritten(address, rules)
        if rewritten is not None:
            address = rewritten
        elif not address:
            address = rules.empty_address_recipient
        elif not at and not saved:
            address = f"{address}@{rules.myhostname}"
        else:
            return f"{address}@{saved}", True
    return f"{address}@{saved}", True


def _rewritten(address: str, rules: AddressRules) -> str | None:
    """An address whose domain is taken off, with the next domain brought to its place (rewrite_tree() in rewrite.c)."""
    if "@" not in address:
        if rules.swap_bangpath and "!" in address:
            domain, _bang, user = address.partition("!")
            address = f"{user}@{domain}"
        elif rules.allow_percent_hack and "%" in address:
            user, _percent, domain = address.rpartition("%")
            address = f"{user}@{domain}"
        else:
            return None
    user, _at, domain = address.rpartition("@")
    if rules.append_dot_mydomain and domain and "." not in domain and not domain.startswith("["):
        address = f"{user}@{domain}.{rules.mydomain}"
    return address
