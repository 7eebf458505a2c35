# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of ./dev test: each runs a tool on the collection's copy, keeps its output in .dev/logs, and gives counts."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import collection_copy
from environments import (
    CORE_NEWEST,
    CORE_OLDEST,
    GATES,
    ROOT,
    TARGET_NEWEST,
    TARGET_OLDEST,
    WORK,
    Environment,
    Missing,
    powershell_links,
    prepare,
)

POWERSHELL_MODULE = "plugins/modules/exchange_invoke.ps1"
MODULE_CODE = ("tests/unit/plugins/module_utils", "tests/unit/plugins/modules")
PURE = tuple(f"plugins/module_utils/{room}" for room in ("connector", "exchange", "postfix", "smtp"))
# Test files that run playbooks; the others call module code, which has no ansible-core around it.
_RUNS_ANSIBLE = re.compile(
    r"^from (lab import .*\b(ansible|rollout|guide)\b|bench|demo)|chapters|^from lab\.(whole_organisation|example_run|exchange\.\w*endpoint)\b",
    re.MULTILINE,
)
# What each report says of how Exchange was reached: real, stubbed or not run (tests/lab/exchange/methods.py).
WAYS_TO_EXCHANGE = ("connections: ", "exchange_invoke: ", "Exchange sessions: ")
_EVERY_CORE = re.compile(r"^EVERY_CORE = True$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|errors|xfailed)\b")


class Outcome(NamedTuple):
    """result: ok, failed or skipped. reason: why it was skipped."""

    name: str
    result: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reason: str = ""


class Step(NamedTuple):
    """run gives the commands, one after the other, or raises Missing. counted: the output ends in pytest's counts.

    programs: a directory that is searched first for programs. left_out: what the step does not do here, and why.
    shown: lines of the output that begin so are shown also where the step succeeds.
    """

    name: str
    environment: Environment
    commands: Callable[[Path], Sequence[Sequence[str]]]
    counted: bool = False
    variables: Mapping[str, str] = {}
    programs: Path | None = None
    left_out: str = ""
    shown: str | tuple[str, ...] = ""


def perform(step: Step) -> Outcome:
    """Run the step; its whole output is shown where it failed."""
    begin = time.monotonic()
    try:
        bin_directory = prepare(step.environment)
        commands = step.commands(bin_directory)
    except Missing as reason:
        return Outcome(step.name, "skipped", skipped=1, reason=str(reason))
    path = os.pathsep.join(str(place) for place in (step.programs, bin_directory, os.environ["PATH"]) if place)
    output, status = _run(commands, {"PATH": path, **step.variables})
    log = WORK / "logs" / f"{step.name.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output)
    seconds = time.monotonic() - begin
    if status != 0:
        print(f"\n=== {step.name} failed ===\n{output[-20000:]}\n=== end of {step.name} ===", flush=True)
    else:
        told = [line for line in output.splitlines() if step.shown and line.startswith(step.shown)]
        print("\n".join([f"ok: {step.name} ({seconds:.0f} s)", *told]), flush=True)
    passed, failed, skipped = _counts(output) if step.counted else (0, 0, 0)
    if not step.counted or (status != 0 and not failed):
        passed, failed = (passed + 1, failed) if status == 0 else (passed, failed + 1)
    reason = "; ".join(text for text in (step.left_out, _reasons(output)) if text)
    return Outcome(step.name, "failed" if status else "ok", passed, failed, skipped, seconds, reason)


