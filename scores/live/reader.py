"""One reader: what is sent next, decided when the reader has taken what was sent before.

Rule: a reader has a position and nothing else that grows. Whoever is not known to have everything gets
everything: first what is stored, page by page, with what happens meanwhile in between, then what happens.
Results are idempotent, so whatever comes twice does no harm, and what came last is what is stored.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Protocol

from scores.live.frames import COMMENT, START, Position, encode_page
from scores.live.history import History
from scores.live.walk import Walk
from scores.stores.base import Store

__all__ = ["Client", "Reader"]


class Client(Protocol):
    """Who is at the other end."""

    @property
    def gone(self) -> bool:
        """Whether nobody is there any more."""
        ...

    def drop(self) -> None:
        """Cuts the connection; a write that is waiting then fails."""
        ...


class Reader:
    """A reader that goes on from a position, if the history reaches it, and else begins."""

    def __init__(
        self, client: Client, history: History, store: Store, turn: asyncio.Lock, *, only_new: bool
    ) -> None:
        """Pages are read when it is the reader's turn; `only_new` is content without what is stored."""
        self.client = client
        self.over = False
        """Whether nothing more is to be sent."""
        self._history = history
        self._store = store
        self._turn = turn
        self._only_new = only_new
        self._walk: Walk | None = None
        self._waiting: asyncio.Future[bool] | None = None
        self._sent_at = time.monotonic()
        self._begin()

    @property
    def silent_for(self) -> float:
        """Seconds for which there has been nothing to send; 0 while there is."""
        return 0.0 if self._waiting is None else time.monotonic() - self._sent_at

    @property
    def left_behind(self) -> bool:
        """Whether it has taken so little, for so long, that the history does not reach it."""
        return self._breaks == self._history.breaks and not self._history.has(self._position)

    def go_on_from(self, position: Position) -> None:
        """Begins there, if that is possible; to be called before anything is sent."""
        if self._history.has(position):
            self._position = position
            self._walk = None if position.place is None else Walk(self._store, position.place)

    def wake(self, *, beat: bool = False) -> None:
        """Has it look at what there is to send; with `beat`, it sends a comment if that is nothing."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(beat)

    def end(self) -> None:
        """Has it end once what was sent is taken."""
        self.over = True
        self.wake()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What to send, in pieces of whole frames, without end; raises `StoreError`."""
        while not (self.over or self.left_behind):
            chunk = self._events() or await self._page() or await self._wait()
            if chunk and not self.over:
                yield chunk
                self._sent_at = time.monotonic()

    def _begin(self) -> None:
        self._breaks = self._history.breaks
        self._position = self._history.now
        self._walk = None
        if not self._only_new:
            self._position = self._position._replace(place=START)
            self._walk = Walk(self._store, START)

    def _events(self) -> bytes:
        """What has happened since, if anything."""
        if self._breaks != self._history.breaks:
            # It may have missed something.
            self._begin()
        found = self._history.after(self._position)
        if found is None:
            return b""
        chunk, number = found
        self._position = self._position._replace(number=number)
        return chunk

    async def _page(self) -> bytes:
        """The next page of what is stored; nothing if it has all of it."""
        chunk = b""
        while self._walk is not None and not chunk:
            walk, before = self._walk, self._position
            async with self._turn:
                results = await walk.step()
                # However many wait for their turn, others have theirs in between.
                await asyncio.sleep(0)
            if results is None:
                self._walk, self._position = None, before._replace(place=None)
            else:
                chunk = encode_page(results, before, walk.place)
                self._position = before._replace(place=walk.place)
        return chunk

    async def _wait(self) -> bytes:
        """Nothing, when there may be something to send; a comment, if it is time for one."""
        if self.over or self._breaks != self._history.breaks or self._history.after(self._position):
            # It has come while the last page was read.
            return b""
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            return COMMENT if await self._waiting else b""
        finally:
            self._waiting = None
