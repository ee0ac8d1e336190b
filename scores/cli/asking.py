"""The commands that ask a server and print what it says.

Rule: a listing is printed as it comes, in constant memory: a table for people, with `--json` a document a
line. What is one thing is one document.
"""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final, TypeVar

from scores.cli.arguments import Commands, integer
from scores.cli.connecting import add_asking, connected
from scores.cli.output import error, json_line, line, shown
from scores.cli.views import (
    EXAMS,
    INSPECTORS,
    RESULTS_OF_EXAM,
    RESULTS_OF_STUDENT,
    STUDENTS,
    View,
    event_members,
    print_document,
    print_lines,
    print_table,
)
from scores.client import MeanEvent, ScoreEvent, Start
from scores.live.frames import Position, parse_id
from scores.models import EXAM_RULE

__all__ = ["add_commands", "goes_on"]

T = TypeVar("T")

READING: Final = 2
"""Further tries of a command that only reads: somebody waits for what it says."""

_POST_NOTE: Final = """\
The score is counted once, however often it has to be sent. If no answer comes at all, the error names
a key: the same command with --key KEY asks again, and counts nothing twice.
"""

_WATCH_NOTE: Final = """\
It reconnects by itself, and goes on where it was. With --json each event is a line, with its id; the
last one seen is what --after takes. A server that does not know that event, or not any more, begins with
all that is stored, which is said on standard error.
"""


def add_commands(commands: Commands) -> None:
    """Adds these commands to the parser's."""
    post = add_asking(commands, "post", _post, about="add a score to an inspector", note=_POST_NOTE)
    post.add_argument("uuid", metavar="UUID", help="the inspector")
    post.add_argument(
        "score", metavar="SCORE", type=integer("an integer from 0 to 5"), help="an integer from 0 to 5"
    )
    post.add_argument("--key", metavar="KEY", help="of an earlier try of the same score")
    add_asking(commands, "students", _students, about="list all students")
    student = add_asking(commands, "student", _student, about="show a student and their results")
    student.add_argument("id", metavar="ID")
    student.add_argument(
        "--exam", metavar="N", type=integer(EXAM_RULE), action="append", default=[], help="this exam only"
    )
    add_asking(commands, "exams", _exams, about="list all exams")
    exam = add_asking(commands, "exam", _exam, about="show an exam and its results")
    exam.add_argument("number", metavar="N", type=integer(EXAM_RULE))
    exam.add_argument("--student", metavar="ID", action="append", default=[], help="this student only")
    add_asking(commands, "inspectors", _inspectors, about="list all inspectors")
    inspector = add_asking(commands, "inspector", _inspector, about="show an inspector")
    inspector.add_argument("uuid", metavar="UUID")
    watch = add_asking(commands, "watch", _watch, about="follow what is recorded, live", note=_WATCH_NOTE)
    watch.add_argument("--all", action="store_true", help="begin with all that is stored")
    watch.add_argument("--after", metavar="EVENT", default="", help="begin after the event with this id")


async def _post(arguments: argparse.Namespace) -> int:
    async with connected(arguments) as client:
        mean = await client.post(arguments.uuid, arguments.score, key=arguments.key)
    if arguments.json:
        json_line({"UUID": mean.uuid, "mean": mean.mean})
    else:
        line(f"{shown(mean.uuid)}: mean {mean.mean}")
    return 0


async def _students(arguments: argparse.Namespace) -> int:
    async with connected(arguments, retries=READING) as client:
        return await _list(arguments, STUDENTS, client.students())


async def _exams(arguments: argparse.Namespace) -> int:
    async with connected(arguments, retries=READING) as client:
        return await _list(arguments, EXAMS, client.exams())


async def _inspectors(arguments: argparse.Namespace) -> int:
    async with connected(arguments, retries=READING) as client:
        return await _list(arguments, INSPECTORS, client.inspectors())


async def _student(arguments: argparse.Namespace) -> int:
    async with connected(arguments, retries=READING) as client:
        report = await client.student(arguments.id, exams=arguments.exam)
        student = report.subject
        if arguments.json:
            await print_document(STUDENTS.members(student), RESULTS_OF_STUDENT, report.results)
        else:
            line(f"{shown(student.student_id)}: average {student.average} of {_results(student.count)}")
            await print_table(RESULTS_OF_STUDENT, report.results)
    return 0


async def _exam(arguments: argparse.Namespace) -> int:
    async with connected(arguments, retries=READING) as client:
        report = await client.exam(arguments.number, students=arguments.student)
        exam = report.subject
        if arguments.json:
            await print_document(EXAMS.members(exam), RESULTS_OF_EXAM, report.results)
        else:
            line(f"exam {exam.exam}: average {exam.average} of {_results(exam.count)}")
            await print_table(RESULTS_OF_EXAM, report.results)
    return 0


async def _inspector(arguments: argparse.Namespace) -> int:
    async with connected(arguments, retries=READING) as client:
        inspector = await client.inspector(arguments.uuid)
    if arguments.json:
        json_line(INSPECTORS.members(inspector))
    else:
        count = "1 score" if inspector.count == 1 else f"{inspector.count} scores"
        line(f"{shown(inspector.uuid)}: mean {inspector.mean} of {count}")
    return 0


async def _watch(arguments: argparse.Namespace) -> int:
    start: Start = "stored" if arguments.all else "now"
    async with (
        connected(arguments, retries=READING) as client,
        aclosing(client.follow(last_event_id=arguments.after, start=start)) as events,
    ):
        left = parse_id(arguments.after)
        if arguments.after and left is None:
            error(_unknown(arguments.after))
        async for event in events:
            if left is not None and not goes_on(left, parse_id(event.id)):
                error(_unknown(arguments.after))
            left = None
            if arguments.json:
                json_line(event_members(event))
            else:
                line(_described(event))
            sys.stdout.flush()
    return 0


async def _list(arguments: argparse.Namespace, view: View[T], items: AsyncIterator[T]) -> int:
    await (print_lines if arguments.json else print_table)(view, items)
    return 0


def goes_on(left: Position, first: Position | None) -> bool:
    """Whether a stream that begins with this event is the rest of one that was left there."""
    return (
        first is not None
        and first.epoch == left.epoch
        # The next event has the next number; a page of what is stored has that of the event before it.
        and first.number - left.number in (0, 1)
        and (first.place is None or left.place is not None)
    )


def _unknown(event_id: str) -> str:
    return f"the event {shown(event_id)} is not known, or not any more: all that is stored comes first"


def _described(event: ScoreEvent | MeanEvent) -> str:
    if isinstance(event, ScoreEvent):
        return f"exam {event.result.exam}: {shown(event.result.student_id)} has {event.result.score}"
    inspector = event.inspector
    return f"inspector {shown(inspector.uuid)}: mean {inspector.mean} of {inspector.count}"


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count} results"
