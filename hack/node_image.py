"""Builds a kind node image from Debian packages and Go modules, where the official one cannot be pulled.

Root and debootstrap are needed. The image, as a docker-archive, is kept in the cache by the hash of all it was made from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from debian import SUITE, debootstrap, needs_debootstrap, run
from image_archive import Image, Layer, write_archive, write_layer
from kubernetes_binaries import HERE, VERSION, binaries, built_once, cache, compile_module

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "kmod", "iproute2", "iptables", "conntrack", "ethtool", "socat", "procps"),
    *("containerd", "runc", "containernetworking-plugins", "jq", "mount", "ca-certificates", "busybox-static"),
)
MODULES = ("coredns", "pause", "runc_unprivileged")
MASKED = (
    *("systemd-udevd.service", "systemd-udevd-kernel.socket", "systemd-udevd-control.socket", "getty.target"),
    *("console-getty.service", "e2scrub_reap.service", "systemd-networkd.service", "systemd-timesyncd.service"),
    *("systemd-modules-load.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
)
_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
_REGISTRY = "registry.k8s.io"
_KUBE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def name() -> str:
    """Of the image these files give: others may be about."""
    return f"tradewind.local/node:{VERSION}-{_fingerprint()}"


def archive() -> Path:
    """The node image as a docker-archive called ``name()``; built now if it is not there (minutes, once).

    Raises:
        CannotBuild: not root, debootstrap is missing, or a step failed; its last words are in the message.
    """
    folder = cache() / f"node-{VERSION}-{_fingerprint()}"
    done = folder / "node.tar"
    return built_once(done, lambda: _build(folder, done))


def program(module: str) -> Path:
    """The program of one of the small modules beside the control plane's; compiled now if it is not there."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted((HERE / module).iterdir())))
    output = cache() / f"{module}-{digest.hexdigest()[:12]}" / module
    if not output.is_file():
        output.parent.mkdir(parents=True, exist_ok=True)
        half = output.with_name(f"half-{os.getpid()}")
        compile_module(module, half, "-s -w")
        half.rename(output)
    return output


def _fingerprint() -> str:
    digest = hashlib.sha256(" ".join(PACKAGES).encode() + binaries().parent.name.encode())
    here = Path(__file__)
    for file in sorted((here, here.with_name("image_archive.py"), *HERE.glob("node/*"), *HERE.glob("*/*.go"))):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _build(folder: Path, done: Path) -> None:
    needs_debootstrap()
    print("building a node image, once: some minutes", file=sys.stderr, flush=True)
    half = folder / "half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    root = half / "root"
    run("cp", "-a", str(_debian()), str(root))
    _write_images(root, half)
    _furnish(root, half / "kubernetes.tar")
    run(
        "tar",
        "-C",
        str(root),
        *(f"--exclude=./{one}/*" for one in ("proc", "sys", "dev")),
        "-cf",
        f"{half}/root.tar",
        ".",
    )
    image = Image(name(), ("root",), ("/usr/local/bin/entrypoint",), ("container=docker",), "SIGRTMIN+3")
    write_archive([image], {"root": half / "root.tar"}, half / "node.tar")
    (half / "node.tar").rename(done)
    shutil.rmtree(half)


def _debian() -> Path:
    """A bare Debian with the packages of a node; kept apart from what is put into it, since it changes seldom."""
    done = cache() / f"debian-{SUITE}-{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:12]}"
    half = done.with_name(f"{done.name}-half")
    if not done.is_dir():
        shutil.rmtree(half, ignore_errors=True)
        debootstrap(half, PACKAGES)
        half.rename(done)
    return done


