# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state is judged by content: what somebody damaged is repaired, what is right is not touched, what goes leaves no trace."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import split_list
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Outcome
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.rewrite import RewriteError

from lab import bridgehead as lab_bridgehead
from lab import postfix as lab_postfix
from lab.bridgehead import Bridgehead, use_indexed_type
from lab.main_cf_text import FLAVOURS

LOGIN = {"mechanism": "basic", "allow_cleartext_password": True, "username": "us", "password": "tops3cret"}
HOSTS = {"b1": {"address": "127.0.0.11"}, "b2": {"address": "192.0.2.2"}}


def connector(name: str, spaces: list[str], smart_hosts: list[str], **fields: Any) -> dict[str, Any]:
    return {"name": name, "address_spaces": spaces, "smart_hosts": smart_hosts, "bridgeheads": ["b1"], **fields}


# Every kind of table, service and setting that there is.
EVERYTHING = [
    connector("default", ["*"], ["out.example"], tls={"level": "encrypt"}, limits={"connections": 3}),
    connector("exact", ["a.test"], ["[198.51.100.1]"], relay=True, max_message_size="1MB"),
    connector("below", ["*.b.test"], ["[198.51.100.2]"], relay=True),
    connector("login", ["c.test"], ["c.example:587"], authentication=LOGIN),
]
ADDRESSES = [f"u@{domain}" for domain in ("a.test", "b.test", "x.b.test", "c.test", "stranger.example", "here.test")]
SETTINGS = {**lab_bridgehead.SETTINGS, "mydestination": "here.test"}


def make(bridgehead: Bridgehead, connectors: list[dict[str, Any]] | None = None, **fields: Any) -> Outcome:
    who = {"hosts": HOSTS, "purge": True, **fields}
    outcome = bridgehead.provision(EVERYTHING if connectors is None else connectors, **who)
    assert not outcome.failure
    return outcome


def remove(bridgehead: Bridgehead, **fields: Any) -> None:
    assert make(bridgehead, [], hosts=None, **fields).changed
    assert not make(bridgehead, [], hosts=None, **fields).changed


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Bridgehead]:
    with lab_postfix.temporary_root() as root:
        instance = lab_postfix.Instance(root, "b1", "127.0.0.11", settings=SETTINGS)
        with instance:
            yield Bridgehead(instance)


# --- damage ------------------------------------------------------------------------------------------------------------

Damage = Callable[[Path], None]


def table(pattern: str, damage: Damage) -> Callable[[Bridgehead], None]:
    """Damage to the one file of ours with a name like this."""

    def inflict(bridgehead: Bridgehead) -> None:
        found = [path for path in (bridgehead.directory / "connectors").iterdir() if re.fullmatch(pattern, path.name)]
        damage(found[0])

    return inflict


