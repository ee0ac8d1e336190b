"""Request bodies that come compressed: gzip and deflate (RFC 9110, section 8.4.1).

aiohttp would inflate too, but takes a gzip stream without its end for whole, and answers codings that it
lacks a library for by naming that library. Rule: little at a time, whatever a few bytes become.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from scores.errors import BadRequest, PayloadTooLarge

__all__ = ["Inflation", "inflate"]

PART: Final = 65_536
"""Most bytes that are inflated at once."""

_SLICE: Final = 4096
"""Bytes looked at together: what follows a stream's end is copied, and may be streams of a few bytes."""

_GZIP: Final = zlib.MAX_WBITS | 16
_WRAPPED: Final = zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS

_METHOD: Final = 0x0F
_DEFLATE: Final = 0x08
"""Of the first byte of a stream with zlib's wrapping (RFC 1950, section 2.2), which some leave out."""


class Inflation:
    """Inflates one body that comes in pieces; streams may follow one another (RFC 1952, section 2.2)."""

    def __init__(self, coding: str) -> None:
        """`coding` is gzip, deflate or identity, in any case."""
        self._coding = coding.lower()
        self._stream: zlib._Decompress | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What the piece becomes, in parts of at most `PART` bytes; raises `BadRequest`."""
        if self._coding == "identity":
            yield piece
            return
        try:
            for at in range(0, len(piece), _SLICE):
                yield from self._inflate(piece[at : at + _SLICE])
        except zlib.error as exc:
            raise BadRequest(f"the body is not what its headers say: it is no {self._coding}") from exc

    def end(self) -> None:
        """Raises `BadRequest` if a stream has begun and not ended."""
        if self._stream is not None:
            raise BadRequest(f"the body is not what its headers say: its {self._coding} stream breaks off")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        part = b""
        while data or len(part) == PART:
            stream = self._stream = self._stream or self._begin(data)
            part = stream.decompress(data, PART)
            data = stream.unconsumed_tail
            if stream.eof:
                data, self._stream = stream.unused_data, None
            if part:
                yield part
            if stream.eof:
                part = b""

    def _begin(self, data: bytes) -> "zlib._Decompress":
        if self._coding == "gzip":
            return zlib.decompressobj(_GZIP)
        return zlib.decompressobj(_WRAPPED if data[0] & _METHOD == _DEFLATE else _BARE)


def inflate(body: bytes, coding: str, *, limit: int) -> bytes:
    """The whole body inflated; raises `BadRequest`, and `PayloadTooLarge` above `limit` bytes."""
    inflation, inflated = Inflation(coding), bytearray()
    for part in inflation.feed(body):
        inflated += part
        if len(inflated) > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes, inflated")
    inflation.end()
    return bytes(inflated)
