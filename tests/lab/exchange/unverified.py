# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody has proved about Exchange, and the form of it that one simulated organisation shows.

A fact without a source, or with two that disagree, has several possible forms. Each organisation draws one of them from
its seed, so that nothing can come to depend on a guess. A selftest on a real server settles the entries of this table.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Element = TypeVar("Element")


@dataclass(frozen=True)
class Unverified:
    """forms: what may be true. fact: the open question. each: drawn anew for each object, not for the organisation."""

    forms: tuple[str, ...]
    fact: str
    each: bool = False


_RULE = ("refused", "accepted")

UNVERIFIED: dict[str, Unverified] = {
    "order": Unverified(
        ("as given", "sorted", "reversed", "shuffled"),
        "The order in which a multi-valued property comes back.",
        each=True,
    ),
    "smtp_case": Unverified(("SMTP", "smtp"), "The case of the type in an address space that comes back.", each=True),
    "name_case": Unverified(("kept", "lower"), "Whether domains and hosts come back in the case that was given."),
    "ip_smart_host": Unverified(("bare", "bracketed"), "Whether an IP smart host comes back in brackets.", each=True),
    "thousands_separator": Unverified(
        (",", ".", "\u202f", "\u00a0", ""),
        "The separator in '(36,700,160 bytes)': that of the session's locale or not.",
    ),
    "source_server": Unverified(("short", "FQDN"), "Whether a source server comes back as a bare name."),
    "edge_source_servers": Unverified(("itself", "empty"), "What SourceTransportServers holds on an Edge server."),
    "edge_originating_server": Unverified(("localhost", "own name"), "What OriginatingServer holds on an Edge server."),
    "ip_range": Unverified(
        ("echoed", "network", "low-high"),
        "Whether a range in CIDR form keeps its host bits, its form, both or neither.",
    ),
    "empty_text": Unverified(
        ("empty", "null"), "Whether a text without a value comes back as '' or as null.", each=True
    ),
    "empty_collection": Unverified(
        ("refused", "clears"), "Whether an empty list clears a multi-valued parameter other than Bindings."
    ),
    "duplicates": Unverified(("refused", "merged"), "What duplicates in one multi-valued parameter do."),
    "add_present_value": Unverified(("refused", "ignored"), "What @{Add=...} of a value does that is there already."),
    "remove_absent_value": Unverified(("refused", "ignored"), "What @{Remove=...} of a value does that is not there."),
    "same_space_two_costs": Unverified(_RULE, "Whether one connector may hold one space with two costs."),
    "smart_hosts_alone": Unverified(
        _RULE, "Whether Set may give SmartHosts without DNSRoutingEnabled in the same call, if it is false already."
    ),
    "dns_off_alone": Unverified(
        _RULE,
        "Whether Set may give DNSRoutingEnabled false without SmartHosts in the same call, if it is false already.",
    ),
    "source_address_on_mailbox": Unverified(
        _RULE, "Whether a Mailbox server refuses SourceIPAddress, which is valid on Edge only."
    ),
    "dns_with_old_smart_hosts": Unverified(
        ("refused", "clears", "keeps"), "What DNSRoutingEnabled true does when SmartHosts null is not in the same call."
    ),
    "tls_off_with_old_level": Unverified(
        ("refused", "clears"), "What RequireTLS false does when TlsAuthLevel null is not in the same call."
    ),
    "tls_level_alone": Unverified(
        _RULE, "Whether Set may give TlsAuthLevel without RequireTLS in the same call, if it is true already."
    ),
    "tls_domain_without_validation": Unverified(_RULE, "Whether TlsDomain may stand without DomainValidation."),
    "domain_secure_with_smart_hosts": Unverified(
        _RULE, "Whether DomainSecureEnabled is refused where it cannot work (smart hosts, IgnoreSTARTTLS)."
    ),
    "send_size_default": Unverified(
        ("25MB", "35MB", "10MB"), "MaxMessageSize of a new send connector: three pages of the manual disagree."
    ),
    "internal_send_size_default": Unverified(("unlimited", "25MB"), "The same with -Internal or -Usage Internal."),
    "send_name_length": Unverified(("64", "unlimited"), "How long the name of a send connector may be."),
    "credential_read": Unverified(("null", "user name"), "What AuthenticationCredential reads back as."),
    "basic_without_credential": Unverified(_RULE, "Whether BasicAuth without AuthenticationCredential is refused."),
    "get_absent_identity": Unverified(
        ("all objects", "error"),
        "What Get with an Identity that does not exist gives: the manual says all objects, event 6 speaks of an error.",
    ),
    "identity_with_server": Unverified(_RULE, "Whether Set- and Remove-SendConnector take 'SERVER\\name'."),
    "receive_role_default": Unverified(
        ("HubTransport", "FrontendTransport"), "TransportRole of a new receive connector that names none."
    ),
    "receive_hop_defaults": Unverified(
        ("30/8", "60/5"), "MaxHopCount and MaxLocalHopCount: the manual and the recorded connectors disagree."
    ),
    "preset_bindings": Unverified(_RULE, "Whether Bindings may be given with the usages Client and Internal."),
    "wildcard_binding": Unverified(
        ("clashes", "differs"), "Whether 0.0.0.0:25 is the same binding as 10.0.0.1:25 in the check across roles."
    ),
    "external_alone": Unverified(
        _RULE,
        "Whether Set may give ExternalAuthoritative without PermissionGroups, if ExchangeServers is there already.",
    ),
    "custom_group": Unverified(_RULE, "Whether Custom may be among the PermissionGroups of New and Set."),
    "range_limit": Unverified(("1200", "1250", "1300"), "How many RemoteIPRanges a connector holds: 1,200 to 1,300."),
    "groups_drop_entries": Unverified(
        ("drops", "keeps"), "Whether Set with PermissionGroups drops the entries made by Add-ADPermission."
    ),
    "sid_as_user": Unverified(_RULE, "Whether Add-ADPermission takes a SID such as S-1-5-7 as the user."),
    "principal_language": Unverified(
        ("English", "German"), "Well-known principals carry the names of the system's language."
    ),
    "present_entry": Unverified(("warning", "error"), "What Add-ADPermission of an entry does that is there already."),
    "absent_entry": Unverified(("warning", "error"), "What Remove-ADPermission of an entry does that is not there."),
    "entries_of_user": Unverified(
        ("one each", "together"), "Whether Get-ADPermission shows each right of a user as an entry of its own."
    ),
    "entry_flag": Unverified(("boolean", "switch"), "Whether Deny and IsInherited arrive as booleans or as switches."),
    "authoritative_star": Unverified(_RULE, "Whether the accepted domain * may be authoritative."),
    "site_form": Unverified(("name", "path"), "Whether a site comes back as a bare name or as a path."),
    "per_domain_connections": Unverified(
        ("20", "40"), "MaxPerDomainOutboundConnections of a new server: two pages disagree."
    ),
    "validation_exception": Unverified(
        (
            "ArgumentException",
            "DataValidationException",
            "LocalizedException",
            "InvalidOperationException",
            "ParameterBindingException",
        ),
        "The exception of a validation error whose wording no source shows.",
        each=True,
    ),
    "duplicate_exception": Unverified(
        ("ADObjectAlreadyExistsException", "LocalizedException"), "The exception of a name that is taken."
    ),
    "clash_exception": Unverified(
        ("ConnectorMappingConflictException", "LocalizedException"),
        "The exception of two receive connectors of one role with the same bindings and ranges.",
    ),
}


class Forms:
    """The forms that one organisation shows. pinned: forms that a test wants instead of drawn ones."""

    def __init__(self, seed: int, pinned: Mapping[str, str] | None = None) -> None:
        self.seed = seed
        self.pinned = dict(pinned or {})
        for name, form in self.pinned.items():
            if form not in UNVERIFIED[name].forms:
                raise ValueError(f"{name}: {form!r} is none of {UNVERIFIED[name].forms}")

    def pick(self, name: str, key: str = "") -> str:
        """The form of this fact; the same for the same seed (and the same key, where each object draws its own)."""
        entry = UNVERIFIED[name]
        if name in self.pinned:
            return self.pinned[name]
        return self.random(name, key if entry.each else "").choice(entry.forms)

    def random(self, name: str, key: str = "") -> random.Random:
        return random.Random(f"{self.seed}/{name}/{key}")

    def ordered(self, values: Sequence[Element], key: str) -> list[Element]:
        """The values in the order in which a multi-valued property comes back."""
        form = self.pick("order", key)
        if form == "sorted":
            return sorted(values, key=str)
        if form == "reversed":
            return list(reversed(values))
        shuffled = list(values)
        if form == "shuffled":
            self.random(form, key).shuffle(shuffled)
        return shuffled
