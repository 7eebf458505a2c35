# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all Exchange actions share: their options, the call of exchange_invoke, and how results are shown.

PRIVATE to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import removals, task

INVOKE = "mailops.connectors.exchange_invoke"

SESSION_ARGUMENTS: dict[str, dict[str, Any]] = {
    "session_method": {
        "type": "str",
        "choices": ["auto", "existing", "management_shell", "remoting", "edge"],
        "default": "auto",
    },
    "session_uri": {"type": "str"},
    "session_authentication": {
        "type": "str",
        "choices": ["kerberos", "negotiate", "basic", "credssp"],
        "default": "kerberos",
    },
    "session_username": {"type": "str"},
    "session_password": {"type": "str", "no_log": True},
    "domain_controller": {"type": "str"},
}

LIST_ARGUMENTS: dict[str, dict[str, Any]] = {
    "hosts": {"type": "dict"},
    "routing_groups": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "domains": {"type": "list", "elements": "str"}},
    },
    "set": {"type": "str", "default": "default"},
    "purge": {"type": "bool", "default": False},
    "allow_unsafe": {"type": "list", "elements": "str", "choices": ["large_change", "unserved"], "default": []},
}
"""Options that every list of connectors has, with the same names everywhere."""

REMOVALS: dict[str, Any] = {"type": "str", "choices": list(removals.WORDS), "default": removals.NOW}


class ExchangeAction(ActionBase):  # type: ignore[misc]
    """An action names its own options in ARGUMENTS and makes a backend of them; the rest happens here."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = False

    ARGUMENTS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def backend(self, arguments: dict[str, Any]) -> task.Backend:
        """Raises ConnectorError for what is wrong with the options."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._refuse_async()
        result: dict[str, Any] = super().run(tmp, task_vars)
        specification = {**SESSION_ARGUMENTS, **self.ARGUMENTS}
        _checked, arguments = self.validate_argument_spec(argument_spec=specification)
        result.update(self.perform(arguments, task_vars or {}))
        return result

    def perform(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        try:
            backend = self.backend(arguments)
            found = task.run(
                backend,
                lambda asked: self.invoke(arguments, asked, variables),
                check_mode=bool(self._task.check_mode),
                allow_unsafe=arguments.get("allow_unsafe") or (),
            )
        except ConnectorError as error:
            return refused(error)
        found["diff"] = as_yaml(found.get("diff") or {})
        return found

    def invoke(self, arguments: Mapping[str, Any], asked: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Runs exchange_invoke with the session options of the task, over the task's own connection."""
        session = {name: arguments[name] for name in SESSION_ARGUMENTS if arguments.get(name) is not None}
        # Reading is the same in check mode, and a call that writes is only sent outside it.
        answer = self._execute_module(module_name=INVOKE, module_args={**session, **asked}, task_vars=variables)
        answer.pop("invocation", None)
        return dict(answer)

    def _refuse_async(self) -> None:
        if self._task.async_val:
            raise AnsibleActionFail(
                "async is not possible here: the task decides between two sessions on the controller, and a task in the "
                "background would only run the first one. Remedy: leave async out; one session does all connectors at once."
            )


def refused(error: ConnectorError) -> dict[str, Any]:
    problems = [str(problem) for problem in error.problems]
    return {
        "failed": True,
        "changed": False,
        "msg": "Nothing was touched.\n" + "\n".join(problems),
        "problems": problems,
    }


def as_yaml(diff: Mapping[str, Any]) -> dict[str, Any]:
    """before and after as sorted YAML, which Ansible shows as a unified diff."""

    def text(value: Any) -> str:
        return yaml.safe_dump(value, sort_keys=True, default_flow_style=False, allow_unicode=True) if value else ""

    return {**diff, "before": text(diff.get("before")), "after": text(diff.get("after"))}