def line_added(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("z.test smtp:[192.0.2.66]\n")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    path.write_bytes(b"\0garbage\xff" * 50)


def weakened(path: Path) -> None:
    path.write_text(re.sub(r"(?m)^([^#\s]+\s+).*", r"\1none", path.read_text()))


def mode(bits: int) -> Damage:
    return lambda path: path.chmod(bits)


def indexed_from(text: str) -> Callable[[Bridgehead], None]:
    """An index with other entries than its source, as after postmap of another text."""

    def inflict(bridgehead: Bridgehead) -> None:
        path = bridgehead.directory / "connectors" / "transport"
        kept = path.read_bytes()
        path.write_text(text)
        bridgehead.instance.run("postmap", f"lmdb:{path}")
        path.write_bytes(kept)

    return inflict


def edited(name: str, pattern: str, replacement: str) -> Callable[[Bridgehead], None]:
    def inflict(bridgehead: Bridgehead) -> None:
        path = bridgehead.directory / name
        text = path.read_text()
        new = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert new != text
        path.write_text(new)
        bridgehead.instance.settle()

    return inflict


DAMAGES: dict[str, Callable[[Bridgehead], None]] = {
    "transport: a line added": table("transport", line_added),
    "transport: emptied": table("transport", emptied),
    "transport: deleted": table("transport", Path.unlink),
    "transport: private": table("transport", mode(0o600)),
    "index: deleted": table(r"transport\.lmdb", Path.unlink),
    "index: emptied": table(r"transport\.lmdb", emptied),
    "index: cut short": table(r"transport\.lmdb", cut_short),
    "index: overwritten": table(r"transport\.lmdb", overwritten),
    "index: private": table(r"transport\.lmdb", mode(0o600)),
    "index: a valid empty map": indexed_from(""),
    "index: another route": indexed_from("a.test smtp:[192.0.2.66]\n"),
    "relay table: index deleted": table(r"relay_exact\.lmdb", Path.unlink),
    "relay table: a line added": table("relay_below", line_added),
    "peers: a network added": table(r"peers\.cidr", lambda path: path.write_text("0.0.0.0/0 OK\n")),
    "identity: deleted": table(r"identity\.regexp", Path.unlink),
    "size filter: emptied": table(r"size_.*", emptied),
    "TLS policy: weakened": table(r"tls_policy_.*", weakened),
    "TLS policy: deleted": table(r"tls_policy_.*", Path.unlink),
    "password: readable for everybody": table(r"password_.*", mode(0o644)),
    "service: removed": edited("master.cf", r"^connector-exact-(.*\n)(    .*\n)+", ""),
    "service: an option changed": edited(
        "master.cf", r"smtp_tls_security_level=encrypt", "smtp_tls_security_level=none"
    ),
    "service: commented out": edited("master.cf", r"^connector-exact-", "#connector-exact-"),
    "setting: transport_maps removed": edited("main.cf", r"^transport_maps = .*\n", ""),
    "setting: transport_maps without ours": edited("main.cf", r"^transport_maps = .*", "transport_maps ="),
    "setting: default_transport changed": edited(
        "main.cf", r"^default_transport = .*", "default_transport = smtp:[192.0.2.66]"
    ),
    "setting: relay_transport removed": edited("main.cf", r"^relay_transport = .*\n", ""),
    "setting: relay_domains removed": edited("main.cf", r"^relay_domains = .*\n", ""),
    "setting: mynetworks without ours": edited("main.cf", r"^mynetworks = cidr:\S+ ", "mynetworks = "),
    "setting: limit changed": edited("main.cf", r"(_destination_concurrency_limit) = 3", r"\1 = 300"),
}


@pytest.fixture(scope="module")
def right(bridgehead: Bridgehead) -> tuple[dict[str, Any], list[Any]]:
    """The content of all files and the routes as they have to be."""
    make(bridgehead)
    return bridgehead.content(), bridgehead.ask_afresh(ADDRESSES)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_noticed_and_repaired(
    bridgehead: Bridgehead, right: tuple[dict[str, Any], list[Any]], damage: Callable[[Bridgehead], None]
) -> None:
    content, answers = right
    if bridgehead.content() != content:
        make(bridgehead)  # a test before this one has failed
    damage(bridgehead)
    with contextlib.suppress(RewriteError):
        bridgehead.ask_afresh(ADDRESSES)  # so that a process has seen the damage, and would keep what it has seen
    damaged = bridgehead.content()
    assert damaged != content
    planned = make(bridgehead, check_mode=True)
    assert planned.changed and planned.commands
    assert bridgehead.content() == damaged
    repaired = make(bridgehead)
    assert (repaired.plan, repaired.commands) == ([], planned.commands)
    assert sorted_lines(bridgehead.content()) == sorted_lines(content)
    # What runs now has seen it, without anybody's help.
    bridgehead.instance.wait_until(
        lambda: bridgehead.ask(ADDRESSES) == answers, "the routes are right again", timeout=20
    )
    traces = bridgehead.traces()
    assert not make(bridgehead).changed
    assert bridgehead.traces() == traces


def sorted_lines(content: dict[str, Any]) -> dict[str, Any]:
    """Without regard to the order in main.cf and master.cf, where what is set again comes at the end, and without what is
    remembered of somebody's change to a parameter."""
    comparable = dict(content)
    for name in ("main.cf", "master.cf"):
        comparable[name] = (content[name][0], sorted(content[name][1].splitlines()))
    store = json.loads(content["connectors/connectors.json"][1])
    for setting in store["owned"]["settings"].values():
        del setting["found"]
    return {**comparable, "connectors/connectors.json": store}


def test_a_lost_password_is_an_error_until_it_is_given(bridgehead: Bridgehead) -> None:
    make(bridgehead)
    table(r"password_.*", Path.unlink)(bridgehead)
    lost = bridgehead.content()
    without = [dict(one) for one in EVERYTHING]
    without[3]["authentication"] = {name: value for name, value in LOGIN.items() if name != "password"}
    with pytest.raises(ValueError, match=r'connector "login", field authentication\.password: is needed'):
        make(bridgehead, without)
    assert bridgehead.content() == lost
    assert make(bridgehead).changed
    assert not make(bridgehead, without).changed


def test_with_a_lost_store_the_whole_list_takes_over_what_is_there(found: Callable[..., Bridgehead]) -> None:
    bridgehead = found("debian")
    before = files(bridgehead)
    make(bridgehead)
    there = sorted_lines(bridgehead.content())
    (bridgehead.directory / "connectors" / "connectors.json").unlink()
    outcome = make(bridgehead)
    assert {one["action"] for one in outcome.plan} == {"create"}
    assert sorted_lines(bridgehead.content()) == there
    assert not make(bridgehead).changed
    remove(bridgehead)
    assert before["master.cf"] == files(bridgehead)["master.cf"]
    assert "connector" not in bridgehead.instance.main_cf()


def test_a_second_run_touches_nothing(bridgehead: Bridgehead) -> None:
    make(bridgehead)
    bridgehead.ask(ADDRESSES)
    traces = bridgehead.traces()
    for fields in ({}, {"check_mode": True}, {"purge": False}, {"hosts": None, "purge": False}):
        outcome = make(bridgehead, **fields)
        lists = [outcome.plan, outcome.commands, outcome.routes_changed, outcome.unsafe, outcome.warnings]
        assert (outcome.changed, *lists) == (False, [], [], [], [], outcome.warnings)
        assert bridgehead.traces() == traces


# --- removal -----------------------------------------------------------------------------------------------------------

OWN = "compatibility_level = 3.6\nalias_maps =\n"
TEXTS = {
    "no newline at the end": OWN + "relayhost = [192.0.2.51]",
    "a comment at the end": OWN + "transport_maps = inline:{ f.test=smtp:[192.0.2.90] }\n# the end",
    "continuation lines and comments": OWN + "transport_maps =\n  # first\n\tinline:{ f.test=smtp:[192.0.2.90] },\n"
    "# not indented\n   inline:{ g.test=smtp:[192.0.2.90] }\n\n",
    "duplicates": OWN
    + "transport_maps = static:x\nrelayhost = [192.0.2.51]\ntransport_maps =\nrelay_domains = r.test\n"
    "relay_domains =\n  $mydestination, s.test\n",
    "default transport of its own": OWN + "default_transport=smtp:[192.0.2.52]\nrelay_transport =  relay\n",
    "macros": OWN + "ours = 127.0.0.0/8\nmynetworks = $ours,\n  192.0.2.0/24\nrelay_domains = ${ours}\n",
    "no space around the signs, CR LF": OWN + "relayhost=[192.0.2.51]\r\ntransport_maps=\r\n",
    "empty values": OWN + "transport_maps =\nrelayhost =\nmynetworks =\nrelay_domains =\ndefault_transport = smtp\n",
}


@pytest.fixture
def found(lab_root: Path) -> Callable[..., Bridgehead]:
    """An instance that does not run, as somebody left it."""

    def make_one(flavour: str = "minimal", main_cf: str | None = None) -> Bridgehead:
        instance = lab_postfix.Instance(lab_root, "b1", "127.0.0.11", flavour=flavour)
        if main_cf is not None:
            own = "".join(
                line for line in instance.main_cf().splitlines(keepends=True) if not line.startswith(("alias", "comp"))
            )
            (instance.config_directory / "main.cf").write_text(own.rstrip("\n") + "\n" + main_cf, newline="")
        instance.settle()
        return Bridgehead(instance)

    return make_one


def files(bridgehead: Bridgehead) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bridgehead.directory.rglob("*") if path.is_file()}


