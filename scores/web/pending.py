"""How much is held in memory for clients: what has not come whole, answers that are not taken.

Rule: what a body may become is reserved before any of it is read; what does not fit is refused at once.
Answers and heads are counted as they pile up, and whatever comes next is refused. What was said is let go
of when it was answered, and an answer when it was sent: a connection that rests holds neither.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from scores.errors import Overloaded
from scores.web.receipt import Receipt

__all__ = ["Pending", "let_go"]


class Pending:
    """The bytes that one server holds, of so many that it may."""

    __slots__ = ("_limit", "held")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should be begun that may have to be held."""
        return self.held >= self._limit

    def check(self) -> None:
        """Raises `Overloaded` if it is full."""
        if self.full:
            raise self._refusal()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Holds so many bytes within `with`; raises `Overloaded` if they do not fit."""
        if self.held + size > self._limit:
            raise self._refusal()
        self.held += size
        try:
            yield
        finally:
            self.held -= size

    def _refusal(self) -> Overloaded:
        return Overloaded(f"the server holds as much of other requests as it may, {self._limit} bytes")


def let_go(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Drops the bodies of a request and of its written answer, which aiohttp keeps until the next request."""
    request._read_bytes = None  # noqa: SLF001  # no public name lets go of it
    # The first by its name: to ask a class that has a metaclass is dear.
    if isinstance(response, (Receipt, web.Response)):
        response.body = None
