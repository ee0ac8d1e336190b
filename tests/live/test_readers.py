"""Readers come and go: how many there may be, who is dropped, and how streams end."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from support.feeds import eventually
from support.house import House, listening
from support.live import put

from scores.errors import Overloaded, StoreError
from scores.live.frames import COMMENT
from scores.live.hub import LINGER, Hub
from scores.stores.embedded import EmbeddedStore
from scores.stores.journal import Entry


async def test_a_reader_that_takes_nothing_is_dropped_and_the_others_have_everything(
    house: Callable[..., House],
) -> None:
    one = house(history=300)
    async with listening(one.hub) as deaf, listening(one.hub) as other:
        for exam in range(700):
            await put(one.store, "foo", exam, 0.5)
            await asyncio.sleep(0)
            if exam % 100 == 99:
                await other.become({("foo", one): 0.5 for one in range(exam + 1)})
        await eventually(lambda: deaf.client.dropped)
        assert not other.client.dropped
        assert await deaf.take() == b""


async def test_a_reader_that_has_left_is_not_kept(house: Callable[..., House]) -> None:
    one = house(heartbeat=0.1)
    async with listening(one.hub) as reader:
        reader.client.gone = True
        assert await reader.take() == b""
    assert one.hub._count == 0


async def test_one_reader_too_many_is_refused_and_room_is_given_again(house: Callable[..., House]) -> None:
    one = house(readers=2)
    async with listening(one.hub), listening(one.hub):
        with pytest.raises(Overloaded, match="all of the 2 live readers"):
            async with listening(one.hub):
                raise AssertionError
    async with listening(one.hub), listening(one.hub):
        pass


async def test_an_idle_reader_is_sent_a_comment(house: Callable[..., House]) -> None:
    one = house(heartbeat=0.1)
    async with listening(one.hub) as reader:
        assert [await reader.take(), await reader.take()] == [COMMENT, COMMENT]
        await put(one.store, "foo", 1, 0.5)
        await reader.count(1)


async def test_the_journal_is_followed_no_longer_than_it_is_worth(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.live.hub.LINGER", 0.0)
    one = house()
    async with listening(one.hub):
        following = one.hub._following
    assert following is not None
    await asyncio.wait([following])
    assert LINGER > 15
    async with listening(one.hub) as reader:
        await put(one.store, "foo", 1, 0.5)
        await reader.count(1)


async def test_when_it_closes_streams_end_and_who_is_stuck_is_cut(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scores.live.hub._GRACE", 0.05)
    one = house()
    async with listening(one.hub) as stuck:
        ending = asyncio.create_task(listen_to_the_end(one.hub))
        await eventually(lambda: one.hub._count == 2)
        await one.hub.close()
        assert await ending == b""
        assert stuck.client.dropped
        async with listening(one.hub) as late:
            assert await late.take() == b""


async def listen_to_the_end(hub: Hub) -> bytes:
    async with listening(hub) as reader:
        return await reader.take()


# A journal that fails.


class Failing:
    """A journal that fails at first, and once more when it is told to."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.follows = 0
        self.broken = asyncio.Event()

    async def follow(self, history: int) -> AsyncGenerator[list[Entry], None]:
        self.follows += 1
        if self.follows == 1:
            raise self.failure
        yield [Entry("e", 0, ())]
        await self.broken.wait()
        raise self.failure


@pytest.mark.parametrize("failure", [StoreError("away"), ZeroDivisionError("a bug")])
async def test_a_journal_that_fails_refuses_readers_and_ends_streams(
    failure: Exception, no_leaks: None
) -> None:
    journal = Failing(failure)
    hub = Hub(journal, EmbeddedStore(dict), history=10, readers=3, heartbeat=15)
    with pytest.raises(StoreError, match=str(failure)):
        async with listening(hub):
            raise AssertionError
    async with listening(hub) as reader:
        journal.broken.set()
        assert await reader.take() == b""
    await hub.close()
    assert journal.follows == 2
