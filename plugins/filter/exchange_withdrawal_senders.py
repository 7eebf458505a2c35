# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in exchange_withdrawal_senders.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import read_hosts
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import withdrawal


def exchange_withdrawal_senders(results: Any, there: Any, hosts: Any) -> list[str]:
    problems = Problems()
    known = read_hosts(hosts, problems)
    try:
        problems.raise_if_any()
    except ConnectorError as error:
        raise AnsibleFilterError(f"exchange_withdrawal_senders: {error}") from None
    found = there or {}
    receiving = [*(found.get("receive_connectors") or ()), *(found.get("unmanaged_receive_connectors") or ())]
    names = {str(name).lower(): str(name) for name in hosts or ()}
    return [names[name] for name in withdrawal.senders(results or {}, receiving, known)]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"exchange_withdrawal_senders": exchange_withdrawal_senders}
