"""What an inspector, and a result, take of Redis' memory.

The rule: an empty redis-server for each, filled through the store; counted is what Redis says that it
has allocated more than before the first, after which nothing but the store's own keys was written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from random import Random
from time import perf_counter
from typing import Final

from benchmarks.errors import BenchmarkError
from benchmarks.ids import uuids
from benchmarks.progress import Progress
from benchmarks.redis.process import RedisServer, redis_server
from benchmarks.results import Row
from benchmarks.turns import run
from scores.models import MAX_MARK, Repeats, Result, Score
from scores.stores import Store, open_store

__all__ = ["EXAMS", "measure_memory"]

EXAMS: Final = 100
"""Results of each student."""
_AT_ONCE: Final = 2000

_Fill = Callable[[Store, int], Iterator[Awaitable[object]]]
_Count = Callable[[Store], Awaitable[int]]


def measure_memory(program: str, *, keys: int) -> list[Row]:
    """The figures of so many inspectors, and of so many results."""
    rows: list[Row] = []
    for what, (fill, count) in _KINDS.items():
        with redis_server(program) as server:
            rows.append({"part": "memory", "what": what, **run(_measure(server, what, fill, count, keys))})
    return rows


async def _measure(server: RedisServer, what: str, fill: _Fill, count: _Count, keys: int) -> Row:
    async with open_store(server.url) as store:
        empty, start = server.memory, perf_counter()
        calls = fill(store, keys)
        with Progress(f"redis, {what}s", keys) as progress:
            for done in range(0, keys, _AT_ONCE):
                await asyncio.gather(*islice(calls, _AT_ONCE))
                progress.reached(done)
        seconds = perf_counter() - start
        grown, stored = server.memory - empty, await count(store)
    if stored != keys:
        raise BenchmarkError(f"the store holds {stored} {what}s instead of {keys}")
    return {
        "keys": keys,
        "bytes_per_key": round(grown / keys, 1),
        "writes_per_s": round(keys / seconds),
    }


def _inspectors(store: Store, keys: int) -> Iterator[Awaitable[object]]:
    for number, uuid in enumerate(uuids(keys)):
        yield store.add([Score(uuid, number % (MAX_MARK + 1))])


async def _count_inspectors(store: Store) -> int:
    return (await store.inspectors(limit=1)).total


def _results(store: Store, keys: int) -> Iterator[Awaitable[object]]:
    seeded, students = Random(EXAMS), uuids(max(keys // EXAMS, 1))
    results = (Result(student, exam, seeded.random()) for student in students for exam in range(EXAMS))
    for result in results:
        yield store.record([result], repeats=Repeats.LAST)


async def _count_results(store: Store) -> int:
    exams = (await store.exams(limit=EXAMS)).items
    return sum(exam.count for exam in exams)


_KINDS: Final[dict[str, tuple[_Fill, _Count]]] = {
    "inspector": (_inspectors, _count_inspectors),
    "result": (_results, _count_results),
}
