# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one set: empty when nothing differs, complete when something does, and its dangers."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector import model
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.plan import (
    Plan,
    RouteChange,
    plan,
    shown_set,
    unsafe,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import (
    ConnectorSet,
    Host,
    RoutingGroup,
)
from ansible_collections.mailops.connectors.tests.strategies.connectors import connectors
from hypothesis import event, given
from hypothesis import strategies as st

NAMES = ("One", "two", "Three", "FOUR")


def read(raws):
    problems = Problems()
    found = model.read_connectors(copy.deepcopy(raws), problems)
    assert not problems.found, [str(problem) for problem in problems.found]
    return found


def as_set(raws, **options):
    return ConnectorSet("default", {one.connector.key: one.connector for one in read(raws)}, **options)


def made(before, wanted, **options):
    problems = Problems()
    result = plan(before, read(wanted), problems, **options)
    assert not problems.found
    return result


def applied(before, changes):
    """The set after the changes as they are announced, in the vocabulary: nothing else is known to who reads them."""
    there = {one["name"]: one for one in shown_set(before)}
    for change in changes:
        fields = change["changes"]
        if change["action"] == "remove":
            del there[change["connector"]]
            continue
        earlier = fields["name"]["before"] if "name" in fields and change["action"] == "update" else change["connector"]
        connector = there.pop(earlier) if change["action"] == "update" else {}
        connector["name"] = change["connector"]
        for name, values in fields.items():
            if change["action"] == "update":
                unset = model.show_field(model.Connector(""), name)
                assert values["before"] == connector.get(name, unset) or name == "name"
            connector[name] = values["after"]
        there[change["connector"]] = connector
    return as_set(list(there.values())).connectors


@st.composite
def lists(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return [draw(connectors(name)) for name in names]


@st.composite
def wishes(draw, there):
    """A list that keeps, edits, adds, removes and renames what is there."""
    wanted = []
    taken = set()
    for raw in there:
        way = draw(st.sampled_from(["keep", "keep", "edit", "remove", "rename", "recase", "left out"]))
        event(way)
        name = raw["name"]
        if way == "keep":
            wanted.append(raw)
        elif way == "edit":
            wanted.append(draw(connectors(name)))
        elif way == "remove":
            wanted.append({"name": name.upper(), "state": "absent"})
        elif way == "rename":
            wanted.append({**raw, "name": "new " + name, "renamed_from": [name.swapcase(), "never there " + name]})
        elif way == "recase":
            wanted.append({**raw, "name": name.swapcase(), "renamed_from": [name]})
        taken.add(name)
    free = [name for name in NAMES if name not in taken]
    added = draw(st.lists(st.sampled_from(free), unique=True, max_size=2)) if free else []
    return [*wanted, *(draw(connectors(name)) for name in added)]


@given(lists(), st.booleans())
def test_nothing_to_do_when_nothing_differs(raws, purge):
    before = as_set(raws)
    result = made(before, raws, purge=purge)
    assert result.is_empty
    assert result.after.connectors == before.connectors
    assert made(before, shown_set(before), purge=purge).is_empty


@given(st.data(), st.booleans())
def test_the_announced_changes_lead_to_what_is_wanted(data, purge):
    there = data.draw(lists())
    wanted = data.draw(wishes(there))
    before = as_set(there)
    result = made(before, wanted, purge=purge)
    after = applied(before, [change.plain() for change in result.changes])
    assert after == result.after.connectors

    kept = {} if purge else dict(before.connectors)
    for item in read(wanted):
        for name in (item.connector.key, *item.renamed_from):
            kept.pop(name, None)
        if not item.absent:
            kept[item.connector.key] = item.connector
    assert after == kept
    assert made(result.after, [one for one in wanted if one.get("state") != "absent"], purge=purge).is_empty


@given(st.data(), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_list_makes_no_difference(data, order, purge):
    there = data.draw(lists())
    wanted = data.draw(wishes(there))
    first = made(as_set(there), wanted, purge=purge)
    again = made(as_set(order.sample(there, len(there))), order.sample(wanted, len(wanted)), purge=purge)
    assert again.changes == first.changes
    assert again.after == first.after


@given(st.data(), st.booleans())
def test_one_change_for_one_connector(data, purge):
    there = data.draw(lists())
    result = made(as_set(there), data.draw(wishes(there)), purge=purge)
    names = [change.connector.lower() for change in result.changes]
    assert names == sorted(set(names))
    assert all(change.changes for change in result.changes if change.action != "remove")
    assert {change.action for change in result.changes} <= {"create", "update", "remove"}


PARTNER = {"name": "Partner", "address_spaces": ["partner.example"], "bridgeheads": ["gw1"]}


def test_a_field_that_was_taken_out_goes_back_to_its_default():
    (change,) = made(as_set([{**PARTNER, "comment": "old", "log": "verbose"}]), [PARTNER]).changes
    assert change.action == "update"
    assert change.changes == {"comment": {"before": "old", "after": ""}, "log": {"before": "verbose", "after": "none"}}


def test_a_renamed_connector_is_one_update():
    (change,) = made(as_set([PARTNER]), [{**PARTNER, "name": "New", "renamed_from": ["PARTNER"]}], purge=True).changes
    assert (change.connector, change.action) == ("New", "update")
    assert change.changes == {"name": {"before": "Partner", "after": "New"}}


def test_both_the_old_and_the_new_name_are_there():
    problems = Problems()
    new = {**PARTNER, "name": "New", "renamed_from": ["Partner"]}
    plan(as_set([PARTNER, {**PARTNER, "name": "New"}]), read([new]), problems)
    (problem,) = problems.found
    assert (problem.where, problem.field, problem.value) == ('connector "New"', "renamed_from", '"Partner"')
    assert "state: absent" in problem.remedy


def test_removing_what_is_not_there_is_nothing():
    assert made(as_set([PARTNER]), [{"name": "Other", "state": "absent"}]).is_empty


def test_without_purge_others_stay_and_with_it_they_go():
    before = as_set([PARTNER, {**PARTNER, "name": "Other"}])
    assert made(before, [PARTNER]).is_empty
    result = made(before, [PARTNER], purge=True)
    assert result.removed == ("Other",) and set(result.after.connectors) == {"partner"}


def test_hosts_and_groups_that_are_left_out_stay_unless_purged():
    options = {"hosts": {"gw1": Host("gw1")}, "routing_groups": {"g": RoutingGroup("g")}}
    before = as_set([PARTNER], **options)
    assert made(before, [PARTNER]).after == before
    more = made(before, [PARTNER], hosts={"gw2": Host("gw2")}).after
    assert set(more.hosts) == {"gw1", "gw2"} and set(more.routing_groups) == {"g"}
    purged = made(before, [PARTNER], hosts={"gw2": Host("gw2")}, purge=True).after
    assert set(purged.hosts) == {"gw2"} and not purged.routing_groups


def test_the_last_connector_takes_hosts_and_groups_with_it():
    before = as_set([PARTNER], hosts={"gw1": Host("gw1")})
    after = made(before, [{"name": "Partner", "state": "absent"}]).after
    assert after.is_empty and not after.hosts


def test_no_password_in_a_plan():
    secret = "hunter2-secret"
    login = {"mechanism": "basic_over_tls", "username": "u", "password": secret}
    raw = {**PARTNER, "smart_hosts": ["a.example"], "tls": {"level": "encrypt"}, "authentication": login}
    result = made(as_set([PARTNER]), [raw])
    assert secret not in repr(result) + repr([change.plain() for change in result.changes]) + repr(
        shown_set(result.after)
    )


# --- dangers ---


def removing(removed, of):
    raws = [{**PARTNER, "name": f"c{number}"} for number in range(of)]
    return made(as_set(raws), raws[removed:], purge=True)


@pytest.mark.parametrize(
    ("removed", "of", "large"), [(3, 10, False), (4, 10, True), (9, 9, False), (1, 100, False), (31, 100, True)]
)
def test_removing_more_than_30_percent_of_at_least_ten_connectors_is_large(removed, of, large):
    assert [one.kind for one in unsafe(removing(removed, of), [], 0)] == ["large_change"] * large


@pytest.mark.parametrize(("changed", "of", "large"), [(3, 10, False), (4, 10, True), (9, 9, False)])
def test_changing_more_than_30_percent_of_at_least_ten_routes_is_large(changed, of, large):
    changes = [RouteChange("gw1", f"d{number}.example", "before", "after") for number in range(changed)]
    nothing = Plan((), ConnectorSet("default"))
    assert [one.kind for one in unsafe(nothing, changes, of)] == ["large_change"] * large


def test_a_space_without_a_route_is_unserved():
    change = RouteChange("gw1", "*", "internet by DNS MX", "no connector", unserved=True)
    (found,) = unsafe(Plan((), ConnectorSet("default")), [change], 1)
    assert found.kind == "unserved"
    for part in ("*", "gw1", "internet by DNS MX"):
        assert part in found.message
