"""A bad network between the clients and the server: what was acknowledged is stored, once, and others are served."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.accounts import NOTHING, Account, stored_at
from support.crowds import crowd_of
from support.durable import durable_store
from support.errands import Post
from support.feeds import eventually
from support.network_faults import schedule, striking, told
from support.soak import LONG, times
from support.tally import note
from support.tcp_proxy import tcp_proxy
from yarl import URL

Serve = Callable[..., Awaitable[str]]

PATIENCE = 0.2
"""Seconds until a client behind the proxy takes a request for lost."""

BOUND = 5.0
"""Seconds within which clients with a good connection are served, whatever becomes of the others."""

STORES = ["dict", "sharded", "sqlite", "redis"] if LONG else ["dict"]


def before(address: str) -> tuple[str, int]:
    url = URL(address)
    return str(url.host), int(url.port or 0)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("seed", range(times(1)))
async def test_behind_a_bad_network_each_score_is_stored_once(serve: Serve, store: str, seed: int) -> None:
    steps = schedule(seed=seed, pairs=3)
    once, keyed, direct = Account(), Account(), Account()
    in_flight = 0
    async with durable_store(store) as url:
        address = await serve(store=url, keepalive_timeout=1)
        await stored_at(address)
        opened = descriptors()
        with told(seed, steps):
            async with tcp_proxy(*before(address)) as proxy:
                through = f"http://127.0.0.1:{proxy.port}"
                posts = [
                    *(
                        Post(through, once, "once", name=f"once{number}", patience=PATIENCE)
                        for number in range(8)
                    ),
                    *(
                        Post(through, keyed, "keyed", name=f"keyed{number}", patience=PATIENCE)
                        for number in range(8)
                    ),
                    *(Post(address, direct, "once", name=f"direct{number}") for number in range(2)),
                ]
                async with crowd_of(posts, once, keyed, direct) as crowd:
                    for step in steps:
                        async with striking(proxy, step):
                            in_flight += once.under_way + keyed.under_way
                            await direct.more(100)
                        await keyed.more(10)
                    await crowd.pause()
                    stored = await stored_at(address)
                    tolls = [account.toll(stored) for account in (once, keyed, direct)]
                    assert tolls == [NOTHING] * 3
                    assert not direct.unknown
                    assert direct.longest_outage < BOUND
            # The server lets go of those who never said that they were gone.
            await eventually(lambda: descriptors() <= opened)
    for account, kind in ((once, "no key"), (keyed, "key")):
        toll = account.toll(stored)
        note(
            fault=f"network before the server: {kind}", injected=len(steps), in_flight=in_flight,
            acknowledged=account.answers, lost=toll.lost, doubled=toll.doubled,
            longest_outage=account.longest_outage,
        )  # fmt: skip


async def test_control_behind_the_same_network_who_asks_again_without_a_key_is_counted_twice(
    serve: Serve,
) -> None:
    blind, keyed = Account(), Account()
    address = await serve()
    async with tcp_proxy(*before(address)) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        posts = [
            *(Post(through, blind, "blind", name=f"blind{number}") for number in range(4)),
            *(Post(through, keyed, "keyed", name=f"keyed{number}") for number in range(4)),
        ]
        async with crowd_of(posts, blind, keyed) as crowd:
            proxy.cut_before_reply(100)
            await blind.more(200)
            await keyed.more(200)
            await crowd.pause()
            stored = await stored_at(address)
        assert proxy.replies_cut == 100
    assert blind.toll(stored).doubled + keyed.toll(stored).doubled == blind.toll(stored).doubled > 0
