# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of docs/guide_classic_procedure.md, and what really comes of them on both systems.

A ``yaml`` block is a piece of the variables file. The ``text`` blocks that follow it are results, each told by the line
before it (LABELS). ``python -m lab.guide`` writes the results into the guide anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .ansible import CHECKOUT

GUIDE = CHECKOUT / "docs" / "guide_classic_procedure.md"
# The line before a result, and whose it is. "refuses" results are errors.
LABELS = {
    "On Exchange:": "exchange",
    "On Postfix:": "postfix",
    "Exchange refuses it:": "exchange",
    "Postfix refuses it:": "postfix",
    "Both refuse it:": "both",
    "The routes:": "routes",
}
_FENCE = re.compile(r"^```(\w*)$")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@dataclass(frozen=True)
class Result:
    """first, last: the lines of the text, counted from 0, without the fences."""

    label: str
    first: int
    last: int
    text: str

    @property
    def refused(self) -> bool:
        return "refuse" in self.label


@dataclass
class Example:
    """A piece of the variables file, and the results that the guide shows for it."""

    section: str
    line: int
    variables: dict[str, Any]
    results: list[Result] = field(default_factory=list)

    def shown(self, system: str) -> Result | None:
        wanted = (system,) if system == "routes" else (system, "both")
        return next((one for one in self.results if LABELS[one.label] in wanted), None)


@dataclass(frozen=True)
class Guide:
    lines: tuple[str, ...]
    inventory: dict[str, Any]
    examples: tuple[Example, ...]

    @property
    def tests(self) -> list[tuple[str, str]]:
        """File and name of every test that is named."""
        return _TEST.findall("\n".join(self.lines))

    @property
    def sections(self) -> dict[str, str]:
        """Title -> text of every section of the second level."""
        parts = re.split(r"^## (.+)$", "\n".join(self.lines), flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2], strict=True))


def read(path: Path = GUIDE) -> Guide:
    """Raises ValueError where a block stands in no known place."""
    lines = path.read_text(encoding="utf-8").splitlines()
    inventory: dict[str, Any] = {}
    examples: list[Example] = []
    section = ""
    for kind, label, first, last in _blocks(lines):
        section = next((line[3:] for line in reversed(lines[:first]) if line.startswith("## ")), "")
        text = "\n".join(lines[first:last])
        if kind == "yaml" and not inventory:
            inventory = yaml.safe_load(text)
        elif kind == "yaml":
            examples.append(Example(section, first, yaml.safe_load(text)))
        elif kind == "text" and label in LABELS and examples:
            examples[-1].results.append(Result(label, first, last, text))
        else:
            raise ValueError(f"{path}, line {first}: a block {kind!r} after {label!r} has no meaning")
    return Guide(tuple(lines), inventory, tuple(examples))


def _blocks(lines: list[str]) -> Iterator[tuple[str, str, int, int]]:
    """Kind, the line before it, and the first and last line of each fenced block."""
    start, kind, label = -1, "", ""
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence and start < 0:
            start, kind = number + 1, fence[1]
        elif fence:
            yield kind, label, start, number
            start = -1
        elif start < 0 and line:
            label = line


def rewritten(guide: Guide, texts: dict[int, str]) -> str:
    """The guide with other texts of results, by their first lines."""
    lines = list(guide.lines)
    results = [result for example in guide.examples for result in example.results if result.first in texts]
    for result in sorted(results, key=lambda one: one.first, reverse=True):
        lines[result.first : result.last] = texts[result.first].splitlines()
    return "\n".join(lines) + "\n"


def main() -> None:
    from . import namespace
    from .guide_results import Results

    namespace.enter()
    guide = read()
    texts: dict[int, str] = {}
    with Results(guide) as results:
        for example in guide.examples:
            for result in example.results:
                texts[result.first] = results.text(example, result)
    GUIDE.write_text(rewritten(guide, texts), encoding="utf-8")
    sys.stdout.write(f"{len(texts)} results written.\n")


if __name__ == "__main__":
    main()
