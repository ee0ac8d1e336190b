"""Between the signal and the stop: `/readyz` is 503, and everything else is answered, each time as the last."""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic

import aiohttp
import orjson
import pytest
from support.draining import draining
from support.requests import post, request
from support.sockets import connection

from scores.config import Config
from scores.web.server import running
from scores.web.stopping import Stop, Stopped

REASON = "the server has been told to stop: what is asked is answered, send new clients elsewhere"


async def test_readiness_says_that_it_drains(no_leaks: None, http: aiohttp.ClientSession) -> None:
    async with draining() as address:
        for path in ("/readyz", "/readyz?verbose"):
            async with http.get(address + path) as answer:
                told = await answer.json(content_type="application/problem+json")
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert told == {
                    "type": "urn:problem-type:scores:draining", "title": "Draining", "status": 503, "detail": REASON,
                }  # fmt: skip
        async with http.get(address + "/livez") as answer:
            # It lives: nobody shall kill it for that.
            assert answer.status == 200


@pytest.mark.parametrize("express", [True, False])
async def test_who_comes_is_answered_as_the_last_of_the_connection(no_leaks: None, *, express: bool) -> None:
    async with draining(express=express) as address:
        for number in range(1, 4):
            async with connection(address) as (reader, writer):
                writer.write(post(score=number))
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nConnection: close" in head
            assert orjson.loads(body) == {"UUID": "a1-b1", "mean": (number + 1) / 2}


async def test_without_a_drain_too_it_is_said_before_anything_is_closed(no_leaks: None) -> None:
    stack = AsyncExitStack()
    address = await stack.enter_async_context(running(Config(feed=None, port=0)))
    async with connection(address) as (reader, writer):
        writer.write(request("GET", "/readyz"))
        assert b" 200 OK" in await reader.readline()
        await reader.readuntil(b'{"status":"ok"}')
        stopping = asyncio.create_task(stack.aclose())
        writer.write(request("GET", "/readyz"))
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert orjson.loads(body)["type"] == "urn:problem-type:scores:draining"
        await stopping


async def test_a_store_that_takes_its_time_is_no_way_around_it(
    no_leaks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    stack, stop = AsyncExitStack(), Stop()

    async def exams(*_: object, **__: object) -> None:
        asked.set()
        await answer.wait()

    monkeypatch.setattr("scores.stores.embedded.EmbeddedStore.exams", exams)
    address = await stack.enter_async_context(running(Config(feed=None, port=0, drain=600), stop=stop))
    async with connection(address) as (reader, writer):
        writer.write(request("GET", "/readyz"))
        await asked.wait()
        stopping = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0)
        answer.set()
        assert b" 503 " in await reader.readline()
    stop.hurry.set()
    await stopping


async def test_it_ends_by_itself(no_leaks: None) -> None:
    stack = AsyncExitStack()
    await stack.enter_async_context(running(Config(feed=None, port=0, drain=0.2)))
    began = monotonic()
    async with asyncio.timeout(20):
        await stack.aclose()
    assert monotonic() - began >= 0.2


async def test_a_second_word_before_the_drain_began_ends_it_too(no_leaks: None) -> None:
    stop = Stop()
    async with asyncio.timeout(20), running(Config(feed=None, port=0, drain=600), stop=stop):
        stop.heard()
        stop.heard()


async def test_who_is_told_before_the_start_does_not_start(no_leaks: None) -> None:
    stop = Stop()
    stop.heard()
    with pytest.raises(Stopped):
        async with running(Config(feed=None, port=0), stop=stop):
            pytest.fail("it serves")


async def test_who_is_told_at_the_start_gives_it_up(no_leaks: None) -> None:
    stop = Stop()
    asyncio.get_running_loop().call_soon(stop.heard)
    with pytest.raises(Stopped), stop.giving_up():
        await asyncio.Event().wait()
    assert not stop.hurry.is_set()


async def test_who_is_cancelled_at_the_start_is_not_taken_for_told(no_leaks: None) -> None:
    stop = Stop()

    async def starting() -> None:
        with stop.giving_up():
            await asyncio.Event().wait()

    for told in (False, True):
        task = asyncio.create_task(starting())
        await asyncio.sleep(0)
        task.cancel()
        if told:
            stop.heard()
        await asyncio.wait([task])
        assert task.cancelled()
