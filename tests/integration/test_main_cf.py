# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""main.cf in the eyes of real Postfix programs: what we read is what they read, and what we write is what they use."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix, as_printed
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import MainCf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import ansible
from lab.programs import run_command

MODULE = "mailops.connectors.postfix_main_cf"

# Parameters whose values nothing evaluates while postconf starts.
NAMES = st.sampled_from(["mail_name", "relayhost", "smtp_helo_name", "luser_relay"])
VALUES = st.text("ab={}, \t#:;\xe9\xa0\x85\u2028\udcff\f", max_size=12)
FILLERS = st.sampled_from(["", "   ", "# relayhost = no", "  # indented", "\t\r", "#", "\f"])


@st.composite
def main_cf_texts(draw):
    lines = ["compatibility_level = 3.6"]
    for name in draw(st.lists(NAMES, min_size=1, max_size=6)):
        lines.append(name + draw(st.sampled_from(["=", " = ", "\t=", " =  "])) + draw(VALUES))
        lines.extend(draw(st.lists(st.one_of(FILLERS, VALUES.map(lambda value: " " + value)), max_size=3)))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


def settled(path: Path, text: str) -> None:
    files.write_atomically(str(path), text.encode("utf-8", "surrogateescape"), 0o644)


def printed_values(main_cf: MainCf) -> dict[str, str]:
    return {name: as_printed(main_cf.get(name)) for name in main_cf.names()}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(main_cf_texts(), st.dictionaries(NAMES, VALUES, max_size=3))
def test_postconf_reads_what_we_read_and_what_we_write(text, edits):
    main_cf = MainCf.parse(text)
    with tempfile.TemporaryDirectory() as directory:
        postfix = Postfix(directory, run_command)
        settled(Path(directory, "main.cf"), text)
        assert postfix.parameters(main_cf.names(), expanded=False) == printed_values(main_cf)
        for name, value in edits.items():
            main_cf.set(name, value.replace("\f", ""))
        settled(Path(directory, "main.cf"), main_cf.text())
        assert postfix.parameters(main_cf.names(), expanded=False) == printed_values(main_cf)


@pytest.fixture
def etc(tmp_path):
    """A configuration directory of an instance that never runs."""
    settled(
        tmp_path / "main.cf",
        "# mine\ncompatibility_level = 3.6\n\nrelayhost = [old.example]\n  # why\n"
        f"queue_directory = {tmp_path}/queue\ninet_interfaces = 127.0.0.1\n# end",
    )
    settled(tmp_path / "master.cf", "smtp inet n - n - - smtpd\n")
    return tmp_path


def test_no_update_is_lost_beside_postconf(etc):
    """Postfix's own editor and ours take turns on one file; each adds lines that the other must not lose."""

    def postconf_loop(name):
        script = f'i=0; while [ $i -lt 40 ]; do postconf -c "$0" -e "{name}_$i=1" || exit 1; i=$((i+1)); done'
        # postconf pauses for a young main.cf only where it loads it, which -e does not.
        return subprocess.Popen(["sh", "-c", script, str(etc)], stderr=subprocess.PIPE)

    # Without a newline at its end Postfix 3.7's postconf -e would append to the last line (fixed later).
    settled(etc / "main.cf", (etc / "main.cf").read_text() + "\n")
    editors = [postconf_loop("a"), postconf_loop("b")]
    for number in range(200):
        with files.edit_lock(str(etc / "main.cf")) as file:
            main_cf = MainCf.parse(file.read().decode())
            main_cf.set(f"c_{number}", "1")
            file.replace(main_cf.text().encode())
    assert [(editor.wait(), editor.stderr.read()) for editor in editors] == [(0, b""), (0, b"")]
    for editor in editors:
        editor.stderr.close()
    names = set(MainCf.parse((etc / "main.cf").read_text()).names())
    wanted = {f"{name}_{number}" for name in "ab" for number in range(40)} | {f"c_{number}" for number in range(200)}
    assert wanted - names == set()
    assert not (etc / "main.cf.tmp").exists()


