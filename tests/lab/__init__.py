# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail laboratory: real Postfix instances, SMTP sinks, certificates, DNS and real Ansible runs.

Everything listens inside a network namespace of its own (lab.namespace), so that the machine stays as it is.
Put the directory above this package on sys.path and import it as ``lab``.
"""

from __future__ import annotations


class LabError(RuntimeError):
    """The laboratory itself failed: something is missing, did not start, or did not happen in time."""
