"""What a gateway does about the news it is told: limits, halts, releases, unwinding; and how fresh their paths are.

A halt latches the moment its key is seen, before anything is journalled; ``enforcement`` does the rest.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import structlog
from pydantic import ValidationError
from tradewind.api.account import Acceptance
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.risk_policy import RiskPolicy
from tradewind.contract.subjects import escape, halt_of, instruments_key, limits_key, may_end
from tradewind.durations import SECOND, parse_duration

from tradewind_workers.gateway.enforcement import Enforcement
from tradewind_workers.gateway.following import Followed, Following
from tradewind_workers.gateway.freshness import Freshness
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.latches import EVERYTHING
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.runner.heartbeat import KeyWriter
from tradewind_workers.runner.tasks import Background

log = structlog.get_logger()
BLIND = "blind"
INSTRUMENTS = instruments_key("")


class ControlWatch:
    """Hears what is said and tells the gateway; ``answers`` takes acknowledgements."""

    def __init__(
        self,
        answers: KeyWriter,
        gateway: Gateway,
        outbox: Outbox,
        following: Following,
        clock: Callable[[], int],
        freshness: Freshness,
    ) -> None:
        self._gateway, self._outbox, self._clock = gateway, outbox, clock
        self.freshness = freshness
        self._following = following
        self._limits_key = limits_key(gateway.name)
        self._unwind_key = f"unwind.{escape(gateway.name)}"
        self._switches: dict[str, KillSwitch] = {}  # halts that were seen and not released, by key
        self._enforced: set[tuple[str, frozenset[str]]] = set()
        self._enforcement = Enforcement(answers, gateway, outbox, clock)
        self._work = Background()
        self.unwound = False
        self.limits_known = asyncio.Event()

    async def watch_freshness(self) -> None:
        """Without a sign on any path of halts for ``blindAfter``, positions may only shrink."""
        while True:
            await asyncio.sleep(0.5)
            self.look()

    def look(self) -> None:
        """Latch, or let go, by what was heard; what an earlier holder latched stays until there is news."""
        limit, now = parse_duration(self._gateway.account.spec.blind_after), self._clock()
        latched = BLIND in self._gateway.latches.halts
        if not latched and self.freshness.blind(limit):
            log.warning("blind", seconds=self.freshness.silent / SECOND)
            reason = "no news of halts: every path of them is silent"
            self._outbox.put(self._gateway.latch(BLIND, "Reduce", reason, frozenset((EVERYTHING,)), now))
        elif latched and self.freshness.sees(limit):
            self._outbox.put(self._gateway.on_release(BLIND, "gateway", "news of halts again", now))

    async def watch(self) -> None:
        """Until cancelled; raises what kept a halt from being carried out."""
        await self._work.run()

    async def close(self) -> None:
        await self._work.close()

    def on_key(self, key: str, value: bytes, *, deleted: bool) -> None:
        """A key of the control bucket is, or was changed to, this."""
        if halt_of(key) and not deleted:
            self.on_halt(key, value)
        elif key == self._limits_key:
            self._on_limits(b"{}" if deleted else value)
        elif key.startswith(INSTRUMENTS) and not deleted:
            self._following.on_instruments(key.removeprefix(INSTRUMENTS), value)
        elif key == self._unwind_key and not deleted:
            self._on_unwind(value)

    def on_halt(self, key: str, value: bytes) -> None:
        """A halt by any path. One nobody can read halts everything: it was meant to halt something."""
        seen = self._clock()
        try:
            switch = KillSwitch.model_validate_json(value, strict=False)
        except ValidationError as error:
            log.error("unreadable_halt", key=key, error=str(error)[:500])
            uid = halt_of(key)
            if not self._gateway.latches.knows(uid):
                everything = frozenset((EVERYTHING,))
                self._outbox.put(self._gateway.latch(uid, "Halt", "a halt that cannot be read", everything, seen))
            return
        uid = switch.metadata.uid
        if switch.spec.release is not None and not may_end(key):
            log.warning("release_not_believed", key=key)
        elif switch.spec.release is not None:
            self._switches = {at: one for at, one in self._switches.items() if one.metadata.uid != uid}
            release = switch.spec.release
            self._outbox.put(self._gateway.on_release(uid, release.by, release.reason, seen))
            return
        self._switches[key] = switch
        if self.limits_known.is_set() or not switch.spec.scope.pipelines:
            self._engage(switch, seen)

    def _engage(self, switch: KillSwitch, seen: int) -> None:
        """Halt whom it has not halted yet. Who a pipeline is, the limits document says: it is asked again with each."""
        uid = switch.metadata.uid
        effects = self._gateway.on_halt(switch, seen)
        latched, halted = self._clock(), self._gateway.latches.halted(uid)
        self._outbox.put(effects)
        if halted and (uid, halted) not in self._enforced:  # both paths tell of it, and every re-read does
            self._enforced.add((uid, halted))
            self._work.start(self._enforcement.enforce(uid, seen, latched))

    def _on_limits(self, value: bytes) -> None:
        """New limits hold at once; ones that cannot be read deny everything."""
        try:
            document = json.loads(value)
            policies = [RiskPolicy.model_validate(policy) for policy in document.get("policies", [])]
            followed = Followed.read(document.get("pipelines", {}))
            labels = dict(document.get("labels", {}))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            log.error("unreadable_limits", error=str(error)[:500])
            policies = []
        else:
            self._gateway.acceptance = _acceptance(document.get("acceptance"))
            self._gateway.serve(labels, {name: one.labels for name, one in followed.items()})
            self._following.update(followed)
        hashes = {policy.metadata.name: policy.limits_hash for policy in policies}
        self._outbox.put(self._gateway.on_policies(policies, self._clock(), hashes))
        self.limits_known.set()
        for switch in list(self._switches.values()):
            self._engage(switch, self._clock())

    def _on_unwind(self, value: bytes) -> None:
        try:
            pipelines = [str(name) for name in json.loads(value)["pipelines"]]
        except (ValueError, TypeError, KeyError) as error:
            log.error("unreadable_unwind", error=str(error)[:500])
            return
        self._work.start(self._unwind(pipelines))

    async def _unwind(self, pipelines: list[str]) -> None:
        await self._enforcement.unwind(pipelines)
        self.unwound = True


def _acceptance(document: object) -> Acceptance | None:
    """One nobody can read is told and not taken; limits hold all the same."""
    try:
        return None if document is None else Acceptance.model_validate(document)
    except ValidationError as error:
        log.error("unreadable_acceptance", error=str(error)[:500])
        return None
