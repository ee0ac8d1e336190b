"""A sorted set that pages: keys in ascending order, resumed after any key, present or not.

It is cut in leaves of at most `LEAF` keys, which split when they are full, so that neither adding a
key nor reading a page costs more as the set grows. Rule: a leaf is a plain dict of plain keys, which
CPython's collector never visits (it leaves dicts of atomic values untracked); a million keys in a
list would be visited one by one in every full collection.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

__all__ = ["LEAF", "Order"]

LEAF: Final = 682
"""The most keys of a leaf: what a CPython dict of 1024 slots holds before it grows."""

K = TypeVar("K", int, str)


class Order(Generic[K]):
    """A sorted set of integers, or of strings by code point."""

    __slots__ = ("_floors", "_leaves")

    def __init__(self) -> None:
        self._leaves: list[dict[K, None]] = [{}]
        # Leaf i+1 holds the keys from _floors[i] on; leaf 0 those below every floor.
        self._floors: list[K] = []

    def add(self, key: K) -> None:
        """Adds the key; nothing changes if it is there."""
        index = bisect_right(self._floors, key)
        leaf = self._leaves[index]
        leaf[key] = None
        if len(leaf) > LEAF:
            self._split(index)

    def discard(self, key: K) -> None:
        """Removes the key; nothing changes if it is not there."""
        index = bisect_right(self._floors, key)
        leaf = self._leaves[index]
        leaf.pop(key, None)
        if not leaf and self._floors:
            del self._leaves[index]
            del self._floors[max(index - 1, 0)]

    def after(self, key: K | None, limit: int) -> list[K]:
        """The first `limit` keys above `key`, ascending; None begins at the lowest."""
        return list(islice(self.ascend(key), limit))

    def ascend(self, key: K | None) -> Iterator[K]:
        """All keys above `key`, ascending; the set must not change meanwhile."""
        index = 0 if key is None else bisect_right(self._floors, key)
        first = self._leaves[index]
        yield from sorted(first if key is None else (item for item in first if item > key))
        for leaf in islice(self._leaves, index + 1, None):
            yield from sorted(leaf)

    def _split(self, index: int) -> None:
        keys = sorted(self._leaves[index])
        middle = len(keys) // 2
        self._leaves[index : index + 1] = [dict.fromkeys(keys[:middle]), dict.fromkeys(keys[middle:])]
        self._floors.insert(index, keys[middle])
