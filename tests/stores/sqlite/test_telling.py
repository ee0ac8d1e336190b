"""What live readers are told of a store that suspends: in the order of the commits, and never as if nothing were missing."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Any

import pytest

from scores.errors import OutcomeUnknown
from scores.live.local import LocalJournal, Published
from scores.metrics.board import Board
from scores.metrics.layout import BUCKETS
from scores.metrics.tally import LaneTally
from scores.models import Inspector, Repeats, Result, Score
from scores.stores import open_store
from scores.stores.embedded import EmbeddedStore
from scores.stores.observed import Observed
from scores.testing import add_one
from scores.web.routes import LAYOUT


async def told(journal: LocalJournal, wanted: int, change: Any) -> Sequence[Any]:
    """The events that the change brings about."""
    events: list[Any] = []
    async with aclosing(journal.follow(0)) as following:
        await anext(following)
        changing = asyncio.create_task(change())
        while len(events) < wanted:
            for entry in await anext(following):
                events += entry.events
        await changing
    return events


async def test_readers_are_told_in_the_order_of_the_commits(store_url: str) -> None:
    async with open_store(store_url) as store:
        journal = LocalJournal(10_000)
        published = Published(store, journal)

        async def post(number: int) -> None:
            for _ in range(10):
                await add_one(published, Score("a1-b1", number % 6))
                await published.record([Result("foo", 3, number / 100)], repeats=Repeats.LAST)

        async def change() -> None:
            await asyncio.gather(*map(post, range(40)))

        events = await told(journal, 800, change)
        inspectors = [one for one in events if isinstance(one, Inspector)]
        assert [one.count for one in inspectors] == list(range(1, 401))
        last = [one for one in events if isinstance(one, Result)][-1]
        report = await store.student("foo", limit=1)
        assert report is not None
        assert report.results.items == [last]


class Doubtful(EmbeddedStore):
    """One that does not know what became of a score, or that is not waited for."""

    failure: BaseException | None = None

    async def add(self, scores: Sequence[Score], **_: Any) -> Any:
        if isinstance(self.failure, OutcomeUnknown):
            return [self.failure] * len(scores)
        if self.failure is not None:
            raise self.failure
        return await super().add(scores)


@pytest.mark.parametrize("failure", [OutcomeUnknown("the disk is gone"), asyncio.CancelledError()])
async def test_where_something_may_be_missing_a_new_epoch_begins(failure: BaseException) -> None:
    store, journal = Doubtful(dict), LocalJournal(100)
    published = Published(store, journal)
    async with aclosing(journal.follow(0)) as following:
        ((first, *_),) = await anext(following)
        await published.add([Score("a1-b1", 5)])
        store.failure = failure
        with suppress(asyncio.CancelledError):
            await published.add([Score("a1-b1", 5)])
        ((epoch, *_),) = await anext(following)
        assert epoch != first


async def test_its_batches_are_counted(store_url: str) -> None:
    row, lanes = Board.of_one(LAYOUT).row(0), LAYOUT.lanes
    async with open_store(store_url) as store:
        assert isinstance(store, Observed)
        store.observe(reads=LaneTally(lanes["read"], row), writes=LaneTally(lanes["write"], row))
        await store.add([Score("a1-b1", 5)] * 7)
        await store.inspector("a1-b1")
        await store.inspector("a1-b1")
    durations = {kind: sum(row[lane.durations + at] for at in range(BUCKETS)) for kind, lane in lanes.items()}
    assert durations == {"read": 2, "write": 1}
    assert (row[lanes["write"].failures], row[lanes["write"].refusals]) == (0, 0)
