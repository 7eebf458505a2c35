# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running Postfix whose connectors are provisioned by this very process: what a playbook does, in a tenth of the time."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.mailops.connectors.plugins.module_utils.postfix import gathering, rewrite
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import (
    INDEX_SUFFIXES,
    LookupTables,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import (
    Outcome,
    Prepared,
    Request,
    prepare,
    provision,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import Answer

from .postfix import Instance, program
from .programs import run_command

# The tests' own changes are not what the safety kinds are for.
MEANT = ("large_change", "unserved")
# trivial-rewrite(8) is ended again and again; a master that takes it for broken would wait a minute.
SETTINGS = {"service_throttle_time": "1s"}


class Bridgehead:
    """One instance, known to the connectors by a name."""

    def __init__(self, instance: Instance, name: str = "b1") -> None:
        self.instance = instance
        self.name = name
        self.directory = instance.config_directory
        self.postfix = Postfix(str(self.directory), run_command)
        self.tables = LookupTables(str(self.directory), run_command)

    # --- provisioning ---

    def request(self, connectors: Any, **fields: Any) -> Request:
        return Request(connectors, **{"this_host": self.name, "allow_unsafe": MEANT, **fields})

    def provision(self, connectors: Any, **fields: Any) -> Outcome:
        return provision(self.postfix, self.tables, self.request(connectors, **fields))

    def prepare(self, connectors: Any, **fields: Any) -> Prepared:
        return prepare(self.postfix, self.tables, self.request(connectors, **fields))

    # --- asking ---

    def ask(self, addresses: Iterable[str]) -> list[Answer]:
        """What trivial-rewrite(8) says now; after a reload that may still be a process with the old settings."""
        return rewrite.ask(str(self.instance.queue_directory), addresses)

    def ask_afresh(self, addresses: Iterable[str]) -> list[Answer]:
        """What a trivial-rewrite(8) says that has read everything as it is now: any moment may start one."""
        self.end_processes("trivial-rewrite")
        return self.ask(addresses)

    def end_processes(self, daemon: str) -> None:
        for pid in self.instance.pids(daemon):
            # A reload may be ending it at this very moment.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            self.instance.wait_until(lambda pid=pid: program(pid) != daemon[:15], f"{daemon} ends", timeout=20)

    # --- looking ---

    def content(self) -> dict[str, Any]:
        """Every file below the configuration directory by what it says and its mode; an index by its entries."""
        return {str(path.relative_to(self.directory)): self._said(path) for path in _files(self.directory)}

    def _said(self, path: Path) -> Any:
        mode = stat.S_IMODE(path.stat().st_mode)
        for kind, suffix in INDEX_SUFFIXES.items():
            if path.suffix == suffix:
                return mode, self.tables.dump(kind, str(path.with_suffix("")))
        return mode, path.read_bytes()

    def traces(self) -> dict[str, Any]:
        """What any writing would change: inode, modification time and mode of every file, and the processes."""
        found: dict[str, Any] = {}
        for path in _files(self.directory):
            status = path.stat()
            found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_mode)
        found["processes"] = {name: self.instance.pids(name) for name in ("qmgr", "trivial-rewrite")}
        found["master"] = self.instance.master_pid()
        return found


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def use_indexed_type(monkeypatch: Any, kind: str) -> None:
    """Let the platform seem to have this indexed type only."""
    monkeypatch.setattr(gathering, "choose_indexed_type", lambda _types, _default: kind)
