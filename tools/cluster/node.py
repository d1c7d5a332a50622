"""The node: containerd with its CNI chain, kubelet and kube-proxy."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path

from tools.cluster import cgroups, mount_namespace, network_policy
from tools.cluster.certificates import Certificates
from tools.cluster.components import Component, answers, system_program
from tools.cluster.control_plane import kubeconfig_file
from tools.paths import Instance, bin_dir

# Debian's containernetworking-plugins; other systems use /opt/cni/bin.
PLUGIN_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
PLUGINS = ("loopback", "ptp", "host-local", "portmap")


def containerd(instance: Instance, sandbox_image: str) -> Component:
    binary = system_program("containerd")
    configuration = instance.state_dir / "config" / "containerd.toml"
    # The longest of containerd's sockets; the kernel takes 107 characters.
    if len(f"{instance.containerd_socket}.ttrpc") > 107:
        raise ValueError(
            f"The path {instance.containerd_socket} is too long for a Unix socket. Set KINDO_MODELS_STATE to a shorter"
            " folder, for example /var/lib/kindo-models."
        )
    return Component(
        instance,
        "containerd",
        (*mount_namespace.inside(instance), binary, f"--config={configuration}"),
        healthy=lambda: _accepts(instance.containerd_socket),
        files={configuration: _containerd_toml(instance, sandbox_image), **_cni_files(instance)},
        programs=(binary,),
    )


def kubelet(instance: Instance) -> Component:
    binary = bin_dir() / "kubelet"
    configuration = instance.state_dir / "config" / "kubelet.json"
    files = kubeconfig_file(instance, "kubelet")
    (kubeconfig,) = files
    return Component(
        instance,
        "kubelet",
        (
            *mount_namespace.inside(instance),
            binary,
            f"--config={configuration}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={instance.state_dir / 'kubelet'}",
            f"--hostname-override={node_name(instance)}",
            f"--node-ip={instance.node_ip}",
        ),
        healthy=lambda: answers(f"http://{instance.node_ip}:10248/healthz"),
        files={
            **files,
            configuration: _kubelet_json(instance),
            # No name server: a pod asks the cluster's DNS or nobody.
            _resolv_conf(instance): "",
        },
        programs=(binary,),
    )


def kube_proxy(instance: Instance) -> Component:
    binary = bin_dir() / "kube-proxy"
    configuration = instance.state_dir / "config" / "kube-proxy.json"
    files = kubeconfig_file(instance, "kube-proxy")
    (kubeconfig,) = files
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": node_name(instance),
        "clusterCIDR": instance.pod_cidr,
        "detectLocalMode": "ClusterCIDR",
        "bindAddress": instance.node_ip,
        "healthzBindAddress": f"{instance.node_ip}:10256",
        "metricsBindAddress": f"{instance.node_ip}:10249",
        "iptables": {"minSyncPeriod": "50ms", "syncPeriod": "30s", "localhostNodePorts": False},
        # Zero: leave the machine's connection tracking table as it is.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
    return Component(
        instance,
        "kube-proxy",
        (binary, f"--config={configuration}"),
        healthy=lambda: answers(f"http://{instance.node_ip}:10256/healthz"),
        files={**files, configuration: json.dumps(settings, indent=2)},
        programs=(binary,),
    )


def node_name(instance: Instance) -> str:
    return instance.netns


def link_plugins(instance: Instance) -> None:
    """containerd takes one folder of CNI plugins: the system's and our own, side by side."""
    directory = _cni(instance) / "bin"
    directory.mkdir(parents=True, exist_ok=True)
    source = next((path for path in PLUGIN_DIRECTORIES if (path / "ptp").exists()), None)
    if source is None:
        raise FileNotFoundError(
            "The CNI plugins are not installed (looked for `ptp` in "
            f"{', '.join(map(str, PLUGIN_DIRECTORIES))}); `make setup` installs containernetworking-plugins."
        )
    for name in PLUGINS:
        link = directory / name
        link.unlink(missing_ok=True)
        link.symlink_to(source / name)
    own = directory / network_policy.PLUGIN
    # Isolated (-I) and without site packages (-S): the standard library is enough, and starts in 20 ms.
    own.write_text(f"#!{Path(sys.executable).resolve()} -IS\n" + network_policy.PLUGIN_SOURCE.read_text())
    own.chmod(0o755)


