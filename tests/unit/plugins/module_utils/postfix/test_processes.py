# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as /proc tells of them, on this machine."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.mailops.connectors.plugins.module_utils.postfix import processes


def test_a_child_is_found_by_its_name_until_it_ends(tmp_path):
    # The 15 characters that proc(5) keeps, and a name that looks as if it ended early.
    program = tmp_path / "trivial) rewrite"
    program.symlink_to("/bin/sleep")
    name = program.name[:15]
    with subprocess.Popen([str(program), "60"]) as child:
        try:
            found = processes.children(os.getpid(), {name})
            assert {one.pid for one in found} == {child.pid}
            assert all(map(processes.is_there, found))
            assert processes.children(os.getpid(), {"another"}) == set()
            assert processes.children(child.pid, {name}) == set()
        finally:
            child.kill()
        # It is dead, though nobody has asked for its status yet.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not any(map(processes.is_there, found))


def test_a_number_that_is_used_again_is_another_process():
    (here,) = [one for one in processes.children(os.getppid(), _own_name()) if one.pid == os.getpid()]
    assert processes.is_there(here)
    assert not processes.is_there(here._replace(since="0"))


def _own_name() -> set[str]:
    with open("/proc/self/comm", encoding="utf-8") as file:
        return {file.read().rstrip("\n")}
