# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out the steps: one writer at a time, and any failure restores the files of before.

A kill cannot be caught: it leaves the state after some step, which is safe (steps.py), and the next run completes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from . import files, owned_settings, store
from .command import Postfix, PostfixCommandError, PostfixMissing
from .desired import TableFile
from .logical_lines import PostfixFileError
from .lookup_tables import INDEX_SUFFIXES, LookupTableError, LookupTables
from .main_cf import MainCf
from .master_cf import MasterCf
from .rewrite import RewriteError
from .services import Directory
from .steps import SEEN_AT_ONCE, Drop, EditServices, EditSettings, Reload, SaveStore, Step, Verify, WriteTable
from .store import OwnedSetting, Store

FAILURES = (
    OSError,
    PostfixCommandError,
    PostfixMissing,
    PostfixFileError,
    LookupTableError,
    RewriteError,
    files.LockTimeout,
)


class VerificationError(Exception):
    """trivial-rewrite(8) answers otherwise than planned."""


class ApplyError(Exception):
    """A step failed. done and undone say in words what had been done and what was restored."""

    def __init__(self, cause: BaseException, done: Sequence[str], undone: Sequence[str], failed: Sequence[str]) -> None:
        self.cause = cause
        self.done = list(done)
        self.undone = list(undone)
        self.failed = list(failed)
        told = f"{cause}"
        told += f" Done before: {'; '.join(done)}." if done else " Nothing had been done before."
        if failed:
            told += f" Could not be restored: {'; '.join(failed)}. Run the task again once the cause is mended."
        elif undone:
            told += " All files were restored as they were before."
        super().__init__(told)


