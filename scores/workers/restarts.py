"""When a worker that has ended is replaced.

Rule: after a wait that grows from one failure to the next, so that a crash loop does not burn the
machine, and begins again from the shortest once a worker has lived for a while; the clock and the random
source are passed in.
"""

import time
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Final

from scores.backoff import Backoff

__all__ = ["SETTLED", "Restarts"]

SETTLED: Final = 30.0
"""Seconds after which a worker's end has nothing to do with the end of the one before."""

_SHORTEST: Final = 0.1
_LONGEST: Final = 30.0


class Restarts:
    """The waits of one worker's place."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, random: Random | None = None) -> None:
        self._clock = clock
        self._backoff = Backoff(_SHORTEST, _LONGEST, random or SystemRandom())
        self._began = clock()

    def begin(self) -> None:
        """A worker is being started."""
        self._began = self._clock()

    def wait(self) -> float:
        """Seconds until the next start, as the worker has ended now."""
        if self._clock() - self._began >= SETTLED:
            self._backoff.reset()
        return self._backoff.next()
