"""Answers that can be kept: their tags, and what is said to who has one already (RFC 9110, sections 8.8, 13).

Rule: a tag is made of the content, so it is the same on every worker and after a restart; it is strong,
and a compressed answer has another (section 8.8.3.3).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from scores.models import Inspector
from scores.web.bodies import respond
from scores.web.compression import compress, compress_in_turns, threshold
from scores.web.fields import NO_CACHE, POLICY, fields_of

__all__ = [
    "READS",
    "Static",
    "cached",
    "inspector_tag",
    "mark",
    "respond_static",
    "respond_tagged",
    "tag_of",
    "tagged",
]

READS: Final = frozenset({"GET", "HEAD"})

_VARY: Final = "Accept-Encoding"
_TAG_BYTES: Final = 12

# RFC 9110, section 8.8.3; in a comparison that is weak, what is weak about a tag does not count.
_OPAQUE: Final = re.compile('"[\x21\x23-\x7e\x80-\U0010ffff]*"')

_ABOUT_A_BODY: Final = ("Content-Type", "Content-Encoding", "Content-Length", "Link")
"""What an answer without its body has no use for (section 15.4.5)."""


def tag_of(body: bytes) -> str:
    """The tag of a document with these bytes."""
    return f'"{blake2b(body, digest_size=_TAG_BYTES).hexdigest()}"'


def inspector_tag(inspector: Inspector) -> str:
    """The tag of what `/inspectors/{UUID}` says: all that is in it, and not in its address.

    The 1 is for the document's form: it changes with that.
    """
    return f'"1.{inspector.count}.{inspector.total}"'


def tagged(fields: CIMultiDict[str], tag: str) -> CIMultiDict[str]:
    """The fields with what is said of a document that has this tag."""
    fields["Cache-Control"] = NO_CACHE
    fields["ETag"] = tag
    return fields


def mark(fields: CIMultiDict[str], tag: str, *, compressed: bool) -> CIMultiDict[str]:
    """The same for a document that may be compressed, and is or is not; `tag` is that of the plain one."""
    tagged(fields, f'{tag[:-1]}-gzip"' if compressed else tag)
    fields["Vary"] = _VARY
    if compressed:
        fields["Content-Encoding"] = "gzip"
    return fields


def respond_tagged(request: web.Request, tag: str, make: Callable[[], object]) -> web.Response:
    """The answer with this tag: the small document that `make` gives, unless the client has it already.

    It is never compressed.
    """
    if _has(request, tag):
        return _not_modified(tagged(CIMultiDict(), tag))
    response = respond(make())
    tagged(response.headers, tag)
    return response


async def cached(request: web.Request, response: web.Response) -> web.Response:
    """The response with its tag, compressed if the client takes that; 304 if the client has it already."""
    body = response.body
    if "ETag" in response.headers or not isinstance(body, bytes):
        return response
    compressed = _takes_gzip(request, body)
    mark(response.headers, tag_of(body), compressed=compressed)
    if _has(request, response.headers["ETag"]):
        return _not_modified(response.headers)
    if compressed:
        response.body = await compress_in_turns(body)
    return response


@dataclass(frozen=True, slots=True)
class Static:
    """A document that does not change while the server runs: tagged and compressed once."""

    body: bytes
    compressed: bytes
    tag: str
    content_type: str
    policy: str

    @classmethod
    def of(cls, body: bytes, content_type: str, *, policy: str = POLICY) -> "Static":
        """The document with these bytes; `policy` is its `Content-Security-Policy`."""
        return cls(body, compress(body), tag_of(body), content_type, policy)


def respond_static(request: web.Request, document: Static) -> web.Response:
    """The answer with this document, or 304 if the client has it already."""
    fields = fields_of(document.content_type, policy=document.policy)
    compressed = _takes_gzip(request, document.body)
    fields = mark(fields, document.tag, compressed=compressed)
    if _has(request, fields["ETag"]):
        return _not_modified(fields)
    return web.Response(headers=fields, body=document.compressed if compressed else document.body)


def _takes_gzip(request: web.Request, body: bytes) -> bool:
    limit = threshold(request.headers.getall("Accept-Encoding", ()))
    return limit is not None and len(body) > limit


def _has(request: web.Request, tag: str) -> bool:
    """Whether `If-None-Match` names this tag (section 13.1.2)."""
    known = request.headers.getall("If-None-Match", ())
    return bool(known) and _names(known, tag)


def _names(known: Iterable[str], tag: str) -> bool:
    text = ",".join(known)
    return text.strip() == "*" or tag in _OPAQUE.findall(text)


def _not_modified(fields: CIMultiDict[str]) -> web.Response:
    kept = {name: value for name, value in fields.items() if name not in _ABOUT_A_BODY}
    return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)
