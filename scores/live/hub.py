"""The readers of one process: who they are, when they are told, and when they are sent away.

Rule: nobody is waited for. One task follows the journal, only while somebody reads or did a moment ago;
readers are woken a few at a time; one that is left behind is dropped.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from typing import Final

from scores.errors import Overloaded, StoreError
from scores.live.frames import parse_id
from scores.live.history import History
from scores.live.reader import Client, Reader
from scores.stores.base import Store
from scores.stores.journal import Journal

__all__ = ["Hub"]

LINGER: Final = 60.0
"""Seconds for which the journal is followed without readers, as one that was cut comes back."""

_GRACE: Final = 0.5
"""Seconds in which a reader takes what it was sent before the server stops."""
_LOOK: Final = 0.25
"""Seconds between two looks at who has left."""
_TOGETHER: Final = 64
"""Readers that are woken before others have their turn."""
_SPARING: Final = 30e-6
"""Seconds for each reader between two times that they are woken: a write takes about half of it."""

log = logging.getLogger(__name__)


class Hub:
    """All readers of what one store's journal tells."""

    def __init__(
        self, journal: Journal, store: Store, *, history: int, readers: int, heartbeat: float
    ) -> None:
        """`history` is how many events are kept, `readers` how many there may be, `heartbeat` in seconds."""
        self._journal = journal
        self._store = store
        self._history = History(history)
        self._size = history
        self._limit = readers
        self._heartbeat = heartbeat
        self._look = min(_LOOK, heartbeat / 2)
        # In the order in which they came.
        self._readers: dict[Reader, None] = {}
        self._count = 0
        self._turn = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._failure: StoreError | None = None
        self._empty = asyncio.Event()
        self._alone_since = self._looked_at = 0.0
        self._closed = False

    @asynccontextmanager
    async def reading(
        self, client: Client, last_event_id: str, *, only_new: bool = False
    ) -> AsyncIterator[Reader]:
        """A reader, for as long as `async with` lasts, which goes on after the event with that id.

        Raises `Overloaded` when there are as many as may be, `StoreError` when nothing can be told.
        """
        if self._count >= self._limit:
            raise Overloaded(f"all of the {self._limit} live readers that there may be are there")
        self._count += 1
        self._empty.clear()
        try:
            await self._follow()
            reader = Reader(client, self._history, self._store, self._turn, only_new=only_new)
            if (last := parse_id(last_event_id)) is not None:
                reader.go_on_from(last)
            reader.over = self._closed
            self._readers[reader] = None
            try:
                yield reader
            finally:
                del self._readers[reader]
        finally:
            self._count -= 1
            if not self._count:
                self._alone_since = time.monotonic()
                self._empty.set()

    async def close(self) -> None:
        """Ends all streams, after whole events where the reader takes them at once."""
        self._closed = True
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        self._end_all()
        try:
            async with asyncio.timeout(_GRACE if self._count else 0):
                await self._empty.wait()
        except TimeoutError:
            for reader in list(self._readers):
                reader.client.drop()

    async def _follow(self) -> None:
        """Returns once the history is what it should be, and will be kept so."""
        if self._closed:
            return
        if self._following is None or self._following.done():
            self._ready.clear()
            self._following = asyncio.create_task(self._run(), name="live")
        await self._ready.wait()
        if self._failure is not None:
            raise StoreError(f"there is nothing to tell: {self._failure}") from self._failure

    async def _run(self) -> None:
        self._failure = None
        try:
            async with aclosing(self._journal.follow(self._size)) as news:
                async for entries in news:
                    for entry in entries:
                        self._history.take(entry)
                    self._ready.set()
                    if entries:
                        await self._wake_all()
                    self._look_around()
                    if not self._count and time.monotonic() - self._alone_since > LINGER:
                        return
        except StoreError as exc:
            log.info("live: all readers are sent away: %s", exc)
            self._failure = exc
        except Exception as exc:
            # They come again, and the next task may fare better: it is logged whole.
            log.exception("live: unexpected error")
            self._failure = StoreError(str(exc))
        finally:
            self._end_all()
            self._ready.set()

    async def _wake_all(self) -> None:
        readers = iter(list(self._readers))
        while some := list(islice(readers, _TOGETHER)):
            for reader in some:
                reader.wake()
            await asyncio.sleep(0)
        # With many of them the more goes out in one piece.
        await asyncio.sleep(len(self._readers) * _SPARING)

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < self._look:
            return
        self._looked_at = now
        for reader in list(self._readers):
            if reader.client.gone:
                reader.end()
            if reader.left_behind:
                log.info("live: a reader that does not keep up is dropped")
                reader.client.drop()
            if reader.silent_for >= self._heartbeat:
                reader.wake(beat=True)

    def _end_all(self) -> None:
        for reader in list(self._readers):
            reader.end()
