# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an Exchange organisation has, in the vocabulary: what can be given back and changes nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..connector.errors import Problems
from ..connector.model import Connector, show
from ..connector.topology import Host, read_hosts, show_host_fields
from ..connector.vocabulary import Limits
from . import ip_ranges, permissions, receive_connector, receive_rules, servers, values
from .calls import Call, Each
from .receive_task import alike
from .receive_writes import READ as READ_RECEIVE_CONNECTORS
from .send_connector import Found, read
from .send_rules import DEFAULT
from .send_task import READ_ACCEPTED_DOMAINS, surroundings
from .send_writes import READ
from .task import Answers, Object, Session

_OF = "Of"
_RECEIVE_CONNECTORS = 4
READ_RIGHTS = Call(
    "Get-ADPermission",
    properties=permissions.PROPERTIES,
    optional=True,
    each=Each(_RECEIVE_CONNECTORS, "DistinguishedName", "Identity", into=_OF),
)
"""The permissions of each receive connector, since its parameters do not show who may relay."""


class Information:
    """What exchange_connectors_info reads and returns. hosts: the inventory's own names for the servers."""

    def __init__(self, set_name: str = "default", hosts: Any = None) -> None:
        """Raises ConnectorError where hosts cannot be read."""
        problems = Problems()
        self.set = set_name
        self.declared = read_hosts(hosts, problems)
        problems.raise_if_any()

    def reads(self) -> list[Call]:
        return [
            servers.READ_SERVERS,
            READ,
            READ_ACCEPTED_DOMAINS,
            servers.READ_SITE_LINKS,
            READ_RECEIVE_CONNECTORS,
            READ_RIGHTS,
        ]

    def result(self, answers: Answers, session: Session) -> dict[str, Any]:
        warnings: list[str] = []
        around = surroundings(answers[0], answers[2], answers[3], self.declared, session, warnings, Problems())
        found = sorted((read(one, around.servers) for one in answers[1]), key=lambda one: one.connector.key)
        receiving = _with_rights(
            [receive_connector.read(one, around.servers) for one in answers[_RECEIVE_CONNECTORS]], answers[-1]
        )
        sets = sorted({one.owner for one in found if one.owner})
        return {
            "connectors": _shown(found, self.set),
            "receive_connectors": _receiving(receiving, self.set, around.servers),
            "hosts": _hosts(around.hosts),
            "sets": {name: _shown(found, name) for name in sets},
            "unmanaged": _shown(found, ""),
            "unmanaged_receive_connectors": _receiving(receiving, "", around.servers),
            "accepted_domains": [_accepted(one) for one in _by_name(answers[2])],
            "site_links": [_site_link(one) for one in _by_name(answers[3])],
            "not_expressed": [
                *(entry for one in found for entry in not_expressed(one)),
                *(entry for one in receiving for entry in _unreadable(one)),
            ],
            "session": session.plain(),
            "warnings": [*warnings, *_open_relays(receiving)],
        }


def shown(connector: Connector) -> dict[str, Any]:
    """A send connector as a list has it, without what is at Exchange's default."""
    default = DEFAULT.limits
    given = {name: value for name, value in connector.limits._asdict().items() if value != getattr(default, name)}
    return show(replace(connector, limits=Limits(**given)))


def not_expressed(found: Found) -> list[dict[str, str]]:
    """What the vocabulary cannot hold: named, not lost."""
    name = found.connector.name
    told = [
        {"connector": name, "property": one.partition(":")[0], "value": one, "reason": "cannot be read"}
        for one in found.unreadable
    ]
    if found.connector.authentication.with_password:
        reason = "the account's password cannot be read"
        if not found.connector.authentication.username:
            reason = "neither the account's name nor its password can be read"
        told.append({"connector": name, "property": "AuthenticationCredential", "value": "", "reason": reason})
    return told


def _shown(found: Iterable[Found], owner: str) -> list[dict[str, Any]]:
    return [shown(one.connector) for one in found if one.owner == owner]


def _with_rights(found: Sequence[receive_connector.Found], entries: Sequence[Object]) -> list[receive_connector.Found]:
    """The receive connectors, with whether strangers may relay; entries: the permissions of all of them."""
    by_connector: dict[str, list[Object]] = {}
    for one in entries:
        by_connector.setdefault(str(one.get(_OF)).lower(), []).append(one)
    rights = {
        one.key: permissions.read_rights(by_connector[name])
        for one in found
        for name in [str(one.properties.get("DistinguishedName")).lower()]
        if name in by_connector
    }
    seen = [(one.settings.get("permission_groups", ()), rights[one.key]) for one in found if one.key in rights]
    anonymous = permissions.anonymous_logon(seen)
    return [replace(one, right=rights[one.key].of(anonymous)) if one.key in rights else one for one in found]


def _receiving(found: Iterable[receive_connector.Found], owner: str, known: servers.Servers) -> list[dict[str, Any]]:
    mine = [one for one in found if one.owner == owner]
    shown_ones = alike({one.key: (one.name, one.settings, one.relay) for one in mine}, known, known.on_edge)
    open_ones = {(one.name, known.host_of(one.server)) for one in mine if _is_open_relay(one)}
    # Without that word the list would be refused when it is given back.
    return [
        {**one, "allow_open_relay": True} if (one["name"], one["servers"][0]) in open_ones else one
        for one in shown_ones
    ]


def _is_open_relay(found: receive_connector.Found) -> bool:
    strangers = ip_ranges.serves_strangers(found.settings.get("remote_ip_ranges", ()))
    return found.relay not in (None, "none") and (strangers or receive_rules.is_default(found.name, found.server))


def _unreadable(found: receive_connector.Found) -> list[dict[str, str]]:
    told = [
        {"connector": found.title, "property": one.partition(":")[0], "value": one, "reason": "cannot be read"}
        for one in found.unreadable
    ]
    if found.relay is None:
        reason = "the permissions could not be read (Get-ADPermission), so it is not known whether strangers may relay"
        told.append({"connector": found.title, "property": "relay", "value": "", "reason": reason})
    return told


def _open_relays(found: Iterable[receive_connector.Found]) -> list[str]:
    return [
        f"{one.title} is an open relay: whoever reaches it may send anywhere (relay is {one.relay})"
        for one in found
        if _is_open_relay(one)
    ]


def _hosts(hosts: Mapping[str, Host]) -> dict[str, Any]:
    return {name: show_host_fields(replace(hosts[name], local_domains=())) for name in sorted(hosts)}


def _by_name(objects: Sequence[Object]) -> list[Object]:
    return sorted(objects, key=lambda one: str(one.get("Name")).lower())


def _accepted(one: Object) -> dict[str, Any]:
    words = {"authoritative": "authoritative", "internalrelay": "internal_relay", "externalrelay": "external_relay"}
    kind = str(one.get("DomainType"))
    return {
        "name": str(one.get("Name")),
        "domain": str(one.get("DomainName")).lower(),
        "type": words.get(kind.lower(), kind),
        "default": one.get("Default") is True,
    }


def _site_link(one: Object) -> dict[str, Any]:
    cost = one.get("ExchangeCost")
    return {
        "name": str(one.get("Name")),
        "cost": None if values.is_empty(cost) else int(str(cost)),
        "ad_cost": one.get("ADCost"),
        "max_message_size": str(one.get("MaxMessageSize") or "unlimited"),
        "sites": sorted(servers.site_name(site) for site in values.items(one.get("Sites"))),
    }
