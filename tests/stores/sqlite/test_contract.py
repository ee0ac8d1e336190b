"""The contract suite on a file."""

from scores.testing import StoreContract


class TestSqlite(StoreContract):
    """`store_url` is in conftest."""
