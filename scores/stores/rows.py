"""The students, or the exams, of an embedded store: each has a row number and an exact total.

Rule: a key has a row exactly as long as its total holds a value; a number that falls free is used
again, so row numbers stay within `MAX_ROW`.
"""

from array import array
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final, Generic, TypeVar

from scores import exact
from scores.stores.order import Order

__all__ = ["MAX_ROW", "ROW_BITS", "MakeMap", "Rows"]

ROW_BITS: Final = 30
"""Two row numbers make a key of 60 bits, which CPython keeps in two digits."""
MAX_ROW: Final = (1 << ROW_BITS) - 1

MakeMap = Callable[[], MutableMapping[Any, Any]]
"""Makes an empty map: what tells the embedded stores apart."""

K = TypeVar("K", int, str)


class Rows(Generic[K]):
    """Keys, their row numbers and their totals, in ascending order of the keys."""

    __slots__ = ("_free", "_next", "keys", "numbers", "order", "totals")

    def __init__(self, make_map: MakeMap) -> None:
        self.numbers: MutableMapping[K, int] = make_map()
        self.keys: MutableMapping[int, K] = make_map()
        self.totals: MutableMapping[int, int] = make_map()
        self.order: Order[K] = Order()
        # An array, not a list: the collector would visit a list's items.
        self._free = array("q")
        self._next = 0

    def can_take(self, key: K) -> bool:
        """Whether the key has a row, or one is left for it."""
        return self._next <= MAX_ROW or bool(self._free) or key in self.numbers

    def number(self, key: K) -> int:
        """The key's row number; a new one, with an empty total, if it has none."""
        number = self.numbers.get(key)
        return self._append(key) if number is None else number

    def find(self, keys: Iterable[K]) -> set[int]:
        """The row numbers of those of the keys that have one."""
        return {self.numbers[key] for key in keys if key in self.numbers}

    def change(self, number: int, difference: int) -> None:
        """Adds the difference to a total; a row that is left without a value is given up."""
        total = self.totals[number] + difference
        if total == exact.EMPTY:
            self._drop(number)
        else:
            self.totals[number] = total

    def _append(self, key: K) -> int:
        if self._free:
            number = self._free.pop()
        else:
            number, self._next = self._next, self._next + 1
        self.numbers[key] = number
        self.keys[number] = key
        self.totals[number] = exact.EMPTY
        self.order.add(key)
        return number

    def _drop(self, number: int) -> None:
        key = self.keys.pop(number)
        del self.numbers[key], self.totals[number]
        self.order.discard(key)
        self._free.append(number)
