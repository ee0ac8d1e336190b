"""Stores that suspend, or fail, beside the embedded ones."""

from pathlib import Path

import pytest

ODD_STORES = str(Path(__file__).parents[2] / "support" / "odd_stores")


@pytest.fixture(autouse=True)
def _odd_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ODD_STORES)
