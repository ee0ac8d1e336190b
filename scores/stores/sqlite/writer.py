"""All writes, in one thread: what waits goes into one transaction, and is answered when that is on the disk.

Rule: nobody is told that something is recorded before COMMIT has returned, which has waited for fsync (WAL
with synchronous=FULL). What fails before COMMIT has changed nothing. When COMMIT itself fails, its part of
the log may be whole, and a crash could bring it back; once another commit is written over it, it is gone.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from scores.errors import OutcomeUnknown, StoreError
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.lane import Job
from scores.stores.sqlite.ledger import Holders, Ledger
from scores.stores.sqlite.requests import ClearStudent, Request

__all__ = ["Clock", "Writer"]

log = logging.getLogger(__name__)

CHECKPOINT_PAGES: Final = 4000
"""About as many pages in the log as make it time to copy them into the file."""
_STUBBORN: Final = 8
"""When it has become so many times as long, whoever still reads in it is waited for."""
_STUBBORN_SECONDS: Final = 0.05
"""And for how long: nobody's write is done meanwhile."""


class Clock:
    """The store's own time, in milliseconds, which goes on while a server runs.

    No wall clock, which may jump: a mark must not be forgotten early.
    """

    def __init__(self, start: int, now: Callable[[], float] = time.monotonic) -> None:
        """`start` is where it stood when it was last written down."""
        self._start = start
        self._now = now
        self._opened = now()

    def __call__(self) -> int:
        return self._start + int((self._now() - self._opened) * 1000)


class Writer:
    """Does what a lane hands it, all of it in that lane's thread."""

    def __init__(self, connection: Connection, path: Path, clock: Clock) -> None:
        self._connection: Connection | None = connection
        self._path = path
        self._clock = clock
        self._holders: Holders = {}
        # Who was killed has left a log, which grows with each that is killed before it has copied it.
        self._pages = CHECKPOINT_PAGES
        """About how many have been written since the log was last copied."""
        self._files = _files(path)
        self._trouble = ""
        self._stuck = False

    def work(self, jobs: Sequence[Job]) -> bool:
        """Carries out the tasks, which are requests, in one transaction; says whether it could."""
        if not jobs:
            return True
        if _files(self._path) != self._files:
            # What is recorded can still be brought into the file by the connection that is open.
            self._complain(_MOVED)
            for job in jobs:
                job.outcome = StoreError(f"nothing was recorded: {_MOVED}")
            return False
        try:
            connection = self._connected()
            ledger = Ledger(connection, self._clock(), self._holders)
            outcomes = _decided(ledger, [job.task for job in jobs])
        except Failed as exc:
            self._give_up(jobs, exc, StoreError, f"nothing was recorded: {exc}")
            return False
        except Exception as exc:
            # A bug: nobody must wait for ever.
            log.exception("store: unexpected error")
            self._give_up(jobs, exc, StoreError, "nothing was recorded: the store has failed")
            return False
        try:
            connection.run("COMMIT")
        except Failed as exc:
            if self._settled(exc):
                self._give_up(jobs, exc, StoreError, f"nothing was recorded: {exc}")
            else:
                self._give_up(jobs, exc, OutcomeUnknown, f"it is not known whether this was recorded: {exc}")
            return False
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.outcome = outcome
        self._holders.update(ledger.granted)
        self._pages += ledger.pages
        if self._trouble:
            self._trouble = ""
            log.warning("store: it records again")
        return True

    def rest(self) -> None:
        """Copies the log into the file when it is time, so that it begins anew: after the answers are out."""
        if self._pages < CHECKPOINT_PAGES:
            return
        self._pages = 0
        try:
            connection = self._connected()
            _, pages, copied = self._copy_log(connection, "PASSIVE")
            if copied < pages and pages > _STUBBORN * CHECKPOINT_PAGES:
                connection.wait(_STUBBORN_SECONDS)
                busy, *_ = self._copy_log(connection, "RESTART")
                connection.wait()
                if busy and not self._stuck:
                    log.warning(
                        "store: another program reads in the file: its log, %d pages, grows meanwhile", pages
                    )
                self._stuck = bool(busy)
        except Failed as exc:
            # All of it stays in the log, where it is as safe.
            self._drop()
            self._complain(f"the log cannot be copied into the file: {exc}")

    def end(self) -> None:
        """Leaves everything in the one file, unless the disk is in the way: then in the log beside it."""
        try:
            connection = self._connected()
            ledger = Ledger(connection, self._clock(), self._holders)
            ledger.note_clock()
            _decided(ledger, [])
            connection.run("COMMIT")
            self._copy_log(connection, "TRUNCATE")
        except Failed as exc:
            self._complain(f"what is recorded stays in the log beside the file: {exc}")
        self._drop()

    def _copy_log(self, connection: Connection, mode: str) -> tuple[Any, ...]:
        return connection.row(f"PRAGMA wal_checkpoint({mode})") or (0, 0, 0)

    def _connected(self) -> Connection:
        if self._connection is None:
            if _file(self._path) != self._files[0]:
                raise Failed(_MOVED)
            connection = Connection(self._path, create=False)
            try:
                connection.set_up(write=True)
            except Failed:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        """Closes the connection, with whatever it believes of the file; a transaction is undone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _settled(self, exc: Failed) -> bool:
        """Whether it is certain, or can be made so, that nobody will see what COMMIT has failed to write.

        The reader's connection stays open meanwhile, so nobody reads the log anew, from its file.
        """
        self._drop()
        if exc.full:
            # The commit's own mark is the last that is written: it is not there.
            return True
        try:
            connection = self._connected()
            ledger = Ledger(connection, self._clock(), self._holders)
            ledger.note_clock()
            _decided(ledger, [])
            connection.run("COMMIT")
        except Failed:
            return False
        return True

    def _give_up(self, jobs: Sequence[Job], exc: Exception, kind: type[StoreError], text: str) -> None:
        self._drop()
        if isinstance(exc, Failed) and exc.full:
            # A log that has been copied begins anew, in the room that it has.
            self._pages = CHECKPOINT_PAGES
        self._complain(str(exc) or type(exc).__name__)
        for job in jobs:
            job.outcome = kind(text)

    def _complain(self, text: str) -> None:
        """Logs it, if it is new."""
        if text != self._trouble:
            self._trouble = text
            log.error("store: %s", text)


_MOVED: Final = "the file, or the log beside it, has been moved, removed or replaced: stop the server"


def _files(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files have the names of the database and of its log."""
    return _file(path), _file(path.with_name(path.name + "-wal"))


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _decided(ledger: Ledger, requests: Sequence[Request]) -> list[Any]:
    """What comes of each request; all that changes is written, and not committed."""
    outcomes: list[Any] = []
    ledger.connection.run("BEGIN IMMEDIATE")
    for part in _parts(requests):
        for request in part:
            request.want(ledger)
        ledger.read()
        outcomes += [request.decide(ledger) for request in part]
        ledger.write()
    return outcomes


def _parts(requests: Sequence[Request]) -> Iterator[Sequence[Request]]:
    """The requests, cut where what one has to do with can be known only when those before it are written."""
    part: list[Request] = []
    for request in requests:
        if isinstance(request, ClearStudent):
            yield from (part, [request])
            part = []
        else:
            part.append(request)
    yield part
