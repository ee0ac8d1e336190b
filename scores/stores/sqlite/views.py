"""What a reader is shown: pages, reports, single rows, each by one statement that gives one row.

A statement is a snapshot, so nothing that it shows is half of anything. Rule: what comes of SQLite is JSON of
texts and integers; it is put in order, and made into values, here.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, TypeVar

from orjson import dumps, loads

from scores import exact
from scores.errors import Fault, InvalidQuery
from scores.models import (
    MAX_EXAM,
    Exam,
    ExamReport,
    Inspector,
    Page,
    Result,
    Student,
    StudentReport,
)
from scores.stores.sqlite.driver import Connection, Failed
from scores.stores.sqlite.tables import (
    EXAMS,
    INSPECTORS,
    ONE,
    STATE,
    STUDENTS,
    State,
    Total,
    checked,
    double_of,
    inspector_text,
    result_text,
    selecting,
    total_of,
)

__all__ = [
    "exam",
    "exam_position",
    "exams",
    "inspector",
    "inspectors",
    "results_of_student",
    "state",
    "student",
    "students",
    "text_position",
]

T = TypeVar("T")

_STATE: Final = f"({selecting(STATE, 1)})"
_INSPECTOR: Final = selecting(INSPECTORS, 1)
_AMONG: Final = "AND {} IN (SELECT value FROM json_each(?))"


def _listing(table: str, key: str, value: str) -> str:
    return (
        f"SELECT (SELECT json_group_array(json_array({key}, {value}, seal)) FROM"  # noqa: S608  # names of ours
        f" (SELECT {key}, {value}, seal FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?)), {_STATE}"
    )


def _results(owner: str, other: str, narrowed: str = "") -> str:
    # All of these columns are in the index by exam.
    return (
        f"(SELECT json_group_array(json_array({other}, bits, seal)) FROM"  # noqa: S608  # likewise
        f" (SELECT {other}, bits, seal FROM results WHERE {owner} = ? {narrowed or f'AND {other} > ?'}"
        f" ORDER BY {other} LIMIT ?))"
    )


_STUDENTS: Final = _listing("students", "student", "total")
_EXAMS: Final = _listing("exams", "exam", "total")
_INSPECTORS: Final = _listing("inspectors", "uuid", "packed")
_OF_STUDENT: Final = _results("student", "exam")
_STUDENT: Final = (
    f"SELECT ({selecting(STUDENTS, 1)}), {_OF_STUDENT}",
    f"SELECT ({selecting(STUDENTS, 1)}), {_results('student', 'exam', _AMONG.format('exam'))}",
)
_EXAM: Final = (
    f"SELECT ({selecting(EXAMS, 1)}), {_results('exam', 'student')}",
    f"SELECT ({selecting(EXAMS, 1)}), {_results('exam', 'student', _AMONG.format('student'))}",
)
"""A report whole, and narrowed."""
_ALL: Final = -1
"""No limit, to SQLite."""


def inspector(connection: Connection, uuid: str) -> Inspector | None:
    """As `Store.inspector`."""
    packed = INSPECTORS.parsed(uuid, connection.value(_INSPECTOR, (uuid,)))
    return None if packed is None else Inspector(uuid, packed // ONE, packed % ONE)


def students(connection: Connection, after: str, limit: int) -> Page[Student]:
    """As `Store.students`."""
    found, known = _listed(connection, _STUDENTS, after, limit)
    items = [Student(one, *_average(one, total, seal)) for one, total, seal in found]
    return _page([(one.student_id, one) for one in items], known.students, limit)


def exams(connection: Connection, after: int, limit: int) -> Page[Exam]:
    """As `Store.exams`."""
    found, known = _listed(connection, _EXAMS, after, limit)
    items = [Exam(one, *_average(one, total, seal)) for one, total, seal in found]
    return _page([(str(one.exam), one) for one in items], known.exams, limit)


def inspectors(connection: Connection, after: str, limit: int) -> Page[Inspector]:
    """As `Store.inspectors`."""
    found, known = _listed(connection, _INSPECTORS, after, limit)
    items = []
    for uuid, packed, seal in found:
        checked(inspector_text(uuid, packed), seal)
        items.append((uuid, Inspector(uuid, packed // ONE, packed % ONE)))
    return _page(items, known.inspectors, limit)


def student(
    connection: Connection, one: str, wanted: Collection[int], above: int, limit: int
) -> StudentReport | None:
    """As `Store.student`."""
    text, found = _report(connection, _STUDENT, one, wanted, above, limit)
    total = STUDENTS.parsed(one, text)
    if total is None:
        return None
    summary = Student(one, exact.mean_of_parts(*total), exact.count(total[0]))
    results = [(one.exam, str(one.exam), one) for one in _of_student(one, found)]
    return StudentReport(summary, _part(results, summary.count, above, limit, narrowed=bool(wanted)))


def exam(
    connection: Connection, one: int, wanted: Collection[str], above: str, limit: int
) -> ExamReport | None:
    """As `Store.exam`."""
    text, found = _report(connection, _EXAM, one, wanted, above, limit)
    total = EXAMS.parsed(one, text)
    if total is None:
        return None
    summary = Exam(one, exact.mean_of_parts(*total), exact.count(total[0]))
    results = []
    for name, bits, seal in found:
        checked(result_text(name, one, bits), seal)
        results.append((name, name, Result(name, one, double_of(bits))))
    return ExamReport(summary, _part(results, summary.count, above, limit, narrowed=bool(wanted)))


def results_of_student(connection: Connection, one: str, *, above: int, limit: int) -> list[Result]:
    """The first of the student's results."""
    return _of_student(one, sorted(loads(connection.value(f"SELECT {_OF_STUDENT}", (one, above, limit)))))


