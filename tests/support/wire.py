"""A connection without a socket: bytes are handed to it exactly as they are cut, and what it writes is kept."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from scores.config import Config
from scores.stores import Store
from scores.web.app import create_app
from scores.web.connection import Connection, Connections
from scores.web.keys import STORE
from scores.web.server import make_connections

__all__ = ["Wire", "WireServer", "masked", "wire_server"]

_SETTLED = 40
"""Turns of the loop after which a request that waits for nothing outside has been answered."""

_DATE = re.compile(
    rb"\r\nDate: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT\r\n"
)


def masked(data: bytes) -> bytes:
    """The same without what depends on the second."""
    return _DATE.sub(b"\r\nDate: now\r\n", data)


class Wire(asyncio.Transport):
    """One client's end, and the server's connection at the other."""

    def __init__(self, connections: Connections, client: str = "192.0.2.1") -> None:
        super().__init__({"peername": (client, 4711)})
        self.written = b""
        self.closed = False
        self.aborted = False
        self.paused = False
        self.unsent = 0
        """Bytes that the client has not taken, and nobody has been told of."""
        self.room: int | None = None
        """How many bytes more the client takes; any number where it is None."""
        self.connection: Connection = connections()
        self.connection.connection_made(self)

    def write(self, data: Any) -> None:
        assert not self.closed, "written after it was closed"
        self.written += bytes(data)
        if self.room is not None:
            self.room -= len(data)
            if self.room < 0 and not self.connection.writing_paused:
                self.connection.pause_writing()

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high, "each answer is sent by itself"

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.paused = True

    def is_reading(self) -> bool:
        return not self.paused

    def resume_reading(self) -> None:
        self.paused = False

    def send(self, data: bytes) -> None:
        """The bytes arrive, if anybody still listens."""
        if not self.closed and data:
            self.connection.data_received(data)

    async def settle(self) -> None:
        """Returns when whatever can be answered now has been."""
        for _ in range(_SETTLED):
            await asyncio.sleep(0)

    def take(self) -> bytes:
        """What has been written since it was last asked for."""
        written, self.written = self.written, b""
        return masked(written)

    def lose(self) -> None:
        """The client has gone."""
        self.connection.connection_lost(None)


class WireServer:
    """A server without sockets."""

    def __init__(self, store: Store, connections: Connections) -> None:
        self.store = store
        self.connections = connections

    def connect(self, client: str = "192.0.2.1") -> Wire:
        """A new client."""
        return Wire(self.connections, client)


@asynccontextmanager
async def wire_server(**settings: Any) -> AsyncIterator[WireServer]:
    """Runs one with these settings within `async with`."""
    defaults: Mapping[str, Any] = {"feed": None, "port": 0}
    config = Config(**{**defaults, **settings})
    runner = web.AppRunner(create_app(config), shutdown_timeout=1)
    await runner.setup()
    try:
        yield WireServer(runner.app[STORE], make_connections(runner, config))
    finally:
        await runner.cleanup()
