# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calling Postfix's programs (except for lookup tables), one process for each question, however many items.

Exit codes alone prove little: postconf exits 0 for unknown parameters and says so on standard error only.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t
from dataclasses import dataclass, replace

from . import files, processes

# Where distributions put postconf and its companions; asked in this order, before PATH.
COMMAND_DIRECTORIES = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/postfix/sbin", "/usr/bin")

# How long a daemon of before a reload is waited for.
_ENDING_SECONDS = 10
# How long a delivery is waited for whose service goes.
_DELIVERY_SECONDS = 60

_PROGRAM = re.compile(r"^[A-Za-z0-9_./-]+: ((warning|fatal|error): )?")
_REPEATED_VALUE = re.compile(r"((?:unused parameter|overriding earlier entry): [^=]*)=.*")


@dataclass(frozen=True)
class CommandResult:
    """What a program did: exit status and both outputs, bytes that are no UTF-8 kept as surrogates."""

    status: int
    stdout: str
    stderr: str


Runner = t.Callable[[list[str], t.Optional[bytes]], CommandResult]


class PostfixCommandError(Exception):
    """A Postfix program failed. ``command`` is what was run, ``result`` what came of it."""

    def __init__(self, command: t.Sequence[str], result: CommandResult) -> None:
        self.command = list(command)
        self.result = result
        said = (
            "; ".join(warnings(result))
            or "without a word; the mail log has the reason, since Postfix logs there where it has no terminal"
        )
        super().__init__(f"{' '.join(command)} failed with status {result.status}: {said}")


class PostfixMissing(Exception):
    """A Postfix program is not where it should be."""


class Module(t.Protocol):
    """What is needed of AnsibleModule."""

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]: ...


def through(module: Module) -> Runner:
    """Programs run by an AnsibleModule: in the C locale, without a terminal, and without MAIL_CONFIG's redirection."""
    environment = {"LC_ALL": "C", "LANG": "C"}

    def run(command: list[str], data: bytes | None = None) -> CommandResult:
        os.environ.pop("MAIL_CONFIG", None)
        given = data or b""
        status, stdout, stderr = module.run_command(
            command,
            data=given,
            binary_data=True,
            environ_update=environment,
            errors="surrogateescape",
            handle_exceptions=False,
        )
        return CommandResult(status, stdout, stderr)

    return run