def check_that_nothing_stays(bridgehead: Bridgehead) -> None:
    before = files(bridgehead)
    # A table of the administrator's for relay recipients leaves no room for *.b.test.
    connectors = [one for one in EVERYTHING if one["name"] != "below"]
    by_mx = [connector("default", ["*"], []), *connectors[1:]]
    for few in (connectors, by_mx, connectors[1:2], connectors):
        assert make(bridgehead, few).changed
        assert not make(bridgehead, few).changed
    remove(bridgehead)
    assert files(bridgehead) == before
    assert not (bridgehead.directory / "connectors").exists()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_removal_leaves_every_flavour_as_it_was_found(found: Callable[..., Bridgehead], flavour: str) -> None:
    check_that_nothing_stays(found(flavour))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_removal_leaves_every_text_as_it_was_found(found: Callable[..., Bridgehead], text: str) -> None:
    check_that_nothing_stays(found(main_cf=text))


def test_removal_leaves_a_master_cf_without_a_newline_at_its_end_as_it_was(found: Callable[..., Bridgehead]) -> None:
    bridgehead = found()
    path = bridgehead.directory / "master.cf"
    path.write_text(path.read_text() + "other unix - - n - - smtp\n  -o smtp_bind_address=127.0.0.9\n # odd comment")
    check_that_nothing_stays(bridgehead)


