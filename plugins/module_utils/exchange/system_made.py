# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectors that Exchange's own programs make and look after: nobody's list should own them. Pure."""

from __future__ import annotations

import re

# New-EdgeSubscription and the Hybrid Configuration Wizard (edge-subscriptions.md, CSS-Exchange).
_SEND = re.compile(r"^(EdgeSync - |Outbound to Office 365)", re.IGNORECASE)
# Setup makes these on every server (receive-connectors.md), and the wizard the last one.
_RECEIVE = re.compile(
    r"^(Default|Client Proxy|Default Frontend|Outbound Proxy Frontend|Client Frontend|Default internal receive connector) "
    r"\S+$|^Inbound from Office 365",
    re.IGNORECASE,
)


def sends(name: str) -> bool:
    return bool(_SEND.match(name))


def receives(name: str) -> bool:
    return bool(_RECEIVE.match(name))
