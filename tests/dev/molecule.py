# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of ./dev molecule: one for each scenario in extensions/molecule."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import containers
from environments import MOLECULE, MOLECULE_PINS, ROOT, WORK, Missing
from steps import Step

SCENARIOS = ROOT / "extensions" / "molecule"
COLLECTIONS = WORK / "molecule"
CONNECTION = "ansible_collections/containers/podman/"
_ONE_AT_A_TIME = threading.Lock()


def molecule(*asked: str) -> list[Step]:
    """Steps for these scenarios, by default for all of them; the longest first."""
    there = sorted(place.parent.name for place in SCENARIOS.glob("*/molecule.yml"))
    unknown = sorted(set(asked) - set(there))
    if unknown:
        raise Missing(f"there is no scenario {', '.join(unknown)} in {SCENARIOS}; there are {', '.join(there)}")
    variables = {**containers.environment(), "ANSIBLE_COLLECTIONS_PATH": f"{WORK}{os.pathsep}{COLLECTIONS}"}
    return [
        Step(f"molecule {name}", MOLECULE, _commands(name), True, variables, shown="molecule ")
        for name in (asked or there)
    ]


def _commands(scenario: str) -> Callable[[Path], Sequence[Sequence[str]]]:
    def commands(bin_directory: Path) -> Sequence[Sequence[str]]:
        if "container_image" in (SCENARIOS / scenario / "inventory.yml").read_text():
            containers.ready()
            with _ONE_AT_A_TIME:
                _provide_connection(bin_directory)
        return [[str(bin_directory / "python"), "tests/dev/molecule_scenario.py", scenario]]

    return commands


def _provide_connection(bin_directory: Path) -> None:
    """The collection containers.podman, out of the package ansible: Galaxy may be out of reach, and the rest is not needed."""
    mark = COLLECTIONS / "made-from"
    pins = MOLECULE_PINS.read_text()
    if mark.exists() and mark.read_text() == pins:
        return
    shutil.rmtree(COLLECTIONS, ignore_errors=True)
    COLLECTIONS.mkdir(parents=True)
    pip = [
        str(bin_directory / "python"),
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    command = [*pip, f"--constraint={MOLECULE_PINS}", f"--dest={COLLECTIONS}", "ansible"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"pip could not download the package ansible: {done.stderr.strip()[-500:]}")
    for wheel in COLLECTIONS.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(COLLECTIONS, [name for name in archive.namelist() if name.startswith(CONNECTION)])
        wheel.unlink()
    mark.write_text(pins)
