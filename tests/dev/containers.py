# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers for molecule: podman, and images of Debian that are made here, since no registry is needed for them.

localhost/mailops-bare:RELEASE has Python and no Postfix; localhost/mailops-postfix:RELEASE has Debian's Postfix as its package
leaves it; localhost/mailops-firewall:RELEASE has ufw and firewalld beside it, neither of them started. They are kept between runs,
and made anew when their recipe changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import machine
from environments import WORK, Missing

RELEASES = ("bookworm", "trixie")
MIRROR = "http://deb.debian.org/debian"
BASE = "python3,iproute2,ca-certificates"
# Debian's own way to install a service without starting it, as in machine.py. The package lists stay in the image.
INSTALL = (
    "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && apt-get update --quiet && "
    "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends {} && "
    "apt-get clean && rm /usr/sbin/policy-rc.d"
)
# What is installed on top of the image before, in this order. nft shows what firewalld has told the kernel.
LAYERS = {"postfix": "postfix postfix-lmdb", "firewall": "ufw firewalld nftables"}
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
# crun fails on hybrid cgroups, and podman's own limits cannot be set without CAP_SYS_RESOURCE.
SETTINGS = """\
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""
_LABEL = "mailops.recipe"
_ONE_AT_A_TIME = threading.Lock()


def environment() -> dict[str, str]:
    """Variables for podman: settings of its own, so that no user's change."""
    file = WORK / "containers.conf"
    WORK.mkdir(exist_ok=True)
    if not file.exists() or file.read_text() != SETTINGS:
        file.write_text(SETTINGS)
    return {"CONTAINERS_CONF": str(file)}


def ready() -> None:
    """Podman that can run a container, and all images. Raises Missing."""
    with _ONE_AT_A_TIME:
        if os.geteuid() != 0:
            raise Missing("containers for molecule need root")
        machine.programs(PACKAGES)
        with ThreadPoolExecutor(len(RELEASES)) as pool:
            list(pool.map(_make_missing_images, RELEASES))


def _make_missing_images(release: str) -> None:
    image = f"localhost/mailops-bare:{release}"
    recipe = _digest(MIRROR, release, BASE)
    if _recipe(image) != recipe:
        with _told(f"the image {image}"):
            _make_bare(release, image, recipe)
    _podman("run", "--rm", image, "true")
    for name, packages in LAYERS.items():
        below, image = image, f"localhost/mailops-{name}:{release}"
        recipe = _digest(recipe, INSTALL.format(packages))
        if _recipe(image) != recipe:
            with _told(f"the image {image}"):
                _make_layer(below, packages, image, recipe)


def _make_bare(release: str, image: str, recipe: str) -> None:
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{release}-", dir=WORK) as directory:
        root = Path(directory) / "root"
        log = WORK / "logs" / f"debootstrap-{release}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as output:
            command = ["debootstrap", "--variant=minbase", f"--include={BASE}", release, str(root), MIRROR]
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise Missing(f"debootstrap could not make {release} from {MIRROR} (see {log})")
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        archive = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        _podman("import", "--change", f"LABEL {_LABEL}={recipe}", "-", image, stdin=archive)
        shutil.rmtree(root)


def _make_layer(below: str, packages: str, image: str, recipe: str) -> None:
    name = f"mailops-making-{image.rpartition(':')[2]}"
    _podman("rm", "--force", "--ignore", name)
    try:
        _podman("run", "--name", name, below, "/bin/sh", "-c", INSTALL.format(packages))
        _podman("commit", "--quiet", "--change", f"LABEL {_LABEL}={recipe}", name, image)
    finally:
        _podman("rm", "--force", "--ignore", name)


def _recipe(image: str) -> str:
    """What the image was made from; empty where there is none."""
    command = ["podman", "image", "inspect", "--format", f'{{{{index .Labels "{_LABEL}"}}}}', image]
    done = subprocess.run(command, env={**os.environ, **environment()}, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _podman(*arguments: str, stdin: subprocess.Popen[bytes] | None = None) -> None:
    done = subprocess.run(
        ["podman", *arguments],
        env={**os.environ, **environment()},
        stdin=stdin.stdout if stdin else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if stdin and stdin.wait() != 0:
        raise Missing("tar could not read what debootstrap made")
    if done.returncode != 0:
        raise Missing(f"podman cannot {' '.join(arguments[:2])} here: {done.stderr.strip()[-500:]}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    print(f"Made {what} ({time.monotonic() - begin:.0f} s)", flush=True)
