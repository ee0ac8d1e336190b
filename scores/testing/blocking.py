"""A store whose methods block: an asynchronous store for tests that are plain functions."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scores.errors import StoreError
from scores.models import Inspector, Score
from scores.stores import Store, open_store

__all__ = ["BlockingStore", "add_one", "open_blocking"]


async def add_one(store: Store, score: Score) -> Inspector:
    """The inspector after one more score; raises the error that kept it out."""
    (answer,) = await store.add([score])
    if isinstance(answer, StoreError):
        raise answer
    return answer


class BlockingStore:
    """Has every method of `Store`, which returns when the store has answered."""

    def __init__(self, store: Store, runner: asyncio.Runner) -> None:
        self.store = store
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.store, name)
        return lambda *args, **options: self._runner.run(method(*args, **options))

    def add_one(self, score: Score) -> Inspector:
        """The inspector after one more score; raises the error that kept it out."""
        return self._runner.run(add_one(self.store, score))

    def together(self, *calls: Callable[[Store], Any]) -> list[Any]:
        """The answers of calls that are all under way at once."""

        async def gather() -> list[Any]:
            return await asyncio.gather(*(call(self.store) for call in calls))

        return self._runner.run(gather())


@contextmanager
def open_blocking(url: str) -> Iterator[BlockingStore]:
    """The store that the URL names, open within `with`."""
    with asyncio.Runner() as runner:
        opening = open_store(url)
        store = runner.run(_enter(opening))
        try:
            yield BlockingStore(store, runner)
        finally:
            runner.run(_leave(opening))


async def _enter(opening: Any) -> Store:
    store: Store = await opening.__aenter__()
    return store


async def _leave(opening: Any) -> None:
    await opening.__aexit__(None, None, None)
