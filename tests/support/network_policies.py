"""NetworkPolicies in tests: short ways to write them, a reader of the compiled table, and the same rules told anew.

`Table` follows a packet through the nft text as the kernel would. `Reference` decides the same question straight from
the policies, pair by pair and without any table, so that the two can be compared.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

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


# --- random worlds, small so that selectors, ports and addresses often meet something

ADDRESSES = [f"10.244.0.{number}" for number in range(2, 6)]
PORTS = (53, 80, 8000, 8001, 8080)
_LABELS = [{}, {"a": "x"}, {"a": "y"}, {"b": "x"}, {"a": "x", "b": "y"}]
_SELECTORS: list[Object] = [
    {},
    {},
    label(a="x"),
    label(b="y"),
    {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "z"]}]},
    {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]},
    {"matchExpressions": [{"key": "b", "operator": "Exists"}, {"key": "a", "operator": "DoesNotExist"}]},
]
_BLOCKS: list[Object] = [
    {"cidr": "0.0.0.0/0"},
    {"cidr": "10.244.0.0/24", "except": ["10.244.0.4/31", "10.244.0.5/32"]},
    {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "198.18.0.0/15"]},
    {"cidr": "203.0.113.0/24"},
    {"cidr": f"{NODE_IP}/32"},
    {"cidr": "2001:db8::/32"},
]
_POLICY_PORTS: list[Object] = [
    {},
    {"protocol": "UDP"},
    {"port": 80},
    {"port": 53, "protocol": "UDP"},
    {"port": "http"},
    {"port": "http"},
    {"port": "dns", "protocol": "UDP"},
    {"port": "dns"},
    {"port": 8000, "endPort": 8001},
    {"port": 8001, "endPort": 8080},
]
_POD_PORTS = [("http", "TCP", 80), ("http", "TCP", 8000), ("dns", "UDP", 53), ("dns", "TCP", 8080)]


def random_world(random: Random) -> Reference:
    """Up to four pods and three policies of every kind."""
    choose = random.choice
    pods = []
    for number, address in enumerate(ADDRESSES[: random.randint(2, 4)]):
        host = random.random() < 0.1
        pods.append(
            pod(
                f"pod-{number}",
                NODE_IP if host else address,
                namespace=choose(["default", "other"]),
                labels=choose(_LABELS),
                ports=[choose(_POD_PORTS)],
                phase=choose(["Running"] * 8 + ["Succeeded", "Failed"]),
                host_network=host,
            )
        )
    return Reference(
        [_random_policy(random, number) for number in range(random.randint(1, 3))],
        pods,
        [namespace("default", **choose(_LABELS)), namespace("other", **choose(_LABELS))],
    )


def _random_policy(random: Random, number: int) -> Object:
    def rules(among: str) -> list[Object]:
        return [
            {
                among: [_random_peer(random) for _ in range(random.randint(0, 2))],
                "ports": random.sample(_POLICY_PORTS, random.randint(0, 2)),
            }
            for _ in range(random.randint(0, 2))
        ]

    spec = {
        "podSelector": random.choice(_SELECTORS),
        "policyTypes": random.choice([[], ["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        "ingress": rules("from"),
        "egress": rules("to"),
    }
    return policy(f"policy-{number}", namespace=random.choice(["default", "other"]), **spec)


def _random_peer(random: Random) -> Object:
    kind = random.choice(["block", "pods", "namespaces", "both"])
    if kind == "block":
        return {"ipBlock": random.choice(_BLOCKS)}
    selectors = {"podSelector": random.choice(_SELECTORS), "namespaceSelector": random.choice(_SELECTORS)}
    return {key: value for key, value in selectors.items() if kind == "both" or key.startswith(kind.rstrip("s"))}
