# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plan for receive connectors to the cmdlets that make it, each with only the parameters that change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from . import permissions
from .calls import Call, Each
from .ownership import marked
from .receive_connector import PROPERTIES
from .receive_parameters import BY_FIELD, GROUPS
from .receive_plan import Item

READ = Call("Get-ReceiveConnector", properties=PROPERTIES)
# What a read says of itself, and not of the connector: no reason to plan again.
_NOT_EXPECTED = ("OriginatingServer",)
_NAMES = ("Identity", "DistinguishedName", "Guid", "PermissionGroups")


def write(items: Sequence[Item], order: Sequence[int], set_name: str, anonymous: str) -> list[Call]:
    """items: those that change. order: their places, so that none is in another's way. anonymous: the name of strangers.

    A right to relay is taken away before anything else and given after everything else, so that at no moment more hosts may
    relay than before or after.
    """
    ordered = [items[place] for place in order]
    calls = [_takes_right(item) for item in ordered if _loses_right(item)]
    for item in ordered:
        calls += _writes(item, set_name)
    followers = [item for item in ordered if item.before is None and _set_only(item)]
    gaining = [item for item in ordered if item.right and not item.had_right]
    # Whether entries outlast a Set of PermissionGroups is not known, so they are given again where they did not.
    risked = [item for item in ordered if item.right and item.had_right and "permission_groups" in item.changed()]
    if not (followers or gaining or risked):
        return calls
    place = len(calls)
    calls.append(Call("Get-ReceiveConnector", properties=_NAMES))
    for item in followers:
        calls.append(Call("Set-ReceiveConnector", _set_only(item), each=_each(place, "Guid", [item])))
    if gaining:
        each = _each(place, "DistinguishedName", gaining)
        calls.append(Call("Add-ADPermission", permissions.given(anonymous), each=each))
    for item in risked:
        # Exchange lists Custom besides the groups while there are such entries.
        where = {"PermissionGroups": [_groups_alone(item)]}
        each = _each(place, "DistinguishedName", [item], where)
        calls.append(Call("Add-ADPermission", permissions.given(anonymous), each=each))
    return calls


def _each(place: int, name: str, items: Sequence[Item], where: Mapping[str, Sequence[str]] | None = None) -> Each:
    titles = [item.title for item in items]
    return Each(place, name, "Identity", {"Identity": titles, **(where or {})})


def _groups_alone(item: Item) -> str:
    """The groups as Exchange shows them where nothing else was given: in the order of their bits."""
    if item.new is None:
        raise AssertionError
    return ", ".join(GROUPS[word] for word in item.new.get("permission_groups", ())) or "None"


def _loses_right(item: Item) -> bool:
    return item.new is not None and item.had_right and item.right is False


def _takes_right(item: Item) -> Call:
    if item.before is None:
        raise AssertionError
    identity = str(item.before.properties.get("DistinguishedName"))
    parameters = {"Identity": identity, **permissions.given(item.before.stranger), "Confirm": False}
    return Call("Remove-ADPermission", parameters)


def _writes(item: Item, set_name: str) -> list[Call]:
    if item.new is None:
        if item.before is None:
            raise AssertionError
        parameters = {"Identity": _guid(item), "Confirm": False}
        return [Call("Remove-ReceiveConnector", parameters, expect=_expectation(item))]
    if item.before is None:
        return [Call("New-ReceiveConnector", _created(item, set_name), expect="absent")]
    changed = _changed(item, set_name)
    if not changed:
        return []
    return [Call("Set-ReceiveConnector", {"Identity": _guid(item), **changed}, expect=_expectation(item))]


def _guid(item: Item) -> str:
    if item.before is None:
        raise AssertionError
    return str(item.before.properties.get("Guid"))


def _expectation(item: Item) -> dict[str, Any]:
    if item.before is None:
        raise AssertionError
    return {name: value for name, value in item.before.properties.items() if name not in _NOT_EXPECTED}


def _parameters(item: Item, fields: Collection[str]) -> dict[str, Any]:
    if item.new is None:
        raise AssertionError
    return {BY_FIELD[name].parameter: BY_FIELD[name].write(item.new[name]) for name in fields if name != "comment"}


def _created(item: Item, set_name: str) -> dict[str, Any]:
    if item.new is None:
        raise AssertionError
    fields = [name for name in item.changed() if not BY_FIELD[name].set_only]
    # None of these clears anything on a connector that is new.
    parameters = {name: value for name, value in _parameters(item, fields).items() if value is not None}
    if not item.new.get("permission_groups"):
        parameters.pop("PermissionGroups", None)
    return {
        "Name": item.name,
        "Server": item.server.name,
        "Usage": "Custom",
        **parameters,
        "Comment": marked(str(item.new.get("comment", "")), set_name),
    }


def _set_only(item: Item) -> dict[str, Any]:
    """What New-ReceiveConnector does not take."""
    if item.new is None:
        raise AssertionError
    return _parameters(item, [name for name in item.changed() if BY_FIELD[name].set_only])


def _changed(item: Item, set_name: str) -> dict[str, Any]:
    if not (item.new is not None and item.before is not None):
        raise AssertionError
    fields = item.changed()
    if "auth_mechanisms" in fields and "externally_secured" in item.new["auth_mechanisms"]:
        # ExternalAuthoritative goes with ExchangeServers in one call.
        fields = [*fields, *(["permission_groups"] if "permission_groups" not in fields else [])]
    made = _parameters(item, fields)
    if item.before.name != item.name:
        made["Name"] = item.name
    comment = str(item.new.get("comment", ""))
    if item.before.owner != set_name or item.before.settings.get("comment") != comment:
        made["Comment"] = marked(comment, set_name)
    return made
