# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demonstration says to its reader, and what it has proved so far."""

from __future__ import annotations

import functools
import textwrap
import time
from dataclasses import dataclass

WIDTH = 112
_fill = functools.partial(textwrap.fill, width=WIDTH, break_on_hyphens=False)


class DemoError(Exception):
    """Something that the demonstration wanted to prove is not so."""


@dataclass(frozen=True)
class Proof:
    claim: str
    evidence: str


class Story:
    """Prints as it goes; prove() either notes a proof or ends the demonstration."""

    def __init__(self) -> None:
        self.proofs: list[Proof] = []
        self._chapter = 0
        self._start = time.monotonic()

    def chapter(self, title: str) -> None:
        self._chapter += 1
        heading = f"{self._chapter}. {title}"
        print(f"\n{heading}\n{'-' * len(heading)}", flush=True)

    def say(self, text: str) -> None:
        """What is indented stays so on its further lines."""
        indent = text[: len(text) - len(text.lstrip(" "))]
        print(_fill(text, subsequent_indent=indent and indent + "  "), flush=True)

    def item(self, text: str) -> None:
        print(_fill(text, initial_indent="  - ", subsequent_indent="    "), flush=True)

    def show(self, title: str, text: str) -> None:
        """A file or an output, word for word."""
        print(f"\n  {title}:")
        print(textwrap.indent(text.rstrip("\n"), "    | ", lambda _line: True), flush=True)
        print()

    def prove(self, claim: str, evidence: str, holds: bool) -> None:
        if not holds:
            raise DemoError(f"NOT PROVED: {claim}\nSeen instead: {evidence}")
        self.proofs.append(Proof(claim, evidence))
        print(_fill(f"{claim}: {evidence}", initial_indent="  * ", subsequent_indent="    "), flush=True)

    def table(self) -> None:
        """What was proved, as a table."""
        left = max(len(proof.claim) for proof in self.proofs)
        right = max(40, WIDTH - left)
        rule = f"+-{'-' * left}-+-{'-' * right}-+"
        print(f"\n{rule}\n| {'Proved':<{left}} | {'by':<{right}} |\n{rule}")
        for proof in self.proofs:
            for number, line in enumerate(textwrap.wrap(proof.evidence, right)):
                print(f"| {proof.claim if number == 0 else '':<{left}} | {line:<{right}} |")
        seconds = time.monotonic() - self._start
        print(f"{rule}\n{len(self.proofs)} things proved in {seconds:.0f} s.", flush=True)
