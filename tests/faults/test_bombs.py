"""A few compressed bytes that become very many: refused when they have become too many, and never all there at once."""

import asyncio
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from support.honest import honest
from support.outside import saw, server
from support.requests import request
from support.soak import LONG, times
from support.sockets import connection

MIB = 1024 * 1024
MOST = 24 * MIB
"""Bytes of memory that the server may take more, whatever is sent: several times what it holds of a request."""

JSON = {"Content-Type": "application/json"}
SHORT = {"Content-Type": "application/x-ndjson", "Prefer": "return=minimal"}
LINE = b'{"UUID":"a1-b1","score":5}\n'


def packed(unit: bytes, count: int, wbits: int = zlib.MAX_WBITS | 16) -> bytes:
    """So many units in one stream, without ever having them all."""
    stream = zlib.compressobj(6, wbits=wbits)
    piece = unit * (MIB // len(unit))
    pieces = [stream.compress(piece) for _ in range(count * len(unit) // len(piece))]
    return b"".join([*pieces, stream.flush()])


ZEROS = packed(b"\0", 32 * MIB)
"""32 MiB in some 32 KiB."""


@dataclass(frozen=True)
class Bomb:
    fields: Mapping[str, str]
    body: bytes
    status: int
    coding: str = "gzip"


BOMBS = {
    "one body": Bomb(JSON, ZEROS, 413),
    "deflate": Bomb(JSON, packed(b"\0", 4 * MIB, zlib.MAX_WBITS), 413, "deflate"),
    "bare deflate": Bomb(JSON, packed(b"\0", 4 * MIB, -zlib.MAX_WBITS), 413, "deflate"),
    # Only what was declared is unpacked, and what is within is no JSON.
    "one within another": Bomb(JSON, gzip.compress(gzip.compress(ZEROS)), 400),
    "many members": Bomb(JSON, gzip.compress(b" " * 4096) * 1000, 413),
    "many empty members": Bomb(JSON, gzip.compress(b"") * 10_000, 400),
    "one endless line": Bomb(SHORT, ZEROS, 413),
    "lines": Bomb(SHORT, packed(LINE, 200_000), 413),
    "empty lines": Bomb(SHORT, packed(b"\n", 4 * MIB), 413),
    "members of lines": Bomb(SHORT, gzip.compress(LINE * 1000) * 100, 413),
}


async def send(address: str, bomb: Bomb) -> int:
    """The status that it is answered with."""
    fields = {**bomb.fields, "Content-Encoding": bomb.coding}
    async with connection(address) as (reader, writer), asyncio.timeout(120):
        writer.write(request("POST", "/scores", fields, bomb.body))
        return int((await reader.readline()).split(b" ")[1])


@pytest.mark.parametrize("express", ["on", "off"] if LONG else ["on"])
async def test_bombs_are_refused_and_take_little(express: str) -> None:
    rounds = times(1)
    async with (
        server(express=express, max_inflated=MIB // 2, max_body=MIB) as one,
        honest(one.address) as clients,
    ):
        before = one.rss
        bombs = [*BOMBS.values()]
        for _ in range(rounds):
            # All at once.
            statuses = await asyncio.gather(*(send(one.address, bomb) for bomb in bombs))
            assert statuses == [bomb.status for bomb in bombs]
        saw(f"{(one.peak - before) / MIB:.1f} MiB more for {rounds * len(bombs)} bombs")
        assert one.peak - before < MOST
        clients.check()
        await clients.report(f"bombs, lane {express}", injected=rounds * len(bombs), in_flight=len(bombs))


async def test_without_the_limits_they_are_inflated() -> None:
    """The control: a body of 32 MiB is then in memory, and a bulk is taken to its end."""
    async with server(max_body=1024 * MIB, max_pending=2048 * MIB, max_inflated=2**40) as one:
        before = one.rss
        assert await send(one.address, BOMBS["one body"]) == 400
        assert one.peak - before > 32 * MIB > MOST
        assert await send(one.address, Bomb(SHORT, packed(LINE, 50_000), 200)) == 200
