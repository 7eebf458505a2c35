# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in exchange_drain_verdict.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import read_hosts
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import draining


def exchange_drain_verdict(results: Any, servers: Any, hosts: Any, towards: Any) -> dict[str, Any]:
    problems = Problems()
    known = read_hosts(hosts, problems)
    try:
        problems.raise_if_any()
    except ConnectorError as error:
        raise AnsibleFilterError(f"exchange_drain_verdict: {error}") from None
    answers = [one.get("objects") or [] for one in results]
    return draining.verdict(servers, answers, known, {str(name).lower() for name in towards})


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"exchange_drain_verdict": exchange_drain_verdict}
