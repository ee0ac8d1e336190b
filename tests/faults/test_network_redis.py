"""A bad network between the server and its Redis: what was acknowledged is stored, once, and nobody waits for ever."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis
from support.accounts import NOTHING, Account, stored_at
from support.crowds import Errand, crowd_of
from support.errands import Look, Post
from support.network_faults import schedule, striking, told
from support.redis_servers import redis_server
from support.soak import times
from support.tally import note
from support.tcp_proxy import TcpProxy, tcp_proxy

from scores.stores.redis.session import WRITE, Call

Serve = Callable[..., Awaitable[str]]

PAIRS = 3

TIMEOUT = 0.4
"""Seconds that a request may wait for Redis."""

BOUND = 5.0
"""Seconds within which a request that no Redis is needed for is answered."""


@pytest.mark.parametrize("seed", range(times(1)))
async def test_behind_a_bad_network_redis_has_each_score_once(serve: Serve, seed: int) -> None:
    steps = schedule(seed=seed, pairs=PAIRS)
    once, keyed, looks = Account(), Account(), Account()
    in_flight = 0
    async with redis_server() as redis, tcp_proxy("127.0.0.1", redis.port) as proxy:
        address = await serve(store=f"redis://127.0.0.1:{proxy.port}/0?timeout={TIMEOUT}")
        errands: list[Errand] = [
            *(Post(address, once, "once", name=f"once{number}") for number in range(16)),
            *(Post(address, keyed, "keyed", name=f"keyed{number}") for number in range(16)),
            Look(address, looks),
        ]
        with told(seed, steps):
            async with crowd_of(errands, once, keyed, looks) as crowd:
                for step in steps:
                    async with striking(proxy, step):
                        in_flight += crowd.under_way
                        await looks.more(80)
                    await keyed.more(20)
                await crowd.pause()
                stored = await stored_at(address)
                tolls = [account.toll(stored) for account in (once, keyed)]
                assert tolls == [NOTHING] * 2
                assert looks.longest_outage < BOUND
                # What was not known was said to be so: no connection of a client broke off.
                assert once.broken == keyed.broken == looks.broken == 0
    for account, kind in ((once, "no key"), (keyed, "key")):
        toll = account.toll(stored)
        note(
            fault=f"network before Redis: {kind}", injected=len(steps), in_flight=in_flight,
            acknowledged=account.answers, lost=toll.lost, doubled=toll.doubled,
            longest_outage=account.longest_outage,
        )  # fmt: skip


async def doubled_by_lost_replies(address: str, proxy: TcpProxy) -> int:
    """Scores that are counted twice when some of Redis' replies to a write are lost."""
    account = Account()
    posts = [Post(address, account, "once", name=f"once{number}") for number in range(16)]
    async with crowd_of(posts, account) as crowd:
        for cut in range(1, times(5) + 1):
            await account.more(50)
            proxy.cut_before_reply(matching=b"EVALSHA")
            while proxy.replies_cut < cut:
                await account.more(1)
        await crowd.pause()
        toll = account.toll(await stored_at(address))
    assert toll.lost == 0
    return toll.doubled


async def test_a_batch_whose_reply_was_lost_is_sent_again_and_counted_once(serve: Serve) -> None:
    async with redis_server() as redis, tcp_proxy("127.0.0.1", redis.port) as proxy:
        address = await serve(store=f"redis://127.0.0.1:{proxy.port}/0")
        assert await doubled_by_lost_replies(address, proxy) == 0


async def test_control_a_batch_that_is_sent_again_under_another_number_is_counted_twice(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, command = count(1), Call.command

    def renumbered(call: Call, **options: Any) -> Any:
        if call.script is WRITE:
            call = call._replace(arguments=[next(numbers), *call.arguments[1:]])
        return command(call, **options)

    monkeypatch.setattr(Call, "command", renumbered)
    async with redis_server() as redis, tcp_proxy("127.0.0.1", redis.port) as proxy:
        address = await serve(store=f"redis://127.0.0.1:{proxy.port}/0")
        assert await doubled_by_lost_replies(address, proxy) > 0


async def test_control_the_drivers_own_retries_count_twice() -> None:
    async with (
        redis_server() as redis,
        tcp_proxy("127.0.0.1", redis.port) as proxy,
        Redis(port=proxy.port) as client,
    ):
        proxy.cut_before_reply(matching=b"INCRBY")
        assert await client.incrby("a1-b1", 5) == 10
