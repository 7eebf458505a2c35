# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated connectors, hosts, routing groups and whole organisations, in the vocabulary, for hypothesis.

Everything is generated as a person would write it, so that unit tests can read it and integration tests can hand it to
a playbook. Importing this package loads the profile that the environment variable HYPOTHESIS_PROFILE names: quick (the
default), thorough or long.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Generated organisations are large, and a shared machine is slow now and then: neither is a finding.
_UNREMARKABLE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# CI has to give the same answer for the same code; people look for new cases with every run.
_COMMON = {"deadline": None, "suppress_health_check": _UNREMARKABLE, "derandomize": bool(os.environ.get("CI"))}

settings.register_profile("quick", max_examples=40, **_COMMON)
settings.register_profile("thorough", max_examples=1000, **_COMMON)
settings.register_profile("long", max_examples=20000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
