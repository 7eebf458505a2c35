# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a whole organisation, from what the tasks on its hosts said in check mode. Pure, and without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .telling import sentence, unmanaged_name

ACTIONS = ("create", "adopt", "update", "remove")
# What an entry of a plan is called after, and how its kind is named beside connectors that send.
_NAMES = {"connector": "", "domain": "accepted domain ", "site_link": "site link "}
_KINDS = {"receive": "receive connector ", "withdrawn_receive": "receive connector "}


def host_summary(name: str, system: str, results: Mapping[str, Any], from_nothing: bool = False) -> dict[str, Any]:
    """What one host's tasks announced. results: the kind of objects -> what the task returned; one that did not run is null.

    from_nothing: the host has no Postfix yet.
    """
    told: dict[str, Any] = {
        "host": name,
        "system": system,
        "from_nothing": from_nothing,
        "changed": from_nothing,
        "objects": {action: [] for action in ACTIONS},
        "kept": {},
    }
    lists: dict[str, list[Any]] = {key: [] for key in ("routes_changed", "unsafe", "unmanaged", "warnings", "notes")}
    if from_nothing:
        lists["notes"].append(f"Postfix is not set up on {name} yet, so everything there is planned from nothing")
    for kind, result in results.items():
        if not isinstance(result, Mapping) or result.get("skipped"):
            continue
        told["changed"] = told["changed"] or bool(result.get("changed"))
        for entry in result.get("plan") or ():
            _add_entry(told, lists["notes"], kind, entry)
        for key in ("routes_changed", "unsafe", "unmanaged", "warnings"):
            found = result.get(key) or ()
            lists[key] += [one for one in found if one not in lists[key]]
    return {**told, **lists}


def _add_entry(told: dict[str, Any], notes: list[str], kind: str, entry: Mapping[str, Any]) -> None:
    title = _title(kind, entry)
    titles = told["objects"].setdefault(str(entry["action"]), [])
    # What changes in two halves is one object.
    titles += [title] if title not in titles else []
    if entry.get("kept"):
        told["kept"][title] = list(entry["kept"])
    notes += [note for note in entry.get("notes") or () if note not in notes]


def _title(kind: str, entry: Mapping[str, Any]) -> str:
    for key, word in _NAMES.items():
        if entry.get(key):
            server = entry.get("server")
            return f"{_KINDS.get(kind, word)}{entry[key]}" + (f" on {server}" if server else "")
    return kind


