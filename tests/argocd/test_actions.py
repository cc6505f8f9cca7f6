"""What a person can choose in Argo CD on a resource, and what becomes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from argocd.interpreter import Interpreter
from argocd.reported import Body, looked_at, pipeline, trading, up
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.pipeline import TradingPipeline
from tradewind_operator.names import Key
from unit.control_plane.desk import ACCOUNT, PIPELINE, TA, TP, resource


def acted(argo: Interpreter, action: str, body: Body) -> tuple[str, Body]:
    """(operation, resource) of an action that concerns one resource; one that is only returned is patched."""
    made = argo.act(action, body)
    if isinstance(made, dict):
        return "patch", made
    [one] = made
    return one["operation"], one["resource"]


def read(body: Body) -> Any:
    """The resource as the operator reads it: the specification is the one the API server would take."""
    metadata = {name: body["metadata"][name] for name in ("name", "namespace", "labels") if name in body["metadata"]}
    document = {name: body[name] for name in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    kinds = {"KillSwitch": KillSwitch, "TradingPipeline": TradingPipeline}
    return kinds[body["kind"]].model_validate(document, by_alias=True, by_name=False)


@pytest.mark.parametrize(
    ("wanted", "greyed"),
    [
        ({}, "resume"),
        ({"desiredState": "Running"}, "resume"),
        ({"desiredState": "Paused"}, "pause"),
        ({"desiredState": "Drained"}, "drain"),
    ],
)
def test_a_pipeline_offers_every_state_but_its_own_and_a_halt(argo: Interpreter, wanted: Body, greyed: str) -> None:
    offered = argo.offered(resource(TP, PIPELINE | wanted))

    assert offered == dict.fromkeys(("pause", "resume", "drain", "halt"), True) | {greyed: False}


def test_an_account_offers_a_halt(argo: Interpreter) -> None:
    assert argo.offered(resource(TA, ACCOUNT)) == {"halt": True}


@pytest.mark.parametrize(("action", "state"), [("pause", "Paused"), ("drain", "Drained"), ("resume", "Running")])
def test_a_pipeline_is_paused_drained_and_resumed(argo: Interpreter, action: str, state: str) -> None:
    world = up(pipeline(desiredState="Running" if state != "Running" else "Paused"))
    body = looked_at(TP, world, trading(world))

    operation, changed = acted(argo, action, body)

    assert operation == "patch"
    assert read(changed).spec.desired_state == state
    assert changed["spec"] | {"desiredState": ""} == body["spec"] | {"desiredState": ""}


@pytest.mark.parametrize(("key", "spec", "scope"), [(TP, PIPELINE, "pipelines"), (TA, ACCOUNT, "accounts")])
def test_a_halt_is_a_kill_switch_for_all_with_the_same_labels(
    argo: Interpreter, key: Any, spec: Body, scope: str
) -> None:
    operation, made = acted(argo, "halt", resource(key, spec, labels={"desk": "alpha"}))

    halt = read(made)
    assert operation == "create"
    assert (made["metadata"]["namespace"], halt.spec.action) == (key.namespace, "Halt")
    assert made["spec"]["scope"] == {scope: {"matchLabels": {"desk": "alpha"}}}
    assert halt.spec.reason == f"halted in Argo CD, on {key.kind} {key.name}"
    assert re.fullmatch(r"halt-\d{14}", halt.metadata.name)


@pytest.mark.parametrize("labels", [None, {}])
def test_a_halt_of_what_has_no_labels_halts_the_namespace(argo: Interpreter, labels: Body | None) -> None:
    body = resource(TP, PIPELINE, **({} if labels is None else {"labels": labels}))

    _, made = acted(argo, "halt", body)

    assert read(made).spec.scope.namespace
    assert made["spec"]["scope"] == {"namespace": True}


def test_a_halt_that_is_made_has_what_it_was_chosen_on_in_its_scope(argo: Interpreter) -> None:
    body = resource(TP, PIPELINE, labels={"desk": "alpha"})
    _, made = acted(argo, "halt", body)
    key = Key("KillSwitch", TP.namespace, made["metadata"]["name"])

    halt = looked_at(key, up((TP, body), (key, resource(key, made["spec"]))))

    assert halt["status"]["members"] == ["paper"]
