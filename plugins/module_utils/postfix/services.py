# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a chain of connectors to one delivery service: its options, its TLS policy and its accounts.

Every chain has a service of its own, so that no connector's TLS settings or password can reach another's mail. A service is
named after its whole content: changed settings make a new service beside the old one, and mail moves from one to the other
when the transport table is switched, never in between.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..connector import values
from ..connector.errors import Problems, connector_place
from ..connector.model import Connector
from ..connector.routing import Element
from ..connector.topology import Organisation
from ..connector.vocabulary import SmartHost, Tls
from .fields import POSTFIX_LEVEL, STRENGTH, mx_options, policy, queue_settings, service_options, size_filter
from .master_cf import Service

PREFIX = "connector-"
POLICY_KIND = "texthash"


@dataclass(frozen=True)
class Member:
    """One next hop of a chain with what holds for it alone."""

    next_hop: SmartHost
    tls: Tls
    connector: str
    """The connector's key; for a hand-over that of the connector handed over."""
    handed_over_to: str = ""
    username: str = ""


@dataclass(frozen=True)
class ChainService:
    """A chain, ready to be written: master.cf service, main.cf settings, small tables, and the value for transport(5)."""

    name: str
    destination: str
    """The transport table's value: service and next hops."""
    options: tuple[tuple[str, str], ...]
    settings: Mapping[str, str]
    policy_lines: Mapping[str, str]
    size: int
    accounts: tuple[Member, ...]
    warnings: tuple[str, ...]


class Directory:
    """Where the compiled files of an instance are: $config_directory/connectors."""

    def __init__(self, config_directory: str) -> None:
        self.path = f"{config_directory}/connectors"

    def file(self, name: str) -> str:
        return f"{self.path}/{name}"


def slug(name: str, longest: int = 24) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:longest].strip("-") or "x"


def digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def members(organisation: Organisation, chain: tuple[Element, ...], problems: Problems, where: str) -> list[Member]:
    """The next hops of a chain in their order, hand-overs resolved to the addresses of the bridgeheads."""
    found: list[Member] = []
    for element in chain:
        connector = organisation.connectors[element.carrier]
        for name in element.hosts:
            host = organisation.hosts[name]
            if host.address is None:
                remedy = f"write hosts: {{{name}: {{system: {host.system or 'postfix'}, address: 192.0.2.1}}}}"
                problem = f"is needed, because {where} hands mail of {connector_place(connector.name)} over to it"
                problems.add(f"hosts.{name}", "address", None, problem, remedy)
                continue
            found.append(Member(host.address.smart_host, host.tls, connector.key, handed_over_to=name))
        for next_hop in element.next_hops:
            found.append(Member(next_hop, connector.tls, connector.key, username=connector.authentication.username))
    return found


def check_chain(organisation: Organisation, chain: tuple[Element, ...], host: str, problems: Problems) -> None:
    """Refuses a chain whose connectors differ in what cannot follow a failover inside one service."""
    own = [organisation.connectors[element.carrier] for element in chain if not element.hosts]
    if len(chain) < 2 or not own:
        return
    first = own[0]
    where = connector_place(own[-1].name)
    together = " and ".join(f'"{organisation.connectors[element.carrier].name}"' for element in chain)
    if any(element.by_mx for element in chain):
        problems.add(
            where,
            "smart_hosts",
            "DNS MX",
            f"cannot be part of a failover chain ({together} on {host}): mail by MX has no list of next hops",
            "give one connector all the bridgeheads, let the connectors take different address spaces, or name smart_hosts",
        )
    differences: list[tuple[str, Callable[[Connector], object]]] = [
        ("helo", lambda one: one.helo),
        ("tls.certificate", lambda one: one.tls.certificate),
        ("limits", lambda one: one.limits),
        ("postfix", lambda one: one.postfix),
    ]
    for other in own[1:]:
        for name, part in differences:
            if part(other) != part(first):
                _cannot_follow(other, name, together, host, problems)
    _check_clear_text(own, together, host, problems)
    sizes = {organisation.connectors[element.carrier].max_message_size for element in chain}
    if len(sizes) > 1:
        _cannot_follow(own[-1], "max_message_size", together, host, problems)


