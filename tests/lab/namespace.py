# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network and mount namespace of this process's own.

After enter() every address of 127.0.0.0/8 and of the three documentation networks 192.0.2.0/24, 198.51.100.0/24 and
203.0.113.0/24 is this process's own, with every port free (25 and 53 too); nothing of it can be reached from outside,
nothing outside can be reached from it; and names are resolved by the laboratory's DNS server on 127.0.0.1 (lab.dns)
and by its own /etc/hosts. Processes and threads started afterwards are inside as well; those of before are not.
The namespace goes away with its last process. Each pytest-xdist worker has its own.

Addresses beyond 127.0.0.1 are real addresses of the interface (see ADDRESSES), because Postfix refuses an
inet_interfaces value that no interface carries.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import LabError

CLONE_NEWNS = 0x00020000  # linux/sched.h; os.unshare() came only with Python 3.12
CLONE_NEWNET = 0x40000000

HOSTS = "127.0.0.1 localhost\n"
RESOLVER = "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n"
# Without "files dns" a machine's resolver could be asked past the namespace, over its UNIX-domain socket.
NAME_SERVICE = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"

ADDRESSES = tuple(f"127.0.0.{last}/8" for last in range(2, 60)) + tuple(
    f"{network}.{last}/24" for network in ("192.0.2", "198.51.100", "203.0.113") for last in range(1, 60)
)

_inside = False


def missing() -> str:
    """What this machine lacks for a namespace of our own, as a sentence; empty if nothing."""
    if sys.platform != "linux":
        return "The laboratory needs Linux namespaces"
    if os.geteuid() != 0:
        return "The laboratory needs root, for network namespaces and for Postfix"
    if not shutil.which("ip", path=_tool_path()):
        return "The laboratory needs ip(8), package iproute2"
    if _inside:
        return ""
    attempt = subprocess.run(
        ["/usr/bin/unshare", "--net", "--mount", "true"],
        capture_output=True,
        text=True,
        check=False,
        env=_tool_environment(),
    )
    if attempt.returncode != 0:
        return f"This machine does not allow network and mount namespaces: {attempt.stderr.strip()}"
    return ""


def enter() -> None:
    """Move this process (its calling thread, and whatever that starts from now on) into its own namespace.

    Does nothing the second time. Raises LabError that says what is missing.
    """
    global _inside
    if _inside:
        return
    if reason := missing():
        raise LabError(reason)
    _unshare(CLONE_NEWNET | CLONE_NEWNS)
    _inside = True
    _run("mount", "--make-rprivate", "/")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "-batch", "-", text="".join(f"address add {address} dev lo\n" for address in ADDRESSES))
    _replace_files({"/etc/resolv.conf": RESOLVER, "/etc/hosts": HOSTS, "/etc/nsswitch.conf": NAME_SERVICE})


def inside() -> bool:
    """Whether enter() has been here."""
    return _inside


def set_hosts(names: dict[str, str]) -> None:
    """Let /etc/hosts, as seen from inside, give these names these addresses (name -> address)."""
    if not _inside:
        raise LabError("set_hosts() works only inside the namespace: call enter() first")
    lines = "".join(f"{address} {name}\n" for name, address in sorted(names.items()))
    Path("/etc/hosts").write_text(HOSTS + lines, encoding="ascii")


def _unshare(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise LabError(f"unshare: {os.strerror(ctypes.get_errno())}")


def _replace_files(texts: dict[str, str]) -> None:
    """Mount files with these texts over these paths; only this namespace sees them.

    They lie in a file system of their own that is reachable through these mounts only. (A file that was deleted after
    mounting it would do here, but nothing could be mounted over it in a namespace within this one.)
    """
    directory = Path(tempfile.mkdtemp(prefix="lab-etc-"))
    _run("mount", "-t", "tmpfs", "-o", "mode=755,size=1m", "lab", str(directory))
    for path, text in texts.items():
        real = Path(path).resolve()
        if not real.exists():
            raise LabError(f"{path} does not exist (looked at {real}): the laboratory mounts its own file over it")
        own = directory / real.name
        own.write_text(text, encoding="ascii")
        own.chmod(0o644)
        _run("mount", "--bind", str(own), str(real))
    _run("umount", "--lazy", str(directory))
    directory.rmdir()


def _run(*command: str, text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=_tool_environment())
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")


def _tool_path() -> str:
    return "/usr/sbin:/usr/bin:/sbin:/bin"


def _tool_environment() -> dict[str, str]:
    return {"PATH": _tool_path(), "LC_ALL": "C"}


def main() -> None:
    """``python -m lab.namespace COMMAND ...`` runs a command inside, for looking around by hand."""
    try:
        enter()
    except LabError as error:
        sys.exit(str(error))
    sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)


if __name__ == "__main__":
    main()
