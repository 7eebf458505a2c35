# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-ADSite, Get-AdSiteLink and Set-AdSiteLink."""

from __future__ import annotations

from dataclasses import dataclass

from .directory import Stored
from .objects import Object, Run, common, shown
from .parameters import BOTH, Parameter, reader, writer
from .servers import show_site
from .values import KB, integer, size, string

LINK, SITE = "AdSiteLink", "ADSite"


@dataclass(frozen=True)
class SiteLink:
    """The sites that it connects, and what Active Directory says it costs."""

    sites: tuple[str, ...]
    cost: int = 100


PARAMETERS = (
    Parameter("Name", string(64)),
    Parameter("ExchangeCost", integer(1, 99999, clear=True), verbs=BOTH),
    # The manual: 64 KB to the largest integer, or unlimited.
    Parameter("MaxMessageSize", size(64 * KB, 2147483647, unlimited=True), "Unlimited"),
)
_KEPT = PARAMETERS[1:]
CMDLETS = [reader(LINK), writer(f"Set-{LINK}", PARAMETERS), reader(SITE)]


def run(call: Run) -> list[Object]:
    if call.cmdlet.verb == "Set":
        return _set(call)
    show = _show_link if call.cmdlet.noun == LINK else _show_site
    return [show(call, stored) for stored in call.listed(_named)]


def _named(stored: Stored, identity: str) -> bool:
    return identity == stored.name.lower()


def _set(call: Run) -> list[Object]:
    old = call.one(_named)
    name = old.name
    if "Name" in call:
        others = [other for other in call.objects() if other.guid != old.guid]
        name = call.check_name(call.given["Name"], others, 64)
    call.update(old, name, call.merged(old.values, _KEPT), old.name)
    return []


def _show_link(call: Run, stored: Stored) -> Object:
    organisation = call.organisation
    properties = shown(call, stored, _KEPT)
    sites = [show_site(site, organisation) for site in stored.values["Sites"]]
    own = stored.values["ExchangeCost"]
    head: Object = {
        "Cost": stored.values["ADCost"] if own is None else own,
        "ADCost": stored.values["ADCost"],
        "ExchangeCost": own,
        "MaxMessageSize": properties["MaxMessageSize"],
        "Sites": organisation.forms.ordered(sites, f"{stored.guid}/Sites"),
    }
    return head | common(call, stored, stored.name, ("top", "siteLink"))


def _show_site(call: Run, stored: Stored) -> Object:
    head: Object = {
        "HubSiteEnabled": False,
        "InboundMailEnabled": True,
        "PartnerId": -1,
        "MinorPartnerId": -1,
        "ResponsibleForSites": [],
    }
    return head | common(call, stored, stored.name, ("top", "site"))
