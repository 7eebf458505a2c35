# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords live in one place: a 0600 table for each connector. Nothing here ever says one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..connector.errors import Problems, connector_place
from ..connector.model import Wanted
from ..connector.topology import Organisation
from . import files
from .compile import Compiled
from .services import Directory, password_file


def find_passwords(
    organisation: Organisation,
    old: Organisation,
    compiled: Compiled,
    wanted: Sequence[Wanted],
    directory: Directory,
    problems: Problems,
) -> dict[str, str]:
    """The password of every account in use on this host: as given now, else as it stands in the connector's table."""
    given = {item.connector.key: item.password for item in wanted if item.password is not None}
    former = {item.connector.key: item.renamed_from for item in wanted}
    found: dict[str, str] = {}
    _check_given(given, organisation, problems)
    for key in dict.fromkeys(account.connector for chain in compiled.services.values() for account in chain.accounts):
        password = (
            given.get(key)
            or _kept(organisation, key, directory)
            or _of_before(organisation, old, [key, *former.get(key, ())], key, directory)
        )
        if password:
            found[key] = password
            continue
        problems.add(
            connector_place(organisation.connectors[key].name),
            "authentication.password",
            None,
            "is needed: this host has none for the connector, or lost it",
            "give authentication.password in this run",
        )
    return found


def _check_given(given: Mapping[str, str], organisation: Organisation, problems: Problems) -> None:
    """Postfix drops blanks at the end of a table's lines, and would log in with another password than the one given."""
    for key, password in given.items():
        if password != password.rstrip(" "):
            where = connector_place(organisation.connectors[key].name)
            remedy = "use a password without a blank at its end"
            problems.add(where, "authentication.password", None, "ends in a blank, which Postfix drops", remedy)


def _kept(organisation: Organisation, key: str, directory: Directory) -> str | None:
    content = files.read(directory.file(password_file(organisation, key)))
    if content is None:
        return None
    username = organisation.connectors[key].authentication.username
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        _next_hop, _tab, account = line.partition("\t")
        if account.startswith(username + ":"):
            return account[len(username) + 1 :]
    return None


def _of_before(
    organisation: Organisation, old: Organisation, names: Sequence[str], key: str, directory: Directory
) -> str | None:
    """The password under the connector's settings of before (names: its keys then), where its account stayed the same."""
    username = organisation.connectors[key].authentication.username
    for name in names:
        if name in old.connectors and old.connectors[name].authentication.username == username:
            password = _kept(old, name, directory)
            if password is not None:
                return password
    return None
