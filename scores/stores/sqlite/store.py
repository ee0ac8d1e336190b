"""The store in a file: each method a job for the thread that writes, or for the one that reads."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from scores.errors import ConfigError, InUse, LeaseLost, OutcomeUnknown, StoreError
from scores.marks import Mark
from scores.models import (
    Exam,
    ExamReport,
    Inspector,
    Key,
    Lease,
    Outcome,
    Page,
    Repeats,
    Result,
    Score,
    Student,
    StudentKey,
    StudentReport,
)
from scores.stores.base import Store
from scores.stores.observed import Watcher
from scores.stores.sqlite import views
from scores.stores.sqlite.checking import opened
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.gathering import Gathering
from scores.stores.sqlite.lane import Lane
from scores.stores.sqlite.lock import locked
from scores.stores.sqlite.options import Options, parse_options
from scores.stores.sqlite.reader import Reader
from scores.stores.sqlite.requests import (
    CLEARED_AT_ONCE,
    Add,
    Ask,
    ClearStudent,
    Put,
    Record,
    Remove,
    Request,
)
from scores.stores.sqlite.writer import Clock, Writer

__all__ = ["SqliteStore", "open_sqlite"]

log = logging.getLogger(__name__)

_WRITTEN_AT_ONCE: Final = 1024
"""Scores and results of one transaction, unless one call has more."""
_CALLED_AT_ONCE: Final = 4096
"""Scores and results of one call that go into one transaction."""
_INTERRUPTED_EVERY: Final = 0.02
"""Seconds between two tries to end what looks through a file that nobody waits for any more."""
_READ_AT_ONCE: Final = 16
"""Reads whose answers are told together."""

T = TypeVar("T")


@asynccontextmanager
async def open_sqlite(url: str) -> AsyncIterator[Store]:
    """Opens the file that the URL names, or makes it if it may be made; see `options` for the URL.

    Raises `ConfigError` for a URL that is wrong, and for a file that cannot be used, `InUse` while another
    process has it.
    """
    options = parse_options(url)
    path = _real(options.path)
    with _said_of(path), ExitStack() as opening:
        opening.enter_context(locked(path, create=options.create))
        writing = await _opened(path, options.check)
        opening.callback(writing.close)
        reading = Connection(path, create=False)
        opening.callback(reading.close)
        reading.set_up(write=False)
        writer = Writer(writing, path, Clock(views.state(reading).clock))
        held = opening.pop_all()
    store = SqliteStore(writer, Reader(reading), options)
    try:
        yield store
    finally:
        # A thread that waits for its disk has the file, and so the lock, for as long as the process lives.
        if await store.close():
            held.close()


class SqliteStore:
    """A store in a file that this process has open."""

    shared: Final = False
    add_now: Final = None

    def __init__(self, writer: Writer, reader: Reader, options: Options) -> None:
        self._writes = Lane(
            "scores-writer", writer, limit=options.queue, most=_WRITTEN_AT_ONCE, gathering=Gathering()
        )
        self._reads = Lane("scores-reader", reader, limit=options.queue, most=_READ_AT_ONCE)

    def observe(self, *, reads: Watcher, writes: Watcher) -> None:
        """As `Observed.observe`."""
        self._reads.watcher, self._writes.watcher = reads, writes

    async def close(self) -> bool:
        """Has what waits done, and leaves one file; says whether the disk has let it."""
        # The one that writes is the last: it takes the log away.
        return await self._reads.close() and await self._writes.close()

    async def record(
        self, results: Sequence[Result], *, repeats: Repeats, lease: Lease | None = None
    ) -> list[Outcome]:
        if len(results) <= _CALLED_AT_ONCE:
            whole: list[Outcome] = await self._write(Record(results, repeats, lease))
            return whole
        outcomes: list[Outcome] = []
        for some in _parts(results):
            with _said_of_the_rest(len(outcomes), len(results), "results"):
                outcomes += await self._write(Record(some, repeats, lease))
        return outcomes

    async def lease(
        self, feed: str, holder: str, *, seconds: float, position: str | None = None
    ) -> Lease | None:
        lease: Lease | None = await self._write(Ask(feed, holder, seconds, position))
        return lease

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        if len(scores) <= _CALLED_AT_ONCE:
            return await self._add(scores, marks)
        answers: list[Inspector | StoreError] = []
        for at, some in enumerate(_parts(scores)):
            answers += await self._add(some, marks[at * _CALLED_AT_ONCE : (at + 1) * _CALLED_AT_ONCE])
        return answers

    async def restore(self, inspectors: Sequence[Inspector]) -> None:
        """As `Restoring.restore`."""
        done = 0
        for some in _parts(inspectors):
            with _said_of_the_rest(done, len(inspectors), "inspectors"):
                await self._write(Put(some))
            done += len(some)

    async def remove(self, key: Key) -> bool:
        if not isinstance(key, StudentKey):
            known: bool = await self._write(Remove(key))
            return known
        removed: int = await self._write(ClearStudent(key))
        count = removed
        try:
            while count == CLEARED_AT_ONCE:
                count = await self._write(ClearStudent(key))
        except StoreError as exc:
            raise OutcomeUnknown(f"some of the student's results are removed, and not all: {exc}") from exc
        return removed > 0

    async def student(
        self, student_id: str, *, exams: Collection[int] = (), after: str | None = None, limit: int
    ) -> StudentReport | None:
        above = views.exam_position(after)
        return await self._read(lambda one: views.student(one, student_id, exams, above, limit))

    async def exam(
        self, exam: int, *, students: Collection[str] = (), after: str | None = None, limit: int
    ) -> ExamReport | None:
        above = views.text_position(after)
        return await self._read(lambda one: views.exam(one, exam, students, above, limit))

    async def inspector(self, uuid: str) -> Inspector | None:
        return await self._read(lambda one: views.inspector(one, uuid))

    async def students(self, *, after: str | None = None, limit: int) -> Page[Student]:
        above = views.text_position(after)
        return await self._read(lambda one: views.students(one, above, limit))

    async def exams(self, *, after: str | None = None, limit: int) -> Page[Exam]:
        above = views.exam_position(after)
        return await self._read(lambda one: views.exams(one, above, limit))

    async def inspectors(self, *, after: str | None = None, limit: int) -> Page[Inspector]:
        above = views.text_position(after)
        return await self._read(lambda one: views.inspectors(one, above, limit))

    async def _add(
        self, scores: Sequence[Score], marks: Sequence[Mark | None]
    ) -> list[Inspector | StoreError]:
        try:
            answers: list[Inspector | StoreError] = await self._writes.ask(Add(scores, marks), len(scores))
        except StoreError as exc:
            return [exc.with_traceback(None)] * len(scores)
        return answers

    def _write(self, request: Request) -> "asyncio.Future[Any]":
        return self._writes.ask(request, request.weight)

    async def _read(self, reading: Callable[[Connection], T]) -> T:
        found: T = await self._reads.ask(reading)
        return found


async def _opened(path: Path, check: str) -> Connection:
    """As `opened`, in a thread of its own: to look through a large file takes long, and can be given up."""
    begun = list[Connection]()
    looking = asyncio.get_running_loop().run_in_executor(None, opened, path, check, begun.append)
    try:
        return await asyncio.shield(looking)
    except asyncio.CancelledError:
        while not looking.done():
            for connection in begun:
                connection.interrupt()
            with suppress(asyncio.CancelledError):
                # An interruption between two statements hits none.
                await asyncio.wait([looking], timeout=_INTERRUPTED_EVERY)
        if looking.exception() is None:
            looking.result().close()
        raise


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), _CALLED_AT_ONCE):
        yield items[at : at + _CALLED_AT_ONCE]


@contextmanager
def _said_of_the_rest(done: int, of: int, what: str) -> Iterator[None]:
    """Has an error of a later part not say that nothing was recorded: some of the call was."""
    try:
        yield
    except LeaseLost:
        # Which says no such thing.
        raise
    except StoreError as exc:
        if not done:
            raise
        raise OutcomeUnknown(f"the first {done} of {of} {what} are recorded; of the others: {exc}") from exc


def _real(path: Path) -> Path:
    """The path by which every other way to the file leads to it."""
    try:
        real = path.resolve()
        if real.parent.is_dir():
            return real
    except (OSError, RuntimeError) as exc:
        raise _refused(path, f"its path leads nowhere ({exc})") from exc
    raise _refused(path, f"there is no directory {str(real.parent)!a}: make it first")


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Has what is wrong with the file say which file it is."""
    try:
        yield
    except InUse as exc:
        raise InUse(_sentence(path, str(exc))) from exc
    except (ConfigError, Failed) as exc:
        raise _refused(path, str(exc)) from exc
    except OSError as exc:
        raise _refused(path, f"{exc.strerror or exc}") from exc


def _refused(path: Path, reason: str) -> ConfigError:
    return ConfigError(_sentence(path, reason))


def _sentence(path: Path, reason: str) -> str:
    return f"the store's file {str(path)!a} cannot be used: {reason}"
