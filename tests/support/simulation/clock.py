"""Virtual time: the clock stands while anything can run, and then jumps to the next timer.

Rule: a real asyncio loop with everything of asyncio in it; only its clock, its waiting and its sockets are
replaced, through the methods that are there to be replaced. No thread, no socket and no clock of the machine
has a say in what happens.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, tzinfo
from selectors import BaseSelector, SelectorKey
from socket import socket
from typing import Any, Final, Protocol
from unittest.mock import patch

__all__ = ["Deadlock", "Endless", "Network", "Spinning", "VirtualLoop", "WallClock", "virtual_time"]

TURNS: Final = 20_000
"""Turns of the loop at one moment from which on it is a loop that waits for nothing."""
LATEST: Final = 1000.0
"""Seconds after which every run has ended."""


class Deadlock(AssertionError):
    """Everybody waits, and no timer is set."""


class Endless(AssertionError):
    """Something goes on that should have ended long ago."""


class Spinning(AssertionError):
    """The loop turns and turns, and time stands still."""


class Network(Protocol):
    """What a loop connects through."""

    async def connect(self, address: Any) -> None:
        """Returns once the connection is there; raises `OSError` when it is refused."""
        ...

    def open(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """The client's end of the connection that was made last by this task."""
        ...


class _Jump(BaseSelector):
    """A selector that waits by moving the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.still: Callable[[], None] = lambda: None
        self.lenient = False
        self._turns = 0
        self._keys: dict[Any, SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        key = self._keys[fileobj] = SelectorKey(fileobj, fileobj, events, data)
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return self._keys

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        self._turns += 1
        if timeout is None:
            raise Deadlock("everybody waits for ever")
        if timeout > 0:
            self.still()
            self.now += timeout
            if self.now > LATEST and not self.lenient:
                raise Endless(f"it goes on for {LATEST:g} s")
            self._turns = 0
        elif self._turns > TURNS and not self.lenient:
            raise Spinning(f"{TURNS} turns of the loop at {self.now:.3f} s")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time, from 0 on, whose only way out is that network."""

    def __init__(self, network: Network, still: Callable[[], None]) -> None:
        """`still` is called whenever nothing is left to do now, just before the clock moves."""
        self._jump = _Jump()
        super().__init__(self._jump)
        self._network = network
        self._jump.still = still

    def time(self) -> float:
        return self._jump.now

    def end(self) -> None:
        """Closes the loop; what still runs is cancelled, and nothing is wrong with what it does then."""
        self._jump.lenient, self._jump.still = True, lambda: None
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    async def sock_connect(self, sock: socket, address: Any) -> None:
        await self._network.connect(address)

    async def create_connection(self, protocol_factory: Any, *_: Any, **options: Any) -> Any:
        # What aiohttp hands over was never connected to anything.
        options["sock"].close()
        protocol = protocol_factory()
        transport = self._network.open(protocol)
        protocol.connection_made(transport)
        return transport, protocol

    async def getaddrinfo(self, *_: Any, **__: Any) -> Any:
        raise OSError("there are no names here")

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # whoever calls it is told so
        raise AssertionError("there are no threads here")


class WallClock:
    """The time of day, which somebody may set at any moment."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.offset = 1_700_000_000.0

    def time(self) -> float:
        """As `time.time`."""
        return self.offset + self._now()

    def now(self, zone: tzinfo | None = None) -> datetime:
        """As `datetime.now`."""
        return datetime.fromtimestamp(self.time(), zone or UTC)


@contextmanager
def virtual_time(loop: VirtualLoop, wall: WallClock) -> Iterator[None]:
    """Both clocks of the machine are the loop's, for whoever looks."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(time, "monotonic", loop.time))
        stack.enter_context(patch.object(time, "time", wall.time))
        stack.enter_context(patch("scores.feed.client.monotonic", loop.time))
        stack.enter_context(patch("scores.feed.client.datetime", wall))
        yield
