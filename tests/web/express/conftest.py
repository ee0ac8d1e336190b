"""Stores that suspend, or fail, beside the embedded ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.wire import WireServer, wire_server

ODD_STORES = str(Path(__file__).parents[2] / "support" / "odd_stores")


@pytest.fixture(autouse=True)
def _odd_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ODD_STORES)


@pytest.fixture
async def slow() -> AsyncIterator[WireServer]:
    """A server whose store lets nothing through its closed gate."""
    async with wire_server(store="slow:") as server:
        yield server
