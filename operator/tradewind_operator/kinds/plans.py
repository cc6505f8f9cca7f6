"""Which plan is made for which kind. Pure: the same for the operator and for what is only looked at."""

from __future__ import annotations

from collections.abc import Callable

from tradewind_operator.kinds.account import plan_account
from tradewind_operator.kinds.direct_halts import plan_direct_halts
from tradewind_operator.kinds.job import plan_job
from tradewind_operator.kinds.kill_switch import plan_kill_switch
from tradewind_operator.kinds.model import plan_model
from tradewind_operator.kinds.namespace import plan_namespace
from tradewind_operator.kinds.pipeline import plan_pipeline
from tradewind_operator.kinds.risk_policy import plan_risk_policy
from tradewind_operator.kinds.shared import plan_feed, plan_sink
from tradewind_operator.live import Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Plan
from tradewind_operator.platform import Platform
from tradewind_operator.world import World


def plan_of(key: Key, world: World, platform: Platform, live: Live, now: str) -> Plan:
    """What should be done for a key; ``now`` as RFC 3339. Of a kind that is none of ours everything is pruned."""
    plans: dict[str, Callable[[], Plan]] = {
        "TradingPipeline": lambda: plan_pipeline(key, world, platform, live, now),
        "TradingAccount": lambda: plan_account(key, world, platform, live, now),
        "RiskPolicy": lambda: plan_risk_policy(key, world, live, now),
        "KillSwitch": lambda: plan_kill_switch(key, world, live, now),
        "TradingModel": lambda: plan_model(key, world, platform, now),
        "TradingJob": lambda: plan_job(key, world, platform, now),
        "Feed": lambda: plan_feed(key, world, platform),
        "Sink": lambda: plan_sink(key, world, platform),
        "Namespace": lambda: plan_namespace(key, world, platform),
        "DirectHalts": lambda: plan_direct_halts(key, world, live),
    }
    made = plans.get(key.kind)
    return made() if made else Plan(prune=tuple(world.children(key)))
