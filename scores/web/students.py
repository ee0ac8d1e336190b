"""`/students` and `/students/{id}`."""

from aiohttp import web

from scores.errors import NotFound
from scores.models import Student, StudentKey, StudentReport
from scores.web.keys import STORE
from scores.web.pages import respond_page
from scores.web.queries import exam_filter, read_slice

__all__ = ["delete_student", "document", "get_student", "list_students"]


async def list_students(request: web.Request) -> web.Response:
    """Every student, with the average of all of their results."""
    part = read_slice(request)
    page = await request.app[STORE].students(after=part.after, limit=part.limit)
    students = [_student(student) for student in page.items]
    return respond_page(request, {"students": students, "total": page.total}, page)


async def get_student(request: web.Request) -> web.Response:
    """One student, with their results."""
    student_id, part = request.match_info["id"], read_slice(request)
    report = await request.app[STORE].student(
        student_id, exams=exam_filter(request), after=part.after, limit=part.limit
    )
    if report is None:
        raise NotFound(f"no student {student_id!a} is known")
    return respond_page(request, document(report), report.results)


async def delete_student(request: web.Request) -> web.Response:
    """Forgets a student with all of their results."""
    student_id = request.match_info["id"]
    if not await request.app[STORE].remove(StudentKey(student_id)):
        raise NotFound(f"no student {student_id!a} is known")
    return web.Response(status=204)


def document(report: StudentReport) -> dict[str, object]:
    """What `/students/{id}` says, without `next`."""
    results = [{"exam": result.exam, "score": result.score} for result in report.results.items]
    return {**_student(report.student), "results": results}


def _student(student: Student) -> dict[str, object]:
    return {"studentId": student.student_id, "average": student.average, "count": student.count}
