# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What trivial-rewrite(8) would answer: which service takes mail for an address, and to which next hop.

The one place that knows transport(5) and the address classes. It follows src/trivial-rewrite/resolve.c and
transport.c of Postfix 3.5 to 3.11, and is compared with the running daemon in the integration tests. All is pure but
``gather``, which reads a live configuration.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .interfaces import own_addresses
from .main_cf import split_list
from .match_list import LookupFailed, MatchList, Table, parent_keys, parse_match_list
from .recipient import AddressRules, complete, is_valid_domain, literal_address, quoted, without_extension

__all__ = [
    "AddressRules",
    "Answer",
    "LookupFailed",
    "MailSettings",
    "Table",
    "gather",
    "lookup_keys",
    "prefetch",
    "resolve",
]

LOCAL = "local"
VIRTUAL_ALIAS = "virtual_alias"
VIRTUAL_MAILBOX = "virtual_mailbox"
RELAY = "relay"
DEFAULT = "default"

NOTHING = MatchList()

_ADDRESS_NAMES = (
    "myhostname",
    "mydomain",
    "myorigin",
    "recipient_delimiter",
    "double_bounce_sender",
    "empty_address_recipient",
)
_ADDRESS_SWITCHES = (
    "owner_request_special",
    "swap_bangpath",
    "allow_percent_hack",
    "append_at_myorigin",
    "append_dot_mydomain",
    "resolve_null_domain",
    "resolve_numeric_domain",
    "allow_min_user",
)
_PLAIN = (
    "local_transport",
    "virtual_transport",
    "relay_transport",
    "default_transport",
    "relayhost",
    "empty_address_default_transport_maps_lookup_key",
    "empty_address_relayhost_maps_lookup_key",
)
_TABLES = (
    "transport_maps",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "relocated_maps",
)
_MATCH_LISTS = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
_OTHERS = (
    "parent_domain_matches_subdomains",
    "inet_interfaces",
    "proxy_interfaces",
    "inet_protocols",
    "show_user_unknown_table_name",
)

INVALID_ADDRESS = "invalid address"
LOOKUP_FAILED = "lookup failed"


@dataclass(frozen=True)
class Answer:
    """The service and next hop that mail for an address takes.

    ``transport``     name of the service in master.cf, empty where there is a problem
    ``nexthop``       destination as handed to that service
    ``domain_class``  local, virtual_alias, virtual_mailbox, relay or default; empty where a lookup failed
    ``problem``       empty, ``invalid address`` or ``lookup failed`` (the mail then waits)
    ``matched``       the transport_maps entry that decided: table name and key; only ``resolve`` knows it, and it
                      does not count when answers are compared
    """

    transport: str
    nexthop: str
    domain_class: str
    matched: tuple[str, str] | None = field(default=None, compare=False)
    problem: str = ""

    @classmethod
    def invalid(cls) -> Answer:
        return cls("", "", DEFAULT, problem=INVALID_ADDRESS)

    @classmethod
    def failed(cls) -> Answer:
        return cls("", "", "", problem=LOOKUP_FAILED)


@dataclass(frozen=True)
class MailSettings:
    """What decides about routes: the parameters of main.cf, named as there, expanded, with their tables.

    ``local_addresses``            those of inet_interfaces and proxy_interfaces, in ipaddress normal form
    ``relay_parents``              relay_domains stands in parent_domain_matches_subdomains
    ``transport_parents``          transport_maps does
    """

    rules: AddressRules
    transport_maps: tuple[Table, ...] = ()
    mydestination: MatchList = NOTHING
    virtual_alias_domains: MatchList = NOTHING
    virtual_mailbox_domains: MatchList = NOTHING
    relay_domains: MatchList = NOTHING
    local_addresses: frozenset[str] = frozenset()
    relay_parents: bool = True
    transport_parents: bool = False
    local_transport: str = "local"
    virtual_transport: str = "virtual"
    relay_transport: str = "relay"
    default_transport: str = "smtp"
    relayhost: str = ""
    sender_dependent_default_transport_maps: tuple[Table, ...] = ()
    sender_dependent_relayhost_maps: tuple[Table, ...] = ()
    empty_address_default_transport_maps_lookup_key: str = "<>"
    empty_address_relayhost_maps_lookup_key: str = "<>"
    relocated_maps: tuple[Table, ...] = ()
    show_user_unknown_table_name: bool = True

    def is_local(self, domain: str) -> bool:
        """Whether the domain is this host's own (src/global/resolve_local.c). Raises LookupFailed."""
        bare = domain.removesuffix(".")
        if not bare or bare.endswith("."):
            return False
        if self.mydestination.has_string(bare):
            return True
        return literal_address(bare) in self.local_addresses

    def tables(self) -> list[Table]:
        """Every table that takes part, each once."""
        found = list(
            self.transport_maps
            + self.sender_dependent_default_transport_maps
            + self.sender_dependent_relayhost_maps
            + self.relocated_maps
        )
        for match_list in (
            self.mydestination,
            self.virtual_alias_domains,
            self.virtual_mailbox_domains,
            self.relay_domains,
        ):
            found.extend(match_list.tables())
        return list({id(table): table for table in found}.values())


