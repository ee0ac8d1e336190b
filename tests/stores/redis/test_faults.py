"""A Redis that is killed, frozen, cut off: no acknowledged score is lost, and none is counted twice.

Each fault has its control: the same test with the protection taken out, which must find the damage.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.audit import posting, stored
from support.redis_servers import RedisServer, redis_server, until
from support.tcp_proxy import TcpProxy, tcp_proxy

from scores.errors import StoreError
from scores.stores.redis import delivery
from scores.stores.redis.session import WRITE, Script

Serve = Callable[..., Awaitable[str]]

FROZEN = 10  # seconds


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes out what keeps a batch from counting twice."""
    source = WRITE.source.replace("local seen = redis.call('GET', KEYS[1])", "local seen = false")
    assert source != WRITE.source
    monkeypatch.setattr(delivery, "WRITE", Script(source))


async def kill_again_and_again(
    server: RedisServer, serve: Serve, *, times: int, patience: float
) -> dict[str, str]:
    address = await serve(store=f"{server.url}?timeout={patience}")
    async with posting(address) as audit:
        for _ in range(times):
            await audit.more(100)
            server.kill()
            await server.start()
    assert audit.acked.total() > 100 * times
    if patience > 30:
        # Every answer that was lost on the way has been found again: nothing is left in the dark.
        assert not audit.unknown
    return audit.violations(await stored(address))


async def test_killed_twenty_times_with_its_log_on_disk_it_has_every_score_once(serve: Serve) -> None:
    async with redis_server(appendonly="always") as server:
        assert not await kill_again_and_again(server, serve, times=20, patience=60)


async def test_killed_with_clients_that_wait_not_at_all_it_has_what_was_acknowledged(serve: Serve) -> None:
    async with redis_server(appendonly="always") as server:
        assert not await kill_again_and_again(server, serve, times=5, patience=0.1)


async def test_control_without_a_log_on_disk_scores_are_lost(serve: Serve) -> None:
    async with redis_server(appendonly="no") as server:
        assert await kill_again_and_again(server, serve, times=1, patience=60)


async def replies_lost(serve: Serve, *, patience: float = 60) -> dict[str, str]:
    async with redis_server() as server, tcp_proxy("127.0.0.1", server.port) as proxy:
        address = await serve(store=f"redis://127.0.0.1:{proxy.port}/0?timeout={patience}")
        async with posting(address) as audit:
            for _ in range(20):
                await audit.more(50)
                proxy.cut_before_reply(matching=b"EVALSHA")
        assert proxy.replies_cut >= 15
        return audit.violations(await stored(address))


async def test_a_reply_that_is_lost_is_found_again_and_nothing_counts_twice(serve: Serve) -> None:
    assert not await replies_lost(serve)


async def test_control_a_script_that_forgets_counts_twice(serve: Serve, forgetful: None) -> None:
    assert await replies_lost(serve)


async def frozen(serve: Serve) -> dict[str, str]:
    async with redis_server() as server:
        address = await serve(store=f"{server.url}?timeout=1")
        async with posting(address) as audit:
            await audit.more(200)
            server.pause()
            # That long, by a clock, is what is tested; what was on its way stays in Redis' sockets.
            await asyncio.sleep(FROZEN)
            server.resume()
            await audit.more(200)
        assert audit.refused["store-unavailable"]
        return audit.violations(await stored(address))


async def test_frozen_for_ten_seconds_it_says_of_nothing_that_it_was_not_recorded_when_it_was(
    serve: Serve,
) -> None:
    assert not await frozen(serve)


async def test_control_frozen_and_told_that_nothing_was_recorded_clients_are_told_wrong(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "OutcomeUnknown", StoreError)
    assert await frozen(serve)


async def resets(proxy: TcpProxy) -> None:
    await proxy.reset_all()


async def half_open(proxy: TcpProxy) -> None:
    proxy.half_open()


async def refused_for_a_moment(proxy: TcpProxy) -> None:
    await proxy.refuse()
    await proxy.accept()


async def swallowed(proxy: TcpProxy) -> None:
    proxy.black_hole = True
    connections = proxy.connections

    async def tried_again() -> bool:
        return proxy.connections >= connections + 2

    # The store gives up on the silent connection and tries others, in vain.
    await until(tried_again)
    proxy.black_hole = False
    await proxy.reset_all()


async def in_slices(proxy: TcpProxy) -> None:
    proxy.slice_bytes = 7


async def slow(proxy: TcpProxy) -> None:
    proxy.latency = 0.02
    proxy.bandwidth = 200_000


@pytest.mark.parametrize("fault", [resets, half_open, refused_for_a_moment, swallowed, in_slices, slow])
async def test_whatever_the_network_does_the_figures_are_right(
    serve: Serve, fault: Callable[[TcpProxy], Awaitable[None]]
) -> None:
    async with redis_server() as server, tcp_proxy("127.0.0.1", server.port) as proxy:
        address = await serve(store=f"redis://127.0.0.1:{proxy.port}/0?timeout=2")
        async with posting(address) as audit:
            for _ in range(3):
                await audit.more(50)
                await fault(proxy)
            await audit.more(50)
        assert not audit.violations(await stored(address))
