"""What each route takes and answers, beyond what the table of routes says.

Rule: one entry for each route, by its method and its path as OpenAPI writes it. A route without an entry is
described by its docstring alone, and fails a test; so does an entry without a route.
"""

from dataclasses import dataclass
from typing import Final

from scores.web.bodies import JSON
from scores.web.bulk import MAX_ERRORS, NDJSON
from scores.web.openapi.errors import ERRORS
from scores.web.openapi.headers import ON_PAGES
from scores.web.openapi.schemas import Schema, either, ref, saying

__all__ = ["EVENTS", "IF_CHANGED", "NOT_MODIFIED", "OPERATIONS", "Answer", "Operation"]

IF_CHANGED: Final = "If-None-Match"
EVENTS: Final = "text/event-stream"
NOT_MODIFIED: Final = "What the client has is still good."


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is no error."""

    about: str
    content: dict[str, Schema]
    """By its media type; none for an answer without a body."""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method of one resource takes and answers."""

    tag: str
    answers: dict[int, Answer]
    more: str = ""
    """What is to say beyond the handler's docstring."""
    body: dict[str, Schema] | None = None
    """By its media type."""
    headers: tuple[str, ...] = ()
    """The fields of a request that mean something here."""
    errors: frozenset[str] = frozenset()
    """The codes of those that come besides the errors that come everywhere."""
    kept: bool = True
    """Whether a client may keep the answer of a GET and ask whether it has changed; not so for a stream."""


_STORE: Final = frozenset({"store-unavailable", "store-busy"})
_WRITE: Final = _STORE | {"outcome-unknown"}
_BODY: Final = frozenset({"malformed-json", "invalid-input", "payload-too-large", "unsupported-media-type"})
_ID: Final = frozenset({"not-found"})
_KEY: Final = ("Idempotency-Key",) if "idempotency-key-reused" in ERRORS else ()

# Without a type: whatever the bytes are, they are lines, and each is answered.
_LINES: Final[Schema] = {"contentMediaType": NDJSON}
_GONE: Final = Answer("It is forgotten; averages are as if it had never been.", {})
_TEXT: Final[Schema] = {"schema": {"type": "string"}}


def _json(name: str, about: str, *headers: str) -> Answer:
    return Answer(about, {JSON: {"schema": ref(name)}}, headers)


def _read(tag: str, answer: Answer, errors: frozenset[str] = frozenset()) -> Operation:
    return Operation(tag=tag, answers={200: answer}, errors=errors | _STORE)


def _delete(tag: str) -> Operation:
    return Operation(tag=tag, answers={204: _GONE}, errors=_WRITE | _ID)


def _service(answer: Answer, errors: frozenset[str] = frozenset()) -> Operation:
    return Operation(tag="service", answers={200: answer}, errors=errors)


def _file(
    about: str, content: dict[str, Schema], *headers: str, errors: frozenset[str] = frozenset()
) -> Operation:
    return Operation(
        tag="documentation",
        headers=(IF_CHANGED,),
        answers={
            200: Answer(about, content, (*_FILE, *headers, "Content-Encoding")),
            304: Answer(NOT_MODIFIED, {}, (*_FILE, *headers)),
        },
        errors=errors,
    )


def _lines(items: Schema) -> Schema:
    # OpenAPI 3.1 has no word for the schema of a line; 3.2 will, and this is it.
    return {"schema": _LINES, "x-itemSchema": items}


_BULK: Final = f"""\
With `Content-Type: {NDJSON}` the body is any number of scores, one a line, and the answer has a line for
each, in order: what that line alone would have been answered, a problem with its `line`. Read while you
send. With `Prefer: return=minimal` the answer is one object, at the end, with the first {MAX_ERRORS}
problems. The body may be compressed (`Content-Encoding: gzip` or `deflate`). When it breaks off, exactly
what was answered is recorded; an answer that breaks off has no end."""

_STREAM: Final = """\
`event: score` has the feed's own data, `{"studentId":"foo","exam":3,"score":0.991}`; `event: mean` has
`{"UUID":"a1-b1","mean":4.0,"count":3}`. Every event has an `id`, which is opaque: send the last one as
`Last-Event-ID` to go on after it. A comment comes when nothing else does."""

