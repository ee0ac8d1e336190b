"""The feed's client: one task that connects, decodes, records, and connects again, for ever.

Rule: what was received is recorded in order, and the last event id moves only after the store has it,
so a feed with ids loses nothing by any disconnect. While the store is away nothing is read, which the
sender feels through TCP. A status other than 200 is tried again, unlike in a browser (HTML standard,
section 9.2.3): a server outlives its feed's bad day. Only 204 ends it. Of several servers on one store
one reads at a time (`turn`).
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random, SystemRandom
from time import monotonic
from typing import Final

from scores.backoff import Backoff
from scores.config import Config
from scores.errors import (
    FeedEnded,
    FeedError,
    InvalidInput,
    LeaseLost,
    MalformedJSON,
    StoreError,
    StoreFull,
)
from scores.feed.connection import connect
from scores.feed.decoder import Decoder, Run
from scores.feed.parser import parse_events
from scores.feed.rejects import Rejects
from scores.feed.status import FeedState, FeedStatus
from scores.feed.turn import POLL, RENEW, Turn
from scores.models import Result
from scores.stores import Store

__all__ = ["MAX_EVENT_ID", "FeedClient"]

MAX_EVENT_ID: Final = 1024
"""Most characters of an event id that is kept: a request with a longer header would be refused for ever."""

# What a header's value cannot hold (RFC 9110, section 5.5): an id with one of these is not kept either.
_UNSENDABLE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")

log = logging.getLogger(__name__)


class FeedClient:
    """Listens to the feed of the settings while `listening`, and keeps `status` up to date."""

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
        note: Callable[[FeedStatus], None] = lambda _: None,
    ) -> None:
        """`note` is told of the status whenever it has changed."""
        self.status = FeedStatus.of(config.feed)
        self._note = note
        note(self.status)
        self._config = config
        self._store = store
        self._sleep = sleep
        random = random or SystemRandom()
        self._backoff = Backoff(config.feed_backoff_min, config.feed_backoff_max, random)
        self._store_backoff = Backoff(config.feed_backoff_min, config.feed_backoff_max, random)
        self._rejects = Rejects(self.status.rejected)
        self._retry = 0.0
        self._writing = asyncio.Lock()
        self._closing = False
        self._turn = Turn(store, config.feed or "")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listens within `async with`; leaving waits for a write that is under way, and starts no other."""
        if self._config.feed is None:
            yield
            return
        self._closing = False
        task = asyncio.create_task(self._run(self._config.feed), name="feed")
        try:
            yield
        finally:
            async with self._writing:
                self._closing = True
                task.cancel()
            await asyncio.wait([task])
            self._become(FeedState.STOPPED)
            try:
                async with asyncio.timeout(RENEW):
                    await self._turn.give_back()
            except (StoreError, TimeoutError) as exc:
                log.info("feed: the next reader has to wait until our turn is over: %s", exc)
            if not task.cancelled():
                task.result()

    async def _run(self, url: str) -> None:
        """Reads the feed whenever it is this server's turn, until it ends for good."""
        while not self._closing:
            delay = POLL
            try:
                await self._await_turn()
                async with asyncio.TaskGroup() as group:
                    renewing = group.create_task(self._renew())
                    await self._read(url)
                    renewing.cancel()
            except* LeaseLost as lost:
                log.warning("feed waiting: %s", lost.exceptions[0])
            except* Exception:
                # The task outlives a bug of a store, too: it is logged whole.
                log.exception("feed: unexpected error")
                delay = self._backoff.next()
            else:
                return
            # Before Python 3.13 a group that ends with an error forgets that it was cancelled as well.
            if not self._closing:
                self._become(FeedState.WAITING)
                await self._sleep(delay)

    async def _await_turn(self) -> None:
        while True:
            try:
                lease = await self._turn.take()
            except StoreError as exc:
                await self._await_store(exc)
                continue
            if lease is not None:
                self._store_backoff.reset()
                self.status.last_event_id = lease.position
                return
            if self.status.state is not FeedState.WAITING:
                log.info("feed waiting: another server reads it")
                self._become(FeedState.WAITING)
            await self._sleep(POLL)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW)
            try:
                await self._turn.keep()
            except LeaseLost:
                raise
            except StoreError as exc:
                # Nobody else hears of our silence either; what is recorded meanwhile waits.
                log.debug("feed: its turn is not renewed: %s", exc)

    async def _read(self, url: str) -> None:
        while True:
            try:
                await self._listen(url)
                reason = "the feed closed the connection"
            except FeedEnded as exc:
                log.warning("feed stopped for good: %s", exc)
                self._become(FeedState.STOPPED)
                return
            except FeedError as exc:
                reason = str(exc)
            except LeaseLost:
                raise
            except Exception:
                # The task outlives a bug: it is logged whole, and counts as a failed connection.
                log.exception("feed: unexpected error")
                reason = "unexpected error"
            delay = max(self._backoff.next(), self._retry)
            log.warning("feed waiting: %s; next attempt in %.1f s", reason, delay)
            self._become(FeedState.WAITING)
            await self._sleep(delay)
            self.status.reconnects += 1
            self._note(self.status)

    async def _listen(self, url: str) -> None:
        """One connection, from the request to its end."""
        config, status = self._config, self.status
        self._become(FeedState.CONNECTING)
        decoder = Decoder(max_event=config.feed_max_event, last_event_id=status.last_event_id)
        async with connect(
            url,
            last_event_id=status.last_event_id,
            token=config.feed_token,
            connect_timeout=config.feed_connect_timeout,
            idle_timeout=config.feed_idle_timeout,
        ) as chunks:
            log.info("feed open: %s", status.url)
            self._become(FeedState.OPEN)
            async for chunk in chunks:
                await self._take(decoder, chunk)

    async def _take(self, decoder: Decoder, chunk: bytes) -> None:
        oversized = decoder.oversized
        results = self._parse(decoder.runs(chunk))
        for _ in range(decoder.oversized - oversized):
            self.status.received += 1
            self._rejects.add("size", f"longer than {self._config.feed_max_event} characters", "")
        if decoder.retry is not None:
            self._retry = min(decoder.retry / 1000, self._config.feed_retry_max)
        if results:
            self.status.pending_since = monotonic()
            self._note(self.status)
            try:
                await self._record(results)
            finally:
                self.status.pending_since = 0.0
        await self._move_to(decoder.last_event_id)
        self._note(self.status)
        # A feed never rests while it is fast: this is where the server answers its requests.
        await asyncio.sleep(0)

    def _parse(self, runs: list[Run]) -> list[Result]:
        status = self.status
        if runs:
            # A connection that brings events is healthy.
            self._backoff.reset()
            status.last_event_at = datetime.now(UTC)
        data = [one for run in runs if run.type == "score" for one in run.data]
        status.received += len(data)
        status.ignored += sum(len(run.data) for run in runs) - len(data)
        return parse_events(data, self._refuse)

    def _refuse(self, exc: InvalidInput, data: str) -> None:
        self._rejects.add(_reason(exc), str(exc), data)

    async def _move_to(self, event_id: str) -> None:
        """Has the store know how far the feed has been recorded."""
        status = self.status
        if event_id == status.last_event_id:
            return
        if len(event_id) <= MAX_EVENT_ID and not _UNSENDABLE.search(event_id):
            await self._insist(lambda: self._turn.keep(event_id))
            status.last_event_id = event_id

    async def _record(self, results: Sequence[Result]) -> None:
        """Has the store take the results, however long it is away."""
        try:
            await self._insist(
                lambda: self._store.record(results, repeats=self._config.repeats, lease=self._turn.lease)
            )
        except StoreFull as exc:
            if len(results) == 1:
                self._rejects.add("store", str(exc), repr(results[0]))
                return
            for result in results:
                await self._record([result])
        else:
            self.status.recorded += len(results)

    async def _insist(self, write: Callable[[], Awaitable[object]]) -> None:
        """Writes to the store until it has it; raises only what no waiting can mend."""
        while True:
            try:
                async with self._writing:
                    await write()
                break
            except (LeaseLost, StoreFull):
                raise
            except StoreError as exc:
                await self._await_store(exc)
        if self.status.state is FeedState.WAITING:
            log.info("feed open: the store is back")
            self._become(FeedState.OPEN)
            self._store_backoff.reset()

    def _become(self, state: FeedState) -> None:
        self.status.state = state
        self._note(self.status)

    async def _await_store(self, exc: StoreError) -> None:
        if self.status.state is not FeedState.WAITING:
            log.warning("feed waiting: the store is away: %s", exc)
            self._become(FeedState.WAITING)
        await self._sleep(self._store_backoff.next())


def _reason(exc: InvalidInput) -> str:
    """The key under which a refused event is counted: a member's name, or `json`."""
    if isinstance(exc, MalformedJSON):
        return "json"
    return exc.faults[0].where.removeprefix("/") or "json"
