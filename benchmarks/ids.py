"""Ids to fill a store with: distinct, in no order, and made one by one.

The rule: nothing is kept, so that the memory measured is the store's; the same count gives the same
ids on every machine.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

__all__ = ["KINDS", "short", "uuids"]

# Knuth's MMIX generator (TAOCP volume 2, section 3.3.4): full period modulo every power of two.
_MULTIPLIER: Final = 6364136223846793005
_INCREMENT: Final = 1442695040888963407

_GROUP: Final = 1000


def short(count: int) -> Iterator[str]:
    """Ids of the contract's kind, like `a1234-b567`: every number below `count` once, shuffled."""
    modulus = 1 << (count - 1).bit_length()
    state = 0
    for _ in range(modulus):
        state = (state * _MULTIPLIER + _INCREMENT) % modulus
        if state < count:
            yield f"a{state // _GROUP}-b{state % _GROUP}"


def uuids(count: int) -> Iterator[str]:
    """Ids of 36 characters, like UUIDs (RFC 9562, section 4), from 128 random bits each."""
    seeded = Random(36)
    for _ in range(count):
        digits = f"{seeded.getrandbits(128):032x}"
        yield f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


KINDS: Final[dict[str, Callable[[int], Iterator[str]]]] = {"short": short, "uuid": uuids}
