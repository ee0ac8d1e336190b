"""`/openapi.json`, and `/docs`: the same for people, with Swagger UI.

Rule: the page loads its own files and nothing else, and no script stands in it; its policy says so to the
browser (CSP level 3), which holds it to that.
"""

from typing import Final

from aiohttp import web

from scores.errors import NotFound
from scores.web.caching import Static, respond_static
from scores.web.files import packaged

__all__ = ["FILES", "OPENAPI", "get_docs", "get_docs_file", "get_openapi"]

OPENAPI: Final = web.AppKey("openapi", Static)
"""The API's description."""

FILES: Final = {
    "docs.css": "docs/docs.css",
    "docs.js": "docs/docs.js",
    "swagger-ui.css": "swagger-ui/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
}
"""The files of the page, and where each is."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


async def get_openapi(request: web.Request) -> web.Response:
    """The API, described for programs."""
    return respond_static(request, request.app[OPENAPI])


async def get_docs(request: web.Request) -> web.Response:
    """The API, described for people, who can try it there."""
    return respond_static(request, await packaged("docs/index.html", policy=_POLICY))


async def get_docs_file(request: web.Request) -> web.Response:
    """A file of that page."""
    name = request.match_info["file"]
    if name not in FILES:
        raise NotFound(f"there is no file {name!a}")
    return respond_static(request, await packaged(FILES[name]))
