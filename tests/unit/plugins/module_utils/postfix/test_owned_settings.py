# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of main.cf are taken back exactly, and what others have changed since stays."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import MainCf, split_list
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.owned_settings import ListSetting, edit, others
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.store import OwnedSetting
from hypothesis import given, settings
from hypothesis import strategies as st

OURS = "/etc/postfix/connectors"
TABLE = f"lmdb:{OURS}/transport"
MAPS = {"transport_maps": ListSetting((TABLE,))}
GONE = {"transport_maps": None}

FOUND = [
    "",
    "transport_maps =\n",
    "transport_maps = hash:/etc/postfix/transport\n",
    "transport_maps=hash:/a,\n    # why\n\tregexp:/b\n",
    "transport_maps = hash:/old\nrelayhost =\ntransport_maps = hash:/new\n",
    "# no newline at the end\ntransport_maps = hash:/a",
    "transport_maps = hash:/a\n\n# behind it\nmydestination = x\n",
]


def value(text, name="transport_maps"):
    return MainCf.parse(text).get(name)


@pytest.mark.parametrize("found", FOUND)
@pytest.mark.parametrize("wanted", [MAPS["transport_maps"], "relay:[192.0.2.1]", ""])
def test_what_stood_there_comes_back_exactly(found, wanted):
    text, records = edit(found, {"transport_maps": wanted}, {}, OURS)
    assert set(records) == {"transport_maps"}
    assert edit(text, GONE, records, OURS) == (found, {})


@pytest.mark.parametrize("found", FOUND)
def test_a_second_run_changes_nothing(found):
    text, records = edit(found, MAPS, {}, OURS)
    assert edit(text, MAPS, records, OURS) == (text, records)


def test_elements_stand_in_front_and_the_administrators_stay():
    text, _records = edit("transport_maps = hash:/a, regexp:/b\n", MAPS, {}, OURS)
    assert split_list(value(text)) == [TABLE, "hash:/a", "regexp:/b"]


def test_an_unset_list_gets_what_counted_before():
    wanted = {"mynetworks": ListSetting((f"cidr:{OURS}/peers.cidr",), ("127.0.0.0/8", "192.0.2.0/24"))}
    text, records = edit("", wanted, {}, OURS)
    assert text == f"mynetworks = cidr:{OURS}/peers.cidr, 127.0.0.0/8, 192.0.2.0/24\n"
    assert edit(text, {"mynetworks": None}, records, OURS) == ("", {})


# What somebody else does to the parameter while it is ours, and what has to be left of it afterwards.
EDITS = [
    (f"transport_maps = {TABLE}, hash:/a, hash:/theirs\n", ["hash:/a", "hash:/theirs"]),
    (f"transport_maps = hash:/theirs, {TABLE}\n", ["hash:/theirs"]),
    ("transport_maps = hash:/theirs\n", ["hash:/theirs"]),
]


@pytest.mark.parametrize("found", ["", "transport_maps = hash:/a\n"])
@pytest.mark.parametrize(("edited", "left"), EDITS)
@pytest.mark.parametrize("runs_between", [0, 1, 2])
def test_edits_of_others_stay(found, edited, left, runs_between):
    """Also where runs of ours came between the edit and the removal: they put our elements back in front."""
    _text, records = edit(found, MAPS, {}, OURS)
    text = edited
    for _run in range(runs_between):
        text, records = edit(text, MAPS, records, OURS)
        assert split_list(value(text)) == [TABLE, *left]
    text, records = edit(text, GONE, records, OURS)
    assert (split_list(value(text)), records) == (left, {})


def test_a_line_that_somebody_removed_does_not_come_back():
    _text, records = edit("transport_maps = hash:/a\n", MAPS, {}, OURS)
    assert edit("", GONE, records, OURS) == ("", {})
    text, records = edit("", MAPS, records, OURS)
    assert value(text) == TABLE
    assert edit(text, GONE, records, OURS) == ("", {})


def test_a_whole_value_that_somebody_changed_is_ours_again_and_then_theirs():
    text, records = edit("relayhost = [old.example]\n", {"relayhost": ""}, {}, OURS)
    text, records = edit("relayhost =  [new.example] \n", {"relayhost": ""}, records, OURS)
    assert value(text, "relayhost") == ""
    assert edit(text, {"relayhost": None}, records, OURS) == ("relayhost =  [new.example] \n", {})


def test_a_parameter_of_a_service_of_ours_goes_with_it_whatever_its_value():
    name = "connector-x-0123456789_destination_concurrency_limit"
    text, records = edit("", {name: "3"}, {}, OURS)
    text, records = edit(text.replace("3\n", "300\n"), {name: "3"}, records, OURS)
    assert value(text, name) == "3"
    assert edit(text, {name: None}, records, OURS) == ("", {})


def test_a_changed_value_of_ours_keeps_what_was_found():
    text, records = edit("default_transport = smtp:x  \n", {"default_transport": "one:"}, {}, OURS)
    text, records = edit(text, {"default_transport": "two:"}, records, OURS)
    assert value(text, "default_transport") == "two:"
    assert edit(text, {"default_transport": None}, records, OURS) == ("default_transport = smtp:x  \n", {})


@pytest.mark.parametrize("in_file", ["one:", "two:"])
def test_after_a_kill_either_value_is_ours(in_file):
    """connectors.json says what is about to be written, and main.cf may not have it yet."""
    records = {"default_transport": OwnedSetting("default_transport = smtp", "two:", previous="one:")}
    text, records = edit(f"default_transport = {in_file}\n", {"default_transport": "two:"}, records, OURS)
    assert edit(text, {"default_transport": None}, records, OURS) == ("default_transport = smtp\n", {})


def test_after_a_kill_before_the_first_writing_what_is_there_is_what_was_found():
    records = {"transport_maps": OwnedSetting("transport_maps = hash:/a", f"{TABLE}, hash:/a")}
    text, records = edit("transport_maps = hash:/a\n", MAPS, records, OURS)
    assert edit(text, GONE, records, OURS) == ("transport_maps = hash:/a\n", {})


def test_parameters_that_are_not_named_stay():
    records = {"relayhost": OwnedSetting(None, "")}
    assert edit("relayhost =\n", {}, records, OURS) == ("relayhost =\n", records)


def test_elements_of_another_directory_are_not_ours():
    assert others(f"{TABLE}, lmdb:{OURS}2/transport, pipemap:{{regexp:{OURS}/i, lmdb:{OURS}/e}}", OURS) == [
        f"lmdb:{OURS}2/transport"
    ]


ELEMENTS = st.lists(st.sampled_from(["hash:/a", "inline:{ a=b, c=d }", "regexp:/x", "lmdb:/etc/postfix/connectors2/t"]))


@settings(deadline=None)
@given(ELEMENTS, ELEMENTS, st.lists(st.booleans(), max_size=4))
def test_only_our_own_elements_ever_come_and_go(found, theirs, runs):
    text = f"transport_maps = {', '.join(found)}\n".replace(" \n", "\n") if found else ""
    text, records = edit(text, MAPS, {}, OURS)
    for is_edit in runs:
        if is_edit:
            text = f"transport_maps = {', '.join([*theirs, TABLE])}\n"
            found = theirs
        text, records = edit(text, MAPS, records, OURS)
    text, records = edit(text, GONE, records, OURS)
    assert (split_list(value(text) or ""), records) == (found, {})
