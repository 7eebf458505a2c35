# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup tables: built so that a kill or a full disk leaves the old or the new one, and judged by their content.

postmap(1) exits 0 on a full disk, for duplicates and for lines that it leaves out, and an index keeps the mode that it
once had. So nothing here trusts an exit status or a modification time: what was built is read back.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
import typing as t

from . import files
from .cdb import read_cdb
from .command import CommandResult, Postfix, Runner
from .match_list import LookupFailed, Table, is_pattern_table
from .table_text import Entry, TableTextError, fold, key_end, merge, parse, render

__all__ = [
    "INDEX_SUFFIXES",
    "PATTERN_FILE_TYPES",
    "TEXT_TYPES",
    "Entry",
    "LookupTableError",
    "LookupTables",
    "TableTextError",
    "choose_indexed_type",
    "fold",
    "index_path",
    "merge",
    "parse",
    "render",
]

# Types that postmap builds into one file beside the source.
INDEX_SUFFIXES = {"lmdb": ".lmdb", "cdb": ".cdb", "hash": ".db", "btree": ".db"}
# Types whose source Postfix reads itself, when a program starts. In the second group order and case count.
TEXT_TYPES = frozenset({"texthash", "cidr", "regexp", "pcre"})
PATTERN_FILE_TYPES = frozenset({"cidr", "regexp", "pcre"})

UPDATED = "updated"  # in place: every program sees the new content at once
RENAMED = "renamed"  # a new index file: seen within 10 seconds, or after a reload
REPLACED = "replaced"  # a source that programs read when they start: seen after a reload

# A build directory this old belongs to a run that was killed.
_ABANDONED_SECONDS = 3600


class LookupTableError(Exception):
    """A lookup table could not be built, read or asked. Nothing that it says comes from a value."""

    def __init__(self, table: str, message: str, remedy: str) -> None:
        self.table = table
        self.message = message
        self.remedy = remedy
        super().__init__(f"lookup table {table}: {message}. {remedy}")


def choose_indexed_type(types: t.AbstractSet[str], default: str) -> str:
    """The best indexed type of those that ``postconf -m`` lists; ``default`` is default_database_type.

    lmdb takes a change in place and cdb is replaced whole: both survive a kill. Raises LookupTableError.
    """
    for wanted in ("lmdb", "cdb", "hash", default):
        if wanted in types and wanted in INDEX_SUFFIXES:
            return wanted
    raise LookupTableError(
        "of any indexed type",
        "this Postfix offers " + (", ".join(sorted(types)) or "no types"),
        "Install the package with Postfix's lmdb or cdb support",
    )


def index_path(table_type: str, path: str) -> str | None:
    """The index file of a table; None for a type without one."""
    suffix = INDEX_SUFFIXES.get(table_type)
    return path + suffix if suffix else None