def test_postconf_waits_for_our_lock(etc):
    with files.edit_lock(str(etc / "main.cf")) as file:
        editor = subprocess.Popen(["postconf", "-c", str(etc), "-e", "a=theirs"])
        with pytest.raises(subprocess.TimeoutExpired):
            editor.wait(0.5)
        file.replace(file.read() + b"\nb = ours\n")
    assert editor.wait(60) == 0
    main_cf = MainCf.parse((etc / "main.cf").read_text())
    assert (main_cf.get("a"), main_cf.get("b")) == ("theirs", "ours")


def task(etc, arguments):
    return {MODULE: {"config_directory": str(etc), **arguments}, "ignore_errors": True, "name": "task"}


def run(etc, arguments, **options):
    return ansible.run_task(MODULE, {"config_directory": str(etc), **arguments}, **options)


def facts_of(path):
    status = path.stat()
    return (status.st_ino, status.st_mtime_ns, status.st_mode, path.read_bytes())


def test_check_apply_and_apply_again(etc):
    before = facts_of(etc / "main.cf")
    arguments = {
        "settings": {
            "relayhost": "[new.example]:587",
            "smtpd_helo_required": True,
            "queue_minfree": 0,
            "mynetworks": ["127.0.0.0/8", "192.0.2.0/24"],
            "message_size_limit": None,
        }
    }
    planned = run(etc, arguments, check=True, diff=True).expect_success()["b1"]
    assert facts_of(etc / "main.cf") == before
    assert planned["changed"]

    applied = run(etc, arguments, diff=True).expect_success()["b1"]
    assert (
        applied["changes"]
        == planned["changes"]
        == {
            "relayhost": {"before": "[old.example]", "after": "[new.example]:587"},
            "smtpd_helo_required": {"before": None, "after": "yes"},
            "queue_minfree": {"before": None, "after": "0"},
            "mynetworks": {"before": None, "after": "127.0.0.0/8, 192.0.2.0/24"},
        }
    )
    assert applied["commands"] == planned["commands"] == [f"write {etc}/main.cf (4 parameters set, 0 removed)"]
    assert applied["diff"] == planned["diff"]
    assert applied["diff"]["before"] == "relayhost = [old.example]\n"
    assert Postfix(str(etc), run_command).parameters(["relayhost", "mynetworks"]) == {
        "relayhost": "[new.example]:587",
        "mynetworks": "127.0.0.0/8, 192.0.2.0/24",
    }
    assert (etc / "main.cf").read_text() == (
        "# mine\ncompatibility_level = 3.6\n\nrelayhost = [new.example]:587\n  # why\n"
        f"queue_directory = {etc}/queue\ninet_interfaces = 127.0.0.1\n# end\n"
        "smtpd_helo_required = yes\nqueue_minfree = 0\nmynetworks = 127.0.0.0/8, 192.0.2.0/24"
    )

    after = facts_of(etc / "main.cf")
    again = run(etc, arguments, diff=True).expect_success()["b1"]
    assert (again["changed"], again["changes"], again["commands"]) == (False, {}, [])
    assert facts_of(etc / "main.cf") == after


def test_removing_restores_the_default_and_the_text(etc):
    before = (etc / "main.cf").read_bytes()
    run(etc, {"settings": {"smtpd_banner": "hello", "mail_name": "x"}}).expect_success()
    result = run(etc, {"settings": {"smtpd_banner": None, "mail_name": None}}).expect_success()["b1"]
    assert result["changes"]["mail_name"] == {"before": "x", "after": None}
    assert (etc / "main.cf").read_bytes() == before


def test_every_occurrence_is_removed(etc):
    settled(etc / "main.cf", "compatibility_level = 3.6\nrelayhost = a\nrelayhost = b\n")
    run(etc, {"settings": {"relayhost": None}}).expect_success()
    assert (etc / "main.cf").read_text() == "compatibility_level = 3.6\n"


def test_mode_owner_and_a_symlink_are_kept(etc):
    (etc / "real").mkdir()
    os.rename(etc / "main.cf", etc / "real" / "main.cf")
    (etc / "main.cf").symlink_to("real/main.cf")
    os.chmod(etc / "real" / "main.cf", 0o640)
    os.chown(etc / "real" / "main.cf", 0, 12345)
    run(etc, {"settings": {"mail_name": "x"}}).expect_success()
    status = (etc / "real" / "main.cf").stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, 0, 12345)
    assert (etc / "main.cf").is_symlink()
    assert "mail_name = x" in (etc / "real" / "main.cf").read_text()


