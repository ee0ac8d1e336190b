"""The contract suite on real Redis: one server, one behind Sentinels, a cluster of three masters."""

from scores.testing import StoreContract


class TestRedis(StoreContract):
    """`store_url` is in conftest."""