class Postfix:
    """One Postfix instance, as its own programs describe it.

    ``config_directory`` None means the default instance. ``command_directory`` is for an installation that lies
    elsewhere than in a system directory. All methods raise PostfixCommandError where a program fails and
    PostfixMissing where there is none.
    """

    def __init__(self, config_directory: str | None, run: Runner, command_directory: str | None = None) -> None:
        self._run = run
        self._command_directory = command_directory
        self._config_directory = config_directory.rstrip("/") or "/" if config_directory else None

    @property
    def given_config_directory(self) -> str:
        """The directory of main.cf as far as it is known without a program of Postfix, else empty."""
        return self._config_directory or ""

    def with_config_directory(self, config_directory: str) -> Postfix:
        """The same installation with other configuration files."""
        return Postfix(config_directory, self._run, self._command_directory)

    def program(self, name: str) -> str:
        """The full path of postconf, postfix, postmap and the like."""
        if self._command_directory:
            path: str | None = os.path.join(self._command_directory, name)
            path = path if path and os.access(path, os.X_OK) else None
        else:
            path = shutil.which(name, path=os.pathsep.join([*COMMAND_DIRECTORIES, os.environ.get("PATH", "")]))
        if path is None:
            where = self._command_directory or f"{', '.join(COMMAND_DIRECTORIES)} or PATH"
            raise PostfixMissing(f"there is no program {name} in {where}. Install Postfix, or set command_directory.")
        return path

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line of a Postfix program for this instance."""
        return [self.program(name), "-c", self.config_directory, *arguments]

    def run(self, command: list[str], data: bytes | None = None) -> CommandResult:
        """Run a command line; raises PostfixCommandError for an exit status other than 0."""
        result = self._run(command, data)
        if result.status != 0:
            raise PostfixCommandError(command, result)
        return result

    @property
    def config_directory(self) -> str:
        """The directory of main.cf and master.cf, absolute."""
        if self._config_directory is None:
            # The default is compiled in; asking for it with -d works even where there is no main.cf yet.
            self._config_directory = self.run([self.program("postconf"), "-d", "-h", "config_directory"]).stdout.strip()
        return self._config_directory

    @property
    def main_cf(self) -> str:
        """The path of main.cf."""
        return os.path.join(self.config_directory, "main.cf")

    @property
    def master_cf(self) -> str:
        """The path of master.cf."""
        return os.path.join(self.config_directory, "master.cf")

    def main_text(self) -> str | None:
        """The text of main.cf; None where there is no file."""
        return _decoded(files.read(self.main_cf))

    def master_text(self) -> str | None:
        """The text of master.cf; None where there is no file."""
        return _decoded(files.read(self.master_cf))

    def has_file(self, path: str) -> bool:
        """Whether the host has this file."""
        return os.path.isfile(path)

    def is_installed(self) -> bool:
        """Whether postconf is there."""
        try:
            self.program("postconf")
        except PostfixMissing:
            return False
        return True

    @property
    def version(self) -> str:
        """For example ``3.7.11``."""
        return self.defaults(["mail_version"])["mail_version"]

    def parameters(self, names: t.Iterable[str], expanded: bool = True) -> dict[str, str]:
        """The values that count now, ``$name`` expanded unless told otherwise; what Postfix does not know is left out.

        postconf prints each run of white space as one space (see ``as_printed``). Names that only the administrator
        uses ($macros) are no parameters for it: read those from main.cf.
        """
        return self._values(names, ["-x"] if expanded else [])

    def defaults(self, names: t.Iterable[str]) -> dict[str, str]:
        """Postfix's own defaults, not expanded; what Postfix does not know is left out."""
        return self._values(names, ["-d"])

    def known_parameters(self, names: t.Iterable[str] | None = None) -> set[str]:
        """Which of these names Postfix knows, those of master.cf's services (NAME_destination_...) included.

        None asks for all names that it knows.
        """
        if names is None:
            return set(parse_parameters(self.run(self.command("postconf", "-d")).stdout))
        return set(self.defaults(names))

    def table_types(self) -> set[str]:
        """The types of lookup tables that this installation has, such as ``lmdb``."""
        return set(self.run(self.command("postconf", "-m")).stdout.split())

    def check(self) -> list[str]:
        """What postconf complains about in main.cf and master.cf, line by line; empty where it is content.

        A parameter that nothing uses (often misspelt) is seen only here. Raises PostfixCommandError for a
        configuration that postconf cannot read at all.
        """
        return warnings(self.run(self.command("postconf", "-n")))

    def refusal(self) -> str | None:
        """Why Postfix's programs would not start with this main.cf, or None; postconf itself checks no values.

        A lookup that needs no table makes postmap load main.cf as every Postfix program does (mail_params_init()):
        numbers, times, yes and no, host and user names. What only one daemon reads is not seen.
        """
        result = self._run(self.command("postmap", "-q", "x", "static:x"), None)
        if result.status == 0:
            return None
        said = [line for line in result.stderr.split("\n") if ": fatal: " in line]
        return "; ".join(warnings(replace(result, stderr="\n".join(said)))) or f"postmap: status {result.status}"

    def services(self) -> str:
        """master.cf as postconf reads it."""
        return self.run(self.command("postconf", "-M")).stdout

    def is_running(self) -> bool:
        """Whether this instance's master(8) runs: whether it holds its lock (master -t, which logs nothing)."""
        return self._runs(self._places())

    def reload(self) -> bool:
        """Let a running instance read its files again; returns whether it was running."""
        places = self._places()
        if not self._runs(places):
            return False
        # One that was just starting may have read main.cf of before, and would open tables that are written next. master(8)
        # ends them by closing a pipe, so they end at once unless the machine is busy; what it forked has its name at first.
        before = _children(places, {"trivial-rewrite", "master"})
        self.run(self.command("postfix", "reload"))
        processes.wait_for_the_end_of(before, _ENDING_SECONDS)
        return True

    def let_deliveries_end(self, services: t.Collection[str]) -> bool:
        """Wait for what these services deliver still, a minute at most; whether it ended.

        After the last reload only those of them are there that were in the middle of a delivery. master(8) kills the daemons
        of a service that is gone, and a message whose end was not confirmed yet would be sent again (master_service.c).
        """
        named = {("-n", name) for name in services}
        daemons = _children(self._places())
        busy = {one for one in daemons if not named.isdisjoint(_pairs(processes.arguments(one)))}
        return processes.wait_for_the_end_of(busy, _DELIVERY_SECONDS)

    def _places(self) -> _Places:
        found = self.parameters(["daemon_directory", "queue_directory"])
        master = os.path.join(found["daemon_directory"], "master")
        return _Places(master, os.path.join(found["queue_directory"], "pid", "master.pid"))

    def _runs(self, places: _Places) -> bool:
        if not os.path.exists(places.pid_file):
            return False
        return self._run([places.master, "-c", self.config_directory, "-t"], None).status != 0

    def _values(self, names: t.Iterable[str], flags: list[str]) -> dict[str, str]:
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return {}
        # Without names postconf prints them all, and a name that begins with "-" would be an option.
        found = parse_parameters(self.run(self.command("postconf", *flags, "--", *wanted)).stdout)
        return {name: found[name] for name in wanted if name in found}


