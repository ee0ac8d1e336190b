"""The last events, as the readers of one process take them: in batches that are encoded once for all.

Rule: it is bounded in events; which numbers it reaches is known, and what is not among them is not given.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from scores.live.frames import Position, encode
from scores.stores.journal import Entry, Event

__all__ = ["BATCH", "History"]

BATCH: Final = 256
"""Most events that are sent in one piece."""


class _Batch:
    __slots__ = ("encoded", "events", "last")

    def __init__(self, events: Sequence[Event], last: int) -> None:
        self.events = events
        self.last = last
        self.encoded: bytes | None = None


class History:
    """The events of one epoch, the last `size` of them, or a batch more."""

    def __init__(self, size: int, *, batch: int = BATCH) -> None:
        self.epoch = ""
        self.oldest = 0
        """Whoever has everything up to this number can go on."""
        self.last = 0
        self.breaks = 0
        """How often events were missing: whoever was up to date before may not be any more."""
        self._size = size
        self._batch = batch
        # By the number of the event before.
        self._batches: OrderedDict[int, _Batch] = OrderedDict()

    @property
    def now(self) -> Position:
        """Where somebody is who has everything."""
        return Position(self.epoch, self.last)

    def has(self, position: Position) -> bool:
        """Whether everything that came after the position is here."""
        return position.epoch == self.epoch and self.oldest <= position.number <= self.last

    def take(self, entry: Entry) -> None:
        """Adds what comes next, or begins anew where it is not what comes next."""
        if entry.epoch != self.epoch or entry.first != self.last + 1:
            self.epoch, self.oldest, self.last = entry.epoch, entry.first - 1, entry.first - 1
            self.breaks += 1
            self._batches.clear()
        for start in range(0, len(entry.events), self._batch):
            events = entry.events[start : start + self._batch]
            self._batches[self.last] = _Batch(events, self.last + len(events))
            self.last += len(events)
        while self._batches and (first := self._first()).last <= self.last - self._size:
            self._batches.popitem(last=False)
            self.oldest = first.last

    def after(self, position: Position) -> tuple[bytes, int] | None:
        """What follows the position, encoded, and the number of its last event; None when there is nothing.

        The position is one that `has` takes, of whatever place.
        """
        batch = self._batches.get(position.number)
        if batch is None:
            if position.number == self.last:
                return None
            return self._part(position)
        if position.place is not None:
            return encode(batch.events, position), batch.last
        if batch.encoded is None:
            batch.encoded = encode(batch.events, position)
        return batch.encoded, batch.last

    def _part(self, position: Position) -> tuple[bytes, int]:
        """The rest of the batch in whose midst the position is."""
        batch = next(one for one in self._batches.values() if one.last > position.number)
        return encode(batch.events[position.number - batch.last :], position), batch.last

    def _first(self) -> _Batch:
        return next(iter(self._batches.values()))
