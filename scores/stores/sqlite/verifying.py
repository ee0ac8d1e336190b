"""Every row looked at: its seal, the totals against the results that they are made of, the numbers of rows.

SQLite's own check knows how its pages hang together, and not what they say. Rule: this takes as long as it
takes, some three seconds for a million rows, and is done when it is asked for.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from orjson import loads

from scores import exact
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.tables import (
    EXAMS,
    FEEDS,
    INSPECTORS,
    MARKS,
    RESULTS,
    STUDENTS,
    Table,
    Total,
    shown,
)
from scores.stores.sqlite.views import state

__all__ = ["verify"]

_AT_ONCE: Final = 2000

K = TypeVar("K")
V = TypeVar("V")


def verify(connection: Connection) -> None:
    """Raises `Failed` for a file in which anything is not as it was written."""
    if (found := connection.value("PRAGMA integrity_check(1)")) != "ok":
        raise Failed(f"the file is damaged: {' '.join(str(found).split())}")
    known = state(connection)
    students, exams = defaultdict[str, Total](_none), defaultdict[int, Total](_none)
    for (student, exam), score in _rows(connection, RESULTS, tuple):
        short, rest = exact.parts(score)
        students[student] = students[student][0] + short, students[student][1] + rest
        exams[exam] = exams[exam][0] + short, exams[exam][1] + rest
    alike = (
        dict(_rows(connection, STUDENTS, _first)) == students
        and dict(_rows(connection, EXAMS, _first)) == exams
        and len(students) == known.students
        and len(exams) == known.exams
        and sum(1 for _ in _rows(connection, INSPECTORS, _first)) == known.inspectors
        and sum(1 for _ in _rows(connection, MARKS, lambda key: bytes.fromhex(key[0]))) == known.marks
    )
    if not alike:
        raise Failed("the file is damaged: rows are missing, or totals are not those of their results")
    for _ in _rows(connection, FEEDS, _first):
        pass


def _rows(
    connection: Connection, table: Table[K, V], key_of: Callable[[list[Any]], K]
) -> Iterator[tuple[K, V]]:
    """All rows, by their keys."""
    keys = ", ".join(table.keys)
    places = ", ".join("?" * len(table.keys))
    listed = ", ".join(f"hex({one})" if one == "digest" else one for one in table.keys)
    page = (
        f"SELECT json_group_array(json_array({listed}, {shown(table)})) FROM (SELECT * FROM {table.name}"  # noqa: S608  # names of ours
        " WHERE {} ORDER BY " + keys + " LIMIT ?)"
    )
    where, after = "1", tuple[Any, ...]()
    while rows := loads(connection.value(page.format(where), (*after, _AT_ONCE))):
        for *columns, text in rows:
            key = key_of(columns)
            if (value := table.parsed(key, text)) is not None:
                yield key, value
        where, after = f"({keys}) > ({places})", table.key(key_of(rows[-1][:-1]))


def _first(key: list[Any]) -> Any:
    return key[0]


def _none() -> Total:
    return exact.EMPTY, 0
