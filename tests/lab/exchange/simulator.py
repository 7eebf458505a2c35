# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Exchange organisation that answers cmdlets: their parameters, rules, defaults and output as the manual and recordings
show them, and for everything that nobody has proved one of its possible forms, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import accepted_domains, permissions, queues, receive_connectors, selection, send_connectors, sites
from . import servers as server_cmdlets
from .directory import Directory, Stored
from .faults import Faults, SessionLostError
from .objects import Object, Run
from .parameters import Cmdlet, bind
from .servers import DEFAULT_SITE, Certificate, Limits, Server, servers_by_name
from .sites import SiteLink
from .unverified import Forms
from .values import CmdletError, Kind

__all__ = ["DEFAULT_SITE", "Certificate", "Organisation", "Server", "SessionLostError", "SiteLink"]

_MODULES = (send_connectors, receive_connectors, accepted_domains, sites, permissions, server_cmdlets, queues)
_WORK: dict[str, Callable[[Run], list[Object]]] = {}
_CMDLETS: dict[str, Cmdlet] = {}
for _module in _MODULES:
    for _cmdlet in _module.CMDLETS:
        _CMDLETS[_cmdlet.name.lower()] = _cmdlet
        _WORK[_cmdlet.name.lower()] = _module.run

_NOT_ON_EDGE = {"get-adsite", "get-adsitelink", "set-adsitelink"}
# After New-EdgeSubscription these are the Mailbox servers' business (edge-subscriptions.md).
_NOT_ON_SUBSCRIBED = {
    f"{verb}-{noun}" for verb in ("new", "set", "remove") for noun in ("sendconnector", "accepteddomain")
}


