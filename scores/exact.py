"""Exact sums of doubles, and means that are rounded once.

A *total* is one integer: the exact sum in units of 2^-1074 (every finite double is a whole number of
them, IEEE 754-2019 section 3.3), shifted left by 64 bits, plus the count of values. So adding,
removing and merging are integer `+` and `-`, in any order, and nothing is ever rounded.
A total of scores may be kept as two *parts*, a short one in units of 2^-96 and a rest that is nearly
always 0, for an integer of 40 digits takes time and room. Rule: plain functions on integers; the only
rounding is the division in `mean`.
"""

from typing import Final

__all__ = ["EMPTY", "MAX_COUNT", "count", "join", "mean", "mean_of_parts", "parts", "term", "total"]

EMPTY: Final = 0
"""The total of no values. Totals are combined with `+` and taken apart with `-`."""

MAX_COUNT: Final = 2**64 - 1
"""The most values that one total may hold."""

_COUNT_BITS: Final = 64
_UNIT_BITS: Final = 1074
_SHIFT: Final = _UNIT_BITS + _COUNT_BITS + 1

_SHORT_BITS: Final = 96
SHORT_ONE: Final = 2.0 ** (_SHORT_BITS + _COUNT_BITS)
"""`parts(value)` is `int(value * SHORT_ONE) + 1, 0` for a value from `LEAST_SHORT` to 1."""
LEAST_SHORT: Final = 2.0 ** (52 - _SHORT_BITS)
"""From here on a double's last bit, 2^-52 of its first, is a whole number of short units."""


def term(value: float) -> int:
    """The total of one value: `total + term(x)` adds it, `total - term(x)` takes it out again.

    Any finite double, subnormals and both extremes included. Raises `OverflowError` for an infinity
    and `ValueError` for NaN.
    """
    numerator, denominator = value.as_integer_ratio()
    # The denominator is a power of two, 2^k with k <= 1074, and k + 1 bits long.
    return (numerator << (_SHIFT - denominator.bit_length())) + 1


def parts(value: float) -> tuple[int, int]:
    """The total of one value from 0 to 1 in two parts, each of which adds up by itself: short part and rest.

    The short part holds the count as a total does, above it the value in units of 2^-96, if it is a
    whole number of them; if it may be none, the rest is the value in units of 2^-1074.
    """
    if value >= LEAST_SHORT:
        # Both steps are exact: a product with a power of two, an integer made of a whole number.
        return int(value * SHORT_ONE) + 1, 0
    return 1, term(value) >> _COUNT_BITS


def join(short: int, rest: int) -> int:
    """The total whose two parts, or sums of parts, these are."""
    units = (short >> _COUNT_BITS << (_UNIT_BITS - _SHORT_BITS)) + rest
    return (units << _COUNT_BITS) + count(short)


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


def mean_of_parts(short: int, rest: int) -> float:
    """`mean(join(short, rest))`, without integers of 40 digits where there is no rest."""
    if rest:
        return mean(join(short, rest))
    return (short >> _COUNT_BITS) / ((short & MAX_COUNT) << _SHORT_BITS)