def _check_clear_text(own: list[Connector], together: str, host: str, problems: Problems) -> None:
    """basic lets the whole service send passwords in clear text, so every other account's TLS must be sure.

    dane is not: without TLSA records it is opportunistic.
    """
    if not any(one.authentication.mechanism == "basic" for one in own):
        return
    for one in own:
        if one.authentication.mechanism == "basic_over_tls" and one.tls.level == "dane":
            problem = (
                f"cannot keep its password out of clear text in one failover chain with basic ({together} on {host})"
            )
            remedy = "use tls.level dane_only, encrypt or verify, or basic_over_tls in all of these connectors"
            problems.add(connector_place(one.name), "authentication.mechanism", "basic_over_tls", problem, remedy)


def _cannot_follow(connector: Connector, field: str, together: str, host: str, problems: Problems) -> None:
    problems.add(
        connector_place(connector.name),
        field,
        None,
        f"differs within the failover chain of {together} on {host}, and cannot follow a failover inside one Postfix service",
        "set it alike in these connectors, or let them take different address spaces",
    )


def _check_members(organisation: Organisation, found: list[Member], host: str, problems: Problems) -> None:
    tls_of: dict[str, Member] = {}
    account_of: dict[str, Member] = {}
    for member in found:
        where = connector_place(organisation.connectors[member.connector].name)
        place = str(member.next_hop)
        first = tls_of.setdefault(place, member)
        if policy(first.tls, first.next_hop) != policy(member.tls, member.next_hop):
            remedy = "use the same tls in both connectors"
            problems.add(where, "tls", place, f"has two TLS settings in one failover chain on {host}", remedy)
        account = (member.username, member.connector) if member.username else None
        known = account_of.get(member.next_hop.host)
        if account and known and known.username and (known.username, known.connector) != account:
            remedy = "use one account for the host, or give the connectors different address spaces"
            problem = f"has two accounts in one failover chain on {host}"
            problems.add(where, "authentication.username", member.next_hop.host, problem, remedy)
        if account:
            account_of[member.next_hop.host] = member


def build(
    organisation: Organisation, chain: tuple[Element, ...], host: str, directory: Directory, problems: Problems
) -> ChainService:
    """The service of a chain on a host. Problems are added, and what is returned then must not be used."""
    check_chain(organisation, chain, host, problems)
    found = members(organisation, chain, problems, host)
    _check_members(organisation, found, host, problems)
    own = [organisation.connectors[element.carrier] for element in chain if not element.hosts]
    lead = own[0] if own else None
    title = organisation.connectors[chain[0].connector].name
    options = _base_options()
    policy_lines: dict[str, str] = {}
    if chain[0].by_mx and lead:
        options.update(mx_options(lead.tls))
        if lead.tls.level.startswith("dane"):
            options["smtp_dns_support_level"] = "dnssec"
    else:
        policy_lines = {str(member.next_hop): policy(member.tls, member.next_hop) for member in found}
        levels = [member.tls.level for member in found] or ["opportunistic"]
        # Every next hop has a policy line; this level counts only should the table not answer.
        options["smtp_tls_security_level"] = POSTFIX_LEVEL[max(levels, key=STRENGTH.index)]
        if any(level.startswith("dane") for level in levels):
            options["smtp_dns_support_level"] = "dnssec"
    accounts = tuple(member for member in found if member.username)
    if accounts:
        options.update(_login_options(own))
    if lead:
        options.update(service_options(lead))
    if any(connector.log == "verbose" for connector in own):
        options["smtp_tls_loglevel"] = "1"
    size = lead.max_message_size if lead else values.UNLIMITED
    settings = queue_settings(lead) if lead else {}
    hops = [str(member.next_hop) for member in found]
    account_names = [(account.connector, str(account.next_hop), account.username) for account in accounts]
    mark = digest(
        sorted(options.items()), hops, sorted(policy_lines.items()), account_names, size, sorted(settings.items())
    )
    name = f"{PREFIX}{slug(title)}-{mark}"
    options["syslog_name"] = f"${{multi_instance_name?{{$multi_instance_name}}:{{postfix}}}}/{PREFIX}{slug(title)}"
    if policy_lines:
        options["smtp_tls_policy_maps"] = f"{POLICY_KIND}:{directory.file(policy_file(policy_lines))}"
    if accounts:
        files = dict.fromkeys(password_file(organisation, account.connector) for account in accounts)
        options["smtp_sasl_password_maps"] = ", ".join(f"{POLICY_KIND}:{directory.file(file)}" for file in files)
    if size != values.UNLIMITED:
        options["smtp_reply_filter"] = f"regexp:{directory.file(size_file(size))}"
    return ChainService(
        name=name,
        destination=f"{name}:{','.join(hops)}",
        options=tuple(sorted(options.items())),
        settings={f"{name}_{suffix}": value for suffix, value in settings.items()},
        policy_lines=policy_lines,
        size=size,
        accounts=accounts,
        warnings=tuple(_weaker_later(organisation, found)),
    )


