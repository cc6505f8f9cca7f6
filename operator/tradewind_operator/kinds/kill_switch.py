"""KillSwitch: who is in its scope, what every gateway in scope has confirmed, and whether the halt is in force."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import to_document
from tradewind.contract.subjects import halt_key

from tradewind_operator.conditions import Condition, at_rest, readiness
from tradewind_operator.kinds.direct_halts import DirectHalt, recorded_by
from tradewind_operator.kinds.status import Judgement, plan_with_status, waited
from tradewind_operator.kinds.workers import has_gateway
from tradewind_operator.live import LATER_S, SOON_S, Live, timestamp
from tradewind_operator.names import Key, child_name
from tradewind_operator.plan import Body, Plan
from tradewind_operator.world import Seen, World

ENDS = "tradewind.io/ends"
"""On a KillSwitch that is made released: the uid of a halt that has no KillSwitch, and that it ends."""
MAX_UID = 64
NEXT_HEARTBEAT_NS = 2 * 10**9
"""After a gateway has latched its next heartbeat tells of it."""


def halt_message(body: Body) -> tuple[str, Body]:
    """The bucket's key and document of a halt as the API server has it. One that cannot be read is passed on as it is:
    a gateway halts on what it cannot read."""
    metadata = body["metadata"]
    document = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
        "spec": body.get("spec"),
    }
    return halt_key(metadata["uid"]), document


def ended_message(switch: KillSwitch, others: Mapping[str, str]) -> tuple[tuple[str, Body], ...]:
    """The release of a halt that a gateway made itself, or whose KillSwitch has vanished.

    Only of one that was made released, never changed since: who may do that is who may release. Never of a halt that
    has a KillSwitch, ``others`` by uid: that one would go on saying that it is in force.
    """
    uid = switch.metadata.annotations.get(ENDS, "")
    if not 0 < len(uid) <= MAX_UID or switch.spec.release is None or switch.metadata.generation != 1 or uid in others:
        return ()
    document = to_document(switch.model_copy(update={"metadata": switch.metadata.model_copy(update={"uid": uid})}))
    return ((halt_key(uid), document),)


def in_scope(switch: KillSwitch, world: World, namespace: str) -> list[str]:
    """The accounts a halt concerns: by their own labels, or by those of a pipeline that trades on them."""
    scope = switch.spec.scope
    return [
        account.metadata.name
        for account in world.accounts(namespace)
        if scope.namespace
        or (scope.accounts and scope.accounts.matches(account.metadata.labels))
        or (scope.pipelines and _any_pipeline(switch, world, namespace, account))
    ]


def plan_kill_switch(key: Key, world: World, live: Live, now: str) -> Plan:
    """The halt itself is told to the bucket by the watch, before anything is planned; this repeats it and reports."""
    seen = world.seen(key)
    if seen is None:
        return Plan()
    told = halt_message(seen.body)
    switch = seen.resource
    if not isinstance(switch, KillSwitch):
        message = f"{'; '.join(seen.problems)}; gateways halt on what they cannot read"
        return plan_with_status(
            seen, Judgement(readiness(False, "InvalidSpec", message, stalled=True)), now, bucket=(told,)
        )
    recorded = recorded_by(switch.metadata.annotations, switch.spec, live)
    others = _others_in_force(key, world)
    bucket = (told, *ended_message(switch, others), *_ended_record(switch, recorded))
    uids = {seen.uid, recorded.uid} if recorded else {seen.uid}
    return plan_with_status(seen, _judge(key, seen, switch, world, live, uids, others, now), now, bucket=bucket)


def _judge(
    key: Key,
    seen: Seen,
    switch: KillSwitch,
    world: World,
    live: Live,
    uids: Set[str],
    others: Mapping[str, str],
    now: str,
) -> Judgement:
    """``uids`` are those of the halts it ends, ``others`` the names of other KillSwitches in force by uid."""
    members = sorted({*in_scope(switch, world, key.namespace), *seen.status.get("members", [])})
    answers, released = live.answers(seen.uid), switch.spec.release
    before = {one.get("account"): one for one in seen.status.get("gateways", [])}
    gateways = [
        _as_first_said(_gateway(account, answers[account]), before.get(account, {}))
        for account in members
        if account in answers
    ]
    held = [name for name in members if _holds(live, name, uids)]
    wrong = others.get(switch.metadata.annotations.get(ENDS, ""))
    if released is not None and wrong is not None:
        message = f"the annotation {ENDS} names the halt of KillSwitch {wrong}: release that one"
        conditions = readiness(False, "HasKillSwitch", message, stalled=True)
    elif released is not None and held:
        conditions = readiness(False, "Releasing", f"still latched by the gateways of {', '.join(held)}")
    elif released is not None:
        conditions = readiness(True, "Released", f"by {released.by}: {released.reason}")
    elif not members:
        message = "the scope matches no account: nothing is halted"
        trading = bool(world.keys_of(key.namespace, "TradingPipeline"))
        conditions = readiness(False, "NoTargets", message, stalled=True) if trading else at_rest("NoTargets", message)
    else:
        conditions = _confirmations(key, seen, world, live, members, answers, now)
    latched = bool(held) if released is not None else bool(members)
    status: Body = {"members": members, "latched": latched, "gateways": gateways}
    again = SOON_S if released is not None and held else None if conditions[0].status else LATER_S
    return Judgement(conditions, status, applied=True, again_in_s=again)


def _others_in_force(key: Key, world: World) -> dict[str, str]:
    """Names of the other KillSwitches of the namespace that are not released, by uid."""
    found = {one.name: world.seen(one) for one in world.keys_of(key.namespace, "KillSwitch") if one != key}
    return {seen.uid: name for name, seen in found.items() if seen is not None and not _is_released(seen)}


def _is_released(seen: Seen) -> bool:
    return isinstance(seen.resource, KillSwitch) and seen.resource.spec.release is not None


def _ended_record(switch: KillSwitch, recorded: DirectHalt | None) -> tuple[tuple[str, Body], ...]:
    """The release of the halt that this is the record of."""
    return (recorded.ended(switch.spec.release),) if recorded and switch.spec.release else ()


def _confirmations(
    key: Key, seen: Seen, world: World, live: Live, members: list[str], answers: Mapping[str, Any], now: str
) -> list[Condition]:
    """What those in scope have confirmed; an account for which nothing runs has nothing to confirm."""
    asked = [name for name in members if name in answers or _runs(key.namespace, name, world)]
    missing = [name for name in asked if not _confirmed(live, name, seen.uid, answers.get(name, {}))]
    if missing:
        message = f"not confirmed by the gateways of {', '.join(missing)}"
        conditions = readiness(False, "Enforcing", message, stalled=waited(seen, "Enforcing", now))
    elif not asked:
        conditions = readiness(
            True, "Idle", "nothing runs in its scope: a gateway that starts is halted from the first"
        )
    else:
        conditions = readiness(True, "Enforced", f"the gateways of {', '.join(asked)} are quiet")
    conditions.append(_counted("Latched", "Acknowledged", sum(name in answers for name in asked), len(asked)))
    conditions.append(_counted("Enforced", "Quiet", len(asked) - len(missing), len(asked)))
    return conditions


def _runs(namespace: str, name: str, world: World) -> bool:
    """Whether an account has a gateway, should have one, or is gone and may have left one."""
    account = world.account(namespace, name)
    key = Key("TradingAccount", namespace, name)
    there = world.child(key, "Deployment", child_name(f"gateway-{name}")) is not None
    return account is None or there or has_gateway(namespace, account, world.of_account(namespace, name))


def _holds(live: Live, account: str, uids: Set[str]) -> bool:
    """Whether the account's gateway says that it is latched by any of these halts."""
    return any(halt["uid"] in uids for halt in live.figures(f"gateway-{account}").get("halts", []))


