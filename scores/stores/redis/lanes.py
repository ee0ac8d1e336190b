"""Requests that wait at the same moment, and go out together.

Each request is for a unit (a shard, or everything). A lane takes what waits for the units of one node and
sends it as one batch, while the next one gathers: a lone request is sent at once, and no timer delays
any. A unit that has to wait for its slot goes on in a lane of its own. Rule: a unit is in one batch at a
time, and a client that goes away takes only its own request along.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from scores.errors import OutcomeUnknown, StoreBusy, StoreError
from scores.stores.observed import Watcher

__all__ = ["Batch", "Lanes", "Request"]

log = logging.getLogger(__name__)

MAX_WEIGHT: Final = 512
"""Of the requests of a unit in one batch, so that no script keeps Redis busy for more than milliseconds."""

CLOSE_SECONDS: Final = 3.0
"""How long batches that are under way may take when the lanes are closed."""


class Request(NamedTuple):
    """What is asked, and where the answer goes."""

    arguments: Sequence[str | bytes | int]
    answer: "asyncio.Future[Any]"
    weight: int
    """What it costs Redis; adding one score is 1, about two microseconds."""
    operations: int | None = None
    """How many operations the arguments are, if the answer is to be the list of their replies."""

    @property
    def size(self) -> int:
        """How many requests it counts for where a number of them is limited."""
        return 1 if self.operations is None else self.operations


Batch = dict[int, list[Request]]
"""Requests by unit."""


class Lanes:
    """Lanes to all nodes, over a number of units."""

    def __init__(
        self,
        *,
        route: Callable[[int], str],
        send: Callable[[str, Batch, bool], Awaitable[set[int]]],
        limit: int,
    ) -> None:
        """`route` names the node of a unit.

        `send` answers all requests of a batch, or fails them. It may leave some units out, unless the
        last argument is true: these are sent once more, each apart from all others.
        """
        self._route = route
        self._send = send
        self._limit = limit
        self._waiting: dict[int, deque[Request]] = {}
        self._count = 0
        self._busy: set[int] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._scheduled = False
        self._closed = False
        self.watcher: Watcher | None = None
        """Who is told of the batches."""

    def ask(
        self,
        unit: int,
        arguments: Sequence[str | bytes | int],
        weight: int = 1,
        *,
        operations: int | None = None,
    ) -> "asyncio.Future[Any]":
        """The answer, when it comes; `StoreBusy` when too many requests wait already."""
        request = Request(arguments, self._loop.create_future(), weight, operations)
        if self._closed:
            request.answer.set_exception(StoreError("the store is closed"))
            return request.answer
        if self._count + request.size > self._limit:
            if self.watcher is not None:
                self.watcher.refused()
            request.answer.set_exception(StoreBusy(f"{self._count} requests wait for the store already"))
            return request.answer
        self._waiting.setdefault(unit, deque()).append(request)
        self._count += request.size
        if not self._scheduled:
            # What else this turn of the loop asks for goes out together with it.
            self._scheduled = True
            self._loop.call_soon(self._start)
        return request.answer

    async def close(self) -> None:
        """Lets the batches that are under way finish, and fails what still waits."""
        self._closed = True
        for unit in list(self._waiting):
            self.fail_waiting(unit, "the store is closed")
        give_up = self._loop.time() + CLOSE_SECONDS
        while self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=max(0, give_up - self._loop.time()))
            for task in late:
                task.cancel()

    def fail_waiting(self, unit: int, reason: str) -> None:
        """Fails what waits for the unit and was never sent, since a batch for it was given up."""
        if self.watcher is not None and not self._closed:
            self.watcher.failed()
        requests = self._waiting.pop(unit, ())
        self._count -= sum(request.size for request in requests)
        for request in requests:
            if not request.answer.done():
                request.answer.set_exception(StoreError(reason))

    def _start(self) -> None:
        self._scheduled = False
        batches: dict[str, Batch] = {}
        for unit in [unit for unit in self._waiting if unit not in self._busy]:
            route = self._route(unit)
            if route not in self._tasks:
                batches.setdefault(route, {})[unit] = self._take(unit)
        for route, batch in batches.items():
            self._busy |= batch.keys()
            self._launch(route, batch, apart=False)

    def _take(self, unit: int) -> list[Request]:
        waiting, weight, requests = self._waiting[unit], 0, list[Request]()
        while waiting and (not requests or weight + waiting[0].weight <= MAX_WEIGHT):
            requests.append(waiting.popleft())
            weight += requests[-1].weight
        if not waiting:
            del self._waiting[unit]
        self._count -= sum(request.size for request in requests)
        # Whoever has gone away before anything was sent has asked for nothing.
        return [request for request in requests if not request.answer.done()]

    def _launch(self, lane: str, batch: Batch, *, apart: bool) -> None:
        self._tasks[lane] = self._loop.create_task(self._run(lane, batch, apart=apart))

    async def _run(self, lane: str, batch: Batch, *, apart: bool) -> None:
        left: set[int] = set()
        watcher = self.watcher
        started = 0.0 if watcher is None else watcher.start()
        try:
            left = await self._send(self._route(next(iter(batch))) if apart else lane, batch, apart)
        except BaseException as exc:
            # Nobody must wait for ever, because of a bug (logged whole) or because the store is closed.
            for request in chain.from_iterable(batch.values()):
                if not request.answer.done():
                    request.answer.set_exception(
                        OutcomeUnknown("the store has stopped, and it is not known whether this was recorded")
                    )
            if not isinstance(exc, Exception):
                raise
            log.exception("store: unexpected error")
        finally:
            done = chain.from_iterable(batch[unit] for unit in batch.keys() - left)
            if watcher is not None and (size := sum(request.size for request in done)):
                watcher.sent(size, started)
            del self._tasks[lane]
            self._busy -= batch.keys() - left
            for unit in left:
                # No node is called that.
                self._launch(f"unit {unit}", {unit: batch[unit]}, apart=True)
            if self._waiting and not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._start)
