"""What a batch of writes has to do with: read together, decided one after the other, written together.

Rule: whoever decides sees what was decided before it in the same batch, and no statement is carried out
meanwhile: a batch of any size takes a handful of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from scores import exact
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.tables import (
    AT_ONCE,
    EXAMS,
    FEEDS,
    INSPECTORS,
    MARKS,
    RESULTS,
    STATE,
    STUDENTS,
    State,
    Table,
    Total,
    padded,
    removing,
    selecting,
    writing,
)

__all__ = ["Holders", "Ledger", "Sheet"]

K = TypeVar("K")
V = TypeVar("V")

Holders = dict[str, tuple[str, float]]
"""Who has the right to read a feed, and until when by `time.monotonic`: nobody else has the store open."""

_FORGOTTEN: Final = 4
"""Marks that are over and forgotten with each that comes, so that a queue of them becomes shorter."""


class Sheet(Generic[K, V]):
    """The rows of one table that the batch has to do with; None is a row that is not there."""

    __slots__ = ("_stored", "_table", "_wanted", "now")

    def __init__(self, table: Table[K, V]) -> None:
        self._table = table
        self._stored: dict[K, V | None] = {}
        self._wanted: dict[K, None] = {}
        self.now: dict[K, V | None] = {}
        """Each row as it is by now."""

    @property
    def pages(self) -> int:
        """Of the file that a changed row has to do with, about."""
        return self._table.pages

    def want(self, key: K) -> None:
        """Has the row read, if it has not been."""
        if key not in self.now:
            self._wanted[key] = None

    def read(self, connection: Connection) -> None:
        """Reads what is wanted."""
        if not self._wanted:
            return
        table, keys = self._table, list(self._wanted)
        self._wanted = {}
        for at in range(0, len(keys), AT_ONCE):
            some = keys[at : at + AT_ONCE]
            asked = padded(some)
            values = [column for key in asked for column in table.key(key)]
            row = connection.row(selecting(table, len(asked)), values) or ()
            for key, text in zip(some, row, strict=False):
                self.now[key] = self._stored[key] = table.parsed(key, text)

    def write(self, connection: Connection) -> tuple[int, int]:
        """Writes what has changed; says how many more rows there are now, and how many were changed."""
        stored, table = self._stored, self._table
        changed = [(key, value) for key, value in self.now.items() if value != stored[key]]
        rows = [table.row(key, value) for key, value in changed if value is not None]
        gone = [table.key(key) for key, value in changed if value is None]
        _each(connection, writing, table, rows)
        _each(connection, removing, table, gone)
        more = sum(stored[key] is None for key, _ in changed) - len(gone)
        stored.update(changed)
        return more, len(changed)


class Ledger:
    """All sheets of one batch."""

    def __init__(self, connection: Connection, clock: int, holders: Mapping[str, tuple[str, float]]) -> None:
        """`clock` is the time by the store's own clock, in milliseconds."""
        self.connection = connection
        self.clock = clock
        self.holders = holders
        """As of the last batch that was committed."""
        self.granted: Holders = {}
        """What changes of them with this one."""
        self.pages = 0
        """About how many pages are written."""
        self.inspectors = Sheet(INSPECTORS)
        self.students = Sheet(STUDENTS)
        self.exams = Sheet(EXAMS)
        self.results = Sheet(RESULTS)
        self.marks = Sheet(MARKS)
        self.feeds = Sheet(FEEDS)
        self.room = 0
        """Marks that are remembered, if any are wanted."""
        self._state = Sheet(STATE)
        self._remembering = 0
        self._forgotten = 0
        self._noting = False

    def want_mark(self, digest: bytes) -> None:
        """Has the mark looked for, and makes room for one more by forgetting some that are over."""
        self.marks.want(digest)
        self._remembering += 1

    def read(self) -> None:
        """Reads all that is wanted."""
        connection = self.connection
        if self._remembering:
            self._forget()
        for sheet in (self.inspectors, self.students, self.exams, self.results, self.marks, self.feeds):
            sheet.read(connection)

    def change(self, student: str, exam: int, short: int, rest: int) -> None:
        """Adds the parts of a difference to the totals of a student and an exam."""
        _change(self.students.now, student, short, rest)
        _change(self.exams.now, exam, short, rest)

    def write(self) -> None:
        """Writes all that has changed."""
        self._write(self.results)
        self._write(self.feeds)
        more = State(
            students=self._write(self.students),
            exams=self._write(self.exams),
            inspectors=self._write(self.inspectors),
            marks=self._write(self.marks) - self._forgotten,
        )
        if any(more) or self._remembering or self._noting:
            self._forgotten = self._remembering = 0
            state = self._read_state()
            self._state.now[1] = State(
                students=state.students + more.students,
                exams=state.exams + more.exams,
                inspectors=state.inspectors + more.inspectors,
                marks=state.marks + more.marks,
                # What is noted is always a change: a commit of nothing would write nothing.
                clock=max(state.clock + self._noting, self.clock),
            )
            self._write(self._state)

    def note_clock(self) -> None:
        """Has the time written down, as is done with each mark."""
        self._noting = True

    def _write(self, sheet: Sheet[Any, Any]) -> int:
        more, changed = sheet.write(self.connection)
        self.pages += sheet.pages * changed
        return more

    def _forget(self) -> None:
        """Forgets some marks that are over, the oldest first."""
        self._forgotten += self.connection.run(
            "DELETE FROM marks WHERE digest IN"
            " (SELECT digest FROM marks WHERE over <= ? ORDER BY over LIMIT ?)",
            (self.clock, _FORGOTTEN * self._remembering),
        )
        self.room = self._read_state().marks - self._forgotten

    def _read_state(self) -> State:
        self._state.want(1)
        self._state.read(self.connection)
        state = self._state.now[1]
        if state is None:
            raise Failed("the file is damaged: what it says of itself is missing")
        return state


def _change(totals: dict[Any, Total | None], key: object, short: int, rest: int) -> None:
    known = totals[key] or (exact.EMPTY, 0)
    total = known[0] + short, known[1] + rest
    totals[key] = total if exact.count(total[0]) else None


def _each(
    connection: Connection,
    statement: Callable[[Table[Any, Any], int], str],
    table: Table[Any, Any],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    for at in range(0, len(rows), AT_ONCE):
        some = padded(rows[at : at + AT_ONCE])
        connection.run(statement(table, len(some)), [column for row in some for column in row])