def steps(
    passes: Sequence[Mapping[str, Any]], exchange: str = "", left_out: Iterable[str] = (), senders: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """The rollout, one step after the other. exchange: the host on which the tasks of the Exchange organisation run.

    senders: hosts whose queues are looked at before Exchange accepts less. All hosts have changed by then, perhaps in an earlier run.
    """
    made: list[dict[str, Any]] = []
    absent = set(left_out)
    if exchange:
        made.append({"kind": "accept", "hosts": [exchange], "title": f"{exchange}: Exchange accepts more"})
    for place, one in enumerate(passes, 1):
        for stage in one["stages"]:
            hosts = [name for name in stage if name not in absent]
            if not hosts:
                continue
            title = f"{', '.join(hosts)}: " + _what(one, place, len(passes))
            made.append({"kind": "carry", "hosts": hosts, "title": title, **_of_pass(one)})
    if exchange:
        last: dict[str, Any] = {"kind": "withdraw", "hosts": [exchange], "title": f"{exchange}: Exchange accepts less"}
        waited_for = [name for name in senders if name not in absent]
        if waited_for:
            last["drains"] = {exchange: waited_for}
        made.append(last)
    return [{"number": number, **one} for number, one in enumerate(made, 1)]


def stopped(plan_of_all: Mapping[str, Any], number: int, failures: Mapping[str, Any], begun: bool = True) -> str:
    """Why a rollout stopped in a step, what was changed by then, what was not, and how to go on. failures: host -> why.

    begun: whether the hosts of the step were touched.
    """
    made = plan_of_all["steps"]
    here = next(step for step in made if step["number"] == number)
    failed = [f"{name}: {sentence(str(why))}" for name, why in failures.items()]
    done = [f"{step['number']}. {step['title']}" for step in made if step["number"] < number]
    beside = [name for name in here["hosts"] if name not in failures]
    if beside and begun:
        done.append(f"{number}. {', '.join(beside)}, in the step that failed")
    waiting = [f"{step['number']}. {step['title']}" for step in made if step["number"] > number - (not begun)]
    how = "To go on, put right what failed and run the same playbook again. It reads what each host has by then and does the rest."
    return "\n".join(
        [
            f"Stopped {'in' if begun else 'before'} step {number} of {len(made)} ({here['title']}).",
            *failed,
            "Done before: " + ("; ".join(done) or "nothing") + ".",
            "Not begun: " + ("; ".join(waiting) or "nothing") + ".",
            f"Every host has its old or its new routes, and mail goes on between them. {how}",
        ]
    )


def _of_pass(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in ("stages", "notes")}


def _what(one: Mapping[str, Any], place: int, count: int) -> str:
    if one.get("last"):
        return "the whole list" if count == 1 else f"the whole list (pass {place} of {count})"
    parts = []
    if one.get("connectors"):
        parts.append(", ".join(one["connectors"]))
    if one.get("removed"):
        parts.append("without " + ", ".join(one["removed"]))
    return f"{' and '.join(parts)} (pass {place} of {count})"


def summary(
    hosts: Sequence[Mapping[str, Any]],
    passes: Sequence[Mapping[str, Any]],
    set_name: str,
    exchange: str = "",
    left_out: Sequence[str] = (),
    senders: Sequence[str] = (),
) -> dict[str, Any]:
    """The plan as a playbook keeps it, with its text for people in lines."""
    notes = list(dict.fromkeys(note for one in passes for note in one.get("notes") or ()))
    notes += [
        f"{name} is not in this play: it is neither read nor changed, and taken for one that follows the list already"
        for name in left_out
    ]
    made = {
        "set": set_name,
        "changed": any(one["changed"] for one in hosts),
        "hosts": list(hosts),
        "steps": steps(passes, exchange, left_out, senders),
        "notes": notes,
    }
    return {**made, "lines": lines(made)}


# --- for people ------------------------------------------------------------------------------------------------------

SHOWN_ROUTES = 40
"""How many changed routes of a host the text for people shows; the plan itself and the report have all."""


def lines(made: Mapping[str, Any], most: int = SHOWN_ROUTES) -> list[str]:
    hosts = made["hosts"]
    changing = [one for one in hosts if one["changed"]]
    told = [f'Plan for the set "{made["set"]}": {len(changing)} of {len(hosts)} hosts change.']
    for host in hosts:
        told += _host_lines(host, most)
    if changing:
        told.append("Order:")
        told += [f"  {step['number']}. {step['title']}" for step in made["steps"]]
    return told + [f"Note: {note}." for note in made["notes"]]


def _host_lines(host: Mapping[str, Any], most: int) -> list[str]:
    objects = [f"{action} {', '.join(names)}" for action, names in host["objects"].items() if names]
    otherwise = "other settings change" if host["changed"] else "nothing changes"
    told = [f"{host['host']} ({host['system']}): {'; '.join(objects) or otherwise}."]
    told += [f"  {one}" for one in host_sentences(host, most)]
    return told


def host_sentences(host: Mapping[str, Any], most: int) -> list[str]:
    """Everything about a host but its objects, the dangerous first."""
    told = [f"UNSAFE ({one['kind']}): {one['message']}." for one in host["unsafe"]]
    told += [f"Warning: {sentence(str(text))}" for text in host["warnings"]]
    routes = [route_sentence(one) for one in host["routes_changed"]]
    told += routes[:most]
    if len(routes) > most:
        told.append(f"... and {len(routes) - most} more routes.")
    told += [f"Kept: {name} keeps its own {', '.join(fields)}." for name, fields in host["kept"].items()]
    if host["unmanaged"]:
        told.append(f"Unmanaged, left alone: {', '.join(map(unmanaged_name, host['unmanaged']))}.")
    return told + [f"Note: {sentence(str(note))}" for note in host["notes"]]


def route_sentence(change: Mapping[str, Any]) -> str:
    return (
        f"Route: mail for {change['address_space']} from {change['from']} goes to {change['after']}; "
        f"before: {change['before']}."
    )


def markdown(made: Mapping[str, Any]) -> str:
    """The whole plan as a document."""
    changing = [one for one in made["hosts"] if one["changed"]]
    told = [f"# Plan for the set `{made['set']}`", "", f"{len(changing)} of {len(made['hosts'])} hosts change.", ""]
    for host in made["hosts"]:
        told += [f"## {host['host']} ({host['system']})", ""]
        told += [
            f"- **{action}**: {', '.join(f'`{name}`' for name in names)}"
            for action, names in host["objects"].items()
            if names
        ]
        if not any(host["objects"].values()):
            told.append("- Other settings change." if host["changed"] else "- Nothing changes.")
        told += [f"- {one}" for one in host_sentences(host, len(host["routes_changed"]))]
        told.append("")
    if changing:
        told += ["## Order", "", *(f"{step['number']}. {step['title']}" for step in made["steps"]), ""]
    if made["notes"]:
        told += ["## Notes", "", *(f"- {note}." for note in made["notes"]), ""]
    return "\n".join(told)
