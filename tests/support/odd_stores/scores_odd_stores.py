"""Stores for what goes wrong: `faulty:` fails for some UUIDs, `slow:SECONDS` does so too, and suspends before."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from scores import Inspector, Score, Store, StoreBusy, StoreError, StoreFull
from scores.stores.embedded import EmbeddedStore

FAULTS = {
    "full": StoreFull,
    "busy": StoreBusy,
}


class FaultyStore(EmbeddedStore):
    async def add(self, scores: Sequence[Score]) -> list[Inspector | StoreError]:
        return [await self.add_one(score) for score in scores]

    async def add_one(self, score: Score) -> Inspector | StoreError:
        if score.uuid == "bug":
            raise RuntimeError("a bug")
        if score.uuid in FAULTS:
            return FAULTS[score.uuid]("it is what was asked for")
        (added,) = await super().add([score])
        return added


class SlowStore(FaultyStore):
    suspends = True

    def __init__(self, seconds: float) -> None:
        super().__init__(dict)
        self.seconds = seconds
        self.gate = asyncio.Event()
        """What every score has to wait for."""
        self.gate.set()

    async def add(self, scores: Sequence[Score]) -> list[Inspector | StoreError]:
        await asyncio.sleep(self.seconds)
        await self.gate.wait()
        return await super().add(scores)


@asynccontextmanager
async def open_faulty(_url: str) -> AsyncIterator[Store]:
    yield FaultyStore(dict)


@asynccontextmanager
async def open_slow(url: str) -> AsyncIterator[Store]:
    yield SlowStore(float(url.partition(":")[2] or 0))