def resolve(settings: MailSettings, address: str, sender: str = "") -> Answer:
    """What trivial-rewrite(8) answers for a recipient address, for mail from ``sender`` (empty: the null sender)."""
    try:
        return _resolve(settings, address, sender)
    except LookupFailed:
        return Answer.failed()


def _resolve(settings: MailSettings, address: str, sender: str) -> Answer:
    recipient, is_local = complete(address, settings.is_local, settings.rules)
    domain = recipient.rpartition("@")[2]
    if not is_valid_domain(domain):
        literal = f"[{domain}]"
        if not settings.rules.resolve_numeric_domain or literal_address(literal) is None:
            return Answer.invalid()
        domain, recipient = literal, recipient[: -len(domain)] + literal
        is_local = settings.is_local(domain)
    domain_class = LOCAL if is_local else _class_of(settings, domain)
    answer = _answer_of_class(settings, domain_class, domain, sender)
    if not answer.problem and domain_class != VIRTUAL_ALIAS:
        answer = _with_transport_map(settings, answer, recipient, domain)
    if answer.problem:
        return answer
    moved = _find_by_address(settings, settings.relocated_maps, recipient)
    if moved is not None:
        answer = Answer("error", f"5.1.6 User has moved to {moved}", domain_class)
    if recipient.startswith("-") and not settings.rules.allow_min_user:
        return Answer("", "", domain_class, problem=INVALID_ADDRESS)
    return answer


def _class_of(settings: MailSettings, domain: str) -> str:
    """The address class of a domain that is not this host's own, in the order of resolve.c."""
    if settings.virtual_alias_domains.has_string(domain):
        return VIRTUAL_ALIAS
    if settings.virtual_mailbox_domains.has_string(domain):
        return VIRTUAL_MAILBOX
    if settings.relay_domains.has_domain(domain, settings.relay_parents):
        return RELAY
    return DEFAULT


def _answer_of_class(settings: MailSettings, domain_class: str, domain: str, sender: str) -> Answer:
    """Service and next hop as the class has them, before transport_maps."""
    nexthop = domain
    if domain_class == LOCAL:
        channel = settings.local_transport
    elif domain_class == VIRTUAL_ALIAS:
        where = " in virtual alias table" if settings.show_user_unknown_table_name else ""
        return Answer("error", f"5.1.1 User unknown{where}", domain_class)
    elif domain_class == VIRTUAL_MAILBOX:
        channel = settings.virtual_transport
    else:
        channel = settings.relay_transport if domain_class == RELAY else _default_transport(settings, sender)
        nexthop = _relayhost(settings, sender, domain)
    # A next hop given with the transport wins over relayhost and domain.
    transport, _colon, destination = channel.partition(":")
    if not transport:
        return Answer.failed()
    return Answer(transport, destination or nexthop, domain_class)


def _default_transport(settings: MailSettings, sender: str) -> str:
    key = sender or settings.empty_address_default_transport_maps_lookup_key
    found = _find_by_address(settings, settings.sender_dependent_default_transport_maps, key)
    return settings.default_transport if found is None or found.lower() == "dunno" else found


def _relayhost(settings: MailSettings, sender: str, domain: str) -> str:
    """Where mail of the default and the relay class goes: a sender's relayhost, relayhost, or the domain itself."""
    key = sender or settings.empty_address_relayhost_maps_lookup_key
    found = _find_by_address(settings, settings.sender_dependent_relayhost_maps, key)
    if found is not None and found.lower() != "dunno":
        return found
    return settings.relayhost or domain


def _with_transport_map(settings: MailSettings, answer: Answer, recipient: str, domain: str) -> Answer:
    """The answer after transport_maps (transport_lookup() and update_entry() in transport.c)."""
    for key, is_whole in _transport_keys(settings, recipient, domain):
        found = _find(settings.transport_maps, key, is_whole)
        if found is None:
            continue
        name, value = found
        transport, _colon, nexthop = value.partition(":")
        if not transport:  # ":" alone is as if there were no entry, ":nexthop" keeps the transport
            return Answer(answer.transport, nexthop or answer.nexthop, answer.domain_class, (name, key))
        default = "Address is undeliverable" if transport == "error" else domain
        return Answer(transport, nexthop or default, answer.domain_class, (name, key))
    return answer


def _transport_keys(settings: MailSettings, recipient: str, domain: str) -> t.Iterator[tuple[str, bool]]:
    """The keys in their order, and whether pattern tables are asked too: for the whole address and for ``*``."""
    yield from _whole_keys(settings, recipient)
    for key in parent_keys(domain, settings.transport_parents):
        yield key, False
    yield "*", True


