"""Many connections on which nothing happens: little memory each, nobody waits for them, and in time they are closed."""

import asyncio
import re
import socket

from support.crowd import crowd, descriptors
from support.honest import honest
from support.outside import saw, server
from support.requests import request
from support.soak import times
from support.sockets import connection

KIB = 1024
MOST = 40 * KIB
"""Bytes of memory that an idle connection may take; some 14 KiB are what it takes."""

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
LIVEZ = request("GET", "/livez")
HONEST = 4


async def test_idle_connections_take_little_and_nobody_waits_for_them() -> None:
    count = descriptors(times(1000))
    async with server(max_connections=2 * count) as one, honest(one.address, HONEST) as clients:
        before = one.rss
        async with crowd(one.address, count) as idle:
            await one.holds(HONEST + count)
            first = one.rss - before
            await clients.more(200)
            # Each is still there, and is served as soon as it asks.
            assert idle.say(LIVEZ) == count
            assert {answer.split(b"\r\n")[0] for answer in await idle.answers(b"}")} == {b"HTTP/1.1 200 OK"}
            used = one.rss - before
        await one.holds(HONEST)
        saw(
            f"{count} idle: {first / count / KIB:.1f} KiB each, {used / count / KIB:.1f} KiB once they have asked"
        )
        assert used / count < MOST
        # What they took is used again by those who come next.
        async with crowd(one.address, count, LIVEZ) as others:
            await others.answers(b"}")
            assert one.rss - before < used + count * MOST / 4
        clients.check()
        await clients.report("idle connections", injected=2 * count, in_flight=0)


async def test_what_a_connection_takes_is_seen() -> None:
    """The control: connections that are not idle, but hold half of a long head, are over the same bound."""
    count = descriptors(times(100))
    head = b"GET /livez HTTP/1.1\r\nHost: x\r\n" + (b"A: " + b"x" * 8000 + b"\r\n") * 12
    async with server(max_connections=2 * count, max_pending=2**40, head_timeout=60) as one:
        before = one.rss
        async with crowd(one.address, count, head):
            await one.holds(count)
            assert (one.rss - before) / count > MOST


async def test_an_idle_connection_holds_neither_what_it_said_nor_what_it_was_told() -> None:
    count = descriptors(times(100))
    long = b'{"UUID":"a1-b1","score":5,"more":"%b"}' % (b"x" * 500 * KIB)
    async with server(max_connections=4 * count) as one, connection(one.address) as (reader, writer):
        scores = b"".join(b'{"UUID":"%d-%b","score":5}\n' % (at, b"x" * 250) for at in range(1000))
        writer.write(request("POST", "/scores", {**NDJSON, "Prefer": "return=minimal"}, scores))
        assert b" 200 " in await reader.readuntil(b'"errors":[]}')
        for asked in (request("POST", "/scores", JSON, long), request("GET", "/inspectors?limit=1000")):
            async with crowd(one.address, count) as idle:
                before = one.rss
                for each in idle.sockets:
                    await asyncio.get_running_loop().sock_sendall(each, asked)
                    assert (await answer_of(each)).startswith(b"HTTP/1.1 200 ")
                used = (one.rss - before) / count
                saw(f"{count} idle: {used / KIB:.1f} KiB each once they have asked {asked[:16]!r}")
                assert used < 2 * MOST


async def answer_of(each: socket.socket) -> bytes:
    """All of the answer."""
    loop, data = asyncio.get_running_loop(), b""
    while (head := data.partition(b"\r\n\r\n"))[1] == b"" or len(head[2]) < length_of(head[0]):
        piece = await loop.sock_recv(each, 1 << 20)
        assert piece, data[:1000]
        data += piece
    return data


def length_of(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
    assert found is not None, head
    return int(found[1])


async def test_idle_connections_are_closed_in_time_and_only_then() -> None:
    count = descriptors(times(100))
    async with (
        server(keepalive_timeout=1) as one,
        server() as patient,
        honest(one.address, HONEST) as clients,
        crowd(one.address, count) as silent,
        crowd(one.address, count, LIVEZ) as asked,
        crowd(patient.address, count) as kept,
    ):
        ends = await silent.ends() + await asked.ends()
        assert {end.status for end in ends} == {0, 200}
        assert not any(end.reset for end in ends)
        # The control: with the usual time they are all still there.
        assert kept.open() == count
        clients.check()
        await clients.report("idle connections that are closed", injected=2 * count, in_flight=0)
