"""The server's live stream, through disconnects: `GET /scores` as events (HTML standard, section 9.2).

Rule: an event's id is what a reconnect resumes after once its reader has come back for the next, so what
the reader has not seen comes again. A server that was there once is waited for, however long.
"""

from asyncio import sleep
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Final, Literal

from scores.client.answers import MeanEvent, ScoreEvent, read_event
from scores.client.errors import ApiError, BadAnswer, Unreachable
from scores.client.exchange import GATEWAY, RETRY_AFTER_MAX, Exchange
from scores.feed.decoder import Decoder

__all__ = ["Start", "follow"]

Start = Literal["stored", "now"]
"""Where a stream begins without a last event id: with everything that is stored, or with what is new."""

_MAX_ID: Final = 2048
"""Most characters of an id that is sent back: a request with a longer header would be refused."""


async def follow(
    exchange: Exchange, path: str, *, last_event_id: str, start: Start, idle: float
) -> AsyncGenerator[ScoreEvent | MeanEvent, None]:
    """The events, until the server says that there will be no more (204)."""
    stream = _Stream(exchange, path, known=last_event_id, start=start, idle=idle)
    while not stream.ended:
        try:
            async with aclosing(stream.events()) as events:
                async for event in events:
                    yield event
        except (ApiError, Unreachable) as exc:
            stream.failed(exc)
        await sleep(stream.pause())


class _Stream:
    """The same stream through its connections."""

    def __init__(self, exchange: Exchange, path: str, *, known: str, start: Start, idle: float) -> None:
        self.ended = False
        self._exchange = exchange
        self._path = path
        self._known = known
        self._start = start
        self._idle = idle
        self._pauses = exchange.pauses()
        self._tries = exchange.retries
        self._asked = 0.0

    async def events(self) -> AsyncGenerator[ScoreEvent | MeanEvent, None]:
        """Those of one connection."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        query = "start=now" if self._start == "now" and not self._known else ""
        if self._known:
            headers["Last-Event-ID"] = self._known
        async with self._exchange.open(
            "GET", self._path, query=query, headers=headers, idle=self._idle
        ) as response:
            if response.status == HTTPStatus.NO_CONTENT:
                self.ended = True
                return
            if response.content_type != "text/event-stream":
                raise BadAnswer(
                    f"{self._exchange.url}{self._path} is no event stream: {response.content_type}"
                )
            self._tries, self._asked = -1, 0.0
            decoder = Decoder(last_event_id=self._known)
            async for piece in response.content.iter_any():
                self._pauses.reset()
                for event in decoder.feed(piece):
                    meaning = read_event(event)
                    if meaning is not None:
                        yield meaning
                    self._move_to(event.id)
                self._move_to(decoder.last_event_id)
                self._asked = (decoder.retry or 0) / 1000

    def failed(self, exc: ApiError | Unreachable) -> None:
        """Raises what the next connection cannot mend, or, before the first one, no more tries."""
        if isinstance(exc, ApiError) and exc.status not in GATEWAY:
            raise exc
        if self._tries == 0:
            raise exc
        if self._tries > 0:
            self._tries -= 1
        if isinstance(exc, ApiError):
            self._asked = exc.retry_after

    def pause(self) -> float:
        """Seconds until the next connection; none once it has ended."""
        return 0 if self.ended else max(self._pauses.next(), min(self._asked, RETRY_AFTER_MAX))

    def _move_to(self, event_id: str) -> None:
        """Resumes after this event, if a header can carry its id (RFC 9110, section 5.5)."""
        if len(event_id) <= _MAX_ID and event_id.isprintable():
            self._known = event_id
