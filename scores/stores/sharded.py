"""The store `sharded`: each dictionary cut in N by key, so that none is ever large.

A dictionary that grows copies itself; cut in N, the write that causes it waits for one part in N.
Rule: `Shards` is a drop-in for `dict`, and everything else is the embedded stores' one body.
"""

import re
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar, overload

from scores.errors import ConfigError
from scores.stores.base import Store
from scores.stores.tallied import TallyingStore

__all__ = ["DEFAULT_SHARDS", "MAX_SHARDS", "Shards", "open_sharded"]

DEFAULT_SHARDS: Final = 1024
MAX_SHARDS: Final = 65_536

# Fibonacci hashing (Knuth, TAOCP volume 3, section 6.4): spreads integers that differ in any bits.
_MULTIPLIER: Final = 0x9E3779B97F4A7C15
_SHIFT: Final = 32

_OPTIONS = re.compile(r"(?:\?shards=([0-9]{1,6}))?")

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class Shards(MutableMapping[K, V]):
    """A mapping whose entries are spread over a power of two of dictionaries by the key's hash."""

    __slots__ = ("_mask", "_shards")

    def __init__(self, shards: int) -> None:
        self._shards: tuple[dict[K, V], ...] = tuple({} for _ in range(shards))
        self._mask = shards - 1

    def _shard(self, key: object) -> dict[Any, V]:
        return self._shards[(hash(key) * _MULTIPLIER >> _SHIFT) & self._mask]

    # The three that recording lives on spell `_shard` out: the call is a third of their time.
    def __getitem__(self, key: K) -> V:
        return self._shards[(hash(key) * _MULTIPLIER >> _SHIFT) & self._mask][key]

    def __setitem__(self, key: K, value: V) -> None:
        self._shards[(hash(key) * _MULTIPLIER >> _SHIFT) & self._mask][key] = value

    def __delitem__(self, key: K) -> None:
        del self._shard(key)[key]

    def __contains__(self, key: object) -> bool:
        return key in self._shard(key)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(self._shards)

    # MutableMapping's own `get` goes through an exception for each missing key.
    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V, /) -> V: ...
    @overload
    def get(self, key: K, default: T, /) -> V | T: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        return self._shards[(hash(key) * _MULTIPLIER >> _SHIFT) & self._mask].get(key, default)


@asynccontextmanager
async def open_sharded(url: str) -> AsyncIterator[Store]:
    """Opens an empty store from `sharded` or `sharded:?shards=N`, N a power of two up to `MAX_SHARDS`."""
    match = _OPTIONS.fullmatch(url.removeprefix("sharded").removeprefix(":"))
    shards = int(match[1] or DEFAULT_SHARDS) if match else 0
    if not (0 < shards <= MAX_SHARDS and shards.bit_count() == 1):
        raise ConfigError(
            f"the store {url!r} is not allowed: write `sharded`, or `sharded:?shards=N`"
            f" with N a power of two from 1 to {MAX_SHARDS}"
        )
    yield TallyingStore(partial(Shards, shards))