def _confirmed(live: Live, account: str, uid: str, answer: Mapping[str, Any]) -> bool:
    """Whether a gateway has enforced a halt, and holds it by what it has said since: one that lost its journal does not."""
    figures = live.figures(f"gateway-{account}")
    since = int(figures.get("at", 0)) - int(answer.get("latchedAt", 0)) > NEXT_HEARTBEAT_NS
    let_go = since and "halts" in figures and not _holds(live, account, {uid})
    return bool(answer.get("enforced")) and not let_go


def _counted(kind: str, reason: str, there: int, of: int) -> Condition:
    done = there == of > 0
    return Condition(kind, done, reason if done else "Waiting", f"{there} of {of} gateways said so")


def _any_pipeline(switch: KillSwitch, world: World, namespace: str, account: TradingAccount) -> bool:
    selector = switch.spec.scope.pipelines
    pipelines = world.of_account(namespace, account.metadata.name)
    return selector is not None and any(selector.matches(pipeline.metadata.labels) for pipeline in pipelines)


def _gateway(account: str, ack: Any) -> Body:
    found: Body = {"account": account, "uid": str(ack.get("uid", ""))}
    if "latchedAt" in ack:
        found["ackedAt"] = timestamp(ack["latchedAt"])
        found["latency"] = f"{(ack['latchedAt'] - ack.get('seenAt', ack['latchedAt'])) / 1e6:.3f}ms"
    if "quietAt" in ack:
        found["quietAt"] = timestamp(ack["quietAt"])
        found["cancelled"] = int(ack.get("cancelled", 0))
    if "flattenedAt" in ack:
        found["flattened"] = True
    if "waitingFor" in ack:
        found["waitingFor"] = str(ack["waitingFor"])[:256]
    return found


def _as_first_said(told: Body, before: Mapping[str, Any]) -> Body:
    """With the earliest times of this halt: a gateway that takes over, or starts again, says anew when it latched."""
    if before.get("uid") != told["uid"]:
        return told
    for moment, beside in (("ackedAt", "latency"), ("quietAt", "cancelled")):
        if moment in before and before[moment] <= told.get(moment, before[moment]):
            told |= {name: before[name] for name in (moment, beside) if name in before}
    return told
