"""Stores to lose scores with: around another one, `hasty:URL` answers before it has written, `late:URL` long after."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from scores import Inspector, Mark, Score, Store, StoreError, open_store

DELAY = 0.05
"""Seconds between the answer and the write, whichever comes first."""


class Around:
    """Does what the inner store does, but for `add`."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.shared = inner.shared
        for name in (
            "record",
            "lease",
            "remove",
            "student",
            "exam",
            "inspector",
            "students",
            "exams",
            "inspectors",
        ):
            setattr(self, name, getattr(inner, name))
        self.add_now = None


class Hasty(Around):
    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.known: dict[str, Inspector] = {}
        self.writing: set[asyncio.Task[Any]] = set()

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        answers: list[Inspector | StoreError] = []
        for score in scores:
            before = self.known.get(score.uuid, Inspector(score.uuid, 0, 0))
            now = Inspector(score.uuid, before.count + 1, before.total + score.score)
            self.known[score.uuid] = now
            answers.append(now)
        task = asyncio.create_task(self.write(scores))
        self.writing.add(task)
        task.add_done_callback(self.writing.discard)
        return answers

    async def write(self, scores: Sequence[Score]) -> None:
        await asyncio.sleep(DELAY)
        await self.inner.add(scores)


class Late(Around):
    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        answers = await self.inner.add(scores, marks=marks)
        await asyncio.sleep(DELAY)
        return answers


@asynccontextmanager
async def open_around(store: Any, url: str) -> AsyncIterator[Store]:
    async with open_store(url.partition(":")[2]) as inner:
        yield store(inner)


open_hasty = partial(open_around, Hasty)
open_late = partial(open_around, Late)
