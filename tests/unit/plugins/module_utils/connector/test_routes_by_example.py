# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route selection by example: the rules of the classic procedure, each shown on the smallest organisation."""

from __future__ import annotations

from ansible_collections.mailops.connectors.plugins.module_utils.connector import journey
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.routing import route_text
from ansible_collections.mailops.connectors.tests.strategies.organisations import WrittenOrganisation, merged
from hypothesis import given
from hypothesis import strategies as st

AUSTIN_DALLAS_ELPASO = {
    "a1": {"address": "192.0.2.1", "routing_group": "austin"},
    "a2": {"address": "192.0.2.2", "routing_group": "austin"},
    "d1": {"address": "192.0.2.3", "routing_group": "dallas", "local_domains": ["dallas.example"]},
    "e1": {"address": "192.0.2.4", "routing_group": "elpaso", "local_domains": ["elpaso.example"]},
}
GROUPS = [
    {"name": "dallas", "domains": ["dallas.example"]},
    {"name": "elpaso", "domains": ["elpaso.example"]},
]


def connector(name, bridgeheads, spaces, smart_hosts=(), **fields):
    return {
        "name": name,
        "bridgeheads": bridgeheads.split(),
        "address_spaces": spaces,
        "smart_hosts": list(smart_hosts),
        **fields,
    }


def link(name, bridgehead, group, smart_host, cost=1, **fields):
    return connector(
        name,
        bridgehead,
        [],
        [smart_host],
        scope="routing_group",
        connected_routing_groups=[{"name": group, "cost": cost}],
        **fields,
    )


def router_of(*connectors, hosts=None, routing_groups=None, size=None):
    hosts = AUSTIN_DALLAS_ELPASO if hosts is None else hosts
    routing_groups = GROUPS if routing_groups is None else routing_groups
    result = merged(WrittenOrganisation({"default": list(connectors)}, hosts, list(routing_groups)), size=size)
    assert result.accepted, [str(problem) for problem in result.problems.found]
    return result.router


def chain(router, host, domain):
    return [element.connector for element in router.route(host, domain).elements]


def test_exactly_one_domain_then_its_subtree_then_the_parents_then_everything():
    router = router_of(
        connector("exact", "a1", ["x.b.example;100"]),
        connector("subtree", "a1", ["*.x.b.example;50"]),
        connector("parent", "a1", ["*.b.example;20"]),
        connector("everything", "a1", ["*;1"]),
    )
    assert chain(router, "a1", "x.b.example") == ["exact"]
    assert chain(router, "a1", "y.x.b.example") == ["subtree"]
    assert chain(router, "a1", "y.b.example") == ["parent"]
    assert chain(router, "a1", "b.example") == ["parent"]
    assert chain(router, "a1", "xb.example") == ["everything"]


def test_an_exact_space_is_not_for_subdomains():
    router = router_of(connector("exact", "a1", ["b.example"]))
    assert chain(router, "a1", "b.example") == ["exact"]
    assert not chain(router, "a1", "x.b.example")


def test_equal_costs_are_decided_by_nearness_then_by_name():
    router = router_of(
        connector("b here", "a1", ["*"]),
        connector("a elsewhere in the group", "a2", ["*"]),
        connector("a here", "a1", ["*"]),
    )
    assert chain(router, "a1", "x.example") == ["a here", "b here"]
    assert router.explain("a1", "x.example")[1].why == "costs the same and is as near, but its name comes later"
    assert "in this routing group" in router.explain("a1", "x.example")[2].why


def test_a_host_that_is_no_bridgehead_hands_over():
    router = router_of(connector("out", "a1", ["*"], ["out.example"]))
    route = router.route("a2", "x.example")
    assert route.elements[0].hosts == ("a1",)
    assert route_text(route, router.organisation.connectors) == "out handed over to a1"


