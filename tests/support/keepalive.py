"""A client that asks one thing after the other on one connection, byte by byte what it is told to send."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from yarl import URL

__all__ = ["KeepAlive", "Reply", "kept_alive"]

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


class Reply(NamedTuple):
    """An answer."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class KeepAlive:
    """The connection; another one when the server has ended it."""

    address: str
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def __call__(self, data: bytes) -> Reply:
        """The answer to this request; one with the status 0 if there was none."""
        if self.reader is None or self.writer is None:
            url = URL(self.address)
            self.reader, self.writer = await asyncio.open_connection(url.host, url.port)
        async with asyncio.timeout(30):
            try:
                self.writer.write(data)
                head = await self.reader.readuntil(b"\r\n\r\n")
                body = await self._body(head, self.reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                await self.close()
                return Reply(0, b"", b"{}")
        if b"\r\nconnection: close\r\n" in head.lower() or head.startswith(b"HTTP/1.0 "):
            await self.close()
        return Reply(int(head.split(b" ", 2)[1]), head, body)

    async def close(self) -> None:
        writer, self.reader, self.writer = self.writer, None, None
        if writer is not None:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _body(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        if match := _LENGTH.search(head):
            return await reader.readexactly(int(match[1]))
        body = b""
        if b"\r\ntransfer-encoding: chunked\r\n" in head.lower():
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        return body


@asynccontextmanager
async def kept_alive(address: str) -> AsyncIterator[KeepAlive]:
    """One, closed at last."""
    client = KeepAlive(address)
    try:
        yield client
    finally:
        await client.close()
