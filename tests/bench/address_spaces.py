# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand address spaces in one task, beside a bare postmap of the same table. Needs root, Postfix and ansible-core.

    python tests/bench/address_spaces.py [number of spaces]

Figures of one run are comparable with each other only: machines are shared and noisy.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import ansible, namespace, postfix
from lab.postfix import Instance

MODULE = "mailops.connectors.postfix_send_connectors"
CONNECTORS = 100


class Figures(NamedTuple):
    """Seconds, and what the two tasks returned."""

    first: float
    unchanged: float
    bare_postmap: float
    empty_task: float
    first_result: dict[str, Any]
    unchanged_result: dict[str, Any]

    def table(self, spaces: int) -> str:
        rows = [
            ("task that does nothing (ansible-playbook's own start)", self.empty_task),
            (f"first run, {spaces} address spaces", self.first),
            ("unchanged second run", self.unchanged),
            ("bare postmap of the same table", self.bare_postmap),
        ]
        return "\n".join(f"{name:<56}{seconds:8.2f} s" for name, seconds in rows)


def connectors(spaces: int) -> list[dict[str, Any]]:
    return [
        {
            "name": f"connector {number}",
            "address_spaces": [f"d{space:06d}.example.net" for space in range(number, spaces, CONNECTORS)],
            "smart_hosts": [f"relay{number}.example.org"],
            "bridgeheads": ["b1"],
        }
        for number in range(CONNECTORS)
    ]


def measure(instance: Instance, spaces: int) -> Figures:
    directory = str(instance.config_directory)
    arguments = {"config_directory": directory, "connectors": connectors(spaces)}
    table = f"{directory}/connectors/transport"
    empty, _nothing = timed(lambda: ansible.run_task("ansible.builtin.debug", {"msg": "nothing"}))
    first, one = timed(lambda: ansible.run_task(MODULE, arguments).expect_success())
    second, two = timed(lambda: ansible.run_task(MODULE, arguments).expect_success())
    copy = instance.directory / "bare"
    copy.write_text(Path(table).read_text(encoding="utf-8"), encoding="utf-8")
    bare, _nothing = timed(lambda: subprocess.run(["postmap", "-c", directory, f"lmdb:{copy}"], check=True))
    return Figures(first, second, bare, empty, one["b1"], two["b1"])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.monotonic()
    result = work()
    return time.monotonic() - start, result


def main() -> None:
    if reason := namespace.missing() or postfix.missing():
        sys.exit(reason)
    namespace.enter()
    spaces = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    with postfix.temporary_root() as root, Instance(root, "b1", "127.0.0.11") as instance:
        print(measure(instance, spaces).table(spaces))


if __name__ == "__main__":
    main()