def test_the_path_to_another_group_counts():
    router = router_of(
        connector("far", "d1", ["*;5"], ["out.example"]),
        connector("near", "a1", ["*;20"], ["out.example"]),
        link("austin-dallas", "a2", "dallas", "192.0.2.3", 10),
    )
    route = router.route("a1", "x.example")
    assert (route.cost, route.elements[0].connector, route.elements[0].carrier) == (15, "far", "austin-dallas")
    assert route.elements[0].hosts == ("a2",)
    assert chain(router, "a1", "x.example") == ["far", "near"]


def test_a_scoped_connector_is_for_its_group_only():
    router = router_of(
        connector("far", "d1", ["*;5"], ["out.example"], scope="routing_group"),
        link("austin-dallas", "a2", "dallas", "192.0.2.3", 10),
    )
    assert not chain(router, "a1", "x.example")
    assert chain(router, "d1", "x.example") == ["far"]
    (told,) = router.explain("a1", "x.example")
    assert told.why == "is for the routing group dallas only"


def test_without_connected_groups_another_group_is_out_of_reach():
    router = router_of(connector("far", "d1", ["*"], ["out.example"]))
    assert not chain(router, "a1", "x.example")
    (told,) = router.explain("a1", "x.example")
    assert told.why == "no connected routing group leads to dallas"


def test_a_connection_of_groups_is_one_way():
    router = router_of(
        connector("austin's", "a1", ["*"], ["out.example"]),
        link("austin-dallas", "a1", "dallas", "192.0.2.3"),
    )
    assert not chain(router, "d1", "x.example")


def test_the_third_group_is_reached_through_the_second_in_two_hops():
    router = router_of(
        link("austin-dallas", "a1", "dallas", "192.0.2.3"),
        link("dallas-elpaso", "d1", "elpaso", "192.0.2.4"),
    )
    way = journey.follow(router, "a2", "elpaso.example")
    assert way.hosts == ("a2", "a1", "d1", "e1")
    assert [step.connector for step in way.steps] == ["austin-dallas", "austin-dallas", "dallas-elpaso", ""]
    assert way.outcome == "local"
    assert journey.follow(router, "a1", "dallas.example").hosts == ("a1", "d1")


def test_star_of_connected_groups_is_no_default_route():
    router = router_of(
        {**link("austin-dallas", "a1", "dallas", "192.0.2.3"), "address_spaces": ["*;7"]},
        link("dallas-elpaso", "d1", "elpaso", "192.0.2.4"),
    )
    found = router.organisation.connectors["austin-dallas"]
    assert [str(pattern) for pattern in router.expansion(found)] == ["dallas.example", "elpaso.example"]
    assert [str(pattern) for pattern in router.spaces(found)] == ["dallas.example", "elpaso.example"]
    assert not chain(router, "a1", "stranger.example")
    assert router.route("a1", "dallas.example").cost == 8
    assert router.route("a1", "elpaso.example").cost == 10


def test_of_two_ways_to_a_group_the_shorter_one_is_taken_and_the_other_backs_it_up():
    router = router_of(
        link("direct", "a1", "elpaso", "192.0.2.4", 50),
        link("austin-dallas", "a1", "dallas", "192.0.2.3", 10),
        link("dallas-elpaso", "d1", "elpaso", "192.0.2.4", 10),
    )
    assert chain(router, "a1", "elpaso.example") == ["austin-dallas", "direct"]
    assert journey.follow(router, "a1", "elpaso.example", {"d1"}).hosts == ("a1", "e1")


# Austin and Dallas are connected both ways, and each with El Paso.
RING = (
    link("a-d", "a1", "dallas", "192.0.2.3", 1),
    link("d-a", "d1", "austin", "192.0.2.1", 1),
    link("a-e", "a1", "elpaso", "192.0.2.4", 10),
    link("d-e", "d1", "elpaso", "192.0.2.4", 10),
)
RING_GROUPS = [*GROUPS, {"name": "austin", "domains": ["austin.example"]}]
RING_HOSTS = {
    name: {**host, "local_domains": ["austin.example"]} if host["routing_group"] == "austin" else host
    for name, host in AUSTIN_DALLAS_ELPASO.items()
}


