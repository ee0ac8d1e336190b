"""The whole document (OpenAPI 3.1.1), from the table of routes.

Rule: the same routes give the same bytes, whatever the settings and whenever it is made.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, Protocol

import orjson
from aiohttp import web

import scores
from scores.web.bodies import JSON
from scores.web.caching import Static
from scores.web.openapi.errors import ACCESS, ERRORS, EVERYWHERE, responses_of
from scores.web.openapi.examples import add_examples
from scores.web.openapi.headers import HEADERS, ON_ALL, ON_ERRORS, ON_READS
from scores.web.openapi.operations import IF_CHANGED, NOT_MODIFIED, OPERATIONS, Answer, Operation
from scores.web.openapi.parameters import (
    header_parameter,
    path_parameters,
    query_parameters,
    template,
)
from scores.web.openapi.schemas import SCHEMAS, Schema

__all__ = ["Served", "described", "document", "printed"]


class Served(Protocol):
    """What the document has to know of a route."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def handler(self) -> Callable[[web.Request], Awaitable[web.StreamResponse]]: ...

    @property
    def query(self) -> frozenset[str]: ...


_ABOUT: Final = """\
Results of students in exams come from a feed, or by `PUT`; scores of inspectors by `POST`. Every average
and every mean is the double nearest to the true one.

Paths work with and without a trailing slash, and every `GET` answers `HEAD`; another method is a 405, whose
`Allow` names those there are. A listing comes in pages: follow `next` until it is null. A query parameter
that is not known is an error."""

_TAGS: Final = {
    "students": "Students, with their results in all exams.",
    "exams": "Exams, with the results of all students.",
    "inspectors": "Inspectors, with the running mean of their scores.",
    "live": "What is recorded, as it happens.",
    "service": "What the server says of itself.",
    "documentation": "What you are reading.",
}

_UNKNOWN: Final = Operation(tag="service", answers={200: Answer("Success.", {})})


@cache
def described(routes: tuple[Served, ...]) -> Static:
    """The document as it is served: made once."""
    return Static.of(printed(routes), JSON)


def printed(routes: Iterable[Served]) -> bytes:
    """The document as JSON, for people and programs to read."""
    return orjson.dumps(document(routes), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def document(routes: Iterable[Served]) -> dict[str, Any]:
    """The description of these routes."""
    responses: dict[str, Schema] = {}
    paths: dict[str, dict[str, Schema]] = {}
    for route in routes:
        path = template(route.path)
        known = OPERATIONS.get((route.method, path), _UNKNOWN)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, known, responses)
    whole = {
        "openapi": "3.1.1",
        "info": {
            "title": "scores",
            "summary": "A real-time score aggregation server with exact averages.",
            "description": _ABOUT,
            "version": scores.__version__,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": paths,
        "components": _components(paths, responses),
    }
    add_examples(whole)
    return whole


def _components(paths: Mapping[str, object], responses: Mapping[str, Schema]) -> Schema:
    referring = orjson.dumps([paths, responses]).decode()
    components: Schema = {
        "schemas": dict(SCHEMAS),
        "responses": dict(sorted(responses.items())),
        "headers": {name: HEADERS[name] for name in HEADERS if f'/headers/{name}"' in referring},
    }
    if ACCESS & ERRORS.keys():
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return components


def _operation(route: Served, known: Operation, responses: dict[str, Schema]) -> Schema:
    """The operation; what it shares with others is added to the responses."""
    said = " ".join((route.handler.__doc__ or "").split()).removesuffix(".")
    parameters = [
        *path_parameters(route.path),
        *query_parameters(route.query),
        *map(header_parameter, known.headers + _if_changed(route, known)),
    ]
    body = None if known.body is None else {"required": True, "content": _content(known.body)}
    members: dict[str, object] = {
        "tags": [known.tag],
        "operationId": _camel(getattr(route.handler, "__name__", "")),
        "summary": said,
        "description": known.more,
        "parameters": parameters,
        "requestBody": body,
        "responses": _responses(route, known, responses),
        "security": [{"token": []}, {}] if _is_guarded(route) else None,
    }
    return {name: value for name, value in members.items() if value}


def _is_guarded(route: Served) -> bool:
    """Whether a server that has tokens wants one here."""
    return bool(ACCESS & ERRORS.keys()) and getattr(route, "needs", "open") != "open"


def _if_changed(route: Served, known: Operation) -> tuple[str, ...]:
    """The field that asks for an answer only if it has changed, where nothing says so already."""
    kept = route.method == "GET" and known.kept and IF_CHANGED not in known.headers
    return (IF_CHANGED,) if kept else ()


def _responses(route: Served, known: Operation, responses: dict[str, Schema]) -> Schema:
    answers = dict(known.answers)
    if _if_changed(route, known):
        answers[304] = Answer(NOT_MODIFIED, {})
    more = (*ON_ALL, *(ON_READS if route.method == "GET" and known.kept else ()))
    own = {str(status): _answer(answer, more) for status, answer in answers.items()}
    failing = responses_of(EVERYWHERE | known.errors | (ACCESS if _is_guarded(route) else frozenset()))
    for status, (name, response) in failing.items():
        responses[name] = {**_headers((*ON_ALL, *ON_ERRORS.get(int(status), ()))), **response}
    shared = {status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in failing.items()}
    return {**own, **shared}


def _answer(answer: Answer, more: tuple[str, ...]) -> Schema:
    content = {"content": _content(answer.content)} if answer.content else {}
    return {"description": answer.about, **_headers((*answer.headers, *more)), **content}


def _content(media: Mapping[str, Schema]) -> Schema:
    # Of its own: examples are added to it.
    return {kind: dict(one) for kind, one in media.items()}


def _headers(names: Iterable[str]) -> Schema:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(names)}
    return {"headers": headers} if headers else {}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