def forget_pods(instance: Instance) -> None:
    """Drop what lay in memory on a real machine (task state, pod addresses), as a reboot would; images stay."""
    for path in (_containerd(instance) / "state", _cni(instance) / "addresses", network_policy.registrations(instance)):
        shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(mount_namespace.covers(instance), ignore_errors=True)


def _containerd(instance: Instance) -> Path:
    return instance.containerd_socket.parent


def _cni(instance: Instance) -> Path:
    return instance.state_dir / "cni"


def _resolv_conf(instance: Instance) -> Path:
    return instance.state_dir / "config" / "resolv.conf"


def _containerd_toml(instance: Instance, sandbox_image: str) -> str:
    directory = _containerd(instance)
    quoted = json.dumps
    return f"""version = 2
root = {quoted(str(directory / "root"))}
state = {quoted(str(directory / "state"))}
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]

[plugins."io.containerd.internal.v1.opt"]
  path = {quoted(str(directory / "opt"))}

[grpc]
  address = {quoted(str(instance.containerd_socket))}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {quoted(sandbox_image)}
  # The machine may lack CAP_SYS_RESOURCE, without which a score cannot be lowered and no sandbox would start.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = {quoted(str(_cni(instance) / "bin"))}
    conf_dir = {quoted(str(_cni(instance) / "net.d"))}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = {quoted(_snapshotter(directory))}
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def _snapshotter(directory: Path) -> str:
    """overlayfs cannot lie on overlayfs (a development container); `native` copies, which is slow but works."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    containing = [mount for mount in mounts if existing.is_relative_to(mount[1])]
    return "native" if max(containing, key=lambda mount: len(mount[1]))[2] == "overlay" else "overlayfs"


def _cni_files(instance: Instance) -> dict[Path, str]:
    """`ptp` rather than `bridge`: every packet of a pod is routed, so that it passes the forward hook where
    NetworkPolicies are enforced, without the br_netfilter module. Our plugin comes last: it holds a pod back until the
    rules of its address are in force."""
    chain = {
        "cniVersion": "0.4.0",
        "name": "kindo",
        "plugins": [
            {
                "type": "ptp",
                "mtu": 1500,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(_cni(instance) / "addresses"),
                    "ranges": [[{"subnet": instance.pod_cidr}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
            {"type": network_policy.PLUGIN, "socket": str(network_policy.socket_path(instance))},
        ],
    }
    return {_cni(instance) / "net.d" / "10-kindo.conflist": json.dumps(chain, indent=2)}


def _kubelet_json(instance: Instance) -> str:
    pki = Certificates(instance)
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": instance.node_ip,
            "healthzBindAddress": instance.node_ip,
            "readOnlyPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki.ca)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki.certificate("node-serving")),
            "tlsPrivateKeyFile": str(pki.key("node-serving")),
            "containerRuntimeEndpoint": f"unix://{instance.containerd_socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroups.name(instance)}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [instance.dns_ip],
            "clusterDomain": "cluster.local",
            "resolvConf": str(_resolv_conf(instance)),
            "podLogsDir": str(instance.state_dir / "pod-logs"),
            "volumePluginDir": str(instance.state_dir / "kubelet" / "volume-plugins"),
            "nodeStatusUpdateFrequency": "2s",
            "nodeStatusReportFrequency": "1m",
            "eventRecordQPS": 0,
            "kubeAPIQPS": 100,
            "kubeAPIBurst": 200,
            # The images cannot be pulled again, and the disk is the user's own: kubelet removes and evicts nothing.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
                "imagefs.available": "0%",
                "imagefs.inodesFree": "0%",
            },
        },
        indent=2,
    )


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(str(path))
    return True
