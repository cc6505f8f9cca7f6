"""RiskPolicy: which gateways enforce it. Its limits travel with each account's document in the control bucket."""

from __future__ import annotations

from tradewind.api.references import policies_of, policy_problems
from tradewind.api.risk_policy import RiskPolicy

from tradewind_operator.conditions import readiness
from tradewind_operator.kinds.revisions import revisions_of
from tradewind_operator.kinds.status import Judgement, plan_with_status, waited
from tradewind_operator.kinds.workers import has_gateway
from tradewind_operator.live import LATER_S, SOON_S, Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Body, Plan
from tradewind_operator.world import World


def plan_risk_policy(key: Key, world: World, live: Live, now: str) -> Plan:
    seen = world.seen(key)
    if seen is None:
        return Plan(prune=tuple(world.children(key)))
    policy = world.accepted(key)
    if not isinstance(policy, RiskPolicy):
        return plan_with_status(
            seen, Judgement(readiness(False, "InvalidSpec", "; ".join(seen.problems), stalled=True)), now
        )
    bound = [
        account
        for account in world.accounts(key.namespace)
        if policies_of(account, world.of_account(key.namespace, account.metadata.name), [policy])
    ]
    expected = policy.limits_hash
    listed: list[Body] = []
    for account in bound:
        gateway = live.figures(f"gateway-{account.metadata.name}").get("limits", {})
        found = gateway.get(policy.metadata.name, "")
        listed.append({"name": account.metadata.name, "enforced": found == expected, "hash": found})
    run = {
        account.metadata.name
        for account in bound
        if has_gateway(key.namespace, account, world.of_account(key.namespace, account.metadata.name))
    }
    behind = [one["name"] for one in listed if not one["enforced"] and one["name"] in run]
    problems = [f"{path}: {remedy}" for path, _, remedy in policy_problems(policy, bound)]
    if seen.problems:
        message = f"the last valid limits hold on; {'; '.join(seen.problems)}"
        conditions = readiness(False, "InvalidSpec", message, stalled=True)
    elif not bound:
        message = "selects no account and no pipeline: it protects nothing until one has these labels"
        conditions = readiness(False, "NoTargets", message, stalled=True)
    elif problems:
        conditions = readiness(False, "InvalidSpec", "; ".join(problems), stalled=True)
    elif behind:
        message = f"not confirmed by the gateways of {', '.join(behind)}"
        late = waited(seen, "NotEnforcedYet", now)
        conditions = readiness(False, "NotEnforcedYet", message, stalled=late)
    elif not run:
        message = "no pipeline trades on the accounts it selects: the first gateway that starts runs these limits"
        conditions = readiness(True, "Idle", message)
    else:
        conditions = readiness(True, "Enforced", f"run by the gateways of {', '.join(sorted(run))}")
    revisions, old = revisions_of(key, seen, world)
    again = SOON_S if behind else LATER_S
    judgement = Judgement(
        conditions, {"limitsHash": expected, "accounts": listed}, applied=bool(run) and not behind, again_in_s=again
    )
    return plan_with_status(seen, judgement, now, tuple(revisions), tuple(old))
