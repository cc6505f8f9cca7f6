"""An API server and a control bucket in memory, as the reconciler sees them; tests say what happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind.errors import Unavailable
from tradewind_operator.api import ApiRefused
from tradewind_operator.live import Live
from tradewind_operator.plan import Body, Notice


class Server:
    """Takes what ``refuse`` says nothing of, and keeps a list of (verb, kind/name). ``meanwhile`` is called while a status is
    on its way."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.refuse: Callable[[Body], ApiRefused | None] = lambda _: None
        self.meanwhile: Callable[[], None] = lambda: None

    def kinds(self, verb: str) -> list[str]:
        return [named for done, named in self.done if done == verb]

    async def apply(self, body: Body, *, force: bool = True) -> Body:
        refused = self.refuse(body)
        if refused is not None:
            raise refused
        self._note("apply", body)
        return body | {"metadata": {"uid": f"uid-{body['metadata']['name']}", "generation": 1} | body["metadata"]}

    async def create(self, body: Body) -> Body:
        self._note("create", body)
        return body

    async def delete(self, body: Body) -> None:
        self._note("delete", body)

    async def status(self, body: Body, status: Body) -> None:
        self._note("status", body)
        self.meanwhile()

    async def event(self, about: Body, notice: Notice, now: str) -> None:
        self.done.append(("event", notice.reason))

    def _note(self, verb: str, body: Body) -> None:
        self.done.append((verb, f"{body['kind']}/{body['metadata']['name']}"))


class Bucket:
    """The one bucket of every namespace; ``away``, it takes nothing."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.away = False
        self.reached = True
        self.says = Live()

    def serve(self, namespace: str) -> Bucket:
        return self

    def leave(self, namespace: str) -> None:
        pass

    def live(self) -> Live:
        return self.says

    async def heard(self) -> None:
        pass

    async def tell(self, key: str, document: Body) -> bool:
        if self.away:
            raise Unavailable("the control bucket does not answer")
        changed = self.told.get(key) != document
        self.told[key] = document
        return changed
