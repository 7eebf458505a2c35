# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each field of a connector is realised on Postfix: the options of its delivery service, and what cannot be done.

The table of realisations is here, once; what a field means stands in the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from ..connector import values
from ..connector.errors import Problems, connector_place
from ..connector.model import Connector
from ..connector.vocabulary import SmartHost, Tls, nearest

# Native parameters that a field of the vocabulary covers, with that field.
COVERED: Mapping[str, str] = {
    "smtp_tls_security_level": "tls.level",
    "smtp_tls_policy_maps": "tls",
    "smtp_tls_per_site": "tls",
    "smtp_tls_enforce_peername": "tls.level",
    "smtp_enforce_tls": "tls.level",
    "smtp_use_tls": "tls.level",
    "smtp_tls_secure_cert_match": "tls.names",
    "smtp_tls_verify_cert_match": "tls.names",
    "smtp_tls_trust_anchor_file": "tls.ca_file",
    "smtp_tls_CAfile": "tls.ca_file",
    "smtp_tls_chain_files": "tls.certificate",
    "smtp_tls_cert_file": "tls.certificate",
    "smtp_tls_key_file": "tls.certificate",
    "smtp_dns_support_level": "tls.level (dane)",
    "smtp_sasl_auth_enable": "authentication.mechanism",
    "smtp_sasl_password_maps": "authentication",
    "smtp_sasl_mechanism_filter": "authentication.mechanism",
    "smtp_sasl_security_options": "authentication.mechanism",
    "smtp_sasl_tls_security_options": "authentication.mechanism",
    "smtp_sasl_tls_verified_security_options": "authentication.mechanism",
    "smtp_sender_dependent_authentication": "authentication",
    "smtp_helo_name": "helo.name",
    "smtp_always_send_ehlo": "helo.command",
    "smtp_never_send_ehlo": "helo.command",
    "smtp_reply_filter": "max_message_size",
    "smtp_connection_reuse_count_limit": "limits.messages_per_connection",
    "smtp_connection_cache_on_demand": "limits.messages_per_connection",
    "smtp_tls_loglevel": "log",
    "syslog_name": "name",
    "smtp_fallback_relay": "smart_hosts",
    "smtp_tcp_port": "port",
}
# Parameters of the queue manager and of other programs: Postfix reads them from main.cf only, whatever -o says.
_MAIN_CF_ONLY = re.compile(
    r"(_destination_|_transport_rate_delay$|_delivery_slot_|_minimum_delivery_slots$|_recipient_limit$|_refill_|"
    r"^(transport_maps|relay|default_transport|relayhost|sender_dependent_|mydestination|mynetworks|virtual_|smtpd_|"
    r"maximal_|minimal_|queue_|qmgr_|bounce_|message_size_limit|inet_interfaces|defer_transports|header_checks|"
    r"body_checks|content_filter|smtp_transport))"
)
# What smtp(8) reads besides its own smtp_ parameters (smtp(8), "CONFIGURATION PARAMETERS").
_SHARED = frozenset(
    {
        "address_verify_sender",
        "best_mx_transport",
        "debug_peer_level",
        "debug_peer_list",
        "disable_dns_lookups",
        "dns_ncache_ttl_fix_enable",
        "error_notice_recipient",
        "ignore_mx_lookup_error",
        "inet_protocols",
        "ipc_timeout",
        "max_idle",
        "max_use",
        "myhostname",
        "notify_classes",
        "proxy_interfaces",
        "tls_append_default_CA",
        "tls_high_cipherlist",
        "tls_medium_cipherlist",
        "tls_preempt_cipherlist",
        "tls_disable_workarounds",
        "tls_ssl_options",
        "use_srv_lookup",
        "ignore_srv_lookup_error",
    }
)
STRENGTH = ("none", "opportunistic", "dane", "encrypt", "dane_only", "verify")
"""TLS levels, the weaker ones first: dane is opportunistic where a domain publishes no TLSA records."""

