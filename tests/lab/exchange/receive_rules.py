# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What New- and Set-ReceiveConnector refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .directory import Stored
from .objects import Run
from .servers import Server
from .values import CmdletError, IpRange

Values = dict[str, Any]


def check(
    call: Run,
    old: Mapping[str, Any],
    values: Mapping[str, Any],
    server: Server,
    others: Sequence[Stored],
) -> Values:
    """The values that the connector gets. others: the other connectors of its server."""
    made = dict(values)
    made["PermissionGroups"] = _groups(call, made)
    _authentication(call, old, made)
    _names(call, old, made, server)
    _limits(call, made)
    if not made["Bindings"] or not made["RemoteIPRanges"]:
        call.refuse("Bindings/none", "A connector needs bindings and remote IP ranges.")
    longest = int(call.organisation.forms.pick("range_limit"))
    if len(made["RemoteIPRanges"]) > longest:
        raise CmdletError("AdminLimitExceededException", "The administrative limit for this request was exceeded.")
    for other in others:
        _check_clash(call, made, other)
    return made


def _groups(call: Run, made: Values) -> tuple[str, ...]:
    groups = tuple(group for group in made["PermissionGroups"] if group != "None")
    if "Custom" in groups:
        call.refuse_where("custom_group", "Custom cannot be set, it is made by Add-ADPermission.")
    if call.organisation.edge and "ExchangeLegacyServers" in groups:
        call.refuse("PermissionGroups", "An Edge Transport server does not have ExchangeLegacyServers.")
    return tuple(group for group in groups if group != "Custom")


def _authentication(call: Run, old: Mapping[str, Any], made: Values) -> None:
    mechanisms = set(made["AuthMechanism"])
    if "BasicAuthRequireTLS" in mechanisms and not {"BasicAuth", "Tls"} <= mechanisms:
        call.refuse("AuthMechanism", "BasicAuthRequireTLS needs BasicAuth and Tls.")
    if "ExternalAuthoritative" in mechanisms:
        if mechanisms - {"ExternalAuthoritative", "Tls"}:
            call.refuse("AuthMechanism/external", "ExternalAuthoritative goes only with Tls.")
        if "ExchangeServers" not in made["PermissionGroups"]:
            call.refuse(
                "PermissionGroups/external", "ExternalAuthoritative needs the permission group ExchangeServers."
            )
        if "AuthMechanism" in call and "PermissionGroups" not in call and made["AuthMechanism"] != old["AuthMechanism"]:
            call.refuse_where("external_alone", "ExternalAuthoritative needs PermissionGroups in the same command.")
    if made["RequireTLS"] and "Tls" not in mechanisms:
        call.refuse("RequireTLS", "RequireTLS needs Tls among AuthMechanism.")
    if made["DomainSecureEnabled"] and ("Tls" not in mechanisms or "ExternalAuthoritative" in mechanisms):
        call.refuse("DomainSecureEnabled", "DomainSecureEnabled needs Tls and goes not with ExternalAuthoritative.")
    if made["SuppressXAnonymousTls"] and call.organisation.local.name not in call.organisation.downgraded:
        call.refuse("SuppressXAnonymousTls", "SuppressXAnonymousTls needs UseDowngradedExchangeServerAuth.")


def _names(call: Run, old: Mapping[str, Any], made: Values, server: Server) -> None:
    allowed = (None, server.fqdn.lower(), server.name.lower())
    fqdn = made["Fqdn"].lower() if made["Fqdn"] else None
    changed = made["Fqdn"] != old["Fqdn"] or made["AuthMechanism"] != old["AuthMechanism"]
    if changed and "ExchangeServer" in made["AuthMechanism"] and fqdn not in allowed:
        call.refuse(
            "Fqdn",
            "If the AuthMechanism attribute on a Receive connector contains the value ExchangeServer, you must set the "
            "FQDN parameter on the Receive connector to one of the following values: the FQDN of the transport server "
            f'"{server.fqdn}", the NetBIOS name of the transport server "{server.name}", or $null.',
        )
    domain = made["DefaultDomain"]
    known = {text.lower() for one in call.objects("AcceptedDomain") for text in (one.name, one.values["DomainName"])}
    if "DefaultDomain" in call and domain is not None and domain.lower() not in known:
        raise CmdletError("ManagementObjectNotFoundException", f"The accepted domain '{domain}' couldn't be found.")


def _limits(call: Run, made: Values) -> None:
    if made["BinaryMimeEnabled"] and not made["ChunkingEnabled"]:
        call.refuse("BinaryMimeEnabled", "BinaryMimeEnabled needs ChunkingEnabled.")
    if made["ConnectionTimeout"] <= made["ConnectionInactivityTimeout"]:
        call.refuse("ConnectionTimeout", "ConnectionTimeout must be longer than ConnectionInactivityTimeout.")


# --- connectors of one server that want the same connections ---------------------------------------------------------


def _check_clash(call: Run, made: Values, other: Stored) -> None:
    beginning = (
        "The values that you specified for the Bindings and RemoteIPRanges parameters conflict with the settings on Receive "
        f'connector "{other.values["Server"]}\\{other.name}".'
    )
    if made["TransportRole"] != other.values["TransportRole"]:
        wide = call.organisation.forms.pick("wildcard_binding") == "clashes"
        if any(_meet(one, two, wide) for one in made["Bindings"] for two in other.values["Bindings"]):
            raise CmdletError(
                "ReceiveConnectorRoleConflictException",
                f"{beginning} Receive connectors assigned to different Transport roles on a single server must listen on "
                "unique local IP address & port bindings.",
            )
        return
    shared = set(made["Bindings"]) & set(other.values["Bindings"])
    if shared and _ranges_clash(made["RemoteIPRanges"], other.values["RemoteIPRanges"]):
        raise CmdletError(call.organisation.forms.pick("clash_exception"), beginning)


def _meet(one: tuple[Any, int], other: tuple[Any, int], wide: bool) -> bool:
    if one == other:
        return True
    same_port = one[1] == other[1] and one[0].version == other[0].version
    return wide and same_port and (one[0].is_unspecified or other[0].is_unspecified)


def _ranges_clash(one: Iterable[IpRange], other: Iterable[IpRange]) -> bool:
    """The same range twice, or two of which neither is inside the other and which are not apart either."""
    mine = list(one)
    for theirs in other:
        for range_ in mine:
            if range_ == theirs:
                return True
            if not (range_.apart(theirs) or range_.inside(theirs) or theirs.inside(range_)):
                return True
    return False
