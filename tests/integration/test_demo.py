# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration proves what it says, says what it needs, and fails loudly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ansible, postfix

DEMO = ansible.CHECKOUT / "tests" / "demo"


@pytest.fixture
def temporary_files() -> Iterator[Path]:
    """A place for temporary files that the user postfix may enter; tmp_path is closed to it."""
    with postfix.temporary_root("files-") as directory:
        yield directory


def demonstrate(temporary_files: Path, demo: Path = DEMO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(demo / "demo.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
        env={**os.environ, "TMPDIR": str(temporary_files)},
    )


def test_it_proves_everything_and_leaves_nothing(temporary_files):
    run = demonstrate(temporary_files)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "23 things proved" in run.stdout
    assert list(temporary_files.iterdir()) == []


def test_a_claim_that_is_not_so_ends_it_with_an_error(tmp_path, temporary_files):
    demo = tmp_path / "tests" / "demo"
    shutil.copytree(DEMO, demo)
    (demo.parent / "lab").symlink_to(DEMO.parent / "lab")
    chapters = demo / "chapters.py"
    text = chapters.read_text(encoding="utf-8")
    right = '"partner.example" in text'
    assert right in text
    chapters.write_text(text.replace(right, '"elsewhere.example" in text'), encoding="utf-8")
    run = demonstrate(temporary_files, demo)
    assert run.returncode == 1
    assert "THE DEMONSTRATION FAILED" in run.stderr
    assert "Seen instead: 3 routes, on app1, gw1, gw2" in run.stderr
    assert "things proved" not in run.stdout
    assert list(temporary_files.iterdir()) == []


def test_without_root_it_says_what_it_needs():
    # The machine's own Python: the running one may lie where another user cannot go.
    command = ["/usr/bin/python3", str(DEMO / "demo.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, user=65534)
    assert run.returncode == 2
    assert "It needs root" in run.stderr
