"""Newline-delimited JSON: bytes in, lines out; lines in, scores and errors out. No I/O.

Rule: each line is taken as if it had come alone. What is decided for many lines at once, because that is
faster, is decided so only where it cannot differ.
"""

from collections.abc import Sequence
from typing import Final, TypeGuard, TypeVar

import orjson

from scores.errors import InvalidInput, PayloadTooLarge, ScoresError
from scores.models import Score, parse_score, parse_scores, plain_scores
from scores.web.bodies import decode

__all__ = ["Line", "Lines", "are_all", "read_plain", "read_scores"]

T = TypeVar("T")

Line = bytes | PayloadTooLarge
"""A line without its end (no LF is in it), or what is said of one that is too long, which is not kept."""

_LF: Final = b"\n"
_CR: Final = b"\r"
_NOT_BRACES: Final = bytes(byte for byte in range(256) if byte not in b"{}")


class Lines:
    """Cuts bytes that come in pieces into lines, which end with LF or CRLF."""

    def __init__(self, limit: int) -> None:
        """`limit` is the most bytes of a line, without its end."""
        self._limit = limit
        self._begun = bytearray()
        self._too_long = False

    def feed(self, piece: bytes) -> list[Line]:
        """The lines that end in this piece."""
        lines = piece.split(_LF)
        begun = lines.pop()
        ended = self._check(self._finish(lines, piece)) if lines else []
        self._begin(begun)
        return ended

    def end(self) -> list[Line]:
        """The last line, if it lacks its end; none otherwise."""
        begun = bytes(self._begun)
        return self._check([begun]) if begun or self._too_long else []

    def _begin(self, part: bytes) -> None:
        """Keeps a part of a line whose end is still to come, unless that line is too long."""
        # One byte more may be the CR of its end.
        if len(self._begun) + len(part) > self._limit + 1:
            self._too_long = True
            self._begun.clear()
        elif not self._too_long:
            self._begun += part

    def _finish(self, lines: list[bytes], piece: bytes) -> list[bytes]:
        """The lines that end in the piece, of which the first began earlier."""
        has_cr = _CR in piece or self._begun.endswith(_CR)
        if self._begun:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        return [line.removesuffix(_CR) for line in lines] if has_cr else lines

    def _check(self, lines: Sequence[bytes]) -> list[Line]:
        """The lines, with an error in place of each that is too long."""
        too_long, self._too_long = self._too_long, False
        checked: list[Line] = list(lines)
        if max(map(len, lines)) > self._limit or too_long:
            error = PayloadTooLarge(f"the line is longer than {self._limit} bytes")
            checked = [error if len(line) > self._limit else line for line in lines]
            if too_long:
                checked[0] = error
        return checked


def read_scores(lines: Sequence[Line]) -> list[Score | ScoresError]:
    """The score that each line states, or what is wrong with that line."""
    values = _decode_together(lines) if are_all(lines, bytes) else None
    return [_read(line) for line in lines] if values is None else [*parse_scores(values)]


def read_plain(lines: Sequence[Line]) -> tuple[list[str], list[int]] | None:
    """The UUIDs and the scores that the lines state, if each states one in the usual way; None otherwise."""
    values = _decode_together(lines) if are_all(lines, bytes) else None
    return None if values is None else plain_scores(values)


def are_all(items: Sequence[object], kind: type[T]) -> TypeGuard[Sequence[T]]:
    """Whether each of the items is of exactly this type."""
    return {*map(type, items)} == {kind}


def _read(line: Line) -> Score | ScoresError:
    if isinstance(line, PayloadTooLarge):
        return line
    return _read_alone(line) if line else _EMPTY


def _read_alone(line: bytes) -> Score | ScoresError:
    try:
        return parse_score(decode(line))
    except InvalidInput as exc:
        # Tracebacks hold frames, and these the batch: it would stay until the cyclic collector comes.
        exc.__cause__ = exc.__context__ = None
        return exc.with_traceback(None)


# Made once: a few compressed bytes can be a million empty lines.
_EMPTY: Final = _read_alone(b"")


def _decode_together(lines: Sequence[bytes]) -> list[object] | None:
    """The value of each line, if all are JSON objects with nothing nested; None when that is not certain."""
    text = b"[%b]" % b",\n".join(lines)
    # No line has an LF within it and no JSON string may, so no string reaches from one line into the next.
    # Each line begins with the only `{` that it has and ends with its only `}`, which closes nothing else:
    # an array that is open there would be closed by the wrong bracket. So what decodes, decodes line by line.
    if not (
        text.startswith(b"[{")
        and text.endswith(b"}]")
        and text.count(b"},\n{") == len(lines) - 1
        and text.translate(None, _NOT_BRACES) == b"{}" * len(lines)
    ):
        return None
    try:
        values: list[object] = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return values
