# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a service of the administrator's delivers mail, expressed as the fields of a connector. Pure.

A connector's own service takes nothing from a service that somebody else configured, so all that decides about its deliveries
has to be found: next hops, TLS policy, account, limits. What cannot be expressed exactly is refused with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..connector.errors import ValueProblem
from ..connector.model import Connector
from ..connector.values import DOMAIN, read_duration
from ..connector.vocabulary import Helo, Limits, SmartHost, read_smart_host
from .fields import COVERED
from .found_security import Hop, Unexpressed, authentication, tls
from .master_cf import Service, is_queue_manager_parameter
from .match_list import Table

CLIENT_PARAMETERS = (
    "smtp_fallback_relay",
    "smtp_never_send_ehlo",
    "smtp_sasl_auth_enable",
    "smtp_sasl_mechanism_filter",
    "smtp_sasl_password_maps",
    "smtp_sasl_security_options",
    "smtp_sasl_tls_security_options",
    "smtp_sender_dependent_authentication",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "smtp_tls_per_site",
    "smtp_tls_policy_maps",
    "smtp_tls_secure_cert_match",
    "smtp_tls_security_level",
    "smtp_tls_verify_cert_match",
    "smtp_tls_wrappermode",
    "smtp_enforce_tls",
    "smtp_use_tls",
)
_PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "ssmtp": 465}
_IGNORED = ("syslog_name",)
_READ_HERE = ("smtp_tls_security_level", "smtp_tls_wrappermode", "smtp_helo_name", "smtp_fallback_relay")
"""Options of a service that are expressed by a field, or by next hops."""


class Client(NamedTuple):
    """What decides how smtp(8) delivers on this host.

    parameters are those of CLIENT_PARAMETERS, expanded; queue the queue manager's parameters that main.cf sets.
    """

    parameters: Mapping[str, str]
    services: Mapping[str, Service]
    queue: Mapping[str, str]
    policies: tuple[Table, ...] = ()
    accounts: tuple[Table, ...] = ()

    @property
    def smtp_services(self) -> frozenset[str]:
        """The services that are smtp(8)."""
        return frozenset(name for name, service in self.services.items() if service.command == "smtp")


@dataclass(frozen=True)
class _Service:
    """One delivery service with the values that count for it."""

    name: str
    values: Mapping[str, str]
    fields: Connector


def delivery(client: Client, transport: str, next_hop: str, domain: str) -> Connector:
    """A connector without name, spaces and bridgeheads. next_hop is empty where mail goes by MX of the recipient domain.

    Raises Unexpressed.
    """
    service = _service(client, transport)
    hops = _hops(next_hop) if next_hop else []
    fallback = service.values["smtp_fallback_relay"]
    if fallback and not hops:
        raise Unexpressed(f"smtp_fallback_relay ({fallback}) follows where MX hosts do not answer")
    hops += _hops(fallback) if fallback else []
    if len({hop.host for hop in hops}) < len(hops):
        raise Unexpressed("names one next hop twice")
    security = tls(client.policies, service.values, hops, domain)
    account = authentication(client.accounts, service.values, hops, domain, security)
    return Connector(
        name="",
        smart_hosts=tuple(hop.host for hop in hops),
        tls=security,
        authentication=account,
        helo=service.fields.helo,
        limits=service.fields.limits,
        postfix=service.fields.postfix,
    )


def _service(client: Client, name: str) -> _Service:
    found = client.services.get(name)
    if found is None:
        raise Unexpressed(f"there is no service {name} in master.cf")
    if found.command != "smtp":
        raise Unexpressed(f"{name} is no SMTP client ({found.command})")
    if found.maxproc != "-":
        raise Unexpressed(f"the service {name} has a limit of {found.maxproc} processes, for which there is no field")
    if found.arguments:
        raise Unexpressed(f"the service {name} has arguments of its own")
    values = {**client.parameters, **dict(found.options)}
    if values["smtp_never_send_ehlo"].lower() == "yes":
        raise Unexpressed("smtp_never_send_ehlo is set")
    native: dict[str, str] = {}
    helo = Helo()
    for option, value in found.options:
        if option == "smtp_helo_name":
            helo = Helo(_domain(option, value))
        elif option in _READ_HERE or option in _IGNORED or is_queue_manager_parameter(option):
            continue
        elif option in COVERED:
            raise Unexpressed(f"the service {name} has an own {option}")
        else:
            native[option] = value
    if values["smtp_tls_wrappermode"].lower() == "yes":
        native["smtp_tls_wrappermode"] = "yes"
    fields = Connector("", helo=helo, limits=_limits(client, name), postfix=tuple(sorted(native.items())))
    return _Service(name, values, fields)


def _domain(option: str, value: str) -> str:
    try:
        return DOMAIN.read(value)
    except ValueProblem:
        raise Unexpressed(f"{option} is {value}, which is no name") from None


def _limits(client: Client, service: str) -> Limits:
    """What the queue manager keeps to for this service alone; what it keeps to for all counts for connectors too."""
    connections = rate_delay = None
    for parameter, value in client.queue.items():
        if not parameter.startswith(service + "_"):
            continue
        suffix = parameter[len(service) + 1 :]
        if suffix == "destination_concurrency_limit" and re.match(r"^[1-9]\d{0,3}$", value):
            connections = int(value)
        elif suffix == "destination_rate_delay" and re.match(r"^\d+[smhd]?$", value):
            rate_delay = read_duration(value) or None
        else:
            raise Unexpressed(f"{parameter} = {value} has no field")
    return Limits(connections=connections, rate_delay=rate_delay)


def _hops(text: str) -> list[Hop]:
    return [_hop(word) for word in re.split(r"[,\s]+", text) if word]


def _hop(word: str) -> Hop:
    match = re.match(r"^(\[[^\]]+\]|[^:\[\]]+)(?::([^:]+))?$", word)
    if match is None:
        raise Unexpressed(f"the next hop {word} is in no known form")
    host, port = match.group(1), match.group(2) or "25"
    number = _PORTS.get(port.lower(), port)
    try:
        written = read_smart_host({"host": host, "port": number, "mx": not host.startswith("[")})
    except ValueProblem as problem:
        raise Unexpressed(f"the next hop {word} {problem.message}") from None
    return Hop(word, SmartHost(written.host, written.port or 25, written.mx))


def same_next_hops(first: str, second: str) -> bool:
    """Whether two next hops of transport(5) are the same hosts in the same order."""
    if first == second:
        return True
    try:
        return _plain(_hops(first)) == _plain(_hops(second))
    except Unexpressed:
        return False


def _plain(hops: Sequence[Hop]) -> list[SmartHost]:
    return [hop.host for hop in hops]
