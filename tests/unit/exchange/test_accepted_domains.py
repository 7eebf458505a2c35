# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepted domains, named and relayed to, in simulated organisations (a Python stand-in runs the calls of exchange_invoke)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import task
from ansible_collections.mailops.connectors.plugins.module_utils.exchange.accepted_domains import (
    AcceptedDomains,
    Request,
)

from lab.exchange import tasks
from lab.exchange.simulator import Organisation
from lab.exchange.standin import Invoker

Raw = dict[str, Any]
SEEDS = pytest.mark.parametrize("seed", range(8))
PARTNER: Raw = {
    "name": "To Partner",
    "bridgeheads": ["ex1"],
    "address_spaces": ["*.partner.example", "Other.example"],
    "smart_hosts": ["mail.partner.example"],
    "relay": True,
}


def run(there: Organisation, check_mode: bool = False, **options: Any) -> Raw:
    backend = AcceptedDomains(Request(**options))
    return task.run(backend, Invoker(there, check_mode=check_mode), check_mode=check_mode)


def done(there: Organisation, **options: Any) -> Raw:
    result = run(there, **options)
    assert not result.get("failed"), result["msg"]
    return result


def problems(there: Organisation, **options: Any) -> list[Any]:
    before = domains(there)
    with pytest.raises(ConnectorError) as raised:
        run(there, **options)
    assert domains(there) == before
    return raised.value.problems


def domains(there: Organisation) -> dict[str, str]:
    stored = there.directory.objects(there.directory.controllers[0], "AcceptedDomain")
    return {one.values["DomainName"].lower(): one.values["DomainType"] for one in stored}


def default(there: Organisation) -> list[str]:
    stored = there.directory.objects(there.directory.controllers[0], "AcceptedDomain")
    return [one.values["DomainName"].lower() for one in stored if one.values["Default"]]


