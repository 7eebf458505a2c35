# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import command
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import (
    CommandResult,
    Postfix,
    PostfixCommandError,
    PostfixMissing,
    parse_parameters,
    warnings,
)


@pytest.fixture
def programs(tmp_path):
    """A command directory with programs that are never run: the answers come from a function."""
    for name in ("postconf", "postfix", "postmap"):
        (tmp_path / name).touch(mode=0o755)
    return tmp_path


@pytest.fixture
def make_postfix(programs):
    """make_postfix(answers) -> (Postfix, the command lines it ran, without the first directory)."""

    def make(answers):
        ran = []

        def run(line, data):
            words = [line[0].rsplit("/", 1)[-1], *line[1:]]
            ran.append(words)
            return answers(words)

        return Postfix("/etc/one/", run, str(programs)), ran

    return make


def says(stdout="", stderr="", status=0):
    return lambda words: CommandResult(status, stdout, stderr)


def test_values_are_read_in_one_process(make_postfix):
    postfix, ran = make_postfix(
        says(
            "relayhost =\nmynetworks = 127.0.0.0/8, [::1]/128\nx = a = b\n",
            "postconf: warning: nosuch: unknown parameter\n",
        )
    )
    assert postfix.parameters(["mynetworks", "nosuch", "relayhost", "x"]) == {
        "mynetworks": "127.0.0.0/8, [::1]/128",
        "relayhost": "",
        "x": "a = b",
    }
    assert ran == [["postconf", "-c", "/etc/one", "-x", "--", "mynetworks", "nosuch", "relayhost", "x"]]


def test_no_names_are_no_process(make_postfix):
    postfix, ran = make_postfix(says("a = b\n"))
    assert postfix.parameters([]) == {}
    assert postfix.known_parameters([]) == set()
    assert ran == []


def test_known_parameters_are_those_with_a_default(make_postfix):
    postfix, ran = make_postfix(says("relayhost =\n", "postconf: warning: relayhots: unknown parameter\n"))
    assert postfix.known_parameters(["relayhost", "relayhots"]) == {"relayhost"}
    assert ran == [["postconf", "-c", "/etc/one", "-d", "--", "relayhost", "relayhots"]]


def test_a_failure_is_an_error_with_what_was_said(make_postfix):
    postfix, _ran = make_postfix(says(stderr="postconf: fatal: open /etc/one/main.cf: No such file\n", status=1))
    with pytest.raises(PostfixCommandError, match="open /etc/one/main.cf: No such file"):
        postfix.table_types()


def test_what_is_said_never_repeats_values():
    result = CommandResult(
        0,
        "",
        "postconf: warning: /etc/main.cf: unused parameter: ldap_bind_pw=swordfish\n"
        "postconf: warning: /etc/main.cf, line 3: overriding earlier entry: a_pw=swordfish\n"
        "postconf: warning: /etc/main.cf: unused parameter: ldap_bind_pw=swordfish\n",
    )
    assert warnings(result) == [
        "/etc/main.cf: unused parameter: ldap_bind_pw",
        "/etc/main.cf, line 3: overriding earlier entry: a_pw",
    ]


def test_a_missing_program_is_an_error_with_the_remedy(tmp_path):
    with pytest.raises(PostfixMissing, match="no program postconf in .*Install Postfix, or set command_directory"):
        Postfix(None, says(), str(tmp_path)).version  # noqa: B018


def test_programs_are_looked_for_in_system_directories_first(tmp_path, monkeypatch):
    for place in ("sbin", "bin"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "postconf").touch(mode=0o755)
    monkeypatch.setattr(command, "COMMAND_DIRECTORIES", (str(tmp_path / "sbin"),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert Postfix(None, says()).program("postconf") == str(tmp_path / "sbin" / "postconf")


def test_an_instance_that_does_not_run_is_not_reloaded(make_postfix, tmp_path):
    postfix, ran = make_postfix(says(f"daemon_directory = /usr/lib/postfix\nqueue_directory = {tmp_path}\n"))
    assert postfix.reload() is False
    assert [words[0] for words in ran] == ["postconf"]


def test_a_running_instance_is_reloaded(make_postfix, tmp_path):
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "master.pid").touch()
    values = f"daemon_directory = /usr/lib/postfix\nqueue_directory = {tmp_path}\n"
    postfix, ran = make_postfix(lambda words: CommandResult(int(words[0] == "master"), values, ""))
    assert postfix.reload() is True
    assert ran[-2:] == [["master", "-c", "/etc/one", "-t"], ["postfix", "-c", "/etc/one", "reload"]]


def test_why_postfix_would_not_start_is_told_without_its_warnings(make_postfix):
    postfix, _ran = make_postfix(
        says(stderr="postmap: warning: x\npostmap: fatal: bad numerical configuration: a = b\n", status=1)
    )
    assert postfix.refusal() == "bad numerical configuration: a = b"
    postfix, _ran = make_postfix(says("x\n"))
    assert postfix.refusal() is None


def test_modules_run_programs_in_the_c_locale_without_redirection(monkeypatch):
    class Module:
        def run_command(self, args, **options):
            assert options["environ_update"] == {"LC_ALL": "C", "LANG": "C"}
            assert not options["handle_exceptions"]
            return 3, f"{args} {options['data']!r} {'MAIL_CONFIG' in os.environ}", "said"

    monkeypatch.setenv("MAIL_CONFIG", "/elsewhere")
    result = command.through(Module())(["postmap"], None)
    assert (result.status, result.stderr) == (3, "said")
    assert result.stdout == "['postmap'] b'' False"


def test_parameters_with_an_equals_sign_and_empty_ones_are_read():
    assert parse_parameters("a = b = c\nd =\ne = \n\n") == {"a": "b = c", "d": "", "e": ""}
