# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.files import (
    LockTimeout,
    edit_lock,
    exclusive_lock,
    write_atomically,
)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def no_space(monkeypatch):
    """A disk that has no room for the second half of what is written."""
    real_write = os.write

    def write(descriptor, data):
        if len(data) > 3:
            return real_write(descriptor, bytes(data)[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "write", write)


def test_reading_what_is_not_there_gives_none(tmp_path):
    assert files.read(str(tmp_path / "none")) is None


def test_content_and_mode_are_as_wanted(tmp_path):
    path = tmp_path / "table"
    path.write_text("old")
    path.chmod(0o644)
    write_atomically(str(path), b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert mode_of(path) == 0o600
    assert os.listdir(tmp_path) == ["table"]


def test_a_settled_file_looks_older_than_postfix_waits_for(tmp_path):
    path = tmp_path / "main.cf"
    start = time.time()
    write_atomically(str(path), b"a = 1\n", 0o644, settled=False)
    unsettled = path.stat().st_mtime
    write_atomically(str(path), b"a = 1\n", 0o644)
    assert path.stat().st_mtime < time.time() - 2
    # File systems keep coarser time than the clock.
    assert unsettled > start - 1


def test_it_is_private_until_it_is_complete(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    seen = []
    real_write = os.write

    def write(descriptor, data):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real_write(descriptor, data)

    monkeypatch.setattr(files.os, "write", write)
    write_atomically(str(path), b"password", 0o644)
    assert seen == [0o600]
    assert mode_of(path) == 0o644


def test_a_symlink_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "main.cf"
    target.write_text("old")
    link = tmp_path / "main.cf"
    link.symlink_to(target)
    write_atomically(str(link), b"new", 0o644)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path / "real") == ["main.cf"]


def test_a_full_disk_leaves_everything_as_it_was(tmp_path, no_space):
    path = tmp_path / "main.cf"
    path.write_text("old text")
    inode = path.stat().st_ino
    with pytest.raises(OSError, match="No space"):
        write_atomically(str(path), b"new text", 0o644)
    assert path.read_text() == "old text"
    assert path.stat().st_ino == inode
    assert os.listdir(tmp_path) == ["main.cf"]


def test_a_full_disk_under_the_edit_lock_leaves_everything_as_it_was(tmp_path, no_space):
    path = tmp_path / "main.cf"
    path.write_text("old text")
    with pytest.raises(OSError, match="No space"), edit_lock(str(path)) as file:
        file.replace(b"new text")
    assert path.read_text() == "old text"
    assert os.listdir(tmp_path) == ["main.cf"]


def test_an_edit_keeps_the_mode_and_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "main.cf"
    path.write_text("old")
    path.chmod(0o640)
    with edit_lock(str(path)) as file:
        assert file.read() == b"old"
        file.replace(b"new")
    assert path.read_text() == "new"
    assert mode_of(path) == 0o640
    assert os.listdir(tmp_path) == ["main.cf"]


def test_an_edit_without_a_change_touches_nothing(tmp_path):
    path = tmp_path / "main.cf"
    path.write_text("old")
    before = path.stat()
    with edit_lock(str(path)):
        pass
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.listdir(tmp_path) == ["main.cf"]


def test_an_edit_follows_a_symlink_and_locks_both_places(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "main.cf"
    target.write_text("old")
    link = tmp_path / "main.cf"
    link.symlink_to(target)
    with edit_lock(str(link)) as file:
        assert (tmp_path / "main.cf.tmp").exists()
        assert (tmp_path / "real" / "main.cf.tmp").exists()
        file.replace(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["main.cf", "real"]
    assert os.listdir(tmp_path / "real") == ["main.cf"]


def test_a_file_is_replaced_once_for_each_lock(tmp_path):
    path = tmp_path / "main.cf"
    path.write_text("old")
    with edit_lock(str(path)) as file:
        file.replace(b"new")
        with pytest.raises(ValueError, match="already"):
            file.replace(b"newer")
    assert path.read_text() == "new"


@pytest.mark.parametrize("leftover", ["readable by all", "linked to the file itself", "longer than the new text"])
def test_what_a_crash_left_behind_does_no_harm(tmp_path, leftover):
    path = tmp_path / "main.cf"
    path.write_text("old")
    temporary = tmp_path / "main.cf.tmp"
    if leftover == "linked to the file itself":
        os.link(path, temporary)
    else:
        temporary.write_text("something much longer than the new text")
        temporary.chmod(0o644 if leftover == "readable by all" else 0o600)
    with edit_lock(str(path)) as file:
        assert path.read_text() == "old"
        file.replace(b"new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["main.cf"]


def test_no_edit_is_lost_among_several_editors(tmp_path):
    path = tmp_path / "counter"
    path.write_text("0")

    def count():
        for _number in range(20):
            with edit_lock(str(path)) as file:
                file.replace(str(int(file.read()) + 1).encode())

    threads = [threading.Thread(target=count) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "80"


HOLD = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(descriptor, fcntl.LOCK_EX)
os.write(descriptor, b"%d\\n" % os.getpid())
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held_lock(tmp_path):
    """A lock that another process holds: (its path, that process)."""
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    yield path, holder
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()


def test_a_lock_that_does_not_become_free_names_its_holder(held_lock):
    path, holder = held_lock
    with pytest.raises(LockTimeout, match=f"locked by process {holder.pid}"), exclusive_lock(str(path), 0.2):
        pytest.fail("the lock was free")


def test_a_lock_is_waited_for(held_lock):
    path, holder = held_lock
    threading.Timer(0.3, holder.stdin.close).start()
    with exclusive_lock(str(path), 60):
        assert path.read_text() == f"{os.getpid()}\n"
    assert mode_of(path) == 0o600


def test_an_edit_lock_that_does_not_become_free_is_an_error(tmp_path, held_lock):
    lock, _holder = held_lock
    os.rename(lock, tmp_path / "main.cf.tmp")
    (tmp_path / "main.cf").write_text("old")
    with (
        pytest.raises(LockTimeout, match=r"main\.cf\.tmp is still locked"),
        edit_lock(str(tmp_path / "main.cf"), timeout=0.2),
    ):
        pytest.fail("the lock was free")
    assert (tmp_path / "main.cf.tmp").exists()
