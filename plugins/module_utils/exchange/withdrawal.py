# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Postfix hosts may have mail on its way to an Exchange organisation that accepts less in a moment. Pure.

Exchange does not know who sends to it. So whoever was let in by what goes counts: the hosts in the ranges of a receive connector, and
every host where an accepted domain goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..connector.topology import Host
from .ip_ranges import IpRange, read_range


def senders(results: Mapping[str, Any], receiving: Sequence[Mapping[str, Any]], hosts: Mapping[str, Host]) -> list[str]:
    """results: what the tasks of exchange_connectors announced, by the kind of objects. receiving: the receive connectors that are there.

    A host whose addresses are not known may be anywhere.
    """
    postfix = [host for host in hosts.values() if host.system == "postfix"]
    if _leaving(results.get("withdrawn_accepted_domains"), "domain"):
        return sorted(host.name for host in postfix)
    ranges: list[IpRange] = []
    for name in _leaving(results.get("withdrawn_receive"), "connector"):
        named = [one for one in receiving if str(one.get("name")).lower() == name.lower()]
        # Where a connector cannot be read, or names nobody, it lets in everybody.
        ranges += [read_range(text) for one in named for text in one.get("remote_ip_ranges") or _EVERYWHERE]
        ranges += [] if named else map(read_range, _EVERYWHERE)
    return sorted(host.name for host in postfix if _may_be_in(host, ranges))


_EVERYWHERE = ("0.0.0.0/0", "::/0")


def _leaving(result: Any, name: str) -> list[str]:
    """What goes, or lets in fewer hosts than before."""
    plan: Iterable[Mapping[str, Any]] = (result or {}).get("plan") or ()
    return [str(entry[name]) for entry in plan]


def _may_be_in(host: Host, ranges: Sequence[IpRange]) -> bool:
    own = [read_range(network) for network in host.sends_from]
    return bool(ranges) and (not own or any(one.overlaps(other) for one in own for other in ranges))