def _base_options() -> dict[str, str]:
    """What keeps an administrator's settings for all other mail out of a connector's service."""
    return {
        "smtp_fallback_relay": "",
        "smtp_sasl_auth_enable": "no",
        "smtp_sasl_password_maps": "",
        "smtp_sender_dependent_authentication": "no",
        "smtp_tls_wrappermode": "no",
        "smtp_never_send_ehlo": "no",
    }


def _login_options(own: list[Connector]) -> dict[str, str]:
    clear = any(connector.authentication.mechanism == "basic" for connector in own)
    return {
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_mechanism_filter": "plain, login",
        # noplaintext keeps the password back where the connection turns out not to be encrypted.
        "smtp_sasl_security_options": "noanonymous" if clear else "noplaintext, noanonymous",
        "smtp_sasl_tls_security_options": "noanonymous",
        "smtp_sasl_tls_verified_security_options": "noanonymous",
    }


def _weaker_later(organisation: Organisation, found: list[Member]) -> list[str]:
    for earlier, later in zip(found, found[1:]):
        if STRENGTH.index(later.tls.level) < STRENGTH.index(earlier.tls.level):
            first = organisation.connectors[earlier.connector].name
            second = organisation.connectors[later.connector].name
            warning = (
                f'"{second}" backs "{first}" up with weaker TLS ({later.tls.level} behind {earlier.tls.level}): whoever '
                "breaks the first one's TLS gets the mail over the second"
            )
            return [warning]
    return []


def master_service(chain: ChainService) -> Service:
    return Service(chain.name, "unix", "-", "-", "n", "-", "-", "smtp", chain.options)


def policy_file(lines: Mapping[str, str]) -> str:
    return f"tls_policy_{digest(sorted(lines.items()))}"


def size_file(size: int) -> str:
    return f"size_{size}.regexp"


def password_file(organisation: Organisation, connector: str) -> str:
    """One file for each connector and set of next hops, so that new next hops never meet an old table."""
    one = organisation.connectors[connector]
    return f"password_{slug(one.name)}_{digest(one.key, [str(hop) for hop in one.smart_hosts], one.authentication.username)}"


def password_lines(connector: Connector, password: str) -> str:
    return "".join(
        f"{hop}\t{connector.authentication.username}:{password}\n" for hop in dict.fromkeys(connector.smart_hosts)
    )


__all__ = ["ChainService", "Directory", "Member", "build", "check_chain", "master_service", "size_filter"]
