"""A sorted set that pages: keys in ascending order, resumed after any key, present or not.

It is cut in leaves of at most `LEAF` keys, which split when they are full, so that neither adding a
key nor reading a page costs more as the set grows. Rule: a leaf is a plain dict of plain keys, or an
array, which CPython's collector never visits (it leaves dicts of atomic values untracked); a million
keys in a list would be visited one by one in every full collection.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Generic, TypeVar

__all__ = ["LEAF", "IntOrder", "Order"]

LEAF: Final = 682
"""The most keys of a leaf: what a CPython dict of 1024 slots holds before it grows."""

_PARTS: Final = 4
"""In how many leaves a full one of integers is cut: the more, the seldomer a key is sorted again."""

_ABOVE: Final = 2**63
"""Above every key that is an integer."""

K = TypeVar("K", int, str)


class Order(Generic[K]):
    """A sorted set of integers, or of strings by code point."""

    __slots__ = ("_floors", "_leaves")

    def __init__(self) -> None:
        self._leaves: list[Any] = [{}]
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
        self._take(index, key)
        if not self._leaves[index] and self._floors:
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

    def _take(self, index: int, key: K) -> None:
        self._leaves[index].pop(key, None)

    def _split(self, index: int) -> None:
        """Cuts a leaf; one for whose parts there is no memory stays as it is, until its next key."""
        try:
            parts, floors = self._cut(self._leaves[index])
            self._floors[index:index] = floors
        except MemoryError:
            return
        try:
            self._leaves[index : index + 1] = parts
        except MemoryError:
            del self._floors[index : index + len(floors)]

    def _cut(self, leaf: Any) -> tuple[list[Any], list[K]]:
        """The parts of a leaf, and the lowest keys of all but the first."""
        keys = sorted(leaf)
        middle = len(keys) // 2
        return [dict.fromkeys(keys[:middle]), dict.fromkeys(keys[middle:])], [keys[middle]]


class IntOrder(Order[int]):
    """A sorted set of integers from 0 to 2^63-1, eight bytes each, that is told only of new ones."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._leaves = [array("q")]

    def add(self, key: int) -> None:
        """Adds a key that is not there."""
        self.update((key,))

    def update(self, keys: Iterable[int]) -> None:
        """Adds keys that are not there, all different; those of one leaf need it found once."""
        leaves, floors = self._leaves, self._floors
        index, ceiling, leaf = 0, -1, leaves[0]
        for key in sorted(keys):
            if key >= ceiling:
                index = bisect_right(floors, key)
                ceiling = floors[index] if index < len(floors) else _ABOVE
                leaf = leaves[index]
            leaf.append(key)
            if len(leaf) > LEAF:
                self._split(index)
                ceiling = -1

    def _take(self, index: int, key: int) -> None:
        with suppress(ValueError):
            self._leaves[index].remove(key)

    def _cut(self, leaf: Any) -> tuple[list[Any], list[int]]:
        keys = sorted(leaf)
        size = -(-len(keys) // _PARTS)
        parts = [array("q", keys[start : start + size]) for start in range(0, len(keys), size)]
        return parts, [part[0] for part in parts[1:]]
