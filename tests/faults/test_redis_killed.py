"""A Redis that is killed under load and comes back: with `appendfsync always` it has what was acknowledged, once."""

import random
from collections.abc import Awaitable, Callable

from support.accounts import NOTHING, Account, stored_at
from support.crowds import crowd_of
from support.errands import Post
from support.redis_servers import RedisServer, redis_server
from support.soak import times
from support.tally import note

Serve = Callable[..., Awaitable[str]]

CLIENTS = 16
KILLS = times(5)


async def kill(redis: RedisServer, address: str, kills: int) -> tuple[dict[str, Account], int]:
    """What clients were told while their server's Redis was killed so often, and how many waited then."""
    once, keyed = Account(), Account()
    posts = [
        *(Post(address, once, "once", name=f"once{number}") for number in range(CLIENTS)),
        *(Post(address, keyed, "keyed", name=f"keyed{number}") for number in range(CLIENTS)),
    ]
    rng, in_flight = random.Random(address), 0
    async with crowd_of(posts, once, keyed) as crowd:
        for _ in range(kills):
            await once.more(rng.randint(50, 500))
            in_flight += crowd.under_way
            redis.kill()
            await redis.start()
            await keyed.more(20)
    return {"no key": once, "key": keyed}, in_flight


async def test_what_was_acknowledged_outlives_redis_and_is_counted_once(serve: Serve) -> None:
    async with redis_server(appendonly="always") as redis:
        address = await serve(store=redis.url)
        accounts, in_flight = await kill(redis, address, KILLS)
        stored = await stored_at(address)
        assert {account.toll(stored) for account in accounts.values()} == {NOTHING}
        # The server lives: it has answered everybody, if only to say that it does not know.
        assert sum(account.broken for account in accounts.values()) == 0
    for kind, account in accounts.items():
        toll = account.toll(stored)
        note(
            fault=f"Redis killed: {kind}", injected=KILLS, in_flight=in_flight, acknowledged=account.answers,
            lost=toll.lost, doubled=toll.doubled, longest_outage=account.longest_outage,
        )  # fmt: skip


async def test_control_a_redis_in_memory_loses_scores(serve: Serve) -> None:
    async with redis_server(appendonly="no") as redis:
        address = await serve(store=redis.url)
        accounts, _ = await kill(redis, address, 1)
        stored = await stored_at(address)
        assert all(account.toll(stored).lost > 0 for account in accounts.values())
