# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMTP replies and the keywords of EHLO, read from bytes as they come, within bounds that no server can exceed."""

from __future__ import annotations

import re
import typing as t

# RFC 5321, 4.5.3.1.5 allows 512 octets; more is taken, but not without end.
LONGEST_LINE = 2048
MOST_LINES = 100

_LINE = re.compile(r"^([2-5][0-9][0-9])(?:([ -])(.*))?$", re.DOTALL)
_KEYWORD = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]*$")
_ENHANCED_CODE = re.compile(r"^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")


class Reply(t.NamedTuple):
    """A reply: its code, and the text of each line without the code."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All on one line, for people."""
        return " ".join(line for line in self.lines if line)

    @property
    def positive(self) -> bool:
        return 200 <= self.code <= 299

    @property
    def temporary(self) -> bool:
        return 400 <= self.code <= 499

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class BadReply(Exception):
    """What came is no SMTP reply. The message says what came instead."""


class ReplyReader:
    """Takes bytes in pieces of any size, and gives replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    @property
    def unread(self) -> bool:
        """Whether more came than the replies that were taken."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> None:
        self._rest += data

    def take(self) -> Reply | None:
        """The next reply, or None until the rest of it came. Raises BadReply."""
        while True:
            end = self._rest.find(b"\n")
            if end > LONGEST_LINE or (end < 0 and len(self._rest) > LONGEST_LINE):
                raise BadReply(f"a line of more than {LONGEST_LINE} bytes, where SMTP allows 512")
            if end < 0:
                return None
            line, self._rest = self._rest[:end], self._rest[end + 1 :]
            reply = self._line(visible(line[:-1] if line.endswith(b"\r") else line))
            if reply:
                return reply

    def _line(self, line: str) -> Reply | None:
        match = _LINE.match(line)
        if not match:
            shown = line if len(line) <= 80 else line[:77] + "..."
            raise BadReply(f'"{shown}", which is no SMTP reply')
        self._lines.append((match.group(3) or "").strip())
        if match.group(2) == "-":
            if len(self._lines) >= MOST_LINES:
                raise BadReply(f"a reply of more than {MOST_LINES} lines")
            return None
        # The last line's code counts where the lines differ, as for most clients.
        reply, self._lines = Reply(int(match.group(1)), tuple(self._lines)), []
        return reply


def visible(line: bytes) -> str:
    """The line as text, with whatever does not print made visible."""
    text = line.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def keywords(reply: Reply) -> dict[str, str]:
    """What EHLO announced: keyword in capitals -> parameters. The first line is the greeting (RFC 5321, 4.1.1.1)."""
    found: dict[str, str] = {}
    for line in reply.lines[1:]:
        # Some servers still write AUTH=LOGIN, from a draft of before RFC 2554.
        word, _blank, parameters = line.replace("AUTH=", "AUTH ", 1).partition(" ")
        if not _KEYWORD.match(word):
            continue
        word = word.upper()
        if word == "AUTH" and word in found:
            parameters = f"{found[word]} {parameters}"
            parameters = " ".join(dict.fromkeys(parameters.upper().split()))
        found.setdefault(word, parameters.strip())
        if word == "AUTH":
            found[word] = parameters.strip()
    return found


def announced_size(announced: t.Mapping[str, str]) -> int | None:
    """The largest message in bytes (RFC 1870), or None where no limit is announced (no SIZE, none with it, or 0)."""
    value = announced.get("SIZE", "")
    return int(value) or None if re.match(r"^[0-9]{1,20}$", value) else None


def authentication_mechanisms(announced: t.Mapping[str, str]) -> list[str]:
    """The mechanisms that AUTH announced, in capitals and in order."""
    return list(dict.fromkeys(announced.get("AUTH", "").upper().split()))


def enhanced_code(reply: Reply) -> str:
    """The enhanced status code (RFC 3463), or nothing."""
    match = _ENHANCED_CODE.match(reply.text)
    return match.group(0) if match else ""
