"""Stores for what goes wrong: `faulty:` fails for some UUIDs, `slow:SECONDS` does so too, and suspends before."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from scores import Inspector, Mark, Score, Store, StoreBusy, StoreError, StoreFull
from scores.stores.embedded import EmbeddedStore

FAULTS = {
    "full": StoreFull,
    "busy": StoreBusy,
    "bug": RuntimeError,
}


class FaultyStore(EmbeddedStore):
    def add_now(self, score: Score) -> Inspector:
        if score.uuid in FAULTS:
            raise FAULTS[score.uuid]("it is what was asked for")
        return super().add_now(score)

    async def inspector(self, uuid: str) -> Inspector | None:
        if uuid in FAULTS:
            raise FAULTS[uuid]("it is what was asked for")
        return await super().inspector(uuid)

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        answers: list[Inspector | StoreError] = []
        for score, mark in zip(scores, marks or [None] * len(scores), strict=True):
            try:
                if score.uuid in FAULTS:
                    FaultyStore.add_now(self, score)
                answers += await EmbeddedStore.add(self, [score], marks=[mark])
            except StoreError as exc:
                answers.append(exc)
        return answers


class SlowStore(FaultyStore):
    add_now = None  # type: ignore[assignment]  # unlike what it is made of, it suspends

    def __init__(self, seconds: float) -> None:
        super().__init__(dict)
        self.seconds = seconds
        self.asked: list[str] = []
        """The inspectors that were asked for."""
        self.gate = asyncio.Event()
        """What every score has to wait for."""
        self.gate.set()

    async def inspector(self, uuid: str) -> Inspector | None:
        self.asked.append(uuid)
        await asyncio.sleep(self.seconds)
        return await super().inspector(uuid)

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        await asyncio.sleep(self.seconds)
        await self.gate.wait()
        return await super().add(scores, marks=marks)


@asynccontextmanager
async def open_faulty(_url: str) -> AsyncIterator[Store]:
    yield FaultyStore(dict)


@asynccontextmanager
async def open_slow(url: str) -> AsyncIterator[Store]:
    yield SlowStore(float(url.partition(":")[2] or 0))
