"""A connection to a server, closed whatever happens on it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from yarl import URL

__all__ = ["answered", "connection", "deaf_client", "refuses"]


@asynccontextmanager
async def connection(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the server at that address, `http://host:port`."""
    url = URL(address)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            # The other side may have reset it, as some tests want.
            await writer.wait_closed()


async def answered(address: str) -> None:
    """Returns when the server has a connection to spare."""
    async with asyncio.timeout(20):
        while True:
            async with connection(address) as (reader, writer):
                writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if b" 200 " in await reader.readline():
                    return


async def refuses(address: str) -> None:
    """Returns when the server accepts no more."""
    async with asyncio.timeout(20):
        with suppress(OSError):
            while True:
                async with connection(address):
                    pass


@contextmanager
def deaf_client(address: str, data: bytes) -> Iterator[None]:
    """A client that sends these bytes and never reads."""
    url = URL(address)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((url.host, url.port))
        deaf.sendall(data)
        yield