def test_what_others_set_in_between_stays(found: Callable[..., Bridgehead]) -> None:
    bridgehead = found("debian")
    instance = bridgehead.instance
    make(bridgehead)
    ours = split_list(instance.setting("transport_maps"))
    instance.configure(
        transport_maps=", ".join([*ours, "inline:{f.test=x}"]),
        mynetworks=f"{instance.setting('mynetworks')}, 198.51.100.7",
        relay_domains=f"{instance.setting('relay_domains')}, theirs.test",
        smtpd_banner="theirs",
        relayhost="[theirs.example]",
    )
    instance.add_services("theirs unix - - n - - smtp\n")
    assert make(bridgehead, EVERYTHING[:3]).changed
    remove(bridgehead)
    left = {name: instance.setting(name) for name in ("transport_maps", "relay_domains", "smtpd_banner", "relayhost")}
    assert left == {
        "transport_maps": "inline:{f.test=x}",
        "relay_domains": "theirs.test",
        "smtpd_banner": "theirs",
        "relayhost": "[theirs.example]",
    }
    networks = split_list(instance.setting("mynetworks"))
    assert networks == ["127.0.0.0/8", "[::ffff:127.0.0.0]/104", "[::1]/128", "198.51.100.7"]
    assert instance.master_cf().endswith("theirs unix - - n - - smtp\n")
    assert "connector" not in instance.main_cf() + instance.master_cf()


# --- sets, names, types ------------------------------------------------------------------------------------------------


def test_two_sets_are_made_and_removed_on_their_own(found: Callable[..., Bridgehead]) -> None:
    bridgehead = found("debian")
    before = files(bridgehead)
    make(bridgehead, EVERYTHING[:2], set="north")
    north = bridgehead.content()
    make(bridgehead, EVERYTHING[2:], set="south")
    assert not make(bridgehead, EVERYTHING[:2], set="north").changed
    with pytest.raises(ValueError, match=r'claimed by the sets "north" and "south"'):
        make(bridgehead, [connector("other", ["a.test"], ["x.example"])], set="south")
    remove(bridgehead, set="south")
    assert sorted_lines(bridgehead.content()) == sorted_lines(north)
    remove(bridgehead, set="north")
    assert files(bridgehead) == before


def test_purge_removes_what_the_list_no_longer_has(bridgehead: Bridgehead) -> None:
    make(bridgehead)
    kept = make(bridgehead, EVERYTHING[:2], purge=False)
    assert not kept.changed
    purged = make(bridgehead, EVERYTHING[:2])
    assert [(one["connector"], one["action"]) for one in purged.plan] == [("below", "remove"), ("login", "remove")]
    names = {path.name for path in (bridgehead.directory / "connectors").iterdir()}
    assert not [name for name in names if name.startswith(("password", "relay_below"))]


def test_a_renamed_connector_keeps_its_mail_on_the_way(bridgehead: Bridgehead) -> None:
    make(bridgehead)
    before = bridgehead.ask_afresh(ADDRESSES)
    renamed = [{**one, "name": one["name"] + " (new)", "renamed_from": [one["name"]]} for one in EVERYTHING]
    renamed[3]["authentication"] = {name: value for name, value in LOGIN.items() if name != "password"}
    outcome = make(bridgehead, renamed)
    assert {one["action"] for one in outcome.plan} == {"update"}
    assert [answer.nexthop for answer in bridgehead.ask_afresh(ADDRESSES)] == [answer.nexthop for answer in before]
    assert not make(bridgehead, renamed).changed
    passwords = [path for path in (bridgehead.directory / "connectors").iterdir() if path.name.startswith("password")]
    assert [LOGIN["password"] in path.read_text() for path in passwords] == [True]


def test_another_indexed_type_takes_over_without_another_route(
    bridgehead: Bridgehead, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(bridgehead)
    before = bridgehead.ask_afresh(ADDRESSES)
    for kind, suffix in (("hash", "db"), ("cdb", "cdb"), ("lmdb", "lmdb")):
        use_indexed_type(monkeypatch, kind)
        moved = make(bridgehead)
        assert (moved.changed, moved.routes_changed) == (True, [])
        assert bridgehead.ask_afresh(ADDRESSES) == before
        assert not make(bridgehead).changed
        suffixes = {path.suffix for path in (bridgehead.directory / "connectors").iterdir()}
        assert suffixes & {".db", ".cdb", ".lmdb"} == {f".{suffix}"}
