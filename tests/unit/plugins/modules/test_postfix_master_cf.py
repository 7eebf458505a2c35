# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decisions of postfix_master_cf; what it does to files and to Postfix is in tests/integration."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import (
    Service,
    is_queue_manager_parameter,
)
from ansible_collections.mailops.connectors.plugins.modules.postfix_master_cf import (
    edited,
    read_services,
    shown_service,
)

DEFAULTS = {
    "type": "unix",
    "state": "present",
    "command": "smtp",
    "private": None,
    "unprivileged": "-",
    "chroot": "-",
    "wakeup": "-",
    "maxproc": "-",
    "options": {},
    "arguments": [],
}
TEXT = "# top\nsmtp unix - - n - - smtp -o b=2 -o a=1\n"


def item(name="corp", **fields):
    return {"name": name, **DEFAULTS, **fields}


def test_an_item_becomes_a_service():
    wanted = read_services(
        [
            item(options={"a": True, "b": ["x", 1], "c": None}, arguments=["-v"]),
            item("25", type="inet", command="smtpd"),
            item("old", state="absent"),
        ]
    )
    assert wanted.present == (
        Service("corp", "unix", command="smtp", options=(("a", "yes"), ("b", "x, 1")), arguments=("-v",)),
        Service("25", "inet", "n", command="smtpd"),
    )
    assert wanted.absent == (("old", "unix"),)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item(options={"a": "x\ny"})], "corp/unix: options: a: a newline"),
        ([item(options={"corp_destination_rate_delay": "1s"})], "corp_destination_rate_delay: only the queue manager"),
        ([item(options={"x_bind_pw": "swordfish"})], "mode 0600"),
        ([item(), item(state="absent")], "corp/unix is named more than once"),
        ([item("a b")], "'a b' is not one word"),
    ],
)
def test_an_error_names_service_and_field(items, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_services(items)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "only_there"),
    [
        ("corp_destination_concurrency_limit", True),
        ("default_destination_rate_delay", True),
        ("corp_initial_destination_concurrency", True),
        ("corp_transport_rate_delay", True),
        ("corp_destination_recipient_limit", True),
        ("corp_delivery_slot_cost", True),
        ("smtpd_recipient_limit", False),
        ("smtp_helo_name", False),
        ("smtpd_client_recipient_rate_limit", False),
        ("smtp_connection_cache_destinations", False),
    ],
)
def test_what_only_the_queue_manager_reads_is_known(name, only_there):
    assert is_queue_manager_parameter(name) is only_there


def test_the_queue_manager_itself_may_have_its_parameters():
    read_services([item("qmgr", command="qmgr", options={"default_destination_rate_delay": "1s"})])


def test_only_what_differs_is_changed_and_reported():
    wanted = read_services(
        [item("smtp", chroot="n", options={"a": "1", "b": "2"}), item(), item("gone", state="absent")]
    )
    edit = edited(TEXT, wanted, "master.cf")
    assert edit.changes == {("corp", "unix"): (None, wanted.present[1])}
    assert edit.text == TEXT + wanted.present[1].text() + "\n"
    assert edit.write_command("master.cf", "service") == "write master.cf (1 service set, 0 removed)"


def test_the_order_of_options_counts_where_one_is_repeated():
    text = "smtp unix - - n - - smtp -o a=1 -o a=2\n"
    edit = edited(text, read_services([item("smtp", chroot="n", options={"a": "2"})]), "master.cf")
    assert edit.text == "smtp       unix  -       -       n       -       -       smtp\n    -o a=2\n"


def test_all_occurrences_are_removed():
    edit = edited(
        "x unix - - n - - smtp\n# c\nx unix - - n - - lmtp\n", read_services([item("x", state="absent")]), "master.cf"
    )
    assert edit.text == "# c\n"


def test_a_secret_that_stood_there_is_masked():
    service = Service("a", "unix", command="smtp", options=(("smtp_sasl_password_maps", "static:u:swordfish"),))
    assert "swordfish" not in shown_service(service)
