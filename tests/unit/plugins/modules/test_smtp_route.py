# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""smtp_route: the answers, the mistakes it names, and that its documentation says what its options are."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.mailops.connectors.plugins.doc_fragments.connectors import ModuleDocFragment
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import store
from ansible_collections.mailops.connectors.plugins.modules import smtp_route

CONNECTORS = [
    {
        "name": "To Partner",
        "address_spaces": ["*.partner.example"],
        "smart_hosts": ["mx1.partner.example", "mx2.partner.example:587"],
        "bridgeheads": ["gw1"],
    },
    {"name": "Internet", "address_spaces": ["*"], "bridgeheads": ["gw2"]},
]
HOSTS = {
    "gw1": {"address": "192.0.2.11"},
    "gw2": {"address": "192.0.2.12", "local_domains": ["home.example"]},
}


def parameters(**given):
    found = dict.fromkeys(smtp_route.argument_spec())
    found.update(connectors=CONNECTORS, hosts=HOSTS, down=[], system="postfix")
    found.update(given)
    return found


def ask(*addresses, **given):
    asked = parameters(addresses=list(addresses), **given)
    problems = Problems()
    return smtp_route.routes(asked, [smtp_route.given_set(asked, problems)], problems)


def refused(*addresses, **given):
    with pytest.raises(ConnectorError) as caught:
        ask(*(addresses or ("a@partner.example",)), **given)
    return str(caught.value)


def test_the_whole_answer():
    (answer,) = ask("info@Sales.Partner.example", from_hosts=["GW2"], down=["MX1.partner.example"])
    assert answer == {
        "address": "info@Sales.Partner.example",
        "from": "gw2",
        "connector": "To Partner",
        "address_space": "*.partner.example",
        "cost": 1,
        "next_hops": ["gw1"],
        "chain": ["To Partner handed over to gw1"],
        "considered": [
            {"connector": "To Partner", "address_space": "*.partner.example", "cost": 1, "why": "wins"},
            {
                "connector": "Internet",
                "address_space": "*",
                "cost": 1,
                "why": "the narrower space *.partner.example wins",
            },
        ],
        "hops": [
            {"host": "gw2", "connector": "To Partner", "next_hop": "gw1"},
            {"host": "gw1", "connector": "To Partner", "next_hop": "[mx2.partner.example]:587"},
        ],
        "outcome": "smart_host",
        "explanation": (
            'Mail for sales.partner.example from gw2 goes to [mx2.partner.example]:587 over gw1 by "To Partner".'
        ),
    }


def test_one_answer_for_each_address_and_host_in_the_order_given():
    answers = ask("b.example", "a@a.example", from_hosts=["gw2", "gw1"])
    assert [(one["address"], one["from"]) for one in answers] == [
        ("b.example", "gw2"),
        ("b.example", "gw1"),
        ("a@a.example", "gw2"),
        ("a@a.example", "gw1"),
    ]


def test_from_which_hosts_by_default():
    assert [one["from"] for one in ask("b.example")] == ["gw1", "gw2"]
    assert [one["from"] for one in ask("b.example", this_host="gw2")] == ["gw2"]
    assert [one["from"] for one in ask("b.example", hosts=None, this_host="App1")] == ["app1"]


@pytest.mark.parametrize(
    ("address", "given", "outcome", "explanation"),
    [
        ("x.example", {}, "mx", 'from gw2 goes where DNS MX points to by "Internet".'),
        ("home.example", {}, "local", "from gw2 is delivered by gw2 itself."),
        ("partner.example", {"down": ["gw1"]}, "waits", 'waits on gw2 by "To Partner", because no next hop answers.'),
        (
            "partner.example",
            {"down": ["mx1.partner.example:25", "[mx2.partner.example]"]},
            "waits",
            'waits on gw1 by "To Partner", because no next hop answers.',
        ),
        ("x.example", {"connectors": CONNECTORS[:1]}, "no_route", "takes no connector on gw2"),
        (
            "partner.example",
            {"hosts": {**HOSTS, "gw1": {"system": "exchange"}}},
            "foreign",
            '"To Partner" of the other system would win, so declare a connector.',
        ),
        (
            "partner.example",
            {"connectors": [{**CONNECTORS[0], "max_message_size": "10MB"}], "size": "11 MB"},
            "smart_host",
            'but is returned to its sender, since "To Partner" takes up to 10MB.',
        ),
    ],
)
def test_how_a_way_ends(address, given, outcome, explanation):
    (answer,) = ask(address, from_hosts=["gw2"], **given)
    assert answer["outcome"] == outcome
    assert explanation in answer["explanation"]


