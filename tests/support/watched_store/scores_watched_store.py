"""Stores that tell of their process: `watched:URL` is the store of that URL, and `leaky:URL` one that keeps too much.

Rule: what no system tells of a process from outside, its tasks and its objects, is told as the counts of two
inspectors that nobody can have recorded by accident.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from scores import Inspector, Mark, Score, Store, StoreError, open_store

TASKS = "? tasks"
OBJECTS = "? objects"

EVERY = 50
"""Scores for each task and each descriptor that a leaky store keeps."""


class WatchedStore:
    """All that the other store does, and two inspectors."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def inspector(self, uuid: str) -> Inspector | None:
        if uuid == TASKS:
            return Inspector(uuid, len(asyncio.all_tasks()), 0)
        if uuid == OBJECTS:
            gc.collect()
            return Inspector(uuid, len(gc.get_objects()), 0)
        return await self._store.inspector(uuid)


class LeakyStore(WatchedStore):
    """Keeps something of each score, and now and then a task and a descriptor."""

    add_now = None

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._kept: list[object] = []
        self._tasks: list[asyncio.Task[bool]] = []
        self._count = 0

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        for _ in scores:
            self._count += 1
            self._kept.append([bytearray(2000)])
            if self._count % EVERY == 0:
                self._tasks.append(asyncio.create_task(asyncio.Event().wait()))
                self._kept.append(os.open(os.devnull, os.O_RDONLY))
        return list(await self._store.add(scores, marks=marks))


@asynccontextmanager
async def open_watched(url: str) -> AsyncIterator[Any]:
    async with open_store(url.partition(":")[2]) as store:
        yield WatchedStore(store)


@asynccontextmanager
async def open_leaky(url: str) -> AsyncIterator[Any]:
    async with open_store(url.partition(":")[2]) as store:
        yield LeakyStore(store)
