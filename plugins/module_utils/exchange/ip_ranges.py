# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remote IP ranges and local bindings of receive connectors, compared as numbers and never as text.

A single address, a range a-b and a network in CIDR form are all one thing: the first and the last address. Which of the three
Exchange shows, and whether it keeps host bits as they were typed, is not documented.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..connector import values
from ..connector.errors import ValueProblem
from ..connector.values import Kind

MOST_RANGES = 1200
"""Active Directory holds 1,200 to 1,300 values in such an attribute (New-ReceiveConnector, RemoteIPRanges)."""

# A connector whose ranges hold more public addresses than this serves strangers: the same limit as for a trusted network, a /8
# of IPv4 and a /32 of IPv6.
_MOST_PUBLIC = {4: 2**24, 6: 2**96}
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
_MASK = re.compile(r"^([0-9.]+)\s*\(([0-9.]+)\)$", re.ASCII)
_BINDING = re.compile(r"^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$", re.ASCII)


class IpRange(NamedTuple):
    """Two addresses of one version and all between them."""

    version: int
    low: int
    high: int

    def inside(self, other: IpRange) -> bool:
        return self.version == other.version and other.low <= self.low and self.high <= other.high

    def overlaps(self, other: IpRange) -> bool:
        return self.version == other.version and self.low <= other.high and other.low <= self.high

    def __str__(self) -> str:
        """A single address, a network where the range is one, else a-b."""
        low, high = _address(self.version, self.low), _address(self.version, self.high)
        if self.low == self.high:
            return str(low)
        networks = list(ipaddress.summarize_address_range(low, high))
        return str(networks[0]) if len(networks) == 1 else f"{low}-{high}"


def _address(version: int, number: int) -> Any:
    return ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)


def read_range(value: Any) -> IpRange:
    """192.0.2.1, 192.0.2.1-192.0.2.9, 192.0.2.0/24 or 192.0.2.0(255.255.255.0), and the same of IPv6."""
    word = values.plain_text(value, "a range of IP addresses").strip().replace("[", "").replace("]", "")
    mask = _MASK.match(word)
    try:
        if mask or "/" in word:
            network = ipaddress.ip_network(f"{mask.group(1)}/{mask.group(2)}" if mask else word, strict=False)
            return IpRange(network.version, int(network[0]), int(network[-1]))
        first, _dash, last = (part.strip() for part in word.partition("-"))
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
    except ValueError:
        raise ValueProblem(
            "is no IP address, range or network",
            "write for example 192.0.2.10, 192.0.2.10-192.0.2.20 or 192.0.2.0/28",
            value,
        ) from None
    if low.version != high.version or int(low) > int(high):
        raise ValueProblem("ends before it begins", "write the lower address first, both of one IP version", value)
    return IpRange(low.version, int(low), int(high))


RANGE: Kind[IpRange] = Kind("IP range", read_range, str)
RANGES = values.list_of(RANGE)

EVERYWHERE = (read_range("0.0.0.0-255.255.255.255"), read_range("::/0"))
"""The ranges of a connector that takes mail from all addresses."""


def merged(ranges: Iterable[IpRange]) -> list[IpRange]:
    """The fewest ranges that hold the same addresses. For counting and for remedies: nothing is merged without being asked."""
    made: list[IpRange] = []
    for one in sorted(ranges):
        last = made[-1] if made else None
        if last and last.version == one.version and one.low <= last.high + 1:
            made[-1] = last._replace(high=max(last.high, one.high))
        else:
            made.append(one)
    return made


def covers(ranges: Iterable[IpRange], wanted: Iterable[IpRange]) -> bool:
    """Whether every wanted address is in one of the ranges."""
    joined = merged(ranges)
    return all(any(one.inside(other) for other in joined) for one in wanted)


_PRIVATE_RANGES = tuple(read_range(network) for network in _PRIVATE)


def serves_strangers(ranges: Sequence[IpRange]) -> bool:
    """Whether the ranges hold so many public addresses that whoever may relay from them is an open relay."""
    public = {4: 0, 6: 0}
    for one in merged(ranges):
        held = one.high - one.low + 1
        for private in _PRIVATE_RANGES:
            if one.overlaps(private):
                held -= min(one.high, private.high) - max(one.low, private.low) + 1
        public[one.version] += held
    return any(public[version] > most for version, most in _MOST_PUBLIC.items())


# --- bindings --------------------------------------------------------------------------------------------------------


class Binding(NamedTuple):
    """A local address and port. 0.0.0.0 and :: mean all addresses of their version."""

    version: int
    address: int
    port: int

    @property
    def all_addresses(self) -> bool:
        return self.address == 0

    def same_socket(self, other: Binding) -> bool:
        """Whether two services cannot both listen: the same port, and the same address or all addresses."""
        if (self.version, self.port) != (other.version, other.port):
            return False
        return self.address == other.address or self.all_addresses or other.all_addresses

    def __str__(self) -> str:
        address = _address(self.version, self.address)
        return f"[{address}]:{self.port}" if self.version == 6 else f"{address}:{self.port}"


def read_binding(value: Any) -> Binding:
    word = values.plain_text(value, "a binding").strip()
    match = _BINDING.match(word)
    try:
        if match and 1 <= int(match.group(3)) <= 65535:
            address = ipaddress.ip_address(match.group(1) or match.group(2))
            if address.version == (6 if match.group(1) else 4):
                return Binding(address.version, int(address), int(match.group(3)))
    except ValueError:
        pass
    raise ValueProblem(
        "is no local IP address with a port", "write for example 0.0.0.0:25, [::]:25 or 192.0.2.10:587", value
    )


BINDING: Kind[Binding] = Kind("binding", read_binding, str)
BINDINGS = values.list_of(BINDING)
