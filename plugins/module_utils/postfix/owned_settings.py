# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting parameters of main.cf so that they can be taken back exactly. Pure: text in, text out.

A list keeps the administrator's elements behind ours. What stood there before is remembered word for word, and put back
when we let go, unless somebody else has changed the line since: then their text is what is remembered from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .main_cf import MainCf, join_list, split_list
from .services import PREFIX
from .store import OwnedSetting


@dataclass(frozen=True)
class ListSetting:
    """Our elements in front of a list parameter; empty: let go. default stands in where the parameter is not set."""

    elements: tuple[str, ...]
    default: tuple[str, ...] = ()


Wanted = Mapping[str, "ListSetting | str | None"]
"""Parameter -> elements in front, a whole value, or None (let go)."""


def edit(
    text: str, wanted: Wanted, owned: Mapping[str, OwnedSetting], ours: str
) -> tuple[str, dict[str, OwnedSetting]]:
    """main.cf with these settings, and what we own then. ours is the directory that marks list elements as ours.

    Parameters that wanted does not name stay as they are.
    """
    main = MainCf.parse(text)
    records = dict(owned)
    for name, value in wanted.items():
        if value is None or (isinstance(value, ListSetting) and not value.elements):
            _let_go(main, name, records.pop(name, None), ours)
            continue
        found = _to_put_back(main, name, records.get(name), ours)
        written = value if isinstance(value, str) else _with_ours(main.get(name), value, ours)
        records[name] = OwnedSetting(found, written)
        main.set(name, written)
    return main.text(), records


def _with_ours(current: str | None, value: ListSetting, ours: str) -> str:
    rest = list(value.default) if current is None else others(current, ours)
    return join_list([*value.elements, *rest])


def others(value: str, ours: str) -> list[str]:
    """The elements of a list that are not ours."""
    return [element for element in split_list(value) if f":{ours}/" not in element]


def _to_put_back(main: MainCf, name: str, record: OwnedSetting | None, ours: str) -> str | None:
    """The text that is right without us: what stood there at first, or what somebody else has made of it since."""
    current = main.get(name)
    if current is None or name.startswith(PREFIX):
        return None  # a parameter that is named after a service of ours means nothing without it
    theirs = others(current, ours)
    if record is None and current.startswith(PREFIX):
        return None  # left from a store that was lost
    if record and theirs in [others(value, ours) for value in (record.written, record.previous) if value is not None]:
        return record.found
    if theirs == split_list(current):
        return main.raw(name)
    found = record.found if record else None
    if found is not None and theirs == split_list(MainCf.parse(found).get(name) or ""):
        return found
    return f"{name} = {join_list(theirs)}".rstrip() if theirs or found is not None else None


def _let_go(main: MainCf, name: str, record: OwnedSetting | None, ours: str) -> None:
    if record is None or main.get(name) is None:
        return
    text = _to_put_back(main, name, record, ours)
    if text is None:
        main.remove(name)
    else:
        main.put_back(name, text)
