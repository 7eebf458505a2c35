# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables file of the role smtp_connectors, from what was found on all hosts.

PRIVATE to this collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.connector.gathered import Gathered, gather
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import system_made

Raw = dict[str, Any]
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
_WIDTH = 150


class _Variable(str):
    """A reference to a variable: the only text that is to be a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Lists are indented, as ansible-lint wants them.
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if _TEMPLATE.search(value):
        return dumper.represent_scalar("!unsafe", value, style="'")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value)


def _variable(dumper: yaml.SafeDumper, value: _Variable) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style='"')


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Variable, _variable)


@dataclass(frozen=True)
class Found:
    """Everything that goes into the file. left_alone: connectors of Exchange's own programs, by name."""

    lists: Gathered
    passwords: Mapping[str, str]
    receive: list[Raw]
    accepted_domains: list[Raw]
    site_links: list[Raw]
    left_alone: list[str]
    not_expressed: Mapping[str, list[str]]
    not_there: list[str]

    @property
    def variables(self) -> list[str]:
        """What has to be defined before the file is used."""
        names = set(self.passwords.values())
        for one in filter(_logs_in, self.lists.connectors):
            names |= {_variable_name(one["name"], "username")} & {one["authentication"].get("username")}
        return sorted(names)

    def plain(self) -> Raw:
        return {
            "text": file_text(self),
            "lines": lines(self),
            "connectors": self.lists.connectors,
            "hosts": self.lists.hosts,
            "routing_groups": self.lists.routing_groups,
            "receive_connectors": self.receive,
            "accepted_domains": self.accepted_domains,
            "site_links": self.site_links,
            "variables": self.variables,
            "not_expressed": dict(self.not_expressed),
            "notes": self.lists.notes,
        }


def find(there: Mapping[str, Any], hosts: Any, exchange: str = "", set_name: str = "default") -> Found:
    """Raises ConnectorError."""
    there = _plain(there)
    organisation = there.get(exchange) or {}
    receiving = [
        *(organisation.get("receive_connectors") or ()),
        *(organisation.get("unmanaged_receive_connectors") or ()),
    ]
    unmanaged = organisation.get("unmanaged") or []
    left_alone = [one["name"] for one in unmanaged if system_made.sends(one["name"])]
    left_alone += [one["name"] for one in receiving if system_made.receives(one["name"])]
    if organisation:
        kept = [_with_username(one) for one in unmanaged if not system_made.sends(one["name"])]
        owned = [_with_username(one) for one in organisation.get("connectors") or ()]
        there = {**there, exchange: {**organisation, "connectors": owned, "unmanaged": kept}}
    lists = gather(there, hosts, exchange, set_name)
    return Found(
        lists=lists,
        passwords=_passwords(lists.connectors),
        receive=[one for one in receiving if not system_made.receives(one["name"])],
        accepted_domains=[_accepted(one) for one in organisation.get("accepted_domains") or ()],
        site_links=list(_site_links(organisation.get("site_links") or ())),
        left_alone=sorted(set(left_alone)),
        not_expressed={name: told for name, info in there.items() if info and (told := list(_told(info)))},
        not_there=sorted(name for name, info in there.items() if not info),
    )


def _plain(value: Any) -> Any:
    """Without what Ansible's own kinds of text and lists carry along, which YAML cannot write."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else str(value)


def _variable_name(connector: str, secret: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", connector.lower()).strip("_") or "x"
    return f"vault_smtp_connectors_{word}_{secret}"


def _logs_in(connector: Raw) -> bool:
    return (connector.get("authentication") or {}).get("mechanism") in ("basic", "basic_over_tls")


def _with_username(connector: Raw) -> Raw:
    """Exchange does not always show whose account it is: then a variable stands for the name too."""
    if not _logs_in(connector) or connector["authentication"].get("username"):
        return connector
    username = _variable_name(connector["name"], "username")
    return {**connector, "authentication": {**connector["authentication"], "username": username}}


def _passwords(connectors: list[Raw]) -> dict[str, str]:
    """A variable for each password, by the connector's name."""
    names: dict[str, str] = {}
    for one in filter(_logs_in, connectors):
        name, number = _variable_name(one["name"], "password"), 1
        while name in names.values():
            number += 1
            name = _variable_name(f"{one['name']} {number}", "password")
        names[one["name"]] = name
    return names


def _accepted(one: Mapping[str, Any]) -> Raw:
    made: Raw = {"name": one["domain"], "type": one["type"]}
    return {**made, "default": True} if one.get("default") else made