class LookupTables:
    """The lookup tables of one Postfix instance; the arguments are those of command.Postfix."""

    def __init__(self, config_directory: str | None, run: Runner, command_directory: str | None = None) -> None:
        self._postfix = Postfix(config_directory, run, command_directory)
        self._run_command = run

    def dump(self, table_type: str, path: str) -> dict[str, str] | None:
        """Every entry that Postfix would find; None where there is no readable table, or its type cannot be listed."""
        index = index_path(table_type, path)
        if table_type == "texthash":
            source = files.read(path)
            return None if source is None else parse(_decoded(source))
        if table_type == "inline":
            return self._listed(f"inline:{path}")
        if index is None or not os.path.isfile(index):
            return None
        if table_type == "cdb":
            try:
                return read_cdb(files.read(index) or b"")
            except ValueError:
                return None
        return self._listed(f"{table_type}:{path}")

    def _listed(self, table: str) -> dict[str, str] | None:
        result = self._postmap("-s", table)
        if result.status != 0:
            return None
        return dict(_dumped(line) for line in result.stdout.split("\n") if line)

    def query(self, table: str, keys: t.Iterable[str]) -> dict[str, str]:
        """What the table ``type:path`` answers for exactly these keys, those not found left out: one process.

        Raises LookupTableError where the table cannot be asked.
        """
        asked = [key for key in dict.fromkeys(keys) if key and "\n" not in key and "\0" not in key]
        if not asked:
            return {}
        data = "".join(key + "\n" for key in asked).encode("utf-8", "surrogateescape")
        result = self._postmap("-q", "-", table, data=data)
        # Status 1 means "none found" as well as "failed": only standard error tells.
        if result.status > 1 or (result.status == 1 and _complaints(result)):
            raise LookupTableError(
                table, f"it cannot be asked: {'; '.join(_complaints(result))}", "Build it, or correct its name"
            )
        # Answers come in the order of the keys, and a key may hold the tab that ends it.
        answers: dict[str, str] = {}
        lines = iter(result.stdout.split("\n"))
        line = next(lines)
        for key in asked:
            if line.startswith(key + "\t"):
                answers[key] = line[len(key) + 1 :]
                line = next(lines, "")
        return answers

    def table(self, name: str) -> Table:
        """The table ``type:path`` for the view: listed where it can be, else asked, and each key once only."""
        # proxymap(8) opens the table that is named behind it, and cannot list it itself.
        table_type, _colon, path = name.removeprefix("proxy:").partition(":")
        entries = self.dump(table_type, path)
        if entries is not None:
            return Table.of(name, entries)
        return AskedTable(name, self).as_table()

    def is_current(
        self, table_type: str, path: str, text: str, mode: int, owner: files.Owner | None = None
    ) -> str | None:
        """Why the table has to be built, in words; None where source, index, modes and owners are as wanted."""
        source = files.read(path)
        if source is None:
            return "the source is missing"
        if source != _encoded(text):
            return "the source differs"
        if not _has(path, mode, owner):
            return "the source has another mode or owner"
        index = index_path(table_type, path)
        if index is None:
            return None
        if not os.path.isfile(index):
            return "the index is missing"
        entries = self.dump(table_type, path)
        if entries is None:
            return "the index cannot be read"
        if not _same(entries, text):
            return "the index differs from the source"
        return None if _has(index, mode, owner) else "the index has another mode or owner"

    def build(self, table_type: str, path: str, text: str, mode: int, owner: files.Owner | None = None) -> str:
        """Let the table have this source text, and its index the same content; both get mode and owner.

        Returns UPDATED, RENAMED or REPLACED. On any error source and index are as before: raises LookupTableError
        where the index does not read back as wanted (a full disk, for example) and OSError.
        """
        if table_type in TEXT_TYPES:
            self._replace_text(table_type, path, text, mode, owner)
            return REPLACED
        if table_type not in INDEX_SUFFIXES:
            raise LookupTableError(
                f"{table_type}:{path}",
                "this type is not built from a source file",
                "Use one of " + ", ".join(sorted({*INDEX_SUFFIXES, *TEXT_TYPES})),
            )
        # An lmdb index is updated in place: its readers then see old or new, at once (a renamed one stays unseen for
        # up to 10 seconds). A first or damaged one is built aside: a kill could leave an empty, valid map.
        if table_type == "lmdb" and self.dump(table_type, path) is not None:
            self._update_in_place(path, text, mode, owner)
            return UPDATED
        self._build_aside(table_type, path, text, mode, owner)
        return RENAMED

    def _update_in_place(self, path: str, text: str, mode: int, owner: files.Owner | None) -> None:
        index = path + INDEX_SUFFIXES["lmdb"]
        os.chmod(index, _mode(index) & mode)  # tightened before, loosened after: never more open than wanted
        with _source_put_back_on_error(path):
            files.write_atomically(path, _encoded(text), mode, owner)
            result = self._postmap("-o", f"lmdb:{path}")
            try:
                self._verify("lmdb", path, text, result)
            except LookupTableError:
                self._rebuild_old(path)
                raise
        _set_mode(index, mode, owner)

    def _rebuild_old(self, path: str) -> None:
        """After a failed update postmap has mostly kept the old content; where it has not, this brings it back."""
        kept = _kept_path(path)
        source = files.read(kept)
        entries = self.dump("lmdb", path)
        if source is not None and (entries is None or not _same(entries, _decoded(source))):
            os.replace(kept, os.path.realpath(path))
            self._postmap("-o", f"lmdb:{path}")

    def _build_aside(self, table_type: str, path: str, text: str, mode: int, owner: files.Owner | None) -> None:
        suffix = INDEX_SUFFIXES[table_type]
        with _build_directory(path) as directory:
            aside = os.path.join(directory, os.path.basename(path))
            files.write_atomically(aside, _encoded(text), 0o600)
            self._verify(table_type, aside, text, self._postmap(f"{table_type}:{aside}"))
            _set_mode(aside + suffix, mode, owner)
            _sync(aside + suffix)
            files.write_atomically(path, _encoded(text), mode, owner)
            os.rename(aside + suffix, path + suffix)
            _sync(os.path.dirname(path) or ".")

    def _replace_text(self, table_type: str, path: str, text: str, mode: int, owner: files.Owner | None) -> None:
        """Have Postfix read the new text aside first: what it would only warn about is an error here."""
        with _build_directory(path) as directory:
            aside = os.path.join(directory, os.path.basename(path))
            files.write_atomically(aside, _encoded(text), 0o600)
            result = self._postmap("-q", "-", f"{table_type}:{aside}", data=b"192.0.2.1\n")
            complaints = [line.replace(aside, path) for line in _complaints(result)]
            if complaints:
                raise LookupTableError(
                    f"{table_type}:{path}", f"Postfix cannot read it: {'; '.join(complaints)}", "Correct the entries"
                )
        files.write_atomically(path, _encoded(text), mode, owner)

    def _verify(self, table_type: str, path: str, text: str, result: CommandResult) -> None:
        entries = self.dump(table_type, path)
        if result.status == 0 and entries is not None and _same(entries, text):
            return
        said = "; ".join(_complaints(result)) or "postmap said nothing, as it does on a full disk"
        raise LookupTableError(
            f"{table_type}:{path}",
            f"the index does not read back as it was to be written ({said})",
            "Make room on the file system or correct what postmap says; the old table is in force",
        )

    def _postmap(self, *arguments: str, data: bytes | None = None) -> CommandResult:
        return self._run_command(self._postfix.command("postmap", *arguments), data)


