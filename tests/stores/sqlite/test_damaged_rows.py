"""A row that is not as it was written: whoever meets it is told so, and nobody takes it for none.

Rule: each row is changed as a disk might, behind the store's back; what would be lost if it were taken for none is a count
that begins anew, or a score that is counted twice.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scores.errors import ConfigError, StoreError
from scores.models import Repeats, Result, Score
from scores.testing import open_blocking
from scores.testing.marks import mark_of

SCORE = Score("a1-b1", 5)

Ask = Callable[[Any], Any]

COUNTED = "UPDATE inspectors SET packed = packed + 1"
STUDIED = "UPDATE students SET total = replace(total, '1 ', '2 ')"
SUMMED = "UPDATE exams SET total = 'x' || total"
SCORED = "UPDATE results SET bits = bits + 1"
MARKED = "UPDATE marks SET packed = packed + 1"
READ = "UPDATE feeds SET position = 'event 18'"


def record(store: Any) -> object:
    return store.record([Result("foo", 3, 0.25)], repeats=Repeats.LAST)


@pytest.mark.parametrize(
    ("damage", "ask"),
    [
        (COUNTED, lambda store: store.inspector("a1-b1")),
        (COUNTED, lambda store: store.inspectors(limit=9)),
        (COUNTED, lambda store: store.add([SCORE])),
        (STUDIED, lambda store: store.student("foo", limit=9)),
        (STUDIED, lambda store: store.students(limit=9)),
        (STUDIED, record),
        (SUMMED, lambda store: store.exam(3, limit=9)),
        (SUMMED, record),
        (SCORED, lambda store: store.exam(3, limit=9)),
        (SCORED, lambda store: store.student("foo", limit=9)),
        (SCORED, record),
        (MARKED, lambda store: store.add([SCORE], marks=[mark_of(SCORE, "k")])),
        (READ, lambda store: store.lease("http://feed", "me", seconds=60)),
    ],
)
def test_who_meets_it_is_told_and_it_stays_as_it_is(file: Path, damage: str, ask: Ask) -> None:
    with open_blocking(f"sqlite:{file}") as store:
        store.record([Result("foo", 3, 0.5)], repeats=Repeats.LAST)
        store.add([SCORE], marks=[mark_of(SCORE, "k")])
        store.lease("http://feed", "me", seconds=0, position="event 17")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        assert other.execute(damage).rowcount == 1
        damaged = rows(other)
    with open_blocking(f"sqlite:{file}?check=off") as store:
        try:
            (found,) = ask(store)
        except StoreError as exc:
            found = exc
        assert isinstance(found, StoreError)
        assert "the file is damaged" in str(found)
    with closing(sqlite3.connect(file)) as other:
        assert rows(other) == damaged


def test_a_file_that_says_of_itself_what_it_did_not_is_not_opened(file: Path) -> None:
    with open_blocking(f"sqlite:{file}"):
        pass
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("UPDATE state SET inspectors = inspectors + 1")
    with pytest.raises(ConfigError, match="the file is damaged"), open_blocking(f"sqlite:{file}?check=off"):
        pass


def rows(connection: sqlite3.Connection) -> list[Any]:
    """What was stored; the clock of the store goes on."""
    tables = ("inspectors", "students", "exams", "results", "marks", "feeds")
    return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]  # noqa: S608  # ours
