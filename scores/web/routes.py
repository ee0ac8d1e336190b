"""The one table of routes: what is served, by which method, with which query parameters.

Rule: whatever is said about routes anywhere (405 and `Allow`, unknown parameters, documentation) is
made from this table. Every path works with and without a trailing slash; every GET answers HEAD.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from scores.config import Config
from scores.errors import ExpectationFailed, MethodNotAllowed, NotFound, OriginRefused, ScoresError
from scores.metrics.layout import Layout
from scores.web import documentation, exams, home, inspectors, live, metrics, service, students
from scores.web.access import Access
from scores.web.caching import READS
from scores.web.connection import Connection
from scores.web.cors import Cors
from scores.web.finishing import finish, finish_read
from scores.web.head import check_head
from scores.web.keys import CONFIG, CORS, GUARD, PENDING
from scores.web.problems import failure, problem
from scores.web.queries import PAGING, check_target

__all__ = ["LAYOUT", "ROUTES", "Route", "add_routes", "served_routes"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one resource; the handler's docstring says what it does."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    query: frozenset[str] = frozenset()
    """The query parameters that it knows."""
    access: Access | None = None
    """What it needs, unless its method says so."""
    always: bool = False
    """Whether it is answered also while there is no room for more reads."""

    needs: Access = field(init=False)
    """What it needs: by its method a read token for GET, a write token for all else."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", self.access or ("read" if self.method == "GET" else "write"))


_SHOWN: Final = 256
"""Characters of an origin that an error repeats."""

# A segment is whatever stands between two slashes; `%2F` is part of a segment, not a border.
_STUDENT: Final = "/students/{id:[^/]+}"
_EXAM: Final = "/exams/{number:[^/]+}"
_RESULT: Final = _EXAM + "/results/{id:[^/]+}"
_INSPECTOR: Final = "/inspectors/{uuid:[^/]+}"

ROUTES: Final = (
    Route("GET", "/", home.get_index, access="open"),
    Route("GET", "/page/{asset:[^/]+}", home.get_page_file, access="open"),
    Route("GET", "/students", students.list_students, PAGING),
    Route("GET", _STUDENT, students.get_student, PAGING | {"exam_id"}),
    Route("DELETE", _STUDENT, students.delete_student),
    Route("GET", "/exams", exams.list_exams, PAGING),
    Route("GET", _EXAM, exams.get_exam, PAGING | {"student_name"}),
    Route("PUT", _RESULT, exams.put_result),
    Route("DELETE", _RESULT, exams.delete_result),
    Route("GET", "/scores", live.get_scores, frozenset({"start"})),
    Route("POST", "/scores", inspectors.post_score),
    Route("GET", "/inspectors", inspectors.list_inspectors, PAGING),
    Route("GET", _INSPECTOR, inspectors.get_inspector),
    Route("DELETE", _INSPECTOR, inspectors.delete_inspector),
    Route("GET", "/livez", service.get_livez, frozenset({"verbose"}), access="open"),
    Route("GET", "/readyz", service.get_readyz, frozenset({"verbose"}), access="open"),
    Route("GET", "/feed", service.get_feed),
    Route("GET", "/metrics", metrics.get_metrics, always=True),
    Route("GET", "/openapi.json", documentation.get_openapi, access="open"),
    Route("GET", "/docs", documentation.get_docs, access="open"),
    Route("GET", "/docs/{file:[^/]+}", documentation.get_docs_file, access="open"),
)

LAYOUT: Final = Layout((route.path, route.method) for route in ROUTES)
"""Where requests are counted: a place for each of these, and for nothing that a client makes up."""


def served_routes(config: Config) -> tuple[Route, ...]:
    """The routes of the table that these settings leave."""
    off = [
        *([] if config.live else [live.get_scores]),
        *([] if config.metrics else [metrics.get_metrics]),
    ]
    return tuple(route for route in ROUTES if route.handler not in off)


