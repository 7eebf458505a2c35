# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What postfix_main_cf and postfix_master_cf have in common: gather, plan, try aside, apply, verify, report."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .command import Postfix, PostfixCommandError, PostfixMissing, through
from .configuration_file import ChangeRefused, ConfigurationFile, unknown_problem
from .files import LockTimeout

Key = t.TypeVar("Key")
Value = t.TypeVar("Value")


@dataclass(frozen=True)
class Edit(t.Generic[Key, Value]):
    """A file's text as wanted, and what stands in it before and after, for all that differs. None: it is not there."""

    text: str
    changes: dict[Key, tuple[Value | None, Value | None]]

    def write_command(self, path: str, noun: str) -> str:
        """What is done, for people: ``write PATH (2 services set, 1 removed)``."""
        count = sum(after is not None for _before, after in self.changes.values())
        plural = "" if count == 1 else "s"
        return f"write {path} ({count} {noun}{plural} set, {len(self.changes) - count} removed)"


class Module(t.Protocol):
    """The part of AnsibleModule that is used here."""

    params: dict[str, t.Any]
    check_mode: bool
    tmpdir: str

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]: ...

    def warn(self, warning: str) -> None: ...

    def exit_json(self, **kwargs: t.Any) -> t.Any: ...

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.Any: ...


class ConfigurationTask(t.Generic[Key, Value]):
    """One run of a module that changes one configuration file."""

    file_name: str
    noun: str

    def __init__(self, module: Module) -> None:
        self.module = module
        directories = (module.params["config_directory"], module.params["command_directory"])
        self.postfix = Postfix(directories[0], through(module), directories[1])
        self.file = ConfigurationFile(self.postfix, self.file_name, module.tmpdir)

    # What each file does in its own way.

    def edited(self, text: str) -> Edit[Key, Value]:
        """The text as wanted."""
        raise NotImplementedError

    def named_parameters(self) -> set[str]:
        """The parameters that the user sets, so that a misspelt one is the user's error."""
        raise NotImplementedError

    def misread(self) -> list[str]:
        """What Postfix reads otherwise than it was written, by name."""
        raise NotImplementedError

    def shown(self, key: Key, value: Value | None) -> str | None:
        """A value as results may show it."""
        raise NotImplementedError

    def shown_diff(self, edit: Edit[Key, Value]) -> dict[str, str]:
        """Only what differs, as text."""
        raise NotImplementedError

    def label(self, key: Key) -> str:
        return str(key)

    def warnings(self, edit: Edit[Key, Value]) -> list[str]:
        """What the administrator has to know of this change."""
        return []

    # What both do alike.

    def run(self) -> dict[str, t.Any]:
        edit = self.edited(self.file.text())
        before = self.file.examine()
        after = self.file.examine_candidate(edit.text) if edit.changes else before
        self._refuse_unknown(after.unused())
        self.file.require_acceptable(before, after)
        self._warn(edit, after.unused() - before.unused() - self.named_parameters())
        if edit.changes and not self.module.check_mode:
            edit = self._apply()
        return self._result(edit)

    def _refuse_unknown(self, unused: set[str]) -> None:
        unknown = (unused & self.named_parameters()) - set(self.module.params["allow_unknown"])
        if unknown:
            raise ChangeRefused(unknown_problem(unknown, self.postfix.known_parameters()))

    def _warn(self, edit: Edit[Key, Value], no_longer_used: set[str]) -> None:
        sentences = [f"{name} is no longer used by anything after this change." for name in sorted(no_longer_used)]
        for sentence in sentences + (self.warnings(edit) if edit.changes else []):
            self.module.warn(sentence)

    def _apply(self) -> Edit[Key, Value]:
        """Write and verify; what was changed may differ from the plan where somebody else wrote in between."""
        done: list[Edit[Key, Value]] = []

        def edit(text: str) -> str:
            done.append(self.edited(text))
            return done[-1].text

        self.file.change(edit, self._verify)
        return done[-1]

    def _verify(self) -> None:
        wrong = self.misread()
        if wrong:
            raise ChangeRefused(f"Postfix does not read back what was written for {', '.join(sorted(wrong))}.")
        if self.module.params["reload"]:
            self.postfix.reload()

    def _result(self, edit: Edit[Key, Value]) -> dict[str, t.Any]:
        commands = []
        if edit.changes:
            commands.append(edit.write_command(self.file.path, self.noun))
            if self.module.params["reload"] and self.postfix.is_running():
                commands.append(f"postfix -c {self.postfix.config_directory} reload")
        return {
            "changed": bool(edit.changes),
            "changes": {
                self.label(key): {"before": self.shown(key, before), "after": self.shown(key, after)}
                for key, (before, after) in edit.changes.items()
            },
            "commands": commands,
            "diff": {**self.shown_diff(edit), "before_header": self.file.path, "after_header": self.file.path},
        }


def run_task(module: Module, task: type[ConfigurationTask[t.Any, t.Any]]) -> None:
    """Run the module's task and end the module with its result, or with an error that says what to do."""
    try:
        result = task(module).run()
    except (ChangeRefused, PostfixCommandError, PostfixMissing, LockTimeout, ValueError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or task.file_name}: {error.strerror}. The file is as before.")
    else:
        module.exit_json(**result)
