"""Labels, annotations and names of what the operator makes; every reader and writer of them looks here."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.api.fields import GROUP, VERSION

MANAGER = "tradewind-operator"
MANAGED_BY = "app.kubernetes.io/managed-by"
OWNER_KIND = f"{GROUP}/owner-kind"
OWNER = f"{GROUP}/owner"
WORKLOAD = f"{GROUP}/workload"
ROLE = f"{GROUP}/role"
LANE = f"{GROUP}/lane"
HASH = f"{GROUP}/config-hash"
SPECIFICATION = f"{GROUP}/specification-hash"
"""On a pipeline's Deployment: what of the pipeline it was made of."""
GENERATION = f"{GROUP}/generation"
"""On a Job: the generation of the TradingJob it was made of."""
RECONCILE = f"{GROUP}/reconcile"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""What the watches of children carry, so that nobody else's objects come in."""

PREFIX = "tw-"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One thing to reconcile: a resource of ours, or what several share (kinds Feed, Sink and Namespace), or the
    halts of a namespace that were written to its control bucket directly (DirectHalts)."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ApiKind:
    """A kind at the API server: where its objects are found."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "") -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")


OURS = {
    kind: ApiKind(GROUP, VERSION, kind, plural)
    for kind, plural in (
        ("KillSwitch", "killswitches"),
        ("RiskPolicy", "riskpolicies"),
        ("TradingAccount", "tradingaccounts"),
        ("TradingPipeline", "tradingpipelines"),
        ("TradingModel", "tradingmodels"),
        ("TradingJob", "tradingjobs"),
    )
}
CHILDREN = {
    kind: ApiKind(group, "v1", kind, plural)
    for group, kind, plural in (
        ("", "ConfigMap", "configmaps"),
        ("", "Service", "services"),
        ("", "ServiceAccount", "serviceaccounts"),
        ("", "Secret", "secrets"),
        ("apps", "Deployment", "deployments"),
        ("apps", "ControllerRevision", "controllerrevisions"),
        ("batch", "Job", "jobs"),
        ("batch", "CronJob", "cronjobs"),
        ("rbac.authorization.k8s.io", "Role", "roles"),
        ("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
        ("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
        ("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
    )
}
API_KINDS = OURS | CHILDREN


def child_name(workload: str) -> str:
    """The name of a workload's objects."""
    return PREFIX + workload


def labels(owner: Key, workload: str = "", role: str = "", lane: str = "") -> dict[str, str]:
    """The labels of a child: by them it is found again and led back to what it was made for."""
    given = {WORKLOAD: workload, ROLE: role, LANE: lane}
    found = {MANAGED_BY: MANAGER, OWNER_KIND: owner.kind, OWNER: owner.name}
    return found | {name: value for name, value in given.items() if value}


def owner_of(labelled: dict[str, str], namespace: str) -> Key | None:
    """What a child was made for, by its labels; None if it is not one of ours."""
    if labelled.get(MANAGED_BY) != MANAGER or not labelled.get(OWNER_KIND) or not labelled.get(OWNER):
        return None
    return Key(labelled[OWNER_KIND], namespace, labelled[OWNER])
