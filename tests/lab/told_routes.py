# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences about routes in the documentation: what they ask, and what smtp_route answers."""

from __future__ import annotations

import copy
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.modules import smtp_route

WIDTH = 120
_SENTENCE = re.compile(r"(?:\w+: )?Mail for (\S+) from (\w+)\b(?:.*, while (.+) (?:is|are) down\.$)?")


class Question(NamedTuple):
    domain: str
    host: str
    down: tuple[str, ...] = ()


def questions(text: str) -> list[Question]:
    """What the sentences of a block ask. A sentence that goes on in the next line is indented there."""
    matches = map(_SENTENCE.match, text.replace("\n    ", " ").splitlines())
    found = [Question(match[1], match[2], tuple((match[3] or "").split(" and "))) for match in matches if match]
    return list(dict.fromkeys(one._replace(down=tuple(filter(None, one.down))) for one in found))


def answer(
    question: Question,
    connectors: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, Any],
    routing_groups: Sequence[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """What smtp_route answers. Raises ConnectorError where the connectors or the question make no sense."""
    problems = Problems()
    given = {
        "connectors": copy.deepcopy(list(connectors)),
        "hosts": copy.deepcopy(dict(hosts)),
        "routing_groups": copy.deepcopy(routing_groups),
        "addresses": [question.domain],
        "from_hosts": [question.host],
        "this_host": None,
        "system": "postfix",
        "size": None,
        "down": list(question.down),
    }
    (found,) = smtp_route.routes(given, [smtp_route.given_set(given, problems)], problems)
    return found


def sentence(question: Question, answered: Mapping[str, Any]) -> str:
    told = str(answered["explanation"])
    if not question.down:
        return told
    verb = "is" if len(question.down) == 1 else "are"
    return f"{told[:-1]}, while {' and '.join(question.down)} {verb} down."


def wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