def add_routes(app: web.Application) -> None:
    """Adds every route that is served to the application, and an answer for all that is not."""
    served = served_routes(app[CONFIG])
    for path in dict.fromkeys(route.path for route in served):
        methods = _methods(path, served)
        for variant in dict.fromkeys([path, path.rstrip("/") + "/"]):
            _add(app, variant, methods)
    app[service.LINKS] = {
        route.path.strip("/").removesuffix(".json"): route.path
        for route in served
        if route.path != "/" and "{" not in route.path
    }
    _add(app, "/{rest:(?s:.*)}", {})


def _add(app: web.Application, path: str, methods: Mapping[str, Route]) -> None:
    resource = app.router.add_resource(path)
    served = _Resource(LAYOUT.route(resource.canonical), methods, app)
    resource.add_route("*", served.answer, expect_handler=served.expect)


def _methods(path: str, served: Iterable[Route]) -> dict[str, Route]:
    methods = {route.method: route for route in served if route.path == path}
    return methods | ({"HEAD": methods["GET"]} if "GET" in methods else {})


class _Resource:
    """What is at one path; all that does not depend on the request is looked up once."""

    __slots__ = ("_cors", "_guard", "_methods", "_name", "_pending")

    def __init__(self, name: str, methods: Mapping[str, Route], app: web.Application) -> None:
        self._name = name
        """What requests to it are counted as."""
        self._methods = methods
        self._guard, self._cors, self._pending = app[GUARD], app[CORS], app[PENDING]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answers a request, whatever becomes of it."""
        self._begin(request)
        route = self._methods.get(request.method)
        try:
            check_head(request)
            if route is None:
                response: web.StreamResponse = self._no_route(request)
            else:
                self._check_access(request, route)
                check_target(request, route.query)
                response = await route.handler(request)
        except Exception as exc:
            begun = request.writer.output_size > 0
            if isinstance(exc, ConnectionError) and (request.transport is None or begun):
                # The client has gone, or its answer has begun and breaks off.
                raise
            response = failure(request, exc)
            if begun:
                raise ConnectionAbortedError("an answer is under way, another cannot begin") from exc
        if request.method in READS:
            return await finish_read(request, response, self._cors)
        return finish(request, response, self._cors)

    async def expect(self, request: web.Request) -> web.StreamResponse | None:
        """Answers `Expect` (RFC 9110, section 10.1.1), a wrong one by a problem, as aiohttp does not."""
        if request.headers["Expect"].lower() != "100-continue":
            self._begin(request)
            refused = problem(ExpectationFailed("Expect can only be 100-continue"))
            return finish(request, refused, self._cors)
        route = self._methods.get(request.method)
        if route is not None:
            try:
                self._check_access(request, route)
            except ScoresError as exc:
                # Who may not ask need not send.
                self._begin(request)
                return finish(request, problem(exc), self._cors)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written is no part of the answer: its head is still to come.
        request.writer.output_size = 0
        return None

    def _begin(self, request: web.Request) -> None:
        if isinstance(request.protocol, Connection):
            request.protocol.begin(request, self._name)

    def _check_access(self, request: web.Request, route: Route) -> None:
        """Raises `AccessDenied` for who may not ask, `Overloaded` for a read without room to answer."""
        needs = route.needs
        if self._guard.guards(needs):
            self._guard.check(needs, request.headers.getall("Authorization", ()))
        if needs == "read" and not route.always:
            self._pending.check()

    def _no_route(self, request: web.Request) -> web.Response:
        if not self._methods:
            return problem(NotFound(f"there is nothing at {request.path}"))
        if (
            self._cors.on
            and request.method == "OPTIONS"
            and "Access-Control-Request-Method" in request.headers
        ):
            return _preflight(self._cors, self._methods, request)
        allowed = ", ".join(sorted(self._methods))
        detail = f"{request.path} does not take {request.method}: it takes {allowed}"
        return problem(MethodNotAllowed(detail), headers={"Allow": allowed})


def _preflight(cors: Cors, methods: Mapping[str, Route], request: web.Request) -> web.Response:
    """Answers what a browser asks before a page of another origin sends (Fetch standard, section 3.3.2)."""
    origin = request.headers.get("Origin")
    if not cors.allows(origin):
        return problem(
            OriginRefused(f"SCORES_CORS_ORIGINS does not name the origin {(origin or '')[:_SHOWN]!a}")
        )
    response = web.Response(status=204)
    cors.permit(response.headers, methods)
    return response
