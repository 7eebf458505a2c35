# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing main.cf or master.cf as one step: tried aside first, then in one write, read back, or as before again."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
import typing as t
from dataclasses import dataclass

from . import files
from .command import Postfix, PostfixCommandError

# Beside the value "inline:{...}" and "static:..." hold their content themselves; all other tables are files.
_SECRET_NAME = re.compile(r"passw|passphrase|secret|bind_?pw|_pw\Z|token|credential", re.IGNORECASE)
_HOLDS_CONTENT = re.compile(r"(?:inline|static):", re.IGNORECASE)
_TABLES_NAME = re.compile(r"_maps?\Z")
_UNUSED = re.compile(r"unused parameter: (\S+)\Z")

MASK = "********"


class ChangeRefused(Exception):
    """The change is not made, or was undone; the text says which, why, and what to do."""


@dataclass(frozen=True)
class Examination:
    """What Postfix says of a configuration: complaints that do not stop it, and a refusal that does."""

    complaints: tuple[str, ...]
    refusal: str | None = None

    def unused(self) -> set[str]:
        """The parameters that nothing uses, misspelt ones among them."""
        found = (_UNUSED.search(complaint) for complaint in self.complaints)
        return {match.group(1) for match in found if match}

    def other_complaints(self) -> list[str]:
        """The complaints that are not about unused parameters."""
        return [complaint for complaint in self.complaints if not _UNUSED.search(complaint)]


def plain_value(value: object) -> str | None:
    """A value as users write it -> Postfix's text: yes and no for booleans, a list joined; None stays None.

    Raises ValueError for anything else, for an empty list element, and for control characters.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        elements = [plain_value(element) for element in value]
        if any(isinstance(element, (list, tuple)) for element in value) or not all(elements):
            raise ValueError("a list may hold strings and numbers only, and no empty ones")
        return ", ".join(element.strip() for element in elements if element)
    if not isinstance(value, (str, int)):
        raise ValueError(  # noqa: TRY004 - to the user it is one more wrong value
            f"a string, number, boolean or list is expected, not {type(value).__name__}"
        )
    text = str(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError("a newline or another control character cannot stand in it; write a list, or one line")
    return text


def may_hold_secret(name: str, value: str) -> bool:
    """Whether a parameter's value itself may be a secret; a reference to a table file is none."""
    if not _SECRET_NAME.search(name):
        return False
    return not _TABLES_NAME.search(name) or bool(_HOLDS_CONTENT.search(value))


def shown_value(name: str, value: str | None) -> str | None:
    """The value as results, diffs and messages may show it."""
    return MASK if value and may_hold_secret(name, value) else value


def secret_texts(given: t.Mapping[str, object]) -> set[str]:
    """What must not be shown of settings as the user gave them, so that not even a refused one is repeated."""
    texts: set[str] = set()
    for name, value in given.items():
        elements = value if isinstance(value, (list, tuple)) else [value]
        if any(may_hold_secret(name, str(element)) for element in elements):
            texts.update(str(element) for element in elements if element)
    return texts


def secret_problem(name: str) -> str:
    """The error for a value that would be a secret in a file that everyone may read."""
    return (
        f"{name}: the value itself would hold a secret, and main.cf and master.cf are readable by everyone. "
        "Put the secret into a table of its own with mode 0600 (for example texthash:/etc/postfix/NAME) "
        "and name that table here."
    )


def near_names(name: str, known: t.Iterable[str]) -> str:
    """A sentence with the known parameters that look like this one."""
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.75)
    return f"Did you mean {' or '.join(near)}?" if near else "No parameter of Postfix has a name like that."


def unknown_problem(names: t.Iterable[str], known: t.Collection[str]) -> str:
    """The error for parameters that Postfix would not use."""
    parts = [
        f"{name}: Postfix knows no such parameter and nothing in main.cf or master.cf uses it. "
        f"{near_names(name, known)}"
        for name in sorted(names)
    ]
    parts.append("If it is meant for a service that comes later or for another program, name it in allow_unknown.")
    return " ".join(parts)


class ConfigurationFile:
    """main.cf or master.cf of one instance."""

    def __init__(self, postfix: Postfix, name: str, scratch: str | None = None) -> None:
        self._postfix = postfix
        self._name = name
        self._scratch = scratch
        self.path = os.path.join(postfix.config_directory, name)

    def text(self) -> str:
        """The file's text. Raises ChangeRefused where there is no file."""
        return self._decoded(files.read(self.path))

    def examine(self) -> Examination:
        """What Postfix says of the configuration as it is."""
        try:
            return Examination(tuple(self._postfix.check()))
        except PostfixCommandError as error:
            raise ChangeRefused(
                f"Postfix cannot read its configuration as it is: {error}. Nothing was changed. Repair it first."
            ) from None

    def examine_candidate(self, text: str) -> Examination:
        """What Postfix would say with this text; both files are laid aside for that, and nothing is touched."""
        aside = tempfile.mkdtemp(prefix="postfix-", dir=self._scratch)
        try:
            for name in ("main.cf", "master.cf"):
                data = files.read(os.path.join(self._postfix.config_directory, name))
                if name == self._name:
                    data = _encoded(text)
                if data is not None:
                    files.write_atomically(os.path.join(aside, name), data, 0o600)
            candidate = self._postfix.with_config_directory(aside)
            try:
                complaints = candidate.check()
            except PostfixCommandError as error:
                return Examination((), self._in_place(str(error), aside))
            refusal = candidate.refusal()
            return Examination(
                tuple(self._in_place(complaint, aside) for complaint in complaints),
                refusal and self._in_place(refusal, aside),
            )
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def require_acceptable(self, before: Examination, after: Examination) -> None:
        """Raise ChangeRefused where a change brings problems that were not there, unused parameters excepted."""
        if after.refusal and after.refusal != self._postfix.refusal():
            raise ChangeRefused(f"Postfix would not start with this: {after.refusal}.")
        new = [complaint for complaint in after.other_complaints() if complaint not in before.complaints]
        if new:
            raise ChangeRefused(f"Postfix complains about this: {'; '.join(new)}.")

    def change(self, edit: t.Callable[[str], str], verify: t.Callable[[], None]) -> bool:
        """Replace the file by ``edit`` of its text in one write, then ``verify``; returns whether it was replaced.

        The text is read under the lock that postconf -e takes as well, so no update of somebody else is lost.
        Where ``verify`` raises, the file of before comes back, and ChangeRefused says so.
        """
        with files.edit_lock(self.path) as file:
            before = file.read()
            text = self._decoded(before)
            after = edit(text)
            if after == text or before is None:
                return False
            file.replace(_encoded(after))
        try:
            verify()
        except Exception as error:
            raise ChangeRefused(f"{error} {self._restore(before, _encoded(after))}") from error
        return True

    def _restore(self, before: bytes, after: bytes) -> str:
        """Put the content of before back, unless somebody else has changed the file since; says what was done."""
        try:
            with files.edit_lock(self.path) as file:
                if file.read() != after:
                    return f"{self.path} was changed by somebody else since, so it was left as it is now."
                file.replace(before)
        except (OSError, files.LockTimeout) as error:
            return f"{self.path} could not be restored and stands as it was written: {error}"
        return f"{self.path} is as before again."

    def _decoded(self, data: bytes | None) -> str:
        if data is None:
            raise ChangeRefused(f"There is no file {self.path}. Install Postfix, or correct config_directory.")
        return data.decode("utf-8", "surrogateescape")

    def _in_place(self, message: str, aside: str) -> str:
        return message.replace(aside, self._postfix.config_directory)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