class _Places(t.NamedTuple):
    master: str
    pid_file: str


def _pairs(words: t.Sequence[str]) -> set[tuple[str, str]]:
    return set(zip(words, words[1:]))


def _children(places: _Places, names: t.Collection[str] | None = None) -> set[processes.Process]:
    """The daemons of a running instance."""
    pid = (files.read(places.pid_file) or b"").strip()
    return processes.children(int(pid), names) if pid.isdigit() else set()


def instance(postfix: Postfix) -> dict[str, t.Any]:
    """What postfix_instance_info tells. A host without Postfix, or without a main.cf, is no error."""
    installed = postfix.is_installed()
    directory = postfix.config_directory if installed else postfix.given_config_directory
    configured = os.path.isfile(os.path.join(directory, "main.cf")) if directory else False
    usable = installed and configured
    return {
        "installed": installed,
        "configured": configured,
        "running": usable and postfix.is_running(),
        "config_directory": directory,
        "version": postfix.version if usable else "",
        "table_types": sorted(postfix.table_types()) if usable else [],
    }


def _decoded(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "surrogateescape")


def parse_parameters(text: str) -> dict[str, str]:
    """``name = value`` lines of postconf -> values. A value is always one line: a file's newlines are joined away."""
    values: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.partition(" =")
        if equals:
            values[name] = value[1:]
    return values


def as_printed(value: str) -> str:
    """A value of main.cf as postconf prints it: each run of white space as one space (postconf_print.c)."""
    return " ".join(word for word in re.split(r"[ \t\r\n]+", value) if word)


def warnings(result: CommandResult) -> list[str]:
    """The distinct lines of standard error in order, without the program's name, "warning:" and parameter values.

    postconf repeats the values of unused and repeated parameters, which are nobody's business: some are secrets.
    """
    lines = (_PROGRAM.sub("", line.strip()) for line in result.stderr.split("\n"))
    return list(dict.fromkeys(_REPEATED_VALUE.sub(r"\1", line) for line in lines if line))
