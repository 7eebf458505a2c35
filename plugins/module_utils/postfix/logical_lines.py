# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line structure that main.cf and master.cf share, and an editor that leaves every other byte alone.

A logical line begins with text that is not white space; lines that begin with white space continue it; empty lines
and lines whose first visible character is ``#`` are skipped, even in the middle of a logical line
(postconf(5), Postfix src/util/readlline.c).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

# isspace(3) in the C locale, as Postfix's ISSPACE() has it: str.isspace() would know many more.
SPACE = " \t\n\v\f\r"

Key = t.TypeVar("Key", bound=t.Hashable)


class PostfixFileError(ValueError):
    """Text that Postfix cannot read, or would read otherwise than it was meant.

    ``path`` is the file's path or name, ``line`` the number of the line (1 is the first; 0: no single line),
    ``message`` what is wrong and ``remedy`` what to do about it.
    """

    def __init__(self, path: str, line: int, message: str, remedy: str) -> None:
        self.path = path
        self.line = line
        self.message = message
        self.remedy = remedy
        where = f"{path}, line {line}" if line else path
        super().__init__(f"{where}: {message}. {remedy}")


@dataclass(frozen=True)
class LogicalLine:
    """One logical line: its physical lines (inner comments included) and its text as Postfix joins it."""

    number: int
    lines: tuple[str, ...]
    text: str

    @property
    def raw(self) -> str:
        """The exact text, without its final newline."""
        return "\n".join(self.lines)


class _Block(t.Generic[Key]):
    """A run of physical lines: a logical line with its key, or what stands between two logical lines."""

    __slots__ = ("key", "line")

    def __init__(self, key: Key | None, line: LogicalLine) -> None:
        self.key = key
        self.line = line


def is_comment(line: str) -> bool:
    """Whether Postfix skips this physical line: empty, white space only, or a comment."""
    visible = line.lstrip(SPACE)
    return not visible or visible.startswith("#")


def joined(lines: t.Iterable[str]) -> str:
    """The text of a logical line: its physical lines one after the other, comments left out, nothing between them."""
    return "".join(line for line in lines if not is_comment(line))


def split_blocks(lines: t.Sequence[str], path: str) -> t.Iterator[tuple[bool, LogicalLine]]:
    """Physical lines -> (is a logical line, its lines), in order and without loss.

    Comments that follow a logical line's last line belong to no logical line; comments within it belong to it.
    Raises PostfixFileError for a NUL and for a continuation of nothing (Postfix warns and skips such text).
    """
    position = 0
    while position < len(lines):
        start = position
        end = start
        is_logical = not is_comment(lines[start])
        if is_logical and lines[start][0] in SPACE:
            raise PostfixFileError(
                path,
                start + 1,
                "the line begins with white space but continues nothing, so Postfix skips it",
                "Remove the white space at its beginning, or the line.",
            )
        position += 1
        while position < len(lines):
            line = lines[position]
            if is_comment(line):
                if not is_logical:
                    end = position
            elif is_logical and line[0] in SPACE:
                end = position
            else:
                break
            position += 1
        position = end + 1
        text = joined(lines[start:position]) if is_logical else ""
        yield is_logical, LogicalLine(start + 1, tuple(lines[start:position]), text)


class LogicalText(t.Generic[Key]):
    """A file's text as blocks that can be replaced, removed and appended by key; all else stays byte for byte.

    ``key_of`` names a logical line and raises PostfixFileError for one that Postfix cannot read. Where a key occurs
    several times, everything here means the last one: it is the one that counts for Postfix.
    """

    def __init__(self, text: str, key_of: t.Callable[[LogicalLine], Key], path: str) -> None:
        self.path = path
        self._key_of = key_of
        if "\0" in text:
            number = text.count("\n", 0, text.index("\0")) + 1
            raise PostfixFileError(path, number, "the line holds a NUL character", "Remove it: this is no text file.")
        lines = text.split("\n")
        # A new line goes before the empty element behind the last newline, so that taking it out again leaves
        # the text as it was, with or without a newline at its end.
        self._tail = [lines.pop()] if lines[-1] == "" else []
        self._blocks: list[_Block[Key]] = []
        self._places: dict[Key, list[int]] = {}
        for is_logical, line in split_blocks(lines, path):
            self._append(key_of(line) if is_logical else None, line)

    def _append(self, key: Key | None, line: LogicalLine) -> None:
        if key is not None:
            self._places.setdefault(key, []).append(len(self._blocks))
        self._blocks.append(_Block(key, line))

    def text(self) -> str:
        lines: list[str] = []
        for block in self._blocks:
            lines.extend(block.line.lines)
        return "\n".join(lines + self._tail)

    def keys_in_order(self) -> list[Key]:
        """The distinct keys, in the order of their last occurrence's place."""
        return sorted(self._places, key=lambda key: self._places[key][-1])

    def count(self, key: Key) -> int:
        """How often the key occurs."""
        return len(self._places.get(key, ()))

    def get(self, key: Key) -> LogicalLine | None:
        places = self._places.get(key)
        return self._blocks[places[-1]].line if places else None

    def put(self, key: Key, raw: str) -> None:
        """Exactly this text instead of the last occurrence of the key, or at the end of the file.

        Raises PostfixFileError unless the text is one logical line of that key, so that it can be found again.
        """
        line = self._one_logical_line(key, raw)
        places = self._places.get(key)
        if places:
            self._blocks[places[-1]].line = line
        else:
            self._append(key, line)

    def drop(self, key: Key) -> None:
        """Remove the last occurrence of the key, if there is one."""
        places = self._places.get(key)
        if not places:
            return
        block = self._blocks[places.pop()]
        block.key = None
        block.line = LogicalLine(block.line.number, (), "")
        if not places:
            del self._places[key]

    def _one_logical_line(self, key: Key, raw: str) -> LogicalLine:
        blocks = [] if "\0" in raw else list(split_blocks(raw.split("\n"), self.path))
        if len(blocks) != 1 or not blocks[0][0] or self._key_of(blocks[0][1]) != key:
            raise PostfixFileError(
                self.path,
                0,
                f"the text for {key} is not exactly one logical line of that name",
                "Give the text as raw() returned it.",
            )
        return blocks[0][1]