class Transaction:
    """Runs steps and can take them back."""

    def __init__(
        self,
        postfix: Postfix,
        tables: LookupTables,
        before: Store,
        after: Store,
        verify: Callable[[], None],
        warnings: list[str] | None = None,
    ) -> None:
        self.postfix = postfix
        self.tables = tables
        self.before = before
        self.after = after
        self.verify = verify
        self.warnings = [] if warnings is None else warnings
        self.directory = Directory(postfix.config_directory)
        self.records: dict[str, OwnedSetting] = dict(before.settings)
        self._kept: dict[str, str | None] = {}
        self._kept_tables: dict[str, tuple[TableFile, str | None]] = {}

    @property
    def _backup(self) -> str:
        return self.directory.file(".before")

    def run(self, steps: Sequence[Step]) -> None:
        """Raises ApplyError, with everything restored, where a step fails."""
        done: list[str] = []
        try:
            os.makedirs(self.directory.path, mode=0o755, exist_ok=True)
            tidy(self.directory)
            os.mkdir(self._backup, mode=0o700)
            for step in steps:
                self._do(step)
                done.append(str(step))
        except (*FAILURES, VerificationError) as error:
            undone, failed = self._undo()
            raise ApplyError(error, done, undone, failed) from error
        finally:
            shutil.rmtree(self._backup, ignore_errors=True)
            with contextlib.suppress(OSError):  # nothing of ours is left: the directory goes too
                os.rmdir(self.directory.path)

    def _do(self, step: Step) -> None:
        if isinstance(step, WriteTable):
            self._keep_table(step)
            self.tables.build(step.table.type, step.path, step.table.text, step.table.mode)
        elif isinstance(step, EditSettings):
            self._edit_settings(step)
        elif isinstance(step, EditServices):
            self._edit_services(step)
        elif isinstance(step, Reload):
            self.postfix.reload()
        elif isinstance(step, Drop):
            for path in step.paths:
                self._keep(path)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        elif isinstance(step, SaveStore):
            self._save_store(step)
        elif isinstance(step, Verify):
            self.verify()

    def _edit_settings(self, step: EditSettings) -> None:
        self._keep(self.postfix.main_cf)
        with files.edit_lock(self.postfix.main_cf) as edited:
            text = (edited.read() or b"").decode("utf-8", "surrogateescape")
            new, self.records = owned_settings.edit(text, step.wanted, self.records, self.directory.path)
            if new != text:
                edited.replace(new.encode("utf-8", "surrogateescape"))

    def _edit_services(self, step: EditServices) -> None:
        if step.remove and not self.postfix.let_deliveries_end(step.remove):
            self.warnings.append(
                f"Over {', '.join(step.remove)} a message was still being delivered after a minute. This delivery is broken off, "
                "and Postfix sends the message again by its new route; where the end alone was missing, it arrives twice."
            )
        self._keep(self.postfix.master_cf)
        with files.edit_lock(self.postfix.master_cf) as edited:
            text = (edited.read() or b"").decode("utf-8", "surrogateescape")
            master = MasterCf.parse(text, self.postfix.master_cf)
            for service in step.add:
                master.set(service)
            for name in step.remove:
                master.remove((name, "unix"))
            if master.text() != text:
                edited.replace(master.text().encode("utf-8", "surrogateescape"))

    def _save_store(self, step: SaveStore) -> None:
        path = store.path(self.postfix.config_directory)
        self._keep(path)
        content = announced(self.before, self.after, self._main_cf()) if step.early else self.after
        if content.is_empty:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        files.write_atomically(path, store.text(content).encode(), 0o600)

    def _main_cf(self) -> MainCf:
        text = (files.read(self.postfix.main_cf) or b"").decode("utf-8", "surrogateescape")
        return MainCf.parse(text, self.postfix.main_cf)

    # --- keeping and restoring ---

    def _keep(self, path: str) -> None:
        """Keep the file under a second name: putting it back then needs no room on a full disk, and changes nothing."""
        target = os.path.realpath(path)
        if target in self._kept:
            return
        place = os.path.join(self._backup, str(len(self._kept)))
        try:
            os.link(target, place)
        except FileNotFoundError:
            self._kept[target] = None
            return
        except OSError:
            shutil.copy2(target, place)
        self._kept[target] = place

    def _keep_table(self, step: WriteTable) -> None:
        if step.path in self._kept_tables:
            return
        suffix = INDEX_SUFFIXES.get(step.table.type)
        content = files.read(step.path)
        old = None if content is None else content.decode("utf-8", "surrogateescape")
        if suffix is None:
            self._keep(step.path)
        elif step.table.type != SEEN_AT_ONCE or old is None or not os.path.exists(step.path + suffix):
            self._keep(step.path)
            self._keep(step.path + suffix)
        else:
            self._kept_tables[step.path] = (step.table, old)

    def _undo(self) -> tuple[list[str], list[str]]:
        undone: list[str] = []
        failed: list[str] = []
        for target, place in reversed(list(self._kept.items())):
            try:
                if place is None:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(target)
                else:
                    os.replace(place, target)
                undone.append(target)
            except OSError as error:
                failed.append(f"{target} ({error})")
        for path, (table, old) in reversed(list(self._kept_tables.items())):
            try:
                self.tables.build(table.type, path, old or "", table.mode)
                undone.append(path)
            except FAILURES as error:
                failed.append(f"{path} ({error})")
        try:
            self.postfix.reload()
        except FAILURES as error:
            failed.append(f"reload ({error})")
        return undone, failed


def tidy(directory: Directory) -> None:
    """What a killed run left half made goes, old passwords too. The caller holds the lock, so nobody is writing here, and
    no name that counts begins with a dot."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(directory.path):
            if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name.startswith("."):
                os.unlink(entry.path)


def announced(before: Store, after: Store, main_cf: MainCf) -> Store:
    """The store as it is while the steps run: the sets of before, and everything that is or is about to be ours."""
    settings = {name: owned for name, owned in before.settings.items() if name not in after.settings}
    for name, owned in after.settings.items():
        # Not what the store says was written last: a run that was killed may never have got there.
        current = main_cf.get(name)
        settings[name] = replace(owned, previous=None if current == owned.written else current)
    return Store(before.sets, tuple(sorted({*before.services, *after.services})), settings)
