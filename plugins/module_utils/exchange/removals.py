# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When removals of a list happen: with everything else, or apart from it, so that senders can be changed in between. Pure.

Both halves of a list that is applied in two runs are told apart by what is wanted and what is there alone. So check mode, in
which the first half has not happened when the second is planned, announces each removal once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .receive_clashes import Listener, clashes

NOW = "now"
LATER = "later"
ONLY = "only"
WORDS = (NOW, LATER, ONLY)


def are_due(word: str, leaving: bool) -> bool:
    """Whether something belongs to this run. leaving: whether it is removed, and can wait."""
    return word == NOW or leaving == (word == ONLY)


def in_the_way(before: Mapping[str, Listener], after: Mapping[str, Listener], leaving: Sequence[str]) -> frozenset[str]:
    """Which of the connectors of one server that are to leave cannot wait, since what stays or comes takes their place."""
    together = {**{name: before[name] for name in leaving if name in before}, **after}
    pairs = clashes(together)
    return frozenset(name for name in leaving if any(name in pair and set(pair) & set(after) for pair in pairs))
