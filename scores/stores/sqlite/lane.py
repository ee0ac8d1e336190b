"""A thread that works for the event loop: it takes all that waits, and what comes of that is told together.

While it works the next batch gathers. Rule: callers are answered in the order in which
their jobs were taken, in one turn of the loop, and one that goes away takes only its own answer along.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from scores.errors import OutcomeUnknown, StoreBusy, StoreError
from scores.stores.observed import Watcher
from scores.stores.sqlite.gathering import Gathering

__all__ = ["Job", "Lane", "Worker"]

log = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 30.0
"""How long what waits may take when the lane is closed; a disk that does not answer is then left alone."""


class Job:
    """Something to be done, what came of it, and where that goes."""

    __slots__ = ("answer", "outcome", "task", "weight")

    def __init__(self, task: Any, weight: int, answer: "asyncio.Future[Any]") -> None:
        self.task = task
        self.weight = weight
        """How many it counts for where a number of them is limited."""
        self.answer = answer
        self.outcome: Any = None
        """The answer, or a `StoreError`, as an outcome and not as an item of one."""


class Worker(Protocol):
    """What is done in a lane's thread; nothing of it raises."""

    def work(self, jobs: Sequence[Job]) -> bool:
        """Gives each job its outcome; says whether they were carried out."""
        ...

    def rest(self) -> None:
        """Does what has to be done between two batches, when the first one's answers are on their way."""
        ...

    def end(self) -> None:
        """Does what has to be done when the lane is closed."""
        ...


class Lane:
    """One thread, with what waits for it."""

    def __init__(
        self, name: str, worker: Worker, *, limit: int, most: int, gathering: Gathering | None = None
    ) -> None:
        """`limit` is the weight that may wait; `most` that of one batch, unless one job weighs more.

        With `gathering` a batch may wait for who is likely to come.
        """
        self._worker = worker
        self._limit = limit
        self._most = most
        self._waiting = deque[Job]()
        self._weight = 0
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._ringing = False
        self._asleep = False
        self._wake_at = 1
        """How many have to wait before a sleeping thread is woken."""
        self._gathering = gathering
        self._closed = False
        self._bell = SimpleQueue[None]()
        self.watcher: Watcher | None = None
        """Who is told of the batches."""
        # It does not keep a process alive whose disk does not answer.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, task: Any, weight: int = 1) -> "asyncio.Future[Any]":
        """What comes of the task, when it has been done; `StoreBusy` when too much waits already."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._closed:
            answer.set_exception(StoreError("the store is closed"))
        elif self._weight and self._weight + weight > self._limit:
            if self.watcher is not None:
                self.watcher.refused()
            answer.set_exception(StoreBusy(f"{self._weight} requests wait for the store already"))
        else:
            self._weight += weight
            self._waiting.append(Job(task, weight, answer))
            if not self._ringing:
                # What else this turn of the loop asks for is done together with it.
                self._ringing = True
                self._loop.call_soon(self._ring)
        return answer

    async def close(self) -> bool:
        """Has what waits done, and ends the thread; says whether it has ended."""
        self._closed = True
        self._bell.put(None)
        await asyncio.wait([self._ended], timeout=CLOSE_SECONDS)
        if not self._ended.done():
            log.error("store: the disk has not answered for %g s; it is not waited for", CLOSE_SECONDS)
            return False
        self._thread.join()
        return True

    def _ring(self) -> None:
        self._ringing = False
        if self._asleep and len(self._waiting) >= self._wake_at:
            self._bell.put(None)

    def _run(self) -> None:
        while True:
            batch = self._take()
            if batch:
                watcher = self.watcher
                started = 0.0 if watcher is None else watcher.start()
                began = time.monotonic()
                done = self._do(batch)
                seconds, waiting = time.monotonic() - began, len(self._waiting)
                self._tell(self._deliver, batch, started, done)
                self._try(self._worker.rest)
                if self._gathering is not None:
                    self._gathering.answered(len(batch), waiting, seconds)
                    self._gather(self._gathering)
                continue
            if self._closed:
                break
            self._sleep(1)
        self._try(self._worker.end)
        self._tell(self._ended.set_result, None)

    def _gather(self, gathering: Gathering) -> None:
        """Waits for those who are likely to come, if it is worth it."""
        wanted, seconds = gathering.pause()
        if seconds and not self._closed:
            self._sleep(min(wanted, self._most), seconds)
            gathering.ended(len(self._waiting))

    def _sleep(self, wanted: int, seconds: float | None = None) -> None:
        """Waits until so many wait, or for so many seconds."""
        self._wake_at, self._asleep = wanted, True
        # Whoever came before it was known that this sleeps has not rung.
        if len(self._waiting) < wanted:
            with suppress(Empty):
                self._bell.get(timeout=seconds)
        self._asleep = False

    def _do(self, batch: Sequence[Job]) -> bool:
        # What nobody waits for any more is not begun.
        wanted = [job for job in batch if not job.answer.done()]
        try:
            return self._worker.work(wanted)
        except Exception:
            # A bug, which is logged whole; nobody must wait for ever.
            log.exception("store: unexpected error")
            for job in wanted:
                job.outcome = OutcomeUnknown(
                    "it is not known whether this was recorded: the store has failed"
                )
            return False

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception:
            # Likewise: the thread goes on.
            log.exception("store: unexpected error")

    def _take(self) -> list[Job]:
        waiting, weight, batch = self._waiting, 0, list[Job]()
        while waiting and (not batch or weight + waiting[0].weight <= self._most):
            batch.append(waiting.popleft())
            weight += batch[-1].weight
        return batch

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:
            # The loop is closed: nobody waits.
            log.debug("store: its event loop has ended")

    def _deliver(self, batch: Sequence[Job], started: float, done: bool, /) -> None:
        weight = sum(job.weight for job in batch)
        self._weight -= weight
        for job in batch:
            if job.answer.done():
                continue
            if isinstance(job.outcome, StoreError):
                job.answer.set_exception(job.outcome)
            else:
                job.answer.set_result(job.outcome)
        if self.watcher is not None:
            self.watcher.sent(weight, started)
            if not done:
                self.watcher.failed()
