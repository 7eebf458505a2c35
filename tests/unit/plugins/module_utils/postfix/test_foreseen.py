# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import foreseen
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.foreseen import (
    Beforehand,
    ForeseenPostfix,
    NoPostfix,
    NoTables,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.logical_lines import PostfixFileError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Request, provision


def nothing_runs(command, data=None):
    raise AssertionError(f"no program is there to run, but {command} was asked for")


def no_postfix(directory, **beforehand):
    return NoPostfix(str(directory), nothing_runs, None, Beforehand(**beforehand))


def plan(directory, connectors, **beforehand):
    tables = NoTables(str(directory), nothing_runs)
    request = Request(connectors, this_host="gw1", check_mode=True)
    return provision(no_postfix(directory, **beforehand), tables, request)


PARTNER = {
    "name": "to-partner",
    "address_spaces": ["*.partner.example"],
    "smart_hosts": ["mx.partner.example"],
    "bridgeheads": ["gw1"],
}


def test_without_postfix_the_plan_names_objects_routes_and_what_will_be_written(tmp_path):
    directory = tmp_path / "etc"
    outcome = plan(directory, [PARTNER])
    assert [(entry["connector"], entry["action"]) for entry in outcome.plan] == [("to-partner", "create")]
    assert [(change["address_space"], change["after"]) for change in outcome.routes_changed] == [
        ("*.partner.example", "to-partner via [mx.partner.example]:25")
    ]
    assert any(f"write {directory}/connectors/transport" in command for command in outcome.commands)
    assert outcome.changed
    assert not directory.exists(), "check mode must write nothing"


def test_without_postfix_a_connector_may_count_with_settings_and_files_of_earlier_tasks(tmp_path):
    trusting = {**PARTNER, "tls": {"level": "verify"}}
    own = {**PARTNER, "tls": {"level": "encrypt", "certificate": "/etc/ssl/gateway.pem"}}
    with pytest.raises(ConnectorError, match="smtp_tls_CAfile"):
        plan(tmp_path / "etc", [trusting])
    plan(tmp_path / "etc", [trusting], settings={"smtp_tls_CAfile": "/etc/ssl/ca.pem"})
    with pytest.raises(ConnectorError, match="is no file on this host"):
        plan(tmp_path / "etc", [own])
    plan(tmp_path / "etc", [own], files=["/etc/ssl/gateway.pem"])


def test_a_main_cf_that_the_package_will_keep_counts(tmp_path):
    (tmp_path / "main.cf").write_text("mydestination = mail.partner.example\nmessage_size_limit = 5000000\n")
    outcome = plan(tmp_path, [{**PARTNER, "max_message_size": "4MB"}])
    assert any("transport" in command for command in outcome.commands)
    with pytest.raises(ConnectorError, match="message_size_limit of 5000000"):
        plan(tmp_path, [{**PARTNER, "max_message_size": "6MB"}])


def test_values_are_expanded_as_postfix_does(tmp_path, monkeypatch):
    monkeypatch.setattr(foreseen.socket, "gethostname", lambda: "gw1")
    postfix = no_postfix(
        tmp_path, settings={"mydomain": "contoso.com", "myorigin": "${mydomain}", "mydestination": None}
    )
    found = postfix.parameters(["myhostname", "myorigin", "mydestination", "relayhost"])
    assert found == {
        "myhostname": "gw1.localdomain",
        "myorigin": "contoso.com",
        "mydestination": "gw1.localdomain, localhost",
        "relayhost": "",
    }


def test_settings_replace_every_line_of_a_parameter_and_are_checked(tmp_path):
    (tmp_path / "main.cf").write_text("# kept\nmynetworks = 10.0.0.0/8\nmynetworks = 192.0.2.0/24\n")
    postfix = ForeseenPostfix(str(tmp_path), nothing_runs, None, Beforehand({"mynetworks": None, "biff": False}))
    assert postfix.main_text() == "# kept\nbiff = no\n"
    with pytest.raises(PostfixFileError, match="not a name"):
        ForeseenPostfix(str(tmp_path), nothing_runs, None, Beforehand({"not a name": "x"})).main_text()
