# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python interpreters and virtual environments, made under .dev/ from the pins in tests/requirements.txt."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".dev"
PINS = ROOT / "tests" / "requirements.txt"
MOLECULE_PINS = ROOT / "tests" / "requirements-molecule.txt"

TEST_TOOLS = ("pytest", "pytest-xdist", "hypothesis", "idna", "PyYAML")
LAB_TOOLS = ("ansible-core", "cryptography", "dnspython", "jmespath", "pywinrm", *TEST_TOOLS)
MOLECULE_TOOLS = ("ansible-core", "cryptography", "dnspython", "idna", "jmespath", "molecule", "pywinrm", "PyYAML")
GATE_TOOLS = ("ansible-lint", "antsibull-changelog", "antsibull-docs", "galaxy-importer", "mypy", "ruff")


class Environment(NamedTuple):
    """name: its directory. pythons: acceptable versions, the best first. packages: names with a pin."""

    name: str
    pythons: tuple[str, ...]
    packages: tuple[str, ...]
    purpose: str
    pins: tuple[Path, ...] = (PINS,)


TARGET_OLDEST = Environment("target-oldest", ("3.9",), TEST_TOOLS, "module code on the oldest Python of a bridgehead")
TARGET_NEWEST = Environment("target-newest", ("3.13", "3.14"), TEST_TOOLS, "module code on the newest Python")
CORE_OLDEST = Environment("core-2.19", ("3.11",), LAB_TOOLS, "ansible-core 2.19 on its oldest Python")
CORE_NEWEST = Environment("core-2.21", ("3.13", "3.12"), LAB_TOOLS, "ansible-core 2.21 on its newest Python")
# Debian 12 has Python 3.11 alone; the gates work there too, with the ansible-core that it can run.
GATES = Environment("gates", ("3.13", "3.12", "3.11"), ("ansible-core", *GATE_TOOLS), "style, types, documentation")
MOLECULE = Environment("molecule", GATES.pythons, MOLECULE_TOOLS, "roles on whole hosts", (PINS, MOLECULE_PINS))


class Missing(Exception):
    """What is not there on this machine, as a sentence."""


def find_python(versions: tuple[str, ...]) -> str:
    """The path of an interpreter of one of these versions, on PATH or where pyenv keeps its own. Raises Missing."""
    for version in versions:
        places = [shutil.which(f"python{version}") or ""]
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser()) / "versions"
        places += [str(path / "bin" / f"python{version}") for path in sorted(pyenv.glob(f"{version}.*"), reverse=True)]
        places += [shutil.which("python3") or ""]
        for place in places:
            if place and _version(place) == version:
                return place
    raise Missing(f"there is no Python {' or '.join(versions)} on this machine")


def _version(python: str) -> str:
    code = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def powershell_links() -> Path | None:
    """A directory in which PowerShell has the names that ansible-test calls it by, or None where there is none."""
    tests = str(ROOT / "tests")
    if tests not in sys.path:
        sys.path.insert(0, tests)
    return importlib.import_module("lab.exchange.powershell").link(WORK / "powershell")


def prepare(environment: Environment) -> Path:
    """The bin directory of the environment, which is made where it is missing or outdated. Raises Missing."""
    python = find_python(environment.pythons)
    place = WORK / "venv" / environment.name
    wanted = hashlib.sha256((python + repr(environment.packages) + _pins(environment)).encode()).hexdigest()
    mark = place / "made-from"
    if mark.exists() and mark.read_text() == wanted:
        return place / "bin"
    shutil.rmtree(place, ignore_errors=True)
    print(f"Making the environment {environment.name} ({environment.purpose})", flush=True)
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    constraints = [f"--constraint={pins}" for pins in environment.pins]
    for command in ([*install, *constraints, *environment.packages], [*pip, "check"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"{' '.join(command[2:4])} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    mark.write_text(wanted)
    return place / "bin"


def _pins(environment: Environment) -> str:
    return "".join(pins.read_text() for pins in environment.pins)
