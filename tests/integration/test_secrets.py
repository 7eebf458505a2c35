# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords are where they have to be and nowhere else: not in what is printed, not in the bytes for another host, not in a
file that others can read.

Each search is made with a password that must be found too, where there is one, so that it cannot pass by finding nothing.
"""

from __future__ import annotations

import base64
import io
import json
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import provision

from lab import ansible
from lab.bridgehead import Bridgehead
from lab.postfix import Instance
from lab.programs import run_command

EVERY_CORE = True

MODULE = "mailops.connectors.postfix_send_connectors"
OWN = 'k"ite\\Quokka-7193'  # has to be quoted in JSON and YAML
CHANGED = "Numbat:Bilby-2048"
FOREIGN = "Potoroo-Dunnart-5566"
SHORT = "qzj"
SECRETS = (OWN, CHANGED, FOREIGN)


def connector(name: str, host: str, password: str, **fields: Any) -> dict[str, Any]:
    login = {"mechanism": "basic", "allow_cleartext_password": True, "username": f"{name}-user", "password": password}
    return {
        "name": name,
        "address_spaces": [f"{name}.test"],
        "smart_hosts": [f"{name}.example"],
        "bridgeheads": [host],
        "authentication": login,
        **fields,
    }


def both(password: str = "{{ own }}") -> list[dict[str, Any]]:
    """One connector of this host and one of another, their passwords in variables."""
    return [connector("mine", "b1", password), connector("theirs", "b2", "{{ foreign }}")]


VARIABLES = {"own": OWN, "changed": CHANGED, "foreign": FOREIGN, "short": SHORT}
HOSTS = {"b1": {"address": "127.0.0.11"}, "b2": {"address": "192.0.2.2"}}


def forms(secret: str) -> set[bytes]:
    """The ways in which a secret may stand in a text without its quotes: as it is, in Base64 at each of the three places."""
    coded = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + secret.encode()).decode()
        # The characters at both ends depend on what stands around.
        coded.add(text[4 if before else 0 : -4])
    return {bare(form.encode()) for form in {secret, *coded}}


def bare(data: bytes) -> bytes:
    """Without quotes and backslashes, which each level of JSON, YAML and Python adds to."""
    return re.sub(rb"[\"'\\]", b"", data)


def holds(data: bytes, secret: str) -> bool:
    return any(form in bare(data) for form in forms(secret))


def check_output(run: ansible.Run, *others: str) -> None:
    printed = run.output.encode() + json.dumps([task.result for task in run.tasks]).encode()
    assert [secret for secret in (*SECRETS, *others) if holds(printed, secret)] == []


@pytest.fixture
def instance(make_instance: Callable[..., Instance]) -> Instance:
    return make_instance("b1", "127.0.0.11")


def task(instance: Instance, connectors: Any, **arguments: Any) -> dict[str, Any]:
    fields = {"config_directory": str(instance.config_directory), "connectors": connectors, "hosts": HOSTS, **arguments}
    return {"name": "task", MODULE: fields, "ignore_errors": True}


def play(instance: Instance, *tasks: dict[str, Any], **options: Any) -> ansible.Run:
    return ansible.playbook(tasks, hosts=["b1"], extra_vars=VARIABLES, diff=True, verbosity=4, **options)


def files_below(*directories: Path) -> Iterator[Path]:
    for directory in directories:
        yield from (path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink())


def check_files(instance: Instance, own: str | None) -> None:
    """The one password of this host stands in one private file, and no other in any."""
    holding = []
    for path in files_below(instance.directory):
        data = path.read_bytes()
        for secret in SECRETS:
            if holds(data, secret):
                holding.append((path.name[: len("password_")], stat.S_IMODE(path.stat().st_mode), secret))
    assert holding == ([("password_", 0o600, own)] if own else [])


def test_no_password_in_what_is_printed_or_readable(instance: Instance) -> None:
    planned = play(instance, task(instance, both()), check=True).expect_success()
    check_output(planned)
    assert planned["b1"]["changed"]
    assert "mine-user" in planned.output
    check_files(instance, None)

    read = {
        "name": "read",
        "mailops.connectors.postfix_connectors_info": {"config_directory": str(instance.config_directory)},
    }
    run = play(
        instance,
        task(instance, both()),
        task(instance, both("{{ changed }}")),
        task(instance, both("{{ changed }}")),
        read,
    ).expect_success()
    check_output(run)
    results = [one.result for one in run.tasks]
    assert [result["changed"] for result in results] == [True, True, False, False]
    assert any("password" in command for command in results[1]["commands"])
    shown = {one["name"]: one["authentication"] for one in results[3]["connectors"]}
    assert all("password" not in login for login in shown.values())
    assert {login["username"] for login in shown.values()} == {"mine-user", "theirs-user"}
    check_files(instance, CHANGED)

    gone = play(instance, task(instance, [], purge=True, hosts=None, allow_unsafe=["unserved"])).expect_success()
    check_output(gone)
    check_files(instance, None)


def mistakes(instance: Instance, broken: Path) -> dict[str, dict[str, Any]]:
    """Tasks that fail, each with a password in its list; name -> task."""

    def one(**authentication: Any) -> list[dict[str, Any]]:
        raw = connector("mine", "b1", "{{ own }}")
        raw["authentication"] = {**raw["authentication"], **authentication}
        return [raw]

    without = one()
    without[0]["authentication"].pop("password")
    misspelt = {**without[0]["authentication"], "pasword": "{{ own }}"}
    return {
        "cost": task(instance, [connector("mine", "b1", "{{ own }}", address_spaces=["mine.test;0"])]),
        "misspelt beside": task(instance, one(usrname="x")),
        "misspelt itself": task(instance, [{**without[0], "authentication": misspelt}]),
        "a level too high": task(instance, [{**without[0], "password": "{{ own }}"}]),
        "no dict": task(instance, [{**without[0], "authentication": "{{ own }}"}]),
        "as a list": task(instance, one(password=["{{ own }}"])),
        "as a dict": task(instance, one(password={"value": "{{ own }}"})),
        "with a newline": task(instance, one(password="{{ own }}\n{{ changed }}")),
        "in the username's place": task(instance, one(username=["{{ own }}"])),
        "mechanism": task(instance, one(mechanism="basic_over_tls")),
        "clear text not allowed": task(instance, one(allow_cleartext_password=False)),
        "unknown host": task(instance, [connector("mine", "b7", "{{ own }}")]),
        "no Postfix": task(instance, one(), command_directory="/nonexistent"),
        "unreadable main.cf": task(instance, one(), config_directory=str(broken)),
        "failing Postfix": task(instance, one(), command_directory=str(broken / "commands")),
        "unknown option": task(instance, one(), stric=True),
        "connectors is a string": task(instance, "{{ own }}"),
        "a list of strings": task(instance, ["{{ own }}"]),
    }


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A configuration directory that Postfix cannot read, and a Postfix that prints all that it is given, and fails."""
    (tmp_path / "main.cf").write_text("no equals sign\n")
    (tmp_path / "master.cf").write_text("")
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("postconf", "postfix"):
        (commands / name).symlink_to(f"/usr/sbin/{name}")
    script = '#!/bin/sh\necho "postmap: fatal: $*" >&2\ncat >&2\nfor file; do cat "${file#*:}" >&2; done\nexit 1\n'
    (commands / "postmap").write_text(script)
    (commands / "postmap").chmod(0o755)
    return tmp_path


