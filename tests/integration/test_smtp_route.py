# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""smtp_route in real playbooks: on localhost with a list, and on a host whose list is there already."""

from __future__ import annotations

import json

from lab import ansible

MODULE = "mailops.connectors.smtp_route"
SECRET = "hunter2-secret"
CONNECTORS = [
    {
        "name": "partner",
        "address_spaces": ["*.partner.example;5"],
        "smart_hosts": ["mx1.partner.example"],
        "bridgeheads": ["gw1"],
        "tls": {"level": "encrypt"},
        "authentication": {"mechanism": "basic_over_tls", "username": "us", "password": SECRET},
    },
    {"name": "internet", "address_spaces": ["*"], "bridgeheads": ["gw2"]},
]
HOSTS = {"gw1": {"address": "192.0.2.11"}, "gw2": {"address": "192.0.2.12"}}


def test_a_list_is_asked_on_localhost_and_nothing_changes():
    arguments = {"connectors": CONNECTORS, "hosts": HOSTS, "addresses": ["a@partner.example", "b@x.example"]}
    for check in (False, True):
        run = ansible.run_task(MODULE, arguments, hosts=("localhost",), check=check, diff=True, verbosity=4)
        result = run.expect_success()["localhost"]
        assert result["changed"] is False
        assert [(one["address"], one["from"], one["connector"], one["outcome"]) for one in result["routes"]] == [
            ("a@partner.example", "gw1", "partner", "smart_host"),
            ("a@partner.example", "gw2", "partner", "smart_host"),
            ("b@x.example", "gw1", "internet", "mx"),
            ("b@x.example", "gw2", "internet", "mx"),
        ]
        assert SECRET not in run.output


def test_mistakes_come_together_and_name_what_is_wrong():
    wrong = [
        {**CONNECTORS[0], "address_spaces": ["*partner.example", "a.example;101"]},
        {**CONNECTORS[1], "relay": True},
    ]
    arguments = {"connectors": wrong, "hosts": HOSTS, "addresses": ["a@partner.example"]}
    run = ansible.run_task(MODULE, arguments, hosts=("localhost",), verbosity=4)
    assert run.failed
    message = run["localhost"]["msg"]
    for part in ('connector "partner"', '"*partner.example"', 'connector "internet"', "open relay", "Remedy: "):
        assert part in message
    assert SECRET not in run.output


def test_the_list_that_is_there_on_a_host(tmp_path):
    directory = tmp_path / "connectors"
    directory.mkdir()
    plain = [{**CONNECTORS[0], "authentication": {}}, CONNECTORS[1]]
    sets = {"default": {"connectors": plain, "hosts": HOSTS, "routing_groups": []}}
    content = {"format": 1, "sets": sets, "owned": {"services": [], "settings": {}}}
    (directory / "connectors.json").write_text(json.dumps(content))
    arguments = {"addresses": ["partner.example"], "from_hosts": ["gw2"], "config_directory": str(tmp_path)}
    result = ansible.run_task(MODULE, arguments, hosts=("gw2",)).expect_success()["gw2"]
    assert result["routes"][0]["explanation"] == (
        'Mail for partner.example from gw2 goes to [mx1.partner.example]:25 over gw1 by "partner".'
    )
    (directory / "connectors.json").write_text('{"format": 99}')
    run = ansible.run_task(MODULE, arguments, hosts=("gw2",))
    assert run.failed and "format 99" in run["gw2"]["msg"]
