# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-, Add- and Remove-ADPermission on connectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .directory import Entry, Stored
from .multivalues import TEXTS
from .objects import Object, Run
from .parameters import DOMAIN_CONTROLLER, IDENTIFIED, Cmdlet, Parameter, writer
from .values import IDENTITY, SWITCH, CmdletError, Shown, Text, one_of

NOUN = "ADPermission"
_ADD = frozenset({"Add", "Remove"})
_INHERITANCE = one_of(
    "ActiveDirectorySecurityInheritance", "None", "All", "Children", "Descendents", "SelfAndChildren", clear=True
)
PARAMETERS = (
    Parameter("User", IDENTITY, verbs=_ADD, mandatory=_ADD),
    Parameter("ExtendedRights", TEXTS, (), verbs=_ADD),
    Parameter("AccessRights", TEXTS, (), verbs=_ADD),
    Parameter("Deny", SWITCH, verbs=_ADD),
    Parameter("InheritanceType", _INHERITANCE, verbs=_ADD),
)
CMDLETS = [
    Cmdlet(
        f"Get-{NOUN}",
        (IDENTIFIED, Parameter("User", IDENTITY), Parameter("Owner", SWITCH), DOMAIN_CONTROLLER),
        ("Identity",),
    ),
    writer(f"Add-{NOUN}", PARAMETERS),
    writer(f"Remove-{NOUN}", PARAMETERS, prompts=True),
]

ANONYMOUS = "NT AUTHORITY\\ANONYMOUS LOGON"
# What setup and every installation of Windows have; English name -> German name, SID.
_PRINCIPALS = {
    ANONYMOUS: ("NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG", "S-1-5-7"),
    "NT AUTHORITY\\Authenticated Users": ("NT-AUTORITÄT\\Authentifizierte Benutzer", "S-1-5-11"),
    "NT AUTHORITY\\SYSTEM": ("NT-AUTORITÄT\\SYSTEM", "S-1-5-18"),
}
_ROUTING, _SUBMIT = "ms-Exch-Accept-Headers-Routing", "ms-Exch-SMTP-Submit"
_ANY_RECIPIENT, _ANY_SENDER = "ms-Exch-SMTP-Accept-Any-Recipient", "ms-Exch-SMTP-Accept-Any-Sender"
_AUTHORITATIVE, _NO_FILTER = "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender", "ms-Exch-Bypass-Anti-Spam"
_TRUSTED = (
    "ms-Exch-Accept-Headers-Forest",
    "ms-Exch-Accept-Headers-Organization",
    _ROUTING,
    _NO_FILTER,
    "ms-Exch-Bypass-Message-Size-Limit",
    _ANY_RECIPIENT,
    _ANY_SENDER,
    "ms-Exch-SMTP-Accept-Authentication-Flag",
    _AUTHORITATIVE,
    "ms-Exch-SMTP-Accept-Exch50",
    _SUBMIT,
)
# Permission group -> principals and rights (receive-connectors.md). {domain} is the organisation's.
_GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "AnonymousUsers": ((ANONYMOUS,), (_ROUTING, _ANY_SENDER, _AUTHORITATIVE, _SUBMIT)),
    "ExchangeUsers": (("NT AUTHORITY\\Authenticated Users",), (_ROUTING, _NO_FILTER, _ANY_RECIPIENT, _SUBMIT)),
    "ExchangeServers": (
        (
            "{domain}\\Exchange Servers",
            "MS Exchange\\Edge Transport Servers",
            "MS Exchange\\Hub Transport Servers",
            "MS Exchange\\Externally Secured Servers",
        ),
        _TRUSTED,
    ),
    "ExchangeLegacyServers": (("{domain}\\ExchangeLegacyInterop",), _TRUSTED),
    "Partners": (("MS Exchange\\Partner Servers",), (_ROUTING, _SUBMIT)),
}
_SEND = (
    "ms-Exch-Send-Headers-Forest",
    "ms-Exch-Send-Headers-Organization",
    "ms-Exch-Send-Headers-Routing",
    "ms-Exch-SMTP-Send-Exch50",
    "ms-Exch-SMTP-Send-XShadow",
)
_RIGHTS = {right.lower(): right for right in (*_TRUSTED, *_SEND)}


def run(call: Run) -> list[Object]:
    stored = _find(call)
    if call.cmdlet.verb == "Get":
        return _get(call, stored)
    wanted = _entries(call)
    (_add if call.cmdlet.verb == "Add" else _remove)(call, stored, wanted)
    return []


def _find(call: Run) -> Stored:
    """By distinguished name, or by name if only one object has it."""
    identity = str(call.given["Identity"]).lower()
    connectors = [*call.objects("SendConnector"), *call.objects("ReceiveConnector")]
    exact = [one for one in connectors if one.dn.lower() == identity]
    found = exact or [one for one in connectors if one.name.lower() == identity]
    if not found:
        raise call.not_found()
    if len(found) > 1:
        message = f"The operation could not be performed because '{call.given['Identity']}' matches several entries."
        raise CmdletError("ManagementObjectAmbiguousException", message)
    return found[0]


# --- principals ------------------------------------------------------------------------------------------------------


