"""Clocks that are set, and a machine that stands still: what is remembered stays, and whoever asks again is answered.

The monotonic clock is not touched by anybody: that is what the system promises. The wall clock is.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from support.commands import Command
from support.redis_servers import redis_server
from support.soak import times
from support.tally import note

from scores import open_store
from scores.errors import LeaseLost
from scores.marks import Replayed
from scores.models import Inspector, Repeats, Result, Score
from scores.stores.embedded import EmbeddedStore
from scores.stores.marks import Marks
from scores.testing.marks import mark_of
from scores.web.express import answers

HOUR, YEAR = 3600.0, 365 * 86_400.0
JUMPS = pytest.mark.parametrize("jump", [-YEAR, -HOUR, -0.5, 0.5, HOUR, YEAR])
FEED = "http://192.0.2.7/scores"
MARK = mark_of(Score("a", 5), "key", seconds=60)
STILL = 1.5
"""Seconds for which a server stands still: longer than any of its deadlines, and than its clients wait."""
CLIENTS = 20

Start = Callable[..., Awaitable[Command]]
Serve = Callable[..., Awaitable[str]]


@pytest.fixture
def set_wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time of day by so many seconds."""
    true = time.time

    def set_by(seconds: float) -> None:
        def wall() -> float:
            return true() + seconds

        monkeypatch.setattr(time, "time", wall)
        monkeypatch.setattr(answers, "time", wall)

    return set_by


@JUMPS
async def test_a_mark_is_remembered_through_a_jump_of_the_wall_clock(
    set_wall: Callable[[float], None], jump: float
) -> None:
    store = EmbeddedStore(dict)
    for _ in range(2):
        await store.add([Score("a", 5)], marks=[MARK])
        set_wall(jump)
    (again,) = await store.add([Score("a", 5)], marks=[MARK])
    assert isinstance(again, Replayed)
    assert await store.inspector("a") == Inspector("a", 1, 5)


async def test_control_a_mark_that_is_timed_by_the_wall_clock_is_forgotten(
    set_wall: Callable[[float], None],
) -> None:
    store = EmbeddedStore(dict)
    store._marks = Marks(dict, now=lambda: time.time())  # noqa: PLW0108  # what it is by then
    for _ in range(2):
        await store.add([Score("a", 5)], marks=[MARK])
        set_wall(HOUR)
    assert await store.inspector("a") == Inspector("a", 2, 10)


@JUMPS
async def test_a_lease_stays_whose_it_is_through_a_jump_of_the_wall_clock(
    set_wall: Callable[[float], None], jump: float
) -> None:
    store = EmbeddedStore(dict)
    held = await store.lease(FEED, "one", seconds=60)
    set_wall(jump)
    assert await store.lease(FEED, "other", seconds=60) is None
    assert await store.lease(FEED, "one", seconds=60) == held


@JUMPS
async def test_the_date_of_an_answer_is_that_of_the_wall_clock_as_it_is_now(
    serve: Serve, http: aiohttp.ClientSession, set_wall: Callable[[float], None], jump: float
) -> None:
    address = await serve()
    for seconds in (0.0, jump, 0.0):
        set_wall(seconds)
        async with http.post(f"{address}/scores", json={"UUID": "a", "score": 3}) as answer:
            assert answer.status == 200
            said = parsedate_to_datetime(answer.headers["Date"])
        assert abs((said - datetime.fromtimestamp(time.time(), UTC)).total_seconds()) < 10


# Redis goes by the wall clock of its machine. What a jump leaves behind there is made here by hand.


async def test_redis_set_back_does_not_keep_the_turn_of_a_reader_that_is_gone() -> None:
    async with redis_server() as redis, open_store(redis.url) as store:
        first = await store.lease(FEED, "gone", seconds=3)
        assert first is not None
        assert await store.lease(FEED, "next", seconds=3) is None
        # Its clock was an hour ahead, and is right now.
        await redis_shift(redis, HOUR)
        second = await store.lease(FEED, "next", seconds=3)
        assert second is not None
        assert second.token > first.token
        result = [Result("foo", 3, 0.5)]
        await store.record(result, repeats=Repeats.LAST, lease=second)
        with pytest.raises(LeaseLost):
            await store.record(result, repeats=Repeats.LAST, lease=first)


