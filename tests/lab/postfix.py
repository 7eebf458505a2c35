# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Postfix instances, each with its own configuration, queue, data and log directory.

The machine's own configuration and services are neither read nor touched. An instance lives under a directory that
the user postfix may search (see temporary_root(); pytest's tmp_path is closed to it). Inside lab.namespace any number
of instances listens at the same time, each on its own address, port 25.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pwd
import re
import shutil
import signal
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from . import LabError
from .main_cf_text import main_cf
from .master_cf_text import master_cf
from .processes import parent, program, session
from .waiting import Answer, wait_until

COMMANDS = "/usr/sbin"

# Postfix waits minutes where a test wants a second. Everything else stays as the flavour says.
QUICK = {
    "queue_run_delay": "1s",
    "minimal_backoff_time": "2s",  # with 1s a message may be tried while the last try still holds it (see flush)
    "maximal_backoff_time": "3s",
    "transport_retry_time": "1s",
    "smtp_connect_timeout": "5s",
    "smtp_helo_timeout": "5s",
    "smtp_starttls_timeout": "10s",
    "smtpd_error_sleep_time": "0",
}


def missing() -> str:
    """What this machine lacks for real Postfix instances, as a sentence; empty if nothing."""
    if os.geteuid() != 0:
        return "Postfix instances need root"
    if not os.access(f"{COMMANDS}/postfix", os.X_OK):
        return f"Postfix is not installed ({COMMANDS}/postfix)"
    return ""


@contextlib.contextmanager
def temporary_root(prefix: str = "lab-") -> Iterator[Path]:
    """A directory that the user postfix may search, removed afterwards.

    It lies in the usual place for temporary files, or in /run where only root may enter that place (libpam-tmpdir). The
    path should be short: the queue's socket names must stay under 108 bytes.
    """
    usual = Path(tempfile.gettempdir())
    open_to_all = all(place.stat().st_mode & 0o001 for place in (usual, *usual.parents))
    root = Path(tempfile.mkdtemp(prefix=prefix, dir=usual if open_to_all else "/run"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@dataclass(frozen=True)
class Queued:
    """A message that waits in a queue."""

    queue_id: str
    queue_name: str  # incoming, active, deferred, hold
    sender: str
    recipients: tuple[str, ...]
    reasons: tuple[str, ...]  # why each recipient is delayed, "" if it is not


class Instance:
    """One Postfix on one address.

    root: where it lives. name: short, its directory. address: what it listens on and sends from. hostname: myhostname.
    flavour: the main.cf that an administrator left (see main_cf_text.FLAVOURS). settings: more of main.cf, wins
    over everything; a None takes a parameter out. services: more text for master.cf. chroot: as Debian has it.
    """

    def __init__(
        self,
        root: Path,
        name: str,
        address: str,
        *,
        hostname: str | None = None,
        flavour: str = "debian",
        settings: Mapping[str, str | None] | None = None,
        services: str = "",
        chroot: bool = True,
        port: int = 25,
    ) -> None:
        self.name, self.address, self.port = name, address, port
        self.hostname = hostname or f"{name}.lab.example"
        self.directory = root / name
        self.config_directory = self.directory / "etc"
        self.queue_directory = self.directory / "queue"
        self.data_directory = self.directory / "data"
        self.log_file = self.directory / "maillog"
        self._master: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._create(flavour, settings or {}, services, chroot)

    # --- configuration ------------------------------------------------------------------------------------------

    def _create(self, flavour: str, settings: Mapping[str, str | None], services: str, chroot: bool) -> None:
        for directory in (self.config_directory, self.queue_directory, self.data_directory):
            directory.mkdir(parents=True)
        owner = pwd.getpwnam("postfix")
        os.chown(self.data_directory, owner.pw_uid, owner.pw_gid)
        self.data_directory.chmod(0o700)
        own = {**self._own_settings(), **settings}
        (self.config_directory / "main.cf").write_text(main_cf(flavour, own), encoding="utf-8")
        (self.config_directory / "master.cf").write_text(
            master_cf(f"{self.address}:{self.port}", chroot=chroot) + services, encoding="utf-8"
        )
        if chroot:
            self._furnish_chroot()
        self.settle()

    def _own_settings(self) -> dict[str, str | None]:
        settings: dict[str, str | None] = {
            "myhostname": self.hostname,
            "queue_directory": str(self.queue_directory),
            "data_directory": str(self.data_directory),
            "maillog_file": str(self.log_file),
            "maillog_file_prefixes": str(self.directory),
            "inet_interfaces": self.address,
            "inet_protocols": "ipv4",
            **QUICK,
        }
        if self.address.startswith("127."):
            # With a single address in inet_interfaces Postfix sends from it, but not if it is a loopback address
            # (smtp_connect.c).
            settings["smtp_bind_address"] = self.address
        return settings

    def _furnish_chroot(self) -> None:
        """What Debian's start script copies, so that names resolve inside."""
        for source in ("resolv.conf", "hosts", "services", "nsswitch.conf", "host.conf", "localtime"):
            if Path("/etc", source).exists():
                target = self.queue_directory / "etc" / source
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(f"/etc/{source}", target)

    def main_cf(self) -> str:
        return (self.config_directory / "main.cf").read_text(encoding="utf-8")

    def master_cf(self) -> str:
        return (self.config_directory / "master.cf").read_text(encoding="utf-8")

    def configure(self, **settings: str | None) -> None:
        """Change main.cf as an administrator would (postconf -e, or -X for None). Does not reload."""
        sets = [f"{name}={value}" for name, value in settings.items() if value is not None]
        gone = [name for name, value in settings.items() if value is None]
        if sets:
            self.run("postconf", "-e", *sets)
        if gone:
            self.run("postconf", "-X", *gone)
        self.settle()

    def add_services(self, text: str) -> None:
        """Append lines to master.cf. Does not reload."""
        with (self.config_directory / "master.cf").open("a", encoding="utf-8") as stream:
            stream.write(text)
        self.settle()

    def settle(self) -> None:
        """Set the files' times back: Postfix waits up to two seconds for a main.cf that is not a second old."""
        for name in ("main.cf", "master.cf"):
            path = self.config_directory / name
            then = time.time() - 5
            if path.stat().st_mtime > then:
                os.utime(path, (then, then))

    def setting(self, name: str) -> str:
        """A parameter's value, expanded."""
        return self.run("postconf", "-xh", name).stdout.rstrip("\n")

    def write(self, name: str, text: str, *, mode: int = 0o644) -> Path:
        """Put a file beside main.cf."""
        path = self.config_directory / name
        path.touch(mode=mode)
        path.write_text(text, encoding="utf-8")
        return path

    def postmap(self, name: str, text: str, kind: str = "lmdb") -> str:
        """Write a lookup table beside main.cf, index it, and return kind:path."""
        table = f"{kind}:{self.write(name, text)}"
        done = self.run("postmap", table)
        if done.stderr:
            raise LabError(f"postmap {table}: {done.stderr}")
        return table

    # --- commands -----------------------------------------------------------------------------------------------

    def run(
        self, name: str, *arguments: str, text: str | None = None, check: bool = True, option: str = "-c"
    ) -> subprocess.CompletedProcess[str]:
        """Run one of Postfix's commands on this instance."""
        command = [f"{COMMANDS}/{name}", option, str(self.config_directory), *arguments]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, env=_environment(), timeout=120
        )
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(command)}: status {done.returncode}: {done.stderr}\n{self.log()[-2000:]}")
        return done

    def start(self) -> Self:
        """Start it, and return when it answers on its port."""
        if self.running():
            raise LabError(f"{self.name} is running already")
        self.settle()
        if not (self.queue_directory / "pid").exists():
            self.run("postfix", "check")  # makes the queue's directories
        # `postfix start` would come to the same after half a second of checks.
        self._master = subprocess.Popen(
            [f"{self.setting('daemon_directory')}/master", "-c", str(self.config_directory), "-s"],
            cwd=self.queue_directory,
            env={**_environment(), "MAIL_CONFIG": str(self.config_directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._guard = self._start_guard()
        self.wait_until(self._listening, "it listens")
        return self

    def _start_guard(self) -> subprocess.Popen[bytes]:
        """A process that stops the master when this process ends in whatever way: its standard input ends then.

        (The kernel's parent-death signal would not do: it is forgotten when master changes its effective user.)
        """
        script = 'cat >/dev/null; kill -TERM $(cat "$1")'
        pid_file = self.queue_directory / "pid" / "master.pid"
        return subprocess.Popen(
            ["/bin/sh", "-c", script, "guard", str(pid_file)], stdin=subprocess.PIPE, start_new_session=True
        )

    def stop(self) -> None:
        """Stop it; what is in the queue stays there. Does nothing if it is not running."""
        pid = self.master_pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            self.wait_until(lambda: self._gone(pid), "it stops", timeout=20)
        except LabError:
            os.killpg(pid, signal.SIGKILL)
            self.wait_until(lambda: self._gone(pid), "it dies")
        self._end_daemons(pid)
        self._master = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None

    def _end_daemons(self, master: int) -> None:
        """On a busy machine daemons outlive their master: until they end they hold the ports that the next one wants, and one
        that was only just forked holds the locks of the master itself, so that the next one ends with status 1."""
        try:
            self.wait_until(lambda: not session(master), "its daemons end", timeout=20)
        except LabError:
            for pid in session(master):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.wait_until(lambda: not session(master), "its daemons die")

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self) -> None:
        self.settle()
        self.run("postfix", "reload")

    def flush(self) -> None:
        """Ask for another try of everything that waits.

        A delivery agent may hold a message for a moment after it was deferred. qmgr(8) then says "skipped, still being
        delivered" and leaves it among the active ones until it starts anew, so that moment is waited for.
        """
        time.sleep(0.5)
        self.run("postqueue", "-f")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _listening(self) -> bool:
        if self._master is not None and self._master.poll() is not None:
            raise LabError(f"{self.name} ended with status {self._master.returncode}:\n{self.log()[-4000:]}")
        try:
            with smtplib.SMTP(self.address, self.port, timeout=10):
                return True
        except (OSError, smtplib.SMTPException):
            return False

    # --- processes ----------------------------------------------------------------------------------------------

    def master_pid(self) -> int | None:
        """The running master's process id."""
        try:
            pid = int((self.queue_directory / "pid" / "master.pid").read_text(encoding="ascii").strip() or "0")
        except (FileNotFoundError, ValueError):
            return None
        return pid if program(pid) == "master" else None

    def pids(self, daemon: str) -> list[int]:
        """The process ids of this instance's daemons of that name, for example trivial-rewrite."""
        master = self.master_pid()
        if master is None:
            return []
        numbers = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in numbers if program(pid) == daemon[:15] and parent(pid) == master]

    def running(self) -> bool:
        return self.master_pid() is not None

    def _gone(self, pid: int) -> bool:
        if self._master is not None and self._master.pid == pid:
            return self._master.poll() is not None
        return program(pid) != "master"

    # --- mail ---------------------------------------------------------------------------------------------------

    def inject(
        self,
        sender: str,
        recipients: str | Sequence[str],
        body: str = "Hello\r\n",
        *,
        subject: str = "lab",
        source: str = "127.0.0.1",
        options: Sequence[str] = (),
    ) -> dict[str, tuple[int, bytes]]:
        """Send a message over SMTP from a source address, and return the recipients that were refused.

        Raises smtplib's exceptions: SMTPRecipientsRefused if all were refused, SMTPSenderRefused, SMTPDataError.
        """
        message = f"From: <{sender}>\r\nSubject: {subject}\r\n\r\n{body}"
        with smtplib.SMTP(self.address, self.port, timeout=60, source_address=(source, 0)) as client:
            client.ehlo("client.lab.example")
            return client.sendmail(sender, _listed(recipients), message.encode(), mail_options=list(options))

    def answer_to(self, recipient: str, *, sender: str = "a@client.example", source: str = "127.0.0.1") -> str:
        """What the instance says to RCPT TO, for example ``250 2.1.5 Ok``; no message is sent."""
        with smtplib.SMTP(self.address, self.port, timeout=60, source_address=(source, 0)) as client:
            client.ehlo("client.lab.example")
            code, text = client.mail(sender)
            if code == 250:
                code, text = client.rcpt(recipient)
            return f"{code} {text.decode('utf-8', 'replace')}"

    def sendmail(
        self, sender: str, recipients: str | Sequence[str], body: str = "Hello\n", *, subject: str = "lab"
    ) -> None:
        """Submit a message on the machine itself with sendmail(1)."""
        message = f"From: <{sender}>\nSubject: {subject}\n\n{body}"
        self.run("sendmail", "-i", "-f", sender, "--", *_listed(recipients), text=message, option="-C")

    def queue(self) -> list[Queued]:
        lines = self.run("postqueue", "-j").stdout.splitlines()
        return [_queued(json.loads(line)) for line in lines]

    def log(self) -> str:
        try:
            return self.log_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def wait_until(self, question: Callable[[], Answer | None], what: str, *, timeout: float = 60.0) -> Answer:
        """lab.waiting.wait_until, with the end of this instance's log in the error."""
        return wait_until(question, f"{self.name}: {what}", timeout=timeout, details=lambda: self.log()[-4000:])

    def wait_for_log(self, pattern: str, *, timeout: float = 60.0) -> re.Match[str]:
        """Wait until the log has a match of this regular expression, and return it."""
        search = functools.partial(re.search, pattern, flags=re.MULTILINE)
        return self.wait_until(lambda: search(self.log()), f"log has {pattern!r}", timeout=timeout)

    def wait_for_empty_queue(self, *, timeout: float = 60.0) -> None:
        self.wait_until(lambda: not self.queue(), "its queue is empty", timeout=timeout)


def _queued(entry: dict[str, Any]) -> Queued:
    recipients = entry["recipients"]
    return Queued(
        queue_id=entry["queue_id"],
        queue_name=entry["queue_name"],
        sender=entry["sender"],
        recipients=tuple(recipient["address"] for recipient in recipients),
        reasons=tuple(recipient.get("delay_reason", "") for recipient in recipients),
    )


def _listed(recipients: str | Sequence[str]) -> list[str]:
    return [recipients] if isinstance(recipients, str) else list(recipients)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
