"""TradingPipeline: its stage workers, and what its status says of them, of its feed and of its account."""

from __future__ import annotations

from dataclasses import replace

from tradewind.api.pipeline import TradingPipeline
from tradewind.api.references import pipeline_problems
from tradewind.workloads import Workload, WorkloadMaker, feed_name

from tradewind_operator.conditions import Condition, readiness
from tradewind_operator.kinds.denials import denied_condition, denied_status
from tradewind_operator.kinds.gateways import why_nobody_trades
from tradewind_operator.kinds.held_updates import held
from tradewind_operator.kinds.revisions import revisions_of
from tradewind_operator.kinds.shared import sinks_condition
from tradewind_operator.kinds.status import Judgement, plan_with_status, waited
from tradewind_operator.kinds.workers import deadline_passed, is_up, owner_reference, unwanted, why_down, worker_objects
from tradewind_operator.live import LATER_S, SOON_S, Live, timestamp
from tradewind_operator.names import Key, child_name
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import Seen, World

LAGS = ((3600, "1h"), (600, "10m"), (60, "1m"), (10, "10s"))
"""What lag is told as, the largest first; below the smallest a worker keeps up."""


def plan_pipeline(key: Key, world: World, platform: Platform, live: Live, now: str) -> Plan:
    """``now`` as RFC 3339. A specification that cannot run leaves what runs as it is."""
    seen = world.seen(key)
    if seen is None:
        return Plan(prune=tuple(world.children(key)))
    pipeline = world.runs(key)
    problems = list(seen.problems) or _problems(key, seen, world)
    if not isinstance(pipeline, TradingPipeline):
        return plan_with_status(seen, _cannot_run(key, seen, world, problems, now), now)
    workers = WorkloadMaker(key.namespace, ClusterPlacement(platform)).stages(pipeline)
    replicas = 0 if _drained(pipeline, live) else 1
    objects: list[Body] = []
    owner = owner_reference(key, seen)
    for worker in workers:
        objects += worker_objects(worker, key, [owner], world, platform, pipeline.spec.template, replicas)
    objects, pending = held(objects, world, key, pipeline)
    revisions, old = revisions_of(key, seen, world)
    prune = (*unwanted(world, key, objects, keep=("ControllerRevision",)), *old)
    judgement = _judge(key, world, pipeline, workers, replicas, live)
    sinks = sinks_condition(pipeline, world, platform)
    if sinks is not None:
        judgement.conditions.append(sinks)
    if problems:
        judgement = judgement.stalled("InvalidSpec", f"the last valid specification runs on; {'; '.join(problems)}")
    if pending is not None:
        judgement.conditions.append(pending)
    return plan_with_status(seen, judgement, now, (*revisions, *objects), prune)


def _problems(key: Key, seen: Seen, world: World) -> list[str]:
    if not isinstance(seen.resource, TradingPipeline):
        return []
    account = world.account(key.namespace, seen.resource.spec.account)
    others = () if account is not None else world.accounts(key.namespace)  # which there are is told where it is not
    accounts = {one.metadata.name: one for one in (account, *others) if one is not None}
    return [
        f"{path}: {remedy}" + ("" if value is None else f" (given: {value!r})")
        for path, value, remedy in pipeline_problems(seen.resource, accounts)
    ]


def _cannot_run(key: Key, seen: Seen, world: World, problems: list[str], now: str) -> Judgement:
    """No specification of it can run: what is there is left alone."""
    wanted = seen.resource
    missing = isinstance(wanted, TradingPipeline) and world.account(key.namespace, wanted.spec.account) is None
    reason = "AccountNotFound" if missing else "InvalidSpec"
    stalled = not missing or waited(seen, reason, now)
    conditions = readiness(False, reason, "; ".join(problems), stalled=stalled)
    status = _summary(wanted) if isinstance(wanted, TradingPipeline) else {}
    return Judgement(conditions, status, again_in_s=None if stalled else 30)


def _summary(pipeline: TradingPipeline) -> Body:
    spec = pipeline.spec
    return {"state": spec.desired_state, "topology": spec.topology, "symbols": len(spec.feed.symbols)}


