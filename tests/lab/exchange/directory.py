# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domain controllers hold: each has its own view, which can lag behind the others'."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .unverified import Forms

_BEGIN = datetime.datetime(2026, 1, 5, 8, 0, 0, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Entry:
    """An access control entry: who may (or with deny may not) do what."""

    user: str
    right: str
    deny: bool = False
    inherited: bool = False


@dataclass(frozen=True)
class Stored:
    """An object. parent: the distinguished name that follows CN=name. values: parameter -> value as it is kept."""

    noun: str
    guid: str
    name: str
    parent: str
    values: dict[str, Any]
    created: int = 0
    changed: int = 0
    entries: tuple[Entry, ...] = field(default=())

    @property
    def dn(self) -> str:
        escaped = "".join(f"\\{character}" if character in ',+"\\<>;=' else character for character in self.name)
        return f"CN={escaped},{self.parent}"


class Directory:
    """lag: what is written on one domain controller stays there until replicate()."""

    def __init__(self, controllers: Iterable[str], forms: Forms) -> None:
        self.views: dict[str, dict[str, Stored]] = {controller: {} for controller in controllers}
        self.lag = False
        self._waiting: list[tuple[str, Stored | None]] = []
        self._forms = forms
        self._writes = 0
        self._objects = 0

    @property
    def controllers(self) -> list[str]:
        return list(self.views)

    def objects(self, controller: str, noun: str) -> list[Stored]:
        return [stored for stored in self.views[controller].values() if stored.noun == noun]

    def add(self, controller: str, stored: Stored) -> Stored:
        self._objects += 1
        guid = str(uuid.UUID(int=self._forms.random("guid", str(self._objects)).getrandbits(128), version=4))
        return self.write(controller, replace(stored, guid=guid, created=self._writes + 1))

    def write(self, controller: str, stored: Stored) -> Stored:
        self._writes += 1
        kept = replace(stored, changed=self._writes)
        self._put(controller, kept.guid, kept)
        return kept

    def remove(self, controller: str, stored: Stored) -> None:
        self._put(controller, stored.guid, None)

    def _put(self, controller: str, guid: str, stored: Stored | None) -> None:
        _apply(self.views[controller], guid, stored)
        self._waiting.append((guid, stored))
        if not self.lag:
            self.replicate()

    def replicate(self) -> None:
        """Every domain controller gets what was written on another, in the order in which it was written."""
        waiting, self._waiting = self._waiting, []
        for view in self.views.values():
            for guid, stored in waiting:
                _apply(view, guid, stored)


def _apply(view: dict[str, Stored], guid: str, stored: Stored | None) -> None:
    if stored is None:
        view.pop(guid, None)
    else:
        view[guid] = stored


def moment(write: int) -> str:
    """When the write of this number happened. Each has its own second, so every write changes WhenChangedUTC."""
    when = _BEGIN + datetime.timedelta(seconds=write)
    return when.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
