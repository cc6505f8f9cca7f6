"""The second look: full lists, compared with what the watches showed; and every key planned again now and then.

A watch can end without a word, and what was deleted while it was being made anew is never announced. Both show here.
"""

from __future__ import annotations

import asyncio
import random
import time

import structlog
from tradewind.errors import Unavailable

from tradewind_operator.api import ApiRefused, ApiServer
from tradewind_operator.names import API_KINDS, CHILDREN, SELECTOR, Key
from tradewind_operator.triggers import rank_of_a_look
from tradewind_operator.watching import Watching, missing
from tradewind_operator.work_queue import Add
from tradewind_operator.world import World

log = structlog.get_logger()
FIRST_LOOK_S, EVERY_S, RETRY_S = 0.3, 300.0, 10.0
STALE_S = 900.0


class Resync:
    """``fresh`` is False when the watches could not be shown to be complete for too long; ``absent`` are namespaces that are to be
    watched and are not there: a list of what is in them is as empty as one of nothing."""

    def __init__(
        self,
        world: World,
        api: ApiServer,
        watching: Watching,
        add: Add,
        namespaces: list[str],
        every_s: float = EVERY_S,
    ) -> None:
        self._world, self._api, self._watching, self._add = world, api, watching, add
        self._namespaces, self._every_s = namespaces, every_s
        self._complete_at = time.monotonic()
        self._behind: set[tuple[str, str, str]] = set()
        self.absent: list[str] = []

    async def run(self) -> None:
        """Until cancelled."""
        wait = FIRST_LOOK_S
        while True:
            await asyncio.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load
            began = time.monotonic()
            try:
                await self.look()
            except (ApiRefused, Unavailable) as error:
                log.warning("resync_failed", error=str(error))
                wait = RETRY_S
                continue
            if not self._watching.complete:
                wait = max(FIRST_LOOK_S, 2 * (time.monotonic() - began))
                continue
            wait = self._every_s
            for key in self._world.everything():
                self._add(key, random.uniform(0, min(30.0, self._every_s)), rank_of_a_look(key))  # noqa: S311 - spreads load

    async def look(self) -> None:
        """Compare once. What is gone is forgotten; what the watches should show and do not makes them stale."""
        self.absent = await self._api.absent(self._namespaces)
        if self.absent:
            log.warning("no_such_namespace", namespaces=self.absent)
        before = self._world.uids()
        listed: dict[str, dict[tuple[str, str], str]] = {}
        for api_kind in API_KINDS.values():
            selector = SELECTOR if api_kind.kind in CHILDREN else ""
            try:
                listed[api_kind.kind] = await self._api.uids(api_kind, self._namespaces, selector)
            except ApiRefused as error:
                if error.code != 404:  # a kind that is not installed, or not served yet: nothing is known of it
                    raise
        now = self._world.uids()
        for kind, namespace, name in missing(before, listed):
            if now.get(kind, {}).get((namespace, name)) != before[kind][namespace, name]:
                continue  # made anew, or gone, while the lists came in
            log.info("gone_unannounced", kind=kind, namespace=namespace, name=name)
            self._forget(kind, namespace, name)
        unseen = set(missing(listed, self._world.uids()))
        stale = unseen & self._behind
        self._behind = unseen
        if stale:
            log.error("watch_stalled", missing=[f"{kind} {ns}/{name}" for kind, ns, name in sorted(stale)[:10]])
        else:
            self._complete_at = time.monotonic()
            if not unseen and listed.keys() == API_KINDS.keys():
                self._watching.begin()

    @property
    def age_s(self) -> float:
        """Since the watches were last shown to be complete."""
        return time.monotonic() - self._complete_at

    @property
    def fresh(self) -> bool:
        return self.age_s < max(STALE_S, 3 * self._every_s)

    def _forget(self, kind: str, namespace: str, name: str) -> None:
        if kind not in CHILDREN:
            self._watching.gone(Key(kind, namespace, name))
            return
        body = self._world.child_named(kind, namespace, name)
        if body is not None:
            self._watching.child_gone(body)
