"""What ``make cluster`` is made of, as far as it needs neither root nor Docker."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import docker_daemon
import kind_cluster
import pytest
import yaml
from debian import mirror
from image_archive import Image, Layer, write_archive, write_layer


@pytest.mark.parametrize(
    ("bounding", "may"), [("000001fffeffffff", False), ("000001ffffffffff", True), ("0000000001000000", True)]
)
def test_the_capability_that_privileged_containers_ask_for_is_seen(bounding: str, may: bool) -> None:
    assert docker_daemon.may_all(f"Name:\tx\nCapBnd:\t{bounding}\n") is may


@pytest.mark.parametrize(
    ("routes", "interface"),
    [
        ("default via 10.0.0.1 dev eth0 proto static\n10.0.0.0/24 dev eth0 scope link\n", "eth0"),
        ("10.0.0.0/24 dev eth0 scope link\n", None),
        ("", None),
    ],
)
def test_the_uplink_is_where_the_default_route_leads(routes: str, interface: str | None) -> None:
    assert docker_daemon.uplink(routes) == interface


def test_packages_come_from_where_the_machine_gets_its_own(tmp_path: Path) -> None:
    sources = tmp_path / "debian.sources"
    sources.write_text("Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n")

    assert mirror(sources) == "http://mirror.example/debian"
    assert mirror(tmp_path / "missing") == "http://deb.debian.org/debian"


def test_a_cluster_has_one_control_plane_and_the_workers_asked_for() -> None:
    cluster = yaml.safe_load(kind_cluster.configuration(workers=2))
    [patch] = [yaml.safe_load(one) for one in cluster["kubeadmConfigPatches"]]

    assert [node["role"] for node in cluster["nodes"]] == ["control-plane", "worker", "worker"]
    assert patch["controllerManager"]["extraArgs"]["node-monitor-grace-period"] == "20s"


def test_images_share_a_layer_and_name_it_by_its_content(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"a program")
    write_layer(Layer({"/bin/program": program}, {"/bin/other": "program"}, ("tmp",)), tmp_path / "layer.tar")
    images = [Image("example/one:1", ("base",), ("/bin/program",)), Image("example/two:1", ("base",))]

    write_archive(images, {"base": tmp_path / "layer.tar"}, tmp_path / "images.tar")

    with tarfile.open(tmp_path / "layer.tar") as layer:
        assert {entry.name: entry.mode for entry in layer if entry.isfile()} == {"bin/program": 0o755}
        assert layer.getmember("bin/other").linkname == "program"
        assert layer.getmember("tmp").isdir()
    with tarfile.open(tmp_path / "images.tar") as archive:
        contents = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    first, second = json.loads(contents["manifest.json"])
    digest = hashlib.sha256((tmp_path / "layer.tar").read_bytes()).hexdigest()
    assert first["RepoTags"] == ["example/one:1"]
    assert first["Layers"] == second["Layers"] == [f"{digest}.tar"]
    assert json.loads(contents[first["Config"]])["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert json.loads(contents[first["Config"]])["config"]["Entrypoint"] == ["/bin/program"]
    assert sorted(contents) == sorted({first["Config"], second["Config"], f"{digest}.tar", "manifest.json"})