BAD_INPUT = [
    ({"settings": {"relayhots": "x"}}, "relayhots: Postfix knows no such parameter.*Did you mean relayhost?"),
    ({"settings": {"default_process_limit": "many"}}, "would not start.*default_process_limit = many"),
    ({"settings": {"inet_protocols": "ipx"}}, "would not start.*ipx"),
    ({"settings": {"relayhost": "a\nb = c"}}, "relayhost: a newline"),
    ({"settings": {"relay host": "a"}}, "'relay host' is not a parameter name"),
    ({"settings": {"relayhost": {"a": 1}}}, "relayhost: a string, number, boolean or list"),
    ({"settings": {"smtp_sasl_password_maps": "inline:{ {h=u:swordfish} }"}}, "table of its own with mode 0600"),
    ({"settings": {"relayhost": "x"}, "command_directory": "/nonexistent"}, "no program postconf"),
]


@pytest.mark.parametrize("check", [True, False])
def test_bad_input_is_refused_before_anything_is_touched(etc, check):
    before = facts_of(etc / "main.cf")
    results = ansible.playbook([task(etc, arguments) for arguments, _message in BAD_INPUT], check=check).tasks
    assert [result.status for result in results] == ["failed"] * len(BAD_INPUT)
    for result, (_arguments, message) in zip(results, BAD_INPUT):
        assert re.search(message, result.result["msg"])
        assert "swordfish" not in result.result["msg"]
    assert facts_of(etc / "main.cf") == before
    assert sorted(os.listdir(etc)) == ["main.cf", "master.cf"]


def test_macros_classes_and_allowed_names_are_no_unknown_parameters(etc):
    run(
        etc,
        {
            "settings": {
                "my_hub": "[hub.example]",
                "relayhost": "$my_hub",
                "smtpd_restriction_classes": ["strict"],
                "strict": "reject",
                "for_another_program": "1",
            },
            "allow_unknown": ["for_another_program"],
        },
    ).expect_success()
    assert Postfix(str(etc), run_command).parameters(["relayhost"]) == {"relayhost": "[hub.example]"}


def test_what_is_no_longer_used_is_a_warning(etc):
    run(etc, {"settings": {"my_hub": "[hub.example]", "relayhost": "$my_hub"}}).expect_success()
    result = run(etc, {"settings": {"relayhost": "[x.example]"}}).expect_success()
    assert any("my_hub" in warning for warning in result["b1"]["warnings"])


def test_a_file_that_postfix_cannot_read_is_left_alone(tmp_path):
    texts = ["  relayhost = x\n", "relayhost\n", "= x\n", "a = b\0\n"]
    directories = [tmp_path / str(number) for number in range(len(texts))]
    for directory, text in zip(directories, texts):
        directory.mkdir()
        settled(directory / "main.cf", text)
    before = [facts_of(directory / "main.cf") for directory in directories]
    run = ansible.playbook([task(directory, {"settings": {"relayhost": "y"}}) for directory in directories])
    assert [result.status for result in run.tasks] == ["failed"] * len(texts)
    for directory, result in zip(directories, run.tasks):
        assert f"{directory}/main.cf, line 1: " in result.result["msg"]
    assert [facts_of(directory / "main.cf") for directory in directories] == before


def test_a_missing_file_is_an_error(etc):
    (etc / "main.cf").unlink()
    assert "There is no file" in run(etc, {"settings": {"relayhost": "y"}})["b1"]["msg"]


def test_a_missing_newline_at_the_end_is_a_warning(etc):
    result = run(etc, {"settings": {"relayhost": "[x.example]"}}).expect_success()
    assert any("does not end in a newline" in warning for warning in result["b1"]["warnings"])


