# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS and accounts that an administrator configured for next hops, expressed as fields of a connector. Pure.

Never weaker and never stronger than what is there: what differs from it is refused with the reason. A password is looked at
only for where it ends the account's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..connector.errors import ValueProblem
from ..connector.values import is_address, read_path
from ..connector.vocabulary import Authentication, SmartHost, Tls, read_certificate_name
from .match_list import LookupFailed, Table, parent_keys
from .recipient import is_valid_domain

_LEVELS = {
    "none": "none",
    "may": "opportunistic",
    "encrypt": "encrypt",
    "verify": "verify",
    "secure": "verify",
    "dane": "dane",
    "dane-only": "dane_only",
}


class Unexpressed(Exception):
    """The vocabulary has no words for this; the message says why."""


class Hop(NamedTuple):
    """A next hop as it is written, under which TLS policy and account are looked up, and what it is."""

    written: str
    host: SmartHost


def tls(policies: Sequence[Table], values: Mapping[str, str], hops: Sequence[Hop], domain: str) -> Tls:
    """The TLS of all next hops; by MX that of the recipient domain. Raises Unexpressed where next hops differ."""
    if not hops:
        return _read_policy(_policy(policies, domain) or _default_level(values), values, None)
    found = {_read_policy(_policy(policies, hop.written) or _default_level(values), values, hop.host) for hop in hops}
    if len(found) > 1:
        raise Unexpressed("the next hops have different TLS policies")
    return found.pop()


def has_policy(policies: Sequence[Table], domain: str) -> bool:
    """Whether the TLS policy of mail by MX to a domain is said somewhere. Raises Unexpressed."""
    return _policy(policies, domain) is not None


def _policy(policies: Sequence[Table], next_hop: str) -> str | None:
    # Only a plain domain has parents (smtp_tls_policy.c, tls_policy_lookup()).
    keys: Iterable[str] = parent_keys(next_hop, False) if is_valid_domain(next_hop) else (next_hop,)
    return _first(policies, keys)


def _first(tables: Sequence[Table], keys: Iterable[str]) -> str | None:
    for key in keys:
        for table in tables:
            try:
                value = table.lookup(key)
            except LookupFailed as failure:
                raise Unexpressed(str(failure)) from None
            if value is not None:
                return value
    return None


def _default_level(values: Mapping[str, str]) -> str:
    level = values["smtp_tls_security_level"]
    if level:
        return level
    if values["smtp_enforce_tls"].lower() == "yes" or values["smtp_tls_per_site"]:
        raise Unexpressed(
            "smtp_enforce_tls and smtp_tls_per_site are read as levels of old; set smtp_tls_security_level"
        )
    return "may" if values["smtp_use_tls"].lower() == "yes" else "none"


def _read_policy(text: str, values: Mapping[str, str], host: SmartHost | None) -> Tls:
    words = text.split() or [""]
    name, attributes = words[0].lower(), words[1:]
    if name not in _LEVELS:
        raise Unexpressed(f"the TLS level {name} has no field")
    level = _LEVELS[name]
    matches: list[str] = []
    ca_file = ""
    for attribute in attributes:
        key, _equals, value = attribute.partition("=")
        if key == "match" and level == "verify":
            matches += [word for word in re.split(r"[:,]", value) if word]
        elif key == "tafile" and level == "verify":
            ca_file = _path(value)
        else:
            raise Unexpressed(f"the TLS attribute {key} has no field")
    if level != "verify":
        return Tls(level)
    if not ca_file and not values["smtp_tls_CAfile"] and not values["smtp_tls_CApath"]:
        raise Unexpressed(f"the TLS level {name} has neither smtp_tls_CAfile nor smtp_tls_CApath to check with")
    if not matches:
        default = values["smtp_tls_verify_cert_match" if name == "verify" else "smtp_tls_secure_cert_match"]
        matches = [word for word in re.split(r"[:,\s]+", default) if word]
    return Tls("verify", _names(matches, host), ca_file)


def _path(value: str) -> str:
    try:
        return read_path(value)
    except ValueProblem:
        raise Unexpressed(f"the file {value} has no field") from None


def _names(matches: Sequence[str], host: SmartHost | None) -> tuple[str, ...]:
    """The names of a certificate; empty where they are those that a connector has without any."""
    if host is None:
        if set(matches) == {"nexthop", "dot-nexthop"}:
            return ()
        if {"nexthop", "dot-nexthop", "hostname"} & set(matches):
            raise Unexpressed("the certificate is matched with names that depend on the next hop")
        return _read_names(matches)
    own = {host.host, "*." + host.host} if host.mx else {host.host}
    names = set(_read_names(list(_written_out(matches, host))))
    return () if names == own and not is_address(host.host) else tuple(sorted(names))


def _written_out(matches: Sequence[str], host: SmartHost) -> Iterator[str]:
    for word in matches:
        # The name of an MX host comes from the DNS, which a connector does not trust for that.
        if word == "hostname" and host.mx:
            raise Unexpressed("the certificate is matched with the name of the MX host")
        if word in ("hostname", "nexthop"):
            yield host.host
        elif word == "dot-nexthop":
            yield "." + host.host
        else:
            yield word


def _read_names(words: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted({read_certificate_name("*" + word if word.startswith(".") else word) for word in words}))
    except ValueProblem as problem:
        raise Unexpressed(f"the certificate's name {problem.message}") from None


# --- accounts --------------------------------------------------------------------------------------------------------


def authentication(
    accounts: Sequence[Table], values: Mapping[str, str], hops: Sequence[Hop], domain: str, security: Tls
) -> Authentication:
    """The account that all next hops are given. Raises Unexpressed where they differ, or where mail by MX logs in."""
    if values["smtp_sasl_auth_enable"].lower() != "yes":
        return Authentication()
    if values["smtp_sender_dependent_authentication"].lower() == "yes":
        raise Unexpressed("smtp_sender_dependent_authentication chooses the account by the sender")
    if not hops:
        if _first(accounts, (domain,)) is not None:
            raise Unexpressed("logs in wherever MX points to")
        return Authentication()
    # smtp(8) asks for the remote host first, then for the next hop as it is written (smtp_sasl_glue.c).
    found = {_username(_first(accounts, _account_keys(hop))) for hop in hops}
    if len(found) > 1:
        raise Unexpressed("the next hops have different accounts")
    username = found.pop()
    if username is None:
        return Authentication()
    return _mechanism(username, values, security)


def _account_keys(hop: Hop) -> tuple[str, ...]:
    return (hop.written,) if hop.host.mx else (hop.host.host, hop.written)


def _username(entry: str | None) -> str | None:
    if entry is None:
        return None
    username, colon, _password = entry.partition(":")
    if not colon or not username:
        raise Unexpressed("the entry in smtp_sasl_password_maps is no name with a password")
    return username


def _mechanism(username: str, values: Mapping[str, str], security: Tls) -> Authentication:
    wanted = [word.lower() for word in re.split(r"[,\s]+", values["smtp_sasl_mechanism_filter"]) if word]
    if wanted and not {"plain", "login"} & set(wanted):
        raise Unexpressed(f"logs in with {', '.join(wanted)}, and a connector with plain or login")
    plain = "noplaintext" not in values["smtp_sasl_security_options"]
    if security.required:
        if "noplaintext" in values["smtp_sasl_tls_security_options"]:
            raise Unexpressed("smtp_sasl_tls_security_options forbids plain and login")
        return Authentication("basic_over_tls", username)
    if not plain:
        raise Unexpressed("logs in only where TLS is offered: require TLS for this next hop, then read again")
    return Authentication("basic", username, allow_cleartext_password=True)
