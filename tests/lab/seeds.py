# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a generated test begins."""

from __future__ import annotations

import os
import random


def drawn_seed() -> int:
    """A new one with every run, so that people find new cases; CI has to give the same answer for the same code."""
    return 1 if os.environ.get("CI") else random.SystemRandom().randrange(1, 10**9)
