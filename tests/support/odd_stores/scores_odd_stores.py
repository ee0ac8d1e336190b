"""Stores for what goes wrong: `faulty:` fails for some UUIDs, `slow:SECONDS` does so too, and suspends before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scores import Inspector, Score, Store, StoreBusy, StoreFull
from scores.stores.embedded import EmbeddedStore

FAULTS = {
    "full": StoreFull,
    "busy": StoreBusy,
    "bug": RuntimeError,
}


class FaultyStore(EmbeddedStore):
    async def add(self, score: Score) -> Inspector:
        if score.uuid in FAULTS:
            raise FAULTS[score.uuid]("it is what was asked for")
        return await super().add(score)


class SlowStore(FaultyStore):
    suspends = True

    def __init__(self, seconds: float) -> None:
        super().__init__(dict)
        self.seconds = seconds
        self.gate = asyncio.Event()
        """What every score has to wait for."""
        self.gate.set()

    async def add(self, score: Score) -> Inspector:
        await asyncio.sleep(self.seconds)
        await self.gate.wait()
        return await super().add(score)


@asynccontextmanager
async def open_faulty(_url: str) -> AsyncIterator[Store]:
    yield FaultyStore(dict)


@asynccontextmanager
async def open_slow(url: str) -> AsyncIterator[Store]:
    yield SlowStore(float(url.partition(":")[2] or 0))