def exam_position(after: str | None) -> int:
    """A position among exams, as a number that they are above of; raises `InvalidQuery` for what is none."""
    if after is None:
        return -1
    if after.isascii() and after.isdigit() and len(after) <= _POSITION_DIGITS:
        return min(int(after), MAX_EXAM)
    raise InvalidQuery(Fault("after", "after must be the `next` of an earlier page of this listing"))


_POSITION_DIGITS: Final = 19
"""As many as 2^63-1 has, the highest exam number."""


def text_position(after: str | None) -> str:
    """A position among ids; it may be any text, also one that is no UTF-8."""
    return (after or "").encode("utf-8", "replace").decode()


def _report(
    connection: Connection,
    sql: tuple[str, str],
    one: str | int,
    wanted: Collection[str] | Collection[int],
    above: str | int,
    limit: int,
) -> tuple[str | None, Sequence[Any]]:
    """The text of a total, and results in order: narrowed ones from the start, all of them."""
    if wanted:
        row = connection.row(sql[1], (one, one, dumps([*wanted]).decode(), _ALL))
    else:
        row = connection.row(sql[0], (one, one, above, limit + 1))
    text, found = row or (None, "[]")
    return text, sorted(loads(found))


def _part(
    results: Sequence[tuple[Any, str, Result]], count: int, above: str | int, limit: int, *, narrowed: bool
) -> Page[Result]:
    """The page of the results with their sort keys and positions."""
    if not narrowed:
        if above in ("", -1) and len(results) != min(count, limit + 1):
            raise Failed("the file is damaged: results are missing")
        return _page([(at, result) for _, at, result in results], count, limit)
    after = [(at, result) for key, at, result in results if key > above]
    return _page(after[: limit + 1], len(results), limit)


def state(connection: Connection) -> State:
    """What is known of the whole store."""
    return _state(connection.value(selecting(STATE, 1), (1,)))


def _listed(connection: Connection, sql: str, after: str | int, limit: int) -> tuple[Sequence[Any], State]:
    row = connection.row(sql, (after, limit + 1, 1)) or ("[]", None)
    return sorted(loads(row[0])), _state(row[1])


def _state(text: str | None) -> State:
    found = STATE.parsed(1, text)
    if found is None:
        raise Failed("the file is damaged: what it says of itself is missing")
    return found


def _of_student(one: str, found: Sequence[Any]) -> list[Result]:
    results = []
    for number, bits, seal in found:
        checked(result_text(one, number, bits), seal)
        results.append(Result(one, number, double_of(bits)))
    return results


def _average(key: str | int, text: str, seal: int) -> tuple[float, int]:
    checked(f"{key}\0{text}", seal)
    total: Total = total_of(text)
    return exact.mean_of_parts(*total), exact.count(total[0])


def _page(found: Sequence[tuple[str, T]], total: int, limit: int) -> Page[T]:
    """The page of the first `limit` (position, item) pairs; one more pair says that it goes on."""
    items = [item for _, item in found[:limit]]
    return Page(items, total, found[limit - 1][0] if len(found) > limit else None)
