"""Request bodies in, JSON out.

Rule: a body is refused as early as it can be: by its declared type, by its declared length, while it
comes in (size, time), and last by what it says.
"""

import asyncio
from typing import Final

import orjson
from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TYPE

from scores.errors import (
    BadRequest,
    Fault,
    MalformedJSON,
    Overloaded,
    PayloadTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)
from scores.web.fields import fields_of
from scores.web.inflation import inflate
from scores.web.keys import CONFIG, PENDING

__all__ = ["JSON", "check_coding", "decode", "read_json", "respond"]

JSON: Final = "application/json"
_FIELDS: Final = fields_of(JSON)
_CODINGS: Final = frozenset({"identity", "gzip", "deflate"})
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def respond(data: object, *, status: int = 200) -> web.Response:
    """The answer with this document, as JSON in UTF-8 (RFC 8259, section 8.1)."""
    return web.Response(status=status, body=orjson.dumps(data), headers=_FIELDS)


async def read_json(request: web.Request) -> object:
    """The request's body as a JSON decoder reads it.

    Raises `UnsupportedMediaType`, `PayloadTooLarge`, `RequestTimeout`, `BadRequest` for a body that
    breaks off or does not decompress, `Overloaded`, and `MalformedJSON`.
    """
    coding = None
    # Most send just this, and are spared the parser of media types.
    if request.headers.get(CONTENT_TYPE) != JSON or CONTENT_ENCODING in request.headers:
        if request.content_type != JSON:
            raise UnsupportedMediaType(f"the body must be JSON: send the header Content-Type: {JSON}")
        coding = check_coding(request, JSON)
    try:
        # What is here already needs no timer, and no loop that waits for more.
        body = _received(request) if request.content.is_eof() else await _receive(request)
        return decode(inflate(body, coding, limit=request.app[CONFIG].max_body) if coding else body)
    except web.RequestPayloadError as exc:
        reason = str(exc).splitlines()[-1].strip()
        raise BadRequest(f"the body is not what its headers say: {reason}") from exc
    except MemoryError as exc:
        # Nothing has been begun yet, and what was read of it is given back by now.
        raise Overloaded("the server has no memory left for the body") from exc


def check_coding(request: web.Request, content_type: str) -> str:
    """The body's `Content-Encoding`; raises `UnsupportedMediaType` unless that and the charset are taken."""
    if (request.charset or "utf-8").lower() not in _CHARSETS:
        raise UnsupportedMediaType(f"the body must be in UTF-8: send the header Content-Type: {content_type}")
    coding = ",".join(request.headers.getall("Content-Encoding", ["identity"])).lower()
    if coding not in _CODINGS:
        raise UnsupportedMediaType("the body's Content-Encoding can be gzip or deflate, or must be left out")
    return coding


def decode(body: bytes) -> object:
    """What a JSON decoder makes of a body that is all there; raises `MalformedJSON`."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise MalformedJSON(Fault("", _what_is_wrong(body, exc))) from exc


def _what_is_wrong(body: bytes, exc: orjson.JSONDecodeError) -> str:
    if not body:
        return "the body is empty: send a JSON object"
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        # RFC 8259, section 8.1. The decoder's own words are about strings that its caller made.
        return f"the body is not UTF-8: byte {wrong.start + 1} is 0x{body[wrong.start]:02X}"
    return f"the body is not JSON: {exc}"


def _received(request: web.Request) -> bytes:
    body: bytes = request.content.read_nowait()
    if len(body) > request.client_max_size:
        raise PayloadTooLarge(f"the body is larger than {request.client_max_size} bytes")
    return body


async def _receive(request: web.Request) -> bytes:
    config = request.app[CONFIG]
    if (request.content_length or 0) > config.max_body:
        raise PayloadTooLarge(f"the body is larger than {config.max_body} bytes")
    size = config.max_body if request.content_length is None else request.content_length
    try:
        with request.app[PENDING].reserve(size):
            async with asyncio.timeout(config.body_timeout):
                return await request.read()
    except TimeoutError as exc:
        raise RequestTimeout(f"the body did not arrive within {config.body_timeout:g} s") from exc
