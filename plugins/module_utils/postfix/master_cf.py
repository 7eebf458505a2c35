# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and editing the text of master.cf, byte for byte reversible.

Services are compared in their normal form (``Service``), so a service that already is as wanted keeps its text,
whatever its columns and comments look like. Sources: master(5), Postfix src/postconf/postconf_master.c (normal form)
and src/master/master_ent.c (what master(8) refuses).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .logical_lines import SPACE, LogicalLine, LogicalText, PostfixFileError

__all__ = ["MasterCf", "PostfixFileError", "Service", "ServiceKey", "is_queue_manager_parameter", "split_service"]

ServiceKey = tuple[str, str]

TYPES = ("inet", "unix", "fifo", "pass", "unix-dgram")
FLAGS = ("y", "n", "-")
FIELDS = ("name", "type", "private", "unprivileged", "chroot", "wakeup", "maxproc", "command")

# The field separators of master_ent.c; a comma separates nothing here.
_BLANKS = " \t\r\n"
# The columns in which `postconf -M` begins each field.
_COLUMNS = (0, 11, 17, 25, 33, 41, 49, 57)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WAKEUP = re.compile(r"(-|[0-9]+\??)\Z")
_MAXPROC = re.compile(r"(-|[0-9]+)\Z")
_OPTION_NAME = re.compile(r"[^\s={}\x00-\x20\x7f][^\s=\x00-\x20\x7f]*\Z")

# What qmgr(8) reads for each transport. It does so from main.cf; given as -o to the transport it has no effect
# (postconf(5), "transport_destination_..."; Postfix src/qmgr/qmgr_transport.c).
_QUEUE_MANAGER_ONLY = re.compile(
    r"(\w+_)?(destination_(concurrency_limit|recipient_limit|rate_delay|concurrency_failed_cohort_limit"
    r"|concurrency_(positive|negative)_feedback)|initial_destination_concurrency|transport_rate_delay"
    r"|delivery_slot_(cost|discount|loan)|minimum_delivery_slots|extra_recipient_limit"
    r"|recipient_refill_(limit|delay))\Z",
    re.ASCII,
)
_QUEUE_MANAGERS = ("qmgr", "oqmgr", "nqmgr")


def is_queue_manager_parameter(name: str) -> bool:
    """Whether only the queue manager reads this parameter, so that ``-o`` on another service has no effect."""
    return bool(_QUEUE_MANAGER_ONLY.match(name))


@dataclass(frozen=True)
class Service:
    """One service of master.cf in normal form.

    ``private``, ``unprivileged`` and ``chroot`` are ``y``, ``n`` or ``-`` (Postfix's default); ``wakeup`` is seconds
    with an optional ``?``, or ``-``; ``maxproc`` a number, or ``-``. ``options`` are the ``-o NAME=VALUE`` in their
    order; ``arguments`` everything else behind the command: flags such as ``-v``, then what the command itself reads.
    """

    name: str
    type: str
    private: str = "-"
    unprivileged: str = "-"
    chroot: str = "-"
    wakeup: str = "-"
    maxproc: str = "-"
    command: str = ""
    options: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def key(self) -> ServiceKey:
        return (self.name, self.type)

    @property
    def fields(self) -> tuple[str, ...]:
        """The eight fields, in the order of the file."""
        return (
            self.name,
            self.type,
            self.private,
            self.unprivileged,
            self.chroot,
            self.wakeup,
            self.maxproc,
            self.command,
        )

    def problem(self) -> str | None:
        """What master(8) would refuse in the eight fields, or None."""
        for field, value in zip(FIELDS, self.fields):
            if not value or _CONTROL.search(value) or _first_blank(value) is not None:
                return f"field {field!r}: {value!r} is not one word"
        if self.name.startswith("#"):
            return f"field 'name': {self.name!r} would be a comment"
        if self.type not in TYPES:
            return f"field 'type': {self.type!r} is none of {', '.join(TYPES)}"
        for field in ("private", "unprivileged", "chroot"):
            if getattr(self, field) not in FLAGS:
                return f"field {field!r}: {getattr(self, field)!r} is none of {', '.join(FLAGS)}"
        if self.type == "inet" and self.private != "n":
            return f"field 'private': an inet service cannot be private, it needs 'n' instead of {self.private!r}"
        if not _WAKEUP.match(self.wakeup):
            return f"field 'wakeup': {self.wakeup!r} is neither seconds (with an optional '?') nor '-'"
        if not _MAXPROC.match(self.maxproc):
            return f"field 'maxproc': {self.maxproc!r} is neither a number nor '-'"
        return None

    def options_without_effect(self) -> list[str]:
        """The names given as -o that this service's program never reads: they belong into main.cf."""
        if self.command in _QUEUE_MANAGERS:
            return []
        return [name for name, _value in self.options if is_queue_manager_parameter(name)]

    def text(self) -> str:
        """The lines for master.cf, without the last newline: the fields in the columns of ``postconf -M``, each
        ``-o`` on a line of its own, what the command itself reads on the last line.

        Raises ValueError for what no line of master.cf can hold.
        """
        problem = self.problem()
        if problem:
            raise ValueError(f"service {self.name}/{self.type}: {problem}")
        flags, rest = _split_flags(self.arguments)
        first = ""
        for column, value in zip(_COLUMNS, self.fields):
            first = f"{first} ".ljust(column) + value if first else value
        lines = [" ".join([first, *(_argument_text(flag) for flag in flags)])]
        lines.extend(f"    -o {_option_text(name, value)}" for name, value in self.options)
        if rest:
            lines.append("    " + " ".join(_argument_text(argument) for argument in rest))
        text = "\n".join(lines)
        _refuse_unless_read_back(self, text)
        return text