def test_no_password_in_what_a_failure_says(instance: Instance, broken: Path) -> None:
    tasks = mistakes(instance, broken)
    run = play(instance, *tasks.values())
    check_output(run)
    results = dict(zip(tasks, run.tasks, strict=True))
    assert {name: result.status for name, result in results.items()} == dict.fromkeys(tasks, "failed")
    said = {name: result.result["msg"] for name, result in results.items()}
    assert "usrname" in said["misspelt beside"]
    assert "pasword" in said["misspelt itself"]
    assert "cost" in said["cost"]
    assert not (instance.config_directory / "connectors").exists()
    check_files(instance, None)


def test_a_password_that_cannot_be_masked_is_refused(instance: Instance) -> None:
    run = play(instance, task(instance, both("{{ short }}")), task(instance, both(SHORT)))
    assert [result.status for result in run.tasks] == ["failed", "failed"]
    for result in run.tasks:
        assert re.search(r'connector "mine", field authentication: password is shorter than 4', result.result["msg"])
        assert SHORT not in json.dumps(result.result["msg"])


def unpacked(data: bytes) -> Iterator[bytes]:
    """The data, and what is packed in it: texts in Base64, and the files of archives."""
    yield data
    for text in re.findall(rb"[A-Za-z0-9+/\n]{200,}={0,2}", data):
        with_padding = text.replace(b"\n", b"")
        inner = base64.b64decode(with_padding + b"=" * (-len(with_padding) % 4))
        if not inner.startswith(b"PK"):
            continue
        with zipfile.ZipFile(io.BytesIO(inner)) as archive:
            for name in archive.namelist():
                yield from unpacked(archive.read(name))


