"""A server's life: listen, answer, and go down without breaking anything off.

Rule: leaving `running` stops accepting, lets what is in flight finish, then ends the feed after its
last write and closes the store, in this order and within `shutdown_timeout` and a little more.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, cast

from aiohttp import web

from scores.config import Config
from scores.metrics.board import Board
from scores.web.app import create_app
from scores.web.connection import Connection, Connections
from scores.web.express.connection import ExpressConnections
from scores.web.express.endpoints import Endpoints
from scores.web.express.heads import Heads
from scores.web.express.inside import unknown_inside
from scores.web.keys import CORS, GUARD, PENDING, STORE
from scores.web.listener import accepting, bind, location
from scores.web.metrics import METRICS
from scores.web.parting import part
from scores.web.routes import LAYOUT

__all__ = ["make_connections", "running", "stop_on_signal"]

log = logging.getLogger(__name__)

_LAST_CALL: Final = 0.1
"""Seconds in which a client that is at work learns, by its next answer, that its connection ends."""

_PARTING: Final = 0.5
"""Seconds in which what a client sent before it learned of the end has come."""


@asynccontextmanager
async def running(
    config: Config, *, sockets: Sequence[socket.socket] = (), board: Board | None = None, place: int = 0
) -> AsyncIterator[str]:
    """Runs a server within `async with`, and gives its address, `http://host:port`.

    It serves on `sockets`, which listen already, and closes them; without any it listens where the
    settings say. What is counted goes to its place on the board, or to one of its own. Raises
    `ConfigError` when it cannot listen there, or for a setting that is wrong.
    """
    runner = web.AppRunner(create_app(config, board, place), shutdown_timeout=config.shutdown_timeout)
    await runner.setup()
    try:
        sockets = sockets or await bind(config.host, config.port)
        connections = make_connections(runner, config)
        async with accepting(connections, sockets):
            yield location(sockets)
            connections.closing = True
        if connections.open:
            await asyncio.sleep(min(_LAST_CALL, config.shutdown_timeout))
            left = cast(list[Connection], connections.server.connections)
            await part(left, min(_PARTING, config.shutdown_timeout))
    finally:
        await runner.cleanup()


def stop_on_signal() -> asyncio.Event:
    """An event that SIGINT (Ctrl-C) and SIGTERM set from now on."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, stop)
    return stop


def _stop(stop: asyncio.Event) -> None:
    # A worker may hear of one Ctrl-C twice: from the terminal, and from the process that started it.
    if not stop.is_set():
        log.info("stopping: finishing what is in flight")
        stop.set()


def make_connections(runner: web.AppRunner, config: Config) -> Connections:
    """What makes the connections of the application that the runner has set up."""
    if runner.server is None:
        raise RuntimeError("the runner has not been set up")
    app = runner.app
    metrics = app.get(METRICS)
    tally = None if metrics is None else metrics.tally
    if not config.express:
        return Connections(runner.server, config, app[PENDING], tally)
    if unknown := unknown_inside():
        log.warning("the express lane is off: %s", unknown)
        return Connections(runner.server, config, app[PENDING], tally)
    endpoints = Endpoints(app[STORE], config, guard=app[GUARD], cors=app[CORS], pending=app[PENDING])
    heads = Heads(endpoints.understand, LAYOUT.place)
    return ExpressConnections(runner.server, config, app[PENDING], tally, heads)
