"""`/`: a page for people, made of the files at `/page`; for programs, the list of resources.

Rule: which of the two is what the client prefers (RFC 9110, section 12.5.1); a program need not say so. The
page loads its own files and asks its own server, and its policy holds the browser to that: no script stands
in it, and no text can become one (CSP level 3; Trusted Types).
"""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from scores.errors import NotFound
from scores.web.accept import weight
from scores.web.bodies import JSON, respond
from scores.web.caching import cached, respond_static
from scores.web.files import packaged
from scores.web.service import LINKS

__all__ = ["FILES", "get_index", "get_page_file"]

_MODULES: Final = (
    "api", "chart", "decoder", "distribution", "dom", "events", "exact", "exam", "exams", "feed", "figures",
    "form", "inspector", "inspectors", "latest", "listing", "live", "main", "notice", "overview", "pager",
    "place", "rate", "refresh", "router", "search", "signs", "stream", "student", "students", "token",
)  # fmt: skip

FILES: Final = {
    "page.css": "page/page.css",
    "icon.svg": "page/icon.svg",
    **{f"{name}.js": f"page/{name}.js" for name in _MODULES},
    "uPlot.min.css": "uplot/uPlot.min.css",
    "uPlot.iife.min.js": "uplot/uPlot.iife.min.js",
}
"""The files of the page, and where each is."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_HTML: Final = "text/html"
_LINK: Final = '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"'
"""Where the API is described: RFC 8631, section 4."""


async def get_index(request: web.Request) -> web.Response:
    """The resources, with their links; for who prefers HTML, as a browser does, a live page."""
    accepted = request.headers.getall("Accept", ())
    if weight(accepted, _HTML) > weight(accepted, JSON):
        response = respond_static(request, await packaged("page/index.html", policy=_POLICY))
    else:
        response = await cached(request, respond(request.app[LINKS]))
    response.headers["Vary"] = "Accept, Accept-Encoding"
    if response.status == HTTPStatus.OK:
        response.headers["Link"] = _LINK
    return response


async def get_page_file(request: web.Request) -> web.Response:
    """A file of that page."""
    name = request.match_info["asset"]
    if name not in FILES:
        raise NotFound(f"there is no file {name!a}")
    return respond_static(request, await packaged(FILES[name]))
