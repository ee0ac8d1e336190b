"""Exact sums of doubles, and means that are rounded once.

A *total* is one integer: the exact sum in units of 2^-1074 (every finite double is a whole number of
them, IEEE 754-2019 section 3.3), shifted left by 64 bits, plus the count of values. So adding,
removing and merging are integer `+` and `-`, in any order, and nothing is ever rounded.
Rule: plain functions on integers; the only rounding is the division in `mean`.
"""

from typing import Final

__all__ = ["EMPTY", "MAX_COUNT", "count", "mean", "term", "total"]

EMPTY: Final = 0
"""The total of no values. Totals are combined with `+` and taken apart with `-`."""

MAX_COUNT: Final = 2**64 - 1
"""The most values that one total may hold."""

_COUNT_BITS: Final = 64
_UNIT_BITS: Final = 1074
_SHIFT: Final = _UNIT_BITS + _COUNT_BITS + 1


def term(value: float) -> int:
    """The total of one value: `total + term(x)` adds it, `total - term(x)` takes it out again.

    Any finite double, subnormals and both extremes included. Raises `OverflowError` for an infinity
    and `ValueError` for NaN.
    """
    numerator, denominator = value.as_integer_ratio()
    # The denominator is a power of two, 2^k with k <= 1074, and k + 1 bits long.
    return (numerator << (_SHIFT - denominator.bit_length())) + 1


def total(numerator: int, bits: int, count: int) -> int:
    """The total of `count` values whose exact sum is numerator / 2^bits, as a store may have written it down.

    `bits` is at most 1074, or else the numerator's last bits are zero.
    """
    shift = _UNIT_BITS - bits
    units = numerator << shift if shift >= 0 else numerator >> -shift
    return (units << _COUNT_BITS) + count


def count(total: int) -> int:
    """How many values are in the total, 0 … `MAX_COUNT`."""
    return total & MAX_COUNT


def mean(total: int) -> float:
    """The double nearest to the true mean, ties to even (Python's int / int is correctly rounded).

    Raises `ZeroDivisionError` for the total of no values.
    """
    return (total >> _COUNT_BITS) / ((total & MAX_COUNT) << _UNIT_BITS)