class MasterCf:
    """The text of one master.cf."""

    def __init__(self, text: str, path: str = "master.cf") -> None:
        self._path = path
        self._text: LogicalText[ServiceKey] = LogicalText(text, lambda line: parse_service(line, path).key, path)

    @classmethod
    def parse(cls, text: str, path: str = "master.cf") -> MasterCf:
        """Read the text. Raises PostfixFileError for a service that master(8) cannot read or start as written."""
        return cls(text, path)

    def text(self) -> str:
        """The whole text, exactly what was parsed where nothing was changed."""
        return self._text.text()

    def services(self) -> list[Service]:
        """Every service once, in the order of the file; of several with one name and type the last, which counts."""
        found = (self.get(key) for key in self._text.keys_in_order())
        return [service for service in found if service is not None]

    def get(self, key: ServiceKey) -> Service | None:
        """The service with this (name, type), or None."""
        line = self._text.get(key)
        return None if line is None else parse_service(line, self._path)

    def raw(self, key: ServiceKey) -> str | None:
        """The exact text of the service, inner comments included, without its final newline."""
        line = self._text.get(key)
        return None if line is None else line.raw

    def occurrences(self, key: ServiceKey) -> int:
        """How often the service stands in the file."""
        return self._text.count(key)

    def set(self, service: Service) -> bool:
        """Let this service be defined so; returns whether the text changed.

        A service that is equal in normal form keeps its text. Raises ValueError for what master.cf cannot hold.
        """
        text = service.text()
        if self.get(service.key) == service:
            return False
        self._text.put(service.key, text)
        return True

    def put_back(self, key: ServiceKey, raw: str) -> None:
        """Exactly this text (from ``raw``) instead of the service's last occurrence, or at the end."""
        self._text.put(key, raw)

    def remove(self, key: ServiceKey) -> None:
        """Remove the lines of the service's last occurrence. An earlier one, if any, counts from then on."""
        self._text.drop(key)


def parse_service(line: LogicalLine, path: str) -> Service:
    """One logical line of master.cf -> Service. Raises PostfixFileError with the line's number."""

    def wrong(message: str, remedy: str) -> PostfixFileError:
        return PostfixFileError(path, line.number, message, remedy)

    words = split_service(line.text)
    if len(words) < len(FIELDS):
        raise wrong(
            f"a service has {len(FIELDS)} fields, but here are {len(words)}",
            "Write name, type, private, unprivileged, chroot, wakeup, maxproc and command; '-' is the default.",
        )
    try:
        options, arguments = _options_and_arguments(words[len(FIELDS) :])
    except ValueError as error:
        raise wrong(f"service {words[0]}/{words[1]}: {error}", "Correct the line; see master(5).") from None
    name, type_, private, unprivileged, chroot, wakeup, maxproc, command = words[: len(FIELDS)]
    service = Service(name, type_, private, unprivileged, chroot, wakeup, maxproc, command, options, arguments)
    problem = service.problem()
    if problem:
        raise wrong(f"service {service.name}/{service.type}: {problem}", "Correct the field; see master(5).")
    return service


