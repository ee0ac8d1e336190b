"""Which request a log line belongs to: W3C Trace Context, level 1.

Rule: a `traceparent` that is valid is gone on with, by a span of our own; any other is as if none had
come. What is random is made when somebody asks for it, so a request that nobody logs costs nothing.
"""

import re
from contextvars import ContextVar
from random import SystemRandom
from typing import Final

__all__ = ["TRACEPARENT", "Trace", "current"]

TRACEPARENT: Final = "traceparent"

# Section 3.2.2: version 00 ends here; what a later one adds stands after another dash.
_FORM: Final = re.compile(
    "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)

_random: Final = SystemRandom()


class Trace:
    """One request among those that it belongs with."""

    __slots__ = ("_ids", "_parents")

    def __init__(self, *parents: str) -> None:
        """`parents` are the values of the request's fields `traceparent`: one, if it is to count."""
        self._parents = parents
        self._ids: tuple[str, str, str | None] | None = None

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, the same for all requests that one thing has caused."""
        return self._known()[0]

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits, this request's own."""
        return self._known()[1]

    @property
    def parent_id(self) -> str | None:
        """The span that has caused this request, if its client said so."""
        return self._known()[2]

    def _known(self) -> tuple[str, str, str | None]:
        if self._ids is None:
            match = _FORM.fullmatch(self._parents[0].strip()) if len(self._parents) == 1 else None
            if match is None or (match[1] == "00" and match[4] is not None):
                self._ids = _identifier(128), _identifier(64), None
            else:
                self._ids = match[2], _identifier(64), match[3]
        return self._ids


def _identifier(bits: int) -> str:
    """That many random bits in hexadecimal, not all of them 0."""
    return f"{_random.randrange(1, 1 << bits):0{bits // 4}x}"


current: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
"""The request that is being answered, where one is."""
