# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in with_accepted_domains.yml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector import local_domains


def with_accepted_domains(hosts: Any, domains: Any) -> dict[str, Any]:
    if not isinstance(hosts, Mapping):
        raise AnsibleFilterError("with_accepted_domains takes hosts, a dict by inventory name")
    return local_domains.with_accepted_domains(hosts, domains)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"with_accepted_domains": with_accepted_domains}
