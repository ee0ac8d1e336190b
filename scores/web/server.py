"""A server's life: listen, answer, and go down without breaking anything off.

Rule: leaving `running` stops accepting, lets what is in flight finish, then ends the feed after its
last write and closes the store, in this order and within `shutdown_timeout` and a little more.
"""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from scores.config import Config
from scores.errors import ConfigError
from scores.web.app import create_app
from scores.web.connection import Connections

__all__ = ["address_of", "refusal_to_listen", "running", "stop_on_signal"]

log = logging.getLogger(__name__)

_BACKLOG = 1024
"""Connections that the kernel holds until they are accepted."""


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """Runs a server within `async with`, and gives its address, `http://host:port`.

    Raises `ConfigError` when it cannot listen there, or for a setting that is wrong.
    """
    runner = web.AppRunner(create_app(config), shutdown_timeout=config.shutdown_timeout)
    await runner.setup()
    try:
        listener = await _listen(runner, config)
        try:
            host, port = listener.sockets[0].getsockname()[:2]
            yield address_of(host, port)
        finally:
            listener.close()
    finally:
        await runner.cleanup()


def address_of(host: str, port: int) -> str:
    """The address of a server that listens there, `http://host:port`."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def refusal_to_listen(host: str, port: int, exc: Exception) -> ConfigError:
    """What is said when nothing can listen there."""
    reason = getattr(exc, "strerror", None) or exc
    return ConfigError(
        f"cannot listen on {host!a} port {port}: {reason}; choose another with --host and --port"
    )


def stop_on_signal() -> asyncio.Event:
    """An event that SIGINT (Ctrl-C) and SIGTERM set from now on."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, stop)
    return stop


def _stop(stop: asyncio.Event) -> None:
    log.info("stopping: finishing what is in flight")
    stop.set()


async def _listen(runner: web.AppRunner, config: Config) -> asyncio.Server:
    if runner.server is None:
        raise RuntimeError("the runner has not been set up")
    factory = Connections(runner.server, config)
    try:
        return await asyncio.get_running_loop().create_server(
            factory, config.host, config.port, backlog=_BACKLOG, reuse_address=os.name == "posix"
        )
    except (OSError, ValueError) as exc:
        # ValueError: a name that no resolver would be asked for.
        raise refusal_to_listen(config.host, config.port, exc) from exc
