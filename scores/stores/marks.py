"""What an embedded store remembers of the scores that came with a mark, each for its time.

A mark is one entry of bytes in a map, and has a place in a queue by age, cut in blocks of bytes. Rule:
nothing here is a container for each mark, so the collector has nothing to visit; each call forgets a few
that are over, so none waits for long; and no mark is forgotten before its time, also when there is no room.
"""

import time
from collections import deque
from collections.abc import Callable, MutableMapping
from hashlib import blake2b
from struct import Struct
from typing import Final

from scores.marks import Mark, no_room, reused
from scores.stores.rows import MakeMap

__all__ = ["Marks"]

_ENTRY: Final = Struct("<16sqd")
"""Of a key's digest: its body, its inspector's integer, and when it is over."""
_PLACE: Final = Struct("<16sd")
"""In the queue: a key's digest, and when it is over."""
_BLOCK: Final = 4096 * _PLACE.size
"""Bytes of a part of the queue."""
_FORGOTTEN_AT_ONCE: Final = 4
"""More than a call can add, so that a queue of marks that are over becomes shorter."""


class Marks:
    """The marks of one store, which give all the same time to be remembered for: the oldest is over first."""

    __slots__ = ("_at", "_count", "_entries", "_now", "_queue")

    def __init__(self, make_map: MakeMap, *, now: Callable[[], float] = time.monotonic) -> None:
        """`now` gives the time in seconds."""
        self._entries: MutableMapping[bytes, bytes] = make_map()
        self._count = 0
        self._queue = deque[bytearray]()
        self._at = 0
        """Where in the first block the oldest mark is."""
        self._now = now

    def find(self, mark: Mark) -> int | None:
        """The inspector's integer that the mark was kept with; None for one that is new.

        Raises `KeyReused` for another body, and `StoreBusy` when there is no room for a new key.
        """
        now = self._now()
        self._forget(now)
        entry = self._entries.get(_digest(mark.key))
        if entry is None:
            if self._count >= mark.most:
                raise no_room(mark)
            return None
        body, packed, over = _ENTRY.unpack(entry)
        if over <= now:
            return None
        if body != mark.body:
            raise reused(mark)
        return int(packed)

    def keep(self, mark: Mark, packed: int) -> None:
        """Remembers a mark that is new, with its inspector's integer; without memory it stays new."""
        digest, over = _digest(mark.key), self._now() + mark.seconds
        place = _PLACE.pack(digest, over)
        # One that is over may still be there.
        old = self._entries.get(digest)
        count = self._count + (old is None)
        self._entries[digest] = _ENTRY.pack(mark.body, packed, over)
        try:
            if not self._queue or len(self._queue[-1]) == _BLOCK:
                self._queue.append(bytearray(place))
            else:
                self._queue[-1].extend(place)
        except MemoryError:
            if old is None:
                del self._entries[digest]
            else:
                self._entries[digest] = old
            raise
        self._count = count

    def _forget(self, now: float) -> None:
        """Forgets the oldest marks, a few of them, if they are over."""
        for _ in range(_FORGOTTEN_AT_ONCE):
            if not self._queue:
                return
            digest, over = _PLACE.unpack_from(self._queue[0], self._at)
            if now < over:
                return
            self._at += _PLACE.size
            if self._at == len(self._queue[0]):
                self._queue.popleft()
                self._at = 0
            # A key that came again after its time has a younger place by now.
            if _ENTRY.unpack(self._entries[digest])[2] == over:
                del self._entries[digest]
                self._count -= 1


def _digest(key: str) -> bytes:
    return blake2b(key.encode("ascii"), digest_size=16).digest()
