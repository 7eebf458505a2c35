# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure answer of view.resolve() against the running trivial-rewrite(8), over generated configurations.

MAILOPS_ORACLE_CONFIGURATIONS sets how many (default 36), MAILOPS_ORACLE_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import rewrite, view
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.files import write_atomically
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables, render

from lab import postfix as lab_postfix
from lab.programs import run_command
from lab.seeds import drawn_seed
from lab.waiting import wait_until

CONFIGURATIONS = int(os.environ.get("MAILOPS_ORACLE_CONFIGURATIONS", "36"))
SEED = int(os.environ.get("MAILOPS_ORACLE_SEED", "0")) or drawn_seed()

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {lab.queue_directory}
data_directory = {lab.data_directory}
maillog_file = {lab.log_file}
maillog_file_prefixes = {lab.directory}
myhostname = mx.host.test
inet_protocols = ipv4
"""


class Instance:
    """A real Postfix instance that is given one configuration after the other."""

    def __init__(self, lab: lab_postfix.Instance) -> None:
        self.lab = lab
        self.tables = lab.directory / "tables"
        self.tables.mkdir()
        self.generation = 0
        self.postfix = Postfix(str(lab.config_directory), run_command)
        self.lookup_tables = LookupTables(str(lab.config_directory), run_command)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Returns once the processes that have read the new configuration answer."""
        self.generation += 1
        marker = f"generation-{self.generation}.invalid"
        # Whatever the settings are, this domain is a virtual alias domain: no other parameter has a say in that.
        settings = {
            **settings,
            "mydestination": f"!{marker}, {settings['mydestination']}",
            "virtual_alias_domains": f"{marker}, {settings['virtual_alias_domains']}",
        }
        text = MAIN_CF.format(lab=self.lab) + "".join(f"{name} = {value}\n" for name, value in settings.items())
        write_atomically(str(self.lab.config_directory / "main.cf"), text.encode(), 0o644)
        self.postfix.reload()
        wait_until(
            lambda: self.ask([f"x@{marker}"])[0].domain_class == view.VIRTUAL_ALIAS,
            "the reload has its effect",
            details=self.log,
        )

    def ask(self, addresses: list[str], sender: str = "") -> list[view.Answer]:
        return rewrite.ask(str(self.lab.queue_directory), addresses, sender)

    def log(self) -> str:
        return self.lab.log()[-3000:]


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with lab_postfix.temporary_root() as root, lab_postfix.Instance(root, "oracle", "127.0.0.11", chroot=False) as lab:
        yield Instance(lab)


DOMAINS = ["a.test", "b.a.test", "c.b.a.test", "d.test", "x.d.test", "e.test", "host.test", "mx.host.test"]
USERS = ["u", "v", "u+ext", "u-ext", "owner-l", "l-request", "postmaster"]
VALUES = [
    "smtp:[h1.test]:25",
    "relay:",
    ":",
    ":[h2.test]",
    "svc",
    "svc:",
    "svc:h3.test",
    "error:5.7.1 not here",
    "error",
    "svc:[h1.test]:25, [h2.test]:587",
    "discard:",
    "smtp:[192.0.2.1]:2525",
    "lmtp:unix:/run/x",
]
TABLE_TYPES = ["lmdb", "hash", "btree", "cdb", "texthash", "inline", "static", "regexp", "pcre", "pipemap", "unionmap"]