def _furnish(root: Path, images: Path) -> None:
    """Put what makes a node of it into a bare Debian."""
    for waste in ("doc", "man", "locale", "info"):
        shutil.rmtree(root / "usr/share" / waste, ignore_errors=True)
    for waste in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / waste, ignore_errors=True)
    node = HERE / "node"
    _place(binaries() / "kubernetes", root / "usr/bin/kubernetes", 0o755)
    for name in ("kubelet", "kubeadm", "kubectl"):
        (root / "usr/bin" / name).symlink_to("kubernetes")
    _place(program("runc_unprivileged"), root / "usr/local/sbin/runc-unprivileged", 0o755)
    _place(node / "entrypoint", root / "usr/local/bin/entrypoint", 0o755)
    _place(node / "kubelet-cgroups", root / "kind/bin/kubelet-cgroups", 0o755)
    _place(node / "containerd.toml", root / "etc/containerd/config.toml")
    for unit in ("kubelet.service", "images.service"):
        _place(node / unit, root / "etc/systemd/system" / unit)
    for manifest in ("default-storage.yaml", "default-cni.yaml"):
        _place(node / manifest, root / "kind/manifests" / manifest)
    _place(images, root / "kind/images/kubernetes.tar")
    _write(root / "etc/default/kubelet", "KUBELET_EXTRA_ARGS=--cgroup-driver=cgroupfs\n")  # pragma: allowlist secret
    _write(root / "etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\n")
    _write(root / "kind/version", f"{VERSION}\n")
    (root / "opt/cni").mkdir(parents=True, exist_ok=True)
    (root / "opt/cni/bin").symlink_to("/usr/lib/cni")
    run("systemctl", f"--root={root}", "-q", "enable", "containerd.service", "kubelet.service", "images.service")
    run("systemctl", f"--root={root}", "-q", "mask", *MASKED)


def _write_images(root: Path, half: Path) -> None:
    """The images that kubeadm asks for, as ``kubernetes.tar``."""
    kube = {f"/usr/local/bin/{name}": "kubernetes" for name in (*_KUBE, "kube-proxy", "kubectl")}
    layers = {
        "kubernetes": Layer({"/usr/local/bin/kubernetes": binaries() / "kubernetes"}, kube, ("tmp",)),
        "net": _net_tools(root),
        "etcd": Layer({"/usr/local/bin/etcd": binaries() / "etcd"}),
        "coredns": Layer({"/coredns": program("coredns")}),
        "pause": Layer({"/pause": program("pause")}),
    }
    tars = {name: half / f"{name}.layer.tar" for name in layers}
    for name, layer in layers.items():
        write_layer(layer, tars[name])
    write_archive([_image(line) for line in _wanted()], tars, half / "kubernetes.tar")


def _wanted() -> list[str]:
    listed = run(str(binaries() / "kubeadm"), "config", "images", "list", f"--kubernetes-version={VERSION}")
    return [line for line in listed.splitlines() if line.startswith(_REGISTRY)]


def _image(name: str) -> Image:
    short = name.rsplit("/", 1)[1].split(":")[0]
    if short in _KUBE:
        return Image(name, ("kubernetes",))
    if short == "kube-proxy":
        return Image(name, ("kubernetes", "net"))
    return Image(name, (short,), () if short == "etcd" else (f"/{short}",))


def _net_tools(root: Path) -> Layer:
    """iptables, conntrack, what both load, and a shell, from the node's own root."""
    extensions = [f"{_LIBRARIES}/xtables/{file.name}" for file in (root / f"{_LIBRARIES[1:]}/xtables").iterdir()]
    programs = ["/usr/sbin/xtables-nft-multi", "/usr/sbin/conntrack", *extensions]
    loaded = run("chroot", str(root), "ldd", *programs).split()
    files = {path: root / path[1:] for path in programs}
    files |= {
        path: (root / "usr" / path[1:]).resolve() for path in loaded if path.startswith("/lib") and ":" not in path
    }
    files["/bin/busybox"] = root / "bin/busybox"
    tables = [f"{family}{what}" for family in ("iptables", "ip6tables") for what in ("", "-save", "-restore")]
    links = {f"/usr/sbin/{name}": "xtables-nft-multi" for name in tables}
    return Layer(files, links | {f"/bin/{name}": "busybox" for name in ("sh", "ip", "sleep", "cat", "mv", "mkdir")})


def _place(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
