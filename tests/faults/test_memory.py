"""Less memory than the settings let in: who asks for too much of it is refused, everybody else is served.

Rule: the address space of the server is limited from outside (`RLIMIT_AS`), once it runs; so a big body is what it
cannot have, and everything that is small it has already.
"""

import asyncio
import gzip
import resource
from contextlib import suppress
from typing import Any

from support.honest import honest
from support.outside import Process, saw, server
from support.requests import request
from support.soak import times
from support.sockets import connection

MIB = 1024 * 1024
LEFT = 64 * MIB
"""Bytes of address space that the server may still take."""

JSON = {"Content-Type": "application/json"}
BIG = request("POST", "/scores", JSON, b" " * (2 * LEFT))
BOMB = request("POST", "/scores", {**JSON, "Content-Encoding": "gzip"}, gzip.compress(bytes(4 * LEFT), 1))
BULK = request(
    "POST", "/scores", {"Content-Type": "application/x-ndjson", "Prefer": "return=minimal"},
    b'{"UUID":"bulk","score":5}\n' * 20_000,
)  # fmt: skip
OPEN: dict[str, Any] = {"max_body": 1024 * MIB, "max_pending": 4096 * MIB}
"""Settings that let in far more than there is."""


async def status_of(one: Process, data: bytes) -> int:
    """What is answered; 0 for a connection that is cut."""
    async with asyncio.timeout(60):
        with suppress(ConnectionError):
            async with connection(one.address) as (reader, writer):
                writer.write(data)
                return int((await reader.readline() or b"- 0").split(b" ")[1])
    return 0


async def test_who_asks_for_too_much_is_refused_and_the_others_are_served() -> None:
    rounds = times(2)
    async with server(**OPEN) as one, honest(one.address) as clients:
        one.allow(resource.RLIMIT_AS, one.size + LEFT)
        for _ in range(rounds):
            found = [await status_of(one, data) for data in (BIG, BOMB, BULK)]
            # Nothing of a body that does not fit was recorded; what takes little is taken as ever.
            assert found[:2] in ([503, 503], [0, 503]), found
            assert found[2] == 200
            # Several at a time, of which each would fit.
            assert set(await asyncio.gather(*(status_of(one, BIG) for _ in range(4)))) <= {0, 503}
        assert one.running
        await clients.more(50)
        saw(f"memory limit: {one.rss / MIB:.0f} MiB at the end")
        clients.check()
        await clients.report("memory limit", injected=6 * rounds, in_flight=4 * rounds)
        assert one.rss < one.size < 2**30


async def test_with_memory_enough_they_are_read() -> None:
    """The control: without the limit the same is read to its end, and found to be no JSON."""
    async with server(**OPEN) as one:
        before = one.rss
        assert [await status_of(one, data) for data in (BIG, BOMB)] == [400, 400]
        assert one.peak - before > LEFT
