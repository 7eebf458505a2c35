# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one receive connector can be, whatever stands on its server besides.

Each rule is looked at as soon as everything that it needs is known: of a list alone before any server is contacted, and of the
connector as it will be once its server was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..connector.errors import Problems
from . import ip_ranges, values
from .receive_connector import Entry, Settings
from .receive_parameters import GROUPS, MECHANISMS
from .servers import Server

_DEFAULT_NAMES = {
    # Front End Transport, Transport, Edge Transport ("Receive connectors", default connectors).
    "default frontend {}",
    "client frontend {}",
    "outbound proxy frontend {}",
    "default {}",
    "client proxy {}",
    "default internal receive connector {}",
}


def is_default(name: str, server: str) -> bool:
    """Whether Exchange's setup made the connector, and mail flow between servers needs it."""
    return name.lower() in {form.format(values.first_label(server)) for form in _DEFAULT_NAMES}


def _ordered(natives: Mapping[str, str], chosen: set[str]) -> tuple[str, ...]:
    return tuple(word for word in natives if word in chosen)


def with_relay(settings: Settings, relay: str | None, mechanisms_given: bool) -> dict[str, Any]:
    """The settings with what the way of relaying needs ("Allow anonymous relay"): one of the two ways, never both."""
    made = dict(settings)
    groups = set(made.get("permission_groups", ()))
    mechanisms = set(made.get("auth_mechanisms", ()))
    if relay == "anonymous":
        groups.add("anonymous_users")
    if relay == "externally_secured":
        groups.add("exchange_servers")
        kept = mechanisms if mechanisms_given else mechanisms & {"tls"}
        mechanisms = {*kept, "externally_secured"}
    elif relay is not None and not mechanisms_given:
        mechanisms.discard("externally_secured")
    if "permission_groups" in made:
        made["permission_groups"] = _ordered(GROUPS, groups)
    if "auth_mechanisms" in made:
        made["auth_mechanisms"] = _ordered(MECHANISMS, mechanisms)
    return made


def check_entry(entry: Entry, problems: Problems) -> None:
    """Everything that shows without a look at Exchange."""
    if "externally_secured" in entry.given.get("auth_mechanisms", ()) and entry.relay != "externally_secured":
        message = "makes every host of the ranges a trusted one, which may relay anywhere"
        remedy = "say so with relay: externally_secured, or leave it out"
        problems.add(entry.where, "auth_mechanisms", "externally_secured", message, remedy)
    settings = with_relay(entry.given, entry.relay, "auth_mechanisms" in entry.given)
    if entry.ranges and entry.ranges.exact is not None:
        settings["remote_ip_ranges"] = entry.ranges.exact
    check(settings, entry.where, problems)
    if entry.relay not in (None, "none") and not entry.allow_open_relay:
        _check_open_relay(settings, entry.where, problems)


def check(settings: Settings, where: str, problems: Problems, server: Server | None = None) -> None:
    """settings: all of a connector's, or those that are known. server: the one that it is on, where that is known."""
    _check_ranges(settings, where, problems)
    _check_mechanisms(settings, where, problems)
    _check_timeouts(settings, where, problems)
    if settings.get("exchange.BinaryMimeEnabled") is True and settings.get("exchange.ChunkingEnabled") is False:
        remedy = "set exchange.BinaryMimeEnabled: false, or leave exchange.ChunkingEnabled out"
        problems.add(where, "exchange.BinaryMimeEnabled", "true", "needs ChunkingEnabled", remedy)
    role = settings.get("transport_role")
    if settings.get("exchange.LongAddressesEnabled") is True and role == "frontend_transport":
        remedy = "set transport_role: hub_transport, or leave it out"
        message = "is only possible in the Transport service"
        problems.add(where, "exchange.LongAddressesEnabled", "true", message, remedy)
    if server:
        _check_server(settings, where, server, problems)


def _check_ranges(settings: Settings, where: str, problems: Problems) -> None:
    for name in ("bindings", "remote_ip_ranges"):
        if settings.get(name) == ():
            problems.add(where, name, None, "is empty", f"name at least one of {name}, or disable the connector")
    ranges = settings.get("remote_ip_ranges", ())
    if len(ranges) > ip_ranges.MOST_RANGES:
        message = (
            f"are {len(ranges)} ranges, and Active Directory holds no more than {ip_ranges.MOST_RANGES} of a connector"
        )
        fewest = len(ip_ranges.merged(ranges))
        remedy = "spread them over several connectors"
        if fewest <= ip_ranges.MOST_RANGES:
            remedy = f"join adjacent ranges (that would leave {fewest}), or {remedy}"
        problems.add(where, "remote_ip_ranges", None, message, remedy)


