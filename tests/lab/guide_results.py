# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What really comes of the guide's blocks: on a simulated Exchange organisation, on a real Postfix, and as routes.

On Postfix everything is decided for a real instance, and nothing is applied. What each service and each plan says anyway
is left out.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self

from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import accepted_domains, task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.site_links import SiteLinks
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.desired import NOTE, Desired
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.owned_settings import ListSetting

from . import postfix, told_routes
from .bridgehead import Bridgehead
from .exchange import tasks
from .exchange.simulator import Organisation, Server, SiteLink
from .exchange.standin import Invoker
from .guide import Example, Guide, Result
from .postfix import Instance
from .told_routes import Question, sentence, wrapped

_DIGEST = re.compile(r"(?<=[-_])[0-9a-f]{10}\b")
# What is said of every connector on Postfix; the guide says it once, where it speaks of sizes.
_OF_EVERY_ONE = "takes messages up to message_size_limit"


class Results:
    """``with Results(guide) as results: results.text(example, result)``"""

    def __init__(self, guide: Guide) -> None:
        self.declared: dict[str, dict[str, Any]] = guide.inventory["smtp_connectors_hosts"]
        self.groups: list[dict[str, Any]] = guide.inventory["smtp_connectors_routing_groups"]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        root = self._stack.enter_context(postfix.temporary_root("guide-"))
        name = next(iter(self.declared))
        # As Debian's package leaves it.
        settings = {"smtp_tls_CApath": "/etc/ssl/certs"}
        instance = Instance(root, name, self.declared[name]["address"], settings=settings)
        self.bridgehead = Bridgehead(instance, name)
        plain = self._prepared([{"name": "x", "address_spaces": ["x.example"], "bridgeheads": [name]}])
        self.base = {option for service in plain.services.values() for option in service.options}
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def text(self, example: Example, result: Result) -> str:
        """What the guide has to show for this result."""
        if result.label == "The routes:":
            return self.routes(example, result.text)
        if result.label == "Both refuse it:":
            first, second = self.refusal(example, "exchange"), self.refusal(example, "postfix")
            return first if first == second else f"{first}\n\n{second}"
        system = "exchange" if "Exchange" in result.label else "postfix"
        if result.refused:
            return self.refusal(example, system)
        try:
            return self.on_exchange(example) if system == "exchange" else self.on_postfix(example)
        except ConnectorError as error:
            return f"(It is refused: {error})"

    def refusal(self, example: Example, system: str) -> str:
        try:
            taken = self.on_exchange(example) if system == "exchange" else self.on_postfix(example)
        except ConnectorError as error:
            return "\n".join(wrapped(str(problem)) for problem in error.problems)
        return f"(It is not refused: {taken})"

    # --- Exchange ---

    def on_exchange(self, example: Example) -> str:
        """The cmdlets, in the order in which the role runs these tasks, and what the plan says besides."""
        there = self._organisation()
        given = example.variables
        options = {"hosts": self._hosts("exchange"), "routing_groups": self._routing_groups(given)}
        commands: list[str] = []
        if given.get("smtp_connectors_accepted_domains") or any(
            connector.get("relay") for connector in given["smtp_connectors_list"]
        ):
            domains = accepted_domains.AcceptedDomains(
                accepted_domains.Request(
                    domains=given.get("smtp_connectors_accepted_domains"),
                    connectors=copy.deepcopy(given["smtp_connectors_list"]),
                    **options,
                )
            )
            commands += task.run(domains, Invoker(there))["commands"]
        if given.get("smtp_connectors_site_links"):
            commands += task.run(SiteLinks(given["smtp_connectors_site_links"]), Invoker(there))["commands"]
        done = tasks.send_connectors(there, copy.deepcopy(given["smtp_connectors_list"]), **options)
        commands += done["commands"]
        notes = [note for change in done["plan"] for note in change["notes"]]
        return "\n".join(
            [*(map(_command, commands) if commands else ["(no cmdlet)"]), *_notes(notes, done["warnings"])]
        )

    def _organisation(self) -> Organisation:
        servers = {
            name.upper(): Server(name.upper(), site=host["routing_group"]) for name, host in self.declared.items()
        }
        sites = list(dict.fromkeys(server.site for server in servers.values()))
        links = {f"{one}-{other}": SiteLink((one, other), 50) for one, other in zip(sites, sites[1:], strict=False)}
        return Organisation(1, servers, site_links=links)

    # --- Postfix ---

    def on_postfix(self, example: Example) -> str:
        given = example.variables
        prepared = self.bridgehead.prepare(
            copy.deepcopy(given["smtp_connectors_list"]),
            hosts=self._hosts("postfix"),
            routing_groups=self._routing_groups(given),
        )
        notes = [note for change in prepared.plan.changes for note in change.notes]
        if not any("max_message_size" in connector for connector in given["smtp_connectors_list"]):
            notes = [note for note in notes if _OF_EVERY_ONE not in note]
        return "\n".join([*self._shown(prepared.desired), *_notes(notes, prepared.compiled.warnings)])

    def _prepared(self, connectors: list[dict[str, Any]]) -> Desired:
        return self.bridgehead.prepare(connectors, hosts=self._hosts("postfix")).desired

    def _shown(self, wanted: Desired) -> Iterator[str]:
        for table in sorted(wanted.tables.values(), key=lambda one: (one.name != "transport", one.name)):
            name = _without_digest(table.name)
            if table.secret:
                yield f"{name} (mode 0600): not shown"
                continue
            for line in table.text.splitlines():
                if line and line != f"# {NOTE}":
                    yield f"{name}: {_without_digest(line).replace(chr(9), '  ')}"
        for name, service in sorted(wanted.services.items()):
            for option, value in service.options:
                # Tables are shown by what is in them.
                if (option, value) not in self.base and option not in ("smtp_tls_policy_maps", "syslog_name"):
                    yield f"{_without_digest(name)}: -o {option}={_without_digest(self._path(value))}"
        settings: dict[str, Any] = {**wanted.service_settings, **wanted.routes}
        for name, setting in settings.items():
            if isinstance(setting, str):
                yield f"main.cf: {_without_digest(name)} = {_without_digest(setting)}".rstrip()
        for name, setting in wanted.admission.items():
            if name != "mynetworks" and isinstance(setting, ListSetting) and setting.elements:
                yield f"main.cf: {name} = {', '.join(map(self._path, setting.elements))}"

    def _path(self, text: str) -> str:
        return text.replace(str(self.bridgehead.directory), "$config_directory")

    # --- routes ---

    def routes(self, example: Example, shown: str) -> str:
        """The answers to what such a block asks. The two systems' are told apart where they differ."""
        lines = []
        for question in told_routes.questions(shown):
            first, second = (self._answer(example, system, question) for system in ("exchange", "postfix"))
            lines += [first] if first == second else [f"Exchange: {first}", f"Postfix: {second}"]
        return "\n".join(map(wrapped, lines))

    def _answer(self, example: Example, system: str, question: Question) -> str:
        connectors = example.variables["smtp_connectors_list"]
        groups = self._routing_groups(example.variables)
        return sentence(question, told_routes.answer(question, connectors, self._hosts(system), groups))

    # --- what both need ---

    def _hosts(self, system: str) -> dict[str, dict[str, Any]]:
        return {name: {**host, "system": system} for name, host in self.declared.items()}

    def _routing_groups(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        return list(given.get("smtp_connectors_routing_groups", self.groups))


def _notes(notes: list[str], warnings: Any) -> list[str]:
    told = [f"(the plan says: {note})" for note in dict.fromkeys(notes)]
    return [wrapped(text) for text in [*told, *(f"(warning: {text})" for text in warnings)]]


def _command(text: str) -> str:
    """A cmdlet, with a new line before the parameter that would not fit."""
    return wrapped(re.sub(r" (?!-[A-Z])", "\0", text)).replace("\0", " ")


def _without_digest(text: str) -> str:
    """Names end in a digest of what is behind them, which says nothing to a reader."""
    return _DIGEST.sub("...", text)