_FILE: Final = ("ETag", "Vary")

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "/students"): _read("students", _json("Students", "A page of students.", *ON_PAGES)),
    ("GET", "/students/{id}"): _read(
        "students", _json("StudentReport", "The student, with a page of results.", *ON_PAGES), _ID
    ),
    ("DELETE", "/students/{id}"): _delete("students"),
    ("GET", "/exams"): _read("exams", _json("Exams", "A page of exams, ascending.", *ON_PAGES)),
    ("GET", "/exams/{number}"): _read(
        "exams", _json("ExamReport", "The exam, with a page of results.", *ON_PAGES), _ID
    ),
    ("PUT", "/exams/{number}/results/{id}"): Operation(
        tag="exams",
        body={JSON: {"schema": ref("NewResult")}},
        answers={
            200: _json("Result", "It replaces the result that was there."),
            201: _json("Result", "It is the first of this student in this exam."),
        },
        errors=_WRITE | _BODY | {"store-full"},
    ),
    ("DELETE", "/exams/{number}/results/{id}"): _delete("exams"),
    ("POST", "/scores"): Operation(
        tag="inspectors",
        more=_BULK,
        headers=("Prefer", *_KEY),
        body={
            JSON: {"schema": ref("NewScore")},
            NDJSON: _lines(ref("NewScore")),
        },
        answers={
            200: Answer(
                "The mean; of a bulk, an answer for each line, or all in short.",
                {
                    JSON: {"schema": either(ref("Mean"), ref("InShort"))},
                    NDJSON: _lines(either(ref("Mean"), ref("LineProblem"))),
                },
                ("Preference-Applied",),
            )
        },
        errors=_WRITE | _BODY | {"store-full", "idempotency-key-in-flight", "idempotency-key-reused"},
    ),
    ("GET", "/scores"): Operation(
        tag="live",
        more=_STREAM,
        headers=("Last-Event-ID",),
        answers={200: Answer("The stream, which does not end.", {EVENTS: _TEXT}, ("X-Accel-Buffering",))},
        errors=_STORE | {"not-acceptable"},
        kept=False,
    ),
    ("GET", "/inspectors"): _read("inspectors", _json("Inspectors", "A page of inspectors.", *ON_PAGES)),
    ("GET", "/inspectors/{uuid}"): _read("inspectors", _json("Inspector", "The inspector."), _ID),
    ("DELETE", "/inspectors/{uuid}"): _delete("inspectors"),
    ("GET", "/"): Operation(
        tag="service",
        headers=(IF_CHANGED,),
        answers={
            200: Answer(
                "The path of each resource; or the page.",
                {JSON: {"schema": ref("Links")}, "text/html": _TEXT},
                ("Link", "Referrer-Policy"),
            ),
            304: Answer(NOT_MODIFIED, {}, (*_FILE, "Referrer-Policy")),
        },
    ),
    ("GET", "/page/{asset}"): _file(
        "The file.", {"text/css": _TEXT, "text/javascript": _TEXT, "image/svg+xml": _TEXT}, errors=_ID
    ),
    ("GET", "/livez"): _service(_json("Status", "It does.")),
    ("GET", "/readyz"): _service(_json("Status", "It can."), _STORE | {"draining"}),
    ("GET", "/feed"): _service(_json("Feed", "The state, and the counts since the start.")),
    ("GET", "/metrics"): _service(
        Answer("The figures.", {"text/plain": _TEXT, "application/openmetrics-text": _TEXT}), _ID
    ),
    ("GET", "/openapi.json"): _file(
        "This document.", {JSON: {"schema": saying({"type": "object"}, "An OpenAPI 3.1 document.")}}
    ),
    ("GET", "/docs"): _file("The page.", {"text/html": _TEXT}, "Referrer-Policy"),
    ("GET", "/docs/{file}"): _file("The file.", {"text/css": _TEXT, "text/javascript": _TEXT}, errors=_ID),
}
