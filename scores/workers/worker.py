"""What a worker does: serve on the sockets it has inherited, as long as the supervisor lives.

Rule: it stops in order for SIGTERM, for SIGINT, and when the supervisor is gone; nobody is then left to
kill a worker that does not come to its end, so it does that itself. It may hear of one Ctrl-C twice, from
the terminal and from the supervisor, so only what the supervisor sends ends a drain.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress

from scores.config import Config
from scores.errors import ConfigError
from scores.metrics.board import Board
from scores.settling import settle
from scores.web.routes import LAYOUT
from scores.web.server import running
from scores.web.stopping import Stop, stop_on_signal
from scores.workers.process import STOP_SIGNALS, longest_stop

__all__ = ["work"]

log = logging.getLogger(__name__)


async def work(
    config: Config, channel: int, listening: Sequence[int], *, memory: int | None = None, place: int = 0
) -> None:
    """Serves until it is stopped; `channel`, `listening` and `memory` are file descriptors it has inherited.

    In the memory all workers count, each in its place.
    """
    stop = stop_on_signal(hurries=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    supervisor, *sockets = map(_inherited, (channel, *listening))
    watching = asyncio.create_task(_watch(supervisor, stop, longest_stop(config)))
    try:
        board = None if memory is None else _board(memory)
        async with running(
            config, stop=stop, sockets=sockets, board=board, place=0 if board is None else place
        ):
            settle()
            with suppress(ConnectionError):
                # The supervisor may be gone, which is what is watched for.
                supervisor.send(b"\n")
            await stop.wait()
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(supervisor: socket.socket, stop: Stop, patience: float) -> None:
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(supervisor, 1):
        stop.hurry.set()
    loop.call_later(patience, _give_up)
    log.warning("the supervisor is gone: stopping")
    stop.set()


def _give_up() -> None:
    log.error("not stopped in time: ending at once")
    os._exit(1)


def _board(memory: int) -> Board | None:
    try:
        return Board.shared(LAYOUT, memory)
    except ValueError as exc:
        # Another version of the server was installed while this one ran.
        log.warning("this worker counts for itself only: %s", exc)
        return None
    finally:
        os.close(memory)


def _inherited(descriptor: int) -> socket.socket:
    try:
        inherited = socket.socket(fileno=descriptor)
    except OSError as exc:
        raise ConfigError("`scores worker` is started by `scores serve --workers`, not by hand") from exc
    inherited.setblocking(False)
    return inherited
