"""A TCP proxy on loopback with the faults of real networks, each switched on and off while it works.

The rule: a fault is a plain attribute of the proxy, looked at for every piece that passes, so it also befalls
the connections that are open already. Whatever the proxy opens is closed with it.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Literal

__all__ = ["Side", "TcpProxy", "tcp_proxy"]

HOST = "127.0.0.1"
CHUNK = 65_536
Line = asyncio.Queue[tuple[float, bytes | OSError]]
Side = Literal["client", "upstream"]
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, for 0 seconds


class TcpProxy:
    """Forwards each connection to the upstream, as well as its faults permit."""

    def __init__(self, host: str, port: int) -> None:
        self.latency = 0.0  # seconds, each way
        self.slice_bytes = 0  # at most so many bytes at once; 0 is all there are
        self.bandwidth = 0  # bytes a second, each way of each connection; 0 is no limit
        self.black_hole = False  # accepts and reads, and forwards nothing either way: what was read is lost
        self.keep_ends = False  # the end of one side (its FIN) is not passed on: the other hears nothing more
        self.connections = 0  # accepted so far
        self.replies_cut = 0
        self.upstream = (host, port)
        self._cuts = 0
        self._matching = b""
        self._links: dict[Link, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._closed = False
        # Bound for as long as the proxy is there, and never listening: nobody else gets the port when it refuses.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind((HOST, 0))
        self.port: int = self._held.getsockname()[1]

    @property
    def open_connections(self) -> int:
        return len(self._links)

    async def accept(self) -> None:
        """Takes connections; always on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def refuse(self) -> None:
        """Refuses new connections until `accept`; those that are open stay so."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)  # some event loops close the listening socket only now

    def cut_before_reply(self, n: int = 1, *, matching: bytes = b"") -> None:
        """The next n requests are delivered and executed, and reset when their reply comes, which is lost.

        A request is whatever is read at once and contains `matching`: with it, the greetings on a new connection
        are left alone. The reply is what the upstream sends next on that connection.
        """
        self._cuts, self._matching = n, matching

    async def reset_all(self) -> None:
        """Resets all open connections, on both sides."""
        for link in self._links:
            link.reset_on_close()
        await self._end_links()

    def half_open(self, side: Side = "upstream") -> None:
        """Closes that side of all open connections; the other is not told, and hears nothing more."""
        for link in self._links:
            link.half_open(side)

    def fall_silent(self) -> None:
        """Nothing passes on all open connections any more, and nobody is told: as if a machine were gone.

        New connections are as good as any. What was sent in vain is not sent later.
        """
        for link in self._links:
            link.fall_silent()

    async def close(self) -> None:
        self._closed = True
        await self.refuse()
        await self._end_links()
        self._held.close()

    def is_cut(self, request: bytes) -> bool:
        """Whether the reply to this request is to be lost; that uses up one of the cuts."""
        cut = self._cuts > 0 and self._matching in request
        self._cuts -= cut
        return cut

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:  # it was on its way when the proxy was closed
            writer.transport.abort()
            return
        self.connections += 1
        link = Link(self, reader, writer)
        self._links[link] = asyncio.create_task(link.run())
        self._links[link].add_done_callback(lambda _: self._links.pop(link))

    async def _end_links(self) -> None:
        tasks = list(self._links.values())
        await asyncio.sleep(0)  # a task that is cancelled before it begins would not close its connection
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Link:
    """One connection: the side of the client and, once it is dialled, that of the upstream."""

    def __init__(self, proxy: TcpProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writers = [writer]
        self._cutting = False
        self._silent = False

    async def run(self) -> None:
        try:
            await self._serve()
        except* OSError:
            # Seen from either side the proxy is the other one: what happened there happens here.
            self.reset_on_close()
        finally:
            for writer in self._writers:
                writer.transport.abort()
                with suppress(OSError):
                    await writer.wait_closed()

    def half_open(self, side: Side) -> None:
        self._silent = True
        for writer in self._writers[:1] if side == "client" else self._writers[1:]:
            writer.close()

    def fall_silent(self) -> None:
        self._silent = True

    def reset_on_close(self) -> None:
        for writer in self._writers:
            with suppress(OSError):  # it is closed already
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
                )

    @property
    def _is_quiet(self) -> bool:
        return self._silent or self._proxy.black_hole

    async def _serve(self) -> None:
        if not self._is_quiet:
            await self._exchange()
        if self._is_quiet:
            await _ignore(self._reader)
        self._writers[0].close()
        await self._writers[0].wait_closed()

    async def _exchange(self) -> None:
        """Forwards both ways until the upstream closes."""
        reader, upstream = await asyncio.open_connection(*self._proxy.upstream)
        self._writers.append(upstream)
        async with asyncio.TaskGroup() as group:
            requests = group.create_task(self._requests(upstream))
            await self._replies(reader)
            self._silent = self._silent or self._proxy.keep_ends
            requests.cancel()

    async def _requests(self, upstream: asyncio.StreamWriter) -> None:
        async with aclosing(_delayed(self._reader, self._proxy)) as requests:
            async for request in requests:
                if not self._is_quiet:
                    self._cutting = self._cutting or self._proxy.is_cut(request)
                    await self._forward(request, upstream)
        if not self._is_quiet and not self._proxy.keep_ends:
            upstream.write_eof()

    async def _replies(self, reader: asyncio.StreamReader) -> None:
        async with aclosing(_delayed(reader, self._proxy)) as replies:
            async for reply in replies:
                if self._cutting:
                    self._proxy.replies_cut += 1
                    raise ConnectionResetError("the reply is cut")
                await self._forward(reply, self._writers[0])

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in _pieces(data, self._proxy):
            if self._proxy.bandwidth:
                await asyncio.sleep(len(piece) / self._proxy.bandwidth)
            if self._is_quiet:
                return
            writer.write(piece)  # at once: asyncio turns Nagle's algorithm off
            await writer.drain()
            if self._proxy.slice_bytes:
                await _loop_iteration()


@asynccontextmanager
async def tcp_proxy(host: str, port: int) -> AsyncIterator[TcpProxy]:
    """A proxy that accepts connections; it, and all that goes through it, is closed afterwards."""
    proxy = TcpProxy(host, port)
    try:
        await proxy.accept()
        yield proxy
    finally:
        await proxy.close()


async def _delayed(reader: asyncio.StreamReader, proxy: TcpProxy) -> AsyncGenerator[bytes, None]:
    """What is read, each piece as late as the latency was when it came; they are under way at the same time."""
    line: Line = asyncio.Queue(maxsize=64)
    reading = asyncio.create_task(_fill(line, reader, proxy))
    loop = asyncio.get_running_loop()
    try:
        while True:
            due, data = await line.get()
            await asyncio.sleep(due - loop.time())
            if isinstance(data, OSError):
                raise data
            if not data:
                return
            yield data
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _fill(line: Line, reader: asyncio.StreamReader, proxy: TcpProxy) -> None:
    data: bytes | OSError = b" "
    while data and isinstance(data, bytes):
        try:
            data = await reader.read(CHUNK)
        except OSError as exc:
            data = exc
        await line.put((asyncio.get_running_loop().time() + proxy.latency, data))


async def _ignore(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK):
        pass


async def _loop_iteration() -> None:
    """Lets a receiver on this event loop read what it has: the loop looks for data only between the two."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _pieces(data: bytes, proxy: TcpProxy) -> Iterator[bytes]:
    # A limited bandwidth shows as a steady trickle: 50 pieces a second.
    sizes = [len(data), proxy.slice_bytes, -(-proxy.bandwidth // 50)]
    size = min(size for size in sizes if size)
    for start in range(0, len(data), size):
        yield data[start : start + size]
