# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading, locking and replacing files: at any moment a reader sees the old content or the new one, never a mixture.

All errors of the system come as OSError with the file's name; a lock that does not become free as LockTimeout.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
import time
import typing as t

# Postfix programs that load a file younger than one second wait until it is older
# ("pausing to let ... cool down", src/util/dict.c); a file that came by rename is complete, so it need not look young.
SETTLED_SECONDS = 5
_POLL_SECONDS = 0.05
_PERMISSIONS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX | stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO
_PRIVATE = 0o600

Owner = tuple[int, int]


class LockTimeout(Exception):
    """A lock was not free in time. ``path`` is the lock's file, ``holder`` the holder's process id if known."""

    def __init__(self, path: str, timeout: float, holder: int | None) -> None:
        self.path = path
        self.holder = holder
        who = f"process {holder}" if holder else "another process"
        super().__init__(f"{path} is still locked by {who} after {timeout:g} seconds. Wait for it, then run again.")


def read(path: str) -> bytes | None:
    """The file's content; None where there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_atomically(path: str, data: bytes, mode: int, owner: Owner | None = None, settled: bool = True) -> None:
    """Let the file have this content, mode and owner (user id, group id), all at once and durably.

    A symlink stays and its target is replaced. ``settled`` sets the modification time back, so that Postfix does not
    pause. On any error the file is as before and nothing is left over.
    """
    target = os.path.realpath(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
    with _removed_on_error(temporary):
        with os.fdopen(descriptor, "wb", closefd=True) as file:
            _fill(file.fileno(), data, mode, owner, settled)
        os.rename(temporary, target)
    _sync_directory(target)


class EditedFile:
    """A file whose edit lock is held. ``read`` it now: what was read before the lock may be outdated."""

    def __init__(self, path: str, descriptor: int, temporary: str) -> None:
        self.path = path
        self._descriptor = descriptor
        self._temporary = temporary
        self.is_replaced = False

    def read(self) -> bytes | None:
        """The file's content; None where there is no file."""
        return read(self.path)

    def replace(self, data: bytes, mode: int | None = None, owner: Owner | None = None, settled: bool = True) -> None:
        """Replace the file by this content, once for each lock.

        Mode and owner are by default those of the file that is replaced (0644 where there is none). On any error
        the file is as before.
        """
        if self.is_replaced:
            raise ValueError(f"{self.path} was already replaced under this lock")
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(self.path)
            mode = stat.S_IMODE(status.st_mode) if mode is None else mode
            owner = (status.st_uid, status.st_gid) if owner is None else owner
        _fill(self._descriptor, data, 0o644 if mode is None else mode, owner, settled)
        os.rename(self._temporary, self.path)
        self.is_replaced = True
        _sync_directory(self.path)


@contextlib.contextmanager
def edit_lock(path: str, timeout: float = 60) -> t.Iterator[EditedFile]:
    """Hold the lock that ``postconf -e`` takes to replace main.cf or master.cf.

    The protocol (Postfix src/util/edit_file.c): whoever has opened PATH.tmp, locked it with flock, and still finds it
    under that name, may fill it and rename it over PATH. Postfix replaces a symlink by a file; here the symlink stays:
    the locks of both its places are held and the file at its real place is replaced.
    """
    real = os.path.realpath(path)
    directory = os.path.realpath(os.path.dirname(path) or ".")
    named = os.path.join(directory, os.path.basename(path))
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as held:
        if named != real:
            held.enter_context(_held_temporary(named, timeout, deadline))
        yield held.enter_context(_held_temporary(real, timeout, deadline))


@contextlib.contextmanager
def exclusive_lock(path: str, timeout: float) -> t.Iterator[None]:
    """Hold an exclusive lock on this file, which is made (0600) where there is none and stays afterwards.

    Waits at most ``timeout`` seconds, then raises LockTimeout with the holder's process id.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    try:
        _lock(descriptor, path, timeout, time.monotonic() + timeout)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        # Closing gives the lock back.
        os.close(descriptor)


@contextlib.contextmanager
def directory_lock(directory: str, timeout: float) -> t.Iterator[None]:
    """Hold an exclusive lock on a directory. No file is made and none changes, so a run that changes nothing leaves
    no trace. Waits at most ``timeout`` seconds, then raises LockTimeout."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, directory, timeout, time.monotonic() + timeout)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _held_temporary(path: str, timeout: float, deadline: float) -> t.Iterator[EditedFile]:
    temporary = f"{path}.tmp"
    descriptor = _open_and_lock(temporary, timeout, deadline)
    edited = EditedFile(path, descriptor, temporary)
    try:
        yield edited
    finally:
        # Under our lock the name is ours, unless it has become the file itself.
        if not edited.is_replaced:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        os.close(descriptor)


def _open_and_lock(temporary: str, timeout: float, deadline: float) -> int:
    """Open the temporary file, lock it, and make sure that it is ours to fill (edit_file_open())."""
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
        try:
            _lock(descriptor, temporary, timeout, deadline)
            ours = os.fstat(descriptor)
            try:
                there = os.lstat(temporary)
            except FileNotFoundError:
                there = None
            if there is not None and os.path.samestat(ours, there):
                if stat.S_ISREG(there.st_mode) and there.st_nlink == 1 and there.st_mode & _PERMISSIONS == _PRIVATE:
                    os.ftruncate(descriptor, 0)
                    return descriptor
                # What a crash left behind with another mode, or linked to the file itself, must not be written to.
                os.unlink(temporary)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: str, timeout: float, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN):
                raise
        if time.monotonic() >= deadline:
            raise LockTimeout(path, timeout, _holder(descriptor))
        time.sleep(_POLL_SECONDS)


def _holder(descriptor: int) -> int | None:
    """The process id that the holder has written into its lock's file."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        return None
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _fill(descriptor: int, data: bytes, mode: int, owner: Owner | None, settled: bool) -> None:
    """Content first, then owner and mode (a secret is never readable by others), then durability."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    status = os.fstat(descriptor)
    if owner is not None and owner != (status.st_uid, status.st_gid):
        os.fchown(descriptor, *owner)
    os.fchmod(descriptor, mode)
    if settled:
        then = time.time_ns() - SETTLED_SECONDS * 1_000_000_000
        os.utime(descriptor, ns=(then, then))
    os.fsync(descriptor)


@contextlib.contextmanager
def _removed_on_error(temporary: str) -> t.Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _sync_directory(path: str) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
