# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decisions of postfix_main_cf; what it does to files and to Postfix is in tests/integration."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import PostfixFileError
from ansible_collections.mailops.connectors.plugins.modules.postfix_main_cf import edited, read_settings

TEXT = "# top\nrelayhost = a\nmail_name = x\n# end"


def test_settings_are_written_as_postfix_reads_them():
    assert read_settings({"a": True, "b": ["x", 1], "c": None, "d": " y ", "e": ""}) == {
        "a": "yes",
        "b": "x, 1",
        "c": None,
        "d": "y",
        "e": "",
    }


def test_an_error_names_the_parameter():
    with pytest.raises(ValueError, match="settings: relayhost: "):
        read_settings({"relayhost": "a\nb"})


def test_a_secret_is_refused_without_being_repeated():
    with pytest.raises(ValueError, match="mode 0600") as caught:
        read_settings({"x_bind_pw": "swordfish"})
    assert "swordfish" not in str(caught.value)


def test_only_what_differs_is_changed_and_reported():
    edit = edited(TEXT, {"relayhost": "b", "mail_name": "x", "new": "1", "gone": None}, "main.cf")
    assert edit.changes == {"relayhost": ("a", "b"), "new": (None, "1")}
    assert edit.text == "# top\nrelayhost = b\nmail_name = x\n# end\nnew = 1"
    assert edit.write_command("main.cf", "parameter") == "write main.cf (2 parameters set, 0 removed)"


def test_nothing_differs_where_all_is_as_wanted():
    edit = edited(TEXT, {"relayhost": "a", "gone": None}, "main.cf")
    assert (edit.text, edit.changes) == (TEXT, {})


def test_an_empty_value_is_not_the_same_as_none():
    assert edited(TEXT, {"relayhost": ""}, "main.cf").text == TEXT.replace("relayhost = a", "relayhost =")
    assert edited(TEXT, {"relayhost": None}, "main.cf").text == TEXT.replace("relayhost = a\n", "")


def test_all_occurrences_are_removed():
    assert edited("a = 1\nb = 2\na = 3\n", {"a": None}, "main.cf").text == "b = 2\n"


def test_an_unreadable_file_is_an_error():
    with pytest.raises(PostfixFileError):
        edited("relayhost\n", {"relayhost": "x"}, "main.cf")
