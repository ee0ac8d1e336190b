"""What the lane has to keep, besides the bytes: order, time limits, counts, the log, and the way out."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support.requests import post, request
from support.sockets import connection
from support.wire import WireServer, wire_server

from scores.web.express.connection import ExpressConnection, ExpressConnections
from scores.web.express.inside import unknown_inside

OK = b"HTTP/1.1 200 OK"


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    async with wire_server() as server:
        yield server


async def known(server: WireServer, *requests: bytes) -> None:
    """Has the server know the heads of these requests."""
    wire = server.connect()
    for data in requests:
        await wire.settle()
        wire.send(data)
    await wire.settle()
    wire.lose()


async def test_a_known_request_is_answered_at_once(server: WireServer) -> None:
    await known(server, post(score=3))
    wire = server.connect()
    await wire.settle()
    wire.send(post(score=4))
    assert wire.take().endswith(b'{"UUID":"a1-b1","mean":3.5}')


async def test_known_requests_in_turn(server: WireServer) -> None:
    read = request("GET", "/inspectors/a1-b1")
    await known(server, post(), read, request("GET", "/livez"))
    wire = server.connect()
    await wire.settle()
    for _ in range(2):
        wire.send(post())
        assert wire.take().endswith(b'"mean":5.0}')
        wire.send(read)
        assert b'"count":' in wire.take()


async def test_the_date_goes_on(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    dates = set[bytes]()
    async with asyncio.timeout(5):
        while len(dates) < 2:
            wire.send(post())
            dates.add(re.findall(rb"Date: ([^\r]+)", wire.written)[-1])
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("target", ["/inspectors/a1-b1", "/students/foo", "/exams/3"])
async def test_a_known_read_is_answered_at_once(server: WireServer, target: str) -> None:
    await known(
        server,
        post(),
        request("PUT", "/exams/3/results/foo", {"Content-Type": "application/json"}, b'{"score":0.5}'),
        request("GET", target),
    )
    wire = server.connect()
    await wire.settle()
    wire.send(request("GET", target))
    assert wire.take().startswith(OK)


async def test_an_unknown_request_is_not(server: WireServer) -> None:
    wire = server.connect()
    await wire.settle()
    wire.send(post())
    assert not wire.take()
    await wire.settle()
    assert wire.take().startswith(OK)


async def test_a_head_that_comes_again_counts_as_used(server: WireServer) -> None:
    await known(server, post())
    assert isinstance(server.connections, ExpressConnections)
    head = server.connections.heads.get(post().partition(b"{")[0])
    assert head is not None
    assert not head.used
    await known(server, post())
    assert head.used


async def test_aiohttp_counts_what_the_lane_answers(server: WireServer) -> None:
    await known(server, post())
    counted = server.connections.server.requests_count
    wire = server.connect()
    await wire.settle()
    wire.send(post() * 5)
    assert server.connections.server.requests_count == counted + 5


async def test_one_connection_does_not_keep_the_others_waiting(server: WireServer) -> None:
    await known(server, post())
    greedy, other = server.connect(), server.connect()
    await greedy.settle()
    greedy.send(post() * 1000)
    other.send(post())
    assert greedy.take().count(OK) < 100
    assert other.take().count(OK) == 1
    await greedy.settle()
    assert greedy.take().count(OK) > 900
    page = await server.store.inspectors(limit=1)
    assert page.items[0].count == 1002


async def test_who_does_not_read_is_not_answered_without_end(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.connection.pause_writing()
    wire.send(post() * 20)
    await wire.settle()
    assert wire.take().count(OK) <= 1
    wire.connection.resume_writing()
    await wire.settle()
    assert (await server.store.inspectors(limit=1)).items[0].count == 21


async def test_who_stops_reading_is_not_answered_on(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.room = 500
    wire.send(post() * 20)
    assert 1 < wire.take().count(OK) < 6


async def test_answers_wait_for_those_before_them(slow: Any) -> None:
    await known(slow, post(), request("GET", "/livez"))
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    wire.send(post() + request("GET", "/livez"))
    wire.send(post(score=7))
    await wire.settle()
    assert not wire.take()
    slow.store.gate.set()
    await wire.settle()
    statuses = [part[:3] for part in wire.take().split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"200", b"422"]


async def test_a_store_that_suspends_is_asked_once(slow: Any) -> None:
    target = request("GET", "/inspectors/a1-b1")
    await known(slow, post(), target, target, target)
    assert slow.store.asked == ["a1-b1"] * 3


async def test_who_sends_on_while_an_answer_is_awaited_has_to_wait(slow: Any) -> None:
    await known(slow, post())
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    sent = 0
    while not wire.paused:
        wire.send(post() * 100)
        sent += 100
        assert sent <= 2000
    slow.store.gate.set()
    while (await slow.store.inspectors(limit=1)).items[0].count <= sent:
        await wire.settle()
    assert not wire.paused


@pytest.mark.parametrize("store", ["dict", "slow:"])
async def test_a_pause_of_aiohttp_is_kept(store: str) -> None:
    async with wire_server(store=store) as server:
        await known(server, post())
        wire = server.connect()
        await wire.settle()
        wire.send(post())
        wire.connection.pause_writing()
        # The first goes on the usual way, and cannot be answered; then aiohttp's queue fills.
        for _ in range(10):
            wire.send(post() * 100)
            await wire.settle()
            if wire.paused:
                break
        assert wire.paused
        wire.connection.resume_writing()
        wire.closed = True
        wire.lose()
        await wire.settle()


async def test_a_turn_that_ends_leaves_a_pause_of_aiohttp(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.room = 80 * len(post())
    wire.send(post() * 1000)
    await wire.settle()
    assert wire.paused


async def test_a_body_in_pieces_that_is_refused_has_no_deadline_of_a_head() -> None:
    refused = request("POST", "/scores", {"Content-Type": "text/plain"}, b"x" * 200)
    async with wire_server(head_timeout=0.1, max_body=100) as server:
        wire = server.connect()
        for data in (post(), refused[:-50], refused[-50:], post()):
            await wire.settle()
            wire.send(data)
        await wire.settle()
        await asyncio.sleep(0.2)
        assert [part[:3] for part in wire.take().split(b"HTTP/1.1 ")[1:]] == [b"200", b"415", b"200"]
        assert not wire.closed


async def test_a_shutdown_in_a_turn_before_half_a_head(
    server: WireServer, caplog: pytest.LogCaptureFixture
) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.send(post() * 64 + post()[:20])
    wire.connection.close()
    await wire.connection.shutdown(0.5)
    assert wire.take().count(OK) == 64
    assert not caplog.records


async def test_a_client_that_goes_while_its_answer_is_awaited(
    slow: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await known(slow, post())
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    wire.send(post() * 2)
    await wire.settle()
    wire.closed = True
    wire.lose()
    slow.store.gate.set()
    await wire.settle()
    assert (await slow.store.inspectors(limit=1)).items[0].count == 2
    assert not caplog.records


async def test_a_client_that_goes_while_others_have_their_turn(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.send(post() * 1000)
    wire.closed = True
    wire.lose()
    await wire.settle()
    assert not wire.connection.busy
    assert isinstance(wire.connection, ExpressConnection)
    assert not wire.connection._held, "what nobody will answer is kept"
    assert (await server.store.inspectors(limit=1)).items[0].count < 100


async def test_a_client_that_is_gone_is_not_waited_for(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.send(post() * 64 + post()[:20])
    wire.closed = True
    wire.lose()
    await wire.settle()
    assert wire.connection._head_deadline is None


async def test_a_connection_that_is_closed_in_its_turn(server: WireServer) -> None:
    await known(server, post())
    wire = server.connect()
    await wire.settle()
    wire.send(post() * 1000)
    wire.connection.close()
    await wire.settle()
    assert wire.closed
    answers = wire.take()
    assert answers.count(OK) < 100
    assert answers.count(b"Connection: close") == 1


async def test_a_shutdown_waits_for_an_answer(slow: Any, caplog: pytest.LogCaptureFixture) -> None:
    await known(slow, post())
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    wire.send(post())
    wire.connection.close()
    stopping = asyncio.create_task(wire.connection.shutdown(0.5))
    await wire.settle()
    assert not wire.closed
    slow.store.gate.set()
    await stopping
    answer = wire.take()
    assert answer.startswith(OK)
    assert b"\r\nConnection: close\r\n" in answer
    assert wire.closed
    assert not caplog.records


async def test_the_last_awaited_answer_ends_its_connection(slow: Any) -> None:
    await known(slow, post())
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    wire.send(post() * 2)
    slow.connections.closing = True
    slow.store.gate.set()
    await wire.settle()
    assert wire.closed
    assert wire.take().count(b"Connection: close") == 1


async def test_a_shutdown_does_not_wait_for_ever(slow: Any) -> None:
    await known(slow, post())
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    wire.send(post())
    await wire.connection.shutdown(0.01)
    assert wire.closed
    slow.store.gate.set()
    await wire.settle()


async def test_a_connection_in_use_is_not_idle(
    serve: Callable[..., Awaitable[str]],
) -> None:
    address = await serve(keepalive_timeout=0.4)
    async with connection(address) as (reader, writer), asyncio.timeout(20):
        for _ in range(8):
            writer.write(post())
            assert await reader.readuntil(b"}")
            await asyncio.sleep(0.1)
        assert await reader.read() == b""


async def test_a_connection_is_idle_from_its_answer_on(slow: Any) -> None:
    await known(slow, post())
    slow.store.gate.clear()
    wire = slow.connect()
    await wire.settle()
    wire.send(post())
    await asyncio.sleep(0.01)
    released = asyncio.get_running_loop().time()
    slow.store.gate.set()
    await wire.settle()
    connection = wire.connection
    assert connection._next_keepalive_close_time >= released + connection.keepalive_timeout


async def test_a_client_that_has_said_all_is_answered(serve: Callable[..., Awaitable[str]]) -> None:
    address = await serve(store="slow:0.5")
    async with connection(address) as (reader, writer), asyncio.timeout(20):
        writer.write(post())
        assert await reader.readuntil(b"}")
        writer.write(post() * 2)
        writer.write_eof()
        assert (await reader.read()).count(OK) == 2


async def test_who_waits_for_an_answer_is_not_idle(serve: Callable[..., Awaitable[str]]) -> None:
    address = await serve(keepalive_timeout=0.1, store="slow:0.5")
    async with connection(address) as (reader, writer), asyncio.timeout(20):
        for _ in range(2):
            writer.write(post())
            assert (await reader.readuntil(b"}")).startswith(OK)
        assert await reader.read() == b""


async def test_a_head_that_does_not_end_has_its_time(serve: Callable[..., Awaitable[str]]) -> None:
    address = await serve(head_timeout=0.1)
    async with connection(address) as (reader, writer), asyncio.timeout(20):
        for _ in range(3):
            writer.write(post())
            assert (await reader.readuntil(b"}")).startswith(OK)
        writer.write(post() + post()[:20])
        assert (await reader.readuntil(b"}")).startswith(OK)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("store", ["dict", "slow:"])
async def test_the_access_log_is_the_same(caplog: pytest.LogCaptureFixture, store: str) -> None:
    caplog.set_level(logging.INFO, "scores.access")
    logged = []
    for express in (True, False):
        async with wire_server(express=express, access_log=True, store=store) as server:
            wire = server.connect()
            for data in [post(User_Agent="me", Referer="you")] * 3 + [post("full")] * 2 + [post(score=6)] * 2:
                await wire.settle()
                wire.send(data)
            await wire.settle()
            wire.lose()
        lines = [record.getMessage() for record in caplog.records if record.name == "scores.access"]
        logged.append([line.rpartition(" ")[0] for line in lines])
        caplog.clear()
    assert logged[0] == logged[1]
    assert len(logged[0]) == 7


@pytest.mark.parametrize("version", ["3.13.5", "3.15.0", "4.0.0a1"])
async def test_another_aiohttp_turns_the_lane_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    monkeypatch.setattr(aiohttp, "__version__", version)
    async with wire_server() as server:
        assert not isinstance(server.connections, ExpressConnections)
        await known(server, post())
        wire = server.connect()
        await wire.settle()
        wire.send(post())
        assert not wire.take()
        await wire.settle()
        assert wire.take().startswith(OK)
    assert f"the express lane is off: aiohttp {version} is not" in caplog.text


def test_an_aiohttp_that_has_changed_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unknown_inside() is None
    monkeypatch.delattr(web.RequestHandler, "_process_keepalive")
    assert "has no RequestHandler._process_keepalive" in str(unknown_inside())


async def test_the_lane_can_be_turned_off() -> None:
    async with wire_server(express=False) as server:
        assert not isinstance(server.connections, ExpressConnections)
