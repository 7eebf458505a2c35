# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook drift: hand edits on real Postfix hosts are named, in the summary, the report and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from lab.bridgehead import SETTINGS, Bridgehead
from lab.postfix import Instance
from lab.whole_organisation import WholeOrganisation, lines, said

PASSWORD = "Tr0ub4dor&3-of-the-relay"
HOSTS = {
    name: {"system": "postfix", "address": f"127.0.0.1{number}"} for number, name in enumerate(("gw1", "gw2", "gw3"), 1)
}
LIST = [
    {
        "name": "to-partner",
        "address_spaces": ["*.partner.example"],
        "smart_hosts": ["[192.0.2.30]"],
        "bridgeheads": ["gw1", "gw2", "gw3"],
        "relay": True,
        "authentication": {
            "mechanism": "basic",
            "username": "relay",
            "password": PASSWORD,
            "allow_cleartext_password": True,
        },
    },
    {"name": "rest", "address_spaces": ["*"], "smart_hosts": ["[192.0.2.31]"], "bridgeheads": ["gw1", "gw2", "gw3"]},
]


def provisioned(make_instance: Callable[..., Instance], **options: Any) -> list[Bridgehead]:
    made = [Bridgehead(make_instance(name, one["address"], settings=SETTINGS), name) for name, one in HOSTS.items()]
    for bridgehead in made:
        bridgehead.provision(LIST, hosts=HOSTS, **options)
    return made


def test_hand_edits_are_named_and_nothing_is_changed(make_instance: Callable[..., Instance], tmp_path: Path) -> None:
    gw1, gw2, gw3 = provisioned(make_instance)
    lab = WholeOrganisation.of(tmp_path, [one.instance for one in (gw1, gw2, gw3)])

    # An entry of the administrator's own that wins, a setting, a table of ours, and a host with another list.
    mine = gw1.instance.postmap("mine", "partner.example smtp:[192.0.2.99]\n")
    gw1.instance.configure(transport_maps=f"{mine}, {gw1.instance.setting('transport_maps')}")
    gw1.instance.reload()
    gw2.instance.configure(default_transport="smtp:[192.0.2.98]")
    gw2.instance.reload()
    transport = gw2.directory / "connectors" / "transport"
    transport.write_text(transport.read_text(encoding="utf-8") + "late.example smtp:[192.0.2.97]\n", encoding="utf-8")
    gw3.provision([{**LIST[1], "smart_hosts": ["[192.0.2.32]"]}])
    before = [one.content() for one in (gw1, gw2, gw3)]

    report = tmp_path / "drift.md"
    run = lab.run("drift", LIST, hosts=HOSTS, purge=True, report=str(report), verbosity=4)
    assert run.failed
    told = lines(run, "Show what differs")
    assert told[0] == "3 of 3 hosts differ."
    assert told[1] == "The bridgeheads do not hold the same lists. Alike are: gw1, gw2; gw3."

    def about(host: str) -> str:
        return "\n".join(line for line in told if line.startswith(f"{host}: "))

    assert f"the entry partner.example of {mine} wins" in about("gw1")
    assert "Mail for mailops-probe@partner.example goes to connector-to-partner-" in about("gw1")
    assert f"changed since the last run: {transport}: the source differs" in about("gw2")
    assert "changed since the last run: it takes: main.cf: default_transport = connector-rest-" in about("gw2")
    assert "trivial-rewrite(8) answers smtp:[192.0.2.98]" in about("gw2")
    assert '"rest" differs: smart_hosts is ["[192.0.2.32]"], in the list ["[192.0.2.31]"]' in about("gw3")
    assert "changed since" not in about("gw3")

    assert said(run) == "\n".join(told)
    text = report.read_text(encoding="utf-8")
    assert all(line.removeprefix("Note: ").partition(": ")[2] in text for line in told[2:])
    assert report.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in run.output + text
    assert before == [one.content() for one in (gw1, gw2, gw3)]

    # What was put right again is clean; a host that does not run is no drift, and says so.
    gw1.instance.configure(transport_maps=gw1.instance.setting("transport_maps").replace(f"{mine}, ", ""))
    gw1.instance.reload()
    for bridgehead in (gw2, gw3):
        bridgehead.provision(LIST, hosts=HOSTS)
    gw3.instance.stop()
    report = tmp_path / "drift.yml"
    clean = lab.run("drift", LIST, hosts=HOSTS, purge=True, report=str(report)).expect_success()
    assert lines(clean, "Show what differs") == [
        "Nothing differs (gw1, gw2, gw3).",
        "Note: gw3: routes not asked: Postfix is not running.",
    ]
    assert yaml.safe_load(report.read_text(encoding="utf-8"))["clean"] is True
