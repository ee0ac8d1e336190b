"""What the parser refuses, what comes too slowly, and who comes too late: over a real socket."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, sleep
from typing import Any

import orjson
import pytest
from support.feeds import eventually
from support.sockets import answered, connection, deaf_client
from support.wire import wire_server

ApiFor = Callable[..., Awaitable[Any]]
POST = b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def check_problem(data: bytes, status: int, code: str) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status
    assert b"content-type: application/problem+json" in head.lower()
    document = orjson.loads(body)
    assert (document["status"], document["type"]) == (status, f"urn:problem-type:scores:{code}")
    assert b"Traceback" not in data


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        b"GET http://[::bad/ HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    ],
)
async def test_what_is_no_http_is_a_problem_too(
    api: Any, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    check_problem(await api.raw(data), 400, "bad-request")
    assert not caplog.records


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
async def test_a_head_over_its_limits(api: Any, data: bytes) -> None:
    check_problem(await api.raw(data), 431, "head-too-large")


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_end(api_for: ApiFor, data: bytes) -> None:
    api = await api_for(head_timeout=0.1)
    check_problem(await api.raw(data), 408, "request-timeout")


async def test_a_second_head_that_does_not_end(api_for: ApiFor) -> None:
    api = await api_for(head_timeout=0.2)
    async with connection(api.address) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        writer.write(b"GET /livez HT")
        check_problem(await reader.read(), 408, "request-timeout")


async def test_a_head_in_two_parts_is_waited_for(api_for: ApiFor) -> None:
    api = await api_for(head_timeout=5)
    async with connection(api.address) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHo")
        await writer.drain()
        await (await api.session.get(api.address + "/livez")).read()
        writer.write(b"st: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")


async def test_a_trickled_body(api_for: ApiFor) -> None:
    api = await api_for(body_timeout=0.1)
    check_problem(await api.raw(POST + b"Content-Length: 26\r\n\r\n{"), 408, "request-timeout")
    assert (await api.get("/inspectors")).json["total"] == 0


async def test_a_body_that_breaks_off_changes_nothing(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with connection(api.address) as (_, writer):
        writer.write(POST + b'Content-Length: 26\r\n\r\n{"UUID":"a1-b1",')
        writer.write_eof()
        await writer.drain()
    assert (await api.get("/inspectors")).json["total"] == 0
    assert not caplog.records


async def test_one_connection_more_than_there_may_be(api_for: ApiFor) -> None:
    api = await api_for(max_connections=2)
    async with connection(api.address) as (reader, writer):
        async with connection(api.address), connection(api.address) as (late, _):
            answer = await late.read()
            check_problem(answer, 503, "overloaded")
            assert b"Retry-After: " in answer
        # One has left, so one may come.
        await answered(api.address)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")


async def test_pipelined_requests_are_answered_in_order(api: Any) -> None:
    bodies = [b'{"UUID":"a1-b1","score":%d}' % score for score in (5, 3, 4)]
    requests = b"".join(POST + b"Content-Length: 26\r\n\r\n" + body for body in bodies)
    answer = await api.raw(requests + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    means = [part.split(b"}")[0] for part in answer.split(b'"mean":')[1:]]
    assert means == [b"5.0", b"4.0", b"4.0"]


async def test_a_client_that_has_said_all_is_answered(api: Any) -> None:
    request = POST + b'Content-Length: 26\r\n\r\n{"UUID":"a1-b1","score":5}'
    async with connection(api.address) as (reader, writer):
        writer.write(request * 3)
        writer.write_eof()
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_client_that_never_reads_is_cut(api_for: ApiFor) -> None:
    api = await api_for(send_timeout=0.2, max_connections=2)
    results = [{"exam": 1, "student": f"{i:0256}"} for i in range(1000)]
    for result in results:
        await api.put(result["exam"], result["student"], 0.5)
    with deaf_client(api.address, b"GET /exams/1?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 40):
        # The client keeps one connection, the deaf one has the other: until it is cut there is no third.
        await answered(api.address)


@pytest.mark.parametrize("express", [True, False])
async def test_what_was_given_up_is_not_carried_out(
    caplog: pytest.LogCaptureFixture, *, express: bool
) -> None:
    async with wire_server(head_timeout=0.01, express=express) as server:
        wire = server.connect()
        await wire.settle()
        body = b'{"UUID":"a1","score":5}'
        wire.send(b"POST /scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        # The rest of the head comes in the turn of the loop in which its time ends.
        asyncio.get_running_loop().call_soon(wire.send, b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        sleep(0.02)  # noqa: ASYNC251  # the loop stands still
        await eventually(lambda: wire.closed)
        await wire.settle()
        check_problem(wire.written, 408, "request-timeout")
        assert await server.store.inspector("a1") is None
    assert not caplog.records


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
async def test_little_that_is_never_read_is_cut_too(last: bytes) -> None:
    async with wire_server(send_timeout=0.05, keepalive_timeout=0.05) as server:
        wire = server.connect()
        await wire.settle()
        wire.unsent = 100
        wire.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
        await eventually(lambda: wire.aborted)


async def test_what_is_still_being_read_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    unsent = [3, 2, 1, 0]
    async with wire_server(send_timeout=0.01, keepalive_timeout=0.01) as server:
        wire = server.connect()
        await wire.settle()
        monkeypatch.setattr(wire, "get_write_buffer_size", lambda: unsent.pop(0) if unsent else 0)
        wire.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: not unsent and wire.closed)
        assert not wire.aborted


async def test_a_client_that_reads_slowly_is_not_cut(api_for: ApiFor) -> None:
    api = await api_for(send_timeout=1)
    for i in range(1000):
        await api.put(1, f"{i:0256}", 0.5)
    whole = await api.get("/exams/1?limit=1000")
    size, start = 0, monotonic()
    async with connection(api.address) as (reader, writer):
        writer.write(b"GET /exams/1?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
        # The kernel tells the server of progress by the megabyte: that must not take the time, and all of it must.
        while size < 40 * len(whole.body):
            size += len(data := await reader.read(100_000))
            assert data, "cut"
            await asyncio.sleep(0.02)
    assert monotonic() - start > 2


@pytest.mark.parametrize(
    "target",
    [b"/students/caf%e9", b"/students/%ff", b"/students/%GG", b"/students/%4", b"/students?after=%ff"],
)
async def test_a_target_that_is_not_encoded_utf_8_is_refused(api: Any, target: bytes) -> None:
    answer = await api.raw(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)
    check_problem(answer, 400, "bad-request")
