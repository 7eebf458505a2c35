# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Exchange can carry, the form in which it comes back, and what a connector becomes where the list leaves fields out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..connector import values as plain
from ..connector import vocabulary
from ..connector.errors import Problems, ValueProblem, connector_place
from ..connector.model import Connector
from ..connector.vocabulary import Authentication, Limits
from . import values
from .send_connector import COVERED, DEFAULT_LIMITS

NOT_ON_EXCHANGE = ("relay", "connected_routing_groups", "delivery", "restrictions", "postfix")
"""Fields that no parameter of a send connector holds."""
NO_KNOWN_DEFAULT = ("address_spaces", "bridgeheads", "max_message_size")
"""Fields that cannot be reset: the first two have no default, and the manual's pages disagree about the size
(New-SendConnector 25 MB, "Send connectors" 35 MB, "Message size limits" 10 MB)."""
_GONE = ("iscoexistenceconnector", "linkedreceiveconnector")

ON_EXCHANGE: tuple[str, ...] = tuple(
    entry.name for entry in vocabulary.FIELDS if entry.keep and entry.name not in NOT_ON_EXCHANGE
)
DEFAULT = replace(Connector(""), limits=DEFAULT_LIMITS)


# --- left out means left alone ---------------------------------------------------------------------------------------


def settle(wanted: Connector, given: Collection[str], reset: Collection[str], current: Connector) -> Connector:
    """What the current connector becomes: fields given are as wanted, fields to reset are at their defaults, and all others
    stay. It is in sync where this is the current connector itself; after a change that tells whether every value came back.
    """
    made: dict[str, Any] = {"name": wanted.name}
    for name in ON_EXCHANGE:
        if name == "name":
            continue
        if name in reset:
            made[name] = getattr(DEFAULT, name)
        elif name in given:
            made[name] = _laid_over(name, getattr(wanted, name), getattr(current, name))
    return replace(current, **made)


def _laid_over(name: str, wanted: object, current: object) -> object:
    """A record is given as a whole, but limits and native parameters one by one."""
    if isinstance(wanted, Limits) and isinstance(current, Limits):
        parts = {part: value for part, value in wanted._asdict().items() if value is not None}
        return current._replace(**parts)
    if isinstance(wanted, Authentication) and isinstance(current, Authentication):
        return _authentication(wanted, current)
    if name == "exchange":
        if not (isinstance(wanted, tuple) and isinstance(current, tuple)):
            raise AssertionError
        pairs = {
            **dict(current),
            **{key: text for key, text in wanted if not values.SEND_PARAMETERS[key.lower()].create_only},
        }
        return tuple(
            sorted(pair for pair in pairs.items() if pair[1] != values.SEND_PARAMETERS[pair[0].lower()].default)
        )
    return wanted


def _authentication(wanted: Authentication, current: Authentication) -> Authentication:
    """A user name that cannot be read back, or differs in case only, counts as the same."""
    if wanted.mechanism == current.mechanism and current.username.lower() in ("", wanted.username.lower()):
        return current
    return Authentication(wanted.mechanism, wanted.username, "on_create", wanted.mechanism == "basic")


def kept(given: Collection[str], reset: Collection[str], current: Connector) -> tuple[str, ...]:
    """Fields that are left alone although they differ from the default."""
    return tuple(
        name
        for name in ON_EXCHANGE
        if name not in ("name", *given, *reset) and getattr(current, name) != getattr(DEFAULT, name)
    )


def check_reset(reset: Collection[str], where: str, problems: Problems) -> None:
    for name in reset:
        if name in NO_KNOWN_DEFAULT:
            remedy = f"give {name} a value"
            problems.add(where, "reset", name, "has no default that is known for certain on Exchange", remedy)


# --- what Exchange can carry -----------------------------------------------------------------------------------------


def normal(connector: Connector, problems: Problems) -> Connector:
    """The connector in the form that comes back from Exchange, or problems for what it cannot carry.

    Native parameters keep the values that were given, even where these are the default.
    """
    where = connector_place(connector.name)
    check(connector, problems)
    return replace(
        with_certificate_name(connector, problems),
        comment=connector.comment.strip(),
        smart_hosts=tuple(sorted(connector.smart_hosts)),
        max_message_size=values.rounded_up(connector.max_message_size),
        exchange=_native(connector, where, problems),
    )


def with_certificate_name(connector: Connector, problems: Problems) -> Connector:
    """With smart hosts a name has to be given (New-SendConnector, TlsDomain): that of the smart host is the default."""
    tls = connector.tls
    if tls.level != "verify" or tls.names or not connector.smart_hosts:
        return connector
    return replace(connector, tls=tls._replace(names=_covering_name(connector, problems)))


def _covering_name(connector: Connector, problems: Problems) -> tuple[str, ...]:
    """TlsDomain holds one value, so it has to cover every smart host."""
    hosts = sorted({one.host for one in connector.smart_hosts})
    address = next((host for host in hosts if plain.is_address(host)), "")
    if address:
        remedy = "name in tls.names what the certificate carries"
        place = connector_place(connector.name)
        problems.add(place, "tls.names", plain.show_host(address), "cannot come from an IP address", remedy)
        return ()
    if len(hosts) == 1:
        return (hosts[0],)
    parents = {host.partition(".")[2] for host in hosts}
    suggestion = f"*.{parents.pop()}" if len(parents) == 1 else "the one name that all certificates carry"
    problems.add(
        connector_place(connector.name),
        "tls.names",
        ", ".join(hosts),
        "are several names, and Exchange takes one (TlsDomain)",
        f"set tls.names: ['{suggestion}'], or declare one connector for each smart host",
    )
    return ()


