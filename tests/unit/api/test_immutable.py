"""What may never change once a resource is there."""

from __future__ import annotations

import pytest
from tradewind.api.immutable import forbidden_changes, kept
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed

RELEASE = {"by": "ann", "reason": "over"}


@pytest.mark.parametrize(
    ("document", "path", "value", "said"),
    [
        (PIPELINE, "spec.account", "other", "cannot be changed (it is 'paper'): delete TradingPipeline/btc first"),
        (ACCOUNT, "spec.venue", "MEXC", "cannot be changed (it is 'Simulated'): delete TradingAccount/paper first"),
        (HALT, "spec.reason", "other", "cannot be changed (it is 'fat finger'): give the new one another name"),
        (HALT, "spec.scope", {"accounts": {}}, "cannot be changed: give the new one another name"),
    ],
)
def test_a_change_of_what_is_fixed_is_named(document, path, value, said):
    assert [(where, remedy) for where, _, remedy in forbidden_changes(document, changed(document, path, value))] == [
        (path, said)
    ]


def test_everything_else_may_change():
    assert not list(forbidden_changes(PIPELINE, changed(PIPELINE, "spec.feed.symbols", ["ETHUSDT"])))
    assert not list(forbidden_changes(POLICY, changed(POLICY, "spec.mode", "Observe")))
    assert not list(forbidden_changes(HALT, changed(HALT, "spec.release", RELEASE)))


def test_a_release_is_set_once():
    released = changed(HALT, "spec.release", RELEASE)

    again = changed(HALT, "spec.release", {"by": "bob", "reason": "me too"})

    assert [where for where, _, _ in forbidden_changes(released, again)] == ["spec.release"]
    assert not list(forbidden_changes(released, released))


def test_a_manifest_without_the_release_does_not_engage_the_halt_anew():
    released = changed(HALT, "spec.release", RELEASE)

    assert kept(released, HALT)["spec"]["release"] == RELEASE
    assert kept(PIPELINE, ACCOUNT) is ACCOUNT
