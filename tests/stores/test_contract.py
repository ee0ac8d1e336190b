"""The contract suite over every store of ours, each at its default and at its smallest."""

import pytest

from scores.testing import StoreContract


class TestEveryStore(StoreContract):
    @pytest.fixture(params=["dict", "sharded", "sharded:?shards=1"])
    def store_url(self, request: pytest.FixtureRequest) -> str:
        url: str = request.param
        return url