def _judge(
    key: Key, world: World, pipeline: TradingPipeline, workers: list[Workload], replicas: int, live: Live
) -> Judgement:
    spec = pipeline.spec
    stages: list[Body] = []
    for worker in workers:
        up = is_up(world.child(key, "Deployment", child_name(worker.name)), replicas)
        stages.append({"name": worker.name, "ready": up} | _figures(live, worker.name))
    down = [str(stage["name"]) for stage in stages if not stage["ready"]]
    feed, gateway = f"feed-{feed_name(pipeline)}", f"gateway-{spec.account}"
    feed_key = Key("Feed", key.namespace, feed_name(pipeline))
    account_key = Key("TradingAccount", key.namespace, spec.account)
    figures = live.figures(gateway)
    seen = world.seen(key)
    before = {key.name: seen.status.get("halted")} if seen is not None else {}
    known = figures.get("pipelineHalted", before)
    halted = bool(known.get(key.name, False))
    refused = _refused_symbols(pipeline, live)
    if refused:
        conditions = refused
    elif not _limited(pipeline, world):
        message = f"no RiskPolicy in mode Enforce selects this pipeline or its account {spec.account}: apply one; "
        conditions = readiness(False, "NoRiskPolicy", message + "until then its orders are denied", stalled=True)
    elif down:
        late = any(deadline_passed(world, key, name) for name in down)
        conditions = readiness(False, "WorkersNotReady", "; ".join(why_down(world, key, n) for n in down), stalled=late)
    elif not is_up(world.child(feed_key, "Deployment", child_name(feed))):
        late = deadline_passed(world, feed_key, feed)
        conditions = readiness(False, "FeedNotReady", why_down(world, feed_key, feed), stalled=late)
    elif idle := why_nobody_trades(account_key, world, live):
        late = deadline_passed(world, account_key, gateway)
        conditions = readiness(False, "AccountNotReady", idle, stalled=late)
    else:
        conditions = readiness(True, *_ready(pipeline, replicas, halted))
    again = SOON_S if refused else LATER_S
    if spec.desired_state != "Running":
        rest = _at_rest(pipeline, live)
        if rest.status and down:  # those that still end, or do not know of it yet, may send one more
            rest = replace(rest, status=False, reason="WorkersNotReady", message=conditions[0].message)
        conditions.append(rest)
        again = min(again, LATER_S if rest.status else SOON_S)
    conditions.append(denied_condition(figures, key.name, live.now_ns))
    status = _summary(pipeline) | {"halted": halted, "stages": stages} | denied_status(figures, key.name)
    profit = figures.get("profitByPipeline", {}).get(pipeline.metadata.name)
    if profit is not None:
        status["dayPnl"] = profit
    return Judgement(conditions, status, applied=not down, again_in_s=again)


def _limited(pipeline: TradingPipeline, world: World) -> bool:
    """Whether there are limits its orders are judged by: without any they are denied."""
    namespace = pipeline.metadata.namespace
    account = world.account(namespace, pipeline.spec.account)
    return any(
        (spec.pipelines is not None and spec.pipelines.matches(pipeline.metadata.labels))
        or (spec.accounts is not None and account is not None and spec.accounts.matches(account.metadata.labels))
        for spec in (policy.spec for policy in world.policies(namespace))
        if spec.mode == "Enforce"
    )


def _ready(pipeline: TradingPipeline, replicas: int, halted: bool) -> tuple[str, str]:
    """(reason, message) of a pipeline whose workers are as they should be: never that it trades where it is halted."""
    match pipeline.spec.desired_state:
        case "Paused":
            return "Paused", "takes no new positions"
        case "Drained":
            return (
                ("Drained", "its workers have ended") if not replicas else ("Draining", "ends when its orders are done")
            )
    if halted:
        return "Halted", f"a halt covers it: see the condition Halted of TradingAccount {pipeline.spec.account}"
    return "Running", "trades"


def _figures(live: Live, worker: str) -> Body:
    """How far a worker is behind the clock, coarsely, so that what runs well writes nothing; a feed ticks every second."""
    last = int(live.figures(worker).get("lastEventTime", 0))
    if not last:
        return {}
    behind_s = (live.now_ns - last) / 1e9
    above = next((f"over {text}" for seconds, text in LAGS if behind_s >= seconds), "")
    return {"lag": above, "lastEvent": timestamp(last)} if above else {"lag": "0s"}


def _refused_symbols(pipeline: TradingPipeline, live: Live) -> list[Condition]:
    """Why the pipeline is not ready where its feed does not bring all of its symbols; empty where it does."""
    venue, figures = pipeline.spec.feed.venue, live.figures(f"feed-{feed_name(pipeline)}")
    simulated = venue == "Simulated"
    remedies = {
        # An exchange simulator lists what its pipelines name as soon as it is back with it.
        "unlisted": f"not listed at {venue}: {'wait until its exchange is back with it' if simulated else 'correct or remove it'}",
        "changed": "increments have changed, and what is recorded counts in the old ones: flatten it and remove it",
    }
    for figure, remedy in remedies.items():
        listed = enumerate(pipeline.spec.feed.symbols)
        wrong = [
            f"spec.feed.symbols[{n}] (given: {symbol!r})" for n, symbol in listed if symbol in figures.get(figure, [])
        ]
        if wrong:
            unlisted = figure == "unlisted"
            reason = "UnknownSymbol" if unlisted else "IncrementsChanged"
            message = f"{', '.join(wrong)}: {remedy}"
            return readiness(False, reason, message, stalled=not (unlisted and simulated))
    return []


def _at_rest(pipeline: TradingPipeline, live: Live) -> Condition:
    """Whether pausing or draining is complete: nothing of the pipeline works at the venue any more."""
    name, kind = pipeline.metadata.name, pipeline.spec.desired_state
    figures = live.figures(f"gateway-{pipeline.spec.account}")
    if not figures:
        return Condition(kind, False, "GatewaySilent", "the account's gateway has not said whether orders are open")
    working = int(figures.get("workingByPipeline", {}).get(name, 0))
    if working:
        return Condition(kind, False, "OrdersOpen", f"{working} orders still work at the venue")
    return Condition(kind, True, "NoOrders", "no order of this pipeline works at the venue")


def _drained(pipeline: TradingPipeline, live: Live) -> bool:
    return pipeline.spec.desired_state == "Drained" and _at_rest(pipeline, live).status
