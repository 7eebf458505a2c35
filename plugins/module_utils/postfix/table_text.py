# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source text of a lookup table: written so, and read so, that postmap(1) and we agree on every entry.

postmap warns about what it does not understand, leaves it out and exits 0. So nothing that it would leave out or
change is ever written: it is refused here instead.
"""

from __future__ import annotations

import re
import typing as t

from .logical_lines import SPACE, split_blocks

__all__ = ["Entry", "TableTextError", "fold", "merge", "parse", "render"]

# A key without quoting, as nearly every key is.
_PLAIN_KEY = re.compile(r'[^\s"\\]+', re.ASCII)


class TableTextError(ValueError):
    """An entry that a lookup table cannot hold. The message names the key, never the value: it may be a secret."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        self.key = key
        self.message = message
        self.remedy = remedy
        super().__init__(f"key {_shown(key)}: {message}. {remedy}")


class Entry(t.NamedTuple):
    """One entry of a table; the comment stands on a line of its own above it."""

    key: str
    value: str
    comment: str = ""


Entries = t.Union[t.Mapping[str, str], t.Iterable[t.Sequence[str]]]


def fold(key: str) -> str:
    """The key as an indexed table holds it: postmap folds its case (postmap(1); src/util/casefold.c)."""
    if key.isascii():
        return key.lower()
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:  # bytes that are no UTF-8, carried as surrogates: Postfix folds the ASCII letters only
        return "".join(letter.lower() if letter.isascii() else letter for letter in key)
    return key.casefold()


def as_entries(entries: Entries) -> list[Entry]:
    if isinstance(entries, t.Mapping):
        return [Entry(key, value) for key, value in entries.items()]
    return [Entry(*entry) for entry in entries]


def render(entries: Entries, comments: t.Iterable[str] = (), in_order: bool = False) -> str:
    """Entries -> source text, one line each, below the comment lines.

    The keys of an indexed table are sorted as postmap stores them: the same entries always give the same text, and
    sorted input builds an lmdb index three times as fast. With ``in_order`` the entries stay as they are and are
    patterns or networks (regexp, pcre, cidr), whose first match wins. Raises TableTextError.
    """
    wanted = as_entries(entries)
    if in_order:
        for entry in wanted:
            _check_pattern(entry)
            _check_value(entry)
    else:
        wanted = _checked(wanted)
    lines = [_comment(comment) for comment in comments]
    for entry in wanted:
        lines.extend(_lines(entry))
    return "".join(line + "\n" for line in lines)


def parse(text: str) -> dict[str, str]:
    """Source text -> key and value, exactly as postmap reads it.

    Comments and blank lines are skipped (even within an entry), lines that begin with white space continue the entry
    above, keys are folded, of duplicates the first wins, lines without a value or with an open quote are left out
    (src/postmap/postmap.c, src/util/readlline.c).
    """
    entries: dict[str, str] = {}
    for line in logical_lines(text):
        split = _split(line)
        if split:
            entries.setdefault(fold(split[0]), split[1])
    return entries


def merge(text: str, entries: Entries, removed: t.Iterable[str] = (), path: str = "") -> str:
    """Source text with these entries set and these keys removed; comments, order and all other entries stay.

    Raises TableTextError, and PostfixFileError for text that postmap would not take as it stands.
    """
    wanted = {fold(entry.key): entry for entry in _checked(as_entries(entries))}
    dropped = {fold(key) for key in removed}
    lines: list[str] = []
    written: set[str] = set()
    for is_logical, block in split_blocks(text.removesuffix("\n").split("\n") if text else [], path):
        key, value = (_split(block.text) if is_logical else None) or ("", "")
        key = fold(key)
        if key in dropped or key in written:
            continue
        if key in wanted:
            written.add(key)
        if key in wanted and wanted[key].value != value:
            lines.extend(_lines(wanted[key]._replace(comment="")))  # its comment stands above already
        else:
            lines.extend(block.lines)
    for key, entry in wanted.items():
        if key not in written:
            lines.extend(_lines(entry))
    return "".join(line + "\n" for line in lines)


