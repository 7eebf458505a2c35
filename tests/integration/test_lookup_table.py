# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup tables with the real postmap(1): what we read is what it builds, and no accident loses a table."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files, lookup_tables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import (
    LookupTableError,
    LookupTables,
    fold,
    parse,
    render,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lab import ansible
from lab.programs import run_command

MODULE = "mailops.connectors.postfix_lookup_table"
TYPES = ["lmdb", "hash", "btree", "cdb"]
OLD = {"a.test": "smtp:[old]", ".a.test": "smtp:[old]", "gone.test": "x:"}
NEW = {"a.test": "smtp:[new]", ".a.test": "smtp:[new]", "come.test": "y:"}


@pytest.fixture(scope="module")
def config() -> Iterator[str]:
    """A configuration directory of an instance that never runs."""
    with tempfile.TemporaryDirectory(prefix="tables-") as directory:
        text = f"compatibility_level = 3.6\nqueue_directory = {directory}/queue\n"
        files.write_atomically(f"{directory}/main.cf", text.encode(), 0o644)
        files.write_atomically(f"{directory}/master.cf", b"rewrite unix - - n - - trivial-rewrite\n", 0o644)
        yield directory


@pytest.fixture
def tables(config: str) -> LookupTables:
    return LookupTables(config, run_command)


@pytest.fixture(params=TYPES)
def table_type(request: pytest.FixtureRequest, config: str) -> str:
    if request.param not in Postfix(config, run_command).table_types():
        pytest.skip(f"this Postfix has no {request.param} tables")
    return request.param


# --- what postmap reads ----------------------------------------------------------------------------------------------

SOURCES = st.text('abAB \t\n\n#:"\\\xe9\xc9\x85\u2028\f\r', max_size=40)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SOURCES)
@example("\\\t :")
@example('"a\tb" c')
def test_our_reading_of_a_source_is_postmaps(text):
    with tempfile.TemporaryDirectory() as directory:
        files.write_atomically(f"{directory}/main.cf", b"compatibility_level = 3.6\n", 0o644)
        files.write_atomically(f"{directory}/t", text.encode(), 0o644)
        tables = LookupTables(directory, run_command)
        for table_type in ("lmdb", "cdb"):
            done = run_command(
                [Postfix(directory, run_command).program("postmap"), "-c", directory, f"{table_type}:{directory}/t"]
            )
            assert done.status == 0
            assert tables.dump(table_type, f"{directory}/t") == parse(text)


def test_what_is_built_is_found_by_a_query_too(tables, table_type, tmp_path):
    entries = {**OLD, '"quoted key"@a.test': "v w", "É.test": "folded", "@a.test": "x"}
    path = str(tmp_path / "t")
    tables.build(table_type, path, render(entries), 0o644)
    assert tables.dump(table_type, path) == {fold(key): value for key, value in entries.items()}
    assert tables.query(f"{table_type}:{path}", [*entries, "other.test"]) == entries


# --- noticed and repaired --------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


DAMAGES: list[tuple[str, Callable[[Path], object]]] = [
    ("edited", lambda path: path.write_text("a.test\tsmtp:[hand]\n")),
    ("cut", cut),
    ("empty", lambda path: path.write_bytes(b"")),
    ("deleted", os.unlink),
    ("opened to all", lambda path: path.chmod(0o666)),
]


@pytest.mark.parametrize("which", ["source", "index"])
@pytest.mark.parametrize("damage", [damage for _name, damage in DAMAGES], ids=[name for name, _damage in DAMAGES])
def test_damage_is_noticed_and_repaired(tables, table_type, tmp_path, which, damage):
    path = tmp_path / "t"
    text = render(OLD)
    tables.build(table_type, str(path), text, 0o640)
    assert tables.is_current(table_type, str(path), text, 0o640) is None
    damaged = path if which == "source" else Path(lookup_tables.index_path(table_type, str(path)) or "")
    damage(damaged)
    reason = tables.is_current(table_type, str(path), text, 0o640)
    assert reason
    assert which in reason
    tables.build(table_type, str(path), text, 0o640)
    assert tables.is_current(table_type, str(path), text, 0o640) is None
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(
        {path.name, f"t{damaged.suffix}"} | {Path(lookup_tables.index_path(table_type, str(path)) or "").name}
    )


def test_an_index_with_one_entry_too_many_is_noticed(tables, table_type, tmp_path):
    path = str(tmp_path / "t")
    tables.build(table_type, path, render({**OLD, "more.test": "x:"}), 0o644)
    files.write_atomically(path, render(OLD).encode(), 0o644)
    assert tables.is_current(table_type, path, render(OLD), 0o644) == "the index differs from the source"


def test_an_lmdb_index_stays_the_same_file_and_others_are_replaced(tables, table_type, tmp_path):
    path = str(tmp_path / "t")
    index = lookup_tables.index_path(table_type, path) or ""
    assert tables.build(table_type, path, render(OLD), 0o644) == lookup_tables.RENAMED
    inode = os.stat(index).st_ino
    assert tables.build(table_type, path, render(NEW), 0o644) == (
        lookup_tables.UPDATED if table_type == "lmdb" else lookup_tables.RENAMED
    )
    assert (os.stat(index).st_ino == inode) == (table_type == "lmdb")


