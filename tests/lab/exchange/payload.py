# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible sends to a Windows host: command lines, and the payload on standard input, taken apart.

The payload is a line of JSON with the wrapper, a line of four NUL characters, and the manifest: a JSON document with
scripts (base64) and actions, the last of which runs the module; its arguments stand there in the variable complex_args.
After one more line of NUL characters comes what the action itself reads (ansible-core 2.19 to 2.21, module_manifest.py).
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
from dataclasses import dataclass
from typing import Any

_END = "\n\0\0\0\0\n"
_FILE_SCRIPTS = ("winrm_put_file.ps1", "winrm_fetch_file.ps1")
_MODULE_SCRIPT = "module_wrapper.ps1"
MASK = "(masked by the lab)"


def split_command_line(line: str) -> list[str]:
    """The arguments of a command line, as cmd.exe and then the program itself take it apart."""
    arguments: list[str] = []
    current: str | None = None
    quoted = False
    characters = iter(_without_carets(line))
    for character in characters:
        if character == '"':
            quoted, current = not quoted, current or ""
        elif character.isspace() and not quoted:
            if current is not None:
                arguments.append(current)
            current = None
        elif character == "\\":
            following = next(characters, "")
            current = (current or "") + ('"' if following == '"' else "\\" + following)
        else:
            current = (current or "") + character
    return arguments if current is None else [*arguments, current]


def _without_carets(line: str) -> str:
    made, quoted, escaped = "", False, False
    for character in line:
        if escaped or quoted or character != "^":
            made += character
            quoted = quoted != (character == '"' and not escaped)
            escaped = False
        else:
            escaped = True
    return made


def encoded_script(arguments: list[str]) -> str | None:
    """The script that a command line hands to PowerShell; None if there is none, or it is no base64 of UTF-16."""
    lowered = [argument.lower() for argument in arguments]
    if "-encodedcommand" not in lowered[:-1]:
        return None
    try:
        encoded = arguments[lowered.index("-encodedcommand") + 1]
        return base64.b64decode(encoded, validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        return None


@dataclass(frozen=True)
class Payload:
    """What stands on standard input for one command. rest: what the action itself reads."""

    wrapper: dict[str, Any]
    manifest: dict[str, Any]
    rest: str | None = None

    @classmethod
    def read(cls, stdin: bytes) -> Payload | None:
        """None if this is no payload of Ansible."""
        parts = stdin.decode("utf-8", "replace").replace("\r\n", "\n").split(_END, 2)
        try:
            wrapper, manifest = (json.loads(part) for part in parts[:2])
            manifest["actions"][-1]["name"]
        except (ValueError, KeyError, IndexError, TypeError):
            return None
        return cls(wrapper, manifest, parts[2] if len(parts) > 2 else None)

    def write(self) -> bytes:
        parts = [json.dumps(self.wrapper), json.dumps(self.manifest)]
        return _END.join(parts if self.rest is None else [*parts, self.rest]).encode()

    @property
    def action(self) -> dict[str, Any]:
        """The last action, which does the work."""
        last: dict[str, Any] = self.manifest["actions"][-1]
        return last

    @property
    def is_module(self) -> bool:
        return bool(self.action["name"] == _MODULE_SCRIPT and self.action["params"].get("ForModule"))

    @property
    def wrapped(self) -> list[str]:
        """What else runs around the work: become, async."""
        return [action["name"] for action in self.manifest["actions"][:-1]]

    @property
    def module(self) -> str:
        """The name of the module, fully qualified if it belongs to a collection; empty if the work is no module."""
        name: str = self.action["params"]["Script"] if self.is_module else ""
        return name.removesuffix(".ps1").removeprefix("ansible_collections.").replace(".plugins.modules.", ".")

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the module, with those of Ansible itself, which begin with _ansible_."""
        for variable in self.action["params"].get("Variables", []):
            if variable["Name"] == "complex_args":
                arguments: dict[str, Any] = variable["Value"]
                return arguments
        return {}

    def texts(self) -> list[str]:
        """Everything that can be read in it, except the secrets of exchange_invoke where they belong."""
        manifest = copy.deepcopy(self.manifest)
        scripts = [base64.b64decode(script.pop("script")).decode("utf-8", "replace") for script in _scripts(manifest)]
        if self.is_module:
            arguments = Payload({}, manifest).arguments
            for name in ("secrets", "session_password"):
                if arguments.get(name) is not None:
                    arguments[name] = MASK
        rest = [] if self.rest is None else [self.rest, *_decoded_lines(self.rest)]
        return [json.dumps(manifest, ensure_ascii=False), *scripts, *rest]

    def with_local_paths(self) -> Payload:
        """The scripts that move files, with paths of this machine: Ansible joins paths as Windows does."""
        if self.action["name"] not in _FILE_SCRIPTS:
            return self
        manifest = copy.deepcopy(self.manifest)
        parameters = manifest["actions"][-1]["params"]
        parameters["Path"] = parameters["Path"].replace("\\", "/")
        return Payload(self.wrapper, manifest, self.rest)


def _scripts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return list(manifest.get("scripts", {}).values())


def _decoded_lines(text: str) -> list[str]:
    """What is in the lines of base64 by which a file is sent."""
    try:
        return [b"".join(base64.b64decode(line, validate=True) for line in text.split()).decode("utf-8", "replace")]
    except binascii.Error:
        return []
