# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions in JMESPath.

PRIVATE to this collection.
"""

from __future__ import annotations

from typing import Any


class QueryError(Exception):
    """The question cannot be asked, with the remedy."""


def search(query: str, data: Any) -> Any:
    """Raises QueryError."""
    try:
        import jmespath
        from jmespath.exceptions import JMESPathError
    except ImportError:
        raise QueryError(
            "query needs the Python library jmespath on the controller. Remedy: install it beside ansible-core."
        ) from None
    try:
        return jmespath.search(query, data)
    except JMESPathError as error:
        raise QueryError(f'query "{query}" is no JMESPath: {error}. Remedy: see https://jmespath.org.') from None
