# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup tables and match lists as Postfix's programs use them: mydestination, relay_domains and their like.

Pure: a table answers through the function that it is given. What is said here is what Postfix 3.5 and later do
(src/util/match_list.c, src/util/match_ops.c).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .main_cf import split_list
from .table_text import fold, logical_lines

__all__ = ["LookupFailed", "MatchList", "Pattern", "Table", "is_pattern_table", "parse_match_list"]

# Tables that are asked with whole names and addresses only: a part of one must not match a pattern, and must not be
# sent over the network (dict_regexp.c, dict_pcre.c, dict_cidr.c, dict_random.c, dict_sockmap.c, dict_tcp.c).
PATTERN_TYPES = frozenset({"regexp", "pcre", "cidr", "randmap", "socketmap", "tcp"})
# Tables that are made of others; the first one decides (dict_pipe.c, dict_union.c).
COMBINED_TYPES = frozenset({"pipemap", "unionmap"})


class LookupFailed(Exception):
    """The table gives no answer at all: missing, unreadable, its server away. Postfix then defers the mail."""

    def __init__(self, table: str, reason: str = "") -> None:
        self.table = table
        super().__init__(f"table {table} cannot be asked" + (f": {reason}" if reason else ""))


def _nothing(keys: t.Iterable[str]) -> None:
    """A table that holds its entries already needs no fetching."""


@dataclass(frozen=True)
class Table:
    """One lookup table as a program sees it.

    ``name``      type and path, such as ``hash:/etc/postfix/transport``
    ``lookup``    key -> value or None; case is the table's own matter; raises LookupFailed
    ``pattern``   asked with whole addresses or names only
    ``listable``  ``keys`` are all the keys there are, folded to lower case
    ``prefetch``  tells the table which keys it will be asked for, so that they cost one process together
    """

    name: str
    lookup: t.Callable[[str], str | None]
    pattern: bool = False
    listable: bool = False
    keys: frozenset[str] = frozenset()
    prefetch: t.Callable[[t.Iterable[str]], None] = field(default=_nothing, compare=False)

    @classmethod
    def of(cls, name: str, entries: t.Mapping[str, str]) -> Table:
        """A table with exactly these entries."""
        folded = {fold(key): value for key, value in entries.items()}
        return cls(name, lambda key: folded.get(fold(key)), keys=frozenset(folded), listable=True)

    @classmethod
    def broken(cls, name: str, reason: str, pattern: bool = False) -> Table:
        """A table that fails whatever it is asked."""

        def fail(_key: str) -> str | None:
            raise LookupFailed(name, reason)

        return cls(name, fail, pattern=pattern)


@dataclass(frozen=True)
class Pattern:
    """One element of a match list: a literal in lower case, or a table; ``wanted`` is False behind a ``!``."""

    literal: str = ""
    table: Table | None = None
    wanted: bool = True


@dataclass(frozen=True)
class MatchList:
    """A match list. The first element that matches decides; where none does, the name is not in the list."""

    patterns: tuple[Pattern, ...] = ()

    def has_string(self, name: str) -> bool:
        """Exact match, as for mydestination and the virtual domains. Raises LookupFailed."""
        return self._decided(name, _is_string)

    def has_domain(self, name: str, parents: bool) -> bool:
        """Match of a domain or of a parent, as for relay_domains. Raises LookupFailed.

        ``parents``: the list stands in parent_domain_matches_subdomains, so that ``d`` matches its subdomains too;
        otherwise ``.d`` matches them.
        """
        return self._decided(name, lambda folded, pattern: _is_domain(folded, pattern, parents))

    def tables(self) -> list[Table]:
        return [pattern.table for pattern in self.patterns if pattern.table]

    def _decided(self, name: str, matches: t.Callable[[str, Pattern], bool]) -> bool:
        folded = fold(name)
        for pattern in self.patterns:
            if matches(folded, pattern):
                return pattern.wanted
        return False


def parse_match_list(
    text: str,
    open_table: t.Callable[[str], Table],
    read_file: t.Callable[[str], str | None],
    wanted: bool = True,
) -> MatchList:
    """The text of a main.cf parameter -> MatchList. A file of patterns that cannot be read fails when it is asked."""
    patterns: list[Pattern] = []
    for item in split_list(text):
        bare = item.lstrip("!")
        item_wanted = wanted if (len(item) - len(bare)) % 2 == 0 else not wanted
        if bare.startswith("/"):
            content = read_file(bare)
            if content is None:
                patterns.append(Pattern(table=Table.broken(bare, "the file cannot be read"), wanted=item_wanted))
                continue
            for line in logical_lines(content):
                patterns.extend(parse_match_list(line, open_table, read_file, item_wanted).patterns)
        elif ":" in bare and not bare.startswith("["):
            patterns.append(Pattern(table=open_table(bare), wanted=item_wanted))
        elif bare:
            patterns.append(Pattern(fold(bare), wanted=item_wanted))
    return MatchList(tuple(patterns))


def is_pattern_table(name: str) -> bool:
    """Whether the table of this name, such as ``regexp:/etc/postfix/x``, is asked with whole addresses only."""
    table_type, _colon, rest = name.partition(":")
    if table_type in COMBINED_TYPES:
        members = split_list(rest[1:-1])
        return bool(members) and is_pattern_table(members[0])
    if table_type == "proxy":
        return is_pattern_table(rest)
    return table_type in PATTERN_TYPES


def parent_keys(name: str, parents: bool) -> t.Iterator[str]:
    """The keys under which a domain is looked up: itself, then ``.parent`` (or ``parent``) up to the last label."""
    key = name
    while key:
        yield key
        dot = key.find(".", 1)
        if dot < 0:
            return
        key = key[dot + 1 :] if parents else key[dot:]


def _is_string(name: str, pattern: Pattern) -> bool:
    if pattern.table:
        return pattern.table.lookup(name) is not None
    return name == pattern.literal


def _is_domain(name: str, pattern: Pattern, parents: bool) -> bool:
    if pattern.table:
        keys = [name] if pattern.table.pattern else parent_keys(name, parents)
        return any(pattern.table.lookup(key) is not None for key in keys)
    if name == pattern.literal:
        return True
    parent = "." + pattern.literal if parents else pattern.literal
    # A lone ".d" is itself no subdomain of d, hence the comparison of lengths.
    return parent.startswith(".") and name.endswith(parent) and len(name) > len(parent)
