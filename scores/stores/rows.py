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
    """Keys, their row numbers and their totals, in ascending order of the keys.

    A total is kept in its parts (`exact.parts`): the short one in `totals`, a rest other than 0 in `rests`.
    """

    __slots__ = ("_free", "_next", "keys", "numbers", "order", "rests", "totals")

    def __init__(self, make_map: MakeMap) -> None:
        self.numbers: MutableMapping[K, int] = make_map()
        self.keys: MutableMapping[int, K] = make_map()
        self.totals: MutableMapping[int, int] = make_map()
        self.rests: MutableMapping[int, int] = make_map()
        self.order: Order[K] = Order()
        # An array, not a list: the collector would visit a list's items.
        self._free = array("q")
        self._next = 0

    def can_take(self, key: K) -> bool:
        """Whether the key has a row, or one is left for it."""
        return self.spare > 0 or key in self.numbers

    @property
    def spare(self) -> int:
        """How many more keys there are rows for."""
        return MAX_ROW + 1 - self._next + len(self._free)

    def append(self, key: K) -> int:
        """Gives a row number, with an empty total, to a key without one, or raises and leaves it so."""
        if self._free:
            number, following = self._free.pop(), self._next
        else:
            number, following = self._next, self._next + 1
        try:
            self.numbers[key] = number
            self.keys[number] = key
            self.totals[number] = exact.EMPTY
            self.order.add(key)
        except MemoryError:
            self.order.discard(key)
            self.totals.pop(number, None)
            self.keys.pop(number, None)
            self.numbers.pop(key, None)
            if number != self._next:
                self._free.append(number)
            raise
        self._next = following
        return number

    def find(self, keys: Iterable[K]) -> set[int]:
        """The row numbers of those of the keys that have one."""
        return {self.numbers[key] for key in keys if key in self.numbers}

    def average(self, number: int) -> tuple[float, int]:
        """The exact mean of the row's values, and how many there are."""
        short = self.totals[number]
        return exact.mean_of_parts(short, self.rests.get(number, 0)), exact.count(short)

    def add(self, number: int, short: int, rest: int) -> None:
        """Adds the parts of a value to a total."""
        self.totals[number] += short
        if rest:
            self._add_rest(number, rest)

    def change(self, number: int, short: int, rest: int) -> None:
        """Adds the parts of a difference to a total; a row that is left without a value is given up."""
        total = self.totals[number] + short
        if rest:
            self._add_rest(number, rest)
        if total == exact.EMPTY:
            self._drop(number)
        else:
            self.totals[number] = total

    def settle(self, number: int, values: Iterable[float]) -> None:
        """Adds up a total anew, of all its values; a row without any is given up."""
        if number not in self.keys:
            return
        short, rest = exact.EMPTY, 0
        for value in values:
            more, fraction = exact.parts(value)
            short, rest = short + more, rest + fraction
        self.rests.pop(number, None)
        if short == exact.EMPTY:
            self._drop(number)
            return
        if rest:
            self.rests[number] = rest
        self.totals[number] = short

    def _add_rest(self, number: int, rest: int) -> None:
        """Adds to the rest of a total, which is kept unless it is 0."""
        rest += self.rests.pop(number, 0)
        if rest:
            self.rests[number] = rest

    def _drop(self, number: int) -> None:
        key = self.keys[number]
        self.order.discard(key)
        del self.numbers[key], self.totals[number], self.keys[number]
        self._free.append(number)
