"""The `Journal` protocol: how a store that several processes share tells each what all of them record.

It is no part of `Store`: a store has an attribute `journal` or it has none. Rule: what is recorded is
told in the order in which it happened, under numbers without a gap, or else under a new epoch.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol

from scores.models import Inspector, Result

__all__ = ["Entry", "Event", "Journal"]

Event = Result | Inspector
"""A result as it is stored from now on, or an inspector as of one score."""


class Entry(NamedTuple):
    """Events that follow each other."""

    epoch: str
    """Letters and digits. Numbers go on within an epoch; before a new one, some events may be missing."""
    last: int
    """The number of the last of these events; of the last before, if there are none."""
    events: Sequence[Event]

    @property
    def first(self) -> int:
        """The number of the first of these events."""
        return self.last - len(self.events) + 1


class Journal(Protocol):
    """What is recorded through any process that has the store open."""

    def follow(self, history: int) -> AsyncGenerator[Sequence[Entry], None]:
        """First what is kept of the past, at least one entry; then, without end and often, what is new.

        `history` is how many events of the past are wanted; there may be fewer, or some more.

        Whatever is recorded after the first item was given is told, under a number above its last. An item
        may be empty. Raises `StoreError` when the store does not answer.
        """
        ...
