# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""master.cf in the eyes of real Postfix programs: what we read is what they read, and what we write is what they use."""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix, as_printed
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import MasterCf, Service
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lab import ansible
from lab.programs import run_command

MODULE = "mailops.connectors.postfix_master_cf"
CORP = {"name": "corp", "command": "smtp", "chroot": "n"}

KEYS = st.sampled_from([("corp", "unix"), ("smtp", "unix"), ("smtp", "inet"), ("127.0.0.1:2525", "inet")])
VALUES = st.text("ab={}, :#-", max_size=8).map(str.strip)
FILLERS = st.sampled_from(["", "   ", "# corp unix - - n - - smtp", "  # indented", "#"])


def settled(path: Path, text: str) -> None:
    files.write_atomically(str(path), text.encode("utf-8", "surrogateescape"), 0o644)


@st.composite
def services(draw):
    name, type_ = draw(KEYS)
    service = Service(
        name,
        type_,
        "n" if type_ == "inet" else draw(st.sampled_from("yn-")),
        draw(st.sampled_from("yn-")),
        draw(st.sampled_from("yn-")),
        draw(st.sampled_from(["-", "60", "1000?"])),
        draw(st.sampled_from(["-", "0", "1"])),
        draw(st.sampled_from(["smtp", "smtpd", "pipe"])),
        tuple(
            draw(
                st.lists(
                    st.tuples(st.sampled_from(["smtp_helo_name", "mail_name", "relayhost"]), VALUES),
                    unique_by=lambda option: option[0],
                )
            )
        ),
        tuple(
            draw(st.lists(st.sampled_from(["-v", "-D"]), max_size=2))
            + draw(st.lists(st.text("ab=:#-", min_size=1, max_size=6).filter(lambda text: text != "-"), max_size=3))
        ),
    )
    try:
        service.text()
    except ValueError:
        assume(False)
    return service


def as_options_are_printed(service: Service) -> dict[str, str]:
    return {name: as_printed(value) for name, value in service.options}


def without_braces(services: list[Service]) -> list[Service]:
    """postconf -M drops the braces around the first argument that is no flag, blanks or not."""
    return [
        dataclasses.replace(service, arguments=tuple(re.split(r"[{}\s]+", " ".join(service.arguments).strip("{} "))))
        for service in services
    ]


