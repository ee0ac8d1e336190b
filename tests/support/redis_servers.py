"""Real redis servers: each a process of its own, with a port and a directory of its own.

The rule: what is started here is ended here. Every process is known until it is reaped, and
`assert_all_gone` tells of one that was forgotten. A server that was not started here is never asked anything:
these helpers speak to a server through the unix socket in its directory.
"""

import asyncio
import atexit
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Unpack

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from support.redis_config import HOST, KEEPER, Options, directives, program, url_of, write_certificate

__all__ = ["RedisServer", "ServerFailed", "assert_all_gone", "hold_port", "redis_server", "until"]

POLL = 0.01  # seconds between two looks at a state that no event announces

_started: list[subprocess.Popen[bytes]] = []


class ServerFailed(Exception):
    """The server ended instead of getting ready; the message is the end of its log."""


class RedisServer:
    """A redis-server on 127.0.0.1 that can be stopped, killed, frozen, and started again where it was."""

    def __init__(self, home: Path, **options: Unpack[Options]) -> None:
        self.socket_path = home / "redis.sock"
        self.ca_file = home / "tls.crt"
        self.paused = False
        self._home = home
        if options.get("tls"):
            write_certificate(home)
        self._held = hold_port(options.get("port", 0))
        self.port: int = self._held.getsockname()[1]
        self.url = url_of(self.port, options)
        self._mode = ("--sentinel",) if options.get("sentinel") else ()
        self._process: subprocess.Popen[bytes] | None = None
        # Written once: a server that rewrites its own configuration finds it again when it is restarted.
        (home / "redis.conf").write_text("\n".join(directives(home, self.port, options)) + "\n")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def awake(self) -> bool:
        """Whether it can be asked: it runs, and is not frozen."""
        return self.running and not self.paused

    @property
    def pid(self) -> int:
        """That of the process that was started last."""
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process.pid

    def launch(self) -> None:
        """Starts the process and does not wait: it may be loading its file for some time."""
        if self.running:
            raise RuntimeError(f"redis-server {self.pid} is running already")
        command = [program("redis-server"), str(self._home / "redis.conf"), *self._mode]
        with self._log.open("ab") as log:
            # A group of its own: ^C is for the tests only, and whatever redis forks is ended with it.
            # A file that may not grow is an error of writing to it, as a full disk is, and no signal that ends it.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._home, process_group=0, restore_signals=False
            )
        _started.append(self._process)

    async def start(self) -> None:
        """Starts the process, with the port, files and settings it had, and waits until it is ready."""
        self.launch()
        await self.ready()

    async def ready(self) -> None:
        """Waits until the server answers, with all its data loaded; ServerFailed when it ends instead."""
        async with asyncio.timeout(30):
            while not await self._answers():
                if not self.running:
                    raise ServerFailed(self.log()[-2000:])
                await asyncio.sleep(POLL)

    async def stop(self) -> None:
        """Asks the server to end, as an operator would, and insists after 5 seconds."""
        if self.running:
            self.resume()
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    while self.running:  # noqa: ASYNC110  # a process does not announce its end to the loop
                        await asyncio.sleep(POLL)
        self.kill()

    def kill(self) -> None:
        """Ends the process at once, frozen or not; it is reaped when this returns."""
        if self._process is not None:
            _end(self._process)
        self.paused = False

    def pause(self) -> None:
        """Freezes the server: its connections stay open, the system still accepts new ones, nobody answers."""
        self._signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.paused = True

    def resume(self) -> None:
        self._signal(signal.SIGCONT)
        self.paused = False

    def close(self) -> None:
        """Ends the process, if there is one, and gives the port back."""
        self.kill()
        self._held.close()

    async def command(self, *args: Any) -> Any:
        """The reply to one command, sent once on a connection of its own: bytes, unless redis-py parses it.

        redis-py parses replies by the first argument: `"INFO"`, `"CONFIG GET"`, `"CLUSTER NODES"`.
        """
        username, password = KEEPER
        async with Redis(
            unix_socket_path=str(self.socket_path),
            username=username,
            password=password,
            socket_timeout=20,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            return await client.execute_command(*args)  # type: ignore[no-untyped-call]  # redis-py's own gap

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def _answers(self) -> bool:
        try:
            await self.command("PING")
        except (RedisError, OSError):
            return False
        return True

    @property
    def _log(self) -> Path:
        return self._home / "redis.log"

    def _signal(self, number: signal.Signals) -> None:
        if not self.running:
            raise RuntimeError("the server is not running")
        os.killpg(self.pid, number)


@asynccontextmanager
async def redis_server(**options: Unpack[Options]) -> AsyncIterator[RedisServer]:
    """A server that is ready; its process, its port and its directory are gone afterwards."""
    with TemporaryDirectory(prefix="redis-", ignore_cleanup_errors=True) as home:
        server = RedisServer(Path(home), **options)
        try:
            await server.start()
            yield server
        finally:
            server.close()


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a state of the servers, which they do not announce."""
    async with asyncio.timeout(30):
        while not await _is(met):  # noqa: ASYNC110  # a server does not announce its state to the loop
            await asyncio.sleep(POLL)


async def _is(met: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await met()
    except RedisConnectionError:  # it loads its data, or sends its clients away as its role changes
        return False


def hold_port(port: int = 0) -> socket.socket:
    """A port of 127.0.0.1, kept for a server that sets SO_REUSEADDR, as redis does.

    The socket is bound and never listens: while the server is down its clients are refused, no other program is
    given the port, and no client that tries again and again can be connected to itself.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((HOST, port))
    except OSError:
        held.close()
        raise
    return held


def assert_all_gone() -> None:
    """Raises AssertionError when a process that was started here still runs, and ends it."""
    left = [process.pid for process in _started if process.poll() is None]
    _end_all()
    if left:
        raise AssertionError(f"redis-server left running: {left}")


@atexit.register
def _end_all() -> None:
    # Asking the process object is exact, where a pid may have gone to another program.
    while _started:
        _end(_started.pop())


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
