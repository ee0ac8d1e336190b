"""Clients that are slow on purpose: heads and bodies a byte at a time, answers that are never taken.

Rule: each test has two servers side by side. One has short deadlines and cuts them all; the other has none to
speak of, and when the first is done it has cut nobody.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from support.api import quote
from support.crowd import Crowd, crowd, descriptors
from support.honest import Honest, honest
from support.outside import Process, saw, server, until
from support.requests import POST, request
from support.soak import LONG, times
from support.sockets import connection

MIB = 1024 * 1024
HONEST = 4
DEADLINE = 1.0
PAUSE = 0.25
"""Seconds between two bytes of a slow client."""
NEVER = 3600

HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 1000
BODY = POST + b"Content-Length: 1000\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BULK = request("POST", "/scores", {"Content-Type": "application/x-ndjson", "Content-Length": "1000"})


@asynccontextmanager
async def two_servers(**settings: Any) -> AsyncIterator[tuple[Process, Process, Honest]]:
    """One with short deadlines and one with long ones, and honest clients of the first."""
    short, long = (
        {**settings, **{f"{name}_timeout": seconds for name in ("head", "body", "send")}}
        for seconds in (DEADLINE, NEVER)
    )
    async with AsyncExitStack() as stack:
        one, other = await asyncio.gather(
            stack.enter_async_context(server(**short)),
            stack.enter_async_context(server(**long)),
        )
        yield one, other, await stack.enter_async_context(honest(one.address, HONEST))


async def all_refused(slow: Crowd, trickled: bytes) -> None:
    """Each sends these bytes one by one, and is told that it took too long."""
    trickling = asyncio.create_task(slow.trickle(trickled, pause=PAUSE))
    try:
        ends = await slow.ends()
    finally:
        trickling.cancel()
    assert {end.status for end in ends} == {408}
    assert all(b"urn:problem-type:scores:request-timeout" in end.data for end in ends)


@pytest.mark.parametrize(
    ("kind", "begun", "trickled"),
    [("heads", b"", HEAD), ("bodies", BODY, b" " * 1000), ("chunked bodies", CHUNKED, b"a\r\n" * 300)],
)
async def test_what_comes_a_byte_at_a_time_is_refused_in_time(
    kind: str, begun: bytes, trickled: bytes
) -> None:
    count = descriptors(times(100))
    async with (
        two_servers(max_connections=2 * count) as (one, other, clients),
        crowd(one.address, count, begun) as slow,
        crowd(other.address, 20, begun) as suffered,
    ):
        suffering = asyncio.create_task(suffered.trickle(trickled, pause=PAUSE))
        await all_refused(slow, trickled)
        # The control: without the deadline nobody is sent away.
        assert suffered.open() == 20
        suffering.cancel()
        clients.check()
        await clients.report(f"slow {kind}", injected=count, in_flight=count)


async def test_a_bulk_body_that_stands_still_is_refused_in_time() -> None:
    count = descriptors(times(100))
    async with (
        two_servers(max_connections=2 * count) as (one, other, clients),
        crowd(one.address, count, BULK + b"{") as slow,
        crowd(other.address, 20, BULK + b"{") as suffered,
    ):
        ends = await slow.ends()
        assert {end.status for end in ends} == {408}
        assert suffered.open() == 20
        clients.check()
        await clients.report("bulk bodies that stand still", injected=count, in_flight=count)


# Those who do not read.

RESULTS = 300
PAGE = request("GET", "/exams/1?limit=1000")
STREAM = request("GET", "/scores?start=now", {"Accept": "text/event-stream"})
DEEP = 16 if LONG else 32
"""Pages that each asks for at once: more than the system takes for somebody who reads none."""
LINES = b'{"UUID":"a1-b1","score":5}\n' * 50_000
ANSWERED = (
    request("POST", "/scores", {"Content-Type": "application/x-ndjson", "Content-Length": str(len(LINES))})
    + LINES[:50_000]
)


async def fill(one: Process) -> None:
    """Records so much in one exam that a page of it is some hundred kilobytes."""
    async with connection(one.address) as (reader, writer):
        name = quote("\N{GRINNING FACE}" * 250)
        for number in range(RESULTS):
            path = f"/exams/1/results/{name}{number}"
            writer.write(request("PUT", path, {"Content-Type": "application/json"}, b'{"score":0.5}'))
        for _ in range(RESULTS):
            assert b" 201 " in await reader.readuntil(b'"score":0.5}')


async def cut(one: Process) -> int:
    """How many were cut because they took nothing."""
    return int((await one.scrape()).get("scores_http_connections_cut_total"))


@pytest.mark.parametrize(("kind", "data"), [("pages", PAGE * DEEP), ("bulk answers", ANSWERED)])
async def test_who_never_reads_is_cut_and_holds_no_more_than_may_be_held(kind: str, data: bytes) -> None:
    count, limit = descriptors(times(100)), 16 * MIB
    async with (
        two_servers(max_connections=2 * count, max_pending=limit, live_readers=2 * count) as (one, other, clients),
    ):  # fmt: skip
        await asyncio.gather(fill(one), fill(other))
        before = one.rss
        async with (
            crowd(one.address, count, data, receive_buffer=4096) as deaf,
            crowd(other.address, 20, data, receive_buffer=4096) as kept,
        ):
            # Each has something to read, or was cut already.
            await until(lambda: deaf.open() == 0)
            await one.holds(HONEST)
            assert len(deaf) == count
            most = one.peak - before
            saw(f"{kind}: {most / MIB:.1f} MiB more while {count} did not read")
            # The control: without the deadline nobody is cut.
            assert await cut(other) == 0
            await other.holds(len(kept))
        assert most < limit + count * 100 * 1024 + 32 * MIB
        # What piles up may use up all that there is: reads are refused then, scores are taken all the same.
        clients.check(("GET", 503))
        await clients.report(f"{kind} that nobody reads", injected=count, in_flight=count)


async def tell(one: Process) -> None:
    """Has very much told to all live readers: more than the system holds for one on the way."""
    lines = b'{"UUID":"told","score":5}\n' * 20_000
    fields = {"Content-Type": "application/x-ndjson", "Prefer": "return=minimal"}
    async with connection(one.address) as (reader, writer):
        for _ in range(5):
            writer.write(request("POST", "/scores", fields, lines))
            await writer.drain()
            assert b" 200 " in await reader.readuntil(b'"errors":[]}')


async def test_a_live_reader_that_never_reads_is_cut() -> None:
    count = descriptors(times(100) if LONG else 50)
    async with (
        server(send_timeout=DEADLINE, live_history=1_000_000) as one,
        server(send_timeout=NEVER, live_history=1_000_000) as other,
        honest(one.address, HONEST) as clients,
        crowd(one.address, count, STREAM, receive_buffer=4096) as deaf,
        crowd(other.address, 5, STREAM, receive_buffer=4096) as kept,
    ):
        await until(lambda: deaf.open() + kept.open() == 0)
        before = one.rss
        await asyncio.gather(tell(one), tell(other))
        await one.holds(HONEST)
        most = one.peak - before
        saw(f"streams: {most / MIB:.1f} MiB more while {count} did not read")
        assert most < count * 100 * 1024 + 32 * MIB
        # The control: without the deadline they are kept.
        await other.holds(len(kept))
        clients.check()
        await clients.report("streams that nobody reads", injected=count, in_flight=count)