def test_a_symlinked_source_stays_a_symlink(tables, table_type, tmp_path):
    (tmp_path / "real").mkdir()
    path = tmp_path / "t"
    path.symlink_to(tmp_path / "real" / "t")
    for entries in (OLD, NEW):
        tables.build(table_type, str(path), render(entries), 0o644)
        assert path.is_symlink()
        assert tables.is_current(table_type, str(path), render(entries), 0o644) is None


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_table_of_secrets_is_at_no_moment_open_to_others(config, table_type, tmp_path):
    seen: list[tuple[str, int]] = []
    path = str(tmp_path / "t")

    def watched(command: list[str], data: bytes | None = None):
        done = run_command(command, data)
        for directory, _directories, names in os.walk(tmp_path):
            closed = stat.S_IMODE(os.stat(directory).st_mode) == 0o700 and directory != str(tmp_path)
            seen.extend(
                (name, stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode)) for name in names if not closed
            )
        return done

    tables = LookupTables(config, watched)
    tables.build(table_type, path, render(OLD), 0o644)
    seen.clear()
    tables.build(table_type, path, render({"a.test": "user:secret"}), 0o600)
    index = os.path.basename(lookup_tables.index_path(table_type, path) or "")
    if table_type == "lmdb":  # updated in place: closed before the secret goes in
        assert {mode for name, mode in seen[-2:] if name == index} <= {0o600}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "modes", [(0o600, 0o644), (0o644, 0o600), (0o666, 0o640)], ids=["loosened", "tightened", "both"]
)
def test_mode_and_owner_follow_the_wish(tables, table_type, tmp_path, modes):
    path = str(tmp_path / "t")
    for mode, owner in zip(modes, ((0, 0), (0, 12345))):
        tables.build(table_type, path, render(OLD), mode, owner)
        assert tables.is_current(table_type, path, render(OLD), mode, owner) is None
    assert (
        tables.is_current(table_type, path, render(OLD), modes[1], (0, 54321)) == "the source has another mode or owner"
    )


# --- a full disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; the mount is in the test run's own namespace."""
    directory = tmp_path / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


LARGE = {f"domain-{number:05}.test": "smtp:[smarthost.example.com]:25" for number in range(6000)}


@pytest.mark.parametrize("room", [0, 100_000, 420_000])
@pytest.mark.parametrize("existing", [False, True], ids=["first", "existing"])
def test_a_full_disk_leaves_the_old_table(tables, table_type, small_disk, existing, room):
    path = str(small_disk / "t")
    if existing:
        tables.build(table_type, path, render(OLD), 0o644)
    with open(small_disk / "filler", "wb") as filler:
        while shutil.disk_usage(small_disk).free > room:
            filler.write(b"x" * 4096)
            filler.flush()
    before = sorted(entry.name for entry in small_disk.iterdir())
    with pytest.raises((LookupTableError, OSError)):
        tables.build(table_type, path, render(LARGE), 0o644)
    assert sorted(entry.name for entry in small_disk.iterdir()) == before
    if existing:
        assert tables.is_current(table_type, path, render(OLD), 0o644) is None
    os.unlink(small_disk / "filler")
    tables.build(table_type, path, render(NEW), 0o644)
    assert tables.is_current(table_type, path, render(NEW), 0o644) is None


# --- killed at every step --------------------------------------------------------------------------------------------

BUILD = f"""
import json, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
from lab.programs import run_command
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables, render
config, table_type, path, entries = sys.argv[1:]
LookupTables(config, run_command).build(table_type, path, render(json.loads(entries)), 0o644)
"""
STEPS = (
    "mkdir",
    "rename",
    "link",
    "unlink",
    "unlinkat",
    "rmdir",
    "fsync",
    "fdatasync",
    "chmod",
    "fchmod",
    "utimensat",
    "pwrite64",
    "write",
    "writev",
    "vfork",
)


def traced(config: str, table_type: str, path: str, *options: str) -> int:
    """Build the new table under strace with these options; returns the exit status."""
    command = ["strace", "-f", *options, sys.executable, "-c", BUILD, config, table_type, path, json.dumps(NEW)]
    environment = {**os.environ, "PYTHONPATH": ansible.collections_path()}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def most_calls(log: Path) -> dict[str, int]:
    """How often one process made each system call, at most."""
    counts = Counter(tuple(line.partition("(")[0].split()) for line in log.read_text(errors="replace").splitlines())
    most: dict[str, int] = {}
    for (_process, *name), count in counts.items():
        if len(name) == 1 and name[0] in STEPS:
            most[name[0]] = max(count, most.get(name[0], 0))
    return most


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_kill_at_any_step_leaves_the_old_or_the_new_table(tables, table_type, config, tmp_path):
    """Killed at each system call that changes something, in our process and in postmap."""
    if table_type == "btree":
        pytest.skip("the same steps as hash")
    path, log = str(tmp_path / "t"), tmp_path.parent / f"{tmp_path.name}.log"

    def begin() -> None:
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        tables.build(table_type, path, render(OLD), 0o644)

    begin()
    assert traced(config, table_type, path, "-o", str(log)) == 0
    kills = [(name, number) for name, count in sorted(most_calls(log).items()) for number in range(1, count + 1)]
    assert len(kills) > 10
    left = set()
    for name, number in kills:
        begin()
        traced(
            config,
            table_type,
            path,
            "-o",
            "/dev/null",
            "-e",
            f"trace={name}",
            "-e",
            f"inject={name}:signal=SIGKILL:when={number}",
        )
        found = tables.query(f"{table_type}:{path}", sorted({*OLD, *NEW}))
        assert found in (OLD, NEW), f"killed at {name} {number}: {found}"
        left.add(frozenset(found))
        if tables.is_current(table_type, path, render(NEW), 0o644):
            tables.build(table_type, path, render(NEW), 0o644)
        assert tables.is_current(table_type, path, render(NEW), 0o644) is None, f"killed at {name} {number}"
    assert left == {frozenset(OLD), frozenset(NEW)}
