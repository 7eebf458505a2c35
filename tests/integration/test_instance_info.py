# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postfix_instance_info on real instances: running, stopped, without main.cf, and on a host without Postfix."""

from __future__ import annotations

import subprocess

from lab import ansible

MODULE = "mailops.connectors.postfix_instance_info"


def looked(**options):
    made = ansible.run_task(MODULE, options, check=True).expect_success()["b1"]
    return {
        name: made[name]
        for name in ("installed", "configured", "running", "config_directory", "version", "table_types")
    }


def test_an_instance_runs_and_ends(make_instance):
    instance = make_instance("b1", "127.0.0.11")
    directory = str(instance.config_directory)
    said = subprocess.run(["postconf", "-c", directory, "-m"], capture_output=True, text=True, check=True)
    version = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=True)
    running = {
        "installed": True,
        "configured": True,
        "running": True,
        "config_directory": directory,
        "version": version.stdout.strip(),
        "table_types": sorted(said.stdout.split()),
    }
    assert looked(config_directory=directory) == running
    instance.stop()
    assert looked(config_directory=directory) == {**running, "running": False}


def test_what_is_not_there_is_no_error(tmp_path):
    empty = {"configured": False, "running": False, "version": "", "table_types": []}
    without_main_cf = looked(config_directory=str(tmp_path))
    assert without_main_cf == {**empty, "installed": True, "config_directory": str(tmp_path)}
    assert looked(command_directory=str(tmp_path)) == {**empty, "installed": False, "config_directory": ""}
