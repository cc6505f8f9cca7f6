"""Whom an object belongs to, by what was seen of it."""

from __future__ import annotations

from tradewind_operator.children import Children
from tradewind_operator.names import Key, labels
from tradewind_operator.packing import Packing
from tradewind_operator.plan import Body

MINE, OTHER = Key("TradingPipeline", "desk", "btc"), Key("TradingAccount", "desk", "paper")


def seen(owner: Key, uid: str = "one", name: str = "tw-btc") -> Body:
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "desk", "uid": uid, "labels": labels(owner)},
    }


def test_an_object_whose_labels_are_edited_stays_with_whom_it_was_made_for() -> None:
    children = Children(Packing())
    children.observe(seen(MINE))

    assert children.observe(seen(OTHER)) == MINE
    assert children.of(OTHER) == []
    assert children.get(MINE, "Deployment", "tw-btc") == seen(OTHER)


def test_another_object_of_the_same_name_belongs_to_whom_its_labels_say() -> None:
    children = Children(Packing())
    children.observe(seen(MINE))

    assert children.observe(seen(OTHER, uid="two")) == OTHER
    assert children.of(MINE) == []
    assert list(children.uids()) == [("Deployment", "desk", "tw-btc", "two")]


def test_what_is_forgotten_is_nobodys_whatever_its_labels_say_by_then() -> None:
    children = Children(Packing())
    children.observe(seen(MINE))

    assert children.forget(seen(OTHER)) == MINE
    assert children.made_for("Deployment", "desk", "tw-btc") is None
    assert list(children) == []