def unused_certificates(connector: Connector) -> list[str]:
    """Exchange holds both at once, so it is no error, but who writes it means something else."""
    if connector.tls.level != "none" or not connector.tls.certificate:
        return []
    where = f"{connector_place(connector.name)}, field tls.certificate"
    return [f"{where}: plays no part with tls.level none; leave it out, or set another level"]


def covers(name: str, host: str) -> bool:
    """Whether a certificate name, which may begin with *., covers a host name."""
    return host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _native(connector: Connector, where: str, problems: Problems) -> tuple[tuple[str, str], ...]:
    pairs: dict[str, str] = {}
    for given, text in connector.exchange:
        place = f"exchange.{given}"
        parameter = values.SEND_PARAMETERS.get(given.lower())
        if parameter is None:
            if given.lower() in COVERED:
                remedy = f"set the field {COVERED[given.lower()]} instead"
                problems.add(where, place, None, "is covered by the vocabulary", remedy)
            elif given.lower() in _GONE:
                problems.add(where, place, None, "existed in Exchange 2010 only", "leave it out")
            else:
                known = [one.name for one in values.SEND_PARAMETERS.values()]
                remedy = vocabulary.nearest(given, known)
                problems.add(where, place, None, "is no parameter of a send connector", remedy)
            continue
        try:
            value = parameter.kind.read(text)
        except ValueProblem as problem:
            problems.add(where, place, problem.shown, problem.message, problem.remedy)
            continue
        pairs[parameter.name] = value
    return tuple(sorted(pairs.items()))


def check(connector: Connector, problems: Problems) -> None:
    """What no send connector can hold, whatever the list says of it."""
    where = connector_place(connector.name)
    _check_smart_hosts(connector, where, problems)
    _check_tls(connector, where, problems)
    _check_limits(connector, where, problems)
    for name in ("delivery", "restrictions"):
        if getattr(connector, name) != vocabulary.BY_NAME[name].default:
            remedy = "use an Exchange transport rule, or carry the connector on Postfix"
            problems.add(where, name, None, "is not possible on a send connector of Exchange", remedy)
    for name, _text in connector.postfix:
        remedy = "leave it out, or carry the connector on Postfix"
        problems.add(
            where, f"postfix.{name}", None, "is a parameter of Postfix, and Exchange carries this connector", remedy
        )
    native = {name.lower(): text for name, text in connector.exchange}
    secure = native.get("domainsecureenabled") in ("yes", "true")
    if secure and (connector.smart_hosts or connector.tls.level == "none"):
        remedy = "use DNS MX and a TLS level, or leave it out"
        problems.add(where, "exchange.DomainSecureEnabled", None, "needs DNS MX and STARTTLS", remedy)


def _check_smart_hosts(connector: Connector, where: str, problems: Problems) -> None:
    ports = sorted({one.port for one in connector.smart_hosts})
    if len(ports) > 1:
        remedy = "use one port, or declare one connector for each port"
        problems.add(where, "smart_hosts", ", ".join(map(str, ports)), "have several ports; Exchange takes one", remedy)
    for host in connector.smart_hosts:
        if host.mx:
            remedy = "leave mx out; or leave smart_hosts out, which routes by the recipient's own MX"
            problem = "asks for the MX records of a smart host, which Exchange decides by itself"
            problems.add(where, "smart_hosts", host.host, problem, remedy)
    if any(space.type != "SMTP" for space in connector.address_spaces) and not connector.smart_hosts:
        remedy = "name smart_hosts: only SMTP is routed by DNS"
        problems.add(where, "smart_hosts", None, "are needed for address spaces of other types", remedy)


def _check_tls(connector: Connector, where: str, problems: Problems) -> None:
    tls = connector.tls
    if tls.level in ("dane", "dane_only"):
        remedy = "use verify with tls.names, or carry the connector on Postfix"
        problems.add(where, "tls.level", tls.level, "is not possible on Exchange", remedy)
    if tls.ca_file:
        remedy = "leave it out: Exchange trusts the certificate store of Windows"
        problems.add(where, "tls.ca_file", tls.ca_file, "is not possible on Exchange", remedy)
    if tls.certificate and not tls.certificate.startswith("<I>"):
        remedy = "write it as <I>issuer<S>subject (Get-ExchangeCertificate shows both)"
        problems.add(where, "tls.certificate", tls.certificate, "is a file, and Exchange names certificates", remedy)
    if len(tls.names) > 1:
        remedy = "name one, such as *.contoso.com, or declare one connector for each"
        shown = ", ".join(tls.names)
        problems.add(where, "tls.names", shown, "are several, and Exchange takes one (TlsDomain)", remedy)
    elif tls.level == "verify" and tls.names and len(connector.smart_hosts) > 1:
        for host in sorted({one.host for one in connector.smart_hosts}):
            if not plain.is_address(host) and not covers(tls.names[0], host):
                remedy = "name what all certificates carry, or declare one connector for each smart host"
                problems.add(where, "tls.names", tls.names[0], f"does not cover the smart host {host}", remedy)


def _check_limits(connector: Connector, where: str, problems: Problems) -> None:
    for name in ("connections", "rate_delay"):
        value = getattr(connector.limits, name)
        if value is not None:
            remedy = (
                "leave it out, or carry the connector on Postfix (Exchange: Set-TransportService, for all connectors)"
            )
            problems.add(where, f"limits.{name}", value, "is not possible on Exchange", remedy)
    inactivity = connector.limits.inactivity_timeout
    if inactivity is not None and not 1 <= inactivity <= 86400:
        problems.add(where, "limits.inactivity_timeout", f"{inactivity}s", "is out of range", "use 1s to 1d")
