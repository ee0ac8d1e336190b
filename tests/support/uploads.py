"""Bulk requests: whole ones, and a client that sends a body in pieces and reads the answer's lines meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from support.api import Api
from support.sockets import connection

__all__ = ["FIVE", "MINIMAL", "NDJSON", "Upload", "count_of", "post", "upload"]

NDJSON = {"Content-Type": "application/x-ndjson"}
MINIMAL = {**NDJSON, "Prefer": "return=minimal"}
FIVE = b'{"UUID":"a1-b1","score":5}\n'


async def post(api: Api, body: Any, **headers: str) -> list[Any]:
    """The decoded lines that answer the body."""
    answer = await api("POST", "/scores", data=body, headers={**NDJSON, **headers})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    return [orjson.loads(line) for line in answer.body.splitlines()]


async def count_of(api: Api, uuid: str) -> int:
    """How many scores the inspector has."""
    answer = await api.get(f"/inspectors/{uuid}")
    return int(answer.json["count"]) if answer.status == 200 else 0


class Upload:
    """One request under way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._body = b""
        self.status = 0
        self.headers: dict[str, str] = {}

    async def send(self, data: bytes) -> None:
        """Sends the next chunk of the body."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    async def end(self) -> None:
        """Says that the body is whole."""
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def line(self) -> Any:
        """The next line of the answer, decoded; None at its end. Raises `EOFError` where it breaks off."""
        line = await self.raw_line()
        return orjson.loads(line) if line else None

    async def raw_line(self) -> bytes:
        """The next line with its end; nothing at the answer's end."""
        async with asyncio.timeout(20):
            if not self.status:
                await self._head()
            while b"\n" not in self._body:
                size = int(await self._reader.readuntil(b"\r\n"), 16)
                chunk = (await self._reader.readexactly(size + 2))[:-2]
                if not chunk:
                    assert not self._body
                    return b""
                self._body += chunk
        line, self._body = (
            self._body[: self._body.index(b"\n") + 1],
            self._body[self._body.index(b"\n") + 1 :],
        )
        return line

    async def skip(self, lines: int) -> None:
        """Reads so many lines, and keeps none."""
        async with asyncio.timeout(20):
            while lines:
                lines -= bool(await self.raw_line()) + self._body.count(b"\n")
                _, _, self._body = self._body.rpartition(b"\n")

    async def lines(self) -> list[Any]:
        """All lines that are left."""
        found = []
        while (line := await self.line()) is not None:
            found.append(line)
        return found

    async def document(self) -> Any:
        """The whole answer as one JSON document, after which the connection is closed."""
        async with asyncio.timeout(20):
            await self._head()
            return orjson.loads(await self._reader.read())

    async def stalls(self, api: Api, added: Callable[[], int], lines: int) -> None:
        """Fails unless a server whose answers nobody takes reads no more, before so many lines are `added`."""
        sending = asyncio.create_task(self.send(FIVE * lines))
        same, last = 0, -1
        while same < 200 and not sending.done():
            assert (await api.get("/livez")).status == 200
            same, last = (same + 1 if added() == last else 0), added()
        assert not sending.done()
        assert 0 < added() < lines
        sending.cancel()
        await asyncio.wait([sending])
        self.writer.transport.abort()

    async def _head(self) -> None:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status, *fields = head.strip().split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}


@asynccontextmanager
async def upload(address: str, *fields: str) -> AsyncIterator[Upload]:
    """A bulk request whose body is chunked, with these further header fields."""
    async with connection(address) as (reader, writer):
        head = ["POST /scores HTTP/1.1", "Host: x", "Content-Type: application/x-ndjson", *fields]
        writer.write("\r\n".join([*head, "Transfer-Encoding: chunked", "", ""]).encode())
        yield Upload(reader, writer)
