# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of which a parameter takes several: address spaces, smart hosts, bindings, IP ranges, servers."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .unverified import Forms
from .values import Address, AddressSpace, IpRange, Kind, Shown, UnreadableError, is_domain, read_fqdn


def _cased(text: str, forms: Forms) -> str:
    return text.lower() if forms.pick("name_case") == "lower" else text


# --- address spaces --------------------------------------------------------------------------------------------------


def _read_space(raw: Any) -> AddressSpace:
    given = re.fullmatch(r"(?:([A-Za-z0-9]+):)?(.*)", str(raw).strip(), re.ASCII | re.DOTALL)
    assert given
    kind, rest = given[1] or "SMTP", given[2]
    domain, semicolon, cost = rest.rpartition(";")
    if not semicolon:
        domain, cost = rest, "1"
    elif kind.upper() != "SMTP" and not re.fullmatch(r"\d+", cost, re.ASCII):
        raise UnreadableError(f"The address space {raw!r} holds a semicolon and needs an explicit cost")
    if not re.fullmatch(r"\d{1,3}", cost, re.ASCII) or not 1 <= int(cost) <= 100:
        raise UnreadableError(f"The cost of the address space {raw!r} is not between 1 and 100")
    if kind.upper() == "SMTP":
        name = domain.removeprefix("*.")
        if domain not in ("*", "--") and not is_domain(name):
            raise UnreadableError(f"The address space {raw!r} is no valid SMTP domain")
        kind = "SMTP"
    elif kind.upper() == "X400" and not re.search(r"\bc=", domain, re.IGNORECASE):
        raise UnreadableError(f"The address space {raw!r} is no valid X.400 address")
    return AddressSpace(kind, domain, int(cost))


def _show_spaces(value: Any, forms: Forms, key: str) -> Shown:
    shown = []
    for space in value:
        smtp = space.kind == "SMTP"
        kind = forms.pick("smtp_case", key) if smtp else space.kind
        shown.append(f"{kind}:{_cased(space.domain, forms) if smtp else space.domain};{space.cost}")
    return forms.ordered(shown, f"{key}/AddressSpaces")


ADDRESS_SPACES = Kind("AddressSpace", _read_space, _show_spaces, many=True)


# --- smart hosts -----------------------------------------------------------------------------------------------------


def _read_smart_host(raw: Any) -> Address | str:
    text = str(raw).strip()
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return text if text == "--" else read_fqdn(text)


def show_smart_hosts(value: Any, forms: Forms, key: str) -> list[str]:
    frame = "[{}]" if forms.pick("ip_smart_host", key) == "bracketed" else "{}"
    shown = [_cased(host, forms) if isinstance(host, str) else frame.format(host) for host in value]
    return forms.ordered(shown, f"{key}/SmartHosts")


SMART_HOSTS = Kind("SmartHost", _read_smart_host, show_smart_hosts, many=True, clear=True)


# --- receive connectors ----------------------------------------------------------------------------------------------


def _read_binding(raw: Any) -> tuple[Address, int]:
    text = str(raw).strip()
    given = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})", text, re.ASCII)
    try:
        if given and 0 <= int(given[3]) <= 65535:
            address = ipaddress.IPv6Address(given[1]) if given[1] else ipaddress.IPv4Address(given[2])
            return address, int(given[3])
    except ValueError:
        pass
    raise UnreadableError(f"{raw!r} is no binding such as 0.0.0.0:25 or [::]:25")


def show_binding(binding: tuple[Address, int]) -> str:
    address, port = binding
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _show_bindings(value: Any, forms: Forms, key: str) -> Shown:
    return forms.ordered([show_binding(binding) for binding in value], f"{key}/Bindings")


BINDINGS = Kind("IPBinding", _read_binding, _show_bindings, many=True)


def _read_range(raw: Any) -> IpRange:
    text = str(raw).strip()
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            return IpRange(network[0], network[-1], text)
        low, _dash, high = text.partition("-")
        found = IpRange(ipaddress.ip_address(low.strip()), ipaddress.ip_address((high or low).strip()), text)
    except ValueError as reason:
        raise UnreadableError(f"{raw!r} is no IP address or range") from reason
    if found.low.version != found.high.version or int(found.low) > int(found.high):
        raise UnreadableError(f"{raw!r} ends before it begins")
    return found


def show_range(found: IpRange, forms: Forms) -> str:
    form = forms.pick("ip_range")
    if form == "echoed" or "/" not in found.given:
        return found.given
    if form == "network":
        return str(ipaddress.ip_network(found.given, strict=False))
    return f"{found.low}-{found.high}"


def _show_ranges(value: Any, forms: Forms, key: str) -> Shown:
    return forms.ordered([show_range(found, forms) for found in value], f"{key}/RemoteIPRanges")


IP_RANGES = Kind("IPRange", _read_range, _show_ranges, many=True)

_CAPABILITIES = ("AcceptCloudServicesMail", "AcceptOorgProtocol")


def _read_capability(raw: Any) -> str:
    domain, colon, capabilities = str(raw).partition(":")
    if not colon or (domain.upper() != "NO-TLS" and not is_domain(domain.removeprefix("*."))):
        raise UnreadableError(f"{raw!r} is not of the form domain:capability")
    for capability in capabilities.split(","):
        if capability.strip().lower() not in [known.lower() for known in _CAPABILITIES]:
            raise UnreadableError(f"{capability!r} is none of {', '.join(_CAPABILITIES)}")
    return str(raw)


def _show_texts(value: Any, forms: Forms, key: str) -> Shown:
    return forms.ordered([str(text) for text in value], key)


CAPABILITIES = Kind("SmtpReceiveDomainCapabilities", _read_capability, _show_texts, many=True, clear=True)


# --- others ----------------------------------------------------------------------------------------------------------

# Servers are looked up by the cmdlet; what is kept is the bare name as the organisation spells it.
SERVERS = Kind("ServerId", str, _show_texts, many=True)
TEXTS = Kind("String[]", str, _show_texts, many=True, clear=True)
