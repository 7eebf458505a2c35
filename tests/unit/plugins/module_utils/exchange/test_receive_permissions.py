# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may relay, as the entries of a connector say it, and what strangers are called."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.permissions import (
    ANONYMOUS_LOGON,
    RELAY_RIGHT,
    Rights,
    anonymous_logon,
    read_rights,
)

GERMAN = "NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG"


def entry(user: str, *rights: str, deny: Any = False, inherited: Any = False) -> dict[str, Any]:
    return {"User": user, "ExtendedRights": list(rights) or None, "Deny": deny, "IsInherited": inherited}


@pytest.mark.parametrize("flag", [False, "False", None])
def test_the_right_of_the_connector_itself(flag: Any) -> None:
    rights = read_rights(
        [entry("x", "ms-Exch-SMTP-Submit", RELAY_RIGHT.upper(), deny=flag, inherited=flag), entry("y")]
    )
    assert (rights.of("X"), rights.of("y")) == (True, False)


@pytest.mark.parametrize("flag", [True, "True"])
def test_denied_and_inherited_entries_are_no_such_right(flag: Any) -> None:
    rights = read_rights([entry("x", RELAY_RIGHT, deny=flag), entry("y", RELAY_RIGHT, inherited=flag)])
    assert (rights.of("x"), rights.of("y"), rights.denies("x"), rights.inherits("y")) == (False, False, True, True)


def users(*names: str) -> Rights:
    return Rights(users=frozenset(names))


@pytest.mark.parametrize(
    ("seen", "declared", "name"),
    [
        ([], "", ANONYMOUS_LOGON),
        ([(["anonymous_users"], users(GERMAN))], "X\\y", "X\\y"),
        ([(["anonymous_users"], users(GERMAN, "C\\S")), (["exchange_servers"], users("C\\S"))], "", GERMAN),
        ([(["anonymous_users"], users(GERMAN, "C\\S"))], "", ANONYMOUS_LOGON),  # either of the two
        ([(["anonymous_users"], users("C\\S", ANONYMOUS_LOGON.lower()))], "", ANONYMOUS_LOGON),
        ([(["anonymous_users"], users(GERMAN, "A")), (["anonymous_users"], users(GERMAN, "B"))], "", GERMAN),
    ],
)
def test_what_strangers_are_called(seen: list[Any], declared: str, name: str) -> None:
    assert anonymous_logon(seen, declared) == name
