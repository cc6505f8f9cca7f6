"""Objects are kept small, and come back as they were."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from tradewind_operator.kinds.plans import plan_of
from tradewind_operator.packing import WINDOW, Packing
from unit.control_plane.desk import NOW, PIPELINE, PLATFORM, TP, desk, live, resource

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(objects=st.lists(st.tuples(st.sampled_from(["Deployment", "Secret"]), JSON), min_size=1, max_size=5))
def test_an_object_comes_back_as_it_was_whatever_was_seen_before_it(objects: list[tuple[str, object]]) -> None:
    packing = Packing()
    bodies = [{"kind": kind, "data": data} for kind, data in objects]

    assert [packed.body for packed in [packing.pack(body) for body in bodies]] == bodies


def test_objects_larger_than_what_zlib_looks_back_come_back_as_they_were() -> None:
    packing = Packing()
    large = [
        {"kind": "ConfigMap", "data": {"text": "".join(chr(48 + (n * k) % 70) for n in range(3 * WINDOW))}}
        for k in (7, 11)
    ]

    assert [packing.pack(body).body for body in large] == large


def test_what_was_read_can_be_changed_by_its_reader() -> None:
    packed = Packing().pack({"kind": "Secret", "data": {}})
    packed.body["data"]["more"] = "of the reader"

    assert packed.body == {"kind": "Secret", "data": {}}


def test_a_thousand_alike_take_a_quarter_of_their_json_at_most() -> None:
    packing = Packing()
    deployment = next(body for body in plan_of(TP, desk(), PLATFORM, live(), NOW).apply if body["kind"] == "Deployment")
    for kind in (deployment, resource(TP, PIPELINE)):
        texts = [json.dumps(kind).replace("btc", f"btc{n}") for n in range(1000)]
        kept = [packing.pack(json.loads(text)) for text in texts]

        assert sum(len(one.data) for one in kept) < sum(map(len, texts)) / 4
