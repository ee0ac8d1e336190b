"""Overload: what does not fit is refused before it is read, and what is held is given back."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import orjson
import pytest
from support.feeds import eventually
from support.requests import POST, post, request
from support.sockets import connection, deaf_client
from support.uploads import FIVE
from support.wire import Wire, WireServer, wire_server

from scores.config import Config
from scores.errors import ConfigError, Overloaded
from scores.web.bulk import _PIECE
from scores.web.pending import Pending

MIB = 1024 * 1024
LEFT = 1000
"""Bytes that the server may still hold when it is `nearly_full`."""


def declared(size: int, content_type: str = "application/json") -> bytes:
    """A head, without any of its body."""
    return request("POST", "/scores", {"Content-Type": content_type, "Content-Length": str(size)})


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1]) if answer else 0


def check_overloaded(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status(answer) == 503
    assert b"\r\nRetry-After: 1\r\n" in head + b"\r\n"
    assert orjson.loads(body)["type"] == "urn:problem-type:scores:overloaded"


async def ask(server: WireServer, data: bytes) -> Wire:
    wire = server.connect()
    await wire.settle()
    wire.send(data)
    await wire.settle()
    return wire


@asynccontextmanager
async def nearly_full(**settings: Any) -> AsyncIterator[WireServer]:
    """A server that somebody's upload has all but filled."""
    async with wire_server(max_pending=MIB, max_body=MIB, **settings) as server:
        await ask(server, declared(MIB - LEFT))
        assert server.connections.pending.held == MIB - LEFT
        yield server


async def test_a_body_that_does_not_fit_is_refused_before_it_is_read() -> None:
    async with nearly_full() as server:
        check_overloaded((await ask(server, declared(LEFT + 1))).take())
        fits = await ask(server, declared(LEFT))
        assert not fits.take()
        assert server.connections.pending.held == MIB


@pytest.mark.parametrize("data", [CHUNKED, declared(LEFT + 1, "application/x-ndjson")])
async def test_a_body_that_may_not_fit_is_refused(data: bytes) -> None:
    async with nearly_full() as server:
        check_overloaded((await ask(server, data)).take())


async def test_a_body_without_a_length_may_become_as_long_as_any() -> None:
    async with wire_server(max_pending=10 * MIB, max_body=MIB) as server:
        await ask(server, CHUNKED)
        assert server.connections.pending.held == MIB


async def test_a_bulk_request_reserves_what_it_keeps() -> None:
    async with wire_server(max_body=MIB, max_line=1000) as server:
        await ask(server, declared(100 * MIB, "application/x-ndjson"))
        assert server.connections.pending.held == _PIECE + 1000


@pytest.mark.parametrize("express", [True, False])
async def test_what_is_here_needs_no_room(*, express: bool) -> None:
    bulk = request("POST", "/scores", {"Content-Type": "application/x-ndjson"}, FIVE)
    async with nearly_full(express=express) as server:
        await ask(server, declared(LEFT))
        for data in (post(), bulk, post()):
            assert status((await ask(server, data)).take()) == 200


@pytest.mark.parametrize("express", [True, False])
async def test_reads_are_refused_while_there_is_no_room_to_answer(*, express: bool) -> None:
    read = request("GET", "/inspectors/a1-b1")
    async with nearly_full(express=express) as server:
        await ask(server, post())
        for _ in range(3):
            assert status((await ask(server, read)).take()) == 200
        last = await ask(server, declared(LEFT))
        check_overloaded((await ask(server, read)).take())
        assert status((await ask(server, request("GET", "/livez"))).take()) == 200
        last.lose()
        await last.settle()
        assert status((await ask(server, read)).take()) == 200


async def test_it_is_told_while_it_lasts_and_not_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    async with nearly_full() as server:
        await ask(server, declared(LEFT))
        for _ in range(3):
            check_overloaded((await ask(server, request("GET", "/exams"))).take())
        told = (await ask(server, request("GET", "/metrics"))).take()
        assert b'\nscores_http_problems_total{code="overloaded"} 3.0\n' in told
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (declared(26), b'{"UUID":"a1-b1","score":5}'),
        (declared(27), b'{"UUID":"a1-b1","score":9} '),
        (CHUNKED, b'1a\r\n{"UUID":"a1-b1","score":5}\r\n0\r\n\r\n'),
        (declared(len(FIVE), "application/x-ndjson"), FIVE),
    ],
)
async def test_what_was_reserved_is_given_back(data: bytes, more: bytes) -> None:
    async with wire_server() as server:
        wire = await ask(server, data)
        assert server.connections.pending.held > 0
        wire.send(more)
        await wire.settle()
        assert wire.take()
        assert server.connections.pending.held == 0