def _run(commands: Sequence[Sequence[str]], variables: Mapping[str, str]) -> tuple[str, int]:
    home = WORK / "home"
    home.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    environment = {
        **inherited,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(WORK),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(WORK),
        **variables,
    }
    output = ""
    for command in commands:
        done = subprocess.run(
            command,
            cwd=collection_copy.COPY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        output += f"$ {' '.join(command)}\n{done.stdout}\n"
        if done.returncode != 0:
            return output, done.returncode
    return output, 0


def _counts(output: str) -> tuple[int, int, int]:
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for line in output.splitlines():
        if re.search(r" in [\d.]+s", line):
            for number, word in _COUNT.findall(line):
                kind = "failed" if word.startswith("error") else "skipped" if word == "xfailed" else word
                totals[kind] += int(number)
    return totals["passed"], totals["failed"], totals["skipped"]


def _reasons(output: str) -> str:
    found = re.findall(r"^SKIPPED \[\d+\] \S+ (.*)$", output, re.MULTILINE)
    return "; ".join(dict.fromkeys(found))[:200]


# --- the steps -------------------------------------------------------------------------------------------------------


def _pytest(*places: str, workers: int = 0) -> Callable[[Path], Sequence[Sequence[str]]]:
    def commands(bin_directory: Path) -> Sequence[Sequence[str]]:
        parallel = ["-n", str(workers)] if workers else []
        options = ["-q", "-rs", "--durations=8", "-p", "no:cacheprovider"]
        return [[str(bin_directory / "python"), "-m", "pytest", *options, *parallel, *places]]

    return commands


def unit(*asked: str) -> list[Step]:
    """Module code on the Pythons of bridgeheads; everything on those of controllers. asked: paths of tests, options."""
    targets = [(TARGET_OLDEST, "3.9"), (TARGET_NEWEST, "3.13")]
    controllers = [(CORE_OLDEST, "core 2.19"), (CORE_NEWEST, "core 2.21")]
    variables = {"PYTHONPATH": f"{WORK}:{WORK / 'target'}"}
    module_code, everything = _module_code(asked or MODULE_CODE), _pytest(*(asked or ("tests/unit",)))
    steps = [Step(f"unit {name}", one, module_code, True, variables) for one, name in targets]
    return steps + [Step(f"unit {name}", one, everything, True, shown=WAYS_TO_EXCHANGE) for one, name in controllers]


def _module_code(places: Sequence[str]) -> Callable[[Path], Sequence[Sequence[str]]]:
    """Tests of module code on a Python that is only a target, beside what Ansible sends there with each module."""

    def commands(bin_directory: Path) -> Sequence[Sequence[str]]:
        elsewhere = [place for place in places if place.startswith("tests/") and not place.startswith(MODULE_CODE)]
        if elsewhere:
            raise Missing(f"{', '.join(elsewhere)} is not about module code")
        _provide_module_utils()
        return _pytest(*places)(bin_directory)

    return commands


def _provide_module_utils() -> None:
    """ansible-core cannot be installed on Python 3.9, but its module_utils run there: links to them in .dev/target."""
    installed = next((prepare(CORE_OLDEST).parent / "lib").glob("python3.*/site-packages/ansible"))
    package = WORK / "target" / "ansible"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    for name in ("release.py", "module_utils"):
        if not (package / name).exists():
            (package / name).unlink(missing_ok=True)  # a link that leads nowhere any more
            with contextlib.suppress(FileExistsError):
                (package / name).symlink_to(installed / name)


def integration() -> list[Step]:
    """Real Postfix and real mail. What goes through ansible-playbook runs on the oldest or the newest ansible-core, every other
    file on each, so that a whole run stays short. A file that says EVERY_CORE = True runs on both, and so do all of them
    where the environment variable of that name is set.
    """
    places = sorted((ROOT / "tests" / "integration").glob("test_*.py"))
    playbooks = [place for place in places if _RUNS_ANSIBLE.search(place.read_text(encoding="utf-8"))]
    both = [
        place
        for place in playbooks
        if os.environ.get("EVERY_CORE") or _EVERY_CORE.search(place.read_text(encoding="utf-8"))
    ]
    newest = [place for place in playbooks if place not in both][::2]
    chosen = {
        "2.19": (CORE_OLDEST, [place for place in places if place not in newest]),
        "2.21": (CORE_NEWEST, sorted([*both, *newest])),
    }
    return [
        Step(
            f"integration core {name}",
            one,
            _pytest(*(f"tests/integration/{place.name}" for place in files)),
            True,
            shown=WAYS_TO_EXCHANGE,
        )
        for name, (one, files) in chosen.items()
    ]


def sanity() -> list[Step]:
    """pslint is left out: its rules come from the PowerShell Gallery. tests/unit/powershell checks the module instead."""
    programs, left_out = powershell_links(), ""
    if programs is None:
        left_out = f"validate-modules did not see {POWERSHELL_MODULE}: no PowerShell"
    return [
        Step(f"sanity {name}", one, _sanity(programs is not None), programs=programs, left_out=left_out)
        for name, one in (("2.19", CORE_OLDEST), ("2.21", CORE_NEWEST))
    ]


def _sanity(with_powershell: bool) -> Callable[[Path], Sequence[Sequence[str]]]:
    def commands(bin_directory: Path) -> Sequence[Sequence[str]]:
        _stand_in_for_get_pip(bin_directory)
        python = str(bin_directory / "python")
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        version = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        options = ["--requirements", "--color", "no", "--python", version]
        command = [str(bin_directory / "ansible-test"), "sanity", *options]
        everything = [*command, "--skip-test", "pslint"]
        if with_powershell:
            return [everything]
        # Without PowerShell, validate-modules does not skip the module but ends in a traceback.
        others = [*command, "--test", "validate-modules", "--exclude", POWERSHELL_MODULE]
        return [[*everything, "--skip-test", "validate-modules"], others]

    return commands


def _stand_in_for_get_pip(bin_directory: Path) -> None:
    """ansible-test downloads get-pip from a site of its own; Python's ensurepip does the same without it."""
    code = "import ansible_test, os; print(os.path.dirname(ansible_test.__file__))"
    command = [str(bin_directory / "python"), "-c", code]
    place = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    versions = set()
    for source in (place / "_internal" / "python_requirements.py", place / "_internal" / "constants.py"):
        if source.exists():
            versions.update(re.findall(r"""pip['"]?\s*[=:]\s*['"]([\d.]+)['"]""", source.read_text()))
    cache = WORK / "home" / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        script = (
            "import subprocess, sys\n"
            "subprocess.check_call([sys.executable, '-m', 'ensurepip'])\n"
            f"subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'pip=={version}'])\n"
        )
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(script)


def lint() -> list[Step]:
    return [
        Step("ansible-lint", GATES, _tool("ansible-lint", "--offline", "--profile", "production", "--strict")),
        Step("ruff check", GATES, _tool("ruff", "check", ".")),
        Step("ruff format", GATES, _tool("ruff", "format", "--check", ".")),
        Step("changelog", GATES, _tool("antsibull-changelog", "lint")),
        Step("galaxy-importer", GATES, _importer, variables=_importer_settings()),
    ]


def types() -> list[Step]:
    return [Step("mypy", GATES, _tool("mypy", "--strict", *PURE))]


def docs() -> list[Step]:
    options = ("--plugin-docs", "--validate-collection-refs", "all", "--disallow-unknown-collection-refs")
    return [Step("docs", GATES, _tool("antsibull-docs", "lint-collection-docs", *options, "."))]


def _tool(name: str, *arguments: str) -> Callable[[Path], Sequence[Sequence[str]]]:
    return lambda bin_directory: [[str(bin_directory / name), *arguments]]


def _importer(bin_directory: Path) -> Sequence[Sequence[str]]:
    built = WORK / "built"
    archive = built / "mailops-connectors-0.1.0.tar.gz"
    return [
        [str(bin_directory / "ansible-galaxy"), "collection", "build", "--force", "--output-path", str(built)],
        [str(bin_directory / "python"), "-m", "galaxy_importer.main", str(archive)],
    ]


def _importer_settings() -> dict[str, str]:
    settings = WORK / "galaxy-importer.cfg"
    WORK.mkdir(exist_ok=True)
    settings.write_text(
        "[galaxy-importer]\nREQUIRE_V1_OR_GREATER = False\nRUN_ANSIBLE_TEST = False\nRUN_FLAKE8 = False\n"
    )
    return {"GALAXY_IMPORTER_CONFIG": str(settings)}
