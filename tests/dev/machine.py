# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fresh Debian or Ubuntu machine lacks is installed here, as root, and said. Nothing is started or replaced."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from environments import Missing

POSTFIX_PACKAGES = ("postfix", "postfix-lmdb", "postfix-cdb", "postfix-pcre", "libsasl2-modules", "sasl2-bin")
TOOLS = {"ip": "iproute2", "git": "git", "strace": "strace", "openssl": "openssl", "unshare": "util-linux"}
POLICY = Path("/usr/sbin/policy-rc.d")
DENIED = 101  # its exit status for "may not start"
MAIN_CF = Path("/etc/postfix/main.cf")


def tools() -> None:
    """Programs that the tests call. Raises Missing."""
    packages = sorted({package for program, package in TOOLS.items() if not shutil.which(program)})
    if not _has_venv():
        packages.append("python3-venv")
    if packages:
        _install(packages)


def programs(wanted: Mapping[str, str]) -> None:
    """Programs, by name or path, with the packages that bring them. Raises Missing."""
    lacking = sorted({package for program, package in wanted.items() if not _is_there(program)})
    if lacking:
        with _no_service_starts():
            _install(lacking)


def _is_there(program: str) -> bool:
    return os.path.exists(program) if program.startswith("/") else shutil.which(program) is not None


def postfix() -> None:
    """Postfix with its table types, but no running service and no main.cf. Raises Missing.

    Where another mail server is installed nothing is replaced.
    """
    if os.path.exists("/usr/sbin/postfix"):
        _more_table_types()
        return
    if MAIN_CF.exists():
        raise Missing(f"Postfix is not installed, but {MAIN_CF} is there: an installed Postfix would run with it")
    owner = _other_mail_server()
    if owner:
        raise Missing(f"another mail server ({owner}) is installed, and Postfix would replace it: use another machine")
    _need_apt(POSTFIX_PACKAGES)
    preseed = "postfix postfix/main_mailer_type select No configuration\n"
    subprocess.run(["debconf-set-selections"], input=preseed, text=True, check=True)
    with _no_service_starts():
        _install(list(POSTFIX_PACKAGES))


def _more_table_types() -> None:
    # postconf wants a main.cf, and there may be none in its own directory: that stays so.
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "main.cf").touch()
        command = ["/usr/sbin/postconf", "-c", directory, "-m"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    lacking = [f"postfix-{kind}" for kind in ("lmdb", "cdb", "pcre") if kind not in done.stdout.split()]
    if lacking and MAIN_CF.exists():  # these packages write into /etc/postfix and reload a running Postfix
        print(f"{MAIN_CF} is in use, so it is left without {', '.join(lacking)}", flush=True)
    elif lacking and shutil.which("apt-get"):
        with contextlib.suppress(Missing), _no_service_starts():
            _install(lacking)


def _other_mail_server() -> str:
    """The packages that provide a mail server, or the path of one that no package owns; empty if there is none."""
    shown = "${db:Status-Status}\t${Package}\t${Provides}\n"
    command = ["dpkg-query", "--show", f"--showformat={shown}"]
    if shutil.which(command[0]) is None:
        return "/usr/sbin/sendmail" if os.path.lexists("/usr/sbin/sendmail") else ""
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = [line.split("\t") for line in listed.splitlines()]
    owners = [row[1] for row in rows if row[0] == "installed" and "mail-transport-agent" in row[2]]
    return ", ".join(owners) or ("/usr/sbin/sendmail" if os.path.lexists("/usr/sbin/sendmail") else "")


def _has_venv() -> bool:
    return subprocess.run(["python3", "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0


def _need_apt(packages: tuple[str, ...] | list[str]) -> None:
    if not shutil.which("apt-get"):
        raise Missing(f"this is neither Debian nor Ubuntu: install {', '.join(packages)} by hand")
    if os.geteuid() != 0:
        raise Missing(
            f"installing {', '.join(packages)} needs root: run 'apt-get install {' '.join(packages)}', or be root"
        )


def _install(packages: list[str]) -> None:
    _need_apt(packages)
    print(f"Installing with apt-get: {', '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "--quiet"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0 and command is install:
            raise Missing(f"apt-get could not install {', '.join(packages)}: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own way to keep a package from starting services; an existing policy stays as it is, if it says no."""
    if POLICY.exists():
        asked = subprocess.run([str(POLICY), "postfix", "start"], capture_output=True, check=False)
        if asked.returncode != DENIED:
            raise Missing(f"{POLICY} is there and lets services start, so no package is installed beside it")
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
