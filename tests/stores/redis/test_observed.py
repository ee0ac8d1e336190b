"""What a Redis store tells of its batches."""

import asyncio
from collections.abc import Callable

import pytest
from support.redis_servers import redis_server

from scores.errors import StoreBusy, StoreError
from scores.metrics.board import Board
from scores.metrics.collector import Rows
from scores.metrics.tally import LaneTally
from scores.models import Score
from scores.stores import open_store
from scores.stores.observed import Observed
from scores.web.routes import LAYOUT

Told = Callable[[str, str], float]


@pytest.fixture
def board() -> Board:
    return Board.of_one(LAYOUT)


@pytest.fixture
def told(board: Board) -> Told:
    """A sample of the store's, by what is done."""

    def tell(name: str, operation: str) -> float:
        (value,) = (
            sample.value
            for family in Rows(board, {}, version="", workers=1).collect()
            for sample in family.samples
            if sample.name == "scores_store_" + name
            and sample.labels["operation"] == operation
            and sample.labels.get("le") in (None, "+Inf")
        )
        return value

    return tell


def observe(store: object, board: Board) -> None:
    assert isinstance(store, Observed)
    row = board.row(0)
    store.observe(reads=LaneTally(LAYOUT.lanes["read"], row), writes=LaneTally(LAYOUT.lanes["write"], row))


async def test_batches_are_counted_with_what_was_in_them(board: Board, told: Told) -> None:
    async with redis_server() as redis, open_store(redis.url) as store:
        observe(store, board)
        await asyncio.gather(*(store.add([Score(f"i{n}", 5)]) for n in range(20)))
        await store.add([Score(f"i{n}", 5) for n in range(10)])
        await asyncio.gather(*(store.inspector(f"i{n}") for n in range(5)))
    assert told("batch_size_sum", "write") == 30
    assert told("batch_size_sum", "read") == 5
    for operation in ("read", "write"):
        batches = told("batch_size_count", operation)
        assert 1 <= batches <= told("batch_size_sum", operation) / 2
        assert told("batch_duration_seconds_count", operation) == batches
        assert 0 < told("batch_duration_seconds_sum", operation) < 20
        assert told("batch_size_bucket", operation) == batches
        assert told("failures_total", operation) == told("refusals_total", operation) == 0


async def test_a_redis_that_comes_late_is_observed_too(board: Board, told: Told) -> None:
    async with redis_server() as redis:
        await redis.stop()
        async with open_store(f"{redis.url}?timeout=0.2") as store:
            observe(store, board)
            await redis.start()
            await store.add([Score("a", 5)])
    assert told("batch_size_sum", "write") == 1


async def test_what_is_given_up_and_what_is_refused_is_counted(board: Board, told: Told) -> None:
    async with redis_server() as redis, open_store(f"{redis.url}?timeout=0.2&queue=2") as store:
        observe(store, board)
        outcomes = await asyncio.gather(*(store.add([Score("a", 5)]) for _ in range(5)))
        refused = sum(isinstance(outcome, StoreBusy) for (outcome,) in outcomes)
        assert told("refusals_total", "write") == refused == 3
        await redis.stop()
        assert isinstance((await store.add([Score("a", 5)]))[0], StoreError)
        with pytest.raises(StoreError):
            await store.inspector("a")
    assert told("failures_total", "write") == told("failures_total", "read") == 1
