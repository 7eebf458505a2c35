# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as it will be once the tasks before this one have run: check mode plans against that. Writes nothing.

Where Postfix is not set up at all, the plan is made against the settings of a fresh installation.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import typing as t
from dataclasses import dataclass, field

from . import files
from .command import Postfix, PostfixMissing, Runner
from .configuration_file import plain_value
from .logical_lines import PostfixFileError
from .lookup_tables import LookupTables
from .main_cf import MainCf
from .match_list import Table

DEFAULT_DIRECTORY = "/etc/postfix"

# What postconf says on a fresh Debian for the parameters that are asked for; all others of these are empty.
_FRESH = {
    "allow_percent_hack": "yes",
    "append_at_myorigin": "yes",
    "append_dot_mydomain": "no",
    "default_database_type": "hash",
    "default_transport": "smtp",
    "double_bounce_sender": "double-bounce",
    "empty_address_default_transport_maps_lookup_key": "<>",
    "empty_address_recipient": "MAILER-DAEMON",
    "empty_address_relayhost_maps_lookup_key": "<>",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "local_transport": "local:$myhostname",
    "message_size_limit": "10240000",
    "mydestination": "$myhostname, localhost",
    "mynetworks": "127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128",
    "myorigin": "$myhostname",
    "owner_request_special": "yes",
    "parent_domain_matches_subdomains": "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,"
    "qmqpd_authorized_clients,relay_domains,smtpd_access_maps",
    "recipient_delimiter": "+",
    "relay_transport": "relay",
    "resolve_null_domain": "no",
    "resolve_numeric_domain": "no",
    "show_user_unknown_table_name": "yes",
    "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated defer_unauth_destination",
    "swap_bangpath": "yes",
    "virtual_transport": "virtual",
}
# Of these, the package writes into main.cf what Postfix would else compute.
_WRITTEN = ("mydestination", "mynetworks", "relayhost")
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")
_DEPTH = 10


@dataclass(frozen=True)
class Beforehand:
    """settings: parameters of main.cf, as users write them; null takes one out. files: paths that will be there."""

    settings: t.Mapping[str, t.Any] = field(default_factory=dict)
    files: t.Collection[str] = ()


def is_set_up(postfix: Postfix) -> bool:
    """Whether there is a Postfix with a main.cf. Another instance than the default one counts as one that is there."""
    try:
        postfix.program("postconf")
    except PostfixMissing:
        return False
    return os.path.exists(postfix.main_cf) or postfix.config_directory != DEFAULT_DIRECTORY


class ForeseenPostfix(Postfix):
    """An instance whose main.cf will have these settings."""

    def __init__(
        self, config_directory: str | None, run: Runner, command_directory: str | None, beforehand: Beforehand
    ) -> None:
        super().__init__(config_directory, run, command_directory)
        self._beforehand = beforehand

    def main_text(self) -> str | None:
        text = super().main_text()
        return None if text is None else self._with_settings(text)

    def has_file(self, path: str) -> bool:
        return path in self._beforehand.files or super().has_file(path)

    def parameters(self, names: t.Iterable[str], expanded: bool = True) -> dict[str, str]:
        """Postfix's own answer, for configuration files that are laid aside."""
        texts = {"main.cf": self.main_text(), "master.cf": self.master_text()}
        aside = tempfile.mkdtemp(prefix="postfix-")
        try:
            for name, text in texts.items():
                data = (text or "").encode("utf-8", "surrogateescape")
                files.write_atomically(os.path.join(aside, name), data, 0o600)
            found = self.with_config_directory(aside).parameters(names, expanded)
            return {name: value.replace(aside, self.config_directory) for name, value in found.items()}
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _with_settings(self, text: str) -> str:
        main = MainCf.parse(text, self.main_cf)
        for name, given in self._beforehand.settings.items():
            try:
                value = plain_value(given)
                while value is None and main.get(name) is not None:
                    main.remove(name)
                if value is not None:
                    main.set(name, value)
            except ValueError as error:
                remedy = f"Correct {name} in beforehand.settings."
                raise PostfixFileError(self.main_cf, 0, f"{name} cannot be set there: {error}", remedy) from None
        return main.text()


class NoPostfix(ForeseenPostfix):
    """A host where Postfix is not set up yet: what a fresh installation answers."""

    @property
    def config_directory(self) -> str:
        return self._config_directory or DEFAULT_DIRECTORY

    def main_text(self) -> str | None:
        own = files.read(self.main_cf)  # Debian's package keeps one that is there
        fresh = "".join(f"{name} = {_FRESH.get(name, '')}".rstrip() + "\n" for name in _WRITTEN)
        return self._with_settings(fresh if own is None else own.decode("utf-8", "surrogateescape"))

    def master_text(self) -> str | None:
        return super().master_text() or ""

    def parameters(self, names: t.Iterable[str], expanded: bool = True) -> dict[str, str]:
        main = MainCf.parse(self.main_text() or "", self.main_cf)
        myhostname = _hostname()
        values = {**_FRESH, "myhostname": myhostname, "mydomain": myhostname.partition(".")[2]}
        values.update((name, main.get(name) or "") for name in main.names())
        return {name: _expanded(values.get(name, ""), values) if expanded else values.get(name, "") for name in names}

    def defaults(self, names: t.Iterable[str]) -> dict[str, str]:
        return {name: _FRESH.get(name, "") for name in names}

    def known_parameters(self, names: t.Iterable[str] | None = None) -> set[str]:
        """All that is asked for: what is misspelt shows when Postfix is there."""
        return set(names or ())

    def table_types(self) -> set[str]:
        return {"lmdb"}

    def services(self) -> str:
        return ""

    def is_running(self) -> bool:
        return False


class NoTables(LookupTables):
    """No table is there yet."""

    def dump(self, table_type: str, path: str) -> dict[str, str] | None:
        return None

    def query(self, table: str, keys: t.Iterable[str]) -> dict[str, str]:
        return {}

    def table(self, name: str) -> Table:
        return Table.of(name, {})

    def is_current(
        self, table_type: str, path: str, text: str, mode: int, owner: files.Owner | None = None
    ) -> str | None:
        return "the source is missing"


def _hostname() -> str:
    """As Postfix computes myhostname."""
    name = socket.gethostname()
    return name if "." in name else f"{name}.localdomain"


def _expanded(value: str, values: t.Mapping[str, str]) -> str:
    for _round in range(_DEPTH):
        if "$" not in value:
            break
        value = _REFERENCE.sub(lambda match: values.get(match[1] or match[2] or match[3], ""), value)
    return value
