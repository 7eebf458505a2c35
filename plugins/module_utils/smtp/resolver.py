# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leaf that asks DNS: dnspython from 2.0 on, as distributions have it; and the system's own resolver."""

from __future__ import annotations

import importlib
import time
import typing as t

from .conversation import system_addresses
from .lookup import Answer, Ask
from .target import NameServer

# A name server that does not answer shall not use up the time of the whole task.
_LONGEST = 10.0


def available() -> bool:
    """Whether this Python has a dnspython that will do; before 2.0 there was no resolve()."""
    try:
        return hasattr(importlib.import_module("dns.resolver").Resolver, "resolve")
    except ImportError:
        return False


def resolver(name_servers: t.Sequence[NameServer], end: float) -> Ask:
    """Asks these name servers, or those of the system, until the moment end of time.monotonic()."""
    dns = _Modules()
    try:
        asking = dns.resolver.Resolver(configure=not name_servers)
    except dns.exception.DNSException:
        return lambda name, kind: Answer(problem="this host has no name servers (/etc/resolv.conf)")
    if name_servers:
        asking.nameservers = [one.address for one in name_servers]
        asking.nameserver_ports = {one.address: one.port for one in name_servers}
    asking.cache = dns.resolver.LRUCache()

    def ask(name: str, kind: str) -> Answer:
        left = min(_LONGEST, end - time.monotonic())
        if left <= 0:
            return Answer(problem="there was no time left")
        try:
            # The dot: the search list of the system is for people's typing, not for mail.
            answer = asking.resolve(name + ".", kind, lifetime=left, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return Answer(missing=True)
        except dns.exception.Timeout:
            return Answer(problem=f"the name servers do not answer within {left:.0f} s")
        except dns.resolver.NoNameservers:
            return Answer(problem="the name servers answer with an error (SERVFAIL or REFUSED)")
        except dns.exception.DNSException as error:
            return Answer(problem=str(error) or type(error).__name__)
        return Answer(tuple(_text(record, kind) for record in answer.rrset or ()))

    return ask


class _Modules:
    """dnspython's modules; they are there, since available() said so."""

    def __init__(self) -> None:
        self.exception: t.Any = importlib.import_module("dns.exception")
        self.resolver: t.Any = importlib.import_module("dns.resolver")


def _text(record: t.Any, kind: str) -> str:
    if kind == "MX":
        return f"{record.preference} {record.exchange.to_text(omit_final_dot=True).lower()}"
    return str(record.address)


def system(name: str, kind: str) -> Answer:
    """Addresses from the system's own resolver, its hosts file included."""
    addresses, problem = system_addresses(name, kind)
    return Answer(tuple(addresses), not addresses and not problem, problem)
