"""Marks: what makes a score safe to send again, whatever became of the first answer.

Rule: a mark says that two requests are one; a store that knows it adds nothing, and answers as it did.
"""

from typing import Final, NamedTuple

from scores.errors import KeyReused, StoreBusy
from scores.models import Inspector

__all__ = ["MAX_KEY_LENGTH", "Mark", "Replayed", "no_room", "reused"]

MAX_KEY_LENGTH: Final = 255


class Mark(NamedTuple):
    """What `Store.add` knows a score by when it comes again."""

    key: str
    """1 … 255 visible ASCII characters."""
    body: bytes
    """16 bytes that stand for all that was asked: two requests are one only if these are equal."""
    seconds: float
    """How long it is remembered, at least, from when the score was added; above 0."""
    most: int
    """How many marks a store in this process may remember; one with a bound of its own need not look."""


class Replayed(Inspector):
    """An inspector as it was answered the first time, to a score that came again: nothing was added."""

    __slots__ = ()


def reused(mark: Mark) -> KeyReused:
    """The error for a key that is known with another body."""
    return KeyReused(
        f"the idempotency key {mark.key!r} came before with another body: each request has its own"
    )


def no_room(mark: Mark) -> StoreBusy:
    """The error for a new key when as many are remembered as may be."""
    return StoreBusy(
        f"{mark.most} idempotency keys are remembered, which is as many as may be (SCORES_IDEMPOTENCY_KEYS);"
        " the oldest of them are forgotten as their time ends (SCORES_IDEMPOTENCY_TTL)"
    )
