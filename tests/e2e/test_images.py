"""The images: nothing secret is in them, and what they add to their base is the same from every build of one state."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import image_files
import pytest
from api.cluster_world import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.full]  # builds everything twice, and reads every file

KNOWN: dict[str, str] = {}
"""Paths that hold what looks like a secret, with why it is none."""
OURS = re.compile(r"/tradewind(_\w+)?/")


@pytest.fixture(scope="module")
def file_system(request: pytest.FixtureRequest, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the image that the test names, unpacked; the images were built for the cluster."""
    folder = tmp_path_factory.mktemp(f"image-{request.param}")
    image_files.unpack(request.param, folder)
    return folder


@pytest.mark.parametrize("file_system", ["operator", "worker", "nats"], indirect=True)
def test_no_image_holds_a_secret(file_system: Path) -> None:
    certain = image_files.secrets(file_system, guess=False)
    ours = {path: found for path, found in image_files.secrets(file_system, guess=True).items() if OURS.search(path)}

    assert (file_system / "image.json").stat().st_size > 100
    assert {path: found for path, found in (certain | ours).items() if path not in KNOWN} == {}


def test_a_secret_in_an_image_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    # pragma: allowlist nextline secret
    (tmp_path / "etc/login").write_text("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n")

    assert image_files.secrets(tmp_path, guess=False) == {"etc/login": ["line 1: Private Key"]}


def test_two_builds_of_one_state_give_the_same_files(kubeconfig: Path, tmp_path: Path) -> None:
    builds = []
    for name in ("one", "another-folder"):
        subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / name)], check=True)
        builds.append(image_files.built_from(tmp_path / name))

    assert len(builds[0]) > 1000
    assert image_files.differences(*builds)[:20] == []
