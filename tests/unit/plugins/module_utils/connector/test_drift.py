# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scheduled job is told of hosts that differ from the list."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.drift import markdown, summary

UPDATE = {
    "connector": "to-d",
    "action": "update",
    "changes": {"tls": {"before": {"level": "none"}, "after": "encrypt"}},
}
PLAN = {"changed": True, "commands": ["write x"]}


def differences(**found):
    return summary({"gw1": found})["hosts"]["gw1"]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, []),
        ({"lists": {"postfix": {"changed": False, "plan": []}}, "info": {"altered": [], "disagreeing": []}}, []),
        ({"lists": {"send": None, "receive": {"skipped": True, "changed": True}}}, []),
        ({"failure": "no way to it"}, ["could not be looked at: no way to it"]),
        ({"info": {"altered": ["/x/transport: the index is missing"]}}, ["changed since the last run: /x/transport: the index is missing"]),
        ({"info": {"altered": ["y"]}, "lists": {"postfix": PLAN}}, ["changed since the last run: y"]),
        ({"lists": {"postfix": PLAN}}, ["is not as the list says (postfix): write x"]),
        ({"lists": {"postfix": {**PLAN, "plan": [UPDATE]}}}, ['"to-d" differs: tls is {"level": "none"}, in the list encrypt']),
        (
            {"lists": {"send": {"plan": [{**UPDATE, "changes": {"tls": {"before": {}, "after": "x"}, "log": {"before": "a", "after": None}}}]}}},
            ['"to-d" differs: tls is the default, in the list x; log is a, in the list the default'],
        ),
        ({"lists": {"send": {"plan": [{"connector": "c", "action": "create"}]}}}, ['"c" is missing']),
        ({"lists": {"send": {"plan": [{"connector": "c", "action": "remove"}]}}}, ['"c" is there, and the list does not have it']),
        ({"lists": {"send": {"plan": [{"connector": "c", "action": "adopt"}]}}}, ['"c" is there, and belongs to nobody']),
        ({"lists": {"receive": {"plan": [{"connector": "r", "server": "EX1", "action": "create"}]}}}, ['"r" on EX1 is missing']),
        ({"lists": {"postfix": {"failed": True, "msg": "bad"}}}, ["cannot be compared with the list: bad"]),
        ({"info": {"disagreeing": ["Mail for a goes astray."]}, "differences": ["b"]}, ["Mail for a goes astray.", "b"]),
    ],
    ids=str,
)  # fmt: skip
def test_each_finding_in_a_sentence(found, told):
    assert differences(**found) == told


def test_bridgeheads_that_hold_other_lists_are_grouped():
    there = {
        name: {"info": {"digest": digest}} for name, digest in (("gw1", "a"), ("gw2", "b"), ("gw3", "b"), ("ex1", ""))
    }
    made = summary(there)
    assert made["overall"] == ["The bridgeheads do not hold the same lists. Alike are: gw2, gw3; gw1."]
    assert not made["clean"] and made["lines"][0] == "0 of 4 hosts differ."
    alike = summary({name: {"info": {"digest": "a"}} for name in ("gw1", "gw2")})
    assert alike["clean"] and alike["lines"] == ["Nothing differs (gw1, gw2)."]


def test_the_report_has_everything():
    made = summary(
        {"gw1": {"lists": {"send": {"plan": [UPDATE]}}}, "gw2": {"info": {"verification": "not asked: check mode"}}}
    )
    text = markdown(made)
    assert text.startswith("# Drift\n\n1 of 2 hosts differ.\n")
    assert '## gw1\n\n- "to-d" differs: tls is' in text
    assert "## gw2\n\n- As the list says.\n- Note: routes not asked: check mode.\n" in text


def test_what_nobody_owns_is_a_note_and_no_difference():
    lists = {"send": {"plan": [], "unmanaged": ["News"]}, "receive": {"unmanaged": ["Default EX1"]}}
    made = summary({"ex1": {"lists": lists, "notes": ["nothing was probed"]}})
    assert made["clean"]
    assert made["notes"]["ex1"] == ["nothing was probed", "not of any list, and left alone: News"]
