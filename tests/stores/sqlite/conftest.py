"""Files for stores, one for each test."""

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a store's file may be made."""
    return tmp_path / "scores.db"


@pytest.fixture
def store_url(file: Path) -> str:
    """The URL of an empty store."""
    return f"sqlite:{file}"
