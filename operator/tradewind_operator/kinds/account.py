"""TradingAccount: its gateway, the simulator of a Simulated one, its limits in the control bucket, and its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.api.account import TradingAccount
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.references import account_problems, policies_of
from tradewind.contract.subjects import limits_key
from tradewind.workloads import Workload, WorkloadMaker, limits_document

from tradewind_operator.conditions import Condition, at_rest, readiness
from tradewind_operator.kinds.direct_halts import records_of
from tradewind_operator.kinds.gateways import (
    beside_another,
    gateway_name,
    gateways_of,
    missing_login,
    standby_condition,
    why_nobody_trades,
)
from tradewind_operator.kinds.revisions import revisions_of
from tradewind_operator.kinds.status import Judgement, plan_with_status
from tradewind_operator.kinds.trading_state import halted_condition, trading
from tradewind_operator.kinds.workers import deadline_passed, is_up, owner_reference, unwanted, why_down, worker_objects
from tradewind_operator.live import LATER_S, SOON_S, Live
from tradewind_operator.names import Key, child_name
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import World

MAX_POSITIONS = 100
SILENT_S = 5.0
"""When to look again whether a gateway has said something."""


def plan_account(key: Key, world: World, platform: Platform, live: Live, now: str) -> Plan:
    """``now`` as RFC 3339. Limits reach the gateway through the bucket, so that changing them restarts nothing."""
    seen = world.seen(key)
    if seen is None:
        return Plan(prune=tuple(world.children(key)))
    account = world.runs(key)
    problems = list(seen.problems)
    if isinstance(seen.resource, TradingAccount):
        problems += [f"{path}: {remedy} (given: {value!r})" for path, value, remedy in account_problems(seen.resource)]
    if not isinstance(account, TradingAccount):
        return plan_with_status(
            seen, Judgement(readiness(False, "InvalidSpec", "; ".join(problems), stalled=True)), now
        )
    pipelines = world.of_account(key.namespace, key.name)
    make = WorkloadMaker(key.namespace, ClusterPlacement(platform))
    simulator, gateway = make.simulator(account, pipelines), make.gateway(account, pipelines)
    owner = owner_reference(key, seen)
    objects: list[Body] = []
    if simulator is not None:
        objects += worker_objects(simulator, key, [owner], world, platform)
    if gateway is not None:
        gateway = beside_another(gateway, platform)
        objects += worker_objects(gateway, key, [owner], world, platform, replicas=gateways_of(platform))
    revisions, old = revisions_of(key, seen, world)
    limits = limits_document(account, pipelines, world.policies(key.namespace))
    judgement = _judge(key, world, account, pipelines, [w for w in (simulator, gateway) if w], platform, live)
    if problems:
        judgement = judgement.stalled("InvalidSpec", f"the last valid specification runs on; {'; '.join(problems)}")
    prune = (*unwanted(world, key, objects, keep=("ControllerRevision",)), *old)
    bucket = ((limits_key(key.name), limits),)
    return plan_with_status(seen, judgement, now, (*revisions, *objects), prune, bucket)


def _judge(
    key: Key,
    world: World,
    account: TradingAccount,
    pipelines: list[TradingPipeline],
    workers: list[Workload],
    platform: Platform,
    live: Live,
) -> Judgement:
    bound = [p for p in policies_of(account, pipelines, world.policies(key.namespace)) if p.spec.mode == "Enforce"]
    whole = [policy for policy in bound if policy.spec.accounts]
    down = [worker.name for worker in workers if worker.role != "gateway" and not _runs(key, world, worker)]
    trading_for = any(worker.role == "gateway" for worker in workers)
    idle = why_nobody_trades(key, world, live) if trading_for else ""
    figures, missing = live.figures(gateway_name(key.name)), missing_login(key.name, live)
    currency = account.spec.currency
    halted = halted_condition(figures, world.seen(key), records_of(key.namespace, world, live))
    if not bound:
        message = (
            f"no RiskPolicy in mode Enforce selects account {key.name}: apply one; until then every order is denied"
        )
        stalled = readiness(False, "NoRiskPolicy", message, stalled=True)
        conditions = stalled if pipelines else at_rest("NoRiskPolicy", message)
    elif unfit := [p.metadata.name for p in whole if p.spec.daily_loss and p.spec.daily_loss.currency != currency]:
        message = f"every order is denied: dailyLoss of RiskPolicy {', '.join(unfit)} is not in {currency}: correct it"
        conditions = readiness(False, "LimitsDoNotFit", message, stalled=True)
    elif not workers:
        conditions = readiness(True, "Idle", "no pipeline trades on this account")
    elif missing:
        conditions = readiness(False, "CredentialsMissing", _login_wanted(account, missing), stalled=True)
    elif down or idle:
        late = any(deadline_passed(world, key, name) for name in (*down, *([gateway_name(key.name)] if idle else [])))
        message = "; ".join([*(why_down(world, key, name) for name in down), *([idle] if idle else [])])
        conditions = readiness(False, "WorkersNotReady", message, stalled=late)
    else:
        conditions = readiness(True, *trading(whole, figures, halted))
    conditions.append(halted)
    if figures.get("drift"):
        conditions.append(Condition("Drift", True, "BalancesDiffer", "; ".join(figures["drift"])[:1024]))
    if figures.get("refused"):
        conditions.append(Condition("Accepted", False, "AcceptanceWrong", figures["refused"][:1024]))
    if trading_for and platform.standby:
        conditions.append(standby_condition(key, world, live))
    gateway = (world.child(key, "Deployment", child_name(gateway_name(key.name))) or {}).get("status") or {}
    status: Body = {"halted": halted.status, "gateways": int(gateway.get("availableReplicas", 0))}
    taking_over = figures.get("ready") is False
    again = SOON_S if missing or taking_over else LATER_S if figures else SILENT_S
    return Judgement(conditions, status | _figures(figures), applied=not (down or idle), again_in_s=again)


def _runs(key: Key, world: World, worker: Workload) -> bool:
    return is_up(world.child(key, "Deployment", child_name(worker.name)), 1)


def _login_wanted(account: TradingAccount, missing: str) -> str:
    secret = account.spec.credentials.secret_name if account.spec.credentials else ""
    return (
        f"spec.credentials.secretName (given: {secret!r}): the gateway waits for {missing}; "
        "the Secret needs the keys apiKey and apiSecret"
    )


def _figures(figures: Mapping[str, Any]) -> Body:
    """Coarse figures of the gateway: the live ones are in the bucket and in its metrics."""
    if not figures:
        return {}
    found: Body = {
        "openOrders": int(figures.get("working", 0)),
        "positions": [
            {"symbol": p["symbol"], "quantity": p["quantity"], "entry": p["averageEntry"], "pipeline": p["pipeline"]}
            for p in figures.get("positions", [])[:MAX_POSITIONS]
        ],
    }
    for name, source in (("equity", "equity"), ("dayPnl", "dayProfit")):
        if figures.get(source) is not None:
            found[name] = figures[source]
    return found