class AskedTable:
    """A table that cannot be listed: asked once for each key, or once for all keys that are known beforehand."""

    def __init__(self, name: str, tables: LookupTables) -> None:
        self._name = name
        self._tables = tables
        self._answers: dict[str, str | None] = {}
        self._failure = ""

    def prefetch(self, keys: t.Iterable[str]) -> None:
        """Ask for these keys together. A table that cannot be asked says so when it is looked up."""
        new = [key for key in keys if key not in self._answers]
        try:
            found = self._tables.query(self._name, new)
        except LookupTableError as error:
            self._failure = error.message
            return
        self._answers.update((key, found.get(key)) for key in new)

    def lookup(self, key: str) -> str | None:
        if key not in self._answers and not self._failure:
            self.prefetch([key])
        if key not in self._answers:
            raise LookupFailed(self._name, self._failure)
        return self._answers[key]

    def as_table(self) -> Table:
        return Table(self._name, self.lookup, pattern=is_pattern_table(self._name), prefetch=self.prefetch)


@contextlib.contextmanager
def _build_directory(path: str) -> t.Iterator[str]:
    """A private directory beside the table, on the same file system, gone afterwards."""
    parent, name = os.path.dirname(path) or ".", os.path.basename(path)
    prefix, suffix = f".{name}.", ".building"
    for entry in os.scandir(parent):
        if entry.name.startswith(prefix) and entry.name.endswith(suffix) and _is_abandoned(entry):
            shutil.rmtree(entry.path, ignore_errors=True)
    directory = tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=parent)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
    return entry.is_dir(follow_symlinks=False) and age > _ABANDONED_SECONDS


def _kept_path(path: str) -> str:
    target = os.path.realpath(path)
    return os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.before")


@contextlib.contextmanager
def _source_put_back_on_error(path: str) -> t.Iterator[None]:
    """Keep the source under a second name, so that putting it back needs no room on the disk."""
    target, kept = os.path.realpath(path), _kept_path(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(kept)
    with contextlib.suppress(FileNotFoundError):
        os.link(target, kept)
    try:
        yield
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.replace(kept, target)
        raise
    finally:
        # Also after putting back: rename(2) does nothing where both names are still the same file.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(kept)


def _dumped(line: str) -> tuple[str, str]:
    """A line of ``postmap -s``; a quoted key may hold the tab that ends it."""
    end = key_end(line)
    if end is None:
        end = line.index("\t")
    return line[:end], line[end + 1 :]


def _complaints(result: CommandResult) -> list[str]:
    """What postmap says of the table; what every program says of main.cf, such as of a repeated line, is no matter here."""
    return [line.strip() for line in result.stderr.splitlines() if line.strip() and "/main.cf, line " not in line]


def _same(entries: t.Mapping[str, str], text: str) -> bool:
    """Whether an index holds exactly the entries of a source; with smtputf8_enable = no it folds ASCII letters only."""
    return {fold(key): value for key, value in entries.items()} == parse(text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def _has(path: str, mode: int, owner: files.Owner | None) -> bool:
    found = os.stat(path)
    return stat.S_IMODE(found.st_mode) == mode and owner in (None, (found.st_uid, found.st_gid))


def _set_mode(path: str, mode: int, owner: files.Owner | None) -> None:
    if owner is not None:
        os.chown(path, *owner)
    os.chmod(path, mode)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
