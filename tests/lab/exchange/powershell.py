# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PowerShell on this machine, and how Ansible is brought to use it with a local connection."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("pwsh", "powershell", "PowerShell")
WITHOUT = "there is no PowerShell here: no pwsh on PATH, and none in shared/tools/pwsh beside the checkout"


def find() -> Path | None:
    """The pwsh on PATH, else the test lab's own."""
    on_path = shutil.which("pwsh")
    return Path(on_path).resolve() if on_path else find_lab()


def find_lab() -> Path | None:
    """The test lab's own beside the checkout, or beside a directory that the checkout is in: it has the option -Lint51."""
    beside = (parent / "shared" / "tools" / "pwsh" / "pwsh" for parent in Path(__file__).resolve().parents)
    return next((path for path in beside if path.is_file() and os.access(path, os.X_OK)), None)


def link(directory: Path) -> Path | None:
    """Make links of all names that Ansible and ansible-test call PowerShell by; the directory, or None without one."""
    found = find()
    if found is None:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = directory / name
        if not path.is_symlink() or os.readlink(path) != str(found):
            path.unlink(missing_ok=True)
            path.symlink_to(found)
    return directory


def environment(links: Path, temporary: Path) -> dict[str, str]:
    """Variables for ansible-playbook, so that a local connection runs modules in the PowerShell that links lead to."""
    temporary.mkdir(parents=True, exist_ok=True)
    places = dict.fromkeys(("TEMP", "TMP", "USERPROFILE"), str(temporary))
    return {"PATH": f"{links}:{os.environ['PATH']}", "ANSIBLE_PIPELINING": "1", **places}


def host_vars() -> dict[str, str]:
    """The same for ansible-core 2.19, which knows no PowerShell on Linux, and for later ones, which do."""
    return {"ansible_connection": "local", "ansible_shell_type": "powershell"}
