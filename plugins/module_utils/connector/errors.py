# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a list of connectors, said so that the reader can put it right.

A rule never stops at the first mistake: all problems of a list are collected and raised together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ValueProblem(ValueError):
    """One value does not fit its kind. The caller knows which connector and field it stands in.

    shown is what the message may repeat of the value; it is empty where the value is a secret.
    """

    def __init__(self, message: str, remedy: str, shown: Any = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.shown = shown


@dataclass(frozen=True)
class Problem:
    """A mistake: where it stands (such as 'connector "to-contoso"'), in which field, and what to do about it."""

    where: str
    field: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        parts = [part for part in (self.where, "field " + self.field if self.field else "") if part]
        if self.value:
            parts.append("value " + self.value)
        return ", ".join(parts) + ": " + self.message + ". Remedy: " + self.remedy + "."


class ConnectorError(ValueError):
    """The list cannot be carried out. Nothing has been touched."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class Problems:
    """Collects problems, and raises them together."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, where: str, field: str, value: Any, message: str, remedy: str) -> None:
        problem = Problem(where, field, shown(value), message, remedy)
        if problem not in self.found:
            self.found.append(problem)

    def add_value(self, where: str, field: str, problem: ValueProblem) -> None:
        self.add(where, field, problem.shown, problem.message, problem.remedy)

    def raise_if_any(self) -> None:
        if self.found:
            raise ConnectorError(self.found)


def shown(value: Any) -> str:
    """The value as it may stand in a message: on one line, bounded, with control characters made visible."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return '"{}"'.format(text if len(text) <= 120 else text[:117] + "...")


def connector_place(name: str) -> str:
    return f'connector "{name}"'