async def test_redis_set_forward_gives_the_turn_away_once_and_the_first_reader_writes_no_more() -> None:
    async with redis_server() as redis, open_store(redis.url) as store:
        first = await store.lease(FEED, "slow", seconds=3)
        await redis_shift(redis, -HOUR)
        second = await store.lease(FEED, "next", seconds=3)
        assert first is not None
        assert second is not None
        assert await store.lease(FEED, "slow", seconds=3) is None
        result = [Result("foo", 3, 0.5)]
        await store.record(result, repeats=Repeats.LAST, lease=second)
        with pytest.raises(LeaseLost):
            await store.record([Result("foo", 3, 0.1)], repeats=Repeats.LAST, lease=first)
        report = await store.student("foo", limit=1)
        assert report is not None
        assert report.student.average == 0.5


async def test_control_without_what_was_given_the_turn_of_the_dead_lasts_for_an_hour() -> None:
    async with redis_server() as redis, open_store(redis.url) as store:
        await store.lease(FEED, "gone", seconds=3)
        await redis_shift(redis, HOUR, forget="given")
        assert await store.lease(FEED, "next", seconds=3) is None


async def redis_shift(redis: Any, seconds: float, *, forget: str = "nothing") -> None:
    """Has the lease end so many seconds later, as if Redis' clock had been set back by as many since."""
    (key,) = [key for key in await redis.command("KEYS", "*") if b"feed:" in key]
    expires = int(await redis.command("HGET", key, "expires"))
    await redis.command("HSET", key, "expires", str(expires + round(seconds * 1000)))
    await redis.command("HDEL", key, forget)


async def test_a_server_that_stood_still_past_every_deadline_counts_each_score_once(command: Start) -> None:
    rounds = times(1)
    found, acknowledged, outage = await stand_still(command, rounds, keyed=True)
    note(
        fault="server stopped (SIGSTOP) past its deadlines",
        injected=rounds,
        in_flight=acknowledged // 2,
        acknowledged=acknowledged,
        lost=max(0, acknowledged - found),
        doubled=max(0, found - acknowledged),
        longest_outage=outage,
    )
    assert found == acknowledged


async def test_control_without_keys_what_is_sent_again_counts_again(command: Start) -> None:
    found, acknowledged, _ = await stand_still(command, 1, keyed=False)
    assert found > acknowledged


async def stand_still(command: Start, rounds: int, *, keyed: bool) -> tuple[int, int, float]:
    """How many scores there are, and should be, and for how long nobody was answered."""
    deadlines = ("HEAD_TIMEOUT", "BODY_TIMEOUT", "SEND_TIMEOUT", "KEEPALIVE_TIMEOUT", "SHUTDOWN_TIMEOUT")
    server = await command(
        "serve", "--port", "0", "--feed", "off", **{f"SCORES_{name}": str(STILL / 3) for name in deadlines}
    )
    outage = 0.0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(STILL / 3)) as http:
        for turn in range(rounds):
            keys = [f"{turn}/{n}" for n in range(CLIENTS)]
            await asyncio.gather(*(score(http, server.address, f"{key}/before") for key in keys))
            stop(server.process)
            began = time.monotonic()
            asking = [
                asyncio.create_task(score(http, server.address, f"{key}/within" if keyed else ""))
                for key in keys
            ]
            half = await asyncio.open_connection(*server.address.removeprefix("http://").split(":"))
            half[1].write(b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Le")
            await asyncio.sleep(STILL)
            server.process.send_signal(signal.SIGCONT)
            await asyncio.gather(*asking)
            outage = max(outage, time.monotonic() - began)
            # Half a request is refused in words, or ended: it is not kept.
            async with asyncio.timeout(20):
                assert (await half[0].read())[:12] in (b"", b"HTTP/1.1 408")
            half[1].close()
    async with aiohttp.ClientSession() as http, http.get(f"{server.address}/inspectors/a") as answer:
        found = (await answer.json())["count"]
    assert await server.stop() == 0
    return found, 2 * CLIENTS * rounds, outage


def stop(process: asyncio.subprocess.Process) -> None:
    """Has it stand still, which it does when this returns."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


async def score(http: aiohttp.ClientSession, address: str, key: str) -> None:
    """A score that is sent, with its key if it has one, until it is answered."""
    headers = {"Idempotency-Key": key} if key else {}
    while True:
        try:
            async with http.post(
                f"{address}/scores", json={"UUID": "a", "score": 1}, headers=headers
            ) as answer:
                if answer.status == 200:
                    return
        except (aiohttp.ClientError, TimeoutError):
            continue