def _local_name(call: Run, english: str) -> str:
    if call.organisation.forms.pick("principal_language") == "German" and english in _PRINCIPALS:
        return _PRINCIPALS[english][0]
    return english.replace("{domain}", call.organisation.netbios)


def _principal(call: Run, given: str) -> str:
    """A user as the system calls it."""
    for english, (_german, sid) in _PRINCIPALS.items():
        if given.upper() == sid:
            call.refuse_where("sid_as_user", f"User or group '{given}' wasn't found.")
            return _local_name(call, english)
        if given.lower() == _local_name(call, english).lower():
            return _local_name(call, english)
    groups = [_local_name(call, name) for names, _rights in _GROUPS.values() for name in names]
    for known in [*groups, *call.organisation.accounts]:
        if given.lower() == known.lower():
            return known
    raise CmdletError("ManagementObjectNotFoundException", f"User or group '{given}' wasn't found.")


# --- entries ---------------------------------------------------------------------------------------------------------


def _own(call: Run, stored: Stored) -> Iterator[Entry]:
    """What the permission groups give, which are nothing but entries, and what was added."""
    for group in stored.values.get("PermissionGroups", ()):
        users, rights = _GROUPS[group]
        for user in users:
            yield from (Entry(_local_name(call, user), right) for right in rights)
    if stored.noun == "SendConnector":
        for user in ("{domain}\\Exchange Servers", "MS Exchange\\Hub Transport Servers"):
            yield from (Entry(_local_name(call, user), right) for right in _SEND)
    yield from stored.entries


def _inherited(call: Run) -> Iterator[Entry]:
    yield Entry(_local_name(call, "NT AUTHORITY\\SYSTEM"), "", inherited=True)
    yield Entry(_local_name(call, "NT AUTHORITY\\Authenticated Users"), "", inherited=True)


def _entries(call: Run) -> list[Entry]:
    user = _principal(call, str(call.given["User"]))
    deny = bool(call.given.get("Deny"))
    rights = call.given.get("ExtendedRights") or ()
    if not rights:
        call.refuse("ExtendedRights", "There is no right to give.")
    entries = []
    for right in rights:
        if right.lower() not in _RIGHTS:
            raise CmdletError("ManagementObjectNotFoundException", f"The extended right '{right}' wasn't found.")
        entries.append(Entry(user, _RIGHTS[right.lower()], deny))
    return entries


def _add(call: Run, stored: Stored, wanted: list[Entry]) -> None:
    there = set(_own(call, stored))
    new = [entry for entry in wanted if entry not in there]
    if len(new) < len(wanted):
        _pointless(call, "present_entry", "The appropriate access control entry is already present on the object.")
    if new and call.writing:
        call.organisation.directory.write(call.controller, replace(stored, entries=(*stored.entries, *new)))


def _remove(call: Run, stored: Stored, wanted: list[Entry]) -> None:
    gone = [entry for entry in wanted if entry in stored.entries]
    if len(gone) < len(wanted):
        _pointless(
            call, "absent_entry", "Can't remove the access control entry because it isn't present on the object."
        )
    if gone and call.writing:
        left = tuple(entry for entry in stored.entries if entry not in gone)
        call.organisation.directory.write(call.controller, replace(stored, entries=left))


def _pointless(call: Run, fact: str, message: str) -> None:
    if call.organisation.forms.pick(fact) == "error":
        call.refuse(fact, message)
    call.warn(message)


# --- output ----------------------------------------------------------------------------------------------------------


def _get(call: Run, stored: Stored) -> list[Object]:
    if call.given.get("Owner"):
        return [{"Owner": f"{call.organisation.netbios}\\Domain Admins", "Identity": stored.dn}]
    entries = [*_inherited(call), *_own(call, stored)]
    if call.given.get("User"):
        user = _principal(call, str(call.given["User"]))
        entries = [entry for entry in entries if entry.user == user]
    if call.organisation.forms.pick("entries_of_user") == "together":
        grouped: dict[tuple[str, bool, bool], list[str]] = {}
        for entry in entries:
            grouped.setdefault((entry.user, entry.deny, entry.inherited), []).append(entry.right)
        return [_show(call, stored, user, rights, deny, old) for (user, deny, old), rights in grouped.items()]
    return [_show(call, stored, entry.user, [entry.right], entry.deny, entry.inherited) for entry in entries]


def _show(call: Run, stored: Stored, user: str, rights: list[str], deny: bool, inherited: bool) -> Object:
    extended = [right for right in rights if right]
    return {
        "User": Text("Microsoft.Exchange.Configuration.Tasks.SecurityPrincipalIdParameter", user),
        "Deny": _flag(call, deny),
        "IsInherited": _flag(call, inherited),
        "AccessRights": ["ExtendedRight" if extended else "GenericRead"],
        "ExtendedRights": extended or None,
        "InheritanceType": Text("System.DirectoryServices.ActiveDirectorySecurityInheritance", "All"),
        "ChildObjectTypes": None,
        "Properties": None,
        "InheritedObjectType": None,
        "Identity": Text("Microsoft.Exchange.Data.Directory.ADObjectId", stored.dn),
        "IsValid": True,
    }


def _flag(call: Run, value: bool) -> Shown:
    if call.organisation.forms.pick("entry_flag") == "boolean":
        return value
    return Text("System.Management.Automation.SwitchParameter", str(value))
