"""Pure: NetworkPolicies, pods and namespaces in, the text for one `nft -f -` call out.

The table has one verdict map per direction, keyed by the address of each isolated pod. Pods to which the same rules
apply share a chain; addresses of the same peers share a set. A rule that allows returns from the chain, because both
directions must allow; the end of a chain denies.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tools.cluster.network_policy.selectors import matches

Object = Mapping[str, Any]
Direction = Literal["ingress", "egress"]

TABLE = "kindo_policy"
# Silently, as the engines of EKS and AKS do: what is forbidden looks like a timeout to the client.
DENY = "counter drop"
# The address field that a direction's peers are compared with.
PEER_FIELD: dict[Direction, str] = {"ingress": "saddr", "egress": "daddr"}


@dataclass(frozen=True)
class Pod:
    """What the rules need to know of a pod that has an address of its own."""

    namespace: str
    name: str
    addresses: tuple[str, ...]
    labels: Mapping[str, str]
    ports: tuple[tuple[str, str, int], ...]  # (name, protocol, number)


@dataclass
class _Script:
    """The parts of the table while they are collected; equal parts are made once."""

    sets: dict[str, str] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def peer_set(self, kind: str, elements: Iterable[str]) -> str:
        unique = sorted(set(elements))
        name = f"{'peers' if kind == 'ipv4_addr' else 'peer-ports'}-{_digest(unique)}"
        self.sets[name] = f"set {name} {{ type {kind}; elements = {{ {', '.join(unique)} }}; }}"
        return name

    def chain(self, direction: Direction, allows: Sequence[str]) -> str:
        lines = [*(f"{match} return" if match else "return" for match in allows), DENY]
        name = f"{direction}-{_digest(lines)}"
        self.chains[name] = lines
        return name


def compile(policies: Iterable[Object], pods: Iterable[Object], namespaces: Iterable[Object], node_ip: str) -> str:
    """The table that enforces `policies` (networking.k8s.io/v1, as JSON from the API server) on `pods`."""
    known = sorted(
        (pod for pod in (_pod(item, node_ip) for item in pods) if pod), key=lambda pod: (pod.namespace, pod.name)
    )
    namespace_labels = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces}
    ordered = sorted(policies, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"]))
    script = _Script()
    maps: dict[Direction, dict[str, str]] = {"ingress": {}, "egress": {}}
    for pod in known:
        selecting = [policy for policy in ordered if _selects(policy, pod)]
        for direction in maps:
            isolating = [policy for policy in selecting if direction in _directions(policy)]
            if not isolating:
                continue
            allows = [
                match
                for policy in isolating
                for rule in policy["spec"].get(direction) or []
                for match in _matches(rule, policy, pod, direction, known, namespace_labels, script)
            ]
            # Several policies may say the same; a rule without a condition makes all others idle.
            chain = script.chain(direction, [""] if "" in allows else list(dict.fromkeys(allows)))
            maps[direction].update(dict.fromkeys(pod.addresses, chain))
    return _text(script, maps, [address for pod in known for address in pod.addresses])


def _text(script: _Script, maps: Mapping[Direction, Mapping[str, str]], addresses: Sequence[str]) -> str:
    itself = _elements(f"{address} . {address}" for address in sorted(set(addresses)))
    lines = [
        # Declared first, so that the deletion never fails; all of the file is one transaction.
        f"table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        f"    set itself {{ type ipv4_addr . ipv4_addr;{itself} }}",
        *(f"    {line}" for _, line in sorted(script.sets.items())),
    ]
    for name, rules in sorted(script.chains.items()):
        lines += [f"    chain {name} {{", *(f"        {rule}" for rule in rules), "    }"]
    for direction, chains in maps.items():
        elements = _elements(f"{address} : jump {chain}" for address, chain in sorted(chains.items()))
        lines.append(f"    map {direction} {{ type ipv4_addr : verdict;{elements} }}")
    lines += [
        "    chain forward {",
        "        type filter hook forward priority filter; policy accept;",
        "        ct state established,related accept",
        # A pod always reaches itself, also through its Service.
        "        ip saddr . ip daddr @itself accept",
        "        ip saddr vmap @egress",
        "        ip daddr vmap @ingress",
        "    }",
        # Pods to processes of the node. The way back (hook output) is the node's own traffic: always allowed.
        "    chain input {",
        "        type filter hook input priority filter; policy accept;",
        "        ct state established,related accept",
        "        ip saddr vmap @egress",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _elements(items: Iterable[str]) -> str:
    text = ", ".join(items)
    return f" elements = {{ {text} }};" if text else ""


def _pod(item: Object, node_ip: str) -> Pod | None:
    """None for a pod that has no address of its own (not yet, no more, or the node's)."""
    spec, status = item["spec"], item.get("status") or {}
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    given = [entry["ip"] for entry in status.get("podIPs") or []] or [status.get("podIP")]
    addresses = tuple(ip for ip in given if ip and ":" not in ip and ip != node_ip)
    if not addresses:
        return None
    sidecars = [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    ports = tuple(
        (port["name"], port.get("protocol") or "TCP", port["containerPort"])
        for container in [*spec.get("containers", []), *sidecars]
        for port in container.get("ports") or []
        if port.get("name")
    )
    metadata = item["metadata"]
    return Pod(metadata["namespace"], metadata["name"], addresses, metadata.get("labels") or {}, ports)


def _selects(policy: Object, pod: Pod) -> bool:
    return policy["metadata"]["namespace"] == pod.namespace and matches(
        policy["spec"].get("podSelector") or {}, pod.labels
    )


def _directions(policy: Object) -> set[str]:
    """`policyTypes`; without it always ingress, and egress if there are egress rules."""
    spec = policy["spec"]
    if types := spec.get("policyTypes"):
        return {name.lower() for name in types}
    return {"ingress", "egress"} if spec.get("egress") else {"ingress"}


def _matches(
    rule: Object,
    policy: Object,
    subject: Pod,
    direction: Direction,
    pods: Sequence[Pod],
    namespaces: Mapping[str, Mapping[str, str]],
    script: _Script,
) -> list[str]:
    """The nft conditions, any of which allows; an empty condition allows everything."""
    peers = rule.get("from" if direction == "ingress" else "to") or []
    namespace = policy["metadata"]["namespace"]
    ports = rule.get("ports") or []
    numbered = _numbered(ports, subject if direction == "ingress" else None)
    who = _peer_conditions(peers, namespace, direction, pods, namespaces, script)
    found = [" ".join(filter(None, (one, port))) for one in who for port in numbered]
    if direction == "egress":
        candidates = [pod for pod in pods if not peers or any(_is_peer(p, namespace, pod, namespaces) for p in peers)]
        found += _named_egress(ports, candidates, script)
    return found


def _numbered(ports: Sequence[Object], subject: Pod | None) -> list[str]:
    """Conditions on the port. A named port of an ingress rule means the port of that name of the selected pod;
    those of an egress rule depend on the peer and are left to `_named_egress`."""
    if not ports:
        return [""]
    wanted: dict[str, list[str]] = {}
    any_port: list[str] = []
    for entry in ports:
        protocol, port = (entry.get("protocol") or "TCP").lower(), entry.get("port")
        if port is None:
            any_port.append(protocol)
        elif isinstance(port, int):
            end = entry.get("endPort")
            wanted.setdefault(protocol, []).append(f"{port}-{end}" if end and end != port else str(port))
        elif subject:
            numbers = _port_numbers(subject, port, protocol)
            wanted.setdefault(protocol, []).extend(str(number) for number in numbers)
    conditions = [f"meta l4proto {protocol}" for protocol in dict.fromkeys(any_port)]
    for protocol, spans in wanted.items():
        if spans and protocol not in any_port:
            conditions.append(f"{protocol} dport {{ {', '.join(_merged(spans))} }}")
    return conditions


def _merged(ranges: Sequence[str]) -> list[str]:
    """Ports and ranges without overlap, which nft refuses in a set."""
    spans = sorted((int(first), int(last or first)) for first, _, last in (one.partition("-") for one in ranges))
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return [str(first) if first == last else f"{first}-{last}" for first, last in merged]


def _named_egress(ports: Sequence[Object], peers: Sequence[Pod], script: _Script) -> list[str]:
    """A named port of an egress rule is looked up in each peer: pairs of address and port."""
    pairs: dict[str, list[str]] = {}
    for entry in ports:
        if isinstance(entry.get("port"), str):
            protocol = (entry.get("protocol") or "TCP").lower()
            pairs.setdefault(protocol, []).extend(
                f"{address} . {number}"
                for pod in peers
                for number in _port_numbers(pod, entry["port"], protocol)
                for address in pod.addresses
            )
    return [
        f"ip daddr . {protocol} dport @{script.peer_set('ipv4_addr . inet_service', elements)}"
        for protocol, elements in pairs.items()
        if elements
    ]


def _port_numbers(pod: Pod, name: str, protocol: str) -> list[int]:
    return sorted({number for label, kind, number in pod.ports if label == name and kind.lower() == protocol})


def _peer_conditions(
    peers: Sequence[Object],
    namespace: str,
    direction: Direction,
    pods: Sequence[Pod],
    namespaces: Mapping[str, Mapping[str, str]],
    script: _Script,
) -> list[str]:
    """Conditions on the other side's address; none at all (an empty list) if no peer exists now."""
    if not peers:
        return [""]
    address = f"ip {PEER_FIELD[direction]}"
    conditions = [_block_condition(peer["ipBlock"], address) for peer in peers if peer.get("ipBlock")]
    selected = [
        ip
        for pod in pods
        if any(not peer.get("ipBlock") and _is_peer(peer, namespace, pod, namespaces) for peer in peers)
        for ip in pod.addresses
    ]
    if selected:
        conditions.append(f"{address} @{script.peer_set('ipv4_addr', selected)}")
    return [condition for condition in conditions if condition is not None]


def _block_condition(block: Object, address: str) -> str | None:
    """None for an IPv6 block: the cluster has IPv4 addresses only."""
    network = ipaddress.ip_network(block["cidr"], strict=False)
    if network.version != 4:
        return None
    # A match of every IPv4 address still says `ip`, or it would be no condition and allow other families.
    parts = [f"{address} {network}" if network.prefixlen else "meta nfproto ipv4"]
    holes = [ipaddress.ip_network(hole, strict=False) for hole in block.get("except") or []]
    collapsed = ipaddress.collapse_addresses(hole for hole in holes if isinstance(hole, ipaddress.IPv4Network))
    if text := ", ".join(map(str, collapsed)):
        parts.append(f"{address} != {{ {text} }}")
    return " ".join(parts)


def _is_peer(peer: Object, namespace: str, pod: Pod, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether one entry of `from` or `to`, in a policy of `namespace`, means this pod."""
    if block := peer.get("ipBlock"):
        return any(_in_block(address, block) for address in pod.addresses)
    among, which = peer.get("namespaceSelector"), peer.get("podSelector")
    if among is None:
        if pod.namespace != namespace:
            return False
    elif pod.namespace not in namespaces or not matches(among, namespaces[pod.namespace]):
        return False
    return which is None or matches(which, pod.labels)


def _in_block(address: str, block: Object) -> bool:
    ip = ipaddress.ip_address(address)
    holes = block.get("except") or []
    return ip in ipaddress.ip_network(block["cidr"], strict=False) and not any(
        ip in ipaddress.ip_network(hole, strict=False) for hole in holes
    )


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
