# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the connectors of one host expect of the servers that they lead to, as targets of a probe. Pure."""

from __future__ import annotations

import re
import typing as t

from ..connector import values
from ..connector.address_space import Pattern
from ..connector.errors import connector_place
from ..connector.journey import keys, route_of
from ..connector.model import Connector
from ..connector.routing import Router
from ..connector.topology import Host
from ..connector.vocabulary import DEFAULT_TLS, SmartHost, Tls
from .target import Expect, Target, show_target

RECIPIENTS = 3
"""How many domains of a connector are asked for at each server: a thousand spaces are not a thousand questions."""
DANE = ("dane", "dane_only")


class Probing(t.NamedTuple):
    """The targets for one host, and what is not probed, in sentences."""

    targets: tuple[Target, ...]
    notes: tuple[str, ...]

    def plain(self) -> dict[str, t.Any]:
        return {"targets": [show_target(target) for target in self.targets], "notes": list(self.notes)}


def probing(router: Router, host: str, stranger: str = "", ca_file: str = "") -> Probing:
    """Every smart host of the connectors that the host carries, and every host that it hands mail over to.

    stranger: an address that servers are to refuse. ca_file: what the host trusts where a connector names nothing.
    """
    made = _Collected(router, host, stranger, ca_file)
    for _key, connector in sorted(router.organisation.connectors.items()):
        if connector.enabled and host in connector.bridgeheads:
            made.add_connector(connector)
    made.add_peers()
    return Probing(tuple(made.targets.values()), tuple(dict.fromkeys(made.notes)))


class _Collected:
    def __init__(self, router: Router, host: str, stranger: str, ca_file: str) -> None:
        self.router, self.host, self.stranger, self.ca_file = router, host, stranger, ca_file
        self.targets: dict[t.Any, Target] = {}
        self.notes: list[str] = []

    def add(self, target: Target) -> None:
        """Two connectors that lead to one server in the same way ask it together."""
        key = (target.host, target.port, target.mx, target.tls, target.helo)
        known = self.targets.get(key, target._replace(recipient_accepted=(), recipient_refused=()))
        accepted = dict.fromkeys((*known.recipient_accepted, *target.recipient_accepted))
        refused = dict.fromkeys((*known.recipient_refused, *target.recipient_refused))
        expect = Expect(
            size=max(known.expect.size or 0, target.expect.size or 0) or None,
            keywords=tuple(sorted({*known.expect.keywords, *target.expect.keywords})),
        )
        self.targets[key] = known._replace(
            recipient_accepted=tuple(accepted), recipient_refused=tuple(refused), expect=expect
        )

    def add_connector(self, connector: Connector) -> None:
        spaces = self.router.spaces(connector)
        domains = [pattern.domain for pattern in spaces if not pattern.is_everything]
        made = Target(
            tls=self._tls(connector.tls, connector_place(connector.name)),
            helo=connector.helo,
            expect=Expect(
                size=None if connector.max_message_size == values.UNLIMITED else connector.max_message_size,
                keywords=("AUTH",) if connector.authentication.with_password else (),
            ),
        )
        for smart_host in connector.smart_hosts:
            strangers = self._strangers(connector, smart_host, spaces)
            self.add(
                made._replace(
                    host=smart_host.host,
                    port=smart_host.port,
                    mx=smart_host.mx,
                    recipient_accepted=() if _known_by_more(connector) else _postmasters(domains),
                    recipient_refused=strangers,
                )
            )
        if connector.smart_hosts and domains and _known_by_more(connector):
            why = "only who logs in or shows a certificate may ask for them, and a probe does neither"
            self.notes.append(
                f"{connector_place(connector.name)}: its smart hosts were asked for no recipients, since {why}"
            )
        if not connector.smart_hosts:
            self._add_mail_exchangers(connector, domains, made)

    def _add_mail_exchangers(self, connector: Connector, domains: t.Sequence[str], made: Target) -> None:
        for domain in domains[:RECIPIENTS]:
            self.add(made._replace(host=domain, mx=True, recipient_accepted=_postmasters([domain])))
        where = connector_place(connector.name)
        if len(domains) > RECIPIENTS:
            self.notes.append(f"{where}: of its {len(domains)} domains only {RECIPIENTS} were probed, each by DNS MX")
        if any(pattern.is_everything for pattern in self.router.spaces(connector)):
            self.notes.append(f"{where} goes by DNS MX to everywhere, so there is no server to probe for *")

    def _strangers(self, connector: Connector, smart_host: SmartHost, spaces: t.Iterable[Pattern]) -> tuple[str, ...]:
        """Nobody, where the server is meant to relay for this host: a default route, an account, a host of the own."""
        if not self.stranger or _known_by_more(connector):
            return ()
        domain = self.stranger.rpartition("@")[2].lower()
        if any(pattern.matches(domain) for pattern in spaces) or self.router.organisation.host_behind(smart_host):
            return ()
        return (self.stranger,)

    def add_peers(self) -> None:
        wanted: dict[str, list[str]] = {}
        for pattern, domain in keys(self.router):
            route = route_of(self.router, self.host, pattern, domain)
            if domain and self.router.is_local(self.host, domain):
                continue
            for name in (name for element in route.elements for name in element.hosts):
                domains = wanted.setdefault(name, [])
                if domain and domain not in domains:
                    domains.append(domain)
        for name in sorted(wanted):
            self._add_peer(self.router.organisation.hosts[name], wanted[name])

    def _add_peer(self, peer: Host, domains: t.Sequence[str]) -> None:
        if peer.address is None:
            self.notes.append(f"{peer.name} takes mail from here, but has no address in hosts, so it was not probed")
            return
        tls = self._tls(peer.tls, f"hosts.{peer.name}")
        smart_host = peer.address.smart_host
        self.add(Target(host=smart_host.host, port=smart_host.port, tls=tls, recipient_accepted=_postmasters(domains)))

    def _tls(self, tls: Tls, where: str) -> Tls:
        """The TLS that a probe can look at: it checks neither TLSA records nor shows a certificate."""
        ca_file = tls.ca_file
        if tls.level in ("verify", "chain_only"):
            ca_file = ca_file or self.ca_file
        level = tls.level
        if level in DANE:
            self.notes.append(f"{where}: TLSA records were not looked at (tls.level {level}), only that TLS is offered")
            level = "encrypt" if level == "dane_only" else "opportunistic"
        return DEFAULT_TLS._replace(level=level, names=tls.names, ca_file=ca_file)


