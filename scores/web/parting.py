"""The end of connections on which nothing is asked, when a server stops.

Rule: a request and the end of its connection may cross. A socket that is closed with a request unread,
or that gets one afterwards, answers with a reset; so our side is closed first, and what still comes is
read and dropped: its sender finds that the connection has ended, and nothing that was asked is done.
"""

import asyncio
from collections.abc import Iterable
from typing import cast

from scores.web.connection import Connection

__all__ = ["part"]


async def part(connections: Iterable[Connection], patience: float) -> None:
    """Closes our side of those that are idle, and waits so many seconds for the clients to close theirs."""
    ends = [_part(connection) for connection in connections if _is_idle(connection)]
    if ends:
        await asyncio.wait(ends, timeout=patience)


class _Parted(asyncio.Protocol):
    """Takes the place of a connection whose side is closed."""

    def __init__(self, connection: Connection, end: "asyncio.Future[None]") -> None:
        self._connection = connection
        self._end = end

    def data_received(self, data: bytes) -> None:
        """It came too late."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)
        self._end.set_result(None)


def _is_idle(connection: Connection) -> bool:
    waiter = connection._waiter  # noqa: SLF001  # aiohttp is idle exactly while it waits for a message
    return waiter is not None and not waiter.done() and not connection.busy and not connection.said_all


def _part(connection: Connection) -> "asyncio.Future[None]":
    end = asyncio.get_running_loop().create_future()
    transport = cast(asyncio.Transport, connection.transport)
    connection.head_arrived()
    transport.set_protocol(_Parted(connection, end))
    transport.write_eof()
    return end
