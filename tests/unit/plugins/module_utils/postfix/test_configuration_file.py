# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import configuration_file
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import CommandResult, Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.configuration_file import (
    ChangeRefused,
    ConfigurationFile,
    Examination,
    may_hold_secret,
    near_names,
    plain_value,
    secret_texts,
    shown_value,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("a b", "a b"),
        ("", ""),
        (True, "yes"),
        (False, "no"),
        (25, "25"),
        (0, "0"),
        (["a", 1, True], "a, 1, yes"),
        ([], ""),
        ([" check_client_access hash:/x ", "reject"], "check_client_access hash:/x, reject"),
    ],
)
def test_a_value_is_written_as_postfix_reads_it(value, text):
    assert plain_value(value) == text


@pytest.mark.parametrize("value", ["a\nb", "a\0", "\x1b[0m", {"a": 1}, 1.5, ["a", ""], ["a", None], [["a"]], ["a\nb"]])
def test_a_value_that_cannot_be_written_is_refused(value):
    with pytest.raises(ValueError):
        plain_value(value)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("smtp_sasl_password_maps", "texthash:/etc/postfix/sasl", False),
        ("smtp_sasl_password_maps", "inline:{{x=user:pass}}", True),
        ("smtp_sasl_password_maps", "texthash:/a static:user:pass", True),
        ("ldap_bind_pw", "x", True),
        ("mysql_password", "x", True),
        ("relayhost", "inline:x", False),
        ("transport_maps", "inline:{a=b}", False),
    ],
)
def test_what_may_be_a_secret_is_known(name, value, secret):
    assert may_hold_secret(name, value) is secret
    assert (shown_value(name, value) != value) is secret


def test_secrets_are_found_in_what_the_user_gave():
    assert secret_texts(
        {
            "a_maps": "static:x",
            "x_bind_pw": "swordfish",
            "b_password_maps": ["texthash:/a", "static:u:p"],
            "c_password_maps": "texthash:/b",
            "d_token": None,
        }
    ) == {"swordfish", "texthash:/a", "static:u:p"}


def test_near_names_are_offered():
    assert near_names("relayhots", {"relayhost", "mynetworks"}) == "Did you mean relayhost?"
    assert "No parameter" in near_names("zzz", {"relayhost"})


def test_unused_parameters_are_told_from_other_complaints():
    examination = Examination(("/etc/main.cf: unused parameter: relayhots", "/etc/main.cf, line 1: something else"))
    assert examination.unused() == {"relayhots"}
    assert examination.other_complaints() == ["/etc/main.cf, line 1: something else"]


@pytest.fixture
def make_file(tmp_path):
    """make_file(answer) -> main.cf with the text "a = 1" of an instance whose programs all answer this."""
    (tmp_path / "main.cf").write_text("a = 1\n")
    for name in ("postconf", "postmap"):
        (tmp_path / name).touch(mode=0o755)

    def make(answer=CommandResult(0, "", "")):  # noqa: B008
        return ConfigurationFile(
            Postfix(str(tmp_path), lambda line, data: answer, str(tmp_path)), "main.cf", str(tmp_path)
        )

    return make


def fail():
    raise ChangeRefused("Postfix reads something else.")


def test_a_change_is_written_and_verified(make_file, tmp_path):
    seen = []
    assert make_file().change(lambda text: text + "b = 2\n", lambda: seen.append((tmp_path / "main.cf").read_text()))
    assert seen == ["a = 1\nb = 2\n"]


def test_what_does_not_verify_is_undone(make_file, tmp_path):
    with pytest.raises(ChangeRefused, match=r"reads something else\. .*main\.cf is as before again"):
        make_file().change(lambda text: "b = 2\n", fail)
    assert (tmp_path / "main.cf").read_text() == "a = 1\n"


def test_the_change_of_somebody_else_is_not_undone(make_file, tmp_path):
    def other():
        (tmp_path / "main.cf").write_text("theirs = 1\n")
        fail()

    with pytest.raises(ChangeRefused, match="changed by somebody else since"):
        make_file().change(lambda text: "b = 2\n", other)
    assert (tmp_path / "main.cf").read_text() == "theirs = 1\n"


def test_what_cannot_be_undone_is_said(make_file, tmp_path, monkeypatch):
    def full_disk_then_fail():
        def replace(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(configuration_file.files.EditedFile, "replace", replace)
        fail()

    with pytest.raises(ChangeRefused, match="could not be restored and stands as it was written: .*No space"):
        make_file().change(lambda text: "b = 2\n", full_disk_then_fail)


def test_a_file_that_is_not_there_is_an_error(make_file, tmp_path):
    file = make_file()
    (tmp_path / "main.cf").unlink()
    with pytest.raises(ChangeRefused, match="no file"):
        file.text()


def test_a_candidate_is_examined_aside_and_nothing_is_left(make_file, tmp_path):
    before = sorted(tmp_path.iterdir())
    examination = make_file(CommandResult(1, "", "postconf: fatal: bad\n")).examine_candidate("b = 2\n")
    assert "bad" in examination.refusal
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "main.cf").read_text() == "a = 1\n"


def test_a_refusal_that_was_there_before_does_not_stop_a_change(make_file):
    file = make_file(CommandResult(1, "", "postmap: fatal: old trouble\n"))
    file.require_acceptable(Examination(()), Examination((), "old trouble"))
    with pytest.raises(ChangeRefused, match="new trouble"):
        file.require_acceptable(Examination(()), Examination((), "new trouble"))


def test_only_new_complaints_stop_a_change(make_file):
    file = make_file()
    file.require_acceptable(Examination(("old",)), Examination(("old", "x: unused parameter: y")))
    with pytest.raises(ChangeRefused, match="new"):
        file.require_acceptable(Examination(("old",)), Examination(("old", "new")))


def test_the_mask_says_nothing_of_the_length():
    assert shown_value("a_password", "x") == shown_value("a_password", "x" * 30) == configuration_file.MASK
