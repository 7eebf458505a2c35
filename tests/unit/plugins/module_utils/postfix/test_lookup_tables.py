# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import lookup_tables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.cdb import read_cdb
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import CommandResult
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import (
    LookupTableError,
    LookupTables,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.match_list import LookupFailed


def cdb(*entries: tuple[bytes, bytes]) -> bytes:
    """A cdb file with these records; its hash tables are of the right size and hold zeros."""
    records = b"".join(struct.pack("<II", len(key), len(value)) + key + value for key, value in entries)
    end = 2048 + len(records)
    header = struct.pack("<II", end, 2 * len(entries)) + struct.pack("<II", end + 16 * len(entries), 0) * 255
    return header + records + b"\0" * 16 * len(entries)


def test_cdb_records_are_read_with_and_without_a_final_nul():
    data = cdb((b"a.test", b"smtp:[h]"), (b"b.test\0", b"x y\0"), (b"a.test", b"late"))
    assert read_cdb(data) == {"a.test": "smtp:[h]", "b.test": "x y"}
    assert read_cdb(cdb()) == {}


@pytest.mark.parametrize("keep", [0, 100, 2048, 2060, -1])
def test_a_truncated_cdb_is_an_error(keep):
    with pytest.raises(ValueError):
        read_cdb(cdb((b"a.test", b"smtp:[h]"))[:keep])


@pytest.mark.parametrize(
    ("types", "default", "expected"),
    [
        ({"lmdb", "cdb", "hash", "btree"}, "hash", "lmdb"),
        ({"cdb", "hash"}, "hash", "cdb"),
        ({"hash", "btree"}, "btree", "hash"),
        ({"btree", "static"}, "btree", "btree"),
    ],
)
def test_the_best_indexed_type(types, default, expected):
    assert lookup_tables.choose_indexed_type(types, default) == expected


def test_no_indexed_type_at_all():
    with pytest.raises(LookupTableError, match="this Postfix offers inline, static"):
        lookup_tables.choose_indexed_type({"static", "inline"}, "static")


@pytest.mark.parametrize(
    ("table_type", "expected"),
    [
        ("lmdb", "/t.lmdb"),
        ("cdb", "/t.cdb"),
        ("hash", "/t.db"),
        ("btree", "/t.db"),
        ("texthash", None),
        ("regexp", None),
    ],
)
def test_index_paths(table_type, expected):
    assert lookup_tables.index_path(table_type, "/t") == expected


class Postmap:
    """Stands for postmap(1): keeps what it was asked, gives fixed results."""

    def __init__(self, *results: CommandResult) -> None:
        self.asked: list[tuple[list[str], bytes | None]] = []
        self._results = list(results)

    def __call__(self, command: list[str], data: bytes | None = None) -> CommandResult:
        self.asked.append((command, data))
        return self._results.pop(0)


def tables(postmap: Postmap, tmp_path) -> LookupTables:
    program = tmp_path / "postmap"
    program.touch(mode=0o755)
    return LookupTables(str(tmp_path), postmap, str(tmp_path))


def test_many_keys_cost_one_process(tmp_path):
    postmap = Postmap(CommandResult(0, 'a b\tone\n"c\td"\ttwo\tthree\n', ""))
    answers = tables(postmap, tmp_path).query("hash:/t", ["x", "a b", '"c\td"', "a b", "", "z\n"])
    assert answers == {"a b": "one", '"c\td"': "two\tthree"}
    ((command, data),) = postmap.asked
    assert command[1:] == ["-c", str(tmp_path), "-q", "-", "hash:/t"]
    assert data == b'x\na b\n"c\td"\n'


def test_no_keys_cost_none(tmp_path):
    postmap = Postmap()
    assert tables(postmap, tmp_path).query("hash:/t", ["", "a\nb"]) == {}
    assert not postmap.asked


def test_status_1_is_nothing_found_unless_standard_error_says_otherwise(tmp_path):
    assert tables(Postmap(CommandResult(1, "", "")), tmp_path).query("hash:/t", ["x"]) == {}
    with pytest.raises(LookupTableError, match="hash:/t: it cannot be asked: postmap: fatal: no such"):
        tables(Postmap(CommandResult(1, "", "postmap: fatal: no such\n")), tmp_path).query("hash:/t", ["x"])


def test_a_table_that_cannot_be_listed_is_asked_once_for_each_key(tmp_path):
    postmap = Postmap(CommandResult(0, "a\t1\n", ""), CommandResult(1, "", ""))
    table = tables(postmap, tmp_path).table("static:x")
    table.prefetch(["a", "b"])
    assert [table.lookup(key) for key in ("a", "b", "a", "c", "c")] == ["1", None, "1", None, None]
    assert len(postmap.asked) == 2
    assert not table.listable


def test_a_table_that_cannot_be_asked_fails_when_it_is_looked_up_and_is_not_asked_again(tmp_path):
    postmap = Postmap(CommandResult(1, "", "postmap: fatal: gone\n"))
    table = tables(postmap, tmp_path).table("mysql:/x")
    table.prefetch(["a"])
    for key in ("a", "b"):
        with pytest.raises(LookupFailed, match="gone"):
            table.lookup(key)
    assert len(postmap.asked) == 1


def test_a_postmap_that_says_nothing_and_does_nothing_is_found_out(tmp_path):
    with pytest.raises(LookupTableError, match=r"does not read back.*said nothing, as it does on a full disk"):
        tables(Postmap(CommandResult(0, "", "")), tmp_path).build("hash", str(tmp_path / "t"), "a\tsecret\n", 0o644)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["postmap"]


def test_only_types_with_a_source_are_built(tmp_path):
    with pytest.raises(LookupTableError, match="static:/t: this type is not built"):
        tables(Postmap(), tmp_path).build("static", "/t", "", 0o644)