def _whole_keys(settings: MailSettings, address: str) -> t.Iterator[tuple[str, bool]]:
    """The address, then without its extension; each first as it stands in a message, with quotes where it needs them
    (find_addr() in src/global/mail_addr_find.c).
    """
    stripped = without_extension(address, settings.rules)
    for key, is_whole in ((address, True), (stripped, False)):
        if key is not None:
            if quoted(key) != key:
                yield quoted(key), is_whole
            yield key, is_whole


def _find(tables: t.Sequence[Table], key: str, is_whole: bool) -> tuple[str, str] | None:
    """The first table that has the key, and its value: every table is asked before the next key (maps_find())."""
    for table in tables:
        if table.pattern and not is_whole:
            continue
        value = table.lookup(key)
        if value is not None:
            if not value:
                raise LookupFailed(table.name, "an empty value")
            return table.name, value
    return None


def _find_by_address(settings: MailSettings, tables: t.Sequence[Table], address: str) -> str | None:
    """Lookup by whole address, ``user`` where the domain is this host's, and ``@domain`` (mail_addr_find.c)."""
    if not tables:
        return None
    for key, is_whole in _address_keys(settings, address):
        found = _find(tables, key, is_whole)
        if found is not None:
            return found[1]
    return None


def _address_keys(settings: MailSettings, address: str) -> t.Iterator[tuple[str, bool]]:
    yield from _whole_keys(settings, address)
    user, at, domain = address.rpartition("@")
    if not at:
        return
    if domain.lower() == settings.rules.myorigin.lower() or settings.is_local(domain):
        for key, _is_whole in _whole_keys(settings, user):
            yield key, False
    yield "@" + domain, False


def lookup_keys(settings: MailSettings, addresses: t.Iterable[str]) -> dict[str, bool]:
    """Every key that the answers for these addresses may ask for -> whether pattern tables may be asked for it too."""
    keys: dict[str, bool] = {"*": True}
    for address in addresses:
        bare = address.removesuffix(".")
        domain = bare.rpartition("@")[2] if "@" in bare else settings.rules.myhostname
        recipient = bare if "@" in bare else f"{bare}@{domain}"
        keys[recipient] = keys[domain] = True
        stripped = without_extension(recipient, settings.rules)
        for key in (stripped, recipient.rpartition("@")[0], "@" + domain):
            if key:
                keys.setdefault(key, False)
        for parents in sorted({settings.relay_parents, settings.transport_parents}):
            for key in parent_keys(domain, parents):
                keys.setdefault(key, False)
    return keys


def prefetch(settings: MailSettings, addresses: t.Iterable[str]) -> None:
    """Have every table that cannot be listed fetch what these addresses need: one process for each table."""
    keys = lookup_keys(settings, addresses)
    whole = [key for key, is_whole in keys.items() if is_whole]
    for table in settings.tables():
        table.prefetch(whole if table.pattern else keys)


class Parameters(t.Protocol):
    """What is needed of command.Postfix."""

    def parameters(self, names: t.Iterable[str]) -> t.Mapping[str, str]: ...


class Tables(t.Protocol):
    """What is needed of lookup_tables.LookupTables."""

    def table(self, name: str) -> Table: ...


def gather(postfix: Parameters, lookup_tables: Tables) -> MailSettings:
    """The settings that are in force now: main.cf's values expanded, listable tables with their entries.

    Tables that cannot be listed are asked when they are needed: ``prefetch`` asks once for many addresses. Overrides
    (-o) of the rewrite service in master.cf are not seen.
    """
    names = _ADDRESS_NAMES + _ADDRESS_SWITCHES + _PLAIN + _TABLES + _MATCH_LISTS + _OTHERS
    value = postfix.parameters(names)
    opened: dict[str, Table] = {}

    def open_table(name: str) -> Table:
        if name not in opened:
            opened[name] = lookup_tables.table(name)
        return opened[name]

    def match_list(name: str) -> MatchList:
        return parse_match_list(value[name], open_table, _file_content)

    # Parameters and fields have the same names.
    rules: dict[str, t.Any] = {name: value[name] for name in _ADDRESS_NAMES}
    rules.update({name: _is_yes(value[name]) for name in _ADDRESS_SWITCHES})
    settings: dict[str, t.Any] = {name: value[name] for name in _PLAIN}
    settings.update({name: tuple(open_table(table) for table in split_list(value[name])) for name in _TABLES})
    settings.update({name: match_list(name) for name in _MATCH_LISTS})
    parents = match_list("parent_domain_matches_subdomains")
    return MailSettings(
        rules=AddressRules(**rules),
        local_addresses=own_addresses(value["inet_interfaces"], value["proxy_interfaces"], value["inet_protocols"]),
        relay_parents=parents.has_string("relay_domains"),
        transport_parents=parents.has_string("transport_maps"),
        show_user_unknown_table_name=_is_yes(value["show_user_unknown_table_name"]),
        **settings,
    )


def _is_yes(value: str) -> bool:
    return value.strip().lower() == "yes"


def _file_content(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return None
