"""Examples: what is asked of a new server, one after the other, and what it answers.

Rule: every one is real. A test asks a running server all of this, in this order, and compares each answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import scores
from scores.web.bodies import JSON
from scores.web.bulk import NDJSON
from scores.web.problems import CONTENT_TYPE, TYPE

__all__ = ["EXAMPLES", "Example", "add_examples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request and its answer."""

    about: str
    method: str
    path: str
    """As OpenAPI writes it."""
    target: str
    """As it is sent."""
    status: int = 200
    answer: object = None
    """What the JSON of the body is; the body itself, if it is no JSON; nothing without a body."""
    kind: str = JSON
    """The answer's media type."""
    send: object = None
    """Likewise of the request."""
    send_kind: str = JSON
    fields: Mapping[str, str] = field(default_factory=dict)
    """Of the request, besides its `Content-Type`."""

    @property
    def name(self) -> str:
        """Tells it from the others of an operation."""
        return "-".join(self.about.lower().replace("`", "").replace(",", "").split())


def add_examples(document: dict[str, Any]) -> None:
    """Adds each example to the operation that it is of, if that is in the document."""
    for example in EXAMPLES:
        operation = document["paths"].get(example.path, {}).get(example.method.lower())
        if operation is None:
            continue
        if example.send is not None:
            _add(operation["requestBody"]["content"].get(example.send_kind), example, example.send)
        response = operation["responses"].get(str(example.status), {})
        if "$ref" in response:
            response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        _add(response.get("content", {}).get(example.kind), example, example.answer)


def _add(media: dict[str, Any] | None, example: Example, value: object) -> None:
    if media is not None:
        media.setdefault("examples", {})[example.name] = {"summary": example.about, "value": value}


def _problem(status: int, code: str, title: str, detail: str, **errors: str) -> dict[str, object]:
    faults = {"errors": [{**errors, "detail": detail}]} if errors else {}
    return {"type": TYPE + code, "title": title, "status": status, "detail": detail, **faults}


_STUDENT: Final = {"studentId": "foo", "average": 0.9455, "count": 2}
_EXAM: Final = {"exam": 3, "average": 0.6205, "count": 2}
_INSPECTOR: Final = {"UUID": "a1-b1", "mean": 4.0, "count": 3}
_SIX: Final = "score must be an integer from 0 to 5, not 6"
_SIX_PROBLEM: Final = _problem(422, "invalid-input", "Invalid input", _SIX, pointer="/score")
_RESULTS: Final = "/exams/{number}/results/{id}"
_LINES: Final = '{"UUID":"a1-b1","score":3}\n{"UUID":"a1-b1","score":6}\n{"UUID":"a1-b1","score":4}\n'
_ANSWERS: Final = (
    '{"UUID":"a1-b1","mean":4.0}\n'
    f'{{"type":"{TYPE}invalid-input","title":"Invalid input","status":422,"detail":"{_SIX}",'
    f'"errors":[{{"pointer":"/score","detail":"{_SIX}"}}],"line":2}}\n'
    '{"UUID":"a1-b1","mean":4.0}\n'
)

