"""How fast a halt holds: from the moment it is told until the gateway has latched and until everything sent is resolved.

``python tests/bench/halts.py [times]``. A real API server, the operator, NATS, and a gateway that trades at the simulator
share the machine. By ``kubectl`` the process of kubectl itself is in the figure; by ``API`` the object is posted over an
open connection; by ``bucket`` it is put into the control bucket, as ``tradewind kill --direct`` does.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "hack")]

from api.cluster_world import PROCESSES, Kubectl, OperatorProcess, Rest, add_paper_node, trusting_nats, until  # noqa: E402
from api.manifests import halt  # noqa: E402
from api.process_kubelet import ProcessKubelet  # noqa: E402
from cluster import ControlPlane  # noqa: E402
from integration.desk import MANIFESTS  # noqa: E402
from integration.nats_server import NatsServer  # noqa: E402
from tradewind.contract.subjects import Names, ack_key, halt_key, heartbeat_key  # noqa: E402

DESK = "desk"
GROUP = f"/apis/tradewind.io/v1alpha1/namespaces/{DESK}/killswitches"
Tell = Callable[[str], Awaitable[str]]


def measure(times: int) -> dict[str, float]:
    """Milliseconds by name."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        plane = ControlPlane(place / "plane")
        plane.start()
        kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig, DESK)
        server = trusting_nats(kubectl, place / "nats")
        server.start()
        operator = OperatorProcess(plane.kubeconfig, server.url, place / "log", [DESK])
        node = ProcessKubelet(kubectl, place)
        try:
            kubectl("create", "namespace", DESK)
            kubectl("label", "namespace", DESK, PROCESSES)
            kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
            kubectl("wait", "--for=condition=Established", "crd", "--all")
            add_paper_node(kubectl)
            node.start()
            operator.start()
            kubectl.apply(*MANIFESTS)
            until("its limits enforced", lambda: kubectl.condition("rp", "house").get("reason") == "Enforced", 90)
            return asyncio.run(_all_paths(kubectl, Rest(plane.kubeconfig), server, times))
        finally:
            operator.stop()
            node.stop()
            server.kill()
            plane.stop()


async def _all_paths(kubectl: Kubectl, rest: Rest, server: NatsServer, times: int) -> dict[str, float]:
    client = await server.connect(DESK)
    bucket = await client.jetstream().key_value(Names(DESK).control_bucket)

    async def by_kubectl(name: str) -> str:
        made = await asyncio.to_thread(kubectl, "create", "-o", "json", "-f", "-", given=json.dumps(halt(name)))
        return str(json.loads(made)["metadata"]["uid"])

    async def by_api(name: str) -> str:
        made = await asyncio.to_thread(rest, "POST", GROUP, halt(name))
        return str(made["metadata"]["uid"])

    async def by_bucket(name: str) -> str:
        uid = str(uuid.uuid4())
        body = halt(name) | {"metadata": {"name": name, "namespace": DESK, "uid": uid}}
        await bucket.put(halt_key(uid), json.dumps(body).encode())
        return uid

    found: dict[str, float] = {}
    await _until_it_trades(bucket)
    for path, tell in (("kubectl", by_kubectl), ("API", by_api), ("bucket", by_bucket)):
        found |= await _path(path, tell, kubectl, bucket, times)
    await client.close()
    return found


async def _path(path: str, tell: Tell, kubectl: Kubectl, bucket: KeyValue, times: int) -> dict[str, float]:
    latched, quiet = [], []
    for n in range(times):
        name, began = f"{path.lower()}-{n}", time.time_ns()
        uid = await tell(name)
        ack = await _ack(bucket, uid)
        latched.append((ack["latchedAt"] - began) / 1e6)
        quiet.append((ack["quietAt"] - began) / 1e6)
        release = {"spec": {"release": {"by": "system:admin", "reason": "measured"}}}
        if path == "bucket":
            body = halt(name, **release["spec"]) | {"metadata": {"name": name, "namespace": DESK, "uid": uid}}
            await bucket.put(halt_key(uid), json.dumps(body).encode())
        else:
            await asyncio.to_thread(kubectl, "patch", "ks", name, "--type=merge", "-p", json.dumps(release))
        await _until_it_trades(bucket)
    return {f"halt by {path}: {what}": value for what, value in (*_told("latched", latched), *_told("quiet", quiet))}


def _told(what: str, milliseconds: list[float]) -> list[tuple[str, float]]:
    ordered = sorted(milliseconds)
    return [
        (f"{what} p50 ms", statistics.median(ordered)),
        (f"{what} p99 ms", ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]),
        (f"{what} worst ms", ordered[-1]),
    ]


async def _ack(bucket: KeyValue, uid: str) -> dict[str, Any]:
    """The acknowledgement once it says that everything is resolved."""
    while True:
        try:
            found: dict[str, Any] = json.loads((await bucket.get(ack_key("paper", uid))).value or b"{}")
        except KeyNotFoundError:
            found = {}
        if "quietAt" in found:
            return found
        await asyncio.sleep(0.01)


async def _until_it_trades(bucket: KeyValue) -> None:
    """No halt in force, and a fill since: so that every halt stops something."""
    before = -1
    while True:
        beat = json.loads((await bucket.get(heartbeat_key("gateway-paper"))).value or b"{}")
        fills = int(beat.get("fills", 0))
        if not beat.get("halts") and before >= 0 and fills > before:
            return
        before = fills if before < 0 or beat.get("halts") else before
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    for name, value in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 50).items():
        print(f"{name:40} {value:10.2f}")
