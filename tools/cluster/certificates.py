"""The cluster's certificates: one CA, serving certificates for API server and node, one identity per client.

Made once and kept; made anew when one of them is missing, expires within a month or is wanted with another content.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tools.paths import PORTS, Instance

LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)

# First address of the Service range, under which pods know the API server.
API_SERVICE_IP = "10.96.0.1"
ADMIN = "admin"
NODE_AGENT = "node-agent"
NODE_AGENT_USER = "kindo-models:node-agent"


@dataclass(frozen=True)
class Leaf:
    """One certificate: a client identity (user and groups), or a serving certificate when it has addresses."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificates:
    instance: Instance

    @property
    def directory(self) -> Path:
        return self.instance.state_dir / "pki"

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def service_account_key(self) -> Path:
        return self.directory / "service-account.key"

    @property
    def service_account_public_key(self) -> Path:
        return self.directory / "service-account.pub"

    def certificate(self, file: str) -> Path:
        return self.directory / f"{file}.crt"

    def key(self, file: str) -> Path:
        return self.directory / f"{file}.key"

    def ensure(self) -> None:
        """Make what is missing. The marker is written last, so an interrupted run starts over."""
        leaves = _leaves(self.instance)
        wanted = hashlib.sha256(json.dumps([asdict(leaf) for leaf in leaves]).encode()).hexdigest()
        marker = self.directory / "complete.json"
        try:
            made = json.loads(marker.read_text())
            if made["leaves"] == wanted and datetime.fromisoformat(made["expires"]) > datetime.now(UTC) + RENEW_BEFORE:
                return
        except (FileNotFoundError, ValueError, KeyError):
            pass
        marker.unlink(missing_ok=True)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        expires = datetime.now(UTC) + LIFETIME
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _authority(self.instance, ca_key, expires)
        _write_private(self.directory / "ca.key", _pem(ca_key))
        self.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        for leaf in leaves:
            key = ec.generate_private_key(ec.SECP256R1())
            _write_private(self.key(leaf.file), _pem(key))
            signed = _sign(leaf, key, ca, ca_key, expires)
            self.certificate(leaf.file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        self._ensure_service_account_key()
        marker.write_text(json.dumps({"leaves": wanted, "expires": expires.isoformat()}))

    def _ensure_service_account_key(self) -> None:
        """Kept when certificates are renewed: tokens that are in use stay valid."""
        if not self.service_account_key.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            self.service_account_public_key.write_bytes(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
            _write_private(self.service_account_key, _pem(key))

    def kubeconfig(self, file: str, *, embedded: bool = False) -> str:
        """Text of a kubeconfig for the client identity `file`; `embedded` makes it independent of the pki folder."""

        def material(key: str, path: Path) -> dict[str, str]:
            if embedded:
                return {f"{key}-data": base64.b64encode(path.read_bytes()).decode()}
            return {key: str(path)}

        cluster = {"server": server(self.instance), **material("certificate-authority", self.ca)}
        user = {
            **material("client-certificate", self.certificate(file)),
            **material("client-key", self.key(file)),
        }
        name = self.instance.netns
        # JSON is YAML too, and needs no library.
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": name, "cluster": cluster}],
                "users": [{"name": file, "user": user}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": file}}],
                "current-context": name,
            },
            indent=2,
        )


def server(instance: Instance) -> str:
    """The API server's address, for the host and for the node alike."""
    return f"https://{instance.node_ip}:{PORTS['kubernetes']}"


def write_private(path: Path, text: str) -> None:
    """Write a file that only root may read, never readable by others in between."""
    _write_private(path, text.encode())


def _leaves(instance: Instance) -> list[Leaf]:
    node = instance.netns
    return [
        Leaf(
            "apiserver",
            "kube-apiserver",
            addresses=(instance.node_ip, API_SERVICE_IP, "127.0.0.1"),
            names=(
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
                "localhost",
            ),
        ),
        Leaf("node-serving", node, addresses=(instance.node_ip, "127.0.0.1"), names=(node, "localhost")),
        Leaf("apiserver-kubelet-client", "kube-apiserver-kubelet-client"),
        Leaf("kubelet", f"system:node:{node}", ("system:nodes",)),
        Leaf("controller-manager", "system:kube-controller-manager"),
        Leaf("scheduler", "system:kube-scheduler"),
        Leaf("kube-proxy", "system:kube-proxy"),
        Leaf(NODE_AGENT, NODE_AGENT_USER),
        Leaf(ADMIN, "kubernetes-admin", ("system:masters",)),
    ]


def _authority(instance: Instance, key: ec.EllipticCurvePrivateKey, expires: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{instance.netns}-ca")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(expires)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _sign(
    leaf: Leaf,
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    expires: datetime,
) -> x509.Certificate:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, leaf.user))
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if leaf.addresses else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(expires)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if leaf.addresses:
        addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in leaf.addresses]
        alternatives = [*addresses, *(x509.DNSName(name) for name in leaf.names)]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)
