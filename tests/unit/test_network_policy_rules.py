"""NetworkPolicies as nftables rules: what a connection may do under each kind of policy."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest

from tests.support.network_policies import (
    ADDRESSES,
    NODE_IP,
    OUTSIDE,
    PORTS,
    Object,
    Table,
    label,
    namespace,
    pod,
    policy,
    random_world,
)
from tests.support.soak import soak_cases
from tools.cluster.network_policy import rules
from tools.cluster.network_policy.selectors import matches

SERVER, CLIENT, STRANGER = "10.244.0.2", "10.244.0.3", "10.244.0.4"
NAMESPACES = [namespace("default"), namespace("other", team="red")]
PODS = [
    pod("server", SERVER, labels={"app": "server"}, ports=[("http", "TCP", 8000), ("dns", "UDP", 53)]),
    pod("client", CLIENT, labels={"app": "client"}, ports=[("http", "TCP", 9000)]),
    pod("stranger", STRANGER, namespace="other", labels={"app": "client"}),
]
TO_SERVER = {"podSelector": label(app="server")}


def table(*policies: Object, pods: list[Object] = PODS) -> Table:
    return Table(rules.compile(policies, pods, NAMESPACES, NODE_IP))


def ingress(*allowed: Object) -> Object:
    return policy("server", **TO_SERVER, ingress=list(allowed))


def egress(*allowed: Object) -> Object:
    return policy("client", podSelector=label(app="client"), policyTypes=["Egress"], egress=list(allowed))


def test_without_policies_everything_passes() -> None:
    open_table = table()
    assert open_table.permits(CLIENT, SERVER, 8000)
    assert open_table.permits(STRANGER, NODE_IP, 5432)


def test_a_policy_without_rules_isolates_the_selected_pod_and_no_other() -> None:
    closed = table(ingress())
    assert not closed.permits(CLIENT, SERVER, 8000)
    assert closed.permits(SERVER, CLIENT, 9000)
    assert closed.permits(STRANGER, CLIENT, 9000)


def test_the_node_always_reaches_its_pods() -> None:
    assert table(ingress()).permits(NODE_IP, SERVER, 8000)


def test_a_pod_always_reaches_itself() -> None:
    closed = table(policy("all", policyTypes=["Ingress", "Egress"]))
    assert closed.permits(SERVER, SERVER, 8000)
    assert not closed.permits(SERVER, CLIENT, 9000)


def test_an_empty_rule_allows_everybody_on_every_port() -> None:
    assert table(ingress({})).permits(STRANGER, SERVER, 1)
    assert table(ingress({"from": [], "ports": []})).permits(OUTSIDE[1], SERVER, 1, "udp")


def test_a_pod_selector_means_pods_of_the_policys_own_namespace() -> None:
    limited = table(ingress({"from": [{"podSelector": label(app="client")}]}))
    assert limited.permits(CLIENT, SERVER, 8000)
    assert not limited.permits(STRANGER, SERVER, 8000)


def test_a_namespace_selector_means_all_pods_of_the_namespaces() -> None:
    limited = table(ingress({"from": [{"namespaceSelector": label(team="red")}]}))
    assert limited.permits(STRANGER, SERVER, 8000)
    assert not limited.permits(CLIENT, SERVER, 8000)


def test_both_selectors_in_one_peer_must_hold_and_in_two_peers_either() -> None:
    red, server = label(team="red"), label(app="server")
    both = table(ingress({"from": [{"namespaceSelector": red, "podSelector": server}]}))
    either = table(ingress({"from": [{"namespaceSelector": red}, {"podSelector": label(app="client")}]}))
    assert not both.permits(STRANGER, SERVER, 8000)
    assert either.permits(STRANGER, SERVER, 8000)
    assert either.permits(CLIENT, SERVER, 8000)


def test_a_namespace_that_is_not_known_yet_selects_nothing() -> None:
    rule = ingress({"from": [{"namespaceSelector": {}}]})
    text = rules.compile([rule], PODS, [namespace("default")], NODE_IP)
    assert not Table(text).permits(STRANGER, SERVER, 8000)


@pytest.mark.parametrize(
    ("address", "passes"), [("203.0.113.7", True), ("203.0.113.200", False), ("198.51.100.1", False)]
)
def test_an_ip_block_means_its_range_without_the_exceptions(address: str, passes: bool) -> None:
    block = {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25", "203.0.113.192/26"]}
    assert table(ingress({"from": [{"ipBlock": block}]})).permits(address, SERVER, 8000) is passes


def test_an_ipv6_block_allows_no_ipv4_address() -> None:
    assert not table(ingress({"from": [{"ipBlock": {"cidr": "::/0"}}]})).permits(CLIENT, SERVER, 8000)


@pytest.mark.parametrize(
    ("port", "number", "protocol", "passes"),
    [
        ({"port": 8000}, 8000, "tcp", True),
        ({"port": 8000}, 8001, "tcp", False),
        ({"port": 8000}, 8000, "udp", False),
        ({"port": 53, "protocol": "UDP"}, 53, "udp", True),
        ({"protocol": "UDP"}, 12345, "udp", True),
        ({"protocol": "UDP"}, 12345, "tcp", False),
        ({"port": 8000, "endPort": 8010}, 8010, "tcp", True),
        ({"port": 8000, "endPort": 8010}, 8011, "tcp", False),
        ({"port": "http"}, 8000, "tcp", True),
        ({"port": "http"}, 9000, "tcp", False),
        ({"port": "dns"}, 53, "tcp", False),  # the port of that name is UDP
        ({"port": "absent"}, 8000, "tcp", False),
        ({"port": 7, "protocol": "SCTP"}, 7, "sctp", True),
    ],
)
def test_a_port_of_an_ingress_rule(port: Object, number: int, protocol: str, passes: bool) -> None:
    assert table(ingress({"ports": [port]})).permits(CLIENT, SERVER, number, protocol) is passes


def test_a_named_port_of_an_egress_rule_is_the_peers_own() -> None:
    named = table(egress({"to": [{"podSelector": {}}], "ports": [{"port": "http"}]}))
    assert named.permits(CLIENT, SERVER, 8000)
    assert not named.permits(CLIENT, SERVER, 9000)
    assert not named.permits(CLIENT, NODE_IP, 8000)


def test_overlapping_ports_are_one_range() -> None:
    ports: list[Any] = [{"port": 8000, "endPort": 8010}, {"port": 8005}, {"port": 8011}, {"port": 443}]
    assert "tcp dport { 443, 8000-8011 }" in table(ingress({"ports": ports})).text


def test_egress_covers_processes_of_the_node() -> None:
    closed = table(egress())
    assert not closed.permits(CLIENT, NODE_IP, 5432)
    assert table(egress({"to": [{"ipBlock": {"cidr": f"{NODE_IP}/32"}}]})).permits(CLIENT, NODE_IP, 5432)


def test_both_ends_must_allow() -> None:
    into, out = ingress({"from": [{"podSelector": label(app="client")}]}), egress({"to": [TO_SERVER]})
    assert table(into, out).permits(CLIENT, SERVER, 8000)
    assert not table(into, egress()).permits(CLIENT, SERVER, 8000)
    assert not table(ingress(), out).permits(CLIENT, SERVER, 8000)


def test_policies_add_up() -> None:
    narrow = policy("narrow", **TO_SERVER, ingress=[{"ports": [{"port": 1}]}])
    wide = policy("wide", **TO_SERVER, ingress=[{"ports": [{"port": 2}]}])
    both = table(narrow, wide)
    assert both.permits(CLIENT, SERVER, 1)
    assert both.permits(CLIENT, SERVER, 2)
    assert not both.permits(CLIENT, SERVER, 3)


def test_without_policy_types_egress_is_isolated_only_by_egress_rules() -> None:
    only_ingress = table(policy("p", podSelector=label(app="client"), ingress=[]))
    with_egress = table(
        policy("p", podSelector=label(app="client"), egress=[{"to": [{"ipBlock": {"cidr": "1.1.1.1/32"}}]}])
    )
    assert only_ingress.permits(CLIENT, SERVER, 8000)
    assert not with_egress.permits(CLIENT, SERVER, 8000)
    assert not with_egress.permits(SERVER, CLIENT, 9000)


def test_policy_types_egress_leaves_ingress_open() -> None:
    assert table(egress()).permits(SERVER, CLIENT, 9000)


@pytest.mark.parametrize(
    "other",
    [
        pod("gone", CLIENT, labels={"app": "client"}, phase="Succeeded"),
        pod("node", NODE_IP, labels={"app": "client"}, host_network=True),
        pod("new", None, labels={"app": "client"}),
    ],
    ids=["ended", "in the node's network", "without an address"],
)
def test_pods_without_an_address_of_their_own_are_no_peers(other: Object) -> None:
    limited = table(ingress({"from": [{"podSelector": label(app="client")}]}), pods=[PODS[0], other])
    assert not limited.permits(CLIENT, SERVER, 8000)


def test_an_address_that_was_an_ended_pods_is_free_for_the_next() -> None:
    ended = pod("ended", CLIENT, labels={"app": "server"}, phase="Failed")
    assert table(ingress(), pods=[*PODS, ended]).permits(SERVER, CLIENT, 9000)


def test_replicas_share_one_chain() -> None:
    replicas = [pod(f"r{number}", f"10.244.0.{number}", labels={"app": "server"}) for number in range(10, 30)]
    shared = table(ingress({"from": [{"podSelector": {}}]}), pods=replicas)
    assert len(shared.maps["ingress"]) == 20
    assert len([name for name in shared.chains if name.startswith("ingress")]) == 1


def test_the_text_does_not_depend_on_the_order_of_its_input() -> None:
    policies = [ingress({"from": [{"podSelector": {}}]}), egress(), policy("third", egress=[{}])]
    forwards = rules.compile(policies, PODS, NAMESPACES, NODE_IP)
    assert rules.compile(policies[::-1], PODS[::-1], NAMESPACES[::-1], NODE_IP) == forwards


def test_the_table_is_replaced_in_one_transaction() -> None:
    lines = rules.compile([], [], [], NODE_IP).splitlines()
    assert lines[:2] == ["table inet kindo_policy", "delete table inet kindo_policy"]


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"a": "x"}}, True),
        ({"matchLabels": {"a": "y"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_label_selectors(selector: Object, selected: bool) -> None:
    assert matches(selector, {"a": "x"}) is selected


def test_an_unknown_operator_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'Like' is not one of In, NotIn"):
        matches({"matchExpressions": [{"key": "a", "operator": "Like"}]}, {})


@pytest.mark.soak
@pytest.mark.parametrize("hundreds", soak_cases(full=100, sample=4))
def test_the_table_decides_as_the_api_says(hundreds: int) -> None:
    addresses = (*ADDRESSES, NODE_IP, *OUTSIDE)
    allowed = 0
    for seed in range(100 * hundreds, 100 * (hundreds + 1)):
        world = random_world(Random(seed))
        compiled = Table(rules.compile(world.policies, world.pods, world.namespaces, NODE_IP))
        for connection in itertools.product(addresses, addresses, PORTS, ("tcp", "udp")):
            passes = compiled.permits(*connection)
            assert passes == world.permits(*connection), f"world {seed}: {connection}"
            allowed += passes
    assert 0.2 < allowed / (100 * 7 * 7 * 5 * 2) < 0.95, "the worlds are too open or too closed to tell"
