# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, shown: a list of SMTP connectors routes real mail through real Postfix hosts.

Takes about a minute, as root, with Postfix, Python 3.11 or newer, ansible-core, cryptography, dnspython and pywinrm installed
(``./dev demo`` sees to all of these). Exit status: 0 all proved, 1 something is not so, 2 cannot run here.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

MODULES = {"ansible": "ansible-core", "cryptography": "cryptography", "dns": "dnspython", "winrm": "pywinrm"}


def missing() -> str:
    """Why the demonstration cannot run here, as a sentence; empty if it can."""
    if os.geteuid() != 0:
        return "It needs root, for a network namespace and for Postfix; it changes nothing on this machine."
    if sys.hexversion < 0x030B0000:
        return f"It needs Python 3.11 or newer; this is {sys.version.split()[0]}."
    absent = [package for module, package in MODULES.items() if importlib.util.find_spec(module) is None]
    if absent:
        return f"Python packages are missing: {', '.join(absent)}. ./dev demo installs them beside the project."
    from lab import namespace, postfix

    return namespace.missing() or postfix.missing()


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    if reason := missing():
        print(f"The demonstration cannot run here. {reason}", file=sys.stderr)
        return 2
    from chapters import FAILURES, demonstrate

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped and removed then, too
    try:
        demonstrate()
    except FAILURES as error:
        print(f"\nTHE DEMONSTRATION FAILED\n{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything was stopped and removed.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