async def test_what_never_comes_is_given_back() -> None:
    async with wire_server(body_timeout=0.1) as server:
        gone = await ask(server, declared(1000))
        gone.lose()
        wire = await ask(server, declared(100))
        await eventually(lambda: bool(wire.written))
        assert status(wire.take()) == 408
        assert server.connections.pending.held == 0


# Heads.


async def test_heads_that_do_not_end_are_counted() -> None:
    async with wire_server(max_pending=MIB, max_body=MIB) as server:
        wire = await ask(server, b"GET /livez HTTP/1.1\r\n")
        wire.send(b"Host: x\r\n")
        assert server.connections.pending.held == 30
        wire.send(b"\r")
        wire.send(b"\n")
        await wire.settle()
        assert status(wire.take()) == 200
        assert server.connections.pending.held == 0


async def test_heads_do_not_fill_the_memory() -> None:
    async with wire_server(max_pending=MIB, max_body=MIB) as server:
        wires, field = [], b"A: " + b"x" * 8000 + b"\r\n"
        while server.connections.pending.held < MIB:
            wires.append(await ask(server, b"GET / HTTP/1.1\r\nHost: x\r\n"))
            for _ in range(100):
                wires[-1].send(field)
        assert len(wires) == 2
        check_overloaded(wires[-1].take())
        assert wires[-1].closed
        for wire in wires:
            wire.lose()
        assert server.connections.pending.held == 0


# Answers.


async def test_answers_that_are_not_taken_are_counted() -> None:
    async with wire_server(max_pending=MIB, max_body=MIB) as server:
        wire = await ask(server, request("GET", "/exams"))
        wire.unsent = MIB
        wire.connection.pause_writing()
        assert server.connections.pending.held == MIB
        check_overloaded((await ask(server, request("GET", "/exams"))).take())
        wire.connection.resume_writing()
        assert server.connections.pending.held == 0
        wire.connection.pause_writing()
        wire.lose()
        assert server.connections.pending.held == 0


async def test_a_client_that_does_not_read_uses_up_what_there_is(api_for: Callable[..., Any]) -> None:
    api = await api_for(max_pending=MIB, max_body=MIB, send_timeout=1)
    for number in range(1000):
        await api.put(1, f"{number:\N{GRINNING FACE}>256}", 0.5)
    page = b"GET /exams/1?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as deaf:
        for _ in range(4):
            deaf.enter_context(deaf_client(api.address, page * 40))
        async with asyncio.timeout(20), connection(api.address) as (reader, writer):
            found = 200
            while found == 200:
                writer.write(b"GET /inspectors HTTP/1.1\r\nHost: x\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                found = status(head)
            assert found == 503
            # It is cut, and there is room again.
            while found == 503:
                found = (await api.get("/inspectors")).status
            assert found == 200


# Memory.


async def test_memory_does_not_grow_with_those_who_send_at_once() -> None:
    body = b" " * (MIB - 1)
    async with wire_server(max_pending=4 * MIB, max_body=MIB, body_timeout=60) as server:
        wires = [await ask(server, declared(MIB)) for _ in range(40)]
        tracemalloc.start()
        try:
            for at in range(0, len(body), 65_536):
                for wire in wires:
                    if not wire.paused:
                        wire.send(bytes(body[at : at + 65_536]))
                await wires[0].settle()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        refused = [wire for wire in wires if status(wire.take()) == 503]
        assert len(refused) == 36
        # Four are held, and each is moved once; without a limit it would be forty.
        assert most < 14 * MIB


# The parts.


def test_reservations_add_up() -> None:
    pending = Pending(10)
    with pending.reserve(4), pending.reserve(6):
        assert pending.full
        with pytest.raises(Overloaded, match="10 bytes"):
            pending.check()
        with pytest.raises(Overloaded), pending.reserve(1):
            pass
    assert pending.held == 0
    pending.check()
    with pytest.raises(Overloaded), pending.reserve(11):
        pass
    assert pending.held == 0


def test_the_largest_body_has_to_fit() -> None:
    with pytest.raises(ConfigError, match="SCORES_MAX_PENDING=1048576 is not allowed: it must be at least"):
        Config.read({"SCORES_MAX_PENDING": "1048576", "SCORES_MAX_BODY": "1048577"}, {})
