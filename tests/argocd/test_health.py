"""What Argo CD says of each kind, in every state the operator reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from argocd.interpreter import Interpreter
from argocd.reported import (
    ACK,
    ETL,
    TM,
    Body,
    account,
    also,
    changed,
    looked_at,
    pipeline,
    planned,
    trading,
    up,
)
from tradewind_operator.conditions import Condition
from unit.control_plane.desk import (
    HALT,
    KS,
    LATER,
    POLICY,
    RP,
    TA,
    TP,
    carried_out,
    desk,
    live,
    resource,
)

MODEL = {"training": {"symbols": ["BTCUSDT"]}, "activeVersion": "7"}


def of_the_pipeline(world=None, figures=None, **spec: object) -> Body:
    world = world or up(pipeline(**spec))
    return looked_at(TP, world, figures or trading(world))


def waited_for(key, world, figures=None) -> Body:
    """What is said when the same was so five minutes ago."""
    looked_at(key, world, figures)
    return looked_at(key, world, figures, LATER)


def without_account(*, long: bool) -> Body:
    world = desk()
    world.forget(TA)
    return waited_for(TP, world) if long else looked_at(TP, world)


def slow_worker() -> Body:
    world = up()
    [deployment] = [b for b in planned(TP, world, live()).apply if b["kind"] == "Deployment"]
    late = {"type": "Progressing", "status": "False", "message": "did not start in 120 s"}
    there = deployment | {"metadata": deployment["metadata"] | {"uid": "u", "generation": 1}}
    world.observe_child(there | {"status": {"conditions": [late]}})
    return looked_at(TP, world, trading(world))


def drained(*, working: int) -> Body:
    world = up(pipeline(desiredState="Drained"))
    figures = trading(world, workingByPipeline={"btc": working})
    carried_out(world, planned(TP, world, figures))
    return looked_at(TP, world, figures)


def with_a_new_image() -> Body:
    world = up(pipeline(updatePolicy="OnApproval"))
    [deployment] = [b for b in planned(TP, world, live()).apply if b["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "worker:0"
    world.observe_child(world.child(TP, "Deployment", "tw-btc") | {"spec": deployment["spec"]})
    return looked_at(TP, world, trading(world))


def unlisted() -> Body:
    feed = {"venue": "MEXC", "symbols": ["BTCUSDT"]}
    world = desk(account(venue="MEXC"), pipeline(feed=feed))
    return looked_at(TP, world, live(feed_mexc_spot={"unlisted": ["BTCUSDT"]}))


def annotated(value: str) -> Body:
    world = up()
    body = resource(TP, world.seen(TP).body["spec"], annotations={"tradewind.io/reconcile": value})
    world.observe(TP, body)
    return looked_at(TP, world, trading(world))


PIPELINES: dict[str, tuple[Callable[[], Body], str, str]] = {
    "new": (lambda: resource(TP, {}), "Progressing", "the operator has not looked at generation 1 yet"),
    "edited": (lambda: changed(of_the_pipeline()), "Progressing", "the operator has not looked at generation 2 yet"),
    "running": (of_the_pipeline, "Healthy", "trades"),
    "starting": (lambda: of_the_pipeline(desk()), "Progressing", "tw-btc is starting"),
    "not starting": (slow_worker, "Degraded", "tw-btc: did not start in 120 s"),
    "paused": (
        lambda: of_the_pipeline(desiredState="Paused"),
        "Healthy",
        "takes no new positions; no order of this pipeline works at the venue",
    ),
    "pausing": (
        lambda: of_the_pipeline(figures=live(gateway_paper={"workingByPipeline": {"btc": 2}}), desiredState="Paused"),
        "Healthy",
        "takes no new positions; 2 orders still work at the venue",
    ),
    "draining": (
        lambda: drained(working=1),
        "Healthy",
        "ends when its orders are done; 1 orders still work at the venue",
    ),
    "drained": (
        lambda: drained(working=0),
        "Healthy",
        "its workers have ended; no order of this pipeline works at the venue",
    ),
    "halted": (
        lambda: of_the_pipeline(figures=live(gateway_paper={"pipelineHalted": {"btc": True}})),
        "Healthy",
        "a halt covers it: see the condition Halted of TradingAccount paper",
    ),
    "invalid": (
        lambda: of_the_pipeline(candles={"interval": "1500ms"}),
        "Degraded",
        "spec.candles.interval",
    ),
    "its account missing": (lambda: without_account(long=False), "Progressing", "account"),
    "its account missing for long": (lambda: without_account(long=True), "Degraded", "account"),
    "a symbol unknown": (
        unlisted,
        "Degraded",
        "spec.feed.symbols[0] (given: 'BTCUSDT'): not listed at MEXC: correct or remove it",
    ),
    "halted and paused": (
        lambda: of_the_pipeline(figures=live(gateway_paper={"pipelineHalted": {"btc": True}}), desiredState="Paused"),
        "Healthy",
        "no order of this pipeline works at the venue; a halt covers it",
    ),
    "with events that nobody keeps": (
        lambda: of_the_pipeline(sinks=[{"type": "PostgreSQL"}]),
        "Healthy",
        "trades; events are not kept: spec.sinks[0].dsnSecret (given: none)",
    ),
    "switched off by a misspelt word": (
        lambda: annotated("disable"),
        "Healthy",
        "trades; the annotation tradewind.io/reconcile is 'disable' and changes nothing",
    ),
    "an update waits": (with_a_new_image, "Healthy", "trades; annotate tradewind.io/approved-image=worker:1 to update"),
    "reconciling switched off": (
        lambda: annotated("Disabled"),
        "Healthy",
        "trades; the operator writes nothing: remove the annotation tradewind.io/reconcile to go on",
    ),
    "contended": (
        lambda: also(
            of_the_pipeline(), Condition("Contended", True, "ChangedByOthers", "Deployment/tw-btc by kubectl")
        ),
        "Degraded",
        "Deployment/tw-btc by kubectl",
    ),
    "its name taken": (
        lambda: also(of_the_pipeline(), Condition("Applied", False, "NameTaken", "Deployment tw-btc is theirs")),
        "Degraded",
        "Deployment tw-btc is theirs",
    ),
}


def of_the_account(world=None, **figures: object) -> Body:
    world = world or up()
    return looked_at(TA, world, trading(world, **figures))


def idle_account(*policies: Body) -> Body:
    world = desk(*((RP, body) for body in policies))
    world.forget(TP)
    return looked_at(TA, world)


LOGIN = {"venue": "MEXC", "mode": "Live", "credentials": {"secretName": "mexc-main"}}
OBSERVED = resource(RP, POLICY | {"mode": "Observe"})

LATCHED = {"action": "CancelAll", "reason": "fat finger", "uid": "uid-stop", "pipelines": ["*"]}

ACCOUNTS: dict[str, tuple[Callable[[], Body], str, str]] = {
    "new": (lambda: resource(TA, {}), "Progressing", "the operator has not looked at generation 1 yet"),
    "trading": (of_the_account, "Healthy", "the gateway is reconciled and takes orders"),
    "with no pipeline": (idle_account, "Healthy", "no pipeline trades on this account"),
    "starting": (
        lambda: of_the_account(desk()),
        "Progressing",
        "tw-simulator-paper is starting; tw-gateway-paper is starting",
    ),
    "without limits": (
        lambda: of_the_account(desk((RP, OBSERVED))),
        "Degraded",
        "apply one; until then every order is denied",
    ),
    "without limits and with no pipeline": (
        lambda: idle_account(OBSERVED),
        "Healthy",
        "until then every order is denied",
    ),
    "without a login": (
        lambda: of_the_account(desk(account(**LOGIN)), waitingFor="the Secret mexc-main"),
        "Degraded",
        "spec.credentials.secretName (given: 'mexc-main'): the gateway waits for the Secret mexc-main",
    ),
    "halted": (
        lambda: of_the_account(halts=[LATCHED]),
        "Healthy",
        "takes no orders: see the condition Halted; halted: CancelAll of everything: fat finger (uid uid-stop)",
    ),
    "drifting": (
        lambda: of_the_account(drift=["USDT: the venue has 1, the ledger 2"]),
        "Healthy",
        "takes orders; balances differ: USDT: the venue has 1, the ledger 2",
    ),
    "accepting what is not so": (
        lambda: of_the_account(refused="spec.acceptance.differences.USDT is 4, and the difference is 5"),
        "Healthy",
        "takes orders; not accepted: spec.acceptance.differences.USDT is 4, and the difference is 5",
    ),
    "invalid": (lambda: of_the_account(up(account(dayStart="Mars/Base"))), "Degraded", "spec.dayStart"),
    "not told": (
        lambda: also(of_the_account(), Condition("Told", False, "ControlBucketAway", "is NATS up?")),
        "Progressing",
        "is NATS up?",
    ),
}


def of_the_policy(world=None, figures=None, *, long: bool = False) -> Body:
    world = world or up()
    figures = trading(world) if figures is None else figures
    return waited_for(RP, world, figures) if long else looked_at(RP, world, figures)


def policy_before_its_pipelines(**selector: object) -> Body:
    limits = {name: value for name, value in POLICY.items() if name != "accounts"} | selector
    world = desk((RP, resource(RP, limits)))
    world.forget(TP)
    return looked_at(RP, world)


POLICIES: dict[str, tuple[Callable[[], Body], str, str]] = {
    "new": (lambda: resource(RP, {}), "Progressing", "the operator has not looked at generation 1 yet"),
    "enforced": (of_the_policy, "Healthy", "run by the gateways of paper"),
    "observed": (
        lambda: of_the_policy(up((RP, OBSERVED))),
        "Healthy",
        "run by the gateways of paper; mode Observe: nothing is denied",
    ),
    "not confirmed": (lambda: of_the_policy(figures=live()), "Progressing", "not confirmed by the gateways of paper"),
    "not confirmed for long": (
        lambda: of_the_policy(figures=live(), long=True),
        "Degraded",
        "not confirmed by the gateways of paper",
    ),
    "before any pipeline": (
        lambda: policy_before_its_pipelines(accounts={"matchLabels": {}}),
        "Healthy",
        "the first gateway that starts runs these limits",
    ),
    "before the pipelines it selects": (
        lambda: policy_before_its_pipelines(pipelines={"matchLabels": {"desk": "a"}}),
        "Healthy",
        "selects no account and no pipeline",
    ),
    "invalid": (
        lambda: of_the_policy(up((RP, resource(RP, POLICY | {"mode": "Sometimes"})))),
        "Degraded",
        "spec.mode",
    ),
}


def of_the_halt(acks=None, *, long: bool = False, **spec: object) -> Body:
    world = up((KS, resource(KS, HALT | spec)))
    figures = trading(world, acks=acks)
    return waited_for(KS, world, figures) if long else looked_at(KS, world, figures)


def halt_before(*keys) -> Body:
    world = desk(
        (KS, resource(KS, HALT | {"scope": {"pipelines": {"matchLabels": {}}, "accounts": {"matchLabels": {}}}}))
    )
    for key in keys:
        world.forget(key)
    return looked_at(KS, world)


ENFORCED = {"uid-stop": {"paper": ACK | {"enforced": True}}}

HALTS: dict[str, tuple[Callable[[], Body], str, str]] = {
    "new": (lambda: resource(KS, HALT), "Progressing", "the operator has not looked at generation 1 yet"),
    "in force": (lambda: of_the_halt(ENFORCED), "Healthy", "the gateways of paper are quiet; in force: Halt, a test"),
    "latched and not quiet": (
        lambda: of_the_halt({"uid-stop": {"paper": ACK}}),
        "Progressing",
        "not confirmed by the gateways of paper",
    ),
    "not confirmed": (of_the_halt, "Progressing", "not confirmed by the gateways of paper"),
    "not confirmed for long": (lambda: of_the_halt(long=True), "Degraded", "not confirmed by the gateways of paper"),
    "of nobody": (
        lambda: of_the_halt(scope={"accounts": {"matchLabels": {"desk": "none"}}}),
        "Degraded",
        "the scope matches no account: nothing is halted",
    ),
    "before any pipeline": (
        lambda: halt_before(TP),
        "Healthy",
        "nothing runs in its scope: a gateway that starts is halted from the first; in force: Halt, a test",
    ),
    "before anything": (lambda: halt_before(TP, TA), "Healthy", "the scope matches no account: nothing is halted"),
    "released": (
        lambda: of_the_halt(ENFORCED, release={"by": "rita", "reason": "all clear"}),
        "Healthy",
        "by rita: all clear",
    ),
    "unreadable": (lambda: of_the_halt(action="Panic"), "Degraded", "gateways halt on what they cannot read"),
}


def of_the_model(*, running: bool, **spec: object) -> Body:
    world = desk((TM, resource(TM, MODEL | spec)))
    if running:
        carried_out(world, planned(TM, world, live()))
    return looked_at(TM, world)


MODELS: dict[str, tuple[Callable[[], Body], str, str]] = {
    "starting": (lambda: of_the_model(running=False), "Progressing", "tw-model-alpha is starting"),
    "serving": (lambda: of_the_model(running=True), "Healthy", "1 workers serve; version 7"),
    "invalid": (lambda: of_the_model(running=False, training={"rows": 1}), "Degraded", "spec.training"),
}


def of_the_job(job_status: Body | None = None, **spec: object) -> Body:
    world = desk((ETL, resource(ETL, {"type": "ETL"} | spec)))
    carried_out(world, planned(ETL, world, live()))
    if job_status is not None:
        there = world.child(ETL, "Job", "tw-job-etl")
        assert there is not None
        world.observe_child(there | {"status": job_status})
    return looked_at(ETL, world)


def ended(kind: str, message: str = "") -> Body:
    return {"startTime": "2026-01-05T09:00:00Z", "conditions": [{"type": kind, "status": "True", "message": message}]}


JOBS: dict[str, tuple[Callable[[], Body], str, str]] = {
    "new": (lambda: resource(ETL, {}), "Progressing", "the operator has not looked at generation 1 yet"),
    "pending": (of_the_job, "Progressing", "the task runs"),
    "running": (lambda: of_the_job({"startTime": "2026-01-05T09:00:00Z"}), "Healthy", "the task runs"),
    "running and edited": (
        lambda: changed(of_the_job({"startTime": "2026-01-05T09:00:00Z"})),
        "Progressing",
        "the operator has not looked at generation 2 yet",
    ),
    "done": (lambda: of_the_job(ended("Complete")), "Healthy", "the task is done"),
    "done and edited": (lambda: changed(of_the_job(ended("Complete"))), "Healthy", "the task is done"),
    "failed": (lambda: of_the_job(ended("Failed", "no data")), "Degraded", "no data"),
    "scheduled": (lambda: of_the_job(schedule="0 6 * * *"), "Healthy", "runs at 0 6 * * * UTC"),
    "without what it is about": (
        lambda: looked_at(ETL, desk((ETL, resource(ETL, {"type": "Backtest", "pipeline": "eth"})))),
        "Degraded",
        "spec.pipeline: no such TradingPipeline",
    ),
}

CASES = {
    f"{kind} {state}": case
    for kind, states in (
        ("pipeline", PIPELINES),
        ("account", ACCOUNTS),
        ("policy", POLICIES),
        ("halt", HALTS),
        ("model", MODELS),
        ("job", JOBS),
    )
    for state, case in states.items()
}


@pytest.mark.parametrize(("made", "status", "message"), CASES.values(), ids=CASES)
def test_the_health_of(argo: Interpreter, made: Callable[[], Body], status: str, message: str) -> None:
    found, said = argo.health(made())

    assert found == status
    assert message in said


@pytest.mark.parametrize("made", [case[0] for case in CASES.values()], ids=CASES)
def test_what_stalls_is_told_in_the_words_of_the_condition(argo: Interpreter, made: Callable[[], Body]) -> None:
    body = made()
    stalled = [one for one in body.get("status", {}).get("conditions", []) if one["type"] == "Stalled"]

    found, said = argo.health(body)

    assert found != "Degraded" or not stalled or said == stalled[0]["message"]


def test_no_state_of_any_kind_holds_up_a_sync_for_good(argo: Interpreter) -> None:
    assert {argo.health(made())[0] for made, _, _ in CASES.values()} == {"Healthy", "Progressing", "Degraded"}
