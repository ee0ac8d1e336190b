"""What goes in and out, as JSON Schema (2020-12, which OpenAPI 3.1 takes as it is).

Rule: a limit is never written here, it is the one that decides.
"""

from typing import Final

from scores.feed.status import FeedState
from scores.models import MAX_EXAM, MAX_ID_LENGTH, MAX_MARK

__all__ = ["SCHEMAS", "Schema", "among", "array", "either", "ref", "saying"]

Schema = dict[str, object]
"""A JSON Schema, or another object of the document."""

_MAX_TOTAL: Final = 2**63 - 1


def ref(name: str) -> Schema:
    """The schema of this name, wherever it is used."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """Any number of these."""
    return {"type": "array", "items": items}


def either(*schemas: Schema) -> Schema:
    """One of these, or what several of them allow."""
    return {"anyOf": [*schemas]}


def among(*values: object) -> Schema:
    """One of these values."""
    return {"enum": [*values]}


def saying(schema: Schema, about: str) -> Schema:
    """The schema, with words for people."""
    return {**schema, "description": about}


def _object(**members: Schema) -> Schema:
    """An object that always has these members."""
    return {"type": "object", "required": [*members], "properties": members}


def _partly(schema: Schema, **members: Schema) -> Schema:
    """The object, which may have these members too."""
    properties = schema["properties"]
    return {**schema, "properties": {**properties, **members}} if isinstance(properties, dict) else schema


def _page(**listing: Schema) -> Schema:
    return _object(
        **listing,
        total=saying(_whole(0), "How many there are on all pages."),
        next=ref("Next"),
    )


def _whole(least: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": _MAX_TOTAL}


_AVERAGE: Final = saying(
    {"type": "number", "minimum": 0, "maximum": 1}, "The double nearest to the true mean of all results."
)
_COUNT: Final = saying(_whole(1), "How many results there are, on all pages.")
_MEAN: Final = saying(
    {"type": "number", "minimum": 0, "maximum": MAX_MARK},
    "The double nearest to the true mean of all scores.",
)
_STUDENT: Final = {"studentId": ref("Id"), "average": _AVERAGE, "count": _COUNT}
_EXAM: Final = {"exam": ref("ExamNumber"), "average": _AVERAGE, "count": _COUNT}

_WHERE: Final = either(
    _object(
        pointer=saying({"type": "string", "format": "json-pointer"}, "Where in the body (RFC 6901)."),
        detail={"type": "string"},
    ),
    _object(
        parameter=saying({"type": "string"}, "Which query parameter."),
        detail={"type": "string"},
    ),
)

_PROBLEM: Final = _partly(
    _object(
        type=saying({"type": "string", "format": "uri"}, "Which kind of problem; it never changes."),
        title={"type": "string"},
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=saying({"type": "string"}, "What was wrong, and what is allowed."),
    ),
    errors=saying(array(_WHERE), "Each thing that is wrong with an input."),
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Id": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_ID_LENGTH,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        "not": among(".", ".."),
        "description": "No control characters, and not `.` or `..`. In a path percent-encoded, `/` too.",
    },
    "ExamNumber": saying(
        {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_EXAM},
        "Above 2^53 - 1, JavaScript's own numbers are no longer exact.",
    ),
    "ExamScore": {"type": "number", "format": "double", "minimum": 0, "maximum": 1},
    "Mark": saying({"type": "integer", "minimum": 0, "maximum": MAX_MARK}, "`5.0` is the integer 5."),
    "Next": {
        "type": ["string", "null"],
        "format": "uri-reference",
        "description": "The path and query of the next page (also in `Link`); null on the last one.",
    },
    "NewScore": saying(_object(UUID=ref("Id"), score=ref("Mark")), "Other members are ignored."),
    "NewResult": saying(_object(score=ref("ExamScore")), "Other members are ignored."),
    "Result": _object(studentId=ref("Id"), exam=ref("ExamNumber"), score=ref("ExamScore")),
    "Student": _object(**_STUDENT),
    "StudentReport": _object(
        **_STUDENT,
        results=array(_object(exam=ref("ExamNumber"), score=ref("ExamScore"))),
        next=ref("Next"),
    ),
    "Students": _page(students=array(ref("Student"))),
    "Exam": _object(**_EXAM),
    "ExamReport": _object(
        **_EXAM,
        results=array(_object(studentId=ref("Id"), score=ref("ExamScore"))),
        next=ref("Next"),
    ),
    "Exams": _page(exams=array(ref("Exam"))),
    "Mean": _object(UUID=ref("Id"), mean=_MEAN),
    "Inspector": _object(
        UUID=ref("Id"), mean=_MEAN, count=saying(_whole(1), "How many scores the mean is of.")
    ),
    "Inspectors": _page(inspectors=array(ref("Inspector"))),
    "LineProblem": _partly(_PROBLEM, line=saying(_whole(1), "Which line of the body, from 1.")),
    "InShort": _object(
        accepted=_whole(0),
        rejected=_whole(0),
        errors=saying(array(ref("LineProblem")), "The first of the problems."),
    ),
    "Links": {
        "type": "object",
        "additionalProperties": {"type": "string", "format": "uri-reference"},
    },
    "Status": _partly(
        _object(status={"const": "ok"}),
        version={"type": "string"},
        store=saying({"type": "string"}, "Of what kind it is."),
        checks=_object(store={"const": "ok"}, feed=ref("FeedState")),
    ),
    "FeedState": among(*(state.value for state in FeedState)),
    "Feed": _object(
        url={"type": ["string", "null"]},
        state=ref("FeedState"),
        lastEventId={"type": ["string", "null"]},
        lastEventAt={"type": ["string", "null"], "format": "date-time"},
        received=_whole(0),
        recorded=_whole(0),
        rejected=_whole(0),
        reconnects=_whole(0),
    ),
    "Problem": saying(_PROBLEM, "An error (RFC 9457)."),
}
