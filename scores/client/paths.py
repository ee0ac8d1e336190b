"""Where things are: ids and filters as the parts of a target, percent-encoded (RFC 3986, section 2.1).

Rule: what comes in is checked before it becomes part of a path: an empty id would name the whole listing,
and one that no path can address would name something else.
"""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from scores.errors import Fault, InvalidInput
from scores.models import EXAM_RULE, ID_RULE, is_exam, is_id

__all__ = ["checked_id", "exam_path", "inspector_path", "query", "result_path", "student_path"]


def checked_id(value: str, name: str) -> str:
    """The id; raises `InvalidInput` for what cannot be one."""
    if not is_id(value):
        raise InvalidInput(Fault(f"/{name}", f"{name} must be {ID_RULE}"))
    return value


def student_path(student_id: str) -> str:
    """Of one student."""
    return f"/students/{_segment(student_id, 'studentId')}"


def exam_path(exam: int) -> str:
    """Of one exam; raises `InvalidInput` for a number that none can have."""
    if not is_exam(exam):
        raise InvalidInput(Fault("/exam", f"exam must be {EXAM_RULE}"))
    return f"/exams/{exam:d}"


def result_path(exam: int, student_id: str) -> str:
    """Of one student's result in one exam."""
    return f"{exam_path(exam)}/results/{_segment(student_id, 'studentId')}"


def inspector_path(uuid: str) -> str:
    """Of one inspector."""
    return f"/inspectors/{_segment(uuid, 'UUID')}"


def query(limit: int, name: str = "", values: Iterable[object] = ()) -> str:
    """The query for pages of so many items, with a filter's values."""
    return urlencode([("limit", limit), *((name, value) for value in values)])


def _segment(value: str, name: str) -> str:
    return quote(checked_id(value, name), safe="")
