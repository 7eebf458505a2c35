# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between an organisation and its list, said so that a scheduled job's reader knows what happened. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .telling import entry_name, sentence, unmanaged_name


def host_differences(found: Mapping[str, Any]) -> Iterator[str]:
    """found holds what the tasks on a host returned; each part may be missing or null.

    lists: the lists in check mode, by the kind of objects. info: postfix_connectors_info with ask_routes. differences: routes
    that Exchange reads back otherwise. failure: why the host could not be looked at.
    """
    if found.get("failure"):
        yield f"could not be looked at: {found['failure']}"
    info = _ran(found.get("info"))
    altered = [str(one) for one in info.get("altered") or ()]
    yield from (f"changed since the last run: {one}" for one in altered)
    for kind, task in (found.get("lists") or {}).items():
        yield from _of_list(str(kind), _ran(task), bool(altered))
    yield from map(str, info.get("disagreeing") or ())
    yield from map(str, found.get("differences") or ())


def _ran(task: Any) -> Mapping[str, Any]:
    return task if isinstance(task, Mapping) and not task.get("skipped") else {}


def _of_list(kind: str, task: Mapping[str, Any], told: bool) -> Iterator[str]:
    if task.get("failed"):
        yield f"cannot be compared with the list: {task.get('msg')}"
        return
    plan = task.get("plan") or ()
    for entry in plan:
        yield _entry(kind, entry)
    if task.get("changed") and not plan and not told:
        yield f"is not as the list says ({kind}): {'; '.join(map(str, task.get('commands') or ()))}"


def _entry(kind: str, entry: Mapping[str, Any]) -> str:
    name = entry_name(entry, kind)
    server = f" on {entry['server']}" if entry.get("server") else ""
    title = f'"{name}"{server}'
    action = str(entry.get("action"))
    if action == "create":
        return f"{title} is missing"
    if action == "remove":
        return f"{title} is there, and the list does not have it"
    if action == "adopt":
        return f"{title} is there, and belongs to nobody"
    changes = [
        f"{field} is {_words(one, 'before')}, in the list {_words(one, 'after')}" for field, one in _fields(entry)
    ]
    return f"{title} differs: {'; '.join(changes) or action}"


def _fields(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field, change in (entry.get("changes") or {}).items():
        yield field, change if isinstance(change, Mapping) else {"after": change}


def _words(change: Mapping[str, Any], when: str) -> str:
    value = change.get(when)
    if value in ({}, [], "", None):
        return "the default"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def digest_differences(there: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Whether all bridgeheads hold the same lists."""
    holders: dict[str, list[str]] = {}
    for name, found in sorted(there.items()):
        digest = _ran(found.get("info")).get("digest")
        if digest:
            holders.setdefault(str(digest), []).append(name)
    if len(holders) > 1:
        groups = sorted(holders.values(), key=lambda names: (-len(names), names))
        told = "; ".join(", ".join(names) for names in groups)
        yield f"The bridgeheads do not hold the same lists. Alike are: {told}."


def summary(there: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """there: host -> found, as host_differences takes it."""
    hosts = {name: list(dict.fromkeys(host_differences(found))) for name, found in there.items()}
    overall = list(digest_differences(there))
    notes = {name: [*map(str, found.get("notes") or ()), *_notes(found)] for name, found in there.items()}
    made = {"clean": not overall and not any(hosts.values()), "hosts": hosts, "overall": overall, "notes": notes}
    return {**made, "lines": lines(made)}


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    """What is no difference, but decides about routes besides, or was not looked at."""
    for kind in ("send", "postfix"):
        unmanaged = _ran((found.get("lists") or {}).get(kind)).get("unmanaged")
        names = [unmanaged_name(one) for one in unmanaged or ()]
        if names:
            yield f"not of any list, and left alone: {', '.join(names)}"
    said = str(_ran(found.get("info")).get("verification") or "")
    if said.startswith("not asked"):
        yield f"routes {said}"


def lines(made: Mapping[str, Any]) -> list[str]:
    hosts = made["hosts"]
    wrong = [name for name, told in hosts.items() if told]
    head = "Nothing differs" if made["clean"] else f"{len(wrong)} of {len(hosts)} hosts differ"
    told = [f"{head} ({', '.join(hosts)})." if made["clean"] else f"{head}.", *made["overall"]]
    for name, sentences in hosts.items():
        told += [f"{name}: {sentence(one)}" for one in sentences]
    told += [f"Note: {name}: {sentence(note)}" for name, notes in made["notes"].items() for note in notes]
    return told


def markdown(made: Mapping[str, Any]) -> str:
    """The whole summary as a document."""
    told = ["# Drift", "", lines(made)[0], ""]
    told += [f"- {one}" for one in made["overall"]]
    for name, sentences in made["hosts"].items():
        told += [f"## {name}", ""]
        told += [f"- {sentence(one)}" for one in sentences] or ["- As the list says."]
        told += [f"- Note: {sentence(one)}" for one in made["notes"].get(name) or ()]
        told.append("")
    return "\n".join(told)
