"""Answers as bytes: what aiohttp would write, without aiohttp.

Rule: byte for byte the same, `Date` and `Server` included; the tests compare every answer of the lane.
"""

from time import time
from typing import Final

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict

from scores.tracing import Trace
from scores.web.bodies import JSON
from scores.web.caching import mark, tag_of, tagged
from scores.web.compression import AT_ONCE, compress
from scores.web.cors import Cors
from scores.web.express.framing import END_OF_HEAD
from scores.web.fields import fields_of
from scores.web.problems import Problem

__all__ = ["Answers", "Refusal", "closing"]

_MAX_LENGTHS: Final = 4096

_TAG: Final = '%b"'
"""Stands for a tag without its last quote, so that what a compressed answer's has more can follow."""


class Refusal(bytes):
    """An answer that is no success, with what is counted and logged of it."""

    status: int
    code: str
    trace: Trace

    @classmethod
    def of(cls, data: bytes, response: web.Response, trace: Trace) -> "Refusal":
        """These bytes, which say what the response says."""
        refusal = cls(data)
        refusal.status = response.status
        refusal.code = response.code if isinstance(response, Problem) else ""
        refusal.trace = trace
        return refusal


class Answers:
    """Writes answers; what they have in common within a second is written once."""

    def __init__(self, cors: Cors) -> None:
        self._cors = cors
        self._from = self._until = 0
        self._end = b""
        self._heads: dict[int, bytes] = {}
        self._plain = self._start(fields_of(JSON))
        self._tagged = self._start(tagged(fields_of(JSON), _TAG))
        self._page = self._start(mark(fields_of(JSON), _TAG, compressed=False))
        self._compressed = self._start(mark(fields_of(JSON), _TAG, compressed=True))

    def document(self, body: bytes) -> bytes:
        """The 200 with this JSON document, which answers a write."""
        now = time()
        if not self._from <= now < self._until:
            self._begin(int(now))
        length = len(body)
        head = self._heads.get(length)
        return (self._head(length) if head is None else head) + body

    def tagged(self, body: bytes, tag: str) -> bytes:
        """The 200 with this small JSON document, which has this tag."""
        return self._whole(self._tagged % tag[:-1].encode("ascii"), body)

    def page(self, body: bytes, limit: int | None) -> bytes | None:
        """The 200 with this JSON document, compressed above so many bytes; None if that would take long."""
        tag = tag_of(body)[:-1].encode("ascii")
        if limit is None or len(body) <= limit:
            return self._whole(self._page % tag, body)
        if len(body) > AT_ONCE:
            return None
        return self._whole(self._compressed % tag, compress(body))

    def whole(self, response: web.Response, trace: Trace) -> Refusal:
        """The answer that this response is to that request; `Date` and `Server` are added, as by aiohttp."""
        body = response.body
        if not isinstance(body, bytes):
            raise TypeError(f"a body of bytes was expected, not {type(body).__name__}")
        self._cors.tell(response.headers, None)
        lines = [f"HTTP/1.1 {response.status} {response.reason}", *map(": ".join, response.headers.items())]
        return Refusal.of(self._whole("\r\n".join([*lines, ""]).encode(), body), response, trace)

    def _start(self, fields: CIMultiDict[str]) -> bytes:
        """An answer up to its `Content-Length`, the same for whoever asks."""
        self._cors.tell(fields, None)
        return "".join(["HTTP/1.1 200 OK\r\n", *(f"{k}: {v}\r\n" for k, v in fields.items())]).encode("ascii")

    def _whole(self, start: bytes, body: bytes) -> bytes:
        now = time()
        if not self._from <= now < self._until:
            self._begin(int(now))
        return b"%bContent-Length: %d%b%b" % (start, len(body), self._end, body)

    def _begin(self, second: int) -> None:
        self._from, self._until = second, second + 1
        self._end = f"\r\nDate: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n".encode(
            "ascii"
        )
        self._heads.clear()

    def _head(self, length: int) -> bytes:
        head = b"%bContent-Length: %d%b" % (self._plain, length, self._end)
        if len(self._heads) < _MAX_LENGTHS:
            self._heads[length] = head
        return head


def closing(answer: bytes) -> bytes:
    """The same answer, as the last of its connection."""
    return answer.replace(END_OF_HEAD, b"\r\nConnection: close" + END_OF_HEAD, 1)
