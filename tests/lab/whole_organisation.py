# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own playbooks, run by their full names, on an organisation of the lab."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import ansible
from .ansible import Run
from .postfix import Instance

COLLECTION = "mailops.connectors"

Raw = dict[str, Any]


def postfix_host(instance: Instance, **variables: Any) -> Raw:
    """The variables of an instance. Nothing of the machine itself is installed, started at boot or copied."""
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "postfix_bridgehead_config_directory": str(instance.config_directory),
        "postfix_bridgehead_install": False,
        "postfix_bridgehead_chroot_files": [],
        "smtp_connectors_address": instance.address,
        **variables,
    }


class WholeOrganisation:
    """An inventory with the groups postfix and exchange, in a directory of the test's own."""

    def __init__(
        self, directory: Path, postfix: Mapping[str, Raw] | None = None, exchange: Mapping[str, Raw] | None = None
    ) -> None:
        self.directory = directory
        self.inventory: dict[str, Any] = {
            group: {"hosts": {name: dict(variables) for name, variables in hosts.items()}}
            for group, hosts in (("exchange", exchange), ("postfix", postfix))
            if hosts
        }

    @classmethod
    def of(cls, directory: Path, instances: Iterable[Instance], **exchange: Raw) -> WholeOrganisation:
        return cls(directory, {instance.name: postfix_host(instance) for instance in instances}, exchange)

    def run(self, playbook: str, connectors: Any, arguments: Sequence[str] = (), **options: Any) -> Run:
        """Run a playbook of the collection, or a file. options: variables smtp_connectors_..., and those of run_file()."""
        how = {name: options.pop(name) for name in ("check", "diff", "verbosity", "environment") if name in options}
        variables = {
            "smtp_connectors_list": connectors,
            **{f"smtp_connectors_{key}": value for key, value in options.items()},
        }
        given = self._write("variables.json", variables)
        file = Path(playbook if playbook.endswith(".yml") else f"{COLLECTION}.{playbook}")
        inventory = self._write("inventory.json", self.inventory)
        return ansible.run_file(file, inventory=inventory, arguments=["--extra-vars", f"@{given}", *arguments], **how)

    def play(self, role_tasks: str = "main", **keywords: Any) -> str:
        """A file with a play of somebody's own that takes the role, and these keywords."""
        role = {"name": f"{COLLECTION}.smtp_connectors", "tasks_from": role_tasks}
        task = {"name": "Take the role", "ansible.builtin.include_role": role}
        play = {"name": "Own play", "hosts": "all", "gather_facts": False, "tasks": [task], **keywords}
        return str(self._write("own_play.yml", [play]))

    def _write(self, name: str, data: Any) -> Path:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML
        return path


def changed(run: Run) -> list[str]:
    """The tasks that say they changed something, each with its host."""
    return [f"{task.host}: {task.task}" for task in run.tasks if task.result.get("changed")]


def results(run: Run, task: str) -> list[tuple[str, Raw]]:
    """What the task of this name returned, in a role or outside, in the order in which hosts finished: (host, result)."""
    return [(one.host, one.result) for one in run.tasks if one.task.rpartition(" : ")[2] == task]


def lines(run: Run, task: str) -> list[str]:
    """What a task that shows a plan or a verification told people."""
    return results(run, task)[-1][1]["msg"]


def said(run: Run) -> str:
    """Why the run failed, as its last failed task says."""
    return next(str(task.result.get("msg")) for task in reversed(run.tasks) if task.status == "failed")
