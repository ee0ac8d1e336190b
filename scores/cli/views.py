"""How each thing that a server lists looks: as a row for people, and as a document for machines.

Rule: the documents have the members that the HTTP API gives them, so that one filter reads both.
"""

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from scores.cli.output import json_line
from scores.cli.table import Table, number
from scores.client import MeanEvent, ScoreEvent
from scores.models import Exam, Inspector, Result, Student

__all__ = [
    "EXAMS",
    "INSPECTORS",
    "RESULTS_OF_EXAM",
    "RESULTS_OF_STUDENT",
    "STUDENTS",
    "View",
    "event_members",
    "print_document",
    "print_lines",
    "print_table",
]

T = TypeVar("T")
Members = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """How items of one kind look in a listing."""

    titles: tuple[str, ...]
    cells: Callable[[T], tuple[str, ...]]
    members: Callable[[T], Members]
    one: str
    many: str


STUDENTS: Final[View[Student]] = View(
    titles=("student", ">average", ">results"),
    cells=lambda it: (it.student_id, number(it.average), str(it.count)),
    members=lambda it: {"studentId": it.student_id, "average": it.average, "count": it.count},
    one="student",
    many="students",
)
EXAMS: Final[View[Exam]] = View(
    titles=(">exam", ">average", ">results"),
    cells=lambda it: (str(it.exam), number(it.average), str(it.count)),
    members=lambda it: {"exam": it.exam, "average": it.average, "count": it.count},
    one="exam",
    many="exams",
)
INSPECTORS: Final[View[Inspector]] = View(
    titles=("inspector", ">mean", ">scores"),
    cells=lambda it: (it.uuid, number(it.mean), str(it.count)),
    members=lambda it: {"UUID": it.uuid, "mean": it.mean, "count": it.count},
    one="inspector",
    many="inspectors",
)
RESULTS_OF_STUDENT: Final[View[Result]] = View(
    titles=(">exam", ">score"),
    cells=lambda it: (str(it.exam), number(it.score)),
    members=lambda it: {"exam": it.exam, "score": it.score},
    one="result",
    many="results",
)
RESULTS_OF_EXAM: Final[View[Result]] = View(
    titles=("student", ">score"),
    cells=lambda it: (it.student_id, number(it.score)),
    members=lambda it: {"studentId": it.student_id, "score": it.score},
    one="result",
    many="results",
)


async def print_table(view: View[T], items: AsyncIterator[T]) -> None:
    """For people: a table, and how many rows it has."""
    table = Table(*view.titles)
    async for item in items:
        table.row(*view.cells(item))
    table.end(one=view.one, many=view.many)


async def print_lines(view: View[T], items: AsyncIterator[T]) -> None:
    """For machines: a document a line."""
    async for item in items:
        json_line(view.members(item))


async def print_document(head: Members, view: View[T], items: AsyncIterator[T]) -> None:
    """For machines: one document, whose last member has all items; it ends only if all have come."""
    sys.stdout.write(json.dumps(head, separators=(",", ":")).removesuffix("}") + f',"{view.many}":[')
    comma = ""
    async for item in items:
        sys.stdout.write(comma + json.dumps(view.members(item), separators=(",", ":")))
        comma = ","
    sys.stdout.write("]}\n")


def event_members(event: ScoreEvent | MeanEvent) -> Members:
    """An event of the live stream."""
    if isinstance(event, ScoreEvent):
        result = event.result
        return {
            "id": event.id, "event": "score",
            "studentId": result.student_id, "exam": result.exam, "score": result.score,
        }  # fmt: skip
    return {"id": event.id, "event": "mean", **INSPECTORS.members(event.inspector)}
