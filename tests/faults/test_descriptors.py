"""No descriptor is left: who is in is served, nothing spins, and who comes later finds the server as it was."""

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator

import pytest
from support.crowd import crowd
from support.honest import honest
from support.outside import Process, saw, server, until
from support.redis_servers import redis_server
from support.requests import request
from support.soak import times
from support.sockets import connection

HONEST = 4
LEFT = 20
"""Descriptors that the server may still open."""

BUSY = 0.95
"""Of the time: who waits is at work for far less, who tries again and again always, however busy the machine is."""

SPINNING = """
import resource, socket, sys
listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
listening.settimeout(None)
print(f"INFO listening: http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
clients = []
while True:
    try:
        clients.append(listening.accept()[0])
    except OSError:
        pass
"""
"""What a server does that only tries again."""


def use_up(one: Process) -> int:
    """Leaves it few descriptors; gives how many it may then have open."""
    most = one.descriptors + LEFT
    one.allow(resource.RLIMIT_NOFILE, most)
    return most


async def status_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    writer.write(request("GET", path))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return int(head.split(b" ")[1])


async def test_who_is_in_is_served_and_who_comes_later_too() -> None:
    count = times(200)
    async with (
        server() as one,
        honest(one.address, HONEST) as clients,
        connection(one.address) as (reader, writer),
    ):
        for _ in range(times(2)):
            # Whoever was there before has left: what is free now is all that there will be.
            await one.holds(HONEST + 1)
            most = use_up(one)
            async with crowd(one.address, count) as flood:
                # It takes in as many as it can, and sends the others away.
                await until(lambda: flood.open() <= LEFT + 5)
                assert one.descriptors >= most - 2
                share = await one.share()
                saw(f"no descriptors left: at work for {share:.2f} of the time")
                assert share < BUSY
                paths = ["/docs", "/metrics", "/openapi.json", "/livez", "/readyz", "/exams", "/inspectors"]
                statuses = [await status_of(reader, writer, path) for path in paths]
                # A file that was never read may be one too many: that is said, and is no failure.
                assert statuses[0] in (200, 503)
                assert statuses[1:] == [200] * 6
                await clients.more(50)
            await one.serves()
            one.allow(resource.RLIMIT_NOFILE)
            assert await status_of(reader, writer, "/feed") == 200
        clients.check()
        assert "Traceback" not in one.log
        await clients.report("descriptors used up", injected=times(2), in_flight=count)


async def test_with_descriptors_enough_nobody_is_sent_away() -> None:
    """The control."""
    async with server() as one, crowd(one.address, 200) as flood:
        await until(lambda: one.descriptors > 200)
        assert flood.open() == 200


async def test_who_spins_is_seen() -> None:
    """The control: the same look at a server that accepts again and again."""
    async with spinning() as one, crowd(one.address, 1):
        use_up(one)
        async with crowd(one.address, 2 * LEFT):
            assert await one.share() > BUSY


@contextlib.asynccontextmanager
async def spinning() -> AsyncIterator[Process]:
    async with server(command=(sys.executable, "-c", SPINNING)) as one:
        yield one


async def test_a_redis_that_comes_back_meanwhile_is_found_when_there_are_descriptors() -> None:
    async with (
        redis_server(appendonly="always") as redis,
        server(store=f"{redis.url}?timeout=1") as one,
        honest(one.address) as clients,
    ):
        redis.kill()
        await clients.until_refused()
        # What its connections had is taken by others before it is back.
        use_up(one)
        async with crowd(one.address, 2 * LEFT) as flood:
            await until(lambda: flood.open() <= LEFT + 5)
            await redis.start()
            await clients.until_refused()
            assert one.running
        one.allow(resource.RLIMIT_NOFILE)
        await clients.more(50)
        clients.check(("POST", 503), ("GET", 503))
        await clients.report("descriptors used up, Redis restarted", injected=1, in_flight=4)


@pytest.mark.parametrize("most", [64])
async def test_a_limit_that_is_too_low_is_raised_or_told(most: int) -> None:
    shell = ("sh", "-c", f'ulimit -S -n {most} && exec "$@"', "sh")
    async with server(*shell) as one, crowd(one.address, 2 * most) as many:
        # The soft limit is no more than a proposal.
        await until(lambda: one.descriptors > 2 * most)
        assert many.open() == 2 * most
    shell = ("sh", "-c", f'ulimit -n {most} && exec "$@"', "sh")
    async with server(*shell) as one:
        await one.logs(rf"no more than {most} files may be open, too few for SCORES_MAX_CONNECTIONS=10000")
