"""`GET /scores` over real sockets: who gets the stream, what is in it, and how it ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from support.api import Api
from support.feeds import eventually
from support.live import ACCEPT, listening_to, put, stored_results
from support.sockets import connection, deaf_client
from support.wire import wire_server

from scores.config import Config
from scores.web.accept import accepts
from scores.web.server import running

ApiFor = Callable[..., Awaitable[Api]]
GET = b"GET /scores HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"


async def readers(api: Api, text: str) -> None:
    """Returns when a new reader is, or is not, let in."""
    async with asyncio.timeout(20):
        while True:
            async with api.session.get(f"{api.address}/scores", headers=ACCEPT) as answer:
                if str(answer.status) == text:
                    return
            await asyncio.sleep(0)


# Who gets it.


async def test_the_head_says_what_it_is(api_for: ApiFor) -> None:
    api = await api_for()
    for method in ("GET", "HEAD"):
        async with api.session.request(method, f"{api.address}/scores", headers=ACCEPT) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/event-stream"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Accel-Buffering"] == "no"
            assert "Content-Encoding" not in answer.headers


async def test_who_does_not_take_an_event_stream_is_told(api_for: ApiFor) -> None:
    api = await api_for()
    for path in ("/scores", "/scores/"):
        answer = await api.get(path, headers={"Accept": "application/json"})
        assert (answer.status, answer.json["type"]) == (406, "urn:problem-type:scores:not-acceptable")
        assert "Accept: text/event-stream" in answer.json["detail"]


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ([], True),
        ([""], True),
        (["*/*"], True),
        (["text/*;q=0.1"], True),
        (["TEXT/Event-Stream ; charset=utf-8"], True),
        (["application/json, text/event-stream;q=0.5"], True),
        (["application/json", "text/event-stream"], True),
        (["application/json"], False),
        (["text/html, application/*"], False),
        (["text/event-stream;q=0"], False),
        (["text/event-stream; q=0.000, */*"], False),
        (["*/*;q=0"], False),
        (["text/*;q=0, */*"], False),
        (["text/event-stream, */*;q=0"], True),
        (['x/y;a=", text/event-stream"'], False),
        (["text/event-stream;q=0.001"], True),
    ],
)
def test_accept_is_read_as_the_standard_says(fields: list[str], taken: bool) -> None:
    assert accepts(fields, "text/event-stream") is taken


async def test_parameters_are_read_strictly(api_for: ApiFor) -> None:
    api = await api_for()
    unknown = await api.get("/scores?begin=now", headers=ACCEPT)
    assert (unknown.status, "the known ones are start" in unknown.json["detail"]) == (400, True)
    wrong = await api.get("/scores?start=then", headers=ACCEPT)
    assert (wrong.status, wrong.json["errors"][0]["parameter"]) == (400, "start")


async def test_off_it_is_not_there(api_for: ApiFor) -> None:
    api = await api_for(live=False)
    # Unlike the other tests' answers, these are not held to the description of all routes.
    answer = await Api(api.address, api.session).get("/scores", headers=ACCEPT)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert "get" not in (await api.get("/openapi.json")).json["paths"]["/scores"]
    assert (await api.post("u", 5)).status == 200


async def test_on_the_path_takes_three_methods(api_for: ApiFor) -> None:
    answer = await (await api_for())("DELETE", "/scores")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


async def test_one_reader_too_many_is_sent_away_for_a_while(api_for: ApiFor) -> None:
    api = await api_for(live_readers=1, live_heartbeat=0.1)
    async with listening_to(api.address):
        answer = await api.get("/scores", headers=ACCEPT)
        assert (answer.status, answer.json["type"]) == (503, "urn:problem-type:scores:overloaded")
        assert "Retry-After" in answer.headers
    # The one that left is noticed although nothing happens.
    await readers(api, "200")


# What is in it.


@pytest.mark.parametrize("express", [True, False])
async def test_every_way_in_is_told(api_for: ApiFor, express: bool) -> None:
    api = await api_for(express=express)
    async with listening_to(api.address) as reader:
        for score in (5, 4):
            # The second is taken by the express lane.
            await api.post("a1-b1", score)
        bulk = b'{"UUID":"x","score":3}\n{"UUID":"x","score":9}\n'
        await api("POST", "/scores", data=bulk, headers={"Content-Type": "application/x-ndjson"})
        await api.put(3, "foo", 0.991)
        events = await reader.until(lambda events: any(event.type == "score" for event in events))
    assert [(event.type, event.data) for event in events[:3]] == [
        ("mean", '{"UUID":"a1-b1","mean":5.0,"count":1}'),
        ("mean", '{"UUID":"a1-b1","mean":4.5,"count":2}'),
        ("mean", '{"UUID":"x","mean":3.0,"count":1}'),
    ]
    assert events[3].data == '{"studentId":"foo","exam":3,"score":0.991}'


async def test_a_cut_reader_goes_on_by_the_header(api_for: ApiFor) -> None:
    api = await api_for()
    async with listening_to(api.address, query="?start=now") as reader:
        await api.post("u", 1)
        await api.post("u", 2)
        first, second = await reader.count(2)
    await api.post("u", 3)
    async with listening_to(api.address, first.id) as reader:
        again, third = await reader.count(2)
    assert (again, third.data) == (second, '{"UUID":"u","mean":2.0,"count":3}')


async def test_a_client_of_http_1_0_is_served_until_the_end(api_for: ApiFor) -> None:
    api = await api_for()
    await api.put(3, "foo", 0.5)
    async with connection(api.address) as (reader, writer), asyncio.timeout(20):
        writer.write(b"GET /scores HTTP/1.0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        frame = await reader.readuntil(b"\n\n")
    assert b"chunked" not in head
    assert frame.endswith(b'\nevent: score\ndata: {"studentId":"foo","exam":3,"score":0.5}\n\n')


async def test_a_comment_keeps_it_alive(api_for: ApiFor) -> None:
    api = await api_for(live_heartbeat=0.1)
    async with api.session.get(f"{api.address}/scores", headers=ACCEPT) as answer:
        assert await answer.content.readexactly(6) == b":\n\n:\n\n"


# How it ends.


async def test_who_closes_their_side_has_left(api_for: ApiFor) -> None:
    api = await api_for(live_readers=1)
    async with connection(api.address) as (reader, writer), asyncio.timeout(20):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        # In order: the last chunk, and nothing after it.
        assert await reader.read() == b"0\r\n\r\n"
    await readers(api, "200")


async def test_a_slow_reader_is_dropped_and_no_other_waits(
    api_for: ApiFor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api = await api_for(live_history=2000, live_readers=2)
    line, sent = b'{"UUID":"%b","score":3}\n' % (b"u" * 200), 0
    with deaf_client(api.address, GET.replace(b"/scores", b"/scores?start=now")):
        async with listening_to(api.address, query="?start=now") as reader, asyncio.timeout(60):
            while "does not keep up" not in caplog.text:
                answer = await api("POST", "/scores", data=line * 500, headers={"Content-Type": "application/x-ndjson", "Prefer": "return=minimal"})  # fmt: skip
                assert answer.json["accepted"] == 500
                sent += 500
                await reader.count(sent)
            # Whoever is dropped makes room.
            await readers(api, "200")
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(reader.events) == sent


async def test_open_streams_do_not_hold_up_a_shutdown(http: aiohttp.ClientSession) -> None:
    async with running(Config(feed=None, port=0, shutdown_timeout=60)) as address:
        answers = [await http.get(f"{address}/scores", headers=ACCEPT) for _ in range(20)]
        with deaf_client(address, GET):
            async with http.put(f"{address}/exams/1/results/foo", json={"score": 0.5}) as answer:
                assert answer.status == 201
            for answer in answers:
                assert b"foo" in await answer.content.readuntil(b"}\n\n")
            began = time.monotonic()
    # In order, and long before what a shutdown may take.
    assert time.monotonic() - began < 30
    for answer in answers:
        assert await answer.content.read() == b""
        answer.close()


async def test_what_is_told_is_what_the_pages_say(api_for: ApiFor) -> None:
    api = await api_for()
    for number in range(40):
        await api.put(number % 7, f"é {number % 13} 🎓", number / 40)
    async with listening_to(api.address) as reader:
        await reader.become(await stored_results(api.address))


async def test_with_many_readers_each_is_told_everything(
    serve: Callable[..., Awaitable[str]], http: aiohttp.ClientSession
) -> None:
    address = await serve(live_readers=300)
    api = Api(address, http)

    async def read(ready: asyncio.Barrier) -> list[Any]:
        async with connection(address) as (reader, writer), asyncio.timeout(60):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            await ready.wait()
            return [await reader.readuntil(b"}\n\n") for _ in range(20)]

    ready = asyncio.Barrier(301)
    tasks = [asyncio.create_task(read(ready)) for _ in range(300)]
    await ready.wait()
    for number in range(20):
        await api.post("u", number % 6)
    told = await asyncio.gather(*tasks)
    counts = [[int(frame.rpartition(b'"count":')[2][:-3]) for frame in one] for one in told]
    assert counts == [list(range(1, 21))] * 300


async def test_a_failure_breaks_the_stream_off_and_does_not_begin_another_answer(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with wire_server() as server:
        await put(server.store, "foo", 3, 0.5)

        async def fails(*_: Any, **_options: Any) -> None:
            raise RuntimeError("it is what was asked for")

        monkeypatch.setattr(server.store, "exam", fails)
        wire = server.connect()
        await wire.settle()
        wire.send(GET)
        await eventually(lambda: wire.closed)
        answer = wire.take()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    # What ends in order ends with an empty chunk.
    assert not answer.endswith(b"0\r\n\r\n")
    assert "GET /scores failed" in caplog.text
