# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What New- and Set-SendConnector refuse, and what they change besides what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .objects import Run

Values = dict[str, Any]
BASIC = ("BasicAuth", "BasicAuthRequireTLS")


def check(call: Run, old: Mapping[str, Any], values: Values) -> Values:
    """The values that the connector gets. old: those of before, of a new connector the defaults."""
    made = dict(values)
    _address_spaces(call, made)
    _routing(call, old, made)
    _authentication(call, made)
    _tls(call, made)
    if call.given.get("SourceIPAddress") and made["SourceIPAddress"] != old["SourceIPAddress"] and not _edge(call):
        call.refuse_where("source_address_on_mailbox", "SourceIPAddress is valid on Edge Transport servers only.")
    return made


def _edge(call: Run) -> bool:
    return call.organisation.edge


def _from_edge(call: Run, made: Values) -> bool:
    """Whether the source servers are Edge servers: the one that the session is on, or subscribed ones."""
    servers = call.organisation.servers
    return _edge(call) or all(servers[name].edge for name in made["SourceTransportServers"])


def _address_spaces(call: Run, made: Values) -> None:
    spaces = made["AddressSpaces"]
    if not spaces:
        call.refuse("AddressSpaces/none", "A connector needs an address space.")
    if len({space.key() for space in spaces}) < len(spaces):
        call.refuse_where("same_space_two_costs", "An address space is given with two costs.")
    for space in spaces:
        if _edge(call) and space.kind != "SMTP":
            call.refuse("AddressSpaces/edge", "On an Edge Transport server all address spaces are of the type SMTP.")
        if space.domain == "--" and not _from_edge(call, made):
            call.refuse("AddressSpaces/--", "The address space -- is for Edge Transport servers.")


def _routing(call: Run, old: Mapping[str, Any], made: Values) -> None:
    if made["DNSRoutingEnabled"] and made["SmartHosts"]:
        _back_to_dns(call, made)
    if not made["DNSRoutingEnabled"]:
        if not made["SmartHosts"]:
            call.refuse("SmartHosts/none", "Without DNS routing the connector needs smart hosts.")
        if "DNSRoutingEnabled" in call and "SmartHosts" not in call:
            if old["DNSRoutingEnabled"]:
                call.refuse("SmartHosts/together", "DNSRoutingEnabled false needs SmartHosts in the same command.")
            call.refuse_where("dns_off_alone", "DNSRoutingEnabled false needs SmartHosts in the same command.")
        if "SmartHosts" in call and "DNSRoutingEnabled" not in call:
            call.refuse_where("smart_hosts_alone", "SmartHosts need DNSRoutingEnabled false in the same command.")
    other = [space for space in made["AddressSpaces"] if space.kind != "SMTP"]
    if other and made["DNSRoutingEnabled"]:
        call.refuse("AddressSpaces/type", "An address space that is not of the type SMTP needs a smart host.")


def _back_to_dns(call: Run, made: Values) -> None:
    """DNS routing and smart hosts at once: refused, unless the smart hosts are only left over from before."""
    if "SmartHosts" in call:
        call.refuse("DNSRoutingEnabled", "With SmartHosts DNSRoutingEnabled must be false.")
    form = call.organisation.forms.pick("dns_with_old_smart_hosts")
    if form == "refused":
        call.refuse("DNSRoutingEnabled", "With SmartHosts DNSRoutingEnabled must be false.")
    if form == "clears":
        made["SmartHosts"] = ()


def _authentication(call: Run, made: Values) -> None:
    mechanism = made["SmartHostAuthMechanism"]
    if mechanism != "None" and made["DNSRoutingEnabled"]:
        call.refuse("SmartHostAuthMechanism", "SmartHostAuthMechanism needs a smart host and DNSRoutingEnabled false.")
    if mechanism in BASIC and made["AuthenticationCredential"] is None:
        call.refuse_where("basic_without_credential", f"{mechanism} needs AuthenticationCredential.")
    if made["DomainSecureEnabled"] and (not made["DNSRoutingEnabled"] or made["IgnoreSTARTTLS"]):
        call.refuse_where("domain_secure_with_smart_hosts", "DomainSecureEnabled needs DNS routing and STARTTLS.")


def _tls(call: Run, made: Values) -> None:
    if made["RequireTLS"] and made["IgnoreSTARTTLS"]:
        call.refuse("IgnoreSTARTTLS", "With RequireTLS true IgnoreSTARTTLS must be false.")
    if made["TlsAuthLevel"] is not None and not made["RequireTLS"]:
        if "TlsAuthLevel" in call or call.organisation.forms.pick("tls_off_with_old_level") == "refused":
            call.refuse("TlsAuthLevel", "TlsAuthLevel needs RequireTLS true.")
        made["TlsAuthLevel"] = None
    if made["TlsAuthLevel"] is not None and "TlsAuthLevel" in call and "RequireTLS" not in call:
        call.refuse_where("tls_level_alone", "TlsAuthLevel needs RequireTLS true in the same command.")
    if made["TlsAuthLevel"] == "DomainValidation":
        if made["TlsDomain"] is None and not made["DNSRoutingEnabled"]:
            call.refuse("TlsDomain", "With smart hosts DomainValidation needs TlsDomain.")
    elif made["TlsDomain"] is not None and call.given.keys() & {"TlsDomain", "TlsAuthLevel", "RequireTLS"}:
        call.refuse_where("tls_domain_without_validation", "TlsDomain needs TlsAuthLevel DomainValidation.")
