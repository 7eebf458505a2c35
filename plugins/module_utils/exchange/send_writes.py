# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the steps of a plan to the cmdlets that make them, each with only the parameters that change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..connector.model import Connector
from . import values
from .calls import Call
from .order import Step
from .ownership import marked
from .send_connector import PROPERTIES, REALISATIONS
from .send_plan import Item
from .servers import Servers

READ = Call("Get-SendConnector", properties=PROPERTIES)
# What a read says of itself, and not of the connector: no reason to plan again.
_NOT_EXPECTED = ("OriginatingServer", "WhenChangedUTC")

# Each of these is only understood together with the others of its group (New-SendConnector: SmartHosts, TlsAuthLevel).
_TOGETHER: tuple[tuple[str, ...], ...] = (("DNSRoutingEnabled", "SmartHosts"), ("RequireTLS", "TlsAuthLevel"))


@dataclass
class Writes:
    """The cmdlets in order, and the passwords that they need, by the keys that they name."""

    calls: list[Call] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


def write(items: Sequence[Item], steps: Sequence[Step], servers: Servers, set_name: str) -> Writes:
    """steps: as arranged, with the places of items."""
    made = Writes()
    begun: set[int] = set()
    for step in steps:
        item = items[step.work]
        expect = _expectation(item) if step.work not in begun else None
        begun.add(step.work)
        if step.new is None:
            identity = _identity(item, step.old)
            made.calls.append(Call("Remove-SendConnector", {"Identity": identity, "Confirm": False}, expect=expect))
            continue
        secrets: dict[str, str] = {}
        parameters = _created(item, servers) if step.old is None else _changed(step, item, servers)
        if step.settings:
            parameters.update(_mark(item, set_name, step.old is None))
            if item.password:
                secrets = _credential(item, parameters, made.secrets)
        cmdlet = "New-SendConnector"
        if step.old is not None:
            cmdlet, parameters = "Set-SendConnector", {"Identity": _identity(item, step.old), **parameters}
        made.calls.append(Call(cmdlet, parameters, secrets, expect))
    return made


def _expectation(item: Item) -> Mapping[str, Any] | str:
    if item.before is None:
        return "absent"
    return {name: value for name, value in item.before.properties.items() if name not in _NOT_EXPECTED}


def _identity(item: Item, now: Connector | None) -> str:
    """The name, or the GUID where the name would be taken for SERVER\\name."""
    name = now.name if now else item.name
    if "\\" in name and item.before:
        return str(item.before.properties.get("Guid"))
    return name


def _all(connector: Connector, servers: Servers) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for one in REALISATIONS:
        made.update(one.write(connector, servers))
    return made


def _created(item: Item, servers: Servers) -> dict[str, Any]:
    """The parameters of New: the ones that say where mail goes always, any other only where it is not the default."""
    if not (item.new is not None and item.wanted is not None):
        raise AssertionError
    default = _all(Connector(""), servers)
    parameters = _all(item.new, servers)
    if not item.new.smart_hosts:
        del parameters["SmartHosts"]
    always = (
        "Name",
        "AddressSpaces",
        "DNSRoutingEnabled",
        "SmartHosts",
        "Port",
        "SourceTransportServers",
        "MaxMessageSize",
    )
    made = {key: value for key, value in parameters.items() if key in always or value != default.get(key)}
    for name, text in item.wanted.connector.exchange:
        parameter = values.SEND_PARAMETERS[name.lower()]
        if parameter.create_only:
            made[parameter.name] = parameter.write(parameter.kind.read(text))
    return made


def _changed(step: Step, item: Item, servers: Servers) -> dict[str, Any]:
    if not (step.old is not None and step.new is not None):
        raise AssertionError
    old, new = _all(step.old, servers), _all(step.new, servers)
    changed = {name for name, value in new.items() if name not in old or old[name] != value}
    for group in _TOGETHER:
        if changed & set(group):
            changed.update(name for name in group if new.get(name) is not None)
    # Leaving a mechanism that logs in takes its account away too.
    made = {name: value for name, value in new.items() if name in changed}
    if step.old.authentication.with_password and not step.new.authentication.with_password:
        made["AuthenticationCredential"] = None
    return made


def _mark(item: Item, set_name: str, creating: bool) -> dict[str, Any]:
    if item.new is None:
        raise AssertionError
    old = item.before
    if not creating and old and old.owner == set_name and old.connector.comment == item.new.comment:
        return {}
    return {"Comment": marked(item.new.comment, set_name)}


def _credential(item: Item, parameters: dict[str, Any], secrets: dict[str, str]) -> dict[str, str]:
    """The user name stands in the parameter, and the password in the one dict of secrets."""
    if not (item.wanted is not None and item.wanted.password is not None):
        raise AssertionError
    key = f"password of {item.name}"
    parameters["AuthenticationCredential"] = item.wanted.connector.authentication.username
    secrets[key] = item.wanted.password
    return {"AuthenticationCredential": key}