def test_no_detour_to_a_group_that_is_no_nearer_to_the_goal():
    """Austin would back its way up over Dallas and Dallas over Austin, and mail would circle while El Paso is down."""
    router = router_of(*RING, hosts=RING_HOSTS, routing_groups=RING_GROUPS)
    assert chain(router, "a1", "elpaso.example") == ["a-e"]
    assert chain(router, "d1", "elpaso.example") == ["d-e"]
    assert journey.follow(router, "a2", "elpaso.example", {"e1"}).outcome == "waits"


def test_no_detour_to_a_connector_of_another_group_either():
    out = connector("out", "e1", ["x.example"], ["out.example"])
    router = router_of(*RING, out, hosts=RING_HOSTS, routing_groups=RING_GROUPS)
    assert [element.carrier for element in router.route("a1", "x.example").elements] == ["a-e"]
    assert [element.carrier for element in router.route("d1", "x.example").elements] == ["d-e"]


def test_a_local_domain_stays_local_unless_a_space_names_exactly_it():
    router = router_of(connector("wide", "d1", ["*.example", "*"], ["out.example"]))
    assert router.is_local("d1", "dallas.example")
    assert journey.follow(router, "d1", "dallas.example").outcome == "local"
    router = router_of(connector("exact", "d1", ["dallas.example"], ["out.example"]))
    assert not router.is_local("d1", "dallas.example")
    assert journey.follow(router, "d1", "dallas.example").outcome == "smart_host"
    assert not router.is_local("a1", "dallas.example")


# --- failover ---

BACKUP = (
    connector("first", "a1", ["*;1"], ["out1.example"]),
    connector("second", "a2", ["*;10"], ["out2.example"]),
)


def test_two_bridgeheads_that_back_each_other_up():
    """The first one's connector is cheaper. The second one tries it by hand-over, and only then its own."""
    router = router_of(*BACKUP)
    assert [(e.connector, e.hosts) for e in router.route("a2", "x.example").elements] == [
        ("first", ("a1",)),
        ("second", ()),
    ]
    assert chain(router, "a1", "x.example") == ["first"]
    assert journey.follow(router, "a2", "x.example", {"a1"}).steps[-1].next_hop == "[out2.example]:25"
    assert journey.follow(router, "a2", "x.example", {"out1.example"}).outcome == "waits"
    assert journey.follow(router, "a1", "x.example", {"a2", "out1.example"}).outcome == "waits"


@given(
    st.lists(st.tuples(st.sampled_from(["a1", "a2", "a1 a2"]), st.integers(1, 3)), min_size=2, max_size=5),
    st.frozensets(st.sampled_from(["a1", "a2", *(f"out{n}.example" for n in range(5))])),
)
def test_mail_between_bridgeheads_goes_or_waits_and_never_circles(carried, down):
    router = router_of(
        *(
            connector(f"c{n}", bridgeheads, [f"*;{cost}"], [f"out{n}.example"])
            for n, (bridgeheads, cost) in enumerate(carried)
        )
    )
    for host in ("a1", "a2"):
        way = journey.follow(router, host, "x.example", down)
        assert way.outcome in ("smart_host", "waits")
        assert len(set(way.hosts)) == len(way.hosts)
        if way.outcome == "smart_host":
            assert way.steps[-1].next_hop.split("]")[0].strip("[") not in down
            assert not set(way.hosts[1:]) & down


def test_smart_hosts_are_tried_in_their_order():
    router = router_of(connector("out", "a1", ["*"], ["z.example", "b.example:587"]))
    assert journey.follow(router, "a1", "x.example").steps[-1].next_hop == "[z.example]:25"
    for down in ("z.example", "[z.example]", "[z.example]:25", "z.example:25"):
        assert journey.follow(router, "a1", "x.example", {down}).steps[-1].next_hop == "[b.example]:587"
    assert journey.follow(router, "a1", "x.example", {"[z.example]:26"}).steps[-1].next_hop == "[z.example]:25"