POSTFIX_LEVEL = {
    "none": "none",
    "opportunistic": "may",
    "encrypt": "encrypt",
    "verify": "secure",
    "dane": "dane",
    "dane_only": "dane-only",
}


def check_fields(connector: Connector, problems: Problems) -> None:
    """What Postfix cannot express, whichever host carries the connector. Errors name the nearest alternative."""
    where = connector_place(connector.name)
    for space in connector.address_spaces:
        if space.type != "SMTP":
            remedy = "give this space to a connector on Exchange; Postfix carries SMTP only"
            problems.add(where, "address_spaces", str(space), "is no SMTP space", remedy)
    if connector.tls.level == "chain_only":
        remedy = "use verify with tls.names, or encrypt without a check of the certificate"
        problems.add(where, "tls.level", "chain_only", "does not exist on Postfix", remedy)
    if connector.tls.certificate.startswith("<I>"):
        remedy = "name a PEM file with the key and the certificate chain"
        problems.add(
            where, "tls.certificate", connector.tls.certificate, "is the name of a certificate on Exchange", remedy
        )
    if connector.authentication.mechanism in ("exchange_server", "externally_secured"):
        remedy = "use basic_over_tls, or leave the authentication out and let the other side trust this host's address"
        mechanism = connector.authentication.mechanism
        problems.add(where, "authentication.mechanism", mechanism, "exists on Exchange only", remedy)
    if connector.limits.inactivity_timeout is not None:
        remedy = (
            "leave it out; postfix: {smtp_connection_cache_time_limit: 5s} bounds how long an idle connection is kept"
        )
        shown = values.show_duration(connector.limits.inactivity_timeout)
        problems.add(where, "limits.inactivity_timeout", shown, "does not exist on Postfix", remedy)
    if connector.delivery.when != "always":
        remedy = "leave delivery out for now; enabled: false stops the connector by hand"
        problems.add(where, "delivery.when", connector.delivery.when, "is not yet realised on Postfix", remedy)
    if connector.restrictions != Connector("").restrictions:
        remedy = "leave restrictions out for now, and restrict senders with smtpd_sender_restrictions in main.cf"
        problems.add(where, "restrictions", None, "are not yet realised on Postfix", remedy)
    if connector.exchange:
        names = ", ".join(name for name, _value in connector.exchange)
        remedy = "remove them, or name Exchange servers as bridgeheads"
        problems.add(where, "exchange", names, "are parameters of Exchange, but Postfix carries the connector", remedy)
    for name, _value in connector.postfix:
        _check_native(name, where, problems)


def _check_native(name: str, where: str, problems: Problems) -> None:
    if name in COVERED:
        remedy = f"use {COVERED[name]} instead"
        problems.add(where, "postfix", name, "is covered by a field of the connector", remedy)
    elif _MAIN_CF_ONLY.search(name):
        remedy = "set it with mailops.connectors.postfix_main_cf"
        problems.add(where, "postfix", name, "is read from main.cf only, not from the options of a service", remedy)
    elif not name.startswith(("smtp_", "lmtp_")) and name not in _SHARED:
        remedy = "use parameters that smtp(8) reads, which begin with smtp_"
        problems.add(where, "postfix", name, "is not read by the SMTP client", remedy)


# What a value has to look like, told by the parameter's default: (pattern of the default, of the value, in words).
_TYPES = (
    (re.compile(r"^(yes|no)$"), re.compile(r"^(yes|no)$", re.IGNORECASE), "yes or no"),
    (re.compile(r"^\d+$"), re.compile(r"^-?\d+$"), "a whole number"),
    (re.compile(r"^\d+[smhdw]$"), re.compile(r"^\d+[smhdw]?$"), "a time such as 30s, 5m or 2h"),
)


