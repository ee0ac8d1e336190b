"""Many raw connections at once, which say and read only what they are told to.

Rule: plain sockets, without a task or a buffer each, so that a crowd is a load for the server and none for
whoever is measured beside it. They come from several addresses of the loopback network, as ports are few.
"""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from yarl import URL

__all__ = ["Crowd", "End", "crowd", "descriptors"]

SPARE = 500
"""Descriptors that are left to everything else."""

PATIENCE = 60.0
"""Seconds after which a connection counts as one that never ends."""

_IP_BIND_ADDRESS_NO_PORT = 24
"""Linux: the port is chosen when it connects, and then may be one that is in use to elsewhere (ip(7))."""


class End(NamedTuple):
    """What a connection received until it ended."""

    data: bytes
    reset: bool
    """Whether it was reset, and not closed in order."""
    after: float
    """Seconds from when it was asked."""

    @property
    def status(self) -> int:
        """Of the first answer; 0 if there was none."""
        return int(self.data.split(b" ", 2)[1]) if self.data.startswith(b"HTTP/1.1 ") else 0


def descriptors(wanted: int) -> int:
    """As many of the wanted connections as this process may have open; its limit is raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < min(hard, wanted + SPARE):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard - SPARE)


@dataclass(slots=True)
class Crowd:
    """Connections that are open."""

    sockets: list[socket.socket]

    def __len__(self) -> int:
        return len(self.sockets)

    def say(self, data: bytes) -> int:
        """Sends these bytes on each that still takes them; gives how many do."""
        return sum(_sent(one, data) for one in self.sockets)

    async def trickle(self, data: bytes, *, pause: float) -> None:
        """Sends a byte to each, again and again with a pause, until none takes any more."""
        for at in range(len(data)):
            if not self.say(data[at : at + 1]):
                return
            await asyncio.sleep(pause)

    async def answers(self, end: bytes) -> list[bytes]:
        """What each receives until it ends so."""
        return await asyncio.gather(*(_until(one, end) for one in self.sockets))

    async def ends(self) -> list[End]:
        """What comes to each until it is closed or reset."""
        return await asyncio.gather(*(_end(one) for one in self.sockets))

    def open(self) -> int:
        """How many have neither ended nor anything to read."""
        return sum(_is_quiet(one) for one in self.sockets)


@asynccontextmanager
async def crowd(
    address: str, count: int, data: bytes = b"", *, receive_buffer: int = 0
) -> AsyncIterator[Crowd]:
    """Opens so many connections, each of which sends these bytes; they are closed afterwards."""
    sockets: list[socket.socket] = []
    try:
        for number in range(count):
            sockets.append(await _connected(address, number, receive_buffer))
            if data:
                await asyncio.get_running_loop().sock_sendall(sockets[-1], data)
        yield Crowd(sockets)
    finally:
        for one in sockets:
            one.close()


async def _connected(address: str, number: int, receive_buffer: int) -> socket.socket:
    url = URL(address)
    made = socket.socket()
    try:
        made.setblocking(False)
        if receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((f"127.0.0.{2 + number % 8}", 0))
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(made, (url.host, url.port))
    except BaseException:
        made.close()
        raise
    return made


def _sent(one: socket.socket, data: bytes) -> bool:
    try:
        return one.send(data) == len(data)
    except BlockingIOError:
        return True
    except OSError:
        return False


def _is_quiet(one: socket.socket) -> bool:
    try:
        one.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def _until(one: socket.socket, end: bytes) -> bytes:
    data = b""
    async with asyncio.timeout(PATIENCE):
        while not data.endswith(end):
            piece = await asyncio.get_running_loop().sock_recv(one, 65_536)
            assert piece, data
            data += piece
    return data


async def _end(one: socket.socket) -> End:
    loop, data = asyncio.get_running_loop(), bytearray()
    began = loop.time()
    async with asyncio.timeout(PATIENCE):
        try:
            while piece := await loop.sock_recv(one, 65_536):
                data += piece
        except ConnectionError:
            return End(bytes(data), reset=True, after=loop.time() - began)
    return End(bytes(data), reset=False, after=loop.time() - began)
