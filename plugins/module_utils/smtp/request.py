# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of smtp_probe asks for, read alike on the controller and on the target."""

from __future__ import annotations

import typing as t

from ..connector import values
from ..connector.errors import Problems, ValueProblem
from ..connector.values import Kind
from .lookup import FAMILIES, needs_lookup
from .target import NameServer, Target, read_name_servers, read_source_addresses, read_targets

HOST_LOOKUPS = ("dns", "native")
"""How names become addresses, as smtp_host_lookup of Postfix calls it."""


class Request(t.NamedTuple):
    """timeout: seconds for one server, deadline: for everything."""

    targets: tuple[Target, ...] = ()
    name_servers: tuple[NameServer, ...] = ()
    source_addresses: tuple[str, ...] = ()
    inet_protocols: str = "all"
    host_lookup: str = "dns"
    timeout: int = 30
    deadline: int = 300
    parallel: int = 50

    @property
    def needs_dns(self) -> bool:
        return any(needs_lookup(target, self.host_lookup) for target in self.targets)


_SIMPLE: dict[str, Kind[t.Any]] = {
    "inet_protocols": values.choice(*FAMILIES),
    "host_lookup": values.choice(*HOST_LOOKUPS),
    "timeout": values.whole_number(1, 3600),
    "deadline": values.whole_number(1, 86400),
    "parallel": values.whole_number(1, 500),
}


def read_request(given: t.Mapping[str, t.Any], problems: Problems) -> Request:
    """The options of a task; all mistakes are collected."""
    found: dict[str, t.Any] = {
        "targets": tuple(read_targets(given.get("targets"), problems)),
        "name_servers": tuple(read_name_servers(given.get("nameservers"), problems)),
        "source_addresses": read_source_addresses(given.get("source_addresses"), problems),
    }
    for name, kind in _SIMPLE.items():
        if given.get(name) is not None:
            try:
                found[name] = kind.read(given[name])
            except ValueProblem as problem:
                problems.add_value("", name, problem)
    return Request(**found)
