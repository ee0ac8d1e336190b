"""A client that leaves, at the moments that are worst: nothing goes on for it, nothing stays counted.

Rule: over connections without sockets, so that the moment is exact.
"""

import asyncio
import gc
import gzip
from typing import Any

import orjson
import pytest
from support.requests import post, request
from support.wire import Wire, WireServer, wire_server

from scores.metrics.layout import IN_FLIGHT


async def settled(server: WireServer) -> Wire:
    wire = server.connect()
    await wire.settle()
    return wire


@pytest.mark.parametrize("turns", range(5))
async def test_while_its_request_begins_to_be_answered(turns: int) -> None:
    async with wire_server(express=False) as server:
        wire = await settled(server)
        wire.send(request("GET", "/exams"))
        for _ in range(turns):
            await asyncio.sleep(0)
        wire.closed = True
        wire.lose()
        await wire.settle()
        tally = server.connections.tally
        assert tally is not None
        assert tally.row[IN_FLIGHT] == 0


async def test_with_a_request_behind_one_of_the_lane() -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    async with wire_server() as server:
        wire = await settled(server)
        wire.send(post())
        await wire.settle()
        wire.send(post() + request("GET", "/livez"))
        wire.lose()
        await wire.settle()
        del wire
        gc.collect()
    assert troubles == []


async def test_with_much_to_be_inflated() -> None:
    lines = gzip.compress(b'{"UUID":"a1-b1","score":5}\n' * 200_000)
    fields = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip", "Prefer": "return=minimal"}
    async with wire_server() as server:
        wire, other = await settled(server), await settled(server)
        wire.send(request("POST", "/scores", fields, lines))
        await wire.settle()
        wire.lose()
        await wire.settle()
        counts = []
        for _ in range(2):
            other.send(request("GET", "/inspectors/a1-b1"))
            await other.settle()
            counts.append(orjson.loads(other.take().rpartition(b"\r\n\r\n")[2])["count"])
        assert counts[0] == counts[1] < 200_000


@pytest.mark.parametrize("target", ["/%0A", "/a%0d%0Ab", "/students/a/%0A"])
async def test_a_path_with_a_line_end_is_unknown_like_any_other(target: str) -> None:
    async with wire_server() as server:
        wire = await settled(server)
        for _ in range(3):
            wire.send(request("GET", target))
            await wire.settle()
            answer = wire.take()
            assert answer.startswith(b"HTTP/1.1 404 ")
            assert b"urn:problem-type:scores:not-found" in answer
        assert not wire.closed
        tally = server.connections.tally
        assert tally is not None
        assert tally.row[IN_FLIGHT] == 0
