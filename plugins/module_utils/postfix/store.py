# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of one Postfix instance: every set of connectors, and what in main.cf and master.cf is ours. No secrets.

$config_directory/connectors/connectors.json is the whole definition that everything else there is compiled from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..connector.errors import Problems
from ..connector.model import read_connectors, show
from ..connector.topology import (
    ConnectorSet,
    read_hosts,
    read_routing_groups,
    show_host_fields,
    show_routing_groups,
)
from . import files

FORMAT = 1
DIRECTORY = "connectors"
FILE = "connectors.json"


class StoreError(Exception):
    """The store cannot be used. Nothing has been touched."""

    def __init__(self, path: str, message: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: {message}. Remedy: {remedy}.")


@dataclass(frozen=True)
class OwnedSetting:
    """A parameter of main.cf that we set. found is the text that stood there before (None: nothing did).

    previous is the value in the file while a new one is being written: after a kill either may stand there.
    """

    found: str | None
    written: str
    previous: str | None = None


@dataclass(frozen=True)
class Store:
    """sets by name; services (names in master.cf) and settings (parameters of main.cf) that are ours."""

    sets: Mapping[str, ConnectorSet] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    settings: Mapping[str, OwnedSetting] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.sets or self.services or self.settings)


def path(config_directory: str) -> str:
    return os.path.join(config_directory, DIRECTORY, FILE)


def load(config_directory: str) -> Store:
    """The store; an empty one where there is none. Raises StoreError for a damaged or newer one."""
    where = path(config_directory)
    data = files.read(where)
    if data is None:
        return Store()
    damaged = "restore the file from a backup, or move it away and give the whole list again with all passwords"
    try:
        content = json.loads(data.decode("utf-8"))
        number = content["format"]
    except (ValueError, KeyError, TypeError):
        raise StoreError(where, "is damaged: it is no JSON with a format", damaged) from None
    if not isinstance(number, int) or number > FORMAT:
        remedy = "update mailops.connectors on the controller"
        raise StoreError(where, f"has format {number}, and this version knows formats up to {FORMAT}", remedy)
    try:
        sets = {name: _read_set(name, one) for name, one in content["sets"].items()}
        owned = content["owned"]
        settings = {
            name: OwnedSetting(one["found"], one["written"], one.get("previous"))
            for name, one in owned["settings"].items()
        }
        return Store(sets, tuple(owned["services"]), settings)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(where, f"is damaged ({type(error).__name__}: {error})", damaged) from None


def _read_set(name: str, content: Mapping[str, Any]) -> ConnectorSet:
    problems = Problems()
    connectors = {item.connector.key: item.connector for item in read_connectors(content["connectors"], problems)}
    hosts = read_hosts(content["hosts"], problems)
    groups = read_routing_groups(content["routing_groups"], problems)
    problems.raise_if_any()
    return ConnectorSet(name, connectors, hosts, groups)


def show_set(one: ConnectorSet) -> dict[str, Any]:
    """A set in the vocabulary: what the modules take, and what they return."""
    return {
        "connectors": [show(one.connectors[key]) for key in sorted(one.connectors)],
        "hosts": {name: show_host_fields(one.hosts[name]) for name in sorted(one.hosts)},
        "routing_groups": show_routing_groups(one.routing_groups.values()),
    }


def text(store: Store) -> str:
    """The file's text: stable, so that an unchanged store is never rewritten."""
    content = {
        "format": FORMAT,
        "sets": {name: show_set(store.sets[name]) for name in sorted(store.sets)},
        "owned": {
            "services": sorted(store.services),
            "settings": {
                name: {key: value for key, value in vars(store.settings[name]).items() if key != "previous" or value}
                for name in sorted(store.settings)
            },
        },
    }
    return json.dumps(content, indent=1, ensure_ascii=True, sort_keys=True) + "\n"
