"""Answers as bytes: what aiohttp would write, without aiohttp.

Rule: byte for byte the same, `Date` and `Server` included; the tests compare every answer of the lane.
"""

from time import time
from typing import Final

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

from scores.web.bodies import JSON
from scores.web.express.framing import END_OF_HEAD

__all__ = ["Answers", "closing", "status_of"]

_STATUS: Final = slice(9, 12)
"""Where RFC 9112, section 4, puts it."""

_MAX_LENGTHS: Final = 4096


class Answers:
    """Writes answers; what they have in common within a second is written once."""

    def __init__(self) -> None:
        self._from = self._until = 0
        self._end = b""
        self._heads: dict[int, bytes] = {}

    def document(self, body: bytes) -> bytes:
        """The 200 with this JSON document."""
        now = time()
        if not self._from <= now < self._until:
            self._begin(int(now))
        length = len(body)
        head = self._heads.get(length)
        return (self._head(length) if head is None else head) + body

    def whole(self, response: web.Response) -> bytes:
        """The answer that this response is, in which nothing is left to aiohttp but `Date` and `Server`."""
        now = time()
        if not self._from <= now < self._until:
            self._begin(int(now))
        body = response.body
        if not isinstance(body, bytes):
            raise TypeError(f"a body of bytes was expected, not {type(body).__name__}")
        fields = {**response.headers, "Content-Length": len(body)}
        lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{k}: {v}" for k, v in fields.items())]
        return "\r\n".join(lines).encode() + self._end + body

    def _begin(self, second: int) -> None:
        self._from, self._until = second, second + 1
        self._end = f"\r\nDate: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n".encode(
            "ascii"
        )
        self._heads.clear()

    def _head(self, length: int) -> bytes:
        start = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: {length}"
        head = start.encode("ascii") + self._end
        if len(self._heads) < _MAX_LENGTHS:
            self._heads[length] = head
        return head


def closing(answer: bytes) -> bytes:
    """The same answer, as the last of its connection."""
    return answer.replace(END_OF_HEAD, b"\r\nConnection: close" + END_OF_HEAD, 1)


def status_of(answer: bytes) -> int:
    """Its status."""
    return int(answer[_STATUS])
