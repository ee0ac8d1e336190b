"""A histogram of times: log-linear buckets, as in HdrHistogram.

The rule: memory is fixed, whatever is recorded. A bucket is at most 1/128 as wide as the values in it,
so a percentile is at most 0.8 % above the true one and never below; the greatest value is kept as it is.
"""

from array import array
from itertools import accumulate
from typing import Final

__all__ = ["Histogram"]

_BITS: Final = 7
"""A bucket holds the values that agree in their highest bit and the seven after it."""
_MAX_LENGTH: Final = 63
_BUCKETS: Final = (_MAX_LENGTH - _BITS + 1) << _BITS


class Histogram:
    """How often each value occurred: integers from 0 to 2^63-1, nanoseconds as a rule."""

    __slots__ = ("_buckets", "count", "total", "worst", "worst_at")

    def __init__(self) -> None:
        self._buckets = array("Q", bytes(8 * _BUCKETS))
        self.count = 0
        self.total = 0
        self.worst = 0
        """The greatest value."""
        self.worst_at = 0
        """How many values were recorded before it."""

    def record(self, value: int) -> None:
        """Counts the value."""
        shift = max(value.bit_length() - _BITS - 1, 0)
        self._buckets[(shift << _BITS) + (value >> shift)] += 1
        if value > self.worst:
            self.worst, self.worst_at = value, self.count
        self.count += 1
        self.total += value

    def percentile(self, percent: float) -> int:
        """The value that `percent` % of all values do not exceed; 0 when there are none."""
        needed = self.count * percent / 100
        for index, reached in enumerate(accumulate(self._buckets)):
            if reached >= needed:
                return min(_highest(index), self.worst)
        return self.worst


def _highest(index: int) -> int:
    """The greatest value that falls into the bucket."""
    shift = max((index >> _BITS) - 1, 0)
    return ((index - (shift << _BITS) + 1) << shift) - 1
