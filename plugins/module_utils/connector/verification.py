# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification of all hosts comes to: problems by host, warnings, and what was not looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .telling import entry_name, sentence

_STRANGER = "field recipient_refused"
STRANGERS = ("error", "warn", "ignore")
NOT_PROBED = "Exchange servers have no Python, so nothing was probed from there"


def host_verdict(name: str, found: Mapping[str, Any], strangers: str = "warn") -> dict[str, Any]:
    """found holds what the tasks on the host returned; each part may be missing or null.

    lists: the lists in check mode, by the kind of objects. info: the host's own answers for its routes. probe: the probed servers. differences: routes
    that were read back otherwise. failure: why the host could not be looked at. notes: sentences. strangers: what a server
    means that relays to strangers for this host.
    """
    problems: list[str] = []
    warnings: list[str] = []
    notes = [str(note) for note in found.get("notes") or ()]
    if found.get("failure"):
        problems.append(f"could not be verified: {found['failure']}")
    for task in _ran(*(found.get("lists") or {}).values()):
        problems += _of_list(task)
    for task in _ran(found.get("info")):
        problems += map(str, task.get("disagreeing") or ())
        said = str(task.get("verification") or "")
        if said.startswith("not asked"):
            notes.append(f"routes {said}")
    problems += map(str, found.get("differences") or ())
    for task in _ran(found.get("probe")):
        relaying = [str(one) for one in task.get("problems") or () if _STRANGER in str(one)]
        problems += [str(one) for one in task.get("problems") or () if _STRANGER not in str(one)]
        if strangers != "ignore":
            (problems if strangers == "error" else warnings).extend(relaying)
        notes += [note for one in task.get("results") or () for note in one.get("notes") or ()]
    return {
        "host": name,
        "ok": not problems,
        "problems": list(dict.fromkeys(problems)),
        "warnings": list(dict.fromkeys(warnings)),
        "notes": list(dict.fromkeys(notes)),
        "routes": sum(len(task.get("routes") or ()) for task in _ran(found.get("info"))),
        "probed": [str(one["target"]) for task in _ran(found.get("probe")) for one in task.get("results") or ()],
    }


def _ran(*given: Any) -> list[Mapping[str, Any]]:
    """The results of the tasks that ran."""
    return [task for task in given if isinstance(task, Mapping) and not task.get("skipped")]


def _of_list(task: Mapping[str, Any]) -> list[str]:
    if task.get("failed"):
        return [f"the list cannot be compared: {task.get('msg')}"]
    told = [f"is not as the list says: {_entry(entry)}" for entry in task.get("plan") or ()]
    commands = "; ".join(map(str, task.get("commands") or ()))
    return told or ([f"is not as the list says: {commands}"] if commands else [])


def _entry(entry: Mapping[str, Any]) -> str:
    return f"{entry['action']} {entry_name(entry)}{_fields(entry)}"


def _fields(entry: Mapping[str, Any]) -> str:
    changes = ", ".join(entry.get("changes") or ())
    return f" ({changes})" if entry["action"] == "update" and changes else ""


def summary(hosts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made = {"ok": all(host["ok"] for host in hosts), "hosts": list(hosts)}
    return {**made, "lines": lines(made)}


def lines(made: Mapping[str, Any]) -> list[str]:
    wrong = sum(1 for host in made["hosts"] if not host["ok"])
    told = [f"Verified {len(made['hosts'])} hosts: " + (f"{wrong} with problems." if wrong else "all is as declared.")]
    for host in made["hosts"]:
        looked = []
        if host["routes"]:
            looked.append(f"{host['routes']} routes asked for")
        if host["probed"]:
            looked.append(f"probed {', '.join(host['probed'])}")
        told.append(f"{host['host']}: {'ok' if host['ok'] else 'NOT as declared'}{_brackets(looked)}.")
        for key, word in (("problems", "Problem"), ("warnings", "Warning"), ("notes", "Note")):
            told += [f"  {word}: {sentence(text)}" for text in host[key]]
    return told


def failures(made: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong, by host."""
    return [f"{host['host']}: {sentence(problem)}" for host in made["hosts"] for problem in host["problems"]]


def _brackets(parts: Sequence[str]) -> str:
    return f" ({'; '.join(parts)})" if parts else ""
