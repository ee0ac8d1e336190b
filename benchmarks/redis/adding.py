"""Our store's `add` against one command a request, as one would write it by hand with redis-py.

The rule: one process, one event loop, one redis-server; both are called in the same way with the same
scores, in turns, and a figure counts only when both have kept every score exactly.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from statistics import median
from time import perf_counter, process_time
from typing import Final

from redis.asyncio import Redis

from benchmarks.ids import uuids
from benchmarks.redis.process import RedisServer, redis_server
from benchmarks.results import Row
from benchmarks.turns import ratio, run, turns
from scores.models import MAX_MARK, Score
from scores.stores import open_store

__all__ = ["measure_adding"]

_UUIDS: Final = 1000
_WARM_UP: Final = 0.2
_SCORES: Final = [Score(uuid, number % (MAX_MARK + 1)) for number, uuid in enumerate(uuids(_UUIDS))]

_BY_HAND_KEY: Final = "by hand"
_ONE: Final = 1 << 33

_Add = Callable[[Score], Awaitable[object]]
_Counts = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Contender:
    add: _Add
    kept: _Counts
    """How many scores Redis has."""


@dataclass(frozen=True, slots=True)
class _Turn:
    added: int
    seconds: float
    cpu_seconds: float
    """Of this process, without Redis."""

    @property
    def rate(self) -> float:
        return self.added / self.seconds


def measure_adding(program: str, *, callers: Sequence[int], seconds: float, rounds: int) -> list[Row]:
    """The figures for each number of callers."""
    with redis_server(program) as server:
        return run(_measure(server, callers, seconds, rounds))


async def _measure(server: RedisServer, callers: Sequence[int], seconds: float, rounds: int) -> list[Row]:
    async with _store(server.url) as ours, _by_hand(server.url, max(callers)) as by_hand:
        contenders = {"store": ours, "by_hand": by_hand}
        return [await _compare(contenders, number, seconds, rounds) for number in callers]


async def _compare(
    contenders: dict[str, _Contender], callers: int, seconds: float, rounds: int
) -> dict[str, object]:
    taken: dict[str, list[_Turn]] = {name: [] for name in contenders}
    exact = True
    for contender in contenders.values():
        await _turn(contender.add, callers, _WARM_UP)
    for name in turns(list(contenders), rounds):
        before = await contenders[name].kept()
        turn = await _turn(contenders[name].add, callers, seconds)
        taken[name].append(turn)
        exact = exact and await contenders[name].kept() == before + turn.added
    rates = {name: [round(turn.rate) for turn in all_turns] for name, all_turns in taken.items()}
    return {
        "part": "add",
        "callers": callers,
        **{f"{name}_per_s": round(median(one)) for name, one in rates.items()},
        "ratio": ratio(rates["store"], rates["by_hand"]),
        **{f"{name}_cpu_us": _cpu_us(all_turns) for name, all_turns in taken.items()},
        "exact": exact,
        "passed": exact,
        **{f"{name}_rounds": one for name, one in rates.items()},
    }


async def _turn(add: _Add, callers: int, seconds: float) -> _Turn:
    """Has so many callers add one score after the other."""
    scores, end = cycle(_SCORES), perf_counter() + seconds

    async def call() -> int:
        added = 0
        while perf_counter() < end:
            await add(next(scores))
            added += 1
        return added

    start, cpu = perf_counter(), process_time()
    added = await asyncio.gather(*(call() for _ in range(callers)))
    return _Turn(sum(added), perf_counter() - start, process_time() - cpu)


def _cpu_us(taken: Sequence[_Turn]) -> float:
    return round(median(turn.cpu_seconds / turn.added for turn in taken) * 1e6, 1)


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[_Contender]:
    async with open_store(url) as store:

        async def kept() -> int:
            found = await asyncio.gather(*(store.inspector(score.uuid) for score in _SCORES))
            return sum(inspector.count for inspector in found if inspector is not None)

        yield _Contender(lambda score: store.add([score]), kept)


@asynccontextmanager
async def _by_hand(url: str, connections: int) -> AsyncIterator[_Contender]:
    async with Redis.from_url(url, max_connections=connections) as client:

        async def add(score: Score) -> object:
            return await client.hincrby(_BY_HAND_KEY, score.uuid, _ONE + score.score)

        async def kept() -> int:
            return sum(int(packed) // _ONE for packed in await client.hvals(_BY_HAND_KEY))

        yield _Contender(add, kept)
