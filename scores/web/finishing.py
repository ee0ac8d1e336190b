"""What every answer goes through last: its tag, its compression, what it says to browsers.

Rule: handlers say what is so; whatever is the same for all of them is said here, once.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL
from multidict import istr

from scores.web.caching import cached
from scores.web.cors import Cors
from scores.web.fields import fields_of, secure
from scores.web.keys import CORS

__all__ = ["begin_stream", "finish", "finish_read"]

_OK: Final = int(HTTPStatus.OK)
_X_CONTENT_TYPE_OPTIONS: Final = istr("X-Content-Type-Options")


async def finish_read(request: web.Request, response: web.StreamResponse, cors: Cors) -> web.StreamResponse:
    """The answer to a read as it is sent, with its tag, and compressed if its client takes that."""
    if not response.prepared and response.status == _OK and isinstance(response, web.Response):
        response = await cached(request, response)
    return finish(request, response, cors)


def finish(request: web.Request, response: web.StreamResponse, cors: Cors) -> web.StreamResponse:
    """The answer to anything else as it is sent; one that has begun stays as it is."""
    if response.prepared:
        return response
    headers = response.headers
    if _X_CONTENT_TYPE_OPTIONS not in headers or CACHE_CONTROL not in headers:
        secure(headers)
    if cors.on:
        cors.tell(headers, request.headers.get("Origin"))
    return response


def begin_stream(request: web.Request, content_type: str) -> web.StreamResponse:
    """An answer that comes piece by piece, neither kept nor compressed; it has still to be prepared."""
    response = web.StreamResponse(headers=fields_of(content_type))
    request.app[CORS].tell(response.headers, request.headers.get("Origin"))
    return response