def check_native_values(
    connector: Connector, defaults: Mapping[str, str], known: Collection[str], problems: Problems
) -> None:
    """Native parameters by name and type: smtp(8) would ignore a misspelt name, and end with a wrong value.

    defaults: of the parameters named, as far as Postfix knows them; known: the names that Postfix knows.
    """
    where = connector_place(connector.name)
    for name, value in connector.postfix:
        if name not in defaults:
            remedy = nearest(name, sorted(one for one in known if one.startswith("smtp_")))
            problems.add(where, "postfix", name, "is no parameter of this host's Postfix", remedy)
            continue
        for of_default, of_value, words in _TYPES:
            if of_default.match(defaults[name]) and "$" not in value and not of_value.match(value):
                problems.add(where, f"postfix.{name}", value, f"is not {words}", f"write {words}")


def policy(tls: Tls, host: SmartHost) -> str:
    """The right side of a smtp_tls_policy_maps line for one next hop (TLS_README, smtp_tls_policy_maps)."""
    parts = [POSTFIX_LEVEL[tls.level]]
    if tls.level == "verify":
        names = tls.names or ((host.host, "." + host.host) if host.mx else (host.host,))
        parts.append("match=" + ":".join(_match(name) for name in names))
    if tls.ca_file:
        parts.append("tafile=" + tls.ca_file)
    return " ".join(parts)


def _match(name: str) -> str:
    """*.contoso.com is written .contoso.com, and matches every name below it."""
    return name[1:] if name.startswith("*.") else name


def mx_options(tls: Tls) -> dict[str, str]:
    """TLS of a service that routes by MX: level and names stand in the service, because next hops are not known."""
    options = {"smtp_tls_security_level": POSTFIX_LEVEL[tls.level], "smtp_tls_policy_maps": ""}
    # Without a policy table the old per-site levels of main.cf would count again (smtp_tls_policy.c).
    options["smtp_tls_per_site"] = ""
    if tls.level == "verify":
        # Without names the certificate has to carry the recipient's domain (postconf(5), smtp_tls_secure_cert_match).
        options["smtp_tls_secure_cert_match"] = ", ".join(map(_match, tls.names)) or "nexthop, dot-nexthop"
    if tls.ca_file:
        options["smtp_tls_trust_anchor_file"] = tls.ca_file
    return options


def service_options(connector: Connector) -> dict[str, str]:
    """The -o options that one connector asks for, except for what concerns single next hops (TLS policy, passwords)."""
    options: dict[str, str] = {}
    if connector.helo.name:
        options["smtp_helo_name"] = connector.helo.name
    if connector.helo.command == "helo":
        options["smtp_never_send_ehlo"] = "yes"
    if connector.tls.certificate:
        options["smtp_tls_chain_files"] = connector.tls.certificate
    messages = connector.limits.messages_per_connection
    if messages == 1:
        options["smtp_connection_cache_on_demand"] = "no"
        # The administrator may name destinations whose connections are kept whatever the demand (postconf(5)).
        options["smtp_connection_cache_destinations"] = ""
    elif messages is not None:
        # The parameter counts how often a connection is used again after its first message.
        options["smtp_connection_reuse_count_limit"] = str(messages - 1)
    options.update(connector.postfix)
    return options


def queue_settings(connector: Connector) -> dict[str, str]:
    """What the queue manager reads from main.cf for a service: suffixes of NAME_..."""
    settings: dict[str, str] = {}
    if connector.limits.connections is not None:
        settings["destination_concurrency_limit"] = str(connector.limits.connections)
    if connector.limits.rate_delay:
        settings["destination_rate_delay"] = f"{connector.limits.rate_delay}s"
        # With a rate delay one failure would count as a dead destination (postconf(5), default_destination_rate_delay).
        settings["destination_concurrency_failed_cohort_limit"] = "10"
    return settings


def size_filter(size: int) -> str:
    """A reply filter that lowers the size which the smart host announces, so that larger mail bounces at once."""
    return f"/^250([- ])SIZE(.*)$/ 250${{1}}SIZE {size}\n"
