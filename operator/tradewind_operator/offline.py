"""What the operator would make of manifests, without a server: its own plans over a world that holds nothing else.

Called by ``tradewind render``.
"""

from __future__ import annotations

from collections.abc import Iterable

from tradewind.api.kinds import Resource, to_document

from tradewind_operator.kinds.plans import plan_of
from tradewind_operator.live import Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Body
from tradewind_operator.platform import Platform
from tradewind_operator.world import World

NOW = "1970-01-01T00:00:00Z"
RECORD = "ControllerRevision"
"""Says which generation of a specification ran: only a server knows that."""


def objects_of(resources: Iterable[Resource], platform: Platform) -> list[Body]:
    """The children of valid resources, in the order they would be applied.

    Of resources read from a server they are what runs there, to the letter; of others a worker's configuration lacks
    their uid. Without ownerReferences, which only a server can give: applied by hand, they are nobody's to remove.
    """
    world = World()
    for resource in resources:
        body: Body = to_document(resource)
        world.observe(Key(resource.kind, resource.metadata.namespace, resource.metadata.name), body)
    return [
        _without_owners(body)
        for key in world.everything()
        for body in plan_of(key, world, platform, Live(), NOW).apply
        if body["kind"] != RECORD
    ]


def _without_owners(body: Body) -> Body:
    metadata = {name: value for name, value in body["metadata"].items() if name != "ownerReferences"}
    return body | {"metadata": metadata}
