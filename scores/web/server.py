"""A server's life: listen, answer, and go down without breaking anything off.

Rule: leaving `running` drains, stops accepting, lets what is in flight finish, then ends the feed after
its last write and closes the store, in this order, within `drain`, `shutdown_timeout` and a little more.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
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
from scores.web.keys import CORS, DRAIN, GUARD, PENDING, STORE
from scores.web.listener import accepting, bind, location
from scores.web.metrics import METRICS
from scores.web.parting import part
from scores.web.routes import LAYOUT
from scores.web.stopping import Stop

__all__ = ["make_connections", "running"]

log = logging.getLogger(__name__)

_LAST_CALL: Final = 0.1
"""Seconds in which a client that is at work learns, by its next answer, that its connection ends."""

_PARTING: Final = 0.5
"""Seconds in which what a client sent before it learned of the end has come."""


@asynccontextmanager
async def running(
    config: Config,
    *,
    stop: Stop | None = None,
    sockets: Sequence[socket.socket] = (),
    board: Board | None = None,
    place: int = 0,
) -> AsyncIterator[str]:
    """Runs a server within `async with`, and gives its address, `http://host:port`.

    It serves on `sockets`, which listen already, and closes them; without any it listens where the
    settings say. What is counted goes to its place on the board, or to one of its own. `stop` gives up a
    start without `sockets`, and its `hurry` a drain. Raises `ConfigError` when it cannot listen there, or
    for a setting that is wrong, and `Stopped` for a start that was given up.
    """
    stop = stop or Stop()
    runner = web.AppRunner(create_app(config, board, place), shutdown_timeout=config.shutdown_timeout)
    # Clients may wait already at sockets that listen: who has been given some lets them in before it ends.
    with nullcontext() if sockets else stop.giving_up():
        await runner.setup()
    try:
        sockets = sockets or await bind(config.host, config.port)
        connections = make_connections(runner, config)
        async with accepting(connections, sockets):
            yield location(sockets)
            connections.closing = True
            await runner.app[DRAIN].begin(stop.hurry)
        if connections.open:
            await asyncio.sleep(min(_LAST_CALL, config.shutdown_timeout))
            left = cast(list[Connection], connections.server.connections)
            await part(left, min(_PARTING, config.shutdown_timeout))
    finally:
        await runner.cleanup()


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
