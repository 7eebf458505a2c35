# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls as exchange_invoke takes them, checked before there is a session; and its plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .objects import Object
from .values import CmdletError, Credential, Shown, Text

_NOUNS = {
    "SendConnector": "Get New Set Remove",
    "ReceiveConnector": "Get New Set Remove",
    "AcceptedDomain": "Get New Set Remove",
    "AdSiteLink": "Get Set",
    "ADSite": "Get",
    "ADPermission": "Get Add Remove",
    "ExchangeServer": "Get",
    "ExchangeCertificate": "Get",
    "TransportConfig": "Get",
    "TransportService": "Get",
    "Queue": "Get",
}
KNOWN_CMDLETS = tuple(f"{verb}-{noun}" for noun, verbs in _NOUNS.items() for verb in verbs.split())
LISTED_NOUNS = ("SendConnector", "ReceiveConnector", "AcceptedDomain", "AdSiteLink")
_METHODS = ("auto", "existing", "management_shell", "remoting", "edge")
_AUTHENTICATIONS = ("kerberos", "negotiate", "basic", "credssp")
_OPTIONS = {
    "calls",
    "secrets",
    "session_method",
    "session_uri",
    "session_authentication",
    "session_username",
    "session_password",
    "domain_controller",
}
_CALL_OPTIONS = {"cmdlet", "parameters", "secrets", "expect", "properties", "optional", "each"}
_EACH_OPTIONS = {"call", "property", "parameter", "where", "into"}


class StoppedError(Exception):
    """The work ends here. error: that of a cmdlet which ended it."""

    def __init__(self, kind: str, text: str, remedy: str = "", error: CmdletError | None = None) -> None:
        super().__init__(text)
        self.kind, self.text, self.remedy, self.error = kind, text, remedy, error


def check_arguments(given: Mapping[str, Any]) -> str:
    """What the argument specification refuses, in words."""
    unknown = sorted(set(given) - _OPTIONS)
    for call in given.get("calls") or []:
        unknown += sorted(set(call) - _CALL_OPTIONS) + sorted(set(call.get("each") or {}) - _EACH_OPTIONS)
        if "cmdlet" not in call:
            return "missing required arguments: cmdlet found in calls"
        if call.get("each") is not None and not _EACH_OPTIONS - {"where", "into"} <= set(call["each"]):
            return "missing required arguments found in calls -> each"
    if unknown:
        return f"Unsupported parameters: {', '.join(unknown)}"
    if given.get("calls") is None:
        return "missing required arguments: calls"
    if (given.get("session_method") or "auto") not in _METHODS:
        return f"value of session_method must be one of: {', '.join(_METHODS)}"
    if (given.get("session_authentication") or "kerberos") not in _AUTHENTICATIONS:
        return f"value of session_authentication must be one of: {', '.join(_AUTHENTICATIONS)}"
    if given.get("session_method") == "remoting" and not given.get("session_uri"):
        return "session_method is remoting but all of the following are missing: session_uri"
    if (given.get("session_username") is None) != (given.get("session_password") is None):
        return "parameters are required together: session_username, session_password"
    return ""