@pytest.mark.parametrize(("this_host", "needed", "foreign"), [("b1", OWN, FOREIGN), ("b2", FOREIGN, OWN)])
def test_no_password_of_another_hosts_connector_is_sent(
    instance: Instance, tmp_path: Path, this_host: str, needed: str, foreign: str
) -> None:
    environment = {
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
        "ANSIBLE_PIPELINING": "0",
    }
    run = play(instance, task(instance, both(), this_host=this_host), environment=environment).expect_success()
    check_output(run)
    sent = list(files_below(tmp_path / "remote"))
    payload = b"\n".join(part for path in sent for part in unpacked(path.read_bytes()))
    assert b"theirs.example" in payload
    assert holds(payload, needed)
    assert not holds(payload, foreign)
    for path in sent:
        private = any(parent.stat().st_mode & 0o077 == 0 for parent in [path, *path.parents][:3])
        assert private, path


def test_nothing_of_a_run_stays_where_it_was_sent(instance: Instance, tmp_path: Path) -> None:
    environment = {"ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local")}
    play(instance, task(instance, both()), environment=environment).expect_success()
    left = [path for path in files_below(tmp_path) if any(holds(path.read_bytes(), secret) for secret in SECRETS)]
    assert left == []


def test_no_password_on_a_command_line_or_in_a_message_of_an_error(instance: Instance) -> None:
    """Every program that is run, what is given to it, and what it says, is looked through."""
    ran: list[bytes] = []

    def recorded(command: list[str], data: bytes | None = None) -> Any:
        result = run_command(command, data)
        ran.append("\0".join([*command, result.stdout, result.stderr]).encode("utf-8", "surrogateescape"))
        return result

    bridgehead = Bridgehead(instance)
    directory = str(instance.config_directory)
    connectors = [connector("mine", "b1", OWN), connector("theirs", "b2", FOREIGN)]
    request = bridgehead.request(connectors, hosts=HOSTS)
    outcome = provision(Postfix(directory, recorded), LookupTables(directory, recorded), request)
    assert outcome.changed
    assert len(ran) > 10
    assert not [line for line in ran for secret in SECRETS if holds(line, secret)]
    assert not [secret for secret in SECRETS if holds(json.dumps(outcome.plain()).encode(), secret)]
    assert not [secret for secret in SECRETS if holds(instance.log().encode(), secret)]
    store = (instance.config_directory / "connectors" / "connectors.json").read_bytes()
    assert b"mine-user" in store
    assert not [secret for secret in SECRETS if holds(store, secret)]
