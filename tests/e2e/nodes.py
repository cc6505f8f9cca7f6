"""The machines of a kind cluster: containers, which can be killed, frozen and started again."""

from __future__ import annotations

import subprocess

from api.cluster_world import Kubectl, until

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


class Nodes:
    """The first node carries the control plane and all that is installed; the spare one, if any, is empty until it is used."""

    def __init__(self, kubectl: Kubectl, cluster: str) -> None:
        self._kubectl = kubectl
        self.first, self.spare = f"{cluster}-control-plane", f"{cluster}-worker"

    def names(self) -> list[str]:
        return [node["metadata"]["name"] for node in self._kubectl.list("nodes")]

    def run(self, *command: str, node: str = "", check: bool = True) -> str:
        """What a command says on a node (the first), as root."""
        return self._docker("exec", node or self.first, *command, check=check)

    def keep_spare_empty(self) -> None:
        """Everything goes to the first node, which Kubernetes would keep for its control plane alone."""
        self._kubectl("taint", "nodes", self.first, f"{CONTROL_PLANE}:NoSchedule-", check=False)
        self._kubectl("uncordon", self.first)
        self._kubectl("cordon", self.spare)

    def use_spare(self) -> None:
        """New pods go to the spare node alone."""
        self._kubectl("uncordon", self.spare)
        self._kubectl("cordon", self.first)

    def open_first(self) -> None:
        """New pods may go to the first node, too."""
        self._kubectl("uncordon", self.first)

    def lose_spare(self, how: str) -> None:
        """``kill`` ends all its processes at once; ``pause`` freezes them: they do not know, and may come back."""
        self._docker(how, self.spare)

    def find_spare(self, how: str) -> None:
        """Bring it back after ``lose_spare``, and wait until Kubernetes sees it."""
        self._docker({"kill": "start", "pause": "unpause"}[how], self.spare)
        until("the node back", lambda: self.ready(self.spare), 120)

    def ready(self, node: str) -> bool:
        conditions = (self._kubectl.get("node", node) or {}).get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _docker(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(["docker", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"docker {' '.join(command)}: {done.stderr}"
        return done.stdout