class Organisation:
    """servers: names, or name -> Server; the first one is that which sessions run on. edge: an Edge server, which knows only
    itself. subscribed: one with an Edge subscription. pinned: unverified facts whose form a test wants, see unverified.py.

    warnings: those of the last call. calls: all of them, with their parameters.
    """

    def __init__(
        self,
        seed: int,
        servers: Mapping[str, Server] | Iterable[str] = ("EX1",),
        *,
        edge: bool = False,
        subscribed: bool = False,
        pinned: Mapping[str, str] | None = None,
        site_links: Mapping[str, SiteLink] | None = None,
        domain: str = "contoso.com",
        domain_controllers: Iterable[str] = ("dc1", "dc2"),
    ) -> None:
        self.seed, self.edge, self.subscribed, self.domain = seed, edge, subscribed, domain
        self.forms = Forms(seed, pinned)
        self.servers = servers_by_name(servers, domain, edge)
        self.local = next(iter(self.servers.values()))
        self.limits = Limits()
        self.downgraded: set[str] = set()  # servers with UseDowngradedExchangeServerAuth
        self.accounts = [f"{self.netbios}\\svc-relay"]  # who may be given permissions, besides well-known principals
        self.mail = queues.Mail(self)
        self.faults = Faults()
        self.warnings: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.sessions = 0
        hosts = ["localhost"] if edge else [f"{name}.{domain}" for name in domain_controllers]
        self.directory = Directory(hosts, self.forms)
        self._asked = self.forms.random("domain controller")
        self._begin(site_links)

    def __repr__(self) -> str:
        return f"Organisation(seed={self.seed}, servers={list(self.servers)}, edge={self.edge})"

    # --- cmdlets ---

    def cmdlets(self) -> list[str]:
        """Those that a session of this account on this server has."""
        return [cmdlet.name for cmdlet in _CMDLETS.values() if self._has(cmdlet)]

    def parameters(self, cmdlet: str) -> dict[str, Kind]:
        """Name -> kind of the parameters; the kind of a switch has the name Switch."""
        found = self._find(cmdlet)
        return {
            parameter.name: parameter.kind
            for parameter in found.parameters
            if not self.faults.hides(found.name, parameter.name)
        }

    def open_session(self) -> None:
        """Someone connects. What is asked of faults.before_session happens now."""
        self.sessions += 1
        self.faults.session_opened()

    def call(self, cmdlet: str, parameters: Mapping[str, Any] | None = None) -> list[Object]:
        """The objects that the cmdlet writes. Raises CmdletError."""
        self.warnings = []
        found = self._find(cmdlet)
        given = dict(parameters or {})
        self.calls.append((found.name, given))
        dropped = self.faults.before(found)
        self.warnings = []
        objects = self._run(found, given)
        if dropped:
            raise SessionLostError
        return objects

    def _run(self, cmdlet: Cmdlet, given: Mapping[str, Any]) -> list[Object]:
        for name in given:
            if self.faults.hides(cmdlet.name, name):
                message = f"A parameter cannot be found that matches parameter name '{name}'."
                raise CmdletError("ParameterBindingException", message)
        bound = bind(cmdlet, given, self.forms)
        confirm = bound.get("Confirm")
        if confirm or (cmdlet.prompts and confirm is None and not bound.get("WhatIf")):
            # Nobody is there to answer.
            raise CmdletError(
                "HostException", "Windows PowerShell is in NonInteractive mode. It cannot ask for confirmation."
            )
        run = Run(cmdlet, bound, organisation=self, controller=self._controller(bound.get("DomainController")))
        return _WORK[cmdlet.name.lower()](run)

    def _has(self, cmdlet: Cmdlet) -> bool:
        name = cmdlet.name.lower()
        if self.faults.hides(name) or (self.edge and name in _NOT_ON_EDGE):
            return False
        return not (self.edge and self.subscribed and name in _NOT_ON_SUBSCRIBED)

    def _find(self, name: str) -> Cmdlet:
        found = _CMDLETS.get(name.lower())
        if found is None or not self._has(found):
            message = f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program."
            raise CmdletError("CommandNotFoundException", message)
        return found.on(self.edge)

    # --- mail ---

    def route(self, server: str, address: str, size: int | None = None) -> str | None:
        """The send connector that takes mail for the address from this server, or None: nothing does. See selection.py."""
        return selection.route(self, server, address, size)

    def is_local(self, address: str) -> bool:
        """Whether the address is in an authoritative accepted domain: then no send connector takes its mail."""
        return selection.is_local(self, address)

    def submit(self, server: str, address: str, size: int | None = None) -> str | None:
        """One message; the connector that took it."""
        return self.mail.submit(server, address, size)

    @property
    def down(self) -> set[str]:
        """Smart hosts that take no mail now."""
        return self.mail.down

    # --- domain controllers ---

    def replicate(self) -> None:
        self.directory.replicate()

    def _controller(self, named: str | None) -> str:
        """Without a name, any of them: nothing may depend on reaching the same one again."""
        if named is None:
            return self._asked.choice(self.directory.controllers)
        for controller in self.directory.controllers:
            if controller.lower() == named.lower():
                return controller
        raise CmdletError("SuitabilityDirectoryException", f"The domain controller '{named}' is not available.")

    def origin(self, controller: str) -> str:
        """What OriginatingServer shows."""
        if self.edge:
            return "localhost" if self.forms.pick("edge_originating_server") == "localhost" else self.local.name
        return controller

    # --- where objects are ---

    @property
    def _configuration(self) -> str:
        parts = ",".join(f"DC={part}" for part in self.domain.split("."))
        return f"CN=First Organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,{parts}"

    @property
    def _group(self) -> str:
        return "CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups," + self._configuration

    @property
    def connections(self) -> str:
        return f"CN=Connections,CN=Exchange Routing Group (DWBGZMFD01QNBJR),CN=Routing Groups,{self._group}"

    def container(self, name: str) -> str:
        return f"CN={name},CN=Transport Settings,{self._configuration}"

    def server_dn(self, server: Server) -> str:
        return f"CN={server.name},CN=Servers,{self._group}"

    def receive_connectors(self, server: Server) -> str:
        return f"CN=SMTP Receive Connectors,CN=Protocols,{self.server_dn(server)}"

    @property
    def netbios(self) -> str:
        """The domain's old name."""
        return self.domain.partition(".")[0].upper()

    def find_server(self, text: str) -> Server | None:
        """By name, FQDN or distinguished name."""
        return next(
            (one for one in self.servers.values() if one.called(text) or self.server_dn(one).lower() == text.lower()),
            None,
        )

    # --- what is there from the beginning ---

    def _begin(self, site_links: Mapping[str, SiteLink] | None) -> None:
        controller = self.directory.controllers[0]

        def add(noun: str, name: str, parent: str, values: dict[str, Any]) -> None:
            self.directory.add(controller, Stored(noun, "", name, parent, values))

        domain = {"DomainName": self.domain, "DomainType": "Authoritative", "AddressBookEnabled": True}
        domain |= {"MatchSubDomains": False, "Default": True}
        add(accepted_domains.NOUN, self.domain, self.container("Accepted Domains"), domain)
        for server in self.servers.values():
            if server.edge == self.edge:
                for name, values in receive_connectors.defaults_of(server, self.edge):
                    add(receive_connectors.NOUN, name, self.receive_connectors(server), values)
        if self.edge:
            return
        names = list(dict.fromkeys(server.site for server in self.servers.values() if server.site))
        links = {"DEFAULTIPSITELINK": SiteLink(tuple(names))} if site_links is None else site_links
        names = list(dict.fromkeys([*names, *(site for link in links.values() for site in link.sites)]))
        parent = "CN=Sites,CN=Configuration," + ",".join(f"DC={part}" for part in self.domain.split("."))
        for name in names:
            add(sites.SITE, name, parent, {})
        for name, link in links.items():
            values = {"Sites": link.sites, "ADCost": link.cost, "ExchangeCost": None, "MaxMessageSize": "Unlimited"}
            add(sites.LINK, name, f"CN=IP,CN=Inter-Site Transports,{parent}", values)