def test_without_a_winner_there_is_no_connector():
    for address, given in (("home.example", {}), ("x.example", {"connectors": CONNECTORS[:1]})):
        (answer,) = ask(address, from_hosts=["gw2"], **given)
        assert (answer["connector"], answer["address_space"], answer["cost"]) == (None, None, None)
        assert (answer["next_hops"], answer["chain"]) == ([], [])
        assert not [one for one in answer["considered"] if one["why"] == "wins"]


def test_a_size_changes_the_route_on_exchange():
    small = {**CONNECTORS[1], "name": "Small", "max_message_size": "10MB"}
    large = {**CONNECTORS[1], "name": "Large", "address_spaces": ["*;50"]}
    given = {"connectors": [small, large], "system": "exchange", "hosts": None}
    assert [ask("x.example", size=size, **given)[0]["connector"] for size in ("10MB", "11MB")] == ["Small", "Large"]


def test_absent_connectors_take_no_mail():
    given = [CONNECTORS[0], {"name": "Internet", "state": "absent"}]
    assert ask("x.example", connectors=given, from_hosts=["gw2"])[0]["outcome"] == "no_route"


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"from_hosts": ["gw3"]}, ["field from_hosts", '"gw3"', "nobody knows", "add gw3 to hosts"]),
        ({"this_host": "gw3"}, ["field this_host", '"gw3"', "nobody knows"]),
        ({"this_host": "gw1."}, ["field this_host", '"gw1."', "dot"]),
        ({"down": ["mx3.partner.example"]}, ["field down", '"mx3.partner.example"', 'did you mean "mx']),
        ({"down": ["mx1.partner.example:26"]}, ["field down", "neither a host nor a smart host"]),
        ({"size": "large"}, ["field size", '"large"', "35MB"]),
        ({"size": "unlimited"}, ["field size", "no size of a message"]),
        ({"connectors": [{**CONNECTORS[0], "port": 0}]}, ['connector "To Partner"', "field port", "1 to 65535"]),
        ({"connectors": [{**CONNECTORS[0], "smart_hosts": ["192.0.2.11"]}]}, ["circle: gw1 -> gw1"]),
        ({"hosts": {"gw1": {}}}, ['connector "Internet"', '"gw2"', "nobody knows"]),
    ],
)
def test_what_makes_no_sense(given, parts):
    message = refused(**given)
    for part in [*parts, "Remedy: "]:
        assert part in message


@pytest.mark.parametrize("address", ["", "a@", "a@x..example", "a@x.example.", "x\n.example"])
def test_an_address_that_makes_no_sense(address):
    assert "field addresses" in refused(address)


# --- what is there on a Postfix host ---


def test_the_connectors_of_a_postfix_host(tmp_path):
    problems = Problems()
    there = smtp_route.given_set(parameters(), problems)
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "connectors.json").write_text(store.text(store.Store({"default": there})))
    asked = parameters(connectors=None, hosts=None, addresses=["partner.example"], config_directory=str(tmp_path))
    found = smtp_route.routes(asked, smtp_route.stored_sets(asked, problems), problems)
    assert [(one["from"], one["connector"]) for one in found] == [("gw1", "To Partner"), ("gw2", "To Partner")]


def test_a_postfix_host_without_connectors(tmp_path):
    problems = Problems()
    smtp_route.stored_sets(parameters(connectors=None, config_directory=str(tmp_path)), problems)
    assert {problem.field for problem in problems.found} == {"hosts", "connectors"}


# --- documentation ---


def compare(documented, specified, place=""):
    assert set(documented) == set(specified), place
    for name, option in documented.items():
        for part in ("type", "elements", "choices", "default"):
            assert option.get(part) == specified[name].get(part), f"{place}{name}: {part}"
        assert option.get("required", False) == specified[name].get("required", False), f"{place}{name}"
        assert option["description"]
        compare(option.get("suboptions", {}), specified[name].get("options", {}), f"{place}{name}.")


def test_the_documentation_is_that_of_the_options():
    own = yaml.safe_load(smtp_route.DOCUMENTATION)["options"]
    shared = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    shared.update(yaml.safe_load(ModuleDocFragment.HOSTS)["options"])
    compare({**shared, **own}, smtp_route.argument_spec())
