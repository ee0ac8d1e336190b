"""Every error as `application/problem+json` (RFC 9457).

Rule: this is the one place that turns errors into HTTP. What is ours says its own sentence; what
aiohttp raises is given one; anything else is logged whole, and the client is told only that it failed.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from scores.config import Config
from scores.errors import (
    AccessDenied,
    BadRequest,
    Draining,
    HeadTooLarge,
    InvalidInput,
    InvalidQuery,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    ScoresError,
    StoreError,
)
from scores.web.fields import fields_of

__all__ = [
    "CONTENT_TYPE",
    "TYPE",
    "Problem",
    "answer_failure",
    "document",
    "failure",
    "problem",
    "raw_problem",
    "refusal",
]

CONTENT_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:problem-type:scores:"
"""What the `type` of every problem begins with; an error's stable `code` follows."""

RETRY_AFTER: Final = 1
"""Seconds that a 503, or a 409, asks to wait."""

_LATER: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT})

log = logging.getLogger(__name__)


class Problem(web.Response):
    """An answer that says what went wrong."""

    code = ScoresError.code
    """The error's."""


def problem(error: ScoresError, headers: Mapping[str, str] | None = None) -> Problem:
    """The answer to a request that ended in this error."""
    fields = fields_of(CONTENT_TYPE)
    fields.update(headers or {})
    if error.status in _LATER:
        fields["Retry-After"] = str(RETRY_AFTER)
    if isinstance(error, AccessDenied):
        fields["WWW-Authenticate"] = error.challenge
    response = Problem(status=error.status, body=orjson.dumps(document(error)), headers=fields)
    response.code = error.code
    return response


def raw_problem(error: ScoresError) -> bytes:
    """The same as bytes, for a connection that is closed before it has a request to answer."""
    body = orjson.dumps(document(error))
    head = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        *(f"{name}: {value}" for name, value in fields_of(CONTENT_TYPE).items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        head.append(f"Retry-After: {RETRY_AFTER}")
    return "\r\n".join([*head, "", ""]).encode("ascii") + body


def failure(request: web.BaseRequest, exc: Exception) -> web.Response:
    """The answer to a request whose handler raised this."""
    if isinstance(exc, web.HTTPException):
        return _from_aiohttp(request, exc)
    return answer_failure(exc, request.method, request.path)


def answer_failure(exc: Exception, method: str, path: str) -> web.Response:
    """The answer to a request that this exception ended; what is a fault of the server is logged whole."""
    if isinstance(exc, ScoresError):
        if exc.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(
            exc, (StoreError, Overloaded, Draining)
        ):
            log.error("%s %s failed", method, path, exc_info=exc)
        return problem(exc)
    log.error("%s %s failed", method, path, exc_info=exc)
    return problem(ScoresError("the server failed to answer; the reason is in its log"))


def _from_aiohttp(request: web.BaseRequest, exc: web.HTTPException) -> web.Response:
    if isinstance(exc, web.HTTPRequestEntityTooLarge):
        return problem(PayloadTooLarge(f"the body is larger than {request.client_max_size} bytes"))
    if isinstance(exc, web.HTTPNotFound):
        return problem(NotFound(f"there is nothing at {request.path}"))
    # Any other is only its status: "about:blank" says so (RFC 9457, section 4.2.1).
    members = {"type": "about:blank", "title": exc.reason, "status": exc.status}
    return web.Response(status=exc.status, body=orjson.dumps(members), headers=fields_of(CONTENT_TYPE))


def document(error: ScoresError) -> dict[str, object]:
    """The members of a problem object (RFC 9457, section 3.1)."""
    members: dict[str, object] = {
        "type": TYPE + error.code,
        "title": error.code.replace("-", " ").capitalize().replace("json", "JSON"),
        "status": error.status,
        "detail": str(error),
    }
    if isinstance(error, InvalidInput):
        where = "parameter" if isinstance(error, InvalidQuery) else "pointer"
        members["errors"] = [{where: fault.where, "detail": fault.detail} for fault in error.faults]
    return members


def refusal(config: Config, exc: BadHttpMessage) -> ScoresError:
    """What is said of a head that aiohttp's parser refused."""
    # aiohttp tells the second of these only by its text; the parser test holds it to that.
    if isinstance(exc, LineTooLong):
        return HeadTooLarge(f"the request line or a header field is longer than {config.max_header} bytes")
    if "Too many headers" in exc.message:
        return HeadTooLarge(f"the request has more than {config.max_headers} header fields")
    return BadRequest("the request cannot be read: " + exc.message.splitlines()[0].rstrip(":"))
