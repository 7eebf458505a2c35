# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/guide_classic_procedure.md says what happens: every block is run, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import guide
from lab.ansible import CHECKOUT
from lab.guide import Example
from lab.guide_results import Results

GUIDE = guide.read()
# The controls of the classic property pages, by a part of the title of their sections.
CONTROLS = (
    "General: name",
    "forward all mail through smart hosts",
    "use DNS to route",
    "local bridgeheads",
    "public folder referrals",
    "type, address and cost",
    "all domains",
    "connector scope",
    "allow messages to be relayed",
    "Connected routing groups",
    "when mail is sent",
    "oversize messages",
    "remote triggered delivery",
    "anonymous access",
    "basic authentication",
    "integrated Windows authentication",
    "TLS encryption",
    "Delivery restrictions",
    "allowed sizes",
    "allowed priorities and types",
    "HELO instead of EHLO",
    "ETRN or TURN",
)


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    with Results(GUIDE) as made:
        yield made


@pytest.mark.parametrize("example", GUIDE.examples, ids=lambda one: f"line-{one.line}")
def test_a_block_does_what_is_shown(example: Example, results: Results) -> None:
    for system in ("exchange", "postfix"):
        assert example.shown(system), f"what comes of it on {system} is not shown"
    for result in example.results:
        assert results.text(example, result) == result.text, result.label


def test_every_control_has_its_section_with_a_block_and_a_test() -> None:
    with_blocks = {example.section for example in GUIDE.examples}
    for control in CONTROLS:
        title = next((title for title in GUIDE.sections if control in title), "")
        assert title, control
        assert title in with_blocks, title
        assert re.search(r"^Shown by `tests/", GUIDE.sections[title], re.MULTILINE), title


def test_every_test_that_is_named_exists() -> None:
    assert len(GUIDE.tests) >= len(CONTROLS)
    for file, name in GUIDE.tests:
        assert name in _tests(CHECKOUT / file), f"{file}::{name}"


def _tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_links_lead_somewhere() -> None:
    for page in sorted((CHECKOUT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
