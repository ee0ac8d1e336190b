"""The one table of routes: what is served, by which method, with which query parameters.

Rule: whatever is said about routes anywhere (405 and `Allow`, unknown parameters, documentation) is
made from this table. Every path works with and without a trailing slash; every GET answers HEAD.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import web

from scores.errors import ExpectationFailed, MethodNotAllowed, NotFound
from scores.web import exams, inspectors, service, students
from scores.web.connection import Connection
from scores.web.problems import failure, problem
from scores.web.queries import PAGING, check_target

__all__ = ["ROUTES", "Route", "add_routes"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one resource; the handler's docstring says what it does."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    query: frozenset[str] = frozenset()
    """The query parameters that it knows."""


# A segment is whatever stands between two slashes; `%2F` is part of a segment, not a border.
_STUDENT: Final = "/students/{id:[^/]+}"
_EXAM: Final = "/exams/{number:[^/]+}"
_RESULT: Final = _EXAM + "/results/{id:[^/]+}"
_INSPECTOR: Final = "/inspectors/{uuid:[^/]+}"

ROUTES: Final = (
    Route("GET", "/", service.get_index),
    Route("GET", "/students", students.list_students, PAGING),
    Route("GET", _STUDENT, students.get_student, PAGING | {"exam_id"}),
    Route("DELETE", _STUDENT, students.delete_student),
    Route("GET", "/exams", exams.list_exams, PAGING),
    Route("GET", _EXAM, exams.get_exam, PAGING | {"student_name"}),
    Route("PUT", _RESULT, exams.put_result),
    Route("DELETE", _RESULT, exams.delete_result),
    Route("POST", "/scores", inspectors.post_score),
    Route("GET", "/inspectors", inspectors.list_inspectors, PAGING),
    Route("GET", _INSPECTOR, inspectors.get_inspector),
    Route("DELETE", _INSPECTOR, inspectors.delete_inspector),
    Route("GET", "/livez", service.get_livez, frozenset({"verbose"})),
    Route("GET", "/readyz", service.get_readyz, frozenset({"verbose"})),
    Route("GET", "/feed", service.get_feed),
)


def add_routes(app: web.Application) -> None:
    """Adds every route of the table to the application, and an answer for all that is not in it."""
    for path in dict.fromkeys(route.path for route in ROUTES):
        handler = partial(_answer, _methods(path))
        for variant in dict.fromkeys([path, path.rstrip("/") + "/"]):
            app.router.add_route("*", variant, handler, expect_handler=_expect)
    app.router.add_route("*", "/{rest:.*}", partial(_answer, {}), expect_handler=_expect)


def _methods(path: str) -> dict[str, Route]:
    methods = {route.method: route for route in ROUTES if route.path == path}
    return methods | ({"HEAD": methods["GET"]} if "GET" in methods else {})


async def _answer(methods: Mapping[str, Route], request: web.Request) -> web.StreamResponse:
    if isinstance(request.protocol, Connection):
        request.protocol.begin(request)
    route = methods.get(request.method)
    try:
        if route is None:
            return _no_route(methods, request)
        check_target(request, route.query)
        return await route.handler(request)
    except Exception as exc:
        if isinstance(exc, ConnectionError) and (request.transport is None or request.writer.output_size):
            # The client has gone, or its answer has begun and breaks off.
            raise
        return failure(request, exc)


def _no_route(methods: Mapping[str, Route], request: web.Request) -> web.Response:
    if not methods:
        return problem(NotFound(f"there is nothing at {request.path}"))
    allowed = ", ".join(sorted(methods))
    detail = f"{request.path} does not take {request.method}: it takes {allowed}"
    return problem(MethodNotAllowed(detail), headers={"Allow": allowed})


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Answers `Expect` (RFC 9110, section 10.1.1); aiohttp's own answer to a wrong one is no problem+json."""
    if request.headers["Expect"].lower() != "100-continue":
        return problem(ExpectationFailed("Expect can only be 100-continue"))
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # What was written is no part of the answer: its head is still to come.
    request.writer.output_size = 0
    return None
