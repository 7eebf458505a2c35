# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as Exchange's cmdlets show and take them, in the normal forms of the vocabulary.

What comes from a cmdlet is read leniently, in each form that was recorded or may occur (the order of multi-values, the
separators in sizes, and the case of names are not stable); what a person wrote is read strictly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..connector import values
from ..connector.errors import ValueProblem
from ..connector.values import Kind

_BYTES = re.compile(r"\((.*?)\s*bytes\)", re.IGNORECASE)


def is_empty(value: Any) -> bool:
    """null, '' and an empty list are one value: a cmdlet shows any of them for what is not set."""
    return value is None or value == "" or value == []


def read_size(value: Any) -> int:
    """35MB, 36700160, unlimited, or what Exchange shows: 35 MB (36,700,160 bytes), with any thousands separator."""
    shown = _BYTES.search(str(value))
    return int(re.sub(r"\D", "", shown.group(1))) if shown else values.read_size(value)


def rounded_up(size: int) -> int:
    """Exchange rounds sizes up to the next kilobyte (New-SendConnector, MaxMessageSize)."""
    return size if size == values.UNLIMITED else -(-size // 1024) * 1024


def write_size(size: int) -> str:
    return "unlimited" if size == values.UNLIMITED else f"{rounded_up(size) // 1024}KB"


def write_duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}.{clock}" if days else clock


def items(value: Any) -> list[str]:
    """The parts of a multi-value, of flags (A, B), or of a text with commas."""
    return [] if is_empty(value) else [str(one) for one in values.as_list(value)]


def first_label(server: Any) -> str:
    """Servers are shown by their bare names, and given as these or as FQDNs."""
    return str(server).partition(".")[0].lower()


# --- native parameters: text of one form for each kind ---------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """A cmdlet parameter that the vocabulary lacks.

    kind reads both what a person wrote and what Exchange shows into text; write makes the cmdlet's value of that text.
    default: the text that stands for "left as it is by default". create_only: can neither be read nor changed later.
    """

    name: str
    kind: Kind[str]
    default: str
    write: Callable[[str], Any]
    create_only: bool = False
    edge_only: bool = False


def _read_yes_no(value: Any) -> str:
    return "yes" if values.read_boolean(value) else "no"


def yes_no(name: str) -> Parameter:
    return Parameter(name, Kind("yes or no", _read_yes_no, str), "no", lambda text: text == "yes")


def choice(name: str, choices: tuple[str, ...], default: str, create_only: bool = False) -> Parameter:
    canonical = {one.lower(): one for one in choices}

    def read(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in canonical:
            raise ValueProblem(f"is no {name}", "use one of " + ", ".join(choices), value)
        return canonical[word]

    return Parameter(name, Kind("choice", read, str), default, str, create_only)


def flags(name: str, choices: tuple[str, ...], default: str) -> Parameter:
    canonical = {one.lower(): one for one in choices}

    def read(value: Any) -> str:
        words = {word.strip().lower() for word in items(value)}
        unknown = sorted(words - set(canonical))
        if unknown or not words:
            raise ValueProblem(f"is no {name}", "use one or more of " + ", ".join(choices), ", ".join(unknown) or value)
        return ", ".join(sorted(canonical[word] for word in words))

    return Parameter(name, Kind("flags", read, str), default, lambda text: text.split(", "))


def _read_ip(value: Any) -> str:
    return values.read_address(values.plain_text(value, "an IP address").strip()) or _no_address(value)


def _no_address(value: Any) -> str:
    raise ValueProblem("is not an IP address", "write for example 192.0.2.10", value)


SEND_PARAMETERS: Mapping[str, Parameter] = {
    one.name.lower(): one
    for one in (
        yes_no("CloudServicesMailEnabled"),
        choice("ConnectorType", ("Default", "XPremises"), "Default"),
        yes_no("DomainSecureEnabled"),
        flags(
            "ErrorPolicies",
            ("Default", "DowngradeDnsFailures", "DowngradeCustomFailures", "UpgradeCustomFailures"),
            "Default",
        ),
        yes_no("FrontendProxyEnabled"),
        yes_no("RequireOorg"),
        Parameter("SourceIPAddress", Kind("address", _read_ip, str), "0.0.0.0", str, edge_only=True),
        choice("Usage", ("Custom", "Internal", "Internet", "Partner"), "Custom", create_only=True),
        yes_no("UseExternalDNSServersEnabled"),
    )
}
"""Native parameters of send connectors, by their names in lower case (New-SendConnector, Set-SendConnector)."""