def test_secrets_of_before_are_not_shown(etc):
    settled(
        etc / "main.cf",
        (etc / "main.cf").read_text()
        + "\nsmtp_sasl_password_maps = inline:{{h=u:swordfish}}\nold_bind_pw = swordfish\n",
    )
    arguments = {"settings": {"smtp_sasl_password_maps": "texthash:/etc/postfix/sasl", "old_bind_pw": None}}
    for check in (True, False):
        result = run(etc, arguments, check=check, diff=True, verbosity=4).expect_success()
        assert set(result["b1"]["changes"]) == {"smtp_sasl_password_maps", "old_bind_pw"}
        assert "swordfish" not in result.output


def test_a_refused_secret_is_not_repeated_at_any_verbosity(etc):
    secrets = {"smtp_sasl_password_maps": ["inline:{ {h=u:swordfish} }"], "x_bind_pw": "swordfish"}
    result = run(etc, {"settings": "{{ secrets }}"}, extra_vars={"secrets": secrets}, verbosity=4)
    assert "mode 0600" in result["b1"]["msg"]
    assert "swordfish" not in result.output


def test_a_full_disk_leaves_the_file_as_it_was(etc):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(etc)], check=True)
    try:
        settled(etc / "main.cf", "compatibility_level = 3.6\ninet_interfaces = 127.0.0.1\n" + "# padding\n" * 3000)
        settled(etc / "master.cf", "")
        with open(etc / "filler", "wb") as filler, pytest.raises(OSError):
            while True:
                os.write(filler.fileno(), b"x" * 1024)
        before = facts_of(etc / "main.cf")
        result = run(etc, {"settings": {"relayhost": "y"}})
        assert result.failed
        assert "No space left on device. The file is as before." in result["b1"]["msg"]
        assert facts_of(etc / "main.cf") == before
        assert sorted(os.listdir(etc)) == ["filler", "main.cf", "master.cf"]
    finally:
        subprocess.run(["umount", str(etc)], check=True)


def test_a_running_instance_is_reloaded_once(make_instance):
    instance = make_instance("b1", "127.0.0.11")
    etc = instance.config_directory
    arguments = {"settings": {"smtpd_banner": "$myhostname ESMTP changed", "inet_interfaces": "127.0.0.11, 127.0.0.12"}}
    first = run(etc, arguments).expect_success()["b1"]
    assert first["commands"][-1] == f"postfix -c {etc} reload"
    assert any("inet_interfaces takes effect when Postfix is stopped" in warning for warning in first["warnings"])
    reloads = instance.log().count("reload -- version")
    assert reloads == 1
    before = facts_of(etc / "main.cf"), instance.master_pid(), instance.pids("qmgr")
    assert not run(etc, arguments).expect_success()["b1"]["changed"]
    assert (facts_of(etc / "main.cf"), instance.master_pid(), instance.pids("qmgr")) == before
    assert instance.log().count("reload -- version") == reloads


def test_no_reload_where_none_is_wanted_or_nothing_runs(make_instance):
    instance = make_instance("b1", "127.0.0.11")
    result = run(instance.config_directory, {"settings": {"mail_name": "x"}, "reload": False}).expect_success()["b1"]
    assert len(result["commands"]) == 1
    assert "reload -- version" not in instance.log()
    instance.stop()
    result = run(instance.config_directory, {"settings": {"mail_name": "y"}}).expect_success()["b1"]
    assert (result["changed"], len(result["commands"])) == (True, 1)


def test_a_reload_that_fails_restores_the_file(make_instance, tmp_path):
    """postfix(1) refuses to reload where its own check fails: here for a queue directory that is not root's."""
    instance = make_instance("b1", "127.0.0.11")
    etc = instance.config_directory
    before = (etc / "main.cf").read_bytes()
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("postconf", "postmap"):
        (commands / name).symlink_to(f"/usr/sbin/{name}")
    (commands / "postfix").write_text("#!/bin/sh\necho 'postfix: fatal: no' >&2\nexit 1\n")
    (commands / "postfix").chmod(0o755)
    result = run(etc, {"settings": {"mail_name": "x"}, "command_directory": str(commands)})
    assert result.failed
    assert "reload failed with status 1: no main.cf is as before again" in result["b1"]["msg"].replace(f"{etc}/", "")
    assert (etc / "main.cf").read_bytes() == before
