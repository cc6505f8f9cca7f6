"""What waits under ``updatePolicy`` Window and OnApproval: whatever of the platform's would restart a pipeline's workers.

That is a new image, another address of NATS, pods or configurations as a new operator makes them. What the pipeline itself
asks for is done at once. Called by ``pipeline``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from tradewind.api.pipeline import TradingPipeline

from tradewind_operator.conditions import Condition
from tradewind_operator.difference import contains
from tradewind_operator.names import MANAGER, SPECIFICATION, Key
from tradewind_operator.plan import Body
from tradewind_operator.world import World

APPROVED_IMAGE, APPROVED_UPDATE = "tradewind.io/approved-image", "tradewind.io/approved-update"
RESTARTS_NOTHING = {"sinks", "update_policy", "unwind_on_stop"}
"""Fields of a pipeline that its workers are not told."""


def held(
    objects: Sequence[Body], world: World, key: Key, pipeline: TradingPipeline
) -> tuple[list[Body], Condition | None]:
    """(the objects, where updates wait with what runs in place of what would restart it; what has to be done, if any does).

    Deployments carry a mark of the specification they were made of: one that was made of another is the pipeline's own
    change, and keeps only its image. One that somebody else has changed is put right, whatever waits.
    """
    made = [_marked(body, pipeline) if body["kind"] == "Deployment" else body for body in objects]
    policy, rests = pipeline.spec.update_policy, pipeline.spec.desired_state != "Running"
    if policy == "Automatic" or (policy == "Window" and rests):
        return made, None
    waiting = [body for body in made if body["kind"] == "Deployment" and _would_restart(body, world, key)]
    update = _digest([body["spec"]["template"] for body in waiting])
    images = sorted({_image(body) for body in waiting if _image(body) != _image(_there(body, world, key))})
    annotations = pipeline.metadata.annotations
    if annotations.get(APPROVED_IMAGE) in images or annotations.get(APPROVED_UPDATE) == update:
        return made, None
    kept = {one: body for body in waiting for one, body in _as_it_runs(body, made, world, key).items()}
    if not kept:
        return made, None
    approve = f"{APPROVED_IMAGE}={images[0]}" if images else f"{APPROVED_UPDATE}={update}"
    return [kept.get(_named(body), body) for body in made], _update_pending(policy, approve)


def _update_pending(policy: str, approve: str) -> Condition:
    """What has to be done for the workers to get what waits."""
    if policy == "Window":
        remedy = f"set spec.desiredState to Paused or Drained, or annotate {approve} to update while it trades"
        return Condition("UpdatePending", True, "AwaitsWindow", remedy)
    return Condition("UpdatePending", True, "AwaitsApproval", f"annotate {approve} to update")


def _as_it_runs(body: Body, made: Sequence[Body], world: World, key: Key) -> dict[tuple[str, str], Body]:
    """What stands in place of a worker's objects; nothing where only the pipeline's own change is wanted."""
    there, name = _there(body, world, key), body["metadata"]["name"]
    config = next((one for one in made if _named(one) == ("ConfigMap", name)), None)
    config_there = world.child(key, "ConfigMap", name)
    same = _made_of_this(there, body, world, key)
    if same and config and config_there and not _touched(there) and not _touched(config_there):
        return {
            _named(body): body | {"spec": body["spec"] | {"template": there["spec"]["template"]}},
            _named(config): config | {"data": config_there["data"]},
        }
    if _image(there) == _image(body):
        return {}
    return {_named(body): _with_image(body, _image(there))}


def _made_of_this(there: Body, body: Body, world: World, key: Key) -> bool:
    """Whether a Deployment was made of the present specification; of one without the mark, of an operator of before, the
    status of its pipeline says so."""
    made_of = (there["metadata"].get("annotations") or {}).get(SPECIFICATION)
    if made_of is not None:
        return bool(made_of == body["metadata"]["annotations"][SPECIFICATION])
    seen = world.seen(key)
    return seen is not None and seen.status.get("appliedGeneration") == seen.generation


def _would_restart(body: Body, world: World, key: Key) -> bool:
    there = world.child(key, "Deployment", body["metadata"]["name"])
    return there is not None and not contains(there["spec"]["template"], body["spec"]["template"])


def _there(body: Body, world: World, key: Key) -> Body:
    there = world.child(key, "Deployment", body["metadata"]["name"])
    return body if there is None else there


def _touched(there: Body) -> bool:
    """Whether anybody else has a say in what an object runs."""
    managers = there["metadata"].get("managedFields") or []
    return any(one.get("manager") != MANAGER and one.get("runs", True) for one in managers)


def _marked(body: Body, pipeline: TradingPipeline) -> Body:
    """With the mark of the specification; fields that are as by default leave none, so that new fields do not, either."""
    spec = pipeline.spec.model_dump(mode="json", exclude_defaults=True, exclude=RESTARTS_NOTHING)
    metadata = body["metadata"]
    annotations = metadata.get("annotations", {}) | {SPECIFICATION: _digest(spec)}
    return body | {"metadata": metadata | {"annotations": annotations}}


def _with_image(body: Body, image: str) -> Body:
    template = body["spec"]["template"]
    first, *others = template["spec"]["containers"]
    pod = template["spec"] | {"containers": [first | {"image": image}, *others]}
    return body | {"spec": body["spec"] | {"template": template | {"spec": pod}}}


def _image(body: Body) -> str:
    return str(body["spec"]["template"]["spec"]["containers"][0]["image"])


def _named(body: Body) -> tuple[str, str]:
    return body["kind"], body["metadata"]["name"]


def _digest(made_of: object) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]
