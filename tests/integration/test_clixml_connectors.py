# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export of Exchange in real playbooks: fetched as Windows wrote it, read, and asked for routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import ansible
from lab.exchange.exports import Many, export, send_connector, smart_host, space

PARTNER = {
    "DNSRoutingEnabled": False,
    "SmartHosts": Many([smart_host("mx1.partner.example")]),
    "AddressSpaces": Many([space("SMTP:*.partner.example;5")]),
    "SourceTransportServers": Many(["EX1"]),
}
DOCUMENT = export(send_connector("Ausgang Zürich", **PARTNER), send_connector("internet", LinkedReceiveConnector="in"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As Windows PowerShell writes it by default."""
    path = tmp_path / "connectors.xml"
    path.write_bytes(DOCUMENT.encode("utf-16"))
    return path


def test_export_that_slurp_fetched_answers_for_routes(file: Path) -> None:
    tasks = [
        {"name": "fetch", "ansible.builtin.slurp": {"src": str(file)}, "register": "export"},
        {
            "name": "read",
            "ansible.builtin.set_fact": {"exported": "{{ export.content | mailops.connectors.clixml_connectors }}"},
        },
        {
            "name": "route",
            "mailops.connectors.smtp_route": {
                "connectors": "{{ exported.send_connectors }}",
                "addresses": ["a@in.partner.example"],
                "from_hosts": ["ex1"],
            },
        },
    ]
    run = ansible.playbook(tasks, hosts=("localhost",)).expect_success()
    exported = run.of("read")["localhost"]["ansible_facts"]["exported"]
    assert [one["name"] for one in exported["send_connectors"]] == ["Ausgang Zürich", "internet"]
    assert [(one["connector"], one["property"]) for one in exported["not_expressed"]] == [
        ("internet", "LinkedReceiveConnector")
    ]
    (route,) = run.of("route")["localhost"]["routes"]
    assert (route["connector"], route["outcome"]) == ("Ausgang Zürich", "smart_host")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_file_on_the_controller(file: Path, encoding: str) -> None:
    file.write_text(DOCUMENT, encoding=encoding)
    read = f"lookup('ansible.builtin.file', '{file}') | mailops.connectors.clixml_connectors(hosts=names)"
    task = {"ansible.builtin.debug": {"msg": f"{{{{ ({read}).send_connectors[0].bridgeheads }}}}"}}
    task["vars"] = {"names": {"mail1.contoso.com": {"system": "exchange", "server_name": "EX1"}}}
    run = ansible.playbook([task], hosts=("localhost",)).expect_success()
    assert run["localhost"]["msg"] == ["mail1.contoso.com"]


def test_what_is_no_export_says_so() -> None:
    task = {"ansible.builtin.debug": {"msg": "{{ 'Name;Cost' | mailops.connectors.clixml_connectors }}"}}
    run = ansible.playbook([task], hosts=("localhost",))
    assert run.failed
    assert "Export-Clixml" in run["localhost"]["msg"]