@dataclass
class Call:
    index: int
    cmdlet: str
    arguments: dict[str, Any] = field(default_factory=dict)
    expect: Any = None
    properties: list[str] = field(default_factory=list)
    optional: bool = False
    each: dict[str, Any] | None = None
    objects: list[Object] = field(default_factory=list)
    missing: bool = False

    @property
    def noun(self) -> str:
        return self.cmdlet.partition("-")[2]

    @property
    def writes(self) -> bool:
        return not self.cmdlet.startswith("Get-")

    @property
    def title(self) -> str:
        title = f"call {self.index}, {self.cmdlet}"
        for name in ("Identity", "Name"):
            if isinstance(self.argument(name), str):
                return f"{title} '{self.argument(name)}'"
        return title

    def argument(self, name: str) -> Any:
        return next((value for key, value in self.arguments.items() if key.lower() == name.lower()), None)

    def read(self, given: Mapping[str, Any], secrets: Mapping[str, str], check_mode: bool) -> None:
        known = next((name for name in KNOWN_CMDLETS if name.lower() == self.cmdlet.lower()), None)
        if known is None:
            raise StoppedError("bad_call", f"this cmdlet is not run here, only {', '.join(KNOWN_CMDLETS)}")
        self.cmdlet = known
        self.arguments = _arguments(given.get("parameters") or {}, given.get("secrets") or {}, secrets)
        self.expect, self.each = given.get("expect"), given.get("each")
        self.properties = [name for name in given.get("properties") or [] if name]
        self.optional = bool(given.get("optional"))
        if self.writes and check_mode:
            raise StoppedError("check_mode", "in check mode nothing is written")
        if self.writes and self.optional:
            raise StoppedError("bad_call", "only a call that reads can be optional")
        if self.each and not 0 <= self.each["call"] < self.index:
            raise StoppedError("bad_call", f"each names call {self.each['call']}, which is no earlier one")
        self._check_expect()

    def _check_expect(self) -> None:
        if self.expect is None:
            return
        absent = isinstance(self.expect, str) and self.expect.lower() == "absent"
        if absent:
            self.expect = "absent"
        elif not isinstance(self.expect, dict):
            raise StoppedError("bad_call", "expect is absent or a dict of properties")
        if not self.writes or self.noun not in LISTED_NOUNS:
            raise StoppedError("bad_call", f"expect is not possible with {self.cmdlet}")
        key = "Name" if absent else "Identity"
        if not self.argument(key):
            raise StoppedError("bad_call", f"expect needs the parameter {key}")


def _arguments(
    parameters: Mapping[str, Any], secret_keys: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, Any]:
    table = {name: _argument(name, value) for name, value in parameters.items()}
    for name, key in secret_keys.items():
        own = next((known for known in table if known.lower() == name.lower()), name)
        password = next((text for known, text in secrets.items() if known.lower() == str(key).lower()), None)
        if password is None:
            raise StoppedError("bad_call", f"parameter {name}: there is no secret '{key}'", "Give it in secrets.")
        if not isinstance(table.get(own), str) or not table[own]:
            raise StoppedError("bad_call", f"parameter {name}: the user name of a credential is missing")
        table[own] = Credential(table[own], str(password))
    return table


def _argument(name: str, value: Any) -> Any:
    """A value as the cmdlet takes it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, list):
        return _texts(name, value)
    if isinstance(value, dict):
        for key in value:
            if key.lower() not in ("add", "remove"):
                raise StoppedError("bad_call", f"parameter {name}: a dict has add and remove, not {key}")
        return {
            key.capitalize(): _texts(name, part if isinstance(part, list) else [part]) for key, part in value.items()
        }
    raise StoppedError("bad_call", f"parameter {name}: a Double cannot be passed on")


def _texts(name: str, values: list[Any]) -> list[str]:
    if not all(isinstance(one, str) for one in values):
        raise StoppedError("bad_call", f"parameter {name}: a list holds texts only")
    return list(values)


# --- plain values ----------------------------------------------------------------------------------------------------


def value_of(one: Object, name: str) -> Shown:
    if name in one:
        return one[name]
    return next((value for key, value in one.items() if key.lower() == name.lower()), None)


def plain(value: Shown) -> None | bool | int | str | list[str]:
    if isinstance(value, Text):
        return value.string
    return list(value) if isinstance(value, list) else value


def signature(value: Any) -> tuple[str, Any]:
    """Two plain values are the same when this is: lists without order, texts with case."""
    if isinstance(value, list):
        return "list", sorted(str(part) for part in value)
    return type(value).__name__, value


def shown(value: Any) -> str:
    if value is None:
        return "null"
    return f"[{', '.join(value)}]" if isinstance(value, list) else f"'{value}'"
