"""The live stream through disconnects, on a server that sends exactly these bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
from support.feeds import HEAD, ScriptedFeed, event, then_hold

from scores.client import ApiError, BadAnswer, Client, MeanEvent, ScoreEvent, Unreachable
from scores.models import Inspector, Result

Connect = Callable[..., Awaitable[Client]]
Script = Callable[..., Awaitable[ScriptedFeed]]

MEAN = b'id: 7\nevent: mean\ndata: {"UUID":"a1-b1","mean":4.0,"count":3}\n\n'
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OVER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def scripted(no_leaks: None) -> AsyncIterator[Script]:
    """Starts servers that answer each connection with the next script."""
    async with AsyncExitStack() as stack:

        async def start(*scripts: Any) -> ScriptedFeed:
            feed = ScriptedFeed(list(scripts))
            server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            feed.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return feed

        yield start


async def take(client: Client, count: int, **options: Any) -> list[ScoreEvent | MeanEvent]:
    found: list[ScoreEvent | MeanEvent] = []
    async with asyncio.timeout(20), aclosing(client.follow(**options)) as events:
        async for one in events:
            found.append(one)
            if len(found) == count:
                break
    return found


async def test_events_are_values(connect: Connect, scripted: Script) -> None:
    feed = await scripted(
        HEAD + event("foo", number="6") + b": alive\n\nevent: new\ndata: x\n\n" + MEAN, OVER
    )
    client = await connect(feed.url)
    assert await take(client, 9) == [
        ScoreEvent("6", Result("foo", 3, 0.5)),
        MeanEvent("7", Inspector("a1-b1", 3, 12)),
    ]
    assert b"GET /scores HTTP/1.1" in feed.requests[0]
    assert b"Accept: text/event-stream" in feed.requests[0]


async def test_it_goes_on_after_the_last_event_however_the_connection_ends(
    connect: Connect, scripted: Script
) -> None:
    feed = await scripted(
        HEAD + event("a", number="1") + event("b", number="2") + event("c", number="3")[:-5],
        BUSY,
        HEAD,
        b"",
        HEAD + event("c", number="3"),
        OVER,
    )
    client = await connect(feed.url)
    found = await take(client, 9)
    assert [one.id for one in found] == ["1", "2", "3"]
    assert feed.last_event_ids() == [None, "2", "2", "2", "2", "3"]


async def test_it_goes_on_from_an_id_of_another_day(connect: Connect, scripted: Script) -> None:
    feed = await scripted(HEAD + event("a", number="1") + event("b", number="2"), OVER)
    client = await connect(feed.url)
    assert [one.id for one in await take(client, 1)] == ["1"]
    assert await take(client, 1, last_event_id="1") == []
    assert feed.last_event_ids() == [None, "1"]


async def test_an_id_without_an_event_moves_it_on(connect: Connect, scripted: Script) -> None:
    feed = await scripted(HEAD + event("a", number="1") + b"id: 5\n\n", OVER)
    assert len(await take(await connect(feed.url), 9)) == 1
    assert feed.last_event_ids() == [None, "5"]


async def test_it_may_begin_with_what_is_new(connect: Connect, scripted: Script) -> None:
    feed = await scripted(HEAD, HEAD + event("a", number="1"), OVER)
    client = await connect(feed.url)
    await take(client, 9, start="now")
    targets = [request.split(b" ")[1] for request in feed.requests]
    assert targets == [b"/scores?start=now", b"/scores?start=now", b"/scores"]


async def test_silence_is_a_disconnect(connect: Connect, scripted: Script) -> None:
    feed = await scripted(then_hold(HEAD + event("a", number="1")), OVER)
    client = await connect(feed.url)
    assert len(await take(client, 9, idle=0.05)) == 1
    assert feed.last_event_ids() == [None, "1"]


async def test_an_id_that_no_header_can_carry_is_not_sent_back(connect: Connect, scripted: Script) -> None:
    feed = await scripted(
        HEAD + event("a", number="1") + event("b", number="x" * 2100) + event("c", number="a\x01b"), OVER
    )
    client = await connect(feed.url)
    assert len(await take(client, 9)) == 3
    assert feed.last_event_ids() == [None, "1"]


async def test_a_server_that_does_not_stream_is_an_error(connect: Connect, scripted: Script) -> None:
    client = await connect((await scripted(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")).url)
    with pytest.raises(ApiError):
        await take(client, 1)
    client = await connect(
        (await scripted(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n")).url
    )
    with pytest.raises(BadAnswer, match="no event stream"):
        await take(client, 1)


async def test_an_event_that_is_none_is_an_error(connect: Connect, scripted: Script) -> None:
    for data in (b"event: score\ndata: {\n\n", b'event: mean\ndata: {"UUID":"a","mean":1.0,"count":0}\n\n'):
        client = await connect((await scripted(HEAD + data)).url)
        with pytest.raises(BadAnswer):
            await take(client, 1)


async def test_before_its_first_connection_it_gives_up(connect: Connect, scripted: Script) -> None:
    feed = await scripted(BUSY)
    client = await connect(feed.url, retries=2)
    with pytest.raises(ApiError):
        await take(client, 1)
    assert len(feed.requests) == 3
    with pytest.raises(Unreachable, match="cannot reach"):
        await take(await connect("http://127.0.0.1:9", retries=1), 1)


async def test_after_its_first_connection_it_never_gives_up(connect: Connect, scripted: Script) -> None:
    feed = await scripted(
        HEAD + event("a", number="1"), *[BUSY] * 5, b"", HEAD + event("b", number="2"), OVER
    )
    client = await connect(feed.url, retries=0)
    assert [one.id for one in await take(client, 9)] == ["1", "2"]
