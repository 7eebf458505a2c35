# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""connectors.json: what is written is read back the same, holds no secret, and is refused when it is damaged or newer."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    read_hosts,
    read_routing_groups,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import store
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import MainCf
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.store import OwnedSetting, Store, StoreError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import announced
from ansible_collections.mailops.connectors.tests.strategies import connectors as drawn
from hypothesis import given, settings
from hypothesis import strategies as st

PASSWORD = "Quokka-7193"


def connector_set(name, connectors, hosts=None, groups=None):
    problems = Problems()
    read = {one.connector.key: one.connector for one in read_connectors(connectors, problems)}
    made = ConnectorSet(name, read, read_hosts(hosts, problems), read_routing_groups(groups, problems))
    problems.raise_if_any()
    return made


SMALL = Store(
    {"default": connector_set("default", [{"name": "a", "address_spaces": ["a.test"], "bridgeheads": ["b1"]}])},
    ("connector-a-0123456789",),
    {"transport_maps": OwnedSetting("transport_maps = hash:/x,\n  hash:/y", "lmdb:/z, hash:/x, hash:/y")},
)


def saved(directory, content):
    (directory / "connectors").mkdir(exist_ok=True)
    path = directory / "connectors" / "connectors.json"
    path.write_text(content if isinstance(content, str) else store.text(content), encoding="utf-8")
    return str(directory)


TEXTS = st.one_of(st.none(), st.text(max_size=20))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(drawn.connectors(), max_size=3, unique_by=lambda raw: raw["name"].strip().lower()),
    drawn.written_hosts(),
    drawn.written_groups(),
    st.dictionaries(
        st.text(min_size=1, max_size=9), st.builds(OwnedSetting, TEXTS, st.text(max_size=20), TEXTS), max_size=3
    ),
)
def test_what_is_written_is_read_back_the_same(tmp_path_factory, connectors, hosts, groups, owned):
    try:
        one = connector_set("set", connectors, hosts, groups)
    except ConnectorError:
        return  # drawn one by one, a few do not go together
    owned = {name: OwnedSetting(one.found, one.written, one.previous or None) for name, one in owned.items()}
    written = Store({"set": one}, ("connector-b", "connector-x"), owned)
    directory = saved(tmp_path_factory.mktemp("etc"), written)
    read = store.load(directory)
    assert read == written
    assert store.text(read) == store.text(written)


def test_no_password_is_ever_written():
    login = {"mechanism": "basic", "allow_cleartext_password": True, "username": "us", "password": PASSWORD}
    raw = {"name": "a", "address_spaces": ["a.test"], "smart_hosts": ["x.example"], "bridgeheads": ["b1"]}
    text = store.text(Store({"default": connector_set("default", [{**raw, "authentication": login}])}))
    assert '"username": "us"' in text
    assert PASSWORD not in text


def test_the_text_does_not_depend_on_the_order():
    other = Store(SMALL.sets, ("b", "a"), {"b": OwnedSetting(None, ""), "a": OwnedSetting(None, "")})
    same = Store(SMALL.sets, ("a", "b"), {"a": OwnedSetting(None, ""), "b": OwnedSetting(None, "")})
    assert store.text(other) == store.text(same)


def test_no_store_is_an_empty_one(tmp_path):
    assert store.load(str(tmp_path)) == Store()
    assert Store().is_empty
    assert not SMALL.is_empty


WITHOUT_SETS = json.dumps({"format": 1, "owned": {"services": [], "settings": {}}})
DAMAGED = [
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"format": "1"}',
    '{"format": null}',
    WITHOUT_SETS,
    store.text(SMALL)[:-20],
    store.text(SMALL).replace('"sets": {', '"sets": [{').replace("}\n}\n", "}]\n}\n"),
    store.text(SMALL).replace('"a.test"', '"*a.test"'),
    store.text(SMALL).replace('"found"', '"fund"'),
    store.text(SMALL).replace('"services": [', '"service": ['),
    json.dumps({"format": 1, "sets": {"default": []}, "owned": {"services": [], "settings": {}}}),
    "\ufeff" + store.text(SMALL),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_store_is_an_error_that_names_the_file_and_a_remedy(tmp_path, content):
    directory = saved(tmp_path, content)
    with pytest.raises(StoreError) as raised:
        store.load(directory)
    assert str(raised.value).startswith(f"{directory}/connectors/connectors.json: ")
    assert "Remedy: " in str(raised.value)


def test_bytes_that_are_no_text_are_damage(tmp_path):
    directory = saved(tmp_path, "")
    (tmp_path / "connectors" / "connectors.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(StoreError, match="is damaged"):
        store.load(directory)


def test_a_newer_store_is_refused(tmp_path):
    newer = store.text(SMALL).replace('"format": 1', '"format": 2')
    with pytest.raises(StoreError, match=r"has format 2, and this version knows formats up to 1.*update"):
        store.load(saved(tmp_path, newer))


def test_while_the_steps_run_everything_that_is_or_will_be_ours_is_recorded():
    before = Store(SMALL.sets, ("old",), {"a": OwnedSetting(None, "1"), "gone": OwnedSetting("gone = x", "2")})
    after = Store({}, ("new",), {"a": OwnedSetting(None, "3"), "b": OwnedSetting("b = y", "4")})
    between = announced(before, after, MainCf.parse("a = 1\nb = y\ngone = 2\n"))
    assert between.sets == before.sets
    assert between.services == ("new", "old")
    assert between.settings == {
        "a": OwnedSetting(None, "3", "1"),
        "b": OwnedSetting("b = y", "4", "y"),
        "gone": OwnedSetting("gone = x", "2"),
    }


def test_what_stands_in_the_file_is_recorded_and_not_what_a_killed_run_meant_to_write():
    before = Store(settings={"a": OwnedSetting(None, "meant", "there")})
    after = Store(settings={"a": OwnedSetting(None, "new")})
    assert announced(before, after, MainCf.parse("a = there\n")).settings["a"].previous == "there"
    assert announced(before, after, MainCf.parse("a = new\n")).settings["a"].previous is None
    assert announced(before, after, MainCf.parse("")).settings["a"].previous is None
