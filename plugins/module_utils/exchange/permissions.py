# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The right to relay to any recipient, which a receive connector gives in its Active Directory entry and not in a parameter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..connector import values as plain
from . import values
from .task import Object

RELAY_RIGHT = "ms-Exch-SMTP-Accept-Any-Recipient"
"""The one of the five rights for anonymous relay that the group AnonymousUsers lacks ("Allow anonymous relay")."""
ANONYMOUS_LOGON = "NT AUTHORITY\\ANONYMOUS LOGON"
PROPERTIES = ("User", "ExtendedRights", "Deny", "IsInherited")


@dataclass(frozen=True)
class Rights:
    """What the entries of one connector say. users: everybody who has an entry of the connector's own."""

    relaying: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()

    def of(self, user: str) -> bool:
        return _among(user, self.relaying)

    def denies(self, user: str) -> bool:
        return _among(user, self.denied)

    def inherits(self, user: str) -> bool:
        return _among(user, self.inherited)


def _among(user: str, users: Iterable[str]) -> bool:
    return user.lower() in (one.lower() for one in users)


def read_rights(objects: Iterable[Object]) -> Rights:
    """The entries that Get-ADPermission gave for one connector."""
    found: dict[str, list[str]] = {"relaying": [], "denied": [], "inherited": []}
    users = set()
    for one in objects:
        user = str(one.get("User") or "")
        inherited = plain.read_boolean(one.get("IsInherited") or False)
        if not inherited:
            users.add(user)
        if RELAY_RIGHT.lower() not in (right.strip().lower() for right in values.items(one.get("ExtendedRights"))):
            continue
        denied = plain.read_boolean(one.get("Deny") or False)
        found["denied" if denied else "inherited" if inherited else "relaying"].append(user)
    return Rights(tuple(found["relaying"]), tuple(found["denied"]), tuple(found["inherited"]), frozenset(users))


def anonymous_logon(seen: Sequence[tuple[Collection[str], Rights]], declared: str = "") -> str:
    """The name of strangers in the system's language: as declared, or as the entries of some connectors show it.

    seen: the permission groups of each connector with its rights. Who has entries wherever the group AnonymousUsers is set, and
    nowhere else, is anonymous.
    """
    if declared:
        return declared
    everybody = {user for _groups, rights in seen for user in rights.users}
    if _among(ANONYMOUS_LOGON, everybody):
        return ANONYMOUS_LOGON
    having = [rights.users for groups, rights in seen if "anonymous_users" in groups]
    candidates = set.intersection(*map(set, having)) if having else set()
    for groups, rights in seen:
        if "anonymous_users" not in groups:
            candidates -= rights.users
    return candidates.pop() if len(candidates) == 1 else ANONYMOUS_LOGON


def given(user: str) -> Mapping[str, object]:
    """The parameters of Add- and Remove-ADPermission besides the identity."""
    return {"User": user, "ExtendedRights": [RELAY_RIGHT]}