def parameters_by_service(text: str) -> dict[str, dict[str, str]]:
    """The output of postconf -P (service/type/parameter = value) by service/type."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        key, _equals, value = line.partition(" =")
        name, type_, parameter = key.rsplit("/", 2)
        found.setdefault(f"{name}/{type_}", {})[parameter] = value.strip()
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(services(), max_size=4, unique_by=lambda service: service.key), st.lists(FILLERS, max_size=3))
def test_postconf_reads_what_we_write(wanted, fillers):
    text = "\n".join([*fillers, *(service.text() for service in wanted), *fillers, ""])
    assert MasterCf.parse(text).services() == wanted
    with tempfile.TemporaryDirectory() as directory:
        settled(Path(directory, "main.cf"), "compatibility_level = 3.6\n")
        settled(Path(directory, "master.cf"), text)
        postfix = Postfix(directory, run_command)
        assert without_braces(MasterCf.parse(postfix.services()).services()) == without_braces(wanted)
        # -P is postconf's own reading of every -o, so it does not depend on our reading of -M.
        printed = parameters_by_service(postfix.run(postfix.command("postconf", "-P")).stdout)
        assert printed == {
            "/".join(service.key): as_options_are_printed(service) for service in wanted if service.options
        }


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    st.lists(
        st.sampled_from(
            [
                "-o",
                "-v",
                "-oa=b",
                "-vo",
                "a=b",
                "{a=b}",
                "{ a = b c }",
                "x",
                "{x y}",
                "--",
                "-D",
                "a={b c}d",
                "-o{a=b}",
                "\n  # no\n  ",
            ]
        ),
        max_size=6,
    )
)
def test_postconf_reads_what_we_read(words):
    text = f"corp unix - - n - - smtp {' '.join(words)}\n"
    try:
        (service,) = MasterCf.parse(text).services()
    except ValueError:
        return
    with tempfile.TemporaryDirectory() as directory:
        settled(Path(directory, "main.cf"), "compatibility_level = 3.6\n")
        settled(Path(directory, "master.cf"), text)
        postfix = Postfix(directory, run_command)
        assert without_braces(MasterCf.parse(postfix.services()).services()) == without_braces([service])
        printed = parameters_by_service(postfix.run(postfix.command("postconf", "-P")).stdout)
        assert printed.get("corp/unix", {}) == dict(service.options)


def test_the_text_is_that_of_postconf(tmp_path):
    settled(tmp_path / "main.cf", "compatibility_level = 3.6\n")
    settled(tmp_path / "master.cf", Path("/usr/share/postfix/master.cf.dist").read_text())
    postfix = Postfix(str(tmp_path), run_command)
    ours = [service.text() for service in MasterCf.parse((tmp_path / "master.cf").read_text()).services()]
    theirs = postfix.run(postfix.command("postconf", "-Mf")).stdout
    assert [text.split("\n")[0].split(" flags=")[0] for text in ours] == [
        line.split(" flags=")[0] for line in theirs.split("\n") if line and line[0] != " "
    ]


@pytest.fixture
def etc(tmp_path):
    """A configuration directory of an instance that never runs."""
    settled(
        tmp_path / "main.cf",
        f"compatibility_level = 3.6\nqueue_directory = {tmp_path}/queue\ninet_interfaces = 127.0.0.1\n",
    )
    settled(
        tmp_path / "master.cf", "# mine\nsmtp inet n - n - - smtpd\n\nold unix - - n - - smtp\n   -o mail_name=x\n# end"
    )
    return tmp_path


def task(etc, arguments):
    return {MODULE: {"config_directory": str(etc), **arguments}, "ignore_errors": True, "name": "task"}


def run(etc, services, **options):
    return ansible.run_task(MODULE, {"config_directory": str(etc), "services": services}, **options)


def facts_of(path):
    status = path.stat()
    return (status.st_ino, status.st_mtime_ns, status.st_mode, path.read_bytes())


def test_check_apply_and_apply_again(etc):
    before = facts_of(etc / "master.cf")
    wanted = [
        {
            **CORP,
            "options": {
                "smtp_tls_security_level": "encrypt",
                "smtp_randomize_addresses": False,
                "smtp_sasl_security_options": ["noanonymous", "noplaintext"],
            },
            "arguments": ["-v"],
        },
        {"name": "127.0.0.1:2525", "type": "inet", "command": "smtpd", "chroot": False, "maxproc": 3},
        {"name": "old", "state": "absent"},
    ]
    planned = run(etc, wanted, check=True, diff=True).expect_success()["b1"]
    assert facts_of(etc / "master.cf") == before
    assert planned["changed"]

    applied = run(etc, wanted, diff=True).expect_success()["b1"]
    assert applied["changes"] == planned["changes"]
    assert applied["changes"]["old/unix"] == {
        "before": "old        unix  -       -       n       -       -       smtp\n    -o mail_name=x",
        "after": None,
    }
    assert applied["commands"] == planned["commands"] == [f"write {etc}/master.cf (2 services set, 1 removed)"]
    assert applied["diff"] == planned["diff"]
    assert (etc / "master.cf").read_text() == (
        "# mine\nsmtp inet n - n - - smtpd\n\n# end\n"
        "corp       unix  -       -       n       -       -       smtp -v\n"
        "    -o smtp_tls_security_level=encrypt\n"
        "    -o smtp_randomize_addresses=no\n"
        "    -o { smtp_sasl_security_options = noanonymous, noplaintext }\n"
        "127.0.0.1:2525 inet n    -       n       -       3       smtpd"
    )
    assert parameters_by_service(
        subprocess.run(["postconf", "-c", str(etc), "-P"], check=True, capture_output=True, text=True).stdout
    )["corp/unix"] == {
        "smtp_tls_security_level": "encrypt",
        "smtp_randomize_addresses": "no",
        "smtp_sasl_security_options": "noanonymous, noplaintext",
    }

    after = facts_of(etc / "master.cf")
    again = run(etc, wanted, diff=True).expect_success()["b1"]
    assert (again["changed"], again["changes"], again["commands"]) == (False, {}, [])
    assert facts_of(etc / "master.cf") == after


def test_another_layout_or_order_of_options_is_no_change(etc):
    settled(
        etc / "master.cf", "corp\tunix - - n - - smtp -o mail_name=x\n  # why\n  -o {smtp_helo_name = out.example}\n"
    )
    before = facts_of(etc / "master.cf")
    result = run(etc, [{**CORP, "options": {"smtp_helo_name": "out.example", "mail_name": "x"}}]).expect_success()["b1"]
    assert not result["changed"]
    assert facts_of(etc / "master.cf") == before


def test_what_is_left_out_goes_back_to_the_default(etc):
    run(etc, [{**CORP, "maxproc": "5", "options": {"mail_name": "x"}}]).expect_success()
    result = run(etc, [{"name": "corp", "command": "smtp"}]).expect_success()["b1"]
    assert result["changes"]["corp/unix"]["after"] == "corp       unix  -       -       -       -       -       smtp"


def test_defining_and_removing_restores_the_text(etc):
    before = (etc / "master.cf").read_bytes()
    run(etc, [CORP]).expect_success()
    assert (etc / "master.cf").read_bytes() != before
    run(etc, [{"name": "corp", "state": "absent"}]).expect_success()
    assert (etc / "master.cf").read_bytes() == before


BAD_INPUT = [
    ({"services": [{**CORP, "options": {"smtp_hello_name": "x"}}]}, "smtp_hello_name: Postfix knows.*smtp_helo_name"),
    (
        {"services": [{**CORP, "options": {"corp_destination_concurrency_limit": 2}}]},
        "corp/unix: options: corp_destination_concurrency_limit: only the queue manager.*postfix_main_cf",
    ),
    ({"services": [{**CORP, "options": {"mail_name": "a\nb"}}]}, "corp/unix: options: mail_name: a newline"),
    ({"services": [{**CORP, "options": {"smtp_sasl_password_maps": "static:u:swordfish"}}]}, "mode 0600"),
    ({"services": [{**CORP, "options": {"mail_name": "{a b"}, "arguments": ["x"]}]}, "cannot be written"),
    ({"services": [{**CORP, "wakeup": "5m"}]}, "corp/unix: field 'wakeup': '5m'"),
    ({"services": [{"name": "smtp", "type": "inet", "private": "y", "command": "smtpd"}]}, "cannot be private"),
    ({"services": [CORP, CORP]}, "corp/unix is named more than once"),
    ({"services": [{"name": "corp"}]}, "command"),
    ({"services": [{**CORP, "name": "co rp"}]}, "is not one word"),
]


@pytest.mark.parametrize("check", [True, False])
def test_bad_input_is_refused_before_anything_is_touched(etc, check):
    before = facts_of(etc / "master.cf")
    results = ansible.playbook([task(etc, arguments) for arguments, _message in BAD_INPUT], check=check).tasks
    assert [result.status for result in results] == ["failed"] * len(BAD_INPUT)
    for result, (_arguments, message) in zip(results, BAD_INPUT):
        assert re.search(message, result.result["msg"])
        assert "swordfish" not in result.result["msg"]
    assert facts_of(etc / "master.cf") == before
    assert sorted(os.listdir(etc)) == ["main.cf", "master.cf"]


def test_files_that_postfix_cannot_read_are_left_alone(tmp_path):
    cases = [
        ("master.cf", "smtp inet n - n - smtpd\n"),
        ("master.cf", "  smtp inet n - n - - smtpd\n"),
        ("main.cf", "relayhost\n"),
    ]
    directories = [tmp_path / str(number) for number in range(len(cases))]
    for directory, (name, text) in zip(directories, cases):
        directory.mkdir()
        settled(directory / "main.cf", "compatibility_level = 3.6\n")
        settled(directory / "master.cf", "smtp inet n - n - - smtpd\n")
        settled(directory / name, text)
    before = [facts_of(directory / "master.cf") for directory in directories]
    results = ansible.playbook([task(directory, {"services": [CORP]}) for directory in directories]).tasks
    assert [result.status for result in results] == ["failed"] * len(cases)
    for directory, (name, _text), result in zip(directories, cases, results):
        assert f"{directory}/{name}, line 1: " in result.result["msg"]
    assert [facts_of(directory / "master.cf") for directory in directories] == before


def test_a_refused_secret_is_not_repeated_at_any_verbosity(etc):
    secrets = {"smtp_sasl_password_maps": "static:u:swordfish"}
    result = run(etc, [{**CORP, "options": "{{ secrets }}"}], extra_vars={"secrets": secrets}, verbosity=4)
    assert "mode 0600" in result["b1"]["msg"]
    assert "swordfish" not in result.output


def test_a_full_disk_leaves_the_file_as_it_was(etc):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(etc)], check=True)
    try:
        settled(etc / "main.cf", "compatibility_level = 3.6\ninet_interfaces = 127.0.0.1\n")
        settled(etc / "master.cf", "# padding\n" * 3000)
        with open(etc / "filler", "wb") as filler, pytest.raises(OSError):
            while True:
                os.write(filler.fileno(), b"x" * 1024)
        before = facts_of(etc / "master.cf")
        result = run(etc, [CORP])
        assert result.failed
        assert "No space left on device. The file is as before." in result["b1"]["msg"]
        assert facts_of(etc / "master.cf") == before
        assert sorted(os.listdir(etc)) == ["filler", "main.cf", "master.cf"]
    finally:
        subprocess.run(["umount", str(etc)], check=True)


def test_a_running_instance_takes_the_service_into_use(make_instance):
    instance = make_instance("b1", "127.0.0.11")
    etc = instance.config_directory
    wanted = [
        {
            "name": "127.0.0.12:2526",
            "type": "inet",
            "command": "smtpd",
            "chroot": "n",
            "options": {"smtpd_banner": "$myhostname ESMTP second"},
        }
    ]
    result = run(etc, wanted).expect_success()["b1"]
    assert result["commands"][-1] == f"postfix -c {etc} reload"
    with socket.create_connection(("127.0.0.12", 2526), timeout=60) as connection:
        assert b"ESMTP second" in connection.recv(200)
    before = (
        facts_of(etc / "master.cf"),
        instance.master_pid(),
        instance.pids("qmgr"),
        instance.log().count("reload --"),
    )
    assert not run(etc, wanted).expect_success()["b1"]["changed"]
    after = facts_of(etc / "master.cf"), instance.master_pid(), instance.pids("qmgr"), instance.log().count("reload --")
    assert after == before


def test_no_update_is_lost_beside_postconf(etc):
    settled(etc / "master.cf", (etc / "master.cf").read_text() + "\n")
    script = 'i=0; while [ $i -lt 30 ]; do postconf -c "$0" -Me "a$i/unix=a$i unix - - n - - smtp" || exit 1; i=$((i+1)); done'
    editor = subprocess.Popen(["sh", "-c", script, str(etc)])
    service = Service("c", "unix", chroot="n", command="smtp")
    for number in range(100):
        with files.edit_lock(str(etc / "master.cf")) as file:
            master_cf = MasterCf.parse(file.read().decode())
            master_cf.set(dataclasses.replace(service, name=f"c{number}"))
            file.replace(master_cf.text().encode())
    assert editor.wait() == 0
    names = {found.name for found in MasterCf.parse((etc / "master.cf").read_text()).services()}
    assert {f"a{number}" for number in range(30)} | {f"c{number}" for number in range(100)} <= names
