# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout where Ansible's own tools expect it: .dev/ansible_collections/mailops/connectors, a copy of its files.

A copy and not a link, because ansible-test looks at the real path; a git repository of its own, because it asks git.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from environments import ROOT, WORK

COPY = WORK / "ansible_collections" / "mailops" / "connectors"
IDENTITY = ("-c", "user.name=copy", "-c", "user.email=copy@localhost")


def refresh() -> Path:
    """Bring the copy up to date: tracked files and new ones that git does not ignore."""
    listed = subprocess.run(
        # In CI root often works in a checkout of another user, which git refuses to read without this.
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    COPY.mkdir(parents=True, exist_ok=True)
    for path in sorted(COPY.rglob("*"), reverse=True):
        relative = str(path.relative_to(COPY))
        if relative.startswith((".git/", "tests/output")):
            continue
        if path.is_file() and relative not in names and not relative.startswith(".git"):
            path.unlink()
    for name in names:
        source, target = ROOT / name, COPY / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    if not (COPY / ".git").exists():
        _git("init", "--quiet")
    _git("add", "--all")
    _git("commit", "--quiet", "--allow-empty", "--message", "copy")
    return COPY


def _git(*arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=COPY, check=True, stdout=subprocess.DEVNULL)