def test_all_bridgeheads_of_a_connector_take_hand_overs():
    hosts = {**AUSTIN_DALLAS_ELPASO, "a3": {"address": "192.0.2.7", "routing_group": "austin"}}
    router = router_of(connector("out", "a1 a2", ["*"], ["out.example"]), hosts=hosts)
    assert router.route("a3", "x.example").elements[0].hosts == ("a1", "a2")
    assert journey.follow(router, "a3", "x.example", {"a1"}).hosts == ("a3", "a2")
    assert journey.follow(router, "a3", "x.example", {"a1", "a2"}).outcome == "waits"


# --- the two systems ---

EXCHANGE = {name: {**host, "system": "exchange"} for name, host in AUSTIN_DALLAS_ELPASO.items()}


def test_on_exchange_mail_stays_on_the_chosen_connector():
    router = router_of(*BACKUP, hosts=EXCHANGE)
    assert chain(router, "a1", "x.example") == ["first"]
    assert chain(router, "a2", "x.example") == ["first"]
    assert journey.follow(router, "a2", "x.example", {"a1"}).outcome == "waits"


def test_a_size_changes_the_route_on_exchange_only():
    small = {**BACKUP[0], "max_message_size": "10MB"}
    exactly, more = 10 * 1024**2, 10 * 1024**2 + 1
    assert chain(router_of(small, BACKUP[1], hosts=EXCHANGE, size=exactly), "a1", "x.example") == ["first"]
    router = router_of(small, BACKUP[1], hosts=EXCHANGE, size=more)
    assert chain(router, "a1", "x.example") == ["second"]
    assert router.explain("a1", "x.example")[0].why == "takes messages up to 10MB"
    assert chain(router_of(small, BACKUP[1], size=more), "a1", "x.example") == ["first"]


def test_a_narrower_space_of_the_other_system_is_no_reason_to_take_a_wider_own_one():
    hosts = {**AUSTIN_DALLAS_ELPASO, "a2": EXCHANGE["a2"]}
    router = router_of(connector("own", "a1", ["*"]), connector("theirs", "a2", ["x.example"]), hosts=hosts)
    route = router.route("a1", "x.example")
    assert (route.foreign, route.elements) == ("theirs", ())
    assert journey.follow(router, "a1", "x.example").outcome == "foreign"
    assert [one.why for one in router.explain("a1", "x.example")] == [
        "belongs to exchange, and this host is a postfix server",
        "the narrower space x.example of theirs comes first",
    ]
    assert chain(router, "a1", "y.example") == ["own"]


def test_a_domain_that_exchange_delivers_stays_there_though_postfix_has_a_connector_that_names_it():
    hosts = {**AUSTIN_DALLAS_ELPASO, "a2": {**EXCHANGE["a2"], "local_domains": ["contoso.example"]}}
    router = router_of(connector("inbound", "a1", ["contoso.example"], ["192.0.2.2"]), hosts=hosts)
    problems = Problems()
    journey.check_foreign(router, "a2", problems)
    assert not problems.found
    assert [journey.follow(router, host, "contoso.example").outcome for host in ("a1", "a2")] == ["local", "local"]
    assert journey.follow(router, "a1", "contoso.example").hosts == ("a1", "a2")
    own = router_of(connector("own", "a2", ["contoso.example"], ["mx.example"]), hosts=hosts)
    assert journey.follow(own, "a2", "contoso.example").outcome == "smart_host"


def test_disabled_connectors_take_part_in_nothing_but_the_explanation():
    router = router_of(connector("off", "a1", ["x.example"], enabled=False), connector("on", "a1", ["*"]))
    assert chain(router, "a1", "x.example") == ["on"]
    assert [(one.connector, one.why) for one in router.explain("a1", "x.example")] == [
        ("off", "is disabled"),
        ("on", "wins"),
    ]
