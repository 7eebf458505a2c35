# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand address spaces go into one task. The figures are printed (pytest -s), never asserted."""

from __future__ import annotations

from bench.address_spaces import measure

SPACES = 10000


def test_ten_thousand_address_spaces_in_one_task(make_instance, capsys):
    figures = measure(make_instance("b1", "127.0.0.11"), SPACES)
    with capsys.disabled():
        print("\n" + figures.table(SPACES))
    assert len(figures.first_result["routes_changed"]) == SPACES
    assert f"for {SPACES} addresses" in figures.first_result["verification"]
    assert not figures.unchanged_result["changed"]
    assert figures.unchanged_result["commands"] == []
