"""Contenders that take turns, round by round, so that whatever the machine does meanwhile meets them all.

The rule: a figure is the median of a contender's rounds, and a ratio is one of two such medians of one run.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from statistics import median
from typing import Any, Final, TypeVar

try:
    from uvloop import new_event_loop
except ImportError:  # not on this platform: the server does without it there, too
    from asyncio import new_event_loop  # type: ignore[assignment]  # the same but for the loop's class

__all__ = ["ratio", "run", "turns"]

T = TypeVar("T")

_DIGITS: Final = 3


def turns(contenders: Sequence[T], rounds: int) -> Iterator[T]:
    """Each contender once a round; every round begins with another one."""
    for number in range(rounds):
        first = number % len(contenders)
        yield from (*contenders[first:], *contenders[:first])


def ratio(rates: Sequence[float], others: Sequence[float]) -> float:
    """The one's median divided by the other's."""
    return round(median(rates) / median(others), _DIGITS)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs it on the event loop that the server runs on."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
