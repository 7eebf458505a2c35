# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of connectors as it has to be for a removal, or for other hosts in the place of one; and what still names a host. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import Problems
from .model import read_connectors
from .topology import Host, Organisation, read_hosts

Raw = Mapping[str, Any]


def removal(names: Iterable[Any]) -> list[dict[str, Any]]:
    """A list that only says what goes."""
    return [{"name": str(name), "state": "absent"} for name in names]


def replacement(connectors: Iterable[Any], old: str, new: Sequence[str]) -> list[Any]:
    """The same list with other bridgeheads in the place of one. Passwords and whatever else it holds stay as they are."""
    return [_replaced(one, old.lower(), list(new)) for one in connectors]


def _replaced(connector: Any, old: str, new: list[str]) -> Any:
    bridgeheads = connector.get("bridgeheads") if isinstance(connector, Mapping) else None
    if not isinstance(bridgeheads, (list, tuple)) or old not in [str(name).lower() for name in bridgeheads]:
        return connector
    made: list[str] = []
    for name in bridgeheads:
        made += new if str(name).lower() == old else [name]
    unique = {str(name).lower(): name for name in reversed(made)}
    return {**connector, "bridgeheads": list(reversed(list(unique.values())))}


def replacement_problem(old: str, new: Sequence[str], systems: Mapping[str, str], groups: Sequence[str]) -> str:
    """Why a bridgehead cannot be replaced by others, with what to do, or nothing. systems: the system of each known host."""
    unknown = [name for name in (old, *new) if name not in systems]
    of_other_system = [name for name in new if systems.get(name) != systems.get(old)]
    remedy = f"name hosts of the groups {' and '.join(groups)} in smtp_connectors_old_bridgehead and smtp_connectors_new_bridgeheads"
    if unknown:
        why = f"nobody knows {', '.join(unknown)}"
    elif not new or old in new:
        why = "it has to be other hosts"
    elif of_other_system:
        told = {
            name: "an Exchange server" if system == "exchange" else "a Postfix host" for name, system in systems.items()
        }
        why = (
            f"{old} is {told[old]}, and {of_other_system[0]} {told[of_other_system[0]]}; a connector belongs to one system, and how "
            "the servers of the other one send mail there is never invented"
        )
        remedy = (
            "write the connectors of both systems into the list as they have to be, run provision, and remove those that are "
            "left on the old one with remove"
        )
    else:
        return ""
    return f"{old} cannot be replaced by {', '.join(new) or 'nothing'}: {why}. Remedy: {remedy}."


def still_naming(
    host: str, connectors: Any, hosts: Any, sets: Mapping[str, Any], receive: Any = None, written: Any = None
) -> list[str]:
    """What names a host beside the bridgeheads of this list, in sentences.

    connectors: the list after the replacement. sets: other sets -> what a host says that they hold; '' for nobody's.
    receive: the receive connectors. written: the list as its file has it.
    """
    known = read_hosts(hosts, Problems())
    name = host.lower()
    told = [
        f'the list as it is written has it as a bridgehead of "{item.connector.name}"'
        for item in read_connectors(written, Problems())
        if name in item.connector.bridgeheads
    ]
    told += [f'"{one}" names it as a smart host' for one in _leading_to(name, connectors, known)]
    for set_name, content in sorted(sets.items()):
        held = content.get("connectors") if isinstance(content, Mapping) else content
        whose = f' of the set "{set_name}"' if set_name else ", which no set has,"
        for item in read_connectors(held, Problems()):
            if name in item.connector.bridgeheads:
                holder = f'the set "{set_name}"' if set_name else "no set, but Exchange itself"
                told.append(f'{holder} has it as a bridgehead of "{item.connector.name}"')
        told += [f'"{one}"{whose} names it as a smart host' for one in _leading_to(name, held, known)]
    for one in receive or ():
        if name in [str(server).lower() for server in one.get("servers") or ()]:
            told.append(f'the receive connector "{one.get("name")}" is on it')
    return told


def _leading_to(name: str, connectors: Any, hosts: Mapping[str, Host]) -> list[str]:
    organisation = Organisation(hosts, {}, {}, {})
    found = []
    for item in read_connectors(connectors, Problems()):
        behind = [organisation.host_behind(next_hop) for next_hop in item.connector.smart_hosts]
        if any(known and known.name == name for known in behind):
            found.append(item.connector.name)
    return found
