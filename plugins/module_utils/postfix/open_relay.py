# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether main.cf lets anybody relay anywhere, as far as its values alone can show. Pure.

What an administrator's own access tables permit is not looked at.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from ..connector.errors import Problems
from .main_cf import split_list

# What ends a restriction list safely: without one of these smtpd(8) refuses to run, or relays for anybody.
_STOPS = ("reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit")
_LISTS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
# Networks wider than this are no organisation's own, except for the private ones of IPv6 (RFC 4193, RFC 4291).
_NARROW_ENOUGH = {4: 8, 6: 32}
_PRIVATE = (ipaddress.IPv6Network("fc00::/7"), ipaddress.IPv6Network("fe80::/10"))


def check_open_relay(parameters: Mapping[str, str], problems: Problems) -> None:
    """parameters: the values of main.cf, expanded."""
    if not any(stops(split_list(parameters.get(name, ""))) for name in _LISTS):
        remedy = "put reject_unauth_destination into smtpd_relay_restrictions, before any permit, with postfix_main_cf"
        problems.add("main.cf", _LISTS[0], parameters.get(_LISTS[0], ""), "lets anybody relay anywhere", remedy)
    for name in ("mynetworks", "relay_domains"):
        for element in split_list(parameters.get(name, "")):
            if is_everybody(element):
                remedy = f"correct {name} with postfix_main_cf"
                problems.add("main.cf", name, element, "makes this host an open relay", remedy)


def stops(restrictions: Sequence[str]) -> bool:
    """Whether a restriction list stops strangers before an unconditional permit lets them through."""
    counts = True
    for word in restrictions:
        if counts and word in _STOPS:
            return True
        if counts and word == "permit":
            return False
        counts = word != "warn_if_reject"  # the restriction behind it is only logged (postconf(5))
    return False


def is_everybody(element: str) -> bool:
    """Whether an element of mynetworks or relay_domains matches (about) everything. !element excludes, so it never does."""
    if element.startswith("static:"):
        return True
    word = element.replace("[", "").replace("]", "")
    try:
        network = ipaddress.ip_network("0.0.0.0/0" if word == "0/0" else word, strict=False)
    except ValueError:
        return False
    if isinstance(network, ipaddress.IPv6Network) and any(network.subnet_of(private) for private in _PRIVATE):
        return False
    return network.prefixlen < _NARROW_ENOUGH[network.version]