def _site_links(links: Any) -> Iterator[Raw]:
    for one in links:
        made: Raw = {"name": one["name"]}
        if one.get("cost") is not None:
            made["cost"] = one["cost"]
        if str(one.get("max_message_size") or "unlimited").lower() != "unlimited":
            made["max_message_size"] = one["max_message_size"]
        if len(made) > 1:
            yield made


def _told(info: Mapping[str, Any]) -> Iterator[str]:
    for one in info.get("not_expressed") or ():
        place = one.get("setting") or f'connector "{one.get("connector")}", {one.get("property")}'
        what = one.get("key") or one.get("value") or ""
        yield _printable(f"{place}{f' ({what})' if what else ''}: {one['reason']}")


def lines(found: Found) -> list[str]:
    """What to know before the file is used."""
    bridgeheads = {name for one in found.lists.connectors for name in one.get("bridgeheads") or ()}
    told = [f"{len(found.lists.connectors)} connectors on {len(bridgeheads)} bridgeheads."]
    told += [f"Note: {note}" for note in found.lists.notes]
    if found.passwords:
        told.append(f"Define before the first application: {', '.join(found.variables)}.")
    for host, sentences in sorted(found.not_expressed.items()):
        told += [f"Not expressed, {host}: {sentence}." for sentence in sentences]
    return told + [f"Nothing was found on {name}." for name in found.not_there]


# --- the file --------------------------------------------------------------------------------------------------------

_HEAD = """\
The mail connectors of this organisation, as they were found.

The first application changes no route, and takes ownership only: from then on this list is the whole definition. Look first
what would happen, with this file named by -e @...:

  ansible-playbook mailops.connectors.plan
  ansible-playbook mailops.connectors.provision
"""


def file_text(found: Found) -> str:
    parts = ["---\n", _comment(_HEAD)]
    if found.passwords:
        told = "\nPasswords cannot be read. Define these variables, in a vault, before the first application:\n\n"
        parts.append(_comment(told + "".join(f"  {name}\n" for name in found.variables)))
    if found.lists.notes:
        told = "\nThis list is not yet right. Correct it, until mailops.connectors.plan announces no changed route:\n\n"
        parts.append(_comment(told + "".join(f"  {note}\n" for note in found.lists.notes)))
    parts += _sections(found)
    parts += _left(found)
    return "".join(parts)


def _sections(found: Found) -> Iterator[str]:
    yield "\n" + _dump("smtp_connectors_list", [_with_password(one, found.passwords) for one in found.lists.connectors])
    if found.lists.hosts is not None:
        yield _comment(
            "\nWho is who. These routing groups keep hosts that were set up differently from handing mail over to each other.\n"
            "Without this variable all of it comes from the inventory.\n"
        )
        yield _dump("smtp_connectors_hosts", found.lists.hosts)
    optional = {
        "smtp_connectors_routing_groups": found.lists.routing_groups,
        "smtp_connectors_receive": found.receive,
        "smtp_connectors_accepted_domains": found.accepted_domains,
        "smtp_connectors_site_links": found.site_links,
    }
    for name, content in optional.items():
        if content:
            yield "\n" + _dump(name, content)


def _with_password(connector: Raw, passwords: Mapping[str, str]) -> Raw:
    name = passwords.get(connector["name"])
    if name is None:
        return connector
    account = {**connector["authentication"], "password": _Variable(f"{{{{ {name} }}}}")}
    if account["username"] == _variable_name(connector["name"], "username"):
        account["username"] = _Variable(f"{{{{ {account['username']} }}}}")
    return {**connector, "authentication": account}


def _left(found: Found) -> Iterator[str]:
    if found.not_expressed:
        yield _comment("\nNot expressed here, and left as it is:\n")
        for host, told in sorted(found.not_expressed.items()):
            yield _comment(f"\n  {host}\n" + "".join(f"    {sentence}\n" for sentence in told))
    if found.left_alone:
        yield _comment(
            "\nOf Exchange's own programs, and left alone:\n\n" + "".join(f"  {one}\n" for one in found.left_alone)
        )
    if found.not_there:
        yield _comment("\nNothing was found on:\n\n" + "".join(f"  {name}\n" for name in found.not_there))


def _dump(name: str, content: Any) -> str:
    text = yaml.dump({name: content}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return str(text)


def _comment(text: str) -> str:
    """The lines as a comment. What was found on a host may hold anything, so nothing may end the line."""
    lines = text.removesuffix("\n").split("\n")
    return "".join(f"# {_printable(line)}".rstrip() + "\n" for line in lines)


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in line)
