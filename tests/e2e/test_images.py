"""The images: nothing secret is in them, and what they add to their base is the same from every build of one state."""

from __future__ import annotations

import subprocess
from pathlib import Path

import image_files
import pytest
from api.cluster_world import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.full]  # builds everything twice, and reads every file

KNOWN = {
    "libgnutls.so": "the keys it tests itself with, which everybody has",
    "libunistring.so": "letters of its tables that happen to look so",
}
"""Beginnings of names of files that hold what looks like a secret, with why it is none."""


@pytest.fixture(scope="module")
def file_system(request: pytest.FixtureRequest, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the image that the test names, unpacked; the images were built for the cluster."""
    folder = tmp_path_factory.mktemp(f"image-{request.param}")
    image_files.unpack(request.param, folder)
    return folder


@pytest.mark.parametrize("file_system", ["operator", "worker", "nats"], indirect=True)
def test_no_image_holds_a_secret(file_system: Path) -> None:
    ours = [str(path.relative_to(file_system)) for path in file_system.glob("*/lib/python*/site-packages/tradewind*")]
    found = image_files.tokens(file_system) | image_files.guesses(file_system, [*ours, "image.json"])

    assert (file_system / "image.json").stat().st_size > 100
    assert {path: kinds for path, kinds in found.items() if not Path(path).name.startswith(tuple(KNOWN))} == {}


def test_a_secret_in_an_image_would_be_found(tmp_path: Path) -> None:
    key = "\n".join([f"-----BEGIN {'RSA'} PRIVATE KEY-----", "MIIEowIBAAKCAQEA" * 4, ""])
    token = "gh" + "p_" + "a1B2" * 9
    (tmp_path / "login").write_text(key)
    (tmp_path / "library.so").write_bytes(b"\0ELF" + token.encode())
    (tmp_path / "parser.py").write_text("FIRST_LINE = '-----BEGIN " + "PRIVATE KEY-----'\n")
    (tmp_path / "image.json").write_text('{"pass' + 'word": "hun' + 'ter2secret"}')

    assert image_files.tokens(tmp_path) == {"library.so": ["GitHub Token"], "login": ["Private Key"]}
    assert list(image_files.guesses(tmp_path, ["image.json"])) == ["image.json"]


def test_two_builds_of_one_state_give_the_same_files(kubeconfig: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "another-folder"]
    for folder in folders:
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    builds = [image_files.built_from(folder) for folder in folders]

    assert len(builds[0]) > 1000
    assert image_files.differences(*builds)[:20] == []