def split_service(text: str) -> list[str]:
    """The words of a logical line, split at blanks that are not between balanced braces (mystrtokq())."""
    words: list[str] = []
    while True:
        text = text.lstrip(_BLANKS)
        if not text:
            return words
        end = _first_blank(text)
        words.append(text if end is None else text[:end])
        text = "" if end is None else text[end:]


def _first_blank(text: str) -> int | None:
    """Where a word that begins here ends: at the first blank outside braces; None: at the end of the text."""
    level = 0
    for position, character in enumerate(text):
        if character == "{":
            level += 1
        elif character == "}" and level > 0:
            level -= 1
        elif level == 0 and character in _BLANKS:
            return position
    return None


def _options_and_arguments(words: t.Sequence[str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """What stands behind the command -> (-o options, other arguments), normalised as `postconf -M` does it.

    ``-oNAME=VALUE`` and ``-vo NAME=VALUE`` count as options; the first word that is no flag ends them.
    """
    options: list[tuple[str, str]] = []
    arguments: list[str] = []
    waiting = list(words)
    while waiting and _is_flag(waiting[0]):
        flags, o, value = waiting.pop(0).partition("o")
        if flags != "-":
            arguments.append(flags)
        if o:
            if not value and not waiting:
                raise ValueError("there is nothing behind the last -o, so the service cannot start")
            options.append(_option(value or waiting.pop(0)))
    arguments.extend(_without_braces(word) for word in waiting)
    return tuple(options), tuple(arguments)


def _is_flag(word: str) -> bool:
    """Whether the word is a flag; "-" and "--" end the flags for the getopt(3) of the daemons."""
    return word.startswith("-") and word not in ("-", "--")


def _option(text: str) -> tuple[str, str]:
    """``name=value`` or ``{ name = value }`` -> (name, value)."""
    name, equals, value = _without_braces(text).partition("=")
    name = name.strip(SPACE)
    if not equals or not name or any(space in name for space in SPACE):
        raise ValueError(f"'-o {text.partition('=')[0]}' is not of the form name=value, so the service cannot start")
    return name, value.strip(SPACE)


def _without_braces(word: str) -> str:
    """``{ text }`` -> ``text``; a word that does not begin with a brace as it is (extpar())."""
    if not word.startswith("{"):
        return word
    end = _closing_brace(word)
    if end is None:
        raise ValueError("an opening brace '{' has no closing one")
    if end != len(word) - 1:
        raise ValueError("there is text directly behind the closing brace of a '{ ... }'")
    return word[1:-1].strip(SPACE)


def _closing_brace(word: str) -> int | None:
    """Where the brace that the word begins with is closed."""
    level = 0
    for position, character in enumerate(word):
        level += {"{": 1, "}": -1}.get(character, 0)
        if level == 0:
            return position
    return None


def _split_flags(arguments: t.Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments -> (flags, which must stand before what ends the options; the others)."""
    end = 0
    while end < len(arguments) and _is_flag(arguments[end]):
        end += 1
    return list(arguments[:end]), list(arguments[end:])


def _option_text(name: str, value: str) -> str:
    """How to write one option: in braces (Postfix 3.0) where the value has white space."""
    if not _OPTION_NAME.match(name):
        raise ValueError(f"{name!r} is not a parameter name")
    if _CONTROL.search(value):
        raise ValueError(f"the value of {name} holds a newline or another control character")
    return f"{{ {name} = {value} }}" if any(blank in value for blank in _BLANKS) else f"{name}={value}"


def _argument_text(argument: str) -> str:
    """How to write one argument: in braces where it would not be one word, or would begin a comment."""
    if _CONTROL.search(argument):
        raise ValueError(f"the argument {argument!r} holds a newline or another control character")
    is_plain = argument and argument[0] not in "{#" and not any(blank in argument for blank in _BLANKS)
    return argument if is_plain else f"{{{argument}}}"


def _refuse_unless_read_back(service: Service, text: str) -> None:
    """Raise ValueError where the text would be read as something else: unbalanced braces, -o given as an argument."""
    lines = text.split("\n")
    try:
        read_back = parse_service(LogicalLine(1, tuple(lines), "".join(lines)), "master.cf")
    except PostfixFileError as error:
        raise ValueError(f"service {service.name}/{service.type} cannot be written: {error.message}") from None
    if read_back != service:
        raise ValueError(
            f"service {service.name}/{service.type} cannot be written so that Postfix reads the same again: "
            "look for unbalanced braces, white space around a value, and '-o' among the arguments"
        )
