# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of a server's certificate, from Python's ssl module or from openssl x509, and which names it stands for."""

from __future__ import annotations

import re
import ssl
import typing as t
from dataclasses import dataclass, replace
from datetime import datetime, timezone

# openssl x509, reading PEM: one line for each fact, names in the order of the certificate.
OPENSSL_ARGUMENTS = (
    *("x509", "-noout", "-subject", "-issuer", "-enddate", "-ext", "subjectAltName"),
    *("-nameopt", "sep_comma_plus_space,utf8,esc_ctrl,sname"),
)

# How openssl shortens what Python writes out.
_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
}
_COMMON_NAME = re.compile(r"(?:^|, )CN ?= ?([^,]+)")


@dataclass(frozen=True)
class Certificate:
    """What is known of a certificate. details: whether more than the fingerprint is known.

    names: the DNS names that it stands for; the common name where it carries none, as OpenSSL has it.
    distrust: why it is not trusted, in OpenSSL's words. der is kept until the details were read.
    """

    fingerprint: str
    trusted: bool
    distrust: str = ""
    subject: str = ""
    issuer: str = ""
    not_after: str = ""
    names: tuple[str, ...] = ()
    details: bool = False
    der: bytes = b""


class Details(t.NamedTuple):
    subject: str
    issuer: str
    not_after: str
    names: tuple[str, ...]


def with_details(certificate: Certificate, details: Details | None) -> Certificate:
    return replace(certificate, der=b"", **({**details._asdict(), "details": True} if details else {}))


def from_python(found: t.Mapping[str, t.Any]) -> Details:
    """What SSLSocket.getpeercert() gives, which it does for trusted certificates only."""
    subject = _distinguished_name(found.get("subject", ()))
    names = [value for kind, value in found.get("subjectAltName", ()) if kind == "DNS"]
    issuer = _distinguished_name(found.get("issuer", ()))
    return Details(subject, issuer, moment(found.get("notAfter", "")), _names(names, subject))


def from_openssl(text: str) -> Details | None:
    """What openssl x509 prints with OPENSSL_ARGUMENTS, or None where it is something else."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key in ("subject", "issuer", "notAfter"):
            found.setdefault(key, value.strip())
        elif line.startswith(" "):
            parts = (part.strip() for part in line.split(","))
            names.extend(part[len("DNS:") :] for part in parts if part.startswith("DNS:"))
    if "notAfter" not in found or "issuer" not in found:
        return None
    subject = found.get("subject", "")
    return Details(subject, found["issuer"], moment(found["notAfter"]), _names(names, subject))


def moment(text: str) -> str:
    """The certificate's own form of a time -> 2026-01-31T12:00:00Z, or nothing where it cannot be read."""
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _distinguished_name(parts: t.Iterable[t.Iterable[tuple[str, str]]]) -> str:
    return ", ".join(" + ".join(f"{_SHORT.get(kind, kind)}={value}" for kind, value in part) for part in parts)


def _names(names: t.Sequence[str], subject: str) -> tuple[str, ...]:
    if names:
        return tuple(dict.fromkeys(name.lower() for name in names))
    common = _COMMON_NAME.findall(subject)
    return (common[-1].strip().lower(),) if common else ()


def stands_for(carried: t.Iterable[str], wanted: t.Iterable[str]) -> bool:
    """Whether a certificate that carries these names is one of a host with one of the wanted names.

    Wanted *.contoso.com takes every name below contoso.com, as in a connector. A carried *.contoso.com stands for one
    label (RFC 9525, 6.3); Postfix takes more by default, other systems do not.
    """
    return any(_same(one.lower(), other.lower()) for one in carried for other in wanted)


def _same(carried: str, wanted: str) -> bool:
    if wanted.startswith("*."):
        return len(carried) > len(wanted) - 1 and carried.endswith(wanted[1:])
    if carried.startswith("*."):
        label, _dot, parent = wanted.partition(".")
        return bool(label) and parent == carried[2:]
    return carried == wanted
