"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler: their commands and their health."""

from __future__ import annotations

from pathlib import Path

from tools.cluster.certificates import Certificates, server
from tools.cluster.components import Component, answers
from tools.paths import PORTS, Instance, bin_dir

# etcd listens without TLS, but on the loopback of the namespace, which no pod and no host process reaches.
ETCD = "http://127.0.0.1:2379"


def etcd(instance: Instance) -> Component:
    binary = bin_dir() / "etcd"
    data = instance.state_dir / "etcd"
    metrics = f"http://{instance.node_ip}:2381"
    return Component(
        instance,
        "etcd",
        (
            binary,
            f"--name={instance.netns}",
            f"--data-dir={data}",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            f"--initial-cluster={instance.netns}=http://127.0.0.1:2380",
            f"--listen-metrics-urls={metrics}",
            # One member: it elects itself, at once.
            "--heartbeat-interval=50",
            "--election-timeout=250",
            "--log-level=warn",
        ),
        healthy=lambda: answers(f"{metrics}/health"),
        programs=(binary,),
    )


def apiserver(instance: Instance) -> Component:
    binary = bin_dir() / "kube-apiserver"
    pki = Certificates(instance)
    return Component(
        instance,
        "kube-apiserver",
        (
            binary,
            f"--etcd-servers={ETCD}",
            f"--bind-address={instance.node_ip}",
            f"--advertise-address={instance.node_ip}",
            f"--secure-port={PORTS['kubernetes']}",
            f"--service-cluster-ip-range={instance.service_cidr}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--client-ca-file={pki.ca}",
            f"--tls-cert-file={pki.certificate('apiserver')}",
            f"--tls-private-key-file={pki.key('apiserver')}",
            f"--kubelet-certificate-authority={pki.ca}",
            f"--kubelet-client-certificate={pki.certificate('apiserver-kubelet-client')}",
            f"--kubelet-client-key={pki.key('apiserver-kubelet-client')}",
            # The node's name is known to no DNS.
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki.service_account_public_key}",
            f"--service-account-signing-key-file={pki.service_account_key}",
            "--profiling=false",
        ),
        healthy=lambda: answers(f"{server(instance)}/readyz", pki.ca),
        programs=(binary,),
    )


def controller_manager(instance: Instance) -> Component:
    pki = Certificates(instance)
    return _controller(
        instance,
        "kube-controller-manager",
        "controller-manager",
        10257,
        (
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={pki.service_account_key}",
            f"--root-ca-file={pki.ca}",
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={instance.pod_cidr}",
            "--node-cidr-mask-size=24",
            f"--service-cluster-ip-range={instance.service_cidr}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ),
    )


def scheduler(instance: Instance) -> Component:
    return _controller(instance, "kube-scheduler", "scheduler", 10259, ("--kube-api-qps=200", "--kube-api-burst=400"))


def kubeconfig_file(instance: Instance, identity: str) -> dict[Path, str]:
    """The kubeconfig of one component, as a file to write."""
    return {instance.state_dir / "config" / f"{identity}.kubeconfig": Certificates(instance).kubeconfig(identity)}


def _controller(instance: Instance, name: str, identity: str, port: int, more: tuple[str, ...]) -> Component:
    binary = bin_dir() / name
    pki = Certificates(instance)
    files = kubeconfig_file(instance, identity)
    (path,) = files
    return Component(
        instance,
        name,
        (
            binary,
            f"--kubeconfig={path}",
            f"--authentication-kubeconfig={path}",
            f"--authorization-kubeconfig={path}",
            # Without a given certificate it spends its first moments on making an RSA key.
            f"--tls-cert-file={pki.certificate('node-serving')}",
            f"--tls-private-key-file={pki.key('node-serving')}",
            f"--bind-address={instance.node_ip}",
            f"--secure-port={port}",
            "--leader-elect=false",
            "--authentication-tolerate-lookup-failure=true",
            "--profiling=false",
            *more,
        ),
        healthy=lambda: answers(f"https://{instance.node_ip}:{port}/healthz", pki.ca),
        files=files,
        programs=(binary,),
    )
