# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real ansible-playbook runs, and their results as plain data.

The ansible-playbook beside the running Python is used, with local connections, and this checkout as the collection
mailops.connectors, wherever it lies.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import LabError

CHECKOUT = Path(__file__).resolve().parents[2]

Task = Mapping[str, Any]
Play = Mapping[str, Any]


@dataclass(frozen=True)
class TaskResult:
    """What one task returned on one host. status: ok, failed, skipped, unreachable."""

    task: str
    host: str
    status: str
    result: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook. output is everything it printed, for people and for searches for leaks.

    As a mapping it gives the last task's result for each host: ``run["b1"]["changed"]``.
    """

    status: int
    output: str
    tasks: tuple[TaskResult, ...]

    def __getitem__(self, host: str) -> dict[str, Any]:
        for task in reversed(self.tasks):
            if task.host == host:
                return task.result
        raise LabError(f"No task ran on {host}. ansible-playbook ended with {self.status} and said:\n{self.output}")

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(task.host for task in self.tasks))

    @property
    def failed(self) -> bool:
        return self.status != 0

    def of(self, task: str) -> dict[str, dict[str, Any]]:
        """The last results of the task of this name, in whatever role: host -> result."""
        return {entry.host: entry.result for entry in self.all_of(task)}

    def all_of(self, task: str) -> list[TaskResult]:
        """All results of the task of this name, in whatever role, in their order."""
        return [entry for entry in self.tasks if entry.task.rpartition(" : ")[2] == task]

    def expect_success(self) -> Run:
        """This run, or a LabError with all that was printed if it failed."""
        if self.failed:
            raise LabError(f"ansible-playbook ended with status {self.status}:\n{self.output}")
        return self


Watch = Callable[["subprocess.Popen[bytes]", Callable[[], tuple[TaskResult, ...]]], None]


def run_task(
    module: str,
    arguments: Mapping[str, Any],
    *,
    hosts: Sequence[str] = ("b1",),
    host_vars: Mapping[str, Mapping[str, Any]] | None = None,
    keywords: Mapping[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Run one task on some hosts. keywords: of the task, such as delegate_to. options: see run_plays()."""
    task = {"name": module, module: dict(arguments), **(keywords or {})}
    return playbook([task], hosts=hosts, host_vars=host_vars, **options)


def playbook(
    tasks: Sequence[Task],
    *,
    hosts: Sequence[str] = ("b1",),
    host_vars: Mapping[str, Mapping[str, Any]] | None = None,
    keywords: Mapping[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Run one play of these tasks on all hosts. keywords: of the play. options: see run_plays()."""
    play = {"hosts": "all", "gather_facts": False, "tasks": list(tasks), **(keywords or {})}
    return run_plays([play], hosts=hosts, host_vars=host_vars, **options)


def run_plays(
    plays: Sequence[Play],
    *,
    hosts: Sequence[str] = ("b1",),
    host_vars: Mapping[str, Mapping[str, Any]] | None = None,
    check: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    extra_vars: Mapping[str, Any] | None = None,
    python: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600.0,
) -> Run:
    """Write the plays into a temporary directory and run them.

    python: the interpreter for modules, by default the running one. extra_vars go through a file, so that a secret in
    them is on no command line. environment: added to ansible-playbook's. timeout: seconds.
    """
    with tempfile.TemporaryDirectory(prefix="lab-ansible-") as name:
        directory = Path(name)
        file = directory / "playbook.yml"
        file.write_text(json.dumps(list(plays)), encoding="utf-8")  # JSON is YAML
        arguments = ["--extra-vars", f"@{_json(directory / 'extra_vars.json', extra_vars)}"] if extra_vars else []
        return run_file(
            file,
            inventory=_inventory(directory, hosts, host_vars or {}, python or sys.executable),
            arguments=arguments,
            check=check,
            diff=diff,
            verbosity=verbosity,
            environment=environment,
            timeout=timeout,
        )


def run_file(
    file: Path,
    *,
    inventory: Path,
    arguments: Sequence[str] = (),
    check: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600.0,
    watch: Watch | None = None,
) -> Run:
    """Run a playbook that lies somewhere, with an inventory that lies somewhere.

    watch: called with the running process, which leads a process group of its own, and a function that gives the results of
    the tasks so far.
    """
    command = [ansible_playbook(), "-i", str(inventory), str(file), *arguments]
    command += ["--check"] * check + ["--diff"] * diff + ["-" + "v" * verbosity] * bool(verbosity)
    with tempfile.TemporaryDirectory(prefix="lab-ansible-", ignore_cleanup_errors=True) as home:
        results, output = Path(home) / "results", Path(home) / "output"
        (Path(home) / "ansible.cfg").touch()
        with (
            output.open("wb") as stream,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=home,
                env={**_environment(Path(home), results), **(environment or {})},
                start_new_session=watch is not None,
            ) as process,
        ):
            try:
                if watch is not None:
                    watch(process, lambda: _read(results))
                process.wait(timeout)
            except BaseException:
                process.kill()
                raise
        return Run(process.returncode, output.read_text(encoding="utf-8", errors="replace"), _read(results))


def ansible_playbook() -> str:
    """The path of the ansible-playbook that belongs to this Python. Raises LabError if there is none."""
    path = Path(sys.executable).parent / "ansible-playbook"
    if not path.exists():
        raise LabError(f"There is no ansible-playbook beside {sys.executable}: install ansible-core there")
    return str(path)


@functools.cache
def collections_path() -> str:
    """A directory in which Ansible finds this checkout as the collection mailops.connectors."""
    root = tempfile.mkdtemp(prefix="lab-collections-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    namespace = Path(root) / "ansible_collections" / "mailops"
    namespace.mkdir(parents=True)
    (namespace / "connectors").symlink_to(CHECKOUT)
    return root


def _environment(home: Path, results: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    return {
        **inherited,
        "ANSIBLE_CALLBACKS_ENABLED": "lab_results",
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
        "ANSIBLE_COLLECTIONS_PATH": collections_path(),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "home"),
        "ANSIBLE_LOCAL_TEMP": str(home / "local"),
        "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
        "ANSIBLE_NOCOLOR": "1",
        # A third of the time less, as many set it. Without it modules run in test_secrets.py and under molecule.
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "LAB_RESULTS": str(results),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _inventory(directory: Path, hosts: Sequence[str], host_vars: Mapping[str, Mapping[str, Any]], python: str) -> Path:
    entries = {
        host: {
            "ansible_connection": "local",
            "ansible_python_interpreter": python,
            **host_vars.get(host, {}),
        }
        for host in [*hosts, *(known for known in host_vars if known not in hosts)]
    }
    return _json(directory / "inventory.json", {"all": {"hosts": entries}})


def _json(path: Path, data: Any) -> Path:
    path.touch(mode=0o600)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _read(results: Path) -> tuple[TaskResult, ...]:
    if not results.exists():
        return ()
    text = results.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # the last one may be half written
    return tuple(TaskResult(line["task"], line["host"], line["status"], line["result"]) for line in lines)
