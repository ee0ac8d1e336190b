"""How a store that suspends lets others see what it waits for.

Rule: it is an offer, no part of the `Store` protocol; whoever takes it is told of whole batches, and
must not raise.
"""

from typing import Protocol, runtime_checkable

__all__ = ["Observed", "Watcher"]


class Watcher(Protocol):
    """Is told of the batches of one kind."""

    def start(self) -> float:
        """The time, in seconds: what `sent` is given."""
        ...

    def sent(self, requests: int, started: float) -> None:
        """A batch of so many requests that was begun then has been answered, or given up."""
        ...

    def failed(self) -> None:
        """A batch, or the part of it for one shard, was given up."""
        ...

    def refused(self) -> None:
        """A request was not taken in, because too many wait."""
        ...


@runtime_checkable
class Observed(Protocol):
    """A store that tells of its batches."""

    def observe(self, *, reads: Watcher, writes: Watcher) -> None:
        """Has these told from now on."""
        ...
