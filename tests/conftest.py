"""What all tests share: where the recorded market data is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # a machine that is busy fails no test


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Folder of real recordings; without it the test is skipped."""
    folder = Path(os.environ.get("TRADEWIND_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "spot_btcusdt_20240808.jsonl.gz").exists():
        pytest.skip(f"no recorded market data in {folder}: set TRADEWIND_DATA")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a cluster last, and what needs nodes at the very end: their clusters run until then."""
    order = {"api": 1, "argocd": 2, "e2e": 3}
    items.sort(key=lambda item: order.get(item.path.parent.name, 0) if item.path.parent.parent.name == "tests" else 0)
