"""How long to wait before the next attempt.

Rule: exponential, with full jitter above a floor, so that many that failed
together do not come back in step; pure arithmetic, the random source is passed in.
"""

from random import Random

__all__ = ["Backoff"]


class Backoff:
    """Delays in seconds, from `shortest` up to `longest`, doubling their range at every attempt."""

    __slots__ = ("_attempts", "_longest", "_random", "_shortest")

    def __init__(self, shortest: float, longest: float, random: Random) -> None:
        self._shortest = shortest
        self._longest = longest
        self._random = random
        self._attempts = 0

    def next(self) -> float:
        """The delay before the next attempt: evenly spread from `shortest` to twice the last range's end."""
        # The exponent is bounded, or the power would overflow after a thousand attempts.
        self._attempts = min(self._attempts + 1, 64)
        end = min(self._shortest * 2.0**self._attempts, self._longest)
        return self._random.uniform(self._shortest, end)

    def reset(self) -> None:
        """Begins again from the shortest range: the last attempt went well."""
        self._attempts = 0
