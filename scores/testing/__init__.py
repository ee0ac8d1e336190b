"""The contract suite that every store passes, for your own store's tests (needs `scores-server[testing]`).

from scores.testing import StoreContract

class TestMyStore(StoreContract):
    @pytest.fixture
    def store_url(self) -> str:
        return "mystore:"  # each test must find an empty store behind it
"""

import pytest

pytest.register_assert_rewrite(
    *(f"scores.testing.{name}" for name in ("contract", "machine", "marks", "paging"))
)

from scores.testing.blocking import BlockingStore, add_one, open_blocking  # noqa: E402  # only modules imported later are rewritten
from scores.testing.contract import StoreContract  # noqa: E402  # likewise
from scores.testing.machine import StoreMachine, check_store  # noqa: E402  # likewise

__all__ = ["BlockingStore", "StoreContract", "StoreMachine", "add_one", "check_store", "open_blocking"]
