# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked examples in docs/examples, and the route tables about them in docs/example_*.md.

``python -m lab.examples`` writes the routes into these pages anew.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import told_routes
from .ansible import CHECKOUT
from .exchange.servers import DEFAULT_SITE, Server
from .exchange.simulator import Organisation
from .exchange.sites import SiteLink
from .told_routes import Question

DOCS = CHECKOUT / "docs"
PAGES = ("example_two_organisations.md", "example_routing_groups.md")
_BLOCK = re.compile(
    r"(^The routes of `(?P<directory>examples/[\w/]+)`:\n\n```text\n)(?P<text>.*?)(?=^```$)", re.MULTILINE | re.DOTALL
)
_HOST_VARIABLE = "smtp_connectors_"

# A playbook on a whole example takes minutes. One variant of each example always runs; a test of another one is marked with this.
one_more = pytest.mark.skipif(
    os.environ.get("MAILOPS_EXAMPLES") != "all",
    reason="one variant of each worked example runs: MAILOPS_EXAMPLES=all runs all",
)


@dataclass(frozen=True)
class Setup:
    """One inventory with its variables file."""

    directory: Path
    inventory: dict[str, Any]
    variables: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.directory.relative_to(DOCS))

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """What the inventory says of each host, as the option hosts of the modules takes it."""
        return {
            name: {"system": group, **_own(variables)}
            for group, content in self.inventory.items()
            for name, variables in content["hosts"].items()
        }

    def of(self, system: str) -> dict[str, dict[str, Any]]:
        return {name: host for name, host in self.hosts.items() if host["system"] == system}

    def exchange_organisation(self, seed: int) -> Organisation:
        """A simulated organisation with the Exchange servers of the inventory; each routing group is a site of its own, and the
        sites are linked as the variables file says, at the cost that Active Directory has by default."""
        hosts = self.of("exchange")
        servers = {name.upper(): Server(name.upper(), site=_site(host)) for name, host in hosts.items()}
        links = {
            link["name"]: SiteLink(tuple(link["name"].split("-")))
            for link in self.variables.get("smtp_connectors_site_links", [])
        }
        domain = next(iter(hosts.values()))["local_domains"][0]
        return Organisation(seed, servers, site_links=links, domain=".".join(domain.split(".")[-2:]))

    def answer(self, question: Question) -> dict[str, Any]:
        """What smtp_route says. Raises ConnectorError."""
        connectors = self.variables["smtp_connectors_list"]
        return told_routes.answer(
            question, connectors, self.hosts, self.variables.get("smtp_connectors_routing_groups")
        )


def _own(variables: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(_HOST_VARIABLE): value for name, value in variables.items() if name.startswith(_HOST_VARIABLE)
    }


def _site(host: dict[str, Any]) -> str:
    return str(host.get("routing_group", DEFAULT_SITE))


def load(name: str) -> Setup:
    """name: such as examples/routing_groups/mixed."""
    directory = DOCS / name
    return Setup(
        directory,
        yaml.safe_load((directory / "inventory.yml").read_text(encoding="utf-8")),
        yaml.safe_load((directory / "group_vars" / "all" / "smtp_connectors.yml").read_text(encoding="utf-8")),
    )


def every() -> list[Setup]:
    found = (DOCS / "examples").rglob("inventory.yml")
    return [load(str(file.parent.relative_to(DOCS))) for file in sorted(found)]


def told(page: str) -> Iterator[tuple[Setup, str]]:
    """The route blocks of a page of the documentation, and what they are about."""
    for match in _BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        yield load(match["directory"]), match["text"]


def answered(setup: Setup, text: str) -> str:
    """What such a block has to say."""
    asked = told_routes.questions(text)
    sentences = (told_routes.sentence(question, setup.answer(question)) for question in asked)
    return "".join(told_routes.wrapped(sentence) + "\n" for sentence in sentences)


def main() -> None:
    for page in PAGES:
        file = DOCS / page
        text = file.read_text(encoding="utf-8")
        made = _BLOCK.sub(lambda match: match[1] + answered(load(match["directory"]), match["text"]), text)
        file.write_text(made, encoding="utf-8")
        sys.stdout.write(f"{page} written.\n")


if __name__ == "__main__":
    main()
