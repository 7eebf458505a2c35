# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role postfix_bridgehead on an instance that is there. How it installs Postfix is shown by extensions/molecule."""

from __future__ import annotations

import stat

from lab import ansible

ROLE = "mailops.connectors.postfix_bridgehead"
KEY = "-----BEGIN PRIVATE KEY-----\nUnmistakableKey\n"
PASSWORD = "UnmistakablePassword"


def role(directory, **variables):
    given = {"config_directory": str(directory), "install": False, **variables}
    given = {f"postfix_bridgehead_{name}": value for name, value in given.items()}
    return {"name": "Bridgehead", "ansible.builtin.include_role": {"name": ROLE}, "vars": given}


def run(directory, *, check=False, verbosity=0, **variables):
    return ansible.playbook([role(directory, **variables)], check=check, verbosity=verbosity)


def changed(run):
    return [task.task for task in run.tasks if task.result.get("changed")]


def result(run):
    return run.expect_success().of("Let the bridgehead carry its connectors")


def content(directory):
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_an_instance_is_adopted_and_check_mode_counts_with_the_steps_before(make_instance, tmp_path):
    bridgehead = make_instance("b1", "127.0.0.11", settings={"message_size_limit": "5000000"})
    tls = bridgehead.directory / "tls"
    variables = {
        "settings": {"message_size_limit": 30_000_000, "smtp_tls_CAfile": str(tls / "ca.pem")},
        "tls_files": [
            {"path": str(tls / "ca.pem"), "content": "an authority\n"},
            {"path": str(tls / "own.pem"), "content": KEY, "private": True},
        ],
        "connectors": [
            {
                "name": "to-partner",
                "address_spaces": ["*.partner.example"],
                "smart_hosts": ["[192.0.2.30]"],
                "bridgeheads": ["b1"],
                # Each needs what an earlier step of the role brings: the limit, the authority, the certificate.
                "max_message_size": "20MB",
                "tls": {"level": "verify", "names": ["mx.partner.example"], "certificate": str(tls / "own.pem")},
                "authentication": {"mechanism": "basic_over_tls", "username": "b1", "password": PASSWORD},
            }
        ],
    }
    before = content(bridgehead.config_directory)
    planned = run(bridgehead.config_directory, check=True, verbosity=4, **variables)
    plan = result(planned)["b1"]
    assert [(entry["connector"], entry["action"]) for entry in plan["plan"]] == [("to-partner", "create")]
    assert content(bridgehead.config_directory) == before
    assert not tls.exists()

    applied = run(bridgehead.config_directory, verbosity=4, **variables)
    for field in ("plan", "routes_changed", "commands"):
        assert result(applied)["b1"][field] == plan[field]
    assert stat.S_IMODE((tls / "own.pem").stat().st_mode) == 0o600
    assert "30000000" in bridgehead.main_cf()

    master = bridgehead.master_pid()
    again = run(bridgehead.config_directory, verbosity=4, **variables).expect_success()
    assert changed(again) == []
    assert bridgehead.master_pid() == master
    for one in (planned, applied, again):
        assert "UnmistakableKey" not in one.output
        assert PASSWORD not in one.output


def test_a_stopped_instance_starts_and_a_running_one_restarts_only_when_asked(make_instance):
    bridgehead = make_instance("b1", "127.0.0.11", start=False)
    bridgehead.run("postfix", "check")
    try:
        run(bridgehead.config_directory).expect_success()
        assert bridgehead.running()
        master = bridgehead.master_pid()
        settings = {"inet_interfaces": "127.0.0.11, 127.0.0.12"}
        run(bridgehead.config_directory, settings=settings).expect_success()
        assert bridgehead.master_pid() == master, "a restart was not asked for"
        settings = {"inet_interfaces": "127.0.0.11"}
        run(bridgehead.config_directory, settings=settings, restart=True).expect_success()
        assert bridgehead.master_pid() not in (None, master)
    finally:
        bridgehead.run("postfix", "stop")


REFUSED = [
    ({"config_directory": "/nowhere/etc"}, "This role makes no instances"),
    ({"tls_files": [{"path": "/x.pem"}]}, "/x.pem needs either content or from"),
    ({"tls_files": [{"path": "/x.key", "content": KEY, "from": "/y", "private": True}]}, "either content or from"),
    ({"table_types": ["lmdb", "nosuch"]}, "does not offer nosuch"),
]


def test_what_cannot_be_is_an_error_with_its_remedy(make_instance):
    bridgehead = make_instance("b1", "127.0.0.11", start=False)
    before = content(bridgehead.config_directory)
    # All in one run: a rescued error is told by a task of its own.
    tasks = [
        {
            "block": [role(bridgehead.config_directory, **variables)],
            "rescue": [{"name": f"told {number}", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}],
        }
        for number, (variables, _message) in enumerate(REFUSED)
    ]
    refused = ansible.playbook(tasks, verbosity=4).expect_success()
    for number, (_variables, message) in enumerate(REFUSED):
        assert message in refused.of(f"told {number}")["b1"]["msg"]
    assert "UnmistakableKey" not in refused.output
    assert content(bridgehead.config_directory) == before
