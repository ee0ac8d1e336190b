"""A server that reads requests as many have: the control of every test that looks for smuggled ones.

Rule: it takes whatever looks like a request, and nothing that it cannot read ends a connection.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

import orjson

__all__ = ["NaiveBack", "naive_back"]

Ways = Literal["length first", "chunked first", "knows no chunks", "short lengths"]

_LINE = re.compile(rb"([A-Za-z]+) +(\S+)")
_NUMBER = re.compile(rb"[0-9]+")


class NaiveBack:
    """One of them; `counts` is how many scores each inspector was given."""

    def __init__(self, way: Ways) -> None:
        self.way = way
        self.counts = Counter[str]()
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
            while line := await reader.readline():
                if match := _LINE.match(line.strip()):
                    writer.write(self._answer(match[1], await self._body(reader)))
                    await writer.drain()
        writer.close()

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        length, chunked = 0, False
        while line := (await reader.readline()).strip():
            name, _, value = line.lower().partition(b":")
            if name.strip(b" \t\0\x0b") == b"content-length" and (number := _NUMBER.search(value)):
                length = 0 if self.way == "short lengths" and len(number[0]) > 2 else int(number[0][:6])
            chunked = chunked or (name.strip(b" \t\0\x0b") == b"transfer-encoding" and b"chunked" in value)
        if chunked and self.way != "knows no chunks" and not (length and self.way == "length first"):
            return await self._chunks(reader)
        return await reader.readexactly(length)

    async def _chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while number := re.search(rb"[0-9a-fA-F]+", await reader.readline()):
            if not (size := int(number[0], 16)):
                while (await reader.readline()).strip():
                    pass
                break
            body += await reader.readexactly(min(size, 100_000))
            await reader.readline()
        return body

    def _answer(self, method: bytes, body: bytes) -> bytes:
        status, answer = b"400 Bad Request", b"{}"
        with suppress(ValueError, KeyError, TypeError):
            if method == b"POST":
                uuid = orjson.loads(body)["UUID"]
                self.counts[uuid] += 1
                status, answer = b"200 OK", b'{"UUID":"%b","mean":5.0}' % uuid.encode()
        return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(answer), answer)


@asynccontextmanager
async def naive_back(way: Ways) -> AsyncIterator[NaiveBack]:
    """Runs one within `async with`."""
    back = NaiveBack(way)
    server = await asyncio.start_server(back.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    back.address = f"http://{host}:{port}"
    async with server:
        yield back
