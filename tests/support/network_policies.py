"""NetworkPolicies in tests: short ways to write them, a reader of the compiled table, and the same rules told anew.

`Table` follows a packet through the nft text as the kernel would. `Reference` decides the same question straight from
the policies, pair by pair and without any table, so that the two can be compared.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

NODE_IP = "198.18.78.2"
OUTSIDE = ("198.18.78.1", "203.0.113.7")
Object = dict[str, Any]


def pod(
    name: str,
    address: str | None,
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    ports: Iterable[tuple[str, str, int]] = (),
    phase: str = "Running",
    host_network: bool = False,
) -> Object:
    container = {"name": "c", "ports": [{"name": n, "protocol": p, "containerPort": c} for n, p, c in ports]}
    status: Object = {"phase": phase}
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
        "spec": {"containers": [container], "hostNetwork": host_network},
        "status": status,
    }


def namespace(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}}


def policy(name: str, *, namespace: str = "default", **spec: Any) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def label(**labels: str) -> Object:
    return {"matchLabels": labels}


@dataclass
class Table:
    """The compiled text, read back."""

    text: str
    sets: dict[str, set[str]] = field(default_factory=dict)
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        current = ""
        for line in map(str.strip, self.text.splitlines()):
            if match := re.match(r"(set|map) (\S+) \{ type [^;]+;(?: elements = \{ (.*) \};)? \}", line):
                kind, name, elements = match.groups()
                items = elements.split(", ") if elements else []
                if kind == "set":
                    self.sets[name] = set(items)
                else:
                    pairs = (item.split(" : jump ") for item in items)
                    self.maps[name] = {address: chain for address, chain in pairs}  # noqa: C416
            elif match := re.match(r"chain (\S+) \{", line):
                current = match[1]
                self.chains[current] = []
            elif current and line not in ("}", ""):
                self.chains[current].append(line)

    def permits(self, source: str, destination: str, port: int, protocol: str = "tcp") -> bool:
        """Whether the first packet of a connection passes."""
        if source == NODE_IP:
            return True  # hook output, where the table has no chain
        hook = "input" if destination == NODE_IP else "forward"
        return self._passes(hook, {"saddr": source, "daddr": destination, "port": str(port), "protocol": protocol})

    def _passes(self, chain: str, packet: Mapping[str, str]) -> bool:
        for line in self.chains[chain]:
            if line.startswith(("type filter", "ct state established")):
                continue
            if line == "ip saddr . ip daddr @itself accept":
                if f"{packet['saddr']} . {packet['daddr']}" in self.sets["itself"]:
                    return True
            elif match := re.fullmatch(r"ip (saddr|daddr) vmap @(\S+)", line):
                target = self.maps[match[2]].get(packet[match[1]])
                if target and not self._passes(target, packet):
                    return False
            elif line == "counter drop":
                return False
            elif line == "return" or (line.endswith(" return") and self._holds(line.removesuffix(" return"), packet)):
                return True
            else:
                assert line.endswith(" return"), f"the reader does not know {line!r}"
        return True

    def _holds(self, condition: str, packet: Mapping[str, str]) -> bool:
        parts = re.findall(
            r"ip daddr \. \w+ dport @\S+|ip [sd]addr (?:!= )?(?:\{[^}]*\}|\S+)|\w+ dport \{[^}]*\}|meta \S+ \S+",
            condition,
        )
        assert " ".join(parts) == condition, f"the reader does not know {condition!r}"
        return all(self._part_holds(part, packet) for part in parts)

    def _part_holds(self, part: str, packet: Mapping[str, str]) -> bool:
        if match := re.fullmatch(r"ip daddr \. (\w+) dport @(\S+)", part):
            return packet["protocol"] == match[1] and f"{packet['daddr']} . {packet['port']}" in self.sets[match[2]]
        if match := re.fullmatch(r"ip (saddr|daddr) (!= )?(.+)", part):
            address = packet[match[1]]
            if match[3].startswith("@"):
                found = address in self.sets[match[3][1:]]
            else:
                blocks = match[3].strip("{ }").split(", ")
                found = any(ipaddress.ip_address(address) in ipaddress.ip_network(block) for block in blocks)
            return found != bool(match[2])
        if match := re.fullmatch(r"(\w+) dport \{ (.+) \}", part):
            spans = [[int(end) for end in span.split("-")] for span in match[2].split(", ")]
            return packet["protocol"] == match[1] and any(s[0] <= int(packet["port"]) <= s[-1] for s in spans)
        if match := re.fullmatch(r"meta l4proto (\w+)", part):
            return packet["protocol"] == match[1]
        assert part == "meta nfproto ipv4", f"the reader does not know {part!r}"
        return True


@dataclass(frozen=True)
class Reference:
    """The rules of networking.k8s.io/v1 for one connection at a time."""

    policies: list[Object]
    pods: list[Object]
    namespaces: list[Object]

    def permits(self, source: str, destination: str, port: int, protocol: str = "tcp") -> bool:
        if source in (destination, NODE_IP):
            return True
        sender, receiver = self._pod_at(source), self._pod_at(destination)
        goes_out = sender is None or self._allowed(sender, "Egress", receiver, destination, receiver, port, protocol)
        if destination == NODE_IP:
            return goes_out
        return goes_out and (
            receiver is None or self._allowed(receiver, "Ingress", sender, source, receiver, port, protocol)
        )

    def _pod_at(self, address: str) -> Object | None:
        for item in self.pods:
            live = item["status"]["phase"] not in ("Succeeded", "Failed") and not item["spec"]["hostNetwork"]
            if live and item["status"].get("podIP") == address:
                return item
        return None

    def _allowed(
        self,
        subject: Object,
        direction: str,
        peer: Object | None,
        peer_address: str,
        receiver: Object | None,
        port: int,
        protocol: str,
    ) -> bool:
        isolating = [
            item
            for item in self.policies
            if item["metadata"]["namespace"] == subject["metadata"]["namespace"]
            and _selected(item["spec"]["podSelector"], subject["metadata"]["labels"])
            and direction in (item["spec"].get("policyTypes") or self._default_types(item))
        ]
        if not isolating:
            return True
        key, among = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        return any(
            (not rule.get(among) or any(self._is(p, item, peer, peer_address) for p in rule[among]))
            and (not rule.get("ports") or any(_port_is(p, receiver, port, protocol) for p in rule["ports"]))
            for item in isolating
            for rule in item["spec"].get(key) or []
        )

    def _default_types(self, item: Object) -> list[str]:
        return ["Ingress", "Egress"] if item["spec"].get("egress") else ["Ingress"]

    def _is(self, peer: Object, item: Object, other: Object | None, address: str) -> bool:
        if "ipBlock" in peer:
            ip = ipaddress.ip_address(address)
            holes = peer["ipBlock"].get("except", [])
            return ip in ipaddress.ip_network(peer["ipBlock"]["cidr"]) and not any(
                ip in ipaddress.ip_network(hole) for hole in holes
            )
        if other is None:
            return False
        where = other["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            labels = next((n["metadata"]["labels"] for n in self.namespaces if n["metadata"]["name"] == where), None)
            if labels is None or not _selected(peer["namespaceSelector"], labels):
                return False
        elif where != item["metadata"]["namespace"]:
            return False
        return "podSelector" not in peer or _selected(peer["podSelector"], other["metadata"]["labels"])


def _selected(selector: Object, labels: Mapping[str, str]) -> bool:
    def holds(expression: Object) -> bool:
        has, value = expression["key"] in labels, labels.get(expression["key"])
        return {
            "In": has and value in expression.get("values", []),
            "NotIn": not has or value not in expression.get("values", []),
            "Exists": has,
            "DoesNotExist": not has,
        }[expression["operator"]]

    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        map(holds, selector.get("matchExpressions", []))
    )


def _port_is(entry: Object, receiver: Object | None, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP").lower() != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        named = receiver["spec"]["containers"][0]["ports"] if receiver else []
        return any(
            p["name"] == wanted and p["containerPort"] == port and p["protocol"].lower() == protocol for p in named
        )
    return bool(wanted <= port <= entry.get("endPort", wanted))


# --- every kind of policy over a small world, so that selectors often meet something

ADDRESSES = [f"10.244.0.{number}" for number in range(2, 8)]
PORTS = (53, 80, 8000, 8001, 8080)
_names, _values = st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"])
_labels = st.dictionaries(_names, _values, max_size=2)
_namespaces = st.sampled_from(["default", "other"])
_expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": _names,
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(_values, min_size=1, max_size=2),
        }
    ),
    st.fixed_dictionaries({"key": _names, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
_selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": _labels, "matchExpressions": st.lists(_expressions, max_size=2)}
)
_blocks = st.sampled_from(
    [
        {"cidr": "0.0.0.0/0"},
        {"cidr": "10.244.0.0/24", "except": ["10.244.0.4/31", "10.244.0.5/32"]},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "198.18.0.0/15"]},
        {"cidr": "203.0.113.0/24"},
        {"cidr": f"{NODE_IP}/32"},
        {"cidr": "2001:db8::/32"},
    ]
)
_peers = st.one_of(
    st.fixed_dictionaries({"ipBlock": _blocks}),
    st.fixed_dictionaries({"podSelector": _selectors}),
    st.fixed_dictionaries({"namespaceSelector": _selectors}),
    st.fixed_dictionaries({"namespaceSelector": _selectors, "podSelector": _selectors}),
)
_policy_ports = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(["TCP", "UDP"])}),
    st.fixed_dictionaries({"port": st.sampled_from([80, 53, "http", "dns"])}, optional={"protocol": st.just("UDP")}),
    st.fixed_dictionaries({"port": st.just(8000), "endPort": st.sampled_from([8000, 8001, 8080])}),
)


def _rules(among: str) -> st.SearchStrategy[list[Object]]:
    parts: dict[Any, st.SearchStrategy[Any]] = {
        among: st.lists(_peers, max_size=2),
        "ports": st.lists(_policy_ports, max_size=3),
    }
    return st.lists(st.fixed_dictionaries({}, optional=parts), max_size=2)


_policies = st.builds(
    lambda where, spec: policy("p", namespace=where, **spec),
    _namespaces,
    st.fixed_dictionaries(
        {"podSelector": _selectors},
        optional={
            "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
            "ingress": _rules("from"),
            "egress": _rules("to"),
        },
    ),
)
_named_ports = st.lists(
    st.sampled_from([("http", "TCP", 80), ("http", "TCP", 8000), ("dns", "UDP", 53)]),
    max_size=2,
    unique_by=lambda p: p[0],
)
_pods = st.lists(
    st.builds(
        lambda where, labels, ports, phase, host: {
            "namespace": where,
            "labels": labels,
            "ports": ports,
            "phase": phase,
            "host_network": host,
        },
        _namespaces,
        _labels,
        _named_ports,
        st.sampled_from(["Running", "Running", "Running", "Succeeded"]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=len(ADDRESSES),
).map(
    lambda many: [
        pod(f"pod-{number}", NODE_IP if one["host_network"] else ADDRESSES[number], **one)
        for number, one in enumerate(many)
    ]
)
worlds = st.builds(
    lambda policies, pods, labels: Reference(
        policies, pods, [namespace("default", **labels[0]), namespace("other", **labels[1])]
    ),
    st.lists(_policies, max_size=4),
    _pods,
    st.tuples(_labels, _labels),
)
