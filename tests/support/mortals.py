"""`scores serve` as a process that is killed, and started again where it was."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from support.commands import PATIENCE, Command
from support.redis_servers import hold_port

__all__ = ["Mortal", "Start", "mortal_server"]

Start = Callable[..., Awaitable[Command]]
"""The fixture `command`."""


class Mortal:
    """A server that keeps its port, and what its store has kept."""

    def __init__(
        self, command: Start, port: int, arguments: tuple[str, ...], variables: dict[str, str]
    ) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.log = ""
        """What those that have ended have logged since they listened."""
        self._command = command
        self._arguments = ("serve", "--port", str(port), *arguments)
        self._variables = variables
        self._running: Command | None = None

    async def start(self) -> None:
        """Starts it, and returns when it listens."""
        self._running = await self._command(*self._arguments, **self._variables)

    async def kill(self) -> None:
        """Ends it with SIGKILL."""
        assert self._running is not None
        self._running.process.kill()
        await self._ended(self._running)

    async def stop(self) -> int:
        """Ends it with SIGTERM, and gives its status."""
        assert self._running is not None
        self._running.process.terminate()
        return await self._ended(self._running)

    async def _ended(self, running: Command) -> int:
        async with asyncio.timeout(PATIENCE):
            _, log = await running.process.communicate()
        self.log += log.decode()
        assert running.process.returncode is not None
        return running.process.returncode


@asynccontextmanager
async def mortal_server(command: Start, *arguments: str, **variables: str) -> AsyncIterator[Mortal]:
    """A server with these arguments and variables, which listens."""
    with hold_port() as held:
        server = Mortal(command, held.getsockname()[1], arguments, variables)
        await server.start()
        yield server
