"""Parameters: those of paths, of queries and of header fields.

Rule: which parameters a route has, the table of routes says; here is what each of them means.
"""

import re
from typing import Final

from scores.web import documentation, home
from scores.web.openapi.schemas import Schema, among, array, either, ref
from scores.web.queries import DEFAULT_LIMIT, MAX_LIMIT

__all__ = [
    "HEADER_FIELDS",
    "IN_PATH",
    "IN_QUERY",
    "header_parameter",
    "path_parameters",
    "query_parameters",
    "template",
]

_VARIABLE: Final = re.compile(r"\{(\w+)(?::[^}]*)?\}")

IN_PATH: Final[dict[str, tuple[str, Schema]]] = {
    "id": ("The student's id, percent-encoded: `a/b` is `a%2Fb`.", ref("Id")),
    "number": ("The exam's number, without leading zeros.", ref("ExamNumber")),
    "uuid": ("The inspector's UUID, percent-encoded: `a/b` is `a%2Fb`.", ref("Id")),
    "file": ("The file's name.", among(*sorted(documentation.FILES))),
    "asset": ("The file's name.", among(*sorted(home.FILES))),
}

IN_QUERY: Final[dict[str, tuple[str, Schema]]] = {
    "limit": (
        "Most items of a page.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    "after": (
        "Where the page begins: what `next` of an earlier page says.",
        {"type": "string", "minLength": 1, "format": "page-token"},
    ),
    "exam_id": (
        "Only results in these exams; an empty value filters nothing.",
        array(either(ref("ExamNumber"), {"const": ""})),
    ),
    "student_name": (
        "Only results of these students; an empty value filters nothing.",
        array(either(ref("Id"), {"const": ""})),
    ),
    "verbose": ("Each check by itself; its value does not matter.", {"type": "string"}),
    "start": ("`now`: none of what happened before.", {"const": "now"}),
}

HEADER_FIELDS: Final[dict[str, tuple[str, Schema]]] = {
    "Prefer": (
        "`return=minimal`: one short answer for a bulk of scores (RFC 7240).",
        {"type": "string", "examples": ["return=minimal"]},
    ),
    "Idempotency-Key": (
        "A UUID that is kept for retries: the score counts once however often it is sent. Not for a bulk.",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
    ),
    "Last-Event-ID": ("The last event that was received: go on after it.", {"type": "string"}),
    "If-None-Match": ("The `ETag` of an earlier answer: 304 if it is still good.", {"type": "string"}),
}


def template(path: str) -> str:
    """The path of a route as OpenAPI writes it: `/exams/{number}`."""
    return _VARIABLE.sub(r"{\1}", path)


def path_parameters(path: str) -> list[Schema]:
    """The parameters of a path, in its order."""
    return [_parameter(name, "path", IN_PATH, required=True) for name in _VARIABLE.findall(path)]


def query_parameters(names: frozenset[str]) -> list[Schema]:
    """The parameters of a query, in the order in which they are described."""
    return [_parameter(name, "query", IN_QUERY) for name in IN_QUERY if name in names]


def header_parameter(name: str) -> Schema:
    """A field of the request."""
    return _parameter(name, "header", HEADER_FIELDS)


def _parameter(
    name: str, where: str, known: dict[str, tuple[str, Schema]], *, required: bool = False
) -> Schema:
    about, schema = known[name]
    return {
        "name": name,
        "in": where,
        "description": about,
        "schema": schema,
        **({"required": True} if required else {}),
        **({"allowEmptyValue": True} if name in ("verbose", "exam_id", "student_name") else {}),
    }
