# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an execution environment installs is what the plugins import."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
META = CHECKOUT / "meta"

# Import name -> the distribution that brings it.
DISTRIBUTIONS = {"dns": "dnspython", "idna": "idna", "jmespath": "jmespath"}
# Every controller has these: ansible-core needs them itself.
WITH_CORE = {"ansible", "ansible_collections", "yaml"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "import_module"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def third_party() -> set[str]:
    found = {name.split(".")[0] for path in (CHECKOUT / "plugins").rglob("*.py") for name in imported(path)}
    return found - set(sys.stdlib_module_names) - WITH_CORE - {"__future__"}


def required() -> dict[str, str]:
    lines = (META / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    return {re.split(r"[\[>=<]", line)[0]: line for line in kept}


def test_the_file_names_files_that_are_there() -> None:
    declared = yaml.safe_load((META / "execution-environment.yml").read_text(encoding="utf-8"))
    assert declared["version"] == 1
    for file in declared["dependencies"].values():
        assert (CHECKOUT / file).is_file(), file


def test_every_import_is_installed() -> None:
    needed = third_party()
    assert needed == set(DISTRIBUTIONS), "name the distribution of a new import here and in meta/ee-requirements.txt"
    assert {DISTRIBUTIONS[name] for name in needed} <= set(required())


def test_exchange_is_reached_with_kerberos() -> None:
    assert required()["pywinrm"].startswith("pywinrm[kerberos]>=")
