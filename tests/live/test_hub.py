"""Readers: everybody converges, nobody is waited for, and what comes again goes on where it was."""

import asyncio
from collections.abc import Callable
from itertools import dropwhile
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.feeds import eventually
from support.house import House, listening
from support.live import put, results_of

from scores.errors import StoreError
from scores.feed.decoder import Event
from scores.live.frames import parse_id
from scores.models import Outcome, Repeats, Result, ResultKey, Score
from scores.stores.embedded import EmbeddedStore


def exams(events: list[Event]) -> list[int]:
    return [exam for event in events for _, exam in results_of([event])]


async def stored(store: Any) -> dict[tuple[str, int], float]:
    found: dict[tuple[str, int], float] = {}
    for exam in (await store.exams(limit=1000)).items:
        report = await store.exam(exam.exam, limit=1000)
        found |= {(one.student_id, one.exam): one.score for one in report.results.items}
    return found


# Where a reader begins.


async def test_a_new_reader_is_told_all_that_is_stored_and_then_what_happens(
    house: Callable[..., House],
) -> None:
    one = house()
    for exam in range(700):
        await put(one.store, "foo", exam, 0.5)
    async with listening(one.hub) as reader:
        assert exams(await reader.count(700)) == list(range(700))
        await put(one.store, "foo", 3, 0.25)
        assert exams((await reader.count(701))[700:]) == [3]


async def test_a_reader_may_be_content_with_what_is_new(house: Callable[..., House]) -> None:
    one = house()
    await put(one.store, "foo", 1, 0.5)
    async with listening(one.hub, only_new=True) as reader:
        await put(one.store, "foo", 2, 0.5)
        await put(one.store, "foo", 3, 0.5)
        # What was recorded within the last tick may still count as new.
        assert exams(await reader.count(2))[-2:] in ([2, 3], [1, 2])


@pytest.mark.parametrize("unknown", ["", "x", "e-1", "e-1-0-", "0-0"])
async def test_an_id_of_another_time_begins_anew(house: Callable[..., House], unknown: str) -> None:
    one = house()
    await put(one.store, "foo", 1, 0.5)
    async with listening(one.hub, unknown) as reader:
        assert exams(await reader.count(1)) == [1]


async def test_an_id_that_the_history_does_not_reach_begins_anew(house: Callable[..., House]) -> None:
    one = house(history=10)
    async with listening(one.hub, only_new=True) as reader:
        for exam in range(30):
            await put(one.store, "foo", exam, 0.5)
            await reader.count(exam + 1)
    first = reader.events[0]
    async with listening(one.hub, first.id) as reader:
        assert exams(await reader.count(30)) == list(range(30))
    assert first.id.partition("-")[0] == reader.events[0].id.partition("-")[0]


async def test_a_reader_that_was_cut_goes_on_after_its_last_event(house: Callable[..., House]) -> None:
    one = house()
    async with listening(one.hub, only_new=True) as reader:
        for exam in range(5):
            await put(one.store, "foo", exam, 0.5)
        third = (await reader.count(5))[2]
    await put(one.store, "foo", 5, 0.5)
    async with listening(one.hub, third.id) as reader:
        assert exams(await reader.count(3)) == [3, 4, 5]


async def test_a_while_without_readers_costs_no_event_to_who_comes_back(
    house: Callable[..., House],
) -> None:
    one = house(history=50)
    async with listening(one.hub, only_new=True) as reader:
        await put(one.store, "foo", 0, 0.5)
        (first,) = await reader.count(1)
    for exam in range(1, 51):
        await put(one.store, "foo", exam, 0.5)
    async with listening(one.hub, first.id) as reader:
        assert exams(await reader.count(50)) == list(range(1, 51))