@SEEDS
def test_what_connectors_relay_to(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    announced = run(there, connectors=[PARTNER], check_mode=True)
    result = done(there, connectors=[PARTNER])
    assert announced["commands"] == result["commands"]
    assert domains(there) == {
        "contoso.com": "Authoritative",
        "partner.example": "ExternalRelay",
        "*.partner.example": "ExternalRelay",
        "other.example": "ExternalRelay",
    }
    assert [one["action"] for one in result["plan"]] == ["create"] * 3
    assert 'connector "To Partner"' in result["plan"][0]["notes"][0]
    assert result["unmanaged"] == ["contoso.com"]
    again = done(there, connectors=[PARTNER])
    assert (again["changed"], again["plan"], again["commands"]) == (False, [], [])
    told = tasks.send_connectors(there, [PARTNER])["warnings"]
    assert not any("exchange_accepted_domains" in text for text in told)


@SEEDS
def test_domains_stay_when_their_connector_goes(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    done(there, connectors=[PARTNER])
    before = domains(there)
    assert not done(there, connectors=[{"name": "To Partner", "state": "absent"}])["changed"]
    assert not done(there, connectors=[{**PARTNER, "relay": False}])["changed"]
    assert domains(there) == before
    result = done(there, domains=[{"name": "*.Partner.example", "state": "absent"}])
    assert [(one["domain"], one["action"]) for one in result["plan"]] == [("*.partner.example", "remove")]
    assert set(before) - set(domains(there)) == {"*.partner.example"}


@SEEDS
def test_a_type_only_changes_when_that_is_allowed(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    wanted = [{"name": "contoso.com", "type": "internal_relay"}]
    found = problems(there, domains=wanted)
    assert (found[0].field, found[0].value) == ("type", '"internal_relay"')
    assert "authoritative" in found[0].message and "allow_type_change: true" in found[0].remedy
    result = done(there, domains=wanted, allow_type_change=True)
    assert result["plan"][0]["changes"] == {"type": {"before": "authoritative", "after": "internal_relay"}}
    assert domains(there) == {"contoso.com": "InternalRelay"}
    assert not done(there, domains=wanted)["changed"]
    assert not done(there, domains=["contoso.com"])["changed"]


@SEEDS
def test_the_default_domain(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    assert problems(there, domains=[{"name": "contoso.com", "state": "absent"}])[0].field == "state"
    assert problems(there, domains=[{"name": "contoso.com", "default": False}])[0].field == "default"
    new = {"name": "fabrikam.example", "type": "authoritative", "default": True}
    result = done(there, domains=[new])
    assert result["plan"][0]["changes"]["default"] == {"before": None, "after": True}
    assert default(there) == ["fabrikam.example"]
    assert not done(there, domains=[new])["changed"]
    done(there, domains=[{"name": "contoso.com", "default": True}])
    assert default(there) == ["contoso.com"]
    done(there, domains=[{"name": "fabrikam.example", "state": "absent"}])
    assert set(domains(there)) == {"contoso.com"}


@SEEDS
def test_the_default_domain_goes_when_another_one_takes_its_place(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    done(there, domains=[{"name": "fabrikam.example", "type": "authoritative"}])
    domains_ = [{"name": "contoso.com", "state": "absent"}, {"name": "fabrikam.example", "default": True}]
    done(there, domains=domains_)
    assert (set(domains(there)), default(there)) == ({"fabrikam.example"}, ["fabrikam.example"])


@SEEDS
def test_removals_in_a_run_of_their_own(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    done(there, domains=[{"name": "old.example", "type": "external_relay"}])
    wanted = [
        {"name": "old.example", "state": "absent"},
        {"name": "contoso.com", "state": "absent"},
        {"name": "new.example", "type": "authoritative", "default": True},
    ]
    # As announced one after the other, when nothing has happened yet, so done.
    announced = [run(there, True, domains=wanted, removals=word)["plan"] for word in ("later", "only")]
    assert [done(there, domains=wanted, removals=word)["plan"] for word in ("later", "only")] == announced
    assert [[(one["domain"], one["action"]) for one in plan] for plan in announced] == [
        [("new.example", "create")],
        [("contoso.com", "remove"), ("old.example", "remove")],
    ]
    assert set(domains(there)) == {"new.example"}
    assert not any(done(there, domains=wanted, removals=word)["changed"] for word in ("now", "later", "only"))


REFUSED = [
    ([{"name": "*", "type": "external_relay"}], "name", "open relay"),
    ([{"name": "a b", "type": "external_relay"}], "name", "is not"),
    ([{"name": "a.example", "type": "relay"}], "type", "not known"),
    ([{"name": "a.example", "kind": "x"}], "kind", "no field"),
    ([{"name": "a.example"}], "type", "needed for a new"),
    ([{"name": "a.example", "type": "authoritative", "default": True},
      {"name": "b.example", "type": "authoritative", "default": True}], "default", "second default"),
    ([{"name": "a.example", "type": "authoritative"}, {"name": "A.example", "type": "internal_relay"}], "type",
     "authoritative in domains and internal_relay in domains"),
    ([{"name": "partner.example", "type": "internal_relay"}], "type", "external_relay in connector"),
    ([{"name": "partner.example", "state": "absent"}], "type", "absent in domains and external_relay in connector"),
    ([5], "", "not a dict"),
]  # fmt: skip


@pytest.mark.parametrize(("named", "field", "words"), REFUSED)
def test_refused(named: list[Any], field: str, words: str) -> None:
    found = problems(Organisation(1, ["EX1"]), domains=named, connectors=[PARTNER])
    assert [one.field for one in found] == [field], found
    assert words in found[0].message


@SEEDS
def test_connectors_of_postfix_need_no_domain_here(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    hosts = {"gw1": {"system": "postfix", "address": "192.0.2.1"}, "ex1": {"system": "exchange"}}
    assert not done(there, connectors=[{**PARTNER, "bridgeheads": ["gw1"]}], hosts=hosts)["changed"]


@SEEDS
def test_a_domain_that_accepts_everything_is_told(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    there.call("New-AcceptedDomain", {"Name": "all", "DomainName": "*", "DomainType": "ExternalRelay"})
    result = done(there, domains=["contoso.com"])
    assert 'accepted domain "*"' in result["warnings"][0]
    assert "*" in domains(there)


@SEEDS
def test_somebody_else_is_quicker(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    new = {"Name": "other.example", "DomainName": "other.example", "DomainType": "ExternalRelay"}
    there.faults.before_session(lambda: there.call("New-AcceptedDomain", new), number=2)
    result = done(there, connectors=[PARTNER])
    assert [one["domain"] for one in result["plan"]] == ["*.partner.example", "partner.example"]


@SEEDS
def test_a_type_that_does_not_come_back(seed: int) -> None:
    there = Organisation(seed, ["EX1"])
    there.faults.does_not_stick("AcceptedDomain", "DomainType")
    result = run(there, connectors=[PARTNER])
    assert result["failed"] and "authoritative instead of external_relay" in result["msg"]
