"""`/exams`, `/exams/{number}` and the results beneath."""

from aiohttp import web

from scores.errors import Fault, InvalidInput, NotFound
from scores.models import (
    EXAM_RULE,
    ID_RULE,
    Exam,
    ExamReport,
    Outcome,
    Repeats,
    Result,
    ResultKey,
    is_id,
    parse_exam_score,
)
from scores.web.bodies import read_json, respond
from scores.web.keys import STORE
from scores.web.pages import respond_page
from scores.web.queries import parse_exam, read_slice, student_filter

__all__ = ["delete_result", "document", "get_exam", "list_exams", "put_result"]


async def list_exams(request: web.Request) -> web.Response:
    """Every exam, with the average of all of its results."""
    part = read_slice(request)
    page = await request.app[STORE].exams(after=part.after, limit=part.limit)
    return respond_page(request, {"exams": [_exam(exam) for exam in page.items], "total": page.total}, page)


async def get_exam(request: web.Request) -> web.Response:
    """One exam, with its results."""
    number, part = _known_number(request), read_slice(request)
    report = await request.app[STORE].exam(
        number, students=student_filter(request), after=part.after, limit=part.limit
    )
    if report is None:
        raise NotFound(f"no exam {number} is known")
    return respond_page(request, document(report), report.results)


async def put_result(request: web.Request) -> web.Response:
    """Records or corrects one result; a correction stands whatever the policy for the feed's repeats."""
    number, student_id = parse_exam(request.match_info["number"]), request.match_info["id"]
    if number is None or not is_id(student_id):
        raise InvalidInput(
            *([] if number is not None else [Fault("", f"the exam in the path must be {EXAM_RULE}")]),
            *([] if is_id(student_id) else [Fault("", f"the student in the path must be {ID_RULE}")]),
        )
    result = Result(student_id, number, parse_exam_score(await read_json(request)))
    (outcome,) = await request.app[STORE].record([result], repeats=Repeats.LAST)
    data = {"studentId": result.student_id, "exam": result.exam, "score": result.score}
    return respond(data, status=201 if outcome is Outcome.NEW else 200)


async def delete_result(request: web.Request) -> web.Response:
    """Forgets one result."""
    number, student_id = _known_number(request), request.match_info["id"]
    if not await request.app[STORE].remove(ResultKey(student_id, number)):
        raise NotFound(f"no result of student {student_id!a} in exam {number} is known")
    return web.Response(status=204)


def document(report: ExamReport) -> dict[str, object]:
    """What `/exams/{number}` says, without `next`."""
    results = [{"studentId": result.student_id, "score": result.score} for result in report.results.items]
    return {**_exam(report.exam), "results": results}


def _known_number(request: web.Request) -> int:
    number = parse_exam(request.match_info["number"])
    if number is None:
        raise NotFound(f"there is no such exam: a number is {EXAM_RULE}")
    return number


def _exam(exam: Exam) -> dict[str, object]:
    return {"exam": exam.exam, "average": exam.average, "count": exam.count}
