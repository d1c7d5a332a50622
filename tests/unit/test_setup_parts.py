"""The set-up's pure parts: prerequisites, packages, Go builds, image archives."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from tools.setup import debian, golang, hosts, missing_prerequisites, oci, prerequisites
from tools.setup.catalog import steps
from tools.setup.progress import duration
from tools.setup.shell import Children, Shell

REPOSITORY = Path(__file__).parents[2]


def test_everything_missing_is_named_at_once_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "SEARCH_PATH", str(tmp_path))
    monkeypatch.setattr(debian, "can_install", lambda: False)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    prerequisites.go_version.cache_clear()
    try:
        missing = {one.name: one for one in missing_prerequisites()}
    finally:
        prerequisites.go_version.cache_clear()
    assert {"Go", "Node.js", "npm", "uv", "packages"} <= set(missing)
    assert all(one.command for one in missing.values())
    assert "apt-get install" in missing["packages"].command
    assert "containerd" in missing["packages"].command
    assert "found nothing" in str(missing["Go"])


def test_the_needed_go_is_that_of_the_pinned_modules() -> None:
    lines = [
        line.split()[1]
        for module in (REPOSITORY / "tools" / "go").glob("*/go.mod")
        for line in module.read_text().splitlines()
        if line.startswith("go ")
    ]
    assert len(lines) >= 8
    newest = max(lines, key=lambda version: [int(part) for part in version.split(".")])
    assert ".".join(map(str, prerequisites.needed_go())) == newest


@pytest.mark.parametrize(("text", "numbers"), [("v20.20.2", (20, 20, 2)), ("1.26rc1", (1, 26, 1)), ("1.26", (1, 26))])
def test_versions_compare_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert prerequisites._version(text) == numbers


def test_packages_are_found_by_what_is_used_of_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "containerd"
    program.touch(mode=0o755)
    monkeypatch.setattr(debian, "SEARCH_PATH", str(tmp_path))
    monkeypatch.setattr(
        debian, "PACKAGES", {"containerd": "containerd", "runc": "runc", "headers": f"{tmp_path}/*/json.hpp"}
    )
    assert debian.missing_packages() == ["runc", "headers"]
    (tmp_path / "nlohmann").mkdir()
    (tmp_path / "nlohmann" / "json.hpp").touch()
    assert debian.missing_packages() == ["runc"]


def test_services_do_not_start_and_the_machines_policy_is_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(debian, "POLICY", policy)
    with debian._no_service_starts():
        assert policy.read_text().endswith("exit 101\n")
        assert os.access(policy, os.X_OK)
    assert not policy.exists()
    policy.write_text("#!/bin/sh\nexit 104\n")
    with debian._no_service_starts():
        assert "104" in policy.read_text()
    assert "104" in policy.read_text()
    policy.write_text(debian.OUR_POLICY)
    with debian._no_service_starts():
        pass
    assert not policy.exists(), "left behind by an interrupted run"


def test_an_installed_pulumi_is_preferred_and_ours_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("ours", "others", "official")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "pulumi").touch(mode=0o755)
    (folders["others"] / golang.MARK).touch()
    monkeypatch.setattr(golang, "bin_dir", lambda: folders["ours"])
    monkeypatch.delenv("KINDO_MODELS_BUILD_ENGINE", raising=False)

    def found(*names: str) -> Path | None:
        golang.official_pulumi.cache_clear()
        monkeypatch.setenv("PATH", os.pathsep.join(str(folders[name]) for name in names))
        return golang.official_pulumi()

    try:
        assert found("ours", "others") is None
        assert found("ours", "others", "official") == folders["official"] / "pulumi"
        monkeypatch.setenv("KINDO_MODELS_BUILD_ENGINE", "1")
        assert found("official") is None
    finally:
        golang.official_pulumi.cache_clear()


def test_an_engine_of_ours_gives_way_to_an_installed_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*golang.ENGINE_FILES, "kubelet"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setattr(golang, "bin_dir", lambda: tmp_path)
    monkeypatch.setattr(golang, "official_pulumi", lambda: None)
    golang.give_way_to_official()
    assert (tmp_path / "pulumi").exists()
    monkeypatch.setattr(golang, "official_pulumi", lambda: Path("/usr/bin/pulumi"))
    golang.give_way_to_official()
    assert [path.name for path in tmp_path.iterdir()] == ["kubelet"]


def test_the_engine_files_are_those_that_the_steps_make() -> None:
    made = {
        Path(output).name
        for step in (*(binary.step() for binary in golang.ENGINE), hosts.step())
        for output in step.outputs
    }
    assert made == set(golang.ENGINE_FILES)


def test_builds_never_change_their_pins_and_stamp_versions() -> None:
    binaries = {binary.name: binary for binary in (*golang.ENGINE, *golang.CLUSTER, *golang.MODEL_SERVERS)}
    assert all("-mod=readonly" in binary.flags() and "-trimpath" in binary.flags() for binary in binaries.values())
    assert (
        f"-X k8s.io/component-base/version.gitVersion=v{golang.KUBERNETES} "
        f"-X k8s.io/client-go/pkg/version.gitVersion=v{golang.KUBERNETES}"
    ) in binaries["kubelet"].flags()[2]
    assert binaries["pulumi"].flags()[-1] == "-tags=osusergo,grpcnotrace"


def test_versions_in_the_code_are_those_of_the_modules() -> None:
    def pinned(module: str, path: str) -> str:
        lines = (REPOSITORY / "tools" / "go" / module / "go.mod").read_text().splitlines()
        (version,) = {line.split()[-1 if "indirect" not in line else 1] for line in lines if line.split()[:1] == [path]}
        return version

    assert pinned("pulumi", "github.com/pulumi/pulumi/pkg/v3") == f"v{golang.PULUMI}"
    assert pinned("pulumi-kubernetes", "github.com/pulumi/pulumi-kubernetes/sdk/v4") == f"v{golang.KUBERNETES_PROVIDER}"
    assert pinned("kubernetes", "k8s.io/kubernetes") == f"v{golang.KUBERNETES}"


def test_every_step_has_a_fingerprint_of_its_own() -> None:
    catalog = steps()
    fingerprints = {catalog.fingerprint(name) for name in catalog.by_name}
    assert len(fingerprints) == len(catalog.by_name) >= 20


def test_lock_files_name_no_package_index() -> None:
    lock = json.loads((REPOSITORY / "tools" / "setup" / "npm" / "package-lock.json").read_text())
    named = [package.get("resolved", "") for package in lock["packages"].values()]
    assert len(named) > 100
    assert all(not url or url.startswith("https://registry.npmjs.org/") for url in named)
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
    for requirements in (
        "images/litellm/requirements.txt",
        "images/ollama-smollm2/requirements.txt",
        "tools/setup/requirements/helm-kubectl.txt",
    ):
        text = (REPOSITORY / requirements).read_text()
        assert "--index-url" not in text
        assert "--find-links" not in text
        assert text.count("==") <= text.count("--hash=sha256:")


def test_the_same_folder_gives_the_same_image(tmp_path: Path) -> None:
    def image(name: str, seconds: float) -> tuple[str, Path]:
        root = tmp_path / name
        (root / "bin").mkdir(parents=True)
        for file in ("b", "a"):
            (root / "bin" / file).write_text(file)
            (root / "bin" / file).chmod(0o755)
            os.utime(root / "bin" / file, (seconds, seconds))
        os.symlink("bin", root / "sbin")
        shell = Shell(tmp_path / "log", Children())
        oci.pack(root, tmp_path / f"{name}.layer", shell)
        config = oci.ImageConfig(["/bin/a"], "2000", "amd64", environment={"HOME": "/tmp"}, ports=[8000])
        archive = tmp_path / f"{name}.tar"
        layer = oci.Layer.of(tmp_path / f"{name}.layer")
        return oci.write_archive(archive, "kindo.local/test", [layer], config), archive

    first, archive = image("first", 1_000_000_000)
    second, _ = image("second", 1_500_000_000)
    assert first == second == oci.digest_in(archive)
    with tarfile.open(archive) as opened:
        index = json.load(opened.extractfile("index.json"))  # type: ignore[arg-type]
        (descriptor,) = index["manifests"]
        assert descriptor["annotations"]["io.containerd.image.name"] == f"kindo.local/test@{first}"
        manifest = opened.extractfile(f"blobs/{first.replace(':', '/')}").read()  # type: ignore[union-attr]
        assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == first
        (described,) = json.loads(manifest)["layers"]
        layer = opened.extractfile(f"blobs/{described['digest'].replace(':', '/')}")
        with tarfile.open(fileobj=layer) as content:
            members = content.getmembers()
    assert [member.name for member in members] == [".", "./bin", "./bin/a", "./bin/b", "./sbin"]
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 0)}


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (245, "4 min 05 s")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
