# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.smtp import resolver
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.lookup import (
    Answer,
    Ask,
    needs_lookup,
    resolve,
    show_answer,
)
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.probe import Work
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.request import Request, read_request
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import show_target

MODULE = "mailops.connectors.smtp_probe"
NO_DNSPYTHON = "dnspython 2.0 or newer is neither on the host (python3-dnspython) nor on the controller"


class ActionModule(ActionBase):
    """Reads the targets on the controller, and looks names up here where the host cannot.

    Mistakes show before any host is contacted, and internationalised names become A-labels.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments.pop("dns_answers", None)
        problems = Problems()
        request = read_request(arguments, problems)
        if problems.found:
            texts = [str(problem) for problem in problems.found]
            result.update(failed=True, msg="Nothing was probed.\n" + "\n".join(texts), ok=False, problems=texts)
            return result
        arguments["targets"] = [show_target(target) for target in request.targets]
        answer = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        if answer.pop("needs_dns_answers", False):
            begin = time.monotonic()
            arguments["dns_answers"] = look_up(request)
            arguments["deadline"] = max(1, request.deadline - round(time.monotonic() - begin))
            answer = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        result.update(answer)
        return result


def look_up(request: Request) -> dict[str, Any]:
    """Every answer that the module will ask for, as far as the deadline lets it be found."""
    end = time.monotonic() + request.deadline
    ask = resolver.resolver(request.name_servers, end) if resolver.available() else _no_dnspython
    answers: dict[str, Any] = {}
    work = Work(request.parallel)
    for target in request.targets:
        if needs_lookup(target, request.host_lookup):
            addresses = _recording(ask, answers) if request.host_lookup == "dns" else _left_to_the_host
            work.add(functools.partial(resolve, target, _recording(ask, answers), addresses, request.inet_protocols))
    work.wait(end)
    return dict(answers)


def _recording(ask: Ask, answers: dict[str, Any]) -> Ask:
    def recorded(name: str, kind: str) -> Answer:
        answer = ask(name, kind)
        answers[f"{kind} {name}"] = show_answer(answer)
        return answer

    return recorded


def _no_dnspython(name: str, kind: str) -> Answer:
    return Answer(problem=NO_DNSPYTHON)


def _left_to_the_host(name: str, kind: str) -> Answer:
    return Answer()
