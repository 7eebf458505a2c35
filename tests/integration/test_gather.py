# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook gather on hosts that were set up by hand: its file changes no route, and makes the same routes on fresh hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.found_delivery import same_next_hops

from lab.bridgehead import SETTINGS, Bridgehead
from lab.postfix import Instance
from lab.whole_organisation import WholeOrganisation, lines, results, said

PASSWORD = "Tr0ub4dor&3-of-the-relay"
VAULT = "vault_smtp_connectors_to_192_0_2_40_port_587_password"
TRANSPORT = """\
partner.example      smtp:[192.0.2.30], [192.0.2.31]:26
.partner.example     smtp:[192.0.2.30], [192.0.2.31]:26
inside.example       relay:[192.0.2.50]
.odd.example         error:5.1.2 no such place
boss@partner.example smtp:[192.0.2.99]
"""
POLICY = """\
[192.0.2.30]    encrypt
[192.0.2.31]:26 encrypt
secret.example  encrypt
"""
ADDRESSES = [
    *("u@partner.example", "u@sub.partner.example", "boss@partner.example", "u@inside.example", "u@sub.inside.example"),
    *("u@odd.example", "u@sub.odd.example", "u@secret.example", "u@stranger.invalid", "u@local.example"),
]


def set_up_by_hand(instance: Instance, transport: str = TRANSPORT) -> None:
    """As an administrator does it: tables, postconf, reload."""
    table = instance.postmap("transport", transport)
    policy = instance.postmap("tls_policy", POLICY, "hash")
    accounts = instance.postmap("sasl_passwd", f"[192.0.2.40]:587 relay-user:{PASSWORD}\n", "hash")
    instance.configure(
        transport_maps=f"{table}, regexp:{instance.write('patterns', '/^nobody@/ discard:')}",
        relayhost="[192.0.2.40]:587",
        relay_domains="inside.example",
        parent_domain_matches_subdomains="debug_peer_list smtpd_access_maps",
        smtp_tls_policy_maps=policy,
        smtp_sasl_auth_enable="yes",
        smtp_sasl_password_maps=accounts,
        smtp_sasl_security_options="noanonymous",
        mydestination="$myhostname, local.example",
    )
    if instance.running():
        instance.reload()


def answers(instance: Instance) -> dict[str, tuple[str, str]]:
    """Each address's class and next hop."""
    found = Bridgehead(instance).ask_afresh(ADDRESSES)
    return {address: (one.domain_class, one.nexthop) for address, one in zip(ADDRESSES, found)}


def differing(first: dict[str, tuple[str, str]], second: dict[str, tuple[str, str]]) -> list[str]:
    return [
        address
        for address in ADDRESSES
        if first[address][0] != second[address][0] or not same_next_hops(first[address][1], second[address][1])
    ]


def gathered(lab: WholeOrganisation, file: Path, **options: Any) -> Any:
    return lab.run("gather", [], gather_file=str(file), **options)


def with_file(lab: WholeOrganisation, playbook: str, file: Path, **options: Any) -> Any:
    secrets = lab.directory / "vault.yml"
    secrets.write_text(f"{VAULT}: {PASSWORD!r}\n", encoding="utf-8")
    arguments = ["--extra-vars", f"@{file}", "--extra-vars", f"@{secrets}"]
    return lab.run(playbook, [], arguments, probe=False, **options)


def test_two_hosts_that_were_set_up_alike_by_hand(make_instance: Callable[..., Instance], tmp_path: Path) -> None:
    hosts = [
        make_instance(name, f"127.0.0.1{number}", settings=SETTINGS) for number, name in enumerate(("gw1", "gw2"), 1)
    ]
    for host in hosts:
        set_up_by_hand(host)
    before = [answers(host) for host in hosts]
    lab = WholeOrganisation.of(tmp_path, hosts)
    file = tmp_path / "found.yml"

    # The file names everything, and no password.
    told = gathered(lab, file, verbosity=4).expect_success()
    text = file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in told.output + text
    content = yaml.safe_load(text)
    listed = {one["name"]: one for one in content["smtp_connectors_list"]}
    assert {name: (one["address_spaces"], one["bridgeheads"]) for name, one in listed.items()} == {
        "to-192.0.2.30": (["*.partner.example"], ["gw1", "gw2"]),
        "to-192.0.2.50-relayed": (["inside.example"], ["gw1", "gw2"]),
        "to-192.0.2.40-port-587": (["*"], ["gw1", "gw2"]),
    }
    assert listed["to-192.0.2.30"]["tls"] == {"level": "encrypt"}
    assert listed["to-192.0.2.50-relayed"]["relay"] is True
    assert listed["to-192.0.2.40-port-587"]["authentication"] == {
        "mechanism": "basic",
        "username": "relay-user",
        "allow_cleartext_password": True,
        "password": f"{{{{ {VAULT} }}}}",
    }
    assert "smtp_connectors_hosts" not in content
    for word in ("(boss@partner.example): is for single addresses", "(.odd.example): error is no SMTP client", VAULT):
        assert word in text
    assert any("regexp:" in line for line in lines(told, "Show what was found"))
    assert "is there already" in said(gathered(lab, file))

    # Its first application changes no route, and takes ownership.
    done = with_file(lab, "provision", file, verbosity=4).expect_success()
    plan = results(done, "Put the plan together")[0][1]["ansible_facts"]["smtp_connectors_plan"]
    assert [(host["changed"], host["routes_changed"]) for host in plan["hosts"]] == [(True, []), (True, [])]
    assert PASSWORD not in done.output
    assert [differing(old, answers(host)) for old, host in zip(before, hosts)] == [[], []]
    clean = lines(with_file(lab, "drift", file).expect_success(), "Show what differs")
    assert clean[0] == "Nothing differs (gw1, gw2)."
    assert "left alone: relayhost [192.0.2.40]:587, transport_maps lmdb:" in clean[1]

    # On a fresh host it makes the same routes. What could not be expressed is not there, and no more.
    hosts[1].stop()
    local = {"mydestination": "gw1.lab.example, local.example"}
    fresh = Bridgehead(
        make_instance("gw3", "127.0.0.13", hostname="gw1.lab.example", settings={**SETTINGS, **local}), "gw1"
    )
    connectors = yaml.safe_load(text.replace(f"{{{{ {VAULT} }}}}", PASSWORD))["smtp_connectors_list"]
    fresh.provision(connectors)
    assert differing(before[0], answers(fresh.instance)) == ["boss@partner.example", "u@sub.odd.example"]
