# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is who, from the variables of an inventory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.filter.inventory_hosts import inventory_hosts


def test_each_variable_is_a_field_and_the_group_is_the_system() -> None:
    variables: dict[str, Any] = {
        "ex1": {"smtp_connectors_server_name": "EX1", "smtp_connectors_local_domains": ["contoso.example"], "other": 1},
        "gw1": {
            "smtp_connectors_address": "192.0.2.1:2525",
            "smtp_connectors_routing_group": "Dallas",
            "smtp_connectors_networks": ["192.0.2.0/28"],
            "smtp_connectors_tls": {"level": "encrypt"},
            "ansible_host": "198.51.100.1",
        },
    }
    assert inventory_hosts(["ex1"], variables, postfix=["gw1"]) == {
        "ex1": {"system": "exchange", "server_name": "EX1", "local_domains": ["contoso.example"]},
        "gw1": {
            "system": "postfix",
            "address": "192.0.2.1:2525",
            "routing_group": "Dallas",
            "networks": ["192.0.2.0/28"],
            "tls": {"level": "encrypt"},
        },
    }


def test_hosts_take_mail_where_ansible_reaches_them_unless_said_otherwise() -> None:
    variables = {
        "gw1": {"ansible_host": "192.0.2.1"},
        "gw2": {"ansible_host": "localhost"},
        "gw3": {"ansible_host": "127.0.0.1"},
        "gw4": {},
    }
    assert inventory_hosts([], variables, postfix=["gw1", "gw2", "gw3", "gw4"]) == {
        "gw1": {"system": "postfix", "address": "192.0.2.1"},
        "gw2": {"system": "postfix"},
        "gw3": {"system": "postfix"},
        "gw4": {"system": "postfix"},
    }


def test_a_host_may_say_which_system_it_is_and_else_has_to_be_in_one_group() -> None:
    mixed: dict[str, Any] = {"h": {"smtp_connectors_system": "exchange"}}
    assert inventory_hosts(["h"], mixed, postfix=["h"]) == {"h": {"system": "exchange"}}
    with pytest.raises(AnsibleFilterError, match=r"hosts\.h, field system: is in the groups of both systems"):
        inventory_hosts(["h"], {}, postfix=["h"])


def test_values_that_make_no_sense_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"hosts\.gw1, field networks"):
        inventory_hosts([], {"gw1": {"smtp_connectors_networks": ["192.0.2.300"]}}, postfix=["gw1"])