def logical_lines(text: str) -> t.Iterator[str]:
    current = ""
    for line in text.split("\n"):
        visible = line.lstrip(SPACE)
        if not visible or visible[0] == "#":
            continue
        if line[0] in SPACE:
            # A continuation of nothing is skipped with a warning, and so is what continues it.
            current = current and current + line
            continue
        if current:
            yield current
        current = line
    if current:
        yield current


def _split(line: str) -> tuple[str, str] | None:
    """A logical line -> (key, value), or None where postmap leaves it out."""
    end = key_end(line)
    if end is None:
        return None
    key, value = line[:end], line[end:].strip(SPACE)
    return (key, value) if key and value else None


def key_end(line: str) -> int | None:
    """Where the key ends: at the first white space outside double quotes; None where a quote stays open."""
    plain = _PLAIN_KEY.match(line)
    if plain and (plain.end() == len(line) or line[plain.end()] in SPACE):
        return plain.end()
    in_quotes = False
    position = 0
    while position < len(line):
        letter = line[position]
        if letter == "\\":
            position += 1
        elif letter == '"':
            in_quotes = not in_quotes
        elif letter in SPACE and not in_quotes:
            break
        position += 1
    return None if in_quotes else min(position, len(line))


def _lines(entry: Entry) -> list[str]:
    line = f"{entry.key}\t{entry.value}"
    return [_comment(entry.comment), line] if entry.comment else [line]


def _checked(entries: list[Entry]) -> list[Entry]:
    """The entries in the order of their folded keys. Raises TableTextError for one that cannot be."""
    by_key: dict[str, Entry] = {}
    for entry in entries:
        _check_key(entry.key)
        _check_value(entry)
        key = fold(entry.key)
        if key in by_key:
            raise TableTextError(
                entry.key,
                "the key is there twice (case does not count), and postmap would only take the first",
                "Leave one of them out.",
            )
        by_key[key] = entry
    return [by_key[key] for key in sorted(by_key, key=lambda key: key.encode("utf-8"))]


def _check_key(key: str) -> None:
    if not isinstance(key, str) or not key:
        raise TableTextError(str(key), "the key is empty", "Give the entry a key.")
    _check_characters(key, key, "key")
    if key[0] == "#":
        raise TableTextError(key, "a line that begins with # is a comment", "Use another key.")
    end = None if key[0] in SPACE else key_end(key)
    # A backslash at the very end would quote the white space behind the key.
    if end != len(key) or key_end(key + " ") != len(key):
        raise TableTextError(
            key,
            "postmap would end the key at its white space, or find an open quote",
            'Put a part that holds white space in double quotes, with " and \\ inside them behind a backslash.',
        )


def _check_pattern(entry: Entry) -> None:
    _check_characters(entry.key, entry.key, "pattern")
    if not entry.key or entry.key[0] in SPACE + "#":
        raise TableTextError(
            entry.key, "a pattern begins with a visible character other than #", "Correct the pattern."
        )


def _check_value(entry: Entry) -> None:
    value = entry.value
    if not isinstance(value, str) or not value:
        raise TableTextError(
            entry.key, "the value is empty, and Postfix would leave the entry out", "Give the entry a value."
        )
    _check_characters(entry.key, value, "value")
    if value != value.strip(SPACE):
        raise TableTextError(
            entry.key,
            "the value has white space at its beginning or end, which postmap drops",
            "Remove that white space.",
        )


def _check_characters(key: str, text: str, what: str) -> None:
    for letter in text:
        if (letter < " " and not (letter == "\t" and what == "value")) or letter == "\x7f":
            raise TableTextError(key, f"the {what} holds a control character", "Remove it.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise TableTextError(key, f"the {what} is no valid Unicode text", "Write it in UTF-8.") from None


def _comment(text: str) -> str:
    visible = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(["#", *visible.split()])


def _shown(key: str) -> str:
    return ascii(key if len(key) <= 120 else key[:117] + "...")
