"""What an account may do now, in words: from its gateway's heartbeat and the policies that bind it. For ``account``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tradewind.api.risk_policy import RiskPolicy

from tradewind_operator.conditions import Condition
from tradewind_operator.kinds.kill_switch import ENDS
from tradewind_operator.world import Seen

EVERYTHING = "*"
"""In the heartbeat of a gateway: a halt of the whole account."""
SILENT = "the gateway's pod is ready and nothing was heard from it for 15 s"


def trading(bound: list[RiskPolicy], figures: Mapping[str, Any], halted: Condition) -> tuple[str, str]:
    """(reason, message) of an account whose gateway is up: never that it takes orders where something forbids them.

    ``bound`` are the policies of the account as a whole, not those of some of its pipelines.
    """
    everything = [halt for halt in figures.get("halts", []) if EVERYTHING in halt["pipelines"]]
    if halted.status and not figures:
        return "Halted", f"{SILENT}; it was halted when it last said anything"
    if not figures:
        return "GatewaySilent", f"{SILENT}: if it stays so, see whether NATS answers"
    if any(halt["action"] != "Reduce" for halt in everything):
        return "Halted", "the gateway is reconciled and takes no orders: see the condition Halted"
    if everything:
        return "Reducing", "the gateway takes only orders that shrink positions: see the condition Halted"
    reducing = [*_reducing(bound, figures)]
    if reducing:
        return "Reducing", f"the gateway takes only orders that shrink positions: {'; '.join(reducing)}"
    return "Trading", "the gateway is reconciled and takes orders"


def _reducing(bound: list[RiskPolicy], figures: Mapping[str, Any]) -> Iterator[str]:
    """Why policies let positions only shrink."""
    loss = -Decimal(figures.get("dayProfit") or 0)
    for policy in bound:
        limit, name = policy.spec.daily_loss, policy.metadata.name
        if policy.spec.reduce_only:
            yield f"RiskPolicy {name} has reduceOnly"
        if limit is not None and loss >= limit.value:
            yield f"the day's loss is past dailyLoss of RiskPolicy {name}, until that is raised or the day ends"


def halted_condition(figures: Mapping[str, Any], seen: Seen | None, records: Mapping[str, str]) -> Condition:
    """Every halt that is latched, whom it covers and how it ends; of a gateway that says nothing of them, what it said last.

    ``records`` are uids of KillSwitches by those of the halts they are the records of: both are latched, one is told.
    """
    halts = _once(figures.get("halts", []), records)
    for one in seen.status.get("conditions", []) if seen is not None and "halts" not in figures else ():
        if one["type"] == "Halted" and one["status"] == "True":
            return Condition("Halted", True, one["reason"], one["message"])
    if not halts:
        return Condition("Halted", False, "NoHalt", "no halt is latched")
    told = "; ".join(f"{halt['action']} of {_whom(halt)}: {halt['reason']} ({_ending(halt['uid'])})" for halt in halts)
    return Condition("Halted", True, _source(str(halts[0]["uid"])), told)


def _once(halts: list[Mapping[str, Any]], records: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The halts without those whose record is latched, too; whom they cover, their record does."""
    latched = {str(halt["uid"]) for halt in halts}
    covered: dict[str, set[str]] = {}
    for halt in halts:
        record = records.get(halt["uid"], "")
        uid = record if record in latched else str(halt["uid"])
        covered.setdefault(uid, set()).update(halt["pipelines"])
    return [{**halt, "pipelines": sorted(covered[halt["uid"]])} for halt in halts if halt["uid"] in covered]


def _whom(halt: Mapping[str, Any]) -> str:
    return "everything" if EVERYTHING in halt["pipelines"] else ", ".join(halt["pipelines"])


def _source(uid: str) -> str:
    """Who made a halt: a gateway names its own."""
    return "DailyLoss" if uid.startswith("daily-loss-") else {"blind": "Blind"}.get(uid, "KillSwitch")


def _ending(uid: str) -> str:
    endings = {"KillSwitch": f"uid {uid}", "Blind": "ends when there is news of halts again"}
    return endings.get(_source(uid), f"ends by a released KillSwitch with the annotation {ENDS}={uid}")
