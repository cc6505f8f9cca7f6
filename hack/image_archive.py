"""Container images written as a docker-archive, without Docker: layers are tar files, shared ones stored once."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its name with tag, the names of its layers from the lowest, what it runs."""

    name: str
    layers: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"


@dataclass(frozen=True, slots=True)
class Layer:
    """Files by their path inside, links by their path with what they lead to, empty folders anyone may write to."""

    files: Mapping[str, Path]
    links: Mapping[str, str] = field(default_factory=dict)
    open_folders: tuple[str, ...] = ()


def write_layer(layer: Layer, output: Path) -> None:
    """Write the layer as a tar file."""
    with tarfile.open(output, "w", format=tarfile.GNU_FORMAT) as tar:
        for folder in layer.open_folders:
            entry = tarfile.TarInfo(folder.strip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
        for inside, source in sorted(layer.files.items()):
            entry = tarfile.TarInfo(inside.strip("/"))
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                tar.addfile(entry, content)
        for inside, target in sorted(layer.links.items()):
            entry = tarfile.TarInfo(inside.strip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)


def configuration(image: Image, digests: Mapping[str, str]) -> bytes:
    """The image's configuration; ``digests`` gives the sha256 of each layer's tar."""
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": [PATH, *image.environment],
                "Entrypoint": list(image.entrypoint) or None,
                "StopSignal": image.stop_signal,
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digests[name]}" for name in image.layers]},
        }
    ).encode()


def write_archive(images: Sequence[Image], layers: Mapping[str, Path], output: Path) -> None:
    """Write the images, their layers given as tar files, in the form ``docker load`` and ``ctr images import`` read."""
    digests = {name: _sha256(path) for name, path in layers.items()}
    manifest = []
    with tarfile.open(output, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, path in layers.items():
            tar.add(path, f"{digests[name]}.tar")
        for image in images:
            content = configuration(image, digests)
            config = f"{hashlib.sha256(content).hexdigest()}.json"
            _put(tar, config, content)
            entry = {
                "Config": config,
                "RepoTags": [image.name],
                "Layers": [f"{digests[one]}.tar" for one in image.layers],
            }
            manifest.append(entry)
        _put(tar, "manifest.json", json.dumps(manifest).encode())


def _put(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
