# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module postfix_lookup_table in real ansible-playbook runs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables

from lab import ansible
from lab import postfix as lab_postfix
from lab.programs import run_command

MODULE = "mailops.connectors.postfix_lookup_table"
SECRET = "relay:correct-horse-battery"
TRANSPORT = {"A.test": "smtp:[h1.test]:25", ".a.test": "smtp:[h1.test]:25"}


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration directory of an instance that never runs, with relay_domains in use."""
    text = f"compatibility_level = 3.6\nqueue_directory = {tmp_path}/queue\nrelay_domains = lmdb:{tmp_path}/used\n"
    files.write_atomically(f"{tmp_path}/main.cf", text.encode(), 0o644)
    files.write_atomically(f"{tmp_path}/master.cf", b"rewrite unix - - n - - trivial-rewrite\n", 0o644)
    return tmp_path


def task(etc: Path, *tables: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {
        "name": options.pop("name", "tables"),
        MODULE: {"config_directory": str(etc), "tables": list(tables), **options},
    }


def states(directory: Path) -> dict[str, tuple[int, int]]:
    """Inode and modification time of every file."""
    return {entry.name: (entry.stat().st_ino, entry.stat().st_mtime_ns) for entry in directory.iterdir()}


def test_check_apply_and_apply_again(etc):
    tables = [
        {"path": f"{etc}/transport", "entries": TRANSPORT},
        {
            "path": f"{etc}/checks",
            "type": "regexp",
            "entries": [{"key": "/^b c/", "value": "1"}, {"key": "/^a/", "value": "2"}],
        },
        {
            "path": f"{etc}/hashed",
            "type": "hash",
            "mode": "0640",
            "group": "postfix",
            "entries": [{"key": "x.test", "value": "OK", "comment": "by hand"}],
        },
    ]
    before = states(etc)
    planned = ansible.playbook([task(etc, *tables)], check=True, diff=True).expect_success()
    assert states(etc) == before
    applied = ansible.playbook([task(etc, *tables)], diff=True).expect_success()
    for result in (planned["b1"], applied["b1"]):
        assert result["changed"]
        assert [(table["name"], table["reason"], table["entries"]) for table in result["tables"]] == [
            (f"lmdb:{etc}/transport", "the source is missing", 2),
            (f"regexp:{etc}/checks", "the source is missing", 2),
            (f"hash:{etc}/hashed", "the source is missing", 1),
        ]
        assert result["commands"] == [
            f"write {etc}/transport (2 entries)",
            f"postmap lmdb:{etc}/transport",
            f"write {etc}/checks (2 entries)",
            f"write {etc}/hashed (1 entry)",
            f"postmap hash:{etc}/hashed",
        ]
        assert result["diff"][0]["before"] == ""
        assert result["diff"][0]["after"] == ".a.test\tsmtp:[h1.test]:25\nA.test\tsmtp:[h1.test]:25\n"
    assert LookupTables(str(etc), run_command).query(f"regexp:{etc}/checks", ["b c", "a"]) == {"b c": "1", "a": "2"}
    assert LookupTables(str(etc), run_command).dump("hash", f"{etc}/hashed") == {"x.test": "OK"}
    assert {oct(os.stat(etc / name).st_mode)[-3:] for name in ("hashed", "hashed.db")} == {"640"}
    assert os.stat(etc / "hashed.db").st_gid == os.stat(etc / "hashed").st_gid != 0

    before = states(etc)
    again = ansible.playbook([task(etc, *tables)], diff=True).expect_success()["b1"]
    assert (again["changed"], again["commands"], again["diff"]) == (False, [], [])
    assert states(etc) == before

    os.truncate(etc / "transport.lmdb", 5000)
    os.chmod(etc / "hashed.db", 0o666)
    repaired = ansible.playbook([task(etc, *tables)]).expect_success()["b1"]
    assert [table["reason"] for table in repaired["tables"]] == [
        "the index cannot be read",
        "",
        "the index has another mode or owner",
    ]
    assert not ansible.playbook([task(etc, *tables)]).expect_success()["b1"]["changed"]


def test_passwords_are_shown_nowhere(etc):
    def password(value: str) -> dict[str, Any]:
        return task(etc, {"path": f"{etc}/sasl", "type": "texthash", "secret_entries": {"[h]:587": value}})

    runs = [
        ansible.playbook([password(SECRET)], diff=True, verbosity=4).expect_success(),
        ansible.playbook([password(SECRET + "-2")], diff=True, check=True, verbosity=4).expect_success(),
        # Somebody turns the table into a plain one: what it held is still a secret.
        ansible.playbook(
            [task(etc, {"path": f"{etc}/sasl", "type": "texthash", "entries": {"x": "plain"}})],
            diff=True,
            check=True,
            verbosity=4,
        ).expect_success(),
        ansible.playbook([password(SECRET + "\n")], verbosity=4),
    ]
    for run in runs:
        assert "correct-horse" not in run.output
        assert "correct-horse" not in str(run.tasks)
    assert runs[0]["b1"]["diff"][0]["after"] == "[h]:587\t********\n"
    assert runs[1]["b1"]["diff"][0]["before"].startswith("[h]:587\t********\n")
    assert "control character" in runs[3]["b1"]["msg"]
    assert oct(os.stat(etc / "sasl").st_mode)[-3:] == "600"
    assert (etc / "sasl").read_text() == f"[h]:587\t{SECRET}\n"


def test_merging(etc):
    (etc / "access").write_text("# of the postmaster\nz.test OK\nold.test REJECT\n")
    entries = {"old.test": None, "z.test": "OK", "new.test": "DUNNO"}
    table = {"path": f"{etc}/access", "purge": False, "entries": entries}
    run = ansible.playbook([task(etc, table), task(etc, table, name="again")]).expect_success()
    assert (etc / "access").read_text() == "# of the postmaster\nz.test OK\nnew.test\tDUNNO\n"
    assert LookupTables(str(etc), run_command).dump("lmdb", f"{etc}/access") == {"z.test": "OK", "new.test": "DUNNO"}
    assert run.of("tables")["b1"]["changed"]
    assert not run.of("again")["b1"]["changed"]


BAD = [
    ({"type": "ldbm", "entries": {}}, "ldbm is not a table type of this Postfix, which has (postconf -m): btree, cdb,"),
    ({"type": "static", "entries": {}}, "static is not built from a source file"),
    ({"entries": {"a": "b c"}, "mode": "0604x"}, "mode 0604x does not suit a table"),
    ({"secret_entries": {"a": "long enough"}, "mode": "0644"}, "lets everyone read secrets"),
    ({"secret_entries": {"a": "abc"}}, "too short to be masked"),
    ({"entries": {"a b": "x"}}, "postmap would end the key at its white space"),
    ({"entries": [{"key": "a", "value": "x"}, {"key": "A", "value": "y"}]}, "the key is there twice"),
    ({"entries": {"a": True}}, "the value of key 'a' is no text"),
    ({"entries": {"a": None}}, "has no value. Leave it out: purge removes it"),
    ({"entries": ["a"]}, "entry 1 is no dict of key and value"),
    ({"entries": "a b"}, "neither a dict nor a list"),
    ({"type": "cidr", "purge": False, "entries": {"192.0.2.0/24": "x"}}, "the order counts in a cidr table"),
    ({"entries": {"a": "x"}, "owner": "nobody-here"}, "name not found: 'nobody-here'"),
    ({"entries": {"a": "x"}, "path": "relative"}, "its directory does not exist"),
    ({"state": "absent", "path": "used"}, "is still named by relay_domains"),
    ({}, "state is present but any of the following are missing: entries, secret_entries"),
]


def test_bad_input_is_refused_before_anything_is_touched(etc):
    (etc / "used").write_text("a.test x\n")
    before = states(etc)
    tasks = []
    for number, (table, _message) in enumerate(BAD):
        path = "/nowhere/at/all" if table.get("path") == "relative" else f"{etc}/{table.get('path', 't')}"
        first = {"path": f"{etc}/first", "entries": {"a": "x"}}
        tasks.append({**task(etc, first, {**table, "path": path}, name=str(number)), "ignore_errors": True})
    run = ansible.playbook(tasks)
    for number, (_table, message) in enumerate(BAD):
        result = run.of(str(number))["b1"]
        assert message in result.get("msg", ""), result
    assert states(etc) == before


def test_a_pattern_that_postfix_cannot_read_leaves_the_table_of_before(etc):
    good = {"path": f"{etc}/t", "type": "regexp", "entries": {"/a/": "x"}}
    run = ansible.playbook([task(etc, good), task(etc, {**good, "entries": {"/(/": "x"}}, name="bad")])
    assert f"Postfix cannot read it: postmap: warning: regexp map {etc}/t, line 1" in run.of("bad")["b1"]["msg"]
    assert (etc / "t").read_text() == "/a/\tx\n"


def test_two_tables_of_one_file_are_refused(etc):
    tables = [{"path": f"{etc}/t", "type": kind, "entries": {"a": "x"}} for kind in ("hash", "btree")]
    assert "would belong to two tables" in ansible.playbook([task(etc, *tables)])["b1"]["msg"]


def test_removal(etc):
    table = {"path": f"{etc}/t", "entries": {"a": "x"}}
    gone = {"path": f"{etc}/t", "state": "absent"}
    run = ansible.playbook([task(etc, table), task(etc, gone, name="remove"), task(etc, gone, name="again")])
    run.expect_success()
    assert run.of("remove")["b1"]["commands"] == [f"remove {etc}/t", f"remove {etc}/t.lmdb"]
    assert not run.of("again")["b1"]["changed"]
    assert not list(etc.glob("t*"))


@pytest.fixture
def running() -> Iterator[lab_postfix.Instance]:
    with (
        lab_postfix.temporary_root() as root,
        lab_postfix.Instance(root, "tables", "127.0.0.12", chroot=False) as instance,
    ):
        yield instance


def test_only_what_programs_read_when_they_start_needs_a_reload(running):
    etc = running.config_directory
    postfix = Postfix(str(etc), run_command)
    reload = f"postfix -c {etc} reload"
    indexed = {"path": f"{etc}/t", "entries": {"a": "x"}}
    text = {"path": f"{etc}/x", "type": "texthash", "entries": {"a": "x"}}
    run = ansible.playbook(
        [
            task(etc, indexed, name="first"),
            task(etc, {**indexed, "entries": {"a": "y"}}, name="changed"),
            task(etc, text, name="text"),
            task(etc, {**text, "entries": {"a": "y"}}, name="without", reload=False),
            {"name": "delete the index", "ansible.builtin.command": f"rm {etc}/t.lmdb"},
            task(etc, {**indexed, "entries": {"a": "y"}}, name="repaired"),
        ]
    ).expect_success()
    assert {
        name: reload in run.of(name)["b1"]["commands"] for name in ("first", "changed", "text", "without", "repaired")
    } == {"first": False, "changed": False, "text": True, "without": False, "repaired": True}
    assert len(running.log().split("reload -- version")) - 1 == 2
    assert postfix.is_running()


def test_ten_thousand_entries_in_one_task(etc, record_property):
    entries = {f"domain-{number:05}.test": "smtp:[smarthost.example.com]:25" for number in range(10_000)}
    table = {"path": f"{etc}/many", "entries": entries}
    times = []
    for name in ("first", "unchanged"):
        started = time.monotonic()
        result = ansible.playbook([task(etc, table, name=name)]).expect_success()["b1"]
        times.append(time.monotonic() - started)
        assert result["changed"] == (name == "first")
        assert result["tables"][0]["entries"] == 10_000
    started = time.monotonic()
    subprocess.run(["/usr/sbin/postmap", "-c", str(etc), f"lmdb:{etc}/many"], check=True)
    print(f"first {times[0]:.2f} s, unchanged {times[1]:.2f} s, bare postmap {time.monotonic() - started:.3f} s")
    record_property("seconds", times)
