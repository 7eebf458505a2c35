# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev: the words that people who work on the collection use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import collection_copy
import machine
import molecule
import steps
from environments import CORE_NEWEST, CORE_OLDEST, GATES, ROOT, Missing, prepare
from steps import Outcome, Step

# Two cores, and most steps keep one busy.
AT_ONCE = 2


def run(chosen: Sequence[Step]) -> int:
    """Prepare the environments one after the other, then run the steps, two at a time, and print what came of them."""
    collection_copy.refresh()
    for environment in dict.fromkeys(step.environment for step in chosen):
        try:
            prepare(environment)
        except Missing as reason:
            print(f"Not here: {reason} ({environment.purpose})", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(steps.perform, chosen))
    return report(outcomes)


def report(outcomes: Sequence[Outcome]) -> int:
    width = max(len(outcome.name) for outcome in outcomes)
    print("\n{:<{width}}  result   passed failed skipped  seconds".format("step", width=width))
    for outcome in outcomes:
        counts = f"{outcome.passed:>6} {outcome.failed:>6} {outcome.skipped:>7} {outcome.seconds:>8.0f}"
        print(f"{outcome.name:<{width}}  {outcome.result:<8} {counts}  {outcome.reason}".rstrip())
    totals = [sum(getattr(outcome, kind) for outcome in outcomes) for kind in ("passed", "failed", "skipped")]
    print("\n{} passed, {} failed, {} skipped".format(*totals), flush=True)
    return 1 if totals[1] or any(outcome.result == "failed" for outcome in outcomes) else 0


def ready(with_postfix: bool) -> None:
    """Install what is missing. What cannot be had is said; the tests that need it then say that they were skipped."""
    machine.tools()
    if with_postfix:
        try:
            machine.postfix()
        except Missing as reason:
            print(f"Without Postfix: {reason}", flush=True)


def test(_arguments: Sequence[str]) -> int:
    """run everything that follows, and print what passed"""
    ready(with_postfix=True)
    # The longest first, so that the two that run at a time end together.
    chosen = [*steps.integration(), *molecule.molecule(), *steps.sanity(), *steps.unit()]
    chosen += [*steps.types(), *steps.lint(), *steps.docs()]
    return run(chosen)


def unit(arguments: Sequence[str]) -> int:
    """unit tests, on the oldest and newest Python of bridgeheads and controllers; paths and options choose"""
    ready(with_postfix=False)
    return run(steps.unit(*arguments))


def integration(arguments: Sequence[str]) -> int:
    """tests with real Postfix and real mail; names of test files choose some of them"""
    ready(with_postfix=True)
    if arguments:
        chosen = [Step("integration", CORE_OLDEST, steps._pytest(*arguments), True)]
        return run(chosen)
    return run(steps.integration())


def molecule_scenarios(arguments: Sequence[str]) -> int:
    """the roles on whole hosts, in containers, with molecule; names of scenarios choose some of them"""
    ready(with_postfix=False)
    return run(molecule.molecule(*arguments))


def sanity(_arguments: Sequence[str]) -> int:
    """ansible-test sanity, with ansible-core 2.19 and 2.21"""
    ready(with_postfix=False)
    return run(steps.sanity())


def lint(_arguments: Sequence[str]) -> int:
    """ansible-lint (profile production), ruff, changelog, galaxy-importer"""
    ready(with_postfix=False)
    return run(steps.lint())


def types(_arguments: Sequence[str]) -> int:
    """mypy --strict on the pure core"""
    return run(steps.types())


def docs(_arguments: Sequence[str]) -> int:
    """antsibull-docs on the documentation of all plugins"""
    return run(steps.docs())


def format_code(_arguments: Sequence[str]) -> int:
    """let ruff format and sort imports"""
    ruff = str(prepare(GATES) / "ruff")
    subprocess.run([ruff, "check", "--fix", "--quiet", "."], cwd=ROOT, check=False)
    return subprocess.run([ruff, "format", "."], cwd=ROOT, check=False).returncode


def demo(arguments: Sequence[str]) -> int:
    """show the main job on this machine: two organisations of real Postfix instances, real mail"""
    machine.tools()
    machine.postfix()
    try:
        python = prepare(CORE_NEWEST) / "python"
    except Missing:
        python = prepare(CORE_OLDEST) / "python"
    return subprocess.run([str(python), str(ROOT / "tests" / "demo" / "demo.py"), *arguments], check=False).returncode


def bench(arguments: Sequence[str]) -> int:
    """ten thousand address spaces in one task, beside a bare postmap"""
    ready(with_postfix=True)
    python = prepare(CORE_OLDEST) / "python"
    script = ROOT / "tests" / "bench" / "address_spaces.py"
    return subprocess.run([str(python), str(script), *arguments], check=False).returncode


WORDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": demo,
    "test": test,
    "unit": unit,
    "integration": integration,
    "molecule": molecule_scenarios,
    "sanity": sanity,
    "lint": lint,
    "types": types,
    "docs": docs,
    "format": format_code,
    "bench": bench,
}


def main() -> int:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word not in WORDS:
        print("./dev WORD, with one of these words:\n")
        for name, function in WORDS.items():
            print(f"  {name:<12} {function.__doc__}")
        return 2 if word else 0
    try:
        return WORDS[word](sys.argv[2:])
    except Missing as reason:
        print(f"This cannot run here: {reason}.")
        return 2


if __name__ == "__main__":
    sys.exit(main())
