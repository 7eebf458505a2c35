# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail on its way, and Get-Queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import selection
from .objects import Object, Run
from .parameters import IDENTIFIED, Cmdlet, Parameter
from .values import IDENTITY, CmdletError, Text, string

if TYPE_CHECKING:
    from .simulator import Organisation

NOUN = "Queue"
CMDLETS = [
    Cmdlet(
        "Get-Queue",
        (
            IDENTIFIED,
            Parameter("Server", IDENTITY),
            Parameter("Filter", string()),
            Parameter("ResultSize", string()),
        ),
    )
]
UNREACHABLE = "Unreachable"


@dataclass(frozen=True)
class Message:
    """server: where it is, or was last. connector: the one that took it, empty for none. hop: where it goes next."""

    address: str
    server: str
    connector: str
    connector_guid: str
    hop: str
    smart_hosts: tuple[str, ...] = ()
    size: int | None = None


@dataclass(frozen=True)
class Aside:
    """What a server has besides the mail that it delivers: Poison, or copies of another server's messages (Shadow\\7)."""

    server: str
    name: str
    count: int

    @property
    def is_shadow(self) -> bool:
        return self.name.startswith("Shadow")


@dataclass
class Mail:
    """A message stays on the connector that was chosen for it while no smart host of that one takes it."""

    organisation: Organisation = field(repr=False)
    down: set[str] = field(default_factory=set)
    queued: list[Message] = field(default_factory=list)
    delivered: list[Message] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)

    def submit(self, server: str, address: str, size: int | None = None) -> str | None:
        way = selection.best(self.organisation, server, address, size)
        if way is None:
            here = self.organisation.find_server(server)
            assert here
            self.queued.append(Message(address, here.name, "", "", "Unreachable Domain", size=size))
            return None
        hosts = tuple(str(host).lower() for host in way.connector.values["SmartHosts"])
        routed = not way.connector.values["DNSRoutingEnabled"]
        hop = ",".join(hosts) if routed else address.rpartition("@")[2]
        message = Message(
            address, way.server, way.connector.name, way.connector.guid, hop, hosts if routed else (), size
        )
        self.queued.append(message)
        self.retry()
        return message.connector

    def retry(self) -> None:
        """What can go now, goes."""
        down = {host.lower() for host in self.down}
        for message in list(self.queued):
            hosts = message.smart_hosts or (message.hop.lower(),)
            if message.connector and not set(hosts) <= down:
                self.queued.remove(message)
                self.delivered.append(message)


def run(call: Run) -> list[Object]:
    organisation = call.organisation
    if call.given.get("Identity") and call.given.get("Server"):
        raise CmdletError(
            "ParameterBindingException", "Parameter set cannot be resolved using the specified named parameters."
        )
    identity = str(call.given.get("Identity") or "")
    named = identity.partition("\\")[0] if "\\" in identity else call.given.get("Server")
    server = organisation.find_server(str(named)) if named else organisation.local
    if server is None:
        raise CmdletError("LocalizedException", f"The server '{named}' couldn't be reached.")
    queues = [_show(server.name, "Submission", "Undefined", "Submission", "", 0, "Ready")]
    waiting: dict[tuple[str, str], list[Message]] = {}
    for message in organisation.mail.queued:
        if message.server == server.name:
            waiting.setdefault((message.connector_guid, message.hop), []).append(message)
    for number, ((guid, hop), messages) in enumerate(waiting.items(), 3):
        if not guid:
            queues.append(_show(server.name, UNREACHABLE, "Unreachable", hop, "", len(messages), "Ready"))
            continue
        delivery = "SmartHostConnectorDelivery" if messages[0].smart_hosts else "DnsConnectorDelivery"
        queues.append(_show(server.name, str(number), delivery, hop, guid, len(messages), "Retry"))
    for one in organisation.mail.aside:
        if one.server == server.name:
            delivery, hop = (
                ("ShadowRedundancy", "ex9.contoso.com") if one.is_shadow else ("Undefined", "Poison Message")
            )
            queues.append(_show(server.name, one.name, delivery, hop, "", one.count, "Ready"))
    if not identity:
        return queues
    found = [queue for queue in queues if str(queue["Identity"]).lower().endswith(identity.lower())]
    if not found:
        raise call.not_found()
    return found


def _show(server: str, name: str, delivery: str, hop: str, connector: str, count: int, status: str) -> Object:
    data = "Microsoft.Exchange.Data.QueueViewer"
    return {
        "Identity": Text(f"{data}.QueueIdentity", f"{server}\\{name}"),
        "DeliveryType": Text("Microsoft.Exchange.Data.DeliveryType", delivery),
        "NextHopDomain": hop,
        "NextHopConnector": Text("System.Guid", connector or "00000000-0000-0000-0000-000000000000"),
        "Status": Text(f"{data}.QueueStatus", status),
        "MessageCount": count,
        "LastError": "451 4.4.0 Primary target IP address responded with an error." if status == "Retry" else "",
        "RetryCount": 1 if status == "Retry" else 0,
        "IsValid": True,
    }