async def test_nothing_is_kept_when_nobody_has_listened_for_a_while(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.live.hub.LINGER", 0.0)
    one = house(history=50)
    async with listening(one.hub, only_new=True) as reader:
        await put(one.store, "foo", 0, 0.5)
        (first,) = await reader.count(1)
    await eventually(lambda: not one.journal.followed)
    for exam in range(1, 30):
        await put(one.store, "foo", exam, 0.5)
        await one.store.add([Score("u", 1)])
        assert one.store.add_now is not None
        one.store.add_now(Score("u", 1))
    assert len(one.journal._new) == 0
    async with listening(one.hub, first.id) as reader:
        assert exams(await reader.count(30)) == list(range(30))


async def test_more_at_once_than_is_kept_is_told_by_telling_everything(house: Callable[..., House]) -> None:
    one = house(history=50)
    async with listening(one.hub) as reader:
        await put(one.store, "foo", 0, 0.5)
        await reader.become({("foo", 0): 0.5})
        for exam in range(500):
            await put(one.store, "foo", exam, 0.25)
        assert len(one.journal._new) == 51
        await reader.become({("foo", exam): 0.25 for exam in range(500)})


async def test_a_reader_that_was_cut_while_it_was_told_everything_goes_on_there(
    house: Callable[..., House],
) -> None:
    one = house()
    for exam in range(2000):
        await put(one.store, "foo", exam, 0.5)
    async with listening(one.hub) as reader:
        await reader.take()
        await reader.take()
        seen, last = exams(reader.events), reader.events[-1].id
    await put(one.store, "foo", 3, 0.25)
    async with listening(one.hub, last) as reader:
        rest = exams(await reader.count(2001 - len(seen)))
    assert 0 < len(seen) < 2000
    assert sorted(rest) == sorted([*range(len(seen), 2000), 3])


async def test_a_place_that_the_store_does_not_know_is_the_start_of_its_exam(
    house: Callable[..., House],
) -> None:
    one = house()
    for student in ("foo", "bar"):
        await put(one.store, student, 1, 0.5)
        await put(one.store, student, 2, 0.5)
    async with listening(one.hub) as reader:
        epoch = (await reader.count(4))[0].id.partition("-")[0]
    async with listening(one.hub, f"{epoch}-0-2-eA") as reader:
        await reader.become({("foo", 2): 0.5, ("bar", 2): 0.5})


# What is told.


@pytest.mark.parametrize(
    ("repeats", "told"), [("last", [0.5, 0.25, 0.75]), ("first", [0.5]), ("max", [0.5, 0.75])]
)
async def test_what_is_told_is_what_is_stored(
    house: Callable[..., House], repeats: str, told: list[float]
) -> None:
    one = house()
    async with listening(one.hub, only_new=True) as reader:
        scores = [Result("foo", 1, score) for score in (0.5, 0.25, 0.75)]
        await one.store.record(scores, repeats=Repeats(repeats))
        await put(one.store, "end", 1, 0.0)
        events = await reader.count(len(told) + 1)
    assert [value for event in events for value in results_of([event]).values()] == [*told, 0.0]


async def test_means_are_told_as_of_each_score(house: Callable[..., House]) -> None:
    one = house()
    assert one.store.add_now is not None
    async with listening(one.hub) as reader:
        one.store.add_now(Score("u", 5))
        await one.store.add([Score("u", 4), Score("v", 0)])
        events = await reader.count(3)
    assert [(event.type, event.data) for event in events] == [
        ("mean", '{"UUID":"u","mean":5.0,"count":1}'),
        ("mean", '{"UUID":"u","mean":4.5,"count":2}'),
        ("mean", '{"UUID":"v","mean":0.0,"count":1}'),
    ]


async def test_after_a_write_that_failed_everybody_is_told_everything(house: Callable[..., House]) -> None:
    one = house()

    class Half(EmbeddedStore):
        async def record(self, results: Any, **options: Any) -> list[Outcome]:
            await super().record(results[:1], **options)
            raise StoreError("half of it")

    async with listening(one.hub) as reader:
        await put(one.store, "foo", 1, 0.5)
        await reader.count(1)
        half = Half(dict)
        half.__dict__.update(one.store._store.__dict__)  # type: ignore[attr-defined]  # the same data
        one.store._store = half  # type: ignore[attr-defined]  # that fails from now on
        with pytest.raises(StoreError):
            await one.store.record([Result("foo", 2, 0.5), Result("foo", 3, 0.5)], repeats=Repeats.LAST)
        await reader.become({("foo", 1): 0.5, ("foo", 2): 0.5})


# Convergence and order.


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 9)), max_size=10),
    history=st.sampled_from([1, 4, 1000]),
    seed=st.integers(0, 99),
)
def test_through_any_cuts_a_reader_converges_and_goes_on_without_a_gap(
    steps: list[tuple[int, int, int]], history: int, seed: int
) -> None:
    """In each step some is written, a reader comes, more is written, it takes some pieces and is cut."""

    async def run() -> None:
        one, random = House(history=history), Random(seed)
        events = list[Event]()

        async def write(count: int) -> None:
            for _ in range(count):
                await put(one.store, "foo", random.randrange(300), random.random())

        for before, takes, meanwhile in [*steps, (0, 10**6, 0)]:
            await write(before)
            async with listening(one.hub, events[-1].id if events else "") as reader:
                await write(meanwhile)
                for _ in range(takes):
                    if results_of(events + reader.events) == await stored(one.store):
                        break
                    assert await reader.take()
                events += reader.events
        assert results_of(events) == await stored(one.store)
        if history == 1000:
            assert_live_without_a_gap(events)
        await one.hub.close()

    asyncio.run(run())


def assert_live_without_a_gap(events: list[Event]) -> None:
    """Once a reader has had everything, what follows has one number after the other."""
    positions = [position for event in events if (position := parse_id(event.id)) is not None]
    assert len(positions) == len(events)
    live = list(dropwhile(lambda position: position.place is not None, positions))
    assert not any(position.place for position in live)
    numbers = [position.number for position in live]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    walked = [position.number for position in positions[: len(positions) - len(live)]]
    assert walked == sorted(walked)


async def test_while_four_write_a_new_reader_ends_with_what_is_stored(house: Callable[..., House]) -> None:
    one, writing = house(), asyncio.Event()
    for exam in range(3000):
        await put(one.store, "foo", exam, 0.5)

    async def write(seed: int) -> None:
        random = Random(seed)
        while not writing.is_set():
            await put(one.store, "foo", random.randrange(3000), random.random())
            await asyncio.sleep(0)

    async with listening(one.hub) as reader, asyncio.TaskGroup() as group:
        for seed in range(4):
            group.create_task(write(seed))
        while reader.reader._walk is not None:
            await reader.take()
        writing.set()
        await reader.become(await stored_all(one.store))
    assert any(position.number for event in reader.events if (position := parse_id(event.id)))


async def stored_all(store: Any) -> dict[tuple[str, int], float]:
    found: dict[tuple[str, int], float] = {}
    after = None
    while True:
        page = await store.student("foo", after=after, limit=1000)
        found |= {("foo", one.exam): one.score for one in page.results.items}
        after = page.results.next
        if after is None:
            return found


async def test_what_is_deleted_is_not_told(house: Callable[..., House]) -> None:
    one = house()
    async with listening(one.hub, only_new=True) as reader:
        await put(one.store, "foo", 1, 0.5)
        await reader.count(1)
        assert await one.store.remove(ResultKey("foo", 1))
        await put(one.store, "foo", 2, 0.5)
        assert exams(await reader.count(2)) == [1, 2]
