# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that Postfix takes for its own: those of inet_interfaces and proxy_interfaces.

Mail for an address literal such as ``user@[192.0.2.1]`` is local where the address is one of these
(src/global/own_inet_addr.c).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import typing as t

from .main_cf import split_list

__all__ = ["own_addresses"]

# The kernel's table of local IPv4 addresses: "|-- 127.0.0.1" and in the next line "/32 host LOCAL".
_LOCAL_IPV4 = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\s+/32 host LOCAL")


def own_addresses(inet_interfaces: str, proxy_interfaces: str, inet_protocols: str) -> frozenset[str]:
    """The values of the three parameters -> addresses in ipaddress normal form."""
    protocols = set(split_list(inet_protocols.lower()))
    versions = {version for version, name in ((4, "ipv4"), (6, "ipv6")) if protocols & {name, "all"}}
    found = set(_resolved(split_list(proxy_interfaces)))
    for interface in split_list(inet_interfaces):
        if interface.lower() == "all":
            found.update(_interface_addresses())
        elif interface.lower() == "loopback-only":
            found.update(address for address in _interface_addresses() if ipaddress.ip_address(address).is_loopback)
        else:
            found.update(_resolved([interface]))
    return frozenset(address for address in found if ipaddress.ip_address(address).version in versions)


def _interface_addresses() -> t.Iterator[str]:
    """The addresses of all interfaces, from the kernel's own tables."""
    yield from _LOCAL_IPV4.findall(_content("/proc/net/fib_trie"))
    for line in _content("/proc/net/if_inet6").splitlines():
        yield str(ipaddress.IPv6Address(int(line.split()[0], 16)))


def _content(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:  # no IPv6 in this kernel
        return ""


def _resolved(names: t.Iterable[str]) -> t.Iterator[str]:
    """Names and addresses, with or without brackets -> addresses; a name that has none is left out."""
    for name in names:
        bare = name.strip("[]")
        bare = bare[5:] if bare.lower().startswith("ipv6:") else bare
        try:
            results = socket.getaddrinfo(bare, None, type=socket.SOCK_STREAM)
        except OSError:
            continue
        for result in results:
            yield str(ipaddress.ip_address(str(result[4][0]).partition("%")[0]))