class Generator:
    """One random configuration. Everything follows from the seed."""

    def __init__(self, seed: str, instance: Instance) -> None:
        self.random = random.Random(seed)
        self.instance = instance
        self.keys: set[str] = set()
        self.files = 0
        types = instance.postfix.table_types()
        self.types = [table_type for table_type in TABLE_TYPES if table_type in types]

    def domain(self) -> str:
        domain = self.random.choice(DOMAINS)
        return domain.title() if self.random.random() < 0.1 else domain

    def address(self) -> str:
        return f"{self.random.choice(USERS)}@{self.domain()}"

    def key(self) -> str:
        key = self.random.choice(
            [self.address(), self.domain(), self.domain(), "." + self.domain(), "." + self.domain()]
        )
        if self.random.random() < 0.1:
            key = self.random.choice(
                ["*", "@" + self.domain(), self.random.choice(USERS), "<>", "test", ".test", "[192.0.2.77]", ".2.77]"]
            )
        self.keys.add(key)
        return key

    def path(self) -> str:
        self.files += 1
        return str(self.instance.tables / f"{self.instance.generation}-{self.files}")

    def table(self, values: list[str]) -> str:
        table_type = self.random.choice(self.types)
        entries = {self.key().lower(): self.random.choice(values) for _entry in range(self.random.randrange(6))}
        if table_type == "static":
            return "static:{" + self.random.choice(values) + "}"
        if table_type == "inline":
            return self.inline(entries)
        if table_type == "unionmap":
            return f"unionmap:{{{self.inline(entries)}, {self.inline({self.key().lower(): 'x'})}}}"
        if table_type == "pipemap":
            # The first table decides whether parts of an address are asked for.
            step = {f"step{number}": value for number, value in enumerate(values)}
            first = (
                self.table(list(step)) if self.random.random() < 0.5 else self.inline(dict.fromkeys(entries, "step0"))
            )
            return f"pipemap:{{{first}, {self.inline(step)}}}"
        path = self.path()
        if table_type in ("regexp", "pcre"):
            patterns = [(self.pattern(), self.random.choice(values)) for _entry in range(self.random.randrange(1, 4))]
            self.instance.lookup_tables.build(table_type, path, render(patterns, in_order=True), 0o644)
        else:
            self.instance.lookup_tables.build(table_type, path, render(entries), 0o644)
        return f"{table_type}:{path}"

    def inline(self, entries: dict[str, str]) -> str:
        entries = entries or {"none.invalid": "x"}
        return "inline:{" + ", ".join(f"{{{key} = {value}}}" for key, value in entries.items()) + "}"

    def pattern(self) -> str:
        name = re.escape(self.key())
        return self.random.choice([f"/^{name}$/", f"/{name}$/", f"/^{name}$/", f"/@{name}$/", "/^v@/", "/^\\*$/"])

    def tables(self, values: list[str], most: int) -> str:
        names = [self.table(values) for _table in range(self.random.randrange(most + 1))]
        if names and self.random.random() < 0.05:
            names.insert(self.random.randrange(len(names) + 1), f"{self.random.choice(self.types[:4])}:{self.path()}")
        return ", ".join(names)

    def match_list(self) -> str:
        items = []
        for _item in range(self.random.choice([0, 0, 1, 2, 3])):
            item = self.random.choice(
                [self.domain(), self.domain(), "." + self.domain(), self.table(["x"]), self.file()]
            )
            items.append(("!" if self.random.random() < 0.2 else "") + item)
        self.keys.update(item.lstrip("!") for item in items if "/" not in item and ":" not in item)
        return ", ".join(items)

    def file(self) -> str:
        path = self.path()
        lines = [
            self.random.choice([self.domain(), "." + self.domain(), "!" + self.domain(), "# no", ""])
            for _line in range(4)
        ]
        Path(path).write_text("\n".join(lines) + "\n")
        return path

    def configuration(self) -> dict[str, str]:
        choose = self.random.choice
        settings = {
            "transport_maps": self.tables(VALUES, 3),
            "mydestination": self.match_list(),
            "virtual_alias_domains": self.match_list() if self.random.random() < 0.5 else "",
            "virtual_mailbox_domains": self.match_list() if self.random.random() < 0.5 else "",
            "relay_domains": self.match_list(),
            "relayhost": choose(["", "", "[rh.test]", "rh.test:26"]),
            "default_transport": choose(["smtp", "smtp", "svc:[dt.test]", "svc:", "svc:[d1.test]:25, [d2.test]:26"]),
            "relay_transport": choose(["relay", "$default_transport", "svc:[rt.test]:26"]),
            "local_transport": choose(["local:$myhostname", "local", "error:no local mail"]),
            "virtual_transport": choose(["virtual", "lmtp:unix:/run/x"]),
            "recipient_delimiter": choose(["", "+", "+-"]),
            "proxy_interfaces": choose(["", "192.0.2.77"]),
            "inet_interfaces": choose(["127.0.0.1", "all", "loopback-only"]),
            "append_dot_mydomain": choose(["yes", "no"]),
            "swap_bangpath": choose(["yes", "no"]),
            "allow_percent_hack": choose(["yes", "no"]),
            "resolve_numeric_domain": choose(["yes", "no"]),
            "resolve_null_domain": choose(["yes", "no"]),
            "show_user_unknown_table_name": choose(["yes", "no"]),
            "allow_min_user": choose(["yes", "no"]),
        }
        if self.random.random() < 0.7:
            settings["parent_domain_matches_subdomains"] = choose(
                [
                    "",
                    "relay_domains",
                    "transport_maps",
                    "debug_peer_list, smtpd_access_maps",
                    "relay_domains, transport_maps",
                ]
            )
        if self.random.random() < 0.3:
            settings["sender_dependent_default_transport_maps"] = self.tables(["svc:[sd.test]", "DUNNO", "svc:"], 2)
        if self.random.random() < 0.3:
            settings["sender_dependent_relayhost_maps"] = self.tables(["[sr.test]", "DUNNO", "sr.test"], 2)
        if self.random.random() < 0.2:
            settings["relocated_maps"] = self.table(["elsewhere@e.test"])
        return settings

    def addresses(self) -> list[str]:
        domains = {*DOMAINS, "stranger.invalid", "localhost", "test", "mx.host.test"}
        found = {f"{user}@{domain}" for domain in domains for user in ("u", "v", "u+ext")}
        for key in sorted(self.keys):
            domain = key.rpartition("@")[2].lstrip(".")
            found.update((f"u@{domain}", f"u@sub.{domain}", f"v@deep.sub.{domain}", f"u@not{domain}"))
            if "@" in key:
                found.add(key)
        found.update(f"{user}@{self.domain()}" for user in USERS)
        found.update(
            (
                "u",
                "u@",
                "",
                "u+ext",
                "U@A.Test",
                "u@a.test.",
                "u@a.test..",
                "u@[127.0.0.1]",
                "u@[192.0.2.77]",
                "u@[192.0.2.78]",
                "u@[IPv6:::1]",
                "u@[IPv6:2001:db8::1]",
                "u@[::1]",
                "u@192.0.2.77",
                "u@192.0.2.78",
                "u@foo..bar",
                "u@.a.test",
                "u@-a.test",
                "u@a-.test",
                "u@a_b.test",
                "-x@a.test",
                "u%d.test@mx.host.test",
                "d.test!u@mx.host.test",
                "u%d.test",
                "d.test!u",
                "u%d@mx.host.test",
                "u@d.test@mx.host.test",
                "v@a@b@d.test",
                "u%d.test@a.test",
                "double-bounce+x@d.test",
                "*@a.test",
                "u@xn--bcher-kva.test",
            )
        )
        return sorted(found)


@pytest.mark.parametrize("number", range(CONFIGURATIONS))
def test_every_address_goes_where_trivial_rewrite_sends_it(instance: Instance, number: int) -> None:
    seed = f"{SEED}/{number}"
    print(f"MAILOPS_ORACLE_SEED={SEED}, configuration {number}")
    generator = Generator(seed, instance)
    instance.configure(generator.configuration())
    settings = view.gather(instance.postfix, instance.lookup_tables)
    addresses = generator.addresses()
    view.prefetch(settings, addresses)
    for sender in ("", generator.address()):
        wrong = [
            f"{address!r} from {sender!r}: resolve {pure}, trivial-rewrite {real}"
            for address, pure, real in zip(
                addresses,
                [view.resolve(settings, address, sender) for address in addresses],
                instance.ask(addresses, sender),
            )
            if pure != real
        ]
        assert not wrong, (
            f"{len(wrong)} of {len(addresses)}\n"
            + "\n".join(wrong[:12])
            + "\n"
            + (instance.lab.config_directory / "main.cf").read_text()
            + instance.log()
        )
