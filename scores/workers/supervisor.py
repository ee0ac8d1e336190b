"""Keeps N workers alive on one listening socket, and serves nothing itself.

Each worker is `subprocess.Popen` of a fresh interpreter: nothing of a running event loop is forked, the
signal mask is inherited as it is (libuv's spawn clears it), and no child watcher is needed, since a
worker's end closes its channel (`process.py`). Rule: the first worker is waited for before the others
start, so that a wrong setting is said once, and ends everything. What worked once is tried again.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

from scores.config import Config
from scores.errors import ConfigError, WorkerRefused
from scores.metrics.board import Board, memory_file
from scores.metrics.layout import LISTENING, PID, RESTARTS
from scores.web.listener import bind, location
from scores.web.routes import LAYOUT
from scores.web.stopping import Stop
from scores.workers.process import IN_USE, WRONG_SETTING, Worker, longest_stop
from scores.workers.restarts import Restarts

__all__ = ["supervised"]

log = logging.getLogger(__name__)


@asynccontextmanager
async def supervised(config: Config, stop: Stop) -> AsyncIterator[str]:
    """Runs `config.workers` servers within `async with`, and gives their one address once one listens.

    Sets `stop` when it cannot go on. Raises `ConfigError`: `WorkerRefused` when a worker has said why.
    """
    if sys.platform == "win32":
        raise ConfigError(
            f"{config.source('workers')}={config.workers} is not allowed on Windows: it must be 1"
        )
    sockets = await bind(config.host, config.port)
    memory = memory_file(LAYOUT, config.workers + 1) if config.metrics else None
    address, supervisor = location(sockets), _Supervisor(config, sockets, stop, memory)
    try:
        await supervisor.begin()
        yield address
    finally:
        # Before the workers', or clients would still be let in when nobody accepts.
        for listening in sockets:
            listening.close()
        if memory is not None:
            # Nobody is started any more, and who counts has it open.
            os.close(memory)
        await supervisor.end()


class _Supervisor:
    """The places of the workers, a task each, and the workers that live."""

    def __init__(
        self, config: Config, sockets: Sequence[socket.socket], stop: Stop, memory: int | None
    ) -> None:
        self._config = config
        self._sockets = sockets
        self._stop = stop
        self._memory = memory
        """Where the workers count, each in its place, and this process after them."""
        self._board = Board.of_one(LAYOUT) if memory is None else Board.shared(LAYOUT, memory)
        self._row = self._board.row(-1)
        self._row[PID] = os.getpid()
        self._listening = asyncio.Event()
        self._workers: set[Worker] = set()
        self._places: list[asyncio.Task[NoReturn]] = []

    async def begin(self) -> None:
        """Starts the workers; returns when one listens, or when there is no use waiting for it."""
        first = asyncio.Event()
        first.set()
        for number, turn in enumerate((first, *[self._listening] * (self._config.workers - 1))):
            place = asyncio.create_task(self._keep(number, turn), name="worker")
            place.add_done_callback(lambda _: self._stop.set())
            self._places.append(place)
        await _any(self._listening, self._stop)
        self._check()

    async def end(self) -> None:
        """Stops the workers, and raises what had ended a place."""
        for place in self._places:
            place.cancel()
        await asyncio.wait(self._places)
        if self._workers:
            log.info("stopping: finishing what is in flight")
        for worker in self._workers:
            worker.terminate()
        ends = {asyncio.create_task(worker.ended()): worker for worker in self._workers}
        if ends:
            hurrying = asyncio.create_task(self._hurry())
            _, late = await asyncio.wait(ends, timeout=longest_stop(self._config))
            hurrying.cancel()
            await asyncio.wait([hurrying])
            for end in late:
                log.warning("worker %d has not stopped in time, and is killed", ends[end].pid)
                ends[end].kill()
            await asyncio.gather(*ends)
        self._check()

    async def _hurry(self) -> None:
        """Passes on that nobody is to be waited for."""
        await self._stop.hurry.wait()
        for worker in self._workers:
            worker.hurry()

    def _check(self) -> None:
        for place in self._places:
            if place.done() and not place.cancelled():
                place.result()

    async def _keep(self, place: int, turn: asyncio.Event) -> NoReturn:
        """Keeps one place filled."""
        await turn.wait()
        restarts = Restarts()
        while True:
            restarts.begin()
            try:
                worker = Worker.start(self._config, self._sockets, memory=self._memory, place=place)
            except OSError as exc:
                end = f"no worker can be started: {exc}"
            else:
                end = await self._accompany(worker)
                if self._memory is not None:
                    self._board.clear(place)
            self._row[RESTARTS] += 1
            wait = restarts.wait()
            log.error("%s; the next one starts in %.1f s", end, wait)
            await asyncio.sleep(wait)

    async def _accompany(self, worker: Worker) -> str:
        """Goes with a worker to its end, and says what that was."""
        self._workers.add(worker)
        listened = await worker.ready()
        if listened:
            log.info("worker %d is listening", worker.pid)
            self._listening.set()
            self._row[LISTENING] += 1
        status = await worker.ended()
        self._row[LISTENING] -= listened
        self._workers.discard(worker)
        if status in (WRONG_SETTING, IN_USE) and not self._listening.is_set():
            raise WorkerRefused(f"worker {worker.pid} has found a setting wrong", passing=status == IN_USE)
        return f"worker {worker.pid} {_describe(status)}"


def _describe(status: int) -> str:
    if status >= 0:
        return f"has ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


async def _any(*events: asyncio.Event) -> None:
    """Waits for the first of these events."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
