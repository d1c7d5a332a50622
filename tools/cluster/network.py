"""The instance's network namespace: no default route, one veth pair to the host, and a guard.

The host gets one interface with a /30 address and nothing else: no route, no iptables rule, no sysctl. Inside, three
rules (nftables, table `inet kindo_guard`) hold the promise that no packet to or from a pod or Service address leaves:
pods cannot be forwarded to the host (its answer would follow the host's default route), what is sent to a Service
address that nobody serves is refused, and only the node's own address may be a source on the veth.
"""

from __future__ import annotations

from pathlib import Path

from tools.cluster.commands import CommandFailed, run
from tools.paths import Instance

NETNS_DIRECTORY = Path("/run/netns")
# Names inside the namespace.
NODE_INTERFACE = "eth0"
SERVICES_BRIDGE = "services"


def create(instance: Instance) -> None:
    """Make or complete the namespace; every step may have been done by an earlier run that was interrupted."""
    if not exists(instance):
        (NETNS_DIRECTORY / instance.netns).unlink(missing_ok=True)  # a pin that lost its mount
        run("ip", "netns", "add", instance.netns)
    if not _has_interface(instance.host_interface):
        pair = f"link add {instance.host_interface} type veth peer name {NODE_INTERFACE} netns {instance.netns}"
        run("ip", *pair.split())
    run("ip", "-batch", "-", stdin=_host_side(instance))
    # Before any address exists: an IPv6 address would be one more way in and out, and the cluster is IPv4 only.
    run(*inside(instance), "sh", "-c", "for key in $0; do echo ${key#*=} > /proc/sys/net/${key%=*}; done", _SYSCTLS)
    if not _has_interface(SERVICES_BRIDGE, instance):
        run("ip", "-n", instance.netns, "link", "add", SERVICES_BRIDGE, "type", "bridge")
    run("ip", "-n", instance.netns, "-batch", "-", stdin=_node_side(instance))
    run(*inside(instance), "nft", "-f", "-", stdin=_guard(instance))


def delete(instance: Instance) -> None:
    """Remove interface and namespace; what is absent is fine. Processes inside must have ended before."""
    if _has_interface(instance.host_interface):
        try:
            run("ip", "link", "delete", instance.host_interface)
        except CommandFailed:
            # The kernel may be removing it already, with a namespace that has just lost its last process.
            if _has_interface(instance.host_interface):
                raise
    pin = NETNS_DIRECTORY / instance.netns
    if exists(instance):
        run("ip", "netns", "delete", instance.netns)
    pin.unlink(missing_ok=True)


def exists(instance: Instance) -> bool:
    return _is_mount_point(NETNS_DIRECTORY / instance.netns)


def inside(instance: Instance) -> tuple[str, ...]:
    """Command prefix. Not `ip netns exec`, which remounts /sys and so hides the cgroups."""
    return ("nsenter", f"--net={NETNS_DIRECTORY / instance.netns}")


def inode(instance: Instance) -> int | None:
    """Identity of the namespace, to be compared with ``/proc/PID/ns/net``."""
    return (NETNS_DIRECTORY / instance.netns).stat().st_ino if exists(instance) else None


# rp_filter: a Service call of a pod to itself comes back on the interface that it left.
# send_redirects: for the same reason the kernel would advise the pod to go there directly.
_SYSCTLS = " ".join(
    (
        "ipv6/conf/all/disable_ipv6=1",
        "ipv6/conf/default/disable_ipv6=1",
        "ipv4/ip_forward=1",
        "ipv4/conf/all/rp_filter=0",
        "ipv4/conf/default/rp_filter=0",
        "ipv4/conf/all/send_redirects=0",
        "ipv4/conf/default/send_redirects=0",
    )
)


def _host_side(instance: Instance) -> str:
    return f"""address replace {instance.host_ip}/30 dev {instance.host_interface}
link set {instance.host_interface} up
"""


def _node_side(instance: Instance) -> str:
    """The Service range needs a route, or local processes fail before kube-proxy's rules see the packet. It points to
    a bridge without ports; an `unreachable` route would refuse the connection at that same early moment."""
    return f"""link set lo up
link set {SERVICES_BRIDGE} up
address replace {instance.node_ip}/30 dev {NODE_INTERFACE}
link set {NODE_INTERFACE} up
route replace {instance.service_cidr} dev {SERVICES_BRIDGE} src {instance.node_ip}
"""


def _guard(instance: Instance) -> str:
    return f"""table inet kindo_guard
delete table inet kindo_guard
table inet kindo_guard {{
    chain forward {{
        type filter hook forward priority filter + 10; policy accept;
        ct state established,related accept
        oifname "{NODE_INTERFACE}" reject with icmpx admin-prohibited
        ip daddr {instance.service_cidr} reject with icmpx no-route
    }}
    chain output {{
        type filter hook output priority filter + 10; policy accept;
        ip daddr {instance.service_cidr} reject with icmpx no-route
    }}
    chain postrouting {{
        type filter hook postrouting priority srcnat + 10; policy accept;
        oifname "{NODE_INTERFACE}" ip saddr != {instance.node_ip} counter drop
    }}
}}
"""


def _has_interface(name: str, instance: Instance | None = None) -> bool:
    try:
        run("ip", *(("-n", instance.netns) if instance else ()), "link", "show", "dev", name)
    except CommandFailed:
        return False
    return True


def _is_mount_point(path: Path) -> bool:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == str(path) for line in mounts)
