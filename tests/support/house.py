"""A published store and its hub in this process, without a server, and the other end of a reader."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from scores.feed.decoder import Decoder, Event
from scores.live.hub import Hub
from scores.live.local import LocalJournal, Published
from scores.live.reader import Reader
from scores.stores import Store
from scores.stores.embedded import EmbeddedStore
from support.live import results_of

__all__ = ["House", "Listening", "Stub", "listening"]


@dataclass
class Stub:
    """The other end of a reader."""

    gone: bool = False
    dropped: bool = False

    def drop(self) -> None:
        self.dropped = True


@dataclass
class House:
    """A store that is published, and its hub."""

    history: int = 10_000
    readers: int = 100
    heartbeat: float = 15.0
    journal: LocalJournal = field(init=False)
    store: Store = field(init=False)
    hub: Hub = field(init=False)

    def __post_init__(self) -> None:
        self.journal = LocalJournal(self.history)
        self.store = Published(EmbeddedStore(dict), self.journal)
        self.hub = Hub(
            self.journal,
            self.store,
            history=self.history,
            readers=self.readers,
            heartbeat=self.heartbeat,
        )


class Listening:
    """What one reader is sent, decoded; it is taken when it is asked for."""

    def __init__(self, reader: Reader, client: Stub, chunks: AsyncGenerator[bytes, None]) -> None:
        self.reader = reader
        self.client = client
        self.events: list[Event] = []
        self.chunks = chunks
        self._decoder = Decoder()

    async def take(self) -> bytes:
        async with asyncio.timeout(10):
            chunk = await anext(self.chunks, b"")
        self.events += self._decoder.feed(chunk)
        return chunk

    async def count(self, number: int) -> list[Event]:
        while len(self.events) < number:
            assert await self.take(), "the stream has ended"
        return self.events

    async def become(self, expected: dict[tuple[str, int], float]) -> None:
        while results_of(self.events) != expected:
            assert await self.take(), "the stream has ended"


@asynccontextmanager
async def listening(hub: Hub, last_event_id: str = "", **options: Any) -> AsyncIterator[Listening]:
    client = Stub()
    async with hub.reading(client, last_event_id, **options) as reader, aclosing(reader.chunks()) as chunks:
        yield Listening(reader, client, chunks)