def _check_mechanisms(settings: Settings, where: str, problems: Problems) -> None:
    mechanisms = settings.get("auth_mechanisms")
    if mechanisms is None:
        return
    field = "auth_mechanisms"
    missing = [word for word in ("basic", "tls") if "basic_over_tls" in mechanisms and word not in mechanisms]
    if missing:
        problems.add(
            where, field, "basic_over_tls", f"needs {' and '.join(missing)} as well", f"add {', '.join(missing)}"
        )
    if "externally_secured" in mechanisms:
        others = [word for word in mechanisms if word not in ("externally_secured", "tls")]
        if others:
            message = f"cannot stand beside {', '.join(others)}"
            problems.add(
                where, field, "externally_secured", message, "keep tls alone, or choose relay: anonymous or none"
            )
        if "exchange_servers" not in settings.get("permission_groups", ("exchange_servers",)):
            message = "is needed with externally_secured"
            problems.add(where, "permission_groups", "exchange_servers", message, "add it, or set another relay")
    for name in ("tls.required", "exchange.DomainSecureEnabled"):
        if settings.get(name) is True and "tls" not in mechanisms:
            problems.add(where, name, "true", "needs the mechanism tls", f"add tls to {field}, or set {name}: false")
    if settings.get("exchange.DomainSecureEnabled") is True and "externally_secured" in mechanisms:
        remedy = "leave one of the two out"
        problems.add(where, "exchange.DomainSecureEnabled", "true", "cannot stand beside externally_secured", remedy)


def _check_timeouts(settings: Settings, where: str, problems: Problems) -> None:
    whole, idle = settings.get("limits.connection_timeout"), settings.get("limits.inactivity_timeout")
    if whole is not None and idle is not None and whole <= idle:
        message = f"is not longer than limits.inactivity_timeout ({idle}s)"
        remedy = "make it longer, or give a shorter inactivity_timeout as well"
        problems.add(where, "limits.connection_timeout", f"{whole}s", message, remedy)


def _check_server(settings: Settings, where: str, server: Server, problems: Problems) -> None:
    name = str(settings.get("helo_name", ""))
    own = ("", server.address, values.first_label(server.name))
    if "exchange_server" in settings.get("auth_mechanisms", ()) and name not in own:
        remedy = f"leave helo_name out, use {server.address or server.name}, or drop the mechanism exchange_server"
        message = "is no name of the server itself, which the mechanism exchange_server needs"
        problems.add(where, "helo_name", name, message, remedy)
    if server.edge and "exchange_legacy_servers" in settings.get("permission_groups", ()):
        message = "is not possible on an Edge server"
        problems.add(where, "permission_groups", "exchange_legacy_servers", message, "leave it out")


def check_relay(entry: Entry, settings: Settings, relay: str | None, server: Server, problems: Problems) -> str:
    """Refuses an open relay that the list asks for, and returns a warning about one that it leaves alone."""
    if relay in (None, "none") or entry.allow_open_relay:
        return ""
    if entry.relay is None and entry.ranges is None:
        if not ip_ranges.serves_strangers(settings.get("remote_ip_ranges", ())):
            return ""
        return (
            f"{entry.where} on {server.name} is an open relay: whoever reaches it may send anywhere (relay is {relay}, and "
            "remote_ip_ranges hold large parts of the Internet). Give it narrow ranges, or set relay: none"
        )
    if is_default(entry.name, server.name):
        remedy = "make a connector of its own with narrow remote_ip_ranges; if it is really meant, set allow_open_relay: true"
        message = f"on a default connector ({server.name}) would let everybody relay that reaches the server"
        problems.add(entry.where, "relay", relay, message, remedy)
    _check_open_relay(settings, entry.where, problems)
    return ""


def _check_open_relay(settings: Settings, where: str, problems: Problems) -> None:
    ranges = settings.get("remote_ip_ranges", ())
    if ip_ranges.serves_strangers(ranges):
        widest = max(ranges, key=lambda one: one.high - one.low)
        remedy = "name the addresses of the hosts that may relay; if an open relay is really meant, set allow_open_relay: true"
        message = "lets large parts of the Internet relay to anywhere"
        problems.add(where, "remote_ip_ranges", str(widest), message, remedy)


def check_default(
    entry: Entry, server: Server, before: Settings, after: Settings, problems: Problems, warnings: list[str]
) -> None:
    """What would break mail between the servers when it is done to a connector that Exchange's setup made."""
    where = f"{entry.where} on {server.name}"
    for name, why in (
        ("helo_name", "other servers authenticate it by its own name"),
        ("transport_role", "each service needs its own default connectors"),
    ):
        if before.get(name) != after.get(name):
            remedy = f"leave {name} out, and make a connector of your own"
            problems.add(where, name, after.get(name), f"cannot change on a default connector: {why}", remedy)
    for name, word in (("auth_mechanisms", "exchange_server"), ("permission_groups", "exchange_servers")):
        if word in before.get(name, ()) and word not in after.get(name, ()):
            remedy = f"add {word}, and make a connector of your own for other senders"
            problems.add(where, name, word, "is missing: mail from other Exchange servers would be refused", remedy)
    if before.get("bindings") != after.get("bindings"):
        lost = [str(one) for one in before.get("bindings", ()) if one not in after.get("bindings", ())]
        warnings.append(
            f"{where}: the bindings of a default connector change"
            + (f", it no longer listens on {', '.join(lost)}" if lost else "")
            + "; make sure that each is an address of the server, and keep [::], which the Hybrid Configuration Wizard looks for"
        )
    if not ip_ranges.covers(after.get("remote_ip_ranges", ()), before.get("remote_ip_ranges", ())):
        warnings.append(f"{where}: hosts outside the new remote_ip_ranges no longer reach this default connector")