EXAMPLES: Final = (
    Example(
        about="A first result", method="PUT", path=_RESULTS, target="/exams/3/results/foo",
        send={"score": 0.5}, status=201, answer={"studentId": "foo", "exam": 3, "score": 0.5},
    ),
    Example(
        about="A correction", method="PUT", path=_RESULTS, target="/exams/3/results/foo",
        send={"score": 0.991}, answer={"studentId": "foo", "exam": 3, "score": 0.991},
    ),
    Example(
        about="An id with a slash", method="PUT", path=_RESULTS, target="/exams/3/results/a%2Fb",
        send={"score": 0.25}, status=201, answer={"studentId": "a/b", "exam": 3, "score": 0.25},
    ),
    Example(
        about="Another exam", method="PUT", path=_RESULTS, target="/exams/4/results/foo",
        send={"score": 0.9}, status=201, answer={"studentId": "foo", "exam": 4, "score": 0.9},
    ),
    Example(
        about="More than there is", method="PUT", path=_RESULTS, target="/exams/3/results/foo",
        send={"score": 1.5}, status=422, kind=CONTENT_TYPE,
        answer=_problem(
            422, "invalid-input", "Invalid input", "score must be a number from 0 to 1, not 1.5",
            pointer="/score",
        ),
    ),
    Example(
        about="All students", method="GET", path="/students", target="/students",
        answer={
            "students": [{"studentId": "a/b", "average": 0.25, "count": 1}, _STUDENT],
            "total": 2, "next": None,
        },
    ),
    Example(
        about="The first of two pages", method="GET", path="/students", target="/students?limit=1",
        answer={
            "students": [{"studentId": "a/b", "average": 0.25, "count": 1}], "total": 2,
            "next": "/students?limit=1&after=YS9i",
        },
    ),
    Example(
        about="A parameter that is not known", method="GET", path="/students", target="/students?limt=1",
        status=400, kind=CONTENT_TYPE,
        answer=_problem(
            400, "invalid-query", "Invalid query",
            "the parameter 'limt' is not known here: the known ones are after, limit", parameter="limt",
        ),
    ),
    Example(
        about="A student", method="GET", path="/students/{id}", target="/students/foo",
        answer={
            **_STUDENT, "results": [{"exam": 3, "score": 0.991}, {"exam": 4, "score": 0.9}], "next": None,
        },
    ),
    Example(
        about="Only some results", method="GET", path="/students/{id}", target="/students/foo?exam_id=4",
        answer={**_STUDENT, "results": [{"exam": 4, "score": 0.9}], "next": None},
    ),
    Example(
        about="A student nobody knows", method="GET", path="/students/{id}", target="/students/bar",
        status=404, kind=CONTENT_TYPE,
        answer=_problem(404, "not-found", "Not found", "no student 'bar' is known"),
    ),
    Example(
        about="All exams", method="GET", path="/exams", target="/exams",
        answer={"exams": [_EXAM, {"exam": 4, "average": 0.9, "count": 1}], "total": 2, "next": None},
    ),
    Example(
        about="An exam", method="GET", path="/exams/{number}", target="/exams/3",
        answer={
            **_EXAM,
            "results": [{"studentId": "foo", "score": 0.991}, {"studentId": "a/b", "score": 0.25}],
            "next": None,
        },
    ),
    Example(
        about="A score", method="POST", path="/scores", target="/scores",
        send={"UUID": "a1-b1", "score": 5}, answer={"UUID": "a1-b1", "mean": 5.0},
    ),
    Example(
        about="A score that is none", method="POST", path="/scores", target="/scores",
        send={"UUID": "a1-b1", "score": 6}, status=422, kind=CONTENT_TYPE, answer=_SIX_PROBLEM,
    ),
    Example(
        about="No media type", method="POST", path="/scores", target="/scores",
        send="UUID=a1-b1", send_kind="text/plain", status=415, kind=CONTENT_TYPE,
        answer=_problem(
            415, "unsupported-media-type", "Unsupported media type",
            "the body must be JSON: send the header Content-Type: application/json",
        ),
    ),
    Example(
        about="A score a line", method="POST", path="/scores", target="/scores",
        send=_LINES, send_kind=NDJSON, answer=_ANSWERS, kind=NDJSON,
    ),
    Example(
        about="All in short", method="POST", path="/scores", target="/scores",
        fields={"Prefer": "return=minimal"},
        send='{"UUID":"foo","score":2}\n{"UUID":"foo","score":6}\n', send_kind=NDJSON,
        answer={"accepted": 1, "rejected": 1, "errors": [{**_SIX_PROBLEM, "line": 2}]},
    ),
    Example(
        about="All inspectors", method="GET", path="/inspectors", target="/inspectors",
        answer={
            "inspectors": [_INSPECTOR, {"UUID": "foo", "mean": 2.0, "count": 1}], "total": 2, "next": None,
        },
    ),
    Example(
        about="An inspector", method="GET", path="/inspectors/{uuid}", target="/inspectors/a1-b1",
        answer=_INSPECTOR,
    ),
    Example(
        about="An inspector who leaves", method="DELETE", path="/inspectors/{uuid}", target="/inspectors/foo",
        status=204,
    ),
    Example(about="A result less", method="DELETE", path=_RESULTS, target="/exams/4/results/foo", status=204),
    Example(
        about="A student who leaves", method="DELETE", path="/students/{id}", target="/students/foo",
        status=204,
    ),
    Example(about="It lives", method="GET", path="/livez", target="/livez", answer={"status": "ok"}),
    Example(about="It is ready", method="GET", path="/readyz", target="/readyz", answer={"status": "ok"}),
    Example(
        about="Each check", method="GET", path="/readyz", target="/readyz?verbose",
        answer={
            "status": "ok", "version": scores.__version__, "store": "dict",
            "checks": {"store": "ok", "feed": "off"},
        },
    ),
    Example(
        about="No feed", method="GET", path="/feed", target="/feed",
        answer={
            "url": None, "state": "off", "lastEventId": None, "lastEventAt": None,
            "received": 0, "recorded": 0, "rejected": 0, "reconnects": 0,
        },
    ),
)  # fmt: skip
