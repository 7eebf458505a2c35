# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and editing the text of main.cf, byte for byte reversible.

Whatever is set can be taken back: ``set`` followed by ``put_back`` of the text that ``raw`` gave before, or by
``remove`` where there was none, restores the file's text exactly. Text is ``str``; decode a file's bytes as UTF-8 with
``surrogateescape`` so that bytes that are no UTF-8 survive.
"""

from __future__ import annotations

import re
import typing as t

from .logical_lines import SPACE, LogicalLine, LogicalText, PostfixFileError

__all__ = ["MainCf", "PostfixFileError", "join_list", "split_list"]

# What separates the elements of a list for Postfix (CHARS_COMMA_SP, src/util/stringops.h).
LIST_SEPARATORS = ", \t\r\n"

# Postfix ends a name at white space or "=" and would take a leading "#" for a comment.
_NAME = re.compile(r"[^\s=#\x00-\x20\x7f][^\s=\x00-\x20\x7f]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _split(line: LogicalLine, path: str) -> tuple[str, str]:
    """A logical line -> (name, value), as Postfix's split_nameval() does it."""
    name, equals, value = line.text.partition("=")
    name = name.strip(SPACE)
    if not name:
        raise PostfixFileError(path, line.number, "there is no parameter name before '='", "Add it or remove the line.")
    if not equals or any(space in name for space in SPACE):
        raise PostfixFileError(
            path,
            line.number,
            "there is no '=' after the parameter name, so no Postfix program can read the file",
            "Write it as 'name = value', or begin the line with white space if it continues the one above.",
        )
    return name, value.strip(SPACE)


class MainCf:
    """The text of one main.cf."""

    def __init__(self, text: str, path: str = "main.cf") -> None:
        self._text: LogicalText[str] = LogicalText(text, lambda line: _split(line, path)[0], path)
        self._path = path

    @classmethod
    def parse(cls, text: str, path: str = "main.cf") -> MainCf:
        """Read the text. Raises PostfixFileError for text that Postfix cannot read; ``path`` is for its message."""
        return cls(text, path)

    def text(self) -> str:
        """The whole text, exactly what was parsed where nothing was changed."""
        return self._text.text()

    def names(self) -> list[str]:
        """The parameters that are set, each once, in the order of the file."""
        return self._text.keys_in_order()

    def get(self, name: str) -> str | None:
        """The value that counts (the last one), joined as Postfix joins it; None where it is not set."""
        line = self._text.get(name)
        return None if line is None else _split(line, self._path)[1]

    def raw(self, name: str) -> str | None:
        """The exact text of the logical line that counts, inner comments included, without its final newline."""
        line = self._text.get(name)
        return None if line is None else line.raw

    def occurrences(self, name: str) -> int:
        """How often the parameter is set; Postfix uses the last one."""
        return self._text.count(name)

    def set(self, name: str, value: str) -> bool:
        """Let the parameter have this value; returns whether the text changed.

        The one line ``name = value`` takes the place of the last occurrence, or comes at the end. White space around
        the value has no meaning for Postfix and is left out. Raises ValueError for a name or a value that no line of
        main.cf can hold.
        """
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is not a parameter name")
        if _CONTROL.search(value):
            raise ValueError(f"the value of {name} holds a newline or another control character")
        value = value.strip(SPACE)
        if self.get(name) == value:
            return False
        self._text.put(name, f"{name} = {value}".rstrip(SPACE))
        return True

    def put_back(self, name: str, raw: str) -> None:
        """Exactly this text (from ``raw``) instead of the last occurrence, or at the end."""
        self._text.put(name, raw)

    def remove(self, name: str) -> None:
        """Remove the lines of the last occurrence. An earlier one, if there is any, counts from then on."""
        self._text.drop(name)


def split_list(value: str) -> list[str]:
    """The elements of a Postfix list.

    Separators are comma, space, tab, CR and newline, but not between balanced braces: ``pipemap:{regexp:/x, lmdb:/y}``
    is one element, and so is text before or behind a brace. A closing brace without an opening one is plain text; an
    opening one without its end holds all the rest together (mystrtokq(), Postfix src/util/mystrtok.c).
    """
    elements: list[str] = []
    level = 0
    element = ""
    for character in value:
        if level == 0 and character in LIST_SEPARATORS:
            if element:
                elements.append(element)
            element = ""
            continue
        element += character
        if character == "{":
            level += 1
        elif character == "}" and level > 0:
            level -= 1
    if element:
        elements.append(element)
    return elements


def join_list(elements: t.Iterable[str]) -> str:
    """The list with these elements; ``split_list`` gives them back.

    Raises ValueError for an element that would not come back as one: empty, with a separator outside braces, or with
    a brace that is not closed.
    """
    texts = list(elements)
    for text in texts:
        if split_list(text) != [text] or split_list(text + ",x") != [text, "x"]:
            raise ValueError(f"{text!r} cannot be one element of a Postfix list")
    return ", ".join(texts)