def _known_by_more(connector: Connector) -> bool:
    """Whether the smart host knows this host by more than its address: by an account or a certificate."""
    return connector.authentication.mechanism != "none" or bool(connector.tls.certificate)


def _postmasters(domains: t.Sequence[str]) -> tuple[str, ...]:
    """Every domain that takes mail has a postmaster (RFC 5321, 4.5.1)."""
    return tuple(f"postmaster@{domain}" for domain in domains[:RECIPIENTS])


# --- what Postfix itself does --------------------------------------------------------------------------------------

HOW_POSTFIX_CONNECTS = (
    "smtp_bind_address",
    "smtp_bind_address6",
    "inet_interfaces",
    "inet_protocols",
    "smtp_host_lookup",
    "smtp_tls_CAfile",
)
"""The parameters of main.cf that decide how smtp(8) connects, for a probe that is to do the same."""


def as_postfix_does(said: t.Mapping[str, str]) -> dict[str, t.Any]:
    """How smtp(8) connects, from parameters of main.cf, as options of smtp_probe and ca_file."""
    protocols = _words(said.get("inet_protocols", ""))
    return {
        "source_addresses": _source_addresses(said),
        "inet_protocols": protocols[0] if len(protocols) == 1 and protocols[0] in ("ipv4", "ipv6") else "all",
        "host_lookup": "native" if _words(said.get("smtp_host_lookup", ""))[:1] == ["native"] else "dns",
        "ca_file": said.get("smtp_tls_CAfile", ""),
    }


def _source_addresses(said: t.Mapping[str, str]) -> list[str]:
    """A bind address; without one the only address in inet_interfaces, unless it is a loopback one (smtp_connect.c)."""
    listed = [word.strip("[]") for word in _words(said.get("inet_interfaces", ""))]
    found = []
    for name, is_kind in (("smtp_bind_address", _is_ipv4), ("smtp_bind_address6", _is_ipv6)):
        bound = said.get(name, "").strip("[]")
        only = [address for address in listed if is_kind(address)]
        if bound:
            found.append(bound)
        elif len(only) == 1 and all(map(values.is_address, listed)) and not _is_loopback(only[0]):
            found.append(only[0])
    return found


def _words(value: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", value) if word]


def _is_ipv4(address: str) -> bool:
    return values.is_address(address) and ":" not in address


def _is_ipv6(address: str) -> bool:
    return values.is_address(address) and ":" in address


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"
