# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation is in clixml_connectors.yml.

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import (
    ConnectorError,
    Problems,
    ValueProblem,
    shown,
)
from ansible_collections.mailops.connectors.plugins.module_utils.connector.topology import read_hosts
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import clixml, exported


def clixml_connectors(document: Any, hosts: Any = None, edge_server: str = "") -> dict[str, Any]:
    if not isinstance(document, (str, bytes)):
        raise AnsibleFilterError(f"clixml_connectors takes the text of an export, not a {type(document).__name__}")
    problems = Problems()
    declared = read_hosts(hosts, problems)
    try:
        problems.raise_if_any()
        return exported.read(clixml.read(document), exported.named(declared, edge_server))
    except ConnectorError as error:
        raise AnsibleFilterError(f"clixml_connectors: {error}") from None
    except ValueProblem as problem:
        value = f" {shown(problem.shown)}" if problem.shown else ""
        told = f"the document{value} {problem.message}. Remedy: {problem.remedy}."
        raise AnsibleFilterError(f"clixml_connectors: {told}") from None


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"clixml_connectors": clixml_connectors}
